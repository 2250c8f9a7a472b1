// Internal to crypto: who owns OpenSSL's objects, and what verifying and signing share. The types are
// declared here, not included, so that OpenSSL's headers stay in .cc files.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "crypto/verify.h"

struct evp_pkey_st;
struct evp_pkey_ctx_st;
struct evp_md_ctx_st;
struct bignum_st;
struct bio_st;

namespace onoma::crypto::evp {

struct Free {
  void operator()(evp_pkey_st* key) const;
  void operator()(evp_pkey_ctx_st* context) const;
  void operator()(evp_md_ctx_st* context) const;
  void operator()(bignum_st* number) const;
  void operator()(bio_st* bio) const;
};
using Key = std::unique_ptr<evp_pkey_st, Free>;
using Context = std::unique_ptr<evp_pkey_ctx_st, Free>;
using MdContext = std::unique_ptr<evp_md_ctx_st, Free>;
using Bignum = std::unique_ptr<bignum_st, Free>;
using Bio = std::unique_ptr<bio_st, Free>;

// sm2 has the forms of ecdsa (a point as key, r and s as signature) and signs another digest.
enum class Family : std::uint8_t { rsa, ecdsa, sm2, eddsa };
Family family(Algorithm algorithm);
// Octets of one coordinate of the curve: 32 (P-256, SM2), 48 (P-384), 32 (Ed25519), 57 (Ed448). Not for RSA.
std::size_t coordinate_size(Algorithm algorithm);

// RSA keys that are let in. A modulus above 4,096 bits is outside RFC 5702; an exponent above 64 bits has no
// use but to make verifying slow.
inline constexpr int kRsaMinBits = 512;
inline constexpr int kRsaMaxBits = 4096;
inline constexpr std::size_t kRsaMaxExponentSize = 8;  // octets

// What SM2 puts in front of every message: Z, the digest of the signer's distinguishing identifier, the curve
// and the public key (GB/T 32918.2 §5.5). DNSSEC's identifier is the default one, "1234567812345678".
using Sm2Prefix = std::array<std::uint8_t, 32>;
Sm2Prefix sm2_prefix(ByteView x_then_y);

// The message's digest under the algorithm's hash (not for EdDSA, which takes the message itself). `prefix`
// for SM2 only.
struct Hashed {
  std::array<std::uint8_t, 64> octets;
  std::size_t size = 0;
  ByteView view() const { return {octets.data(), size}; }
};
Hashed hash(Algorithm algorithm, ByteView message, const Sm2Prefix& prefix);

enum class Use : std::uint8_t { sign, verify };
// A context ready for `use`, for RSA, ECDSA and SM2; null if OpenSSL refuses the key.
Context prepare(evp_pkey_st* key, Algorithm algorithm, Use use);

// r‖s of fixed size to and from SEQUENCE { INTEGER r, INTEGER s } in DER (RFC 6605 §4; sizes up to 2 × 48
// octets).
inline constexpr std::size_t kDerMax = 2 + 2 * (2 + 49);
struct Der {
  std::array<std::uint8_t, kDerMax> octets;
  std::size_t size = 0;
};
Der der_from_fixed(ByteView r_then_s);
std::optional<Bytes> fixed_from_der(ByteView der, std::size_t coordinate_size);

}  // namespace onoma::crypto::evp
