#include "zone/denial.h"

#include "base/check.h"
#include "base/encoding.h"
#include "crypto/digest.h"

namespace onoma::zone {

Nsec3Hash nsec3_hash(NameView name, ByteView salt, std::uint16_t iterations) {
  std::array<std::uint8_t, wire::kMaxNameOctets> lower;
  std::size_t size = 0;
  for (auto octet : name.wire()) lower[size++] = wire::ascii_lower(octet);
  return {crypto::nsec3_hash(ByteView(lower).first(size), salt, iterations)};
}

Nsec3Hash nsec3_hash(NameView name, const ZoneFacts& facts) {
  return nsec3_hash(name, facts.nsec3_salt, facts.nsec3_iterations);
}

Name nsec3_owner(const Nsec3Hash& hash, NameView apex) {
  const auto label = base32hex(hash.octets);
  auto name = Name::prepend(as_bytes(label), apex);
  CHECK(name.has_value());  // an apex of more than 222 octets cannot use NSEC3 (RFC 5155 §10.1)
  return name->lower();
}

std::optional<Nsec3Hash> nsec3_hash_of(NameView owner) {
  const auto label = owner.first_label();
  if (label.size() != 32) return std::nullopt;
  Nsec3Hash out;
  std::uint32_t bits = 0;
  int held = 0;
  std::size_t at = 0;
  for (auto c : label) {
    c = wire::ascii_lower(c);
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'v')) return std::nullopt;
    bits = bits << 5 | static_cast<std::uint32_t>(digit ? c - '0' : c - 'a' + 10);
    held += 5;
    if (held < 8) continue;
    held -= 8;
    out.octets[at++] = static_cast<std::uint8_t>(bits >> held);
  }
  return out;
}

std::optional<Nsec3Fields> Nsec3Fields::read(ByteView rdata) {
  ByteReader in(rdata);
  Nsec3Fields fields;
  if (!in.u8()) return std::nullopt;
  const auto flags = in.u8();
  if (!flags || !in.u16()) return std::nullopt;
  fields.opt_out = (*flags & 1) != 0;
  const auto salt_size = in.u8();
  if (!salt_size || !in.bytes(*salt_size)) return std::nullopt;
  const auto hash_size = in.u8();
  const auto hash = hash_size ? in.bytes(*hash_size) : std::nullopt;
  if (!hash) return std::nullopt;
  fields.next_hash = as_text(*hash);
  return fields;
}

bool nsec3_covers(std::string_view owner_hash, std::string_view next_hash, std::string_view hash) {
  if (hash == owner_hash) return false;
  if (owner_hash < next_hash) return owner_hash < hash && hash < next_hash;
  return owner_hash < hash || hash < next_hash;  // the last record of the circle, or the only one
}

}  // namespace onoma::zone
