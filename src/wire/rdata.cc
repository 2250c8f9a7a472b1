#include "wire/rdata.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "wire/octet_case.h"
#include "wire/rdata_fields.h"

namespace onoma::wire {
namespace {

using detail::field_size;
using detail::kBad;

std::string_view form_of(RRType type) {
  return detail::type_info(type).form;
}

// Calls visit(code, offset, size) for each field; false as soon as one does not fit or octets are left over.
template <class Visit>
bool walk(std::string_view form, ByteView rdata, Visit&& visit) {
  std::size_t at = 0;
  for (const char code : form) {
    const std::size_t size = field_size(code, rdata.subspan(at));
    if (size == kBad) return false;
    visit(code, at, size);
    at += size;
  }
  return at == rdata.size();
}

bool has_lowered_names(std::string_view form) {
  return std::any_of(form.begin(), form.end(), detail::is_lowered_code);
}
bool is_one_lowered_name(std::string_view form) {
  return form.size() == 1 && detail::is_lowered_code(form[0]);
}

bool octets_less(ByteView a, ByteView b) {
  const std::size_t common = std::min(a.size(), b.size());
  const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
  return order != 0 ? order < 0 : a.size() < b.size();
}

}  // namespace

bool rdata_valid(RRType type, ByteView rdata) {
  return walk(form_of(type), rdata, [](char, std::size_t, std::size_t) {});
}

std::expected<Bytes, WireError> read_rdata(ByteView message, std::size_t offset, std::size_t size,
                                           RRType type) {
  if (offset > message.size() || size > message.size() - offset) return std::unexpected(WireError::truncated);
  const std::string_view form = form_of(type);
  const auto in_place = message.subspan(offset, size);
  const bool decompresses =
      std::any_of(form.begin(), form.end(), [](char c) { return c == 'N' || c == 'l'; });
  if (!decompresses) {
    if (!rdata_valid(type, in_place)) return std::unexpected(WireError::bad_rdata);
    return Bytes(in_place.begin(), in_place.end());
  }
  Bytes out;
  out.reserve(size + 32);
  const auto until_end = message.first(offset + size);
  std::size_t at = offset;
  for (const char code : form) {
    if (code == 'N' || code == 'l') {
      std::uint8_t name[kMaxNameOctets];
      auto name_octets = read_name(until_end, at, name);
      if (!name_octets) return std::unexpected(WireError::bad_rdata);
      append(out, {name, *name_octets});
    } else {
      const auto rest = until_end.subspan(at);
      const std::size_t field = field_size(code, rest);
      if (field == kBad) return std::unexpected(WireError::bad_rdata);
      append(out, rest.first(field));
      at += field;
    }
  }
  if (at != offset + size) return std::unexpected(WireError::bad_rdata);
  return out;
}

Bytes canonical_rdata(RRType type, ByteView rdata) {
  Bytes out(rdata.begin(), rdata.end());
  const std::string_view form = form_of(type);
  if (!has_lowered_names(form)) return out;
  // A later field may prove the data invalid; then nothing may have been lowered.
  const bool valid = walk(form, rdata, [&](char code, std::size_t at, std::size_t size) {
    if (detail::is_name_code(code) && code != 'n') {
      detail::lower_copy(&out[at], &rdata[at], size);
    } else if (code == 'K') {
      std::vector<std::size_t> names;
      detail::special_names(code, rdata.subspan(at, size), names);
      for (const std::size_t name : names)
        detail::lower_copy(&out[at + name], &rdata[at + name], size - name);
    }
  });
  if (!valid) out.assign(rdata.begin(), rdata.end());
  return out;
}

bool canonical_less(RRType type, ByteView a, ByteView b) {
  const std::string_view form = form_of(type);
  if (!has_lowered_names(form)) return octets_less(a, b);
  if (is_one_lowered_name(form) && a.size() <= kMaxNameOctets && b.size() <= kMaxNameOctets) {
    std::uint8_t lower_a[kMaxNameOctets], lower_b[kMaxNameOctets];
    detail::lower_copy(lower_a, a.data(), a.size());
    detail::lower_copy(lower_b, b.data(), b.size());
    return octets_less({lower_a, a.size()}, {lower_b, b.size()});
  }
  return octets_less(canonical_rdata(type, a), canonical_rdata(type, b));
}

void for_each_name(RRType type, ByteView rdata,
                   const std::function<void(std::size_t offset, NameView name)>& visit) {
  if (!rdata_valid(type, rdata)) return;
  std::vector<std::size_t> names;
  walk(form_of(type), rdata, [&](char code, std::size_t at, std::size_t size) {
    if (detail::is_name_code(code)) {
      visit(at, NameView::trusted(rdata.subspan(at, size)));
      return;
    }
    names.clear();
    detail::special_names(code, rdata.subspan(at, size), names);
    for (const std::size_t name : names) {
      const auto rest = rdata.subspan(at + name);
      visit(at + name, NameView::trusted(rest.first(detail::name_size(rest))));
    }
  });
}

bool may_compress(RRType type) {
  return form_of(type).find('N') != std::string_view::npos;
}

NameView target_name(RRType type, ByteView rdata) {
  std::size_t at = 0;
  switch (type) {
    case RRType::NS:
    case RRType::CNAME:
    case RRType::DNAME:
    case RRType::PTR:
      break;
    case RRType::MX:
    case RRType::SVCB:
    case RRType::HTTPS:
      at = 2;
      break;
    case RRType::SRV:
      at = 6;
      break;
    default:
      CHECK(false && "target_name of a type without a target");
  }
  CHECK(at < rdata.size());
  const auto rest = rdata.subspan(at);
  const std::size_t size = detail::name_size(rest);
  CHECK(size != kBad);
  return NameView::trusted(rest.first(size));
}

std::expected<Soa, WireError> Soa::read(ByteView rdata) {
  const std::size_t first = detail::name_size(rdata);
  const std::size_t second = first == kBad ? kBad : detail::name_size(rdata.subspan(first));
  if (second == kBad || rdata.size() != first + second + 20) return std::unexpected(WireError::bad_rdata);
  Soa soa;
  soa.mname = Name(NameView::trusted(rdata.first(first)));
  soa.rname = Name(NameView::trusted(rdata.subspan(first, second)));
  const std::uint8_t* numbers = &rdata[first + second];
  soa.serial = load_u32(numbers);
  soa.refresh_s = load_u32(numbers + 4);
  soa.retry_s = load_u32(numbers + 8);
  soa.expire_s = load_u32(numbers + 12);
  soa.minimum_s = load_u32(numbers + 16);
  return soa;
}

Bytes Soa::rdata() const {
  Bytes out;
  ByteWriter writer(out);
  writer.bytes(mname.wire());
  writer.bytes(rname.wire());
  for (const std::uint32_t value : {serial, refresh_s, retry_s, expire_s, minimum_s}) writer.u32(value);
  return out;
}

std::uint32_t soa_serial(ByteView rdata) {
  return rdata.size() < 22 ? 0 : load_u32(&rdata[rdata.size() - 20]);
}

}  // namespace onoma::wire
