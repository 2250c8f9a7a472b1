// Signing with DNSSEC's algorithms.
// Everything here may be used from any thread; many threads may sign with one key at once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/verify.h"

namespace onoma::crypto {

// A private key. Immutable; copies share it; the last one wipes it. RSASHA1 (5, 7) does not sign (RFC 8624
// §3.1).
class PrivateKey {
 public:
  // A new key from OpenSSL's generator; RSA keys have 2,048 bits and take a tenth of a second. Errors:
  // unsupported.
  static Result<PrivateKey> generate(Algorithm algorithm);
  // From PEM without encryption (PKCS #8, or the older "EC PRIVATE KEY" and "RSA PRIVATE KEY"). With
  // `expected`, a key of another algorithm is an error; an RSA key is RSASHA256 unless `expected` says
  // RSASHA512. RSA keys have 2,048 to 4,096 bits. Errors: bad_syntax, unsupported, too_large.
  static Result<PrivateKey> from_pem(std::string_view text, std::optional<Algorithm> expected = {});
  // PKCS #8 without encryption: a secret, for a file that only its owner may read.
  std::string to_pem() const;

  Algorithm algorithm() const;
  // The public key field of its DNSKEY record.
  Bytes public_key_field() const;
  std::size_t signature_size() const;  // octets, always the same for a key
  // A signature over `message` as an RRSIG's signature field holds it. ECDSA signatures differ each time.
  // Errors: internal, if OpenSSL has no memory or no randomness.
  Result<Bytes> sign(ByteView message) const;

 private:
  struct Impl;
  explicit PrivateKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace onoma::crypto
