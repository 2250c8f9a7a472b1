// The octets of DNSSEC records (RFC 4034, 5155): fields, signature input, key tags, type bitmaps. No
// cryptography. For the signer and its tools; the gate has code of its own. Pure functions, usable from any
// thread.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <vector>

#include "wire/rrset.h"

namespace onoma::wire {

struct Rrsig {
  RRType covered{};
  std::uint8_t algorithm = 0;
  std::uint8_t labels = 0;
  std::uint32_t original_ttl = 0;
  std::uint32_t expiration = 0;  // Unix time, 32 bits, serial arithmetic
  std::uint32_t inception = 0;
  std::uint16_t key_tag = 0;
  Name signer;
  Bytes signature;
  static std::expected<Rrsig, WireError> read(ByteView rdata);
  Bytes rdata() const;                    // with the signature
  Bytes rdata_without_signature() const;  // signer name in lower case
};

// What is signed: RRSIG data without signature, then every record of `set` in canonical form and order with
// the original TTL (RFC 4034 §3.1.8.1). A wildcard-expanded owner is not handled: sets are signed as they
// stand.
Bytes signature_input(const Rrsig& rrsig, const RRset& set);
// The labels field for an owner: its labels without the root and without a leading "*".
std::uint8_t rrsig_labels(NameView owner);

struct Dnskey {
  std::uint16_t flags = 0;  // 256 ZSK, 257 KSK
  std::uint8_t protocol = 3;
  std::uint8_t algorithm = 0;
  Bytes public_key;
  static std::expected<Dnskey, WireError> read(ByteView rdata);
  Bytes rdata() const;
};
std::uint16_t key_tag(ByteView dnskey_rdata);  // RFC 4034 App. B

// Type bit maps (RFC 4034 §4.1.2). `types` ascending, unique.
Bytes type_bitmap(std::span<const RRType> types);
std::expected<std::vector<RRType>, WireError> read_type_bitmap(ByteView bitmap);

Bytes nsec_rdata(NameView next, std::span<const RRType> types);
struct Nsec3 {
  std::uint8_t hash_algorithm = 1;
  std::uint8_t flags = 0;  // 1: opt-out
  std::uint16_t iterations = 0;
  Bytes salt;
  Bytes next_hash;  // 20 octets
  std::vector<RRType> types;
  static std::expected<Nsec3, WireError> read(ByteView rdata);
  Bytes rdata() const;
};
struct Nsec3param {
  std::uint8_t hash_algorithm = 1;
  std::uint8_t flags = 0;
  std::uint16_t iterations = 0;
  Bytes salt;
  static std::expected<Nsec3param, WireError> read(ByteView rdata);
  Bytes rdata() const;
};

}  // namespace onoma::wire
