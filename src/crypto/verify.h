// DNSSEC's algorithms, and checking signatures with keys as they stand in DNSKEY records.
// Everything here may be used from any thread. Keys and signatures are untrusted: whatever the octets, the
// answer is an error or false, within bounded time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace onoma::crypto {

// The numbers of IANA's registry of DNS security algorithms that are checked here. 5 and 7 differ only in
// what they say about NSEC3, and are for checking only.
enum class Algorithm : std::uint8_t {
  rsasha1 = 5,
  rsasha1_nsec3 = 7,
  rsasha256 = 8,
  rsasha512 = 10,
  ecdsa_p256 = 13,
  ecdsa_p384 = 14,
  ed25519 = 15,
  ed448 = 16,
  sm2sm3 = 17,  // RFC 9563
};
// nullopt: not an algorithm that is checked here.
std::optional<Algorithm> algorithm_from(std::uint8_t number);
// IANA's mnemonic: "ECDSAP256SHA256".
std::string_view mnemonic(Algorithm algorithm);

// A public key. Immutable; copies share it.
class PublicKey {
 public:
  // From the public key field of a DNSKEY record: RFC 3110 §2 (RSA: 512 to 4,096 bits, exponent odd, 3 to 64
  // bits, no leading zeros), RFC 6605 §4 and RFC 9563 §3 (a point of the curve), RFC 8080 §3. Edwards keys
  // are looked at only for their size: one that is no point verifies nothing. Errors: bad_syntax, unsupported
  // (algorithm).
  static Result<PublicKey> from_dnskey(Algorithm algorithm, ByteView public_key_field);

  Algorithm algorithm() const;
  // Is `signature`, in the form of an RRSIG's signature field, this key's over `message`?
  bool verify(ByteView message, ByteView signature) const;

 private:
  struct Impl;
  explicit PublicKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace onoma::crypto
