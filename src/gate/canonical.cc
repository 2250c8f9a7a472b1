#include "gate/canonical.h"

#include <algorithm>

#include "crypto/digest.h"

namespace onoma::gate {
namespace {

constexpr std::uint8_t lower(std::uint8_t c) {
  return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c + 32) : c;
}

// Where the labels of a name begin, first label first.
struct Labels {
  std::array<std::uint8_t, 128> at;
  std::size_t count = 0;
  explicit Labels(NameView name) {
    const auto wire = name.wire();
    for (std::size_t i = 0; wire[i] != 0; i += 1U + wire[i]) at[count++] = static_cast<std::uint8_t>(i);
  }
};

std::strong_ordering compare_labels(const std::uint8_t* a, const std::uint8_t* b) {
  const std::size_t shorter = std::min(a[0], b[0]);
  for (std::size_t i = 1; i <= shorter; ++i)
    if (auto order = lower(a[i]) <=> lower(b[i]); order != 0) return order;
  return a[0] <=> b[0];
}

// Where names stand in the data of the types whose names are written in lower case.
struct Form {
  std::uint8_t skip = 0;     // octets in front
  std::uint8_t strings = 0;  // character strings behind those
  std::uint8_t names = 0;
};

Form form_of(std::uint16_t type) {
  switch (type) {
    case 2:
    case 3:
    case 4:
    case 5:
    case 7:
    case 8:
    case 9:
    case 12:
    case 30:
    case 39:
      return {0, 0, 1};  // NS MD MF CNAME MB MG MR PTR NXT DNAME
    case 6:
    case 14:
    case 17:
      return {0, 0, 2};  // SOA MINFO RP
    case 15:
    case 18:
    case 21:
    case 36:
      return {2, 0, 1};  // MX AFSDB RT KX
    case 24:
    case 46:
      return {18, 0, 1};  // SIG RRSIG
    case 26:
      return {2, 0, 2};  // PX
    case 33:
      return {6, 0, 1};  // SRV
    case 35:
      return {4, 3, 1};  // NAPTR
    default:
      return {};
  }
}

}  // namespace

std::strong_ordering compare_names(NameView a, NameView b) {
  const Labels x(a), y(b);
  const auto wire_a = a.wire(), wire_b = b.wire();
  for (std::size_t i = 1; i <= std::min(x.count, y.count); ++i) {
    auto order = compare_labels(&wire_a[x.at[x.count - i]], &wire_b[y.at[y.count - i]]);
    if (order != 0) return order;
  }
  return x.count <=> y.count;
}

bool same_name(NameView a, NameView b) {
  const auto x = a.wire(), y = b.wire();
  if (x.size() != y.size()) return false;
  for (std::size_t i = 0; i < x.size(); ++i)  // label lengths are below 'A'
    if (lower(x[i]) != lower(y[i])) return false;
  return true;
}

std::size_t common_labels(NameView a, NameView b) {
  const Labels x(a), y(b);
  const auto wire_a = a.wire(), wire_b = b.wire();
  std::size_t common = 0;
  while (common < std::min(x.count, y.count) &&
         compare_labels(&wire_a[x.at[x.count - common - 1]], &wire_b[y.at[y.count - common - 1]]) == 0)
    ++common;
  return common;
}

std::size_t name_octets(ByteView data) {
  std::size_t at = 0;
  while (at < data.size() && at < wire::kMaxNameOctets) {
    const std::size_t label = data[at];
    if (label == 0) return at + 1;
    if (label > wire::kMaxLabelOctets) return 0;
    at += 1 + label;
  }
  return 0;
}

void append_lower(Bytes& out, NameView name) {
  for (auto octet : name.wire()) out.push_back(lower(octet));
}

Bytes canonical_data(RRType type, ByteView data) {
  Bytes out(data.begin(), data.end());
  const auto form = form_of(wire::number(type));
  if (form.names == 0) return out;
  std::size_t at = form.skip;
  for (int i = 0; i < form.strings && at < out.size(); ++i) at += 1U + out[at];
  for (int i = 0; i < form.names && at < out.size(); ++i) {
    const auto size = name_octets(ByteView(out).subspan(at));
    for (std::size_t k = 0; k < size; ++k) out[at + k] = lower(out[at + k]);
    at += size;
  }
  return out;
}

std::vector<Bytes> canonical_set(RRType type, const DataRange& rdatas) {
  std::vector<Bytes> out;
  out.reserve(rdatas.size());
  for (auto data : rdatas) out.push_back(canonical_data(type, data));
  if (out.size() > 1) {
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
  }
  return out;
}

std::uint16_t key_tag(ByteView dnskey) {
  // Algorithm 1 has a tag of its own (appendix B.1); its keys sign nothing that is served here.
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < dnskey.size(); ++i) sum += i % 2 == 0 ? dnskey[i] * 256U : dnskey[i];
  sum += sum >> 16;
  return static_cast<std::uint16_t>(sum);
}

std::optional<Rrsig> Rrsig::read(ByteView data) {
  if (data.size() < 19) return std::nullopt;
  const auto name = name_octets(data.subspan(18));
  if (name == 0 || 18 + name >= data.size()) return std::nullopt;
  Rrsig out;
  out.covered = static_cast<RRType>(load_u16(&data[0]));
  out.algorithm = data[2];
  out.labels = data[3];
  out.original_ttl = load_u32(&data[4]);
  out.expiration = load_u32(&data[8]);
  out.inception = load_u32(&data[12]);
  out.tag = load_u16(&data[16]);
  out.signer = NameView::trusted(data.subspan(18, name));
  out.fixed = data.first(18);
  out.signature = data.subspan(18 + name);
  return out;
}

void signed_octets(const Rrsig& rrsig, NameView owner, RRType type, const std::vector<Bytes>& canonical,
                   Bytes& out) {
  out.clear();
  append(out, rrsig.fixed);
  append_lower(out, rrsig.signer);
  ByteWriter writer(out);
  for (const auto& data : canonical) {
    append_lower(out, owner);
    writer.u16(wire::number(type));
    writer.u16(1);  // IN
    writer.u32(rrsig.original_ttl);
    writer.u16(static_cast<std::uint16_t>(data.size()));
    writer.bytes(data);
  }
}

Hash nsec3_owner_hash(NameView name, ByteView salt, std::uint16_t iterations) {
  Bytes input;
  input.reserve(name.size() + salt.size());
  append_lower(input, name);
  append(input, salt);
  Hash hash = crypto::sha1(input);
  for (unsigned i = 0; i < iterations; ++i) {
    input.assign(hash.begin(), hash.end());
    append(input, salt);
    hash = crypto::sha1(input);
  }
  return hash;
}

}  // namespace onoma::gate
