#include "wire/message.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "wire/rdata_fields.h"

namespace onoma::wire {
namespace {

constexpr std::size_t kMaxMessageOctets = 65535;
constexpr std::size_t kMaxPointerOffset = 0x3FFF;
constexpr std::size_t kMaxLabels = 128;

// Moves `at` behind the possibly compressed name there, without following its pointer.
bool skip_name(ByteView message, std::size_t& at) {
  const std::size_t start = at;
  for (std::size_t p = at; p < message.size();) {
    const std::uint8_t head = message[p];
    if (head == 0) {
      at = p + 1;
      return at - start <= kMaxNameOctets;
    }
    if (head >= 0xC0) {
      if (p + 1 >= message.size() || (load_u16(&message[p]) & kMaxPointerOffset) >= start) return false;
      at = p + 2;
      return true;
    }
    if (head > kMaxLabelOctets) return false;
    p += 1U + head;
  }
  return false;
}

bool options_well_formed(ByteView options) {
  while (!options.empty()) {
    if (options.size() < 4) return false;
    const std::size_t size = 4U + load_u16(&options[2]);
    if (options.size() < size) return false;
    options = options.subspan(size);
  }
  return true;
}

std::optional<WireError> read_question(ByteView message, Query& out) {
  std::size_t at = kHeaderOctets;
  std::size_t size = 0;
  for (;;) {
    if (at >= message.size()) return WireError::truncated;
    const std::uint8_t head = message[at];
    // The first name of a message has nothing behind it that a pointer could point to.
    if (head > kMaxLabelOctets) return WireError::bad_question;
    const std::size_t step = 1U + head;
    if (step > message.size() - at) return WireError::truncated;
    if (size + step + (head != 0) > kMaxNameOctets) return WireError::bad_question;
    std::memcpy(&out.qname_octets[size], &message[at], step);
    size += step;
    at += step;
    if (head == 0) break;
  }
  if (message.size() - at < 4) return WireError::truncated;
  out.qname_size = static_cast<std::uint16_t>(size);
  out.qtype = RRType{load_u16(&message[at])};
  out.qclass = RRClass{load_u16(&message[at + 2])};
  out.has_question = true;
  out.question_end = at + 4;
  return std::nullopt;
}

// The records behind the question: walks over them and takes the OPT.
std::optional<WireError> read_records(ByteView message, std::size_t at, Query& out) {
  const std::size_t before_additional = std::size_t{out.header.ancount} + out.header.nscount;
  const std::size_t count = before_additional + out.header.arcount;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t owner = at;
    if (!skip_name(message, at) || message.size() - at < 10) return WireError::truncated;
    const std::uint8_t* fixed = &message[at];
    const std::size_t size = load_u16(fixed + 8);
    at += 10;
    if (message.size() - at < size) return WireError::truncated;
    const auto data = message.subspan(at, size);
    at += size;
    if (RRType{load_u16(fixed)} != RRType::OPT) continue;
    if (i < before_additional || out.edns || message[owner] != 0 || !options_well_formed(data))
      return WireError::bad_edns;
    out.edns = Edns{load_u16(fixed + 2), fixed[5], (fixed[6] & 0x80) != 0, data};
  }
  if (at != message.size()) return WireError::trailing_octets;
  return std::nullopt;
}

}  // namespace

std::optional<Header> Header::read(ByteView message) {
  if (message.size() < kHeaderOctets) return std::nullopt;
  const std::uint8_t* m = message.data();
  return Header{load_u16(m),     load_u16(m + 2), load_u16(m + 4),
                load_u16(m + 6), load_u16(m + 8), load_u16(m + 10)};
}

std::optional<WireError> read_query(ByteView message, Query& out) {
  out.qname_size = 0;
  out.has_question = false;
  out.edns.reset();
  out.question_end = kHeaderOctets;
  const auto header = Header::read(message);
  out.header = header.value_or(Header{});
  if (!header || header->qr()) return WireError::bad_header;
  if (header->qdcount > 1) return WireError::bad_question;
  if (header->qdcount == 1)
    if (auto error = read_question(message, out)) return error;
  if (auto error = read_records(message, out.question_end, out)) {
    if (*error == WireError::bad_edns) out.edns.reset();
    return error;
  }
  // Without a question there may still be a cookie to answer, so the OPT was read first.
  if (header->qdcount == 0) return WireError::bad_question;
  return std::nullopt;
}

// --- Writer ---

Writer::Writer(MutableBytes out, std::size_t limit)
    : out_(out), limit_(std::min({limit, out.size(), kMaxMessageOctets})) {
  CHECK(limit_ >= kHeaderOctets);
  std::memset(out_.data(), 0, kHeaderOctets);
}

void Writer::set_header(std::uint16_t id, std::uint16_t flags) {
  store_u16(&out_[0], id);
  store_u16(&out_[2], flags);
}

void Writer::set_rcode(Rcode rcode) {
  out_[3] = static_cast<std::uint8_t>((out_[3] & 0xF0U) | (static_cast<unsigned>(rcode) & 0x0FU));
}

void Writer::or_flags(std::uint16_t bits) {
  store_u16(&out_[2], static_cast<std::uint16_t>(load_u16(&out_[2]) | bits));
}

std::size_t Writer::end() const {
  return limit_ > reserved_ ? limit_ - reserved_ : 0;
}
std::size_t Writer::size() const {
  return size_;
}
std::size_t Writer::left() const {
  return end() > size_ ? end() - size_ : 0;
}
void Writer::reserve(std::size_t octets) {
  reserved_ += octets;
}
void Writer::release(std::size_t octets) {
  CHECK(octets <= reserved_);
  reserved_ -= octets;
}

Writer::Mark Writer::mark() const {
  return {size_, counts_, name_count_};
}
void Writer::rollback(const Mark& mark) {
  CHECK(mark.size <= size_ && mark.names <= name_count_);
  size_ = mark.size;
  counts_ = mark.counts;
  name_count_ = mark.names;
}

bool Writer::same_name_at(std::size_t offset, NameView name) const {
  const std::uint8_t* wanted = name.wire().data();
  for (;;) {
    const std::uint8_t head = out_[offset];
    if (head >= 0xC0) {
      offset = load_u16(&out_[offset]) & kMaxPointerOffset;
      continue;
    }
    if (std::memcmp(&out_[offset], wanted, 1U + head) != 0) return false;
    if (head == 0) return true;
    offset += 1U + head;
    wanted += 1U + head;
  }
}

std::size_t Writer::put_name(std::size_t at, NameView name, bool compress) {
  const ByteView wire = name.wire();
  const std::size_t stop = end();
  if (!compress || name.is_root()) {
    if (at + wire.size() > stop) return 0;
    std::memcpy(&out_[at], wire.data(), wire.size());
    return wire.size();
  }
  // The name and each of its endings get a mark: size and a hash of the labels. Case counts, since it must be
  // kept.
  std::array<std::uint8_t, kMaxLabels> labels;
  std::array<std::uint16_t, kMaxLabels> marks;
  std::size_t count = 0;
  for (std::size_t p = 0; wire[p] != 0; p += 1U + wire[p]) labels[count++] = static_cast<std::uint8_t>(p);
  std::uint32_t h = 0;
  for (std::size_t i = count; i > 0; --i) {
    const std::uint8_t* label = &wire[labels[i - 1]];
    h = (h * 31 + label[0]) * 31 + label[1];
    h = h * 31 + label[label[0]];
    marks[i - 1] =
        static_cast<std::uint16_t>((wire.size() - labels[i - 1]) << 8 | ((h ^ h >> 8 ^ h >> 16) & 0xFF));
  }
  std::size_t pointer = 0;
  std::size_t kept = count;  // labels written out in front of the pointer
  for (std::size_t i = 0; i < count && pointer == 0; ++i) {
    for (std::size_t n = 0; n < name_count_; ++n) {
      if (marks_[n] != marks[i] || !same_name_at(names_[n], NameView::trusted(wire.subspan(labels[i]))))
        continue;
      pointer = names_[n];
      kept = i;
      break;
    }
  }
  const std::size_t head = kept < count ? labels[kept] : wire.size() - 1;
  const std::size_t size = head + (pointer != 0 ? 2 : 1);
  if (at + size > stop) return 0;
  std::memcpy(&out_[at], wire.data(), head);
  if (pointer != 0) {
    store_u16(&out_[at + head], static_cast<std::uint16_t>(0xC000U | pointer));
  } else {
    out_[at + head] = 0;
  }
  for (std::size_t i = 0; i < kept && name_count_ < kMaxNames && at + labels[i] <= kMaxPointerOffset; ++i) {
    names_[name_count_] = static_cast<std::uint16_t>(at + labels[i]);
    marks_[name_count_++] = marks[i];
  }
  return size;
}

std::size_t Writer::put_rdata(std::size_t at, RRType type, ByteView rdata) {
  const std::size_t start = at;
  const std::size_t names = name_count_;
  const std::string_view form = detail::type_info(type).form;
  std::size_t from = 0;
  if (form.find('N') != std::string_view::npos) {
    for (const char code : form) {
      const auto rest = rdata.subspan(from);
      const std::size_t size = detail::field_size(code, rest);
      if (size == detail::kBad) break;
      if (code == 'N') {
        const std::size_t written = put_name(at, NameView::trusted(rest.first(size)), true);
        if (written == 0) return kNoRoom;
        at += written;
      } else {
        if (at + size > end()) return kNoRoom;
        std::memcpy(&out_[at], rest.data(), size);
        at += size;
      }
      from += size;
    }
    if (from == rdata.size() && from > 0) return at - start;
    name_count_ =
        names;  // not of the type's form, such as the empty data of an UPDATE: written as they stand
  }
  if (rdata.size() > end() || start > end() - rdata.size()) return kNoRoom;
  if (!rdata.empty()) std::memcpy(&out_[start], rdata.data(), rdata.size());
  return rdata.size();
}

bool Writer::add_question(NameView qname, RRType type, RRClass rr_class) {
  CHECK(counts_[1] == 0 && counts_[2] == 0 && counts_[3] == 0);
  const std::size_t names = name_count_;
  const std::size_t size = put_name(size_, qname, true);
  if (size == 0 || size_ + size + 4 > end()) {
    name_count_ = names;
    return false;
  }
  store_u16(&out_[size_ + size], number(type));
  store_u16(&out_[size_ + size + 2], static_cast<std::uint16_t>(rr_class));
  size_ += size + 4;
  ++counts_[0];
  return true;
}

bool Writer::add_record(Section section, NameView owner, RRType type, RRClass rr_class, std::uint32_t ttl,
                        ByteView rdata) {
  const auto index = static_cast<std::size_t>(section);
  for (std::size_t later = index + 1; later < counts_.size(); ++later) CHECK(counts_[later] == 0);
  const std::size_t names = name_count_;
  const std::size_t owner_size = put_name(size_, owner, true);
  const std::size_t fixed = size_ + owner_size;
  const std::size_t data =
      owner_size == 0 || fixed + 10 > end() ? kNoRoom : put_rdata(fixed + 10, type, rdata);
  if (data == kNoRoom || data > 0xFFFF || counts_[index] == 0xFFFF) {
    name_count_ = names;
    return false;
  }
  store_u16(&out_[fixed], number(type));
  store_u16(&out_[fixed + 2], static_cast<std::uint16_t>(rr_class));
  store_u32(&out_[fixed + 4], ttl);
  store_u16(&out_[fixed + 8], static_cast<std::uint16_t>(data));
  size_ = fixed + 10 + data;
  ++counts_[index];
  return true;
}

bool Writer::add_opt(std::uint16_t udp_size, bool dnssec_ok, Rcode rcode, ByteView options) {
  const std::uint32_t ttl =
      static_cast<std::uint32_t>(static_cast<unsigned>(rcode) >> 4) << 24 | (dnssec_ok ? 0x8000U : 0U);
  if (!add_record(Section::additional, NameView(), RRType::OPT, RRClass{udp_size}, ttl, options))
    return false;
  set_rcode(rcode);
  return true;
}

ByteView Writer::finish() {
  for (std::size_t i = 0; i < counts_.size(); ++i) store_u16(&out_[4 + 2 * i], counts_[i]);
  return out_.first(size_);
}

}  // namespace onoma::wire
