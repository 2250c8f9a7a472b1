#include "wire/dnssec.h"

#include <algorithm>

#include "wire/octet_case.h"
#include "wire/rdata.h"
#include "wire/rdata_fields.h"
#include "wire/type_bitmap.h"

namespace onoma::wire {
namespace {

constexpr std::size_t kRrsigFixedOctets = 18;

void append_lower(Bytes& out, NameView name) {
  const std::size_t start = out.size();
  out.resize(start + name.size());
  detail::lower_copy(&out[start], name.wire().data(), name.size());
}

void append_rrsig_head(ByteWriter& writer, const Rrsig& rrsig) {
  writer.u16(number(rrsig.covered));
  writer.u8(rrsig.algorithm);
  writer.u8(rrsig.labels);
  writer.u32(rrsig.original_ttl);
  writer.u32(rrsig.expiration);
  writer.u32(rrsig.inception);
  writer.u16(rrsig.key_tag);
}

}  // namespace

std::expected<Rrsig, WireError> Rrsig::read(ByteView rdata) {
  if (!rdata_valid(RRType::RRSIG, rdata)) return std::unexpected(WireError::bad_rdata);
  Rrsig out;
  out.covered = RRType{load_u16(rdata.data())};
  out.algorithm = rdata[2];
  out.labels = rdata[3];
  out.original_ttl = load_u32(&rdata[4]);
  out.expiration = load_u32(&rdata[8]);
  out.inception = load_u32(&rdata[12]);
  out.key_tag = load_u16(&rdata[16]);
  const auto rest = rdata.subspan(kRrsigFixedOctets);
  const std::size_t signer_size = detail::name_size(rest);
  out.signer = Name(NameView::trusted(rest.first(signer_size)));
  const auto signature = rest.subspan(signer_size);
  out.signature.assign(signature.begin(), signature.end());
  return out;
}

Bytes Rrsig::rdata() const {
  Bytes out;
  out.reserve(kRrsigFixedOctets + signer.size() + signature.size());
  ByteWriter writer(out);
  append_rrsig_head(writer, *this);
  writer.bytes(signer.wire());
  writer.bytes(signature);
  return out;
}

Bytes Rrsig::rdata_without_signature() const {
  Bytes out;
  out.reserve(kRrsigFixedOctets + signer.size());
  ByteWriter writer(out);
  append_rrsig_head(writer, *this);
  append_lower(out, signer);
  return out;
}

Bytes signature_input(const Rrsig& rrsig, const RRset& set) {
  std::vector<Bytes> canonical;
  canonical.reserve(set.rdatas.size());
  std::size_t data_octets = 0;
  for (const Bytes& rdata : set.rdatas) {
    canonical.push_back(canonical_rdata(set.type, rdata));
    data_octets += rdata.size();
  }
  std::sort(canonical.begin(), canonical.end());
  canonical.erase(std::unique(canonical.begin(), canonical.end()), canonical.end());

  Bytes out = rrsig.rdata_without_signature();
  out.reserve(out.size() + data_octets + canonical.size() * (set.owner.size() + 10));
  ByteWriter writer(out);
  for (const Bytes& rdata : canonical) {
    append_lower(out, set.owner);
    writer.u16(number(set.type));
    writer.u16(static_cast<std::uint16_t>(RRClass::IN));
    writer.u32(rrsig.original_ttl);
    writer.u16(static_cast<std::uint16_t>(rdata.size()));
    writer.bytes(rdata);
  }
  return out;
}

std::uint8_t rrsig_labels(NameView owner) {
  return static_cast<std::uint8_t>(owner.label_count() - (owner.is_wildcard() ? 1 : 0));
}

std::expected<Dnskey, WireError> Dnskey::read(ByteView rdata) {
  if (!rdata_valid(RRType::DNSKEY, rdata)) return std::unexpected(WireError::bad_rdata);
  Dnskey out;
  out.flags = load_u16(rdata.data());
  out.protocol = rdata[2];
  out.algorithm = rdata[3];
  out.public_key.assign(rdata.begin() + 4, rdata.end());
  return out;
}

Bytes Dnskey::rdata() const {
  Bytes out;
  out.reserve(4 + public_key.size());
  ByteWriter writer(out);
  writer.u16(flags);
  writer.u8(protocol);
  writer.u8(algorithm);
  writer.bytes(public_key);
  return out;
}

std::uint16_t key_tag(ByteView dnskey_rdata) {
  // Algorithm 1 has a tag of its own (RFC 4034 App. B.1): the last but two octets of the modulus.
  if (dnskey_rdata.size() >= 7 && dnskey_rdata[3] == 1)
    return load_u16(&dnskey_rdata[dnskey_rdata.size() - 3]);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < dnskey_rdata.size(); ++i)
    sum += i % 2 == 0 ? static_cast<std::uint32_t>(dnskey_rdata[i]) << 8 : dnskey_rdata[i];
  return static_cast<std::uint16_t>(sum + (sum >> 16));
}

Bytes type_bitmap(std::span<const RRType> types) {
  Bytes out;
  detail::append_bitmap(out, types);
  return out;
}

std::expected<std::vector<RRType>, WireError> read_type_bitmap(ByteView bitmap) {
  if (!detail::bitmap_valid(bitmap)) return std::unexpected(WireError::bad_rdata);
  std::vector<RRType> types;
  detail::for_each_type(bitmap, [&](RRType type) { types.push_back(type); });
  return types;
}

Bytes nsec_rdata(NameView next, std::span<const RRType> types) {
  Bytes out(next.wire().begin(), next.wire().end());
  detail::append_bitmap(out, types);
  return out;
}

std::expected<Nsec3, WireError> Nsec3::read(ByteView rdata) {
  if (!rdata_valid(RRType::NSEC3, rdata)) return std::unexpected(WireError::bad_rdata);
  Nsec3 out;
  out.hash_algorithm = rdata[0];
  out.flags = rdata[1];
  out.iterations = load_u16(&rdata[2]);
  const auto salt = rdata.subspan(5, rdata[4]);
  out.salt.assign(salt.begin(), salt.end());
  const auto rest = rdata.subspan(5 + salt.size());
  const auto hash = rest.subspan(1, rest[0]);
  out.next_hash.assign(hash.begin(), hash.end());
  detail::for_each_type(rest.subspan(1 + hash.size()), [&](RRType type) { out.types.push_back(type); });
  return out;
}

Bytes Nsec3::rdata() const {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(hash_algorithm);
  writer.u8(flags);
  writer.u16(iterations);
  writer.u8(static_cast<std::uint8_t>(salt.size()));
  writer.bytes(salt);
  writer.u8(static_cast<std::uint8_t>(next_hash.size()));
  writer.bytes(next_hash);
  detail::append_bitmap(out, types);
  return out;
}

std::expected<Nsec3param, WireError> Nsec3param::read(ByteView rdata) {
  if (!rdata_valid(RRType::NSEC3PARAM, rdata)) return std::unexpected(WireError::bad_rdata);
  Nsec3param out;
  out.hash_algorithm = rdata[0];
  out.flags = rdata[1];
  out.iterations = load_u16(&rdata[2]);
  out.salt.assign(rdata.begin() + 5, rdata.end());
  return out;
}

Bytes Nsec3param::rdata() const {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(hash_algorithm);
  writer.u8(flags);
  writer.u16(iterations);
  writer.u8(static_cast<std::uint8_t>(salt.size()));
  writer.bytes(salt);
  return out;
}

}  // namespace onoma::wire
