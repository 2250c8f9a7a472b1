#include "crypto/evp.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/check.h"
#include "crypto/digest.h"

namespace onoma::crypto::evp {

void Free::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}
void Free::operator()(evp_pkey_ctx_st* context) const {
  EVP_PKEY_CTX_free(context);
}
void Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}
void Free::operator()(bignum_st* number) const {
  BN_clear_free(number);
}
void Free::operator()(bio_st* bio) const {
  BIO_free_all(bio);
}

Family family(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::rsasha1:
    case Algorithm::rsasha1_nsec3:
    case Algorithm::rsasha256:
    case Algorithm::rsasha512:
      return Family::rsa;
    case Algorithm::ecdsa_p256:
    case Algorithm::ecdsa_p384:
      return Family::ecdsa;
    case Algorithm::ed25519:
    case Algorithm::ed448:
      return Family::eddsa;
    case Algorithm::sm2sm3:
      return Family::sm2;
  }
  CHECK(false);  // an enumerator that is none; algorithm_from makes only good ones
}

std::size_t coordinate_size(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::ecdsa_p256:
    case Algorithm::ed25519:
    case Algorithm::sm2sm3:
      return 32;
    case Algorithm::ecdsa_p384:
      return 48;
    case Algorithm::ed448:
      return 57;
    default:
      CHECK(false);  // RSA keys have no coordinates
  }
}

namespace {
template <std::size_t kSize>
Hashed hashed(const Digest<kSize>& digest) {
  Hashed out{};
  std::memcpy(out.octets.data(), digest.data(), kSize);
  out.size = kSize;
  return out;
}

const EVP_MD* md(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::rsasha1:
    case Algorithm::rsasha1_nsec3:
      return EVP_sha1();
    case Algorithm::rsasha512:
      return EVP_sha512();
    case Algorithm::ecdsa_p384:
      return EVP_sha384();
    case Algorithm::sm2sm3:
      return EVP_sm3();
    default:
      return EVP_sha256();
  }
}
}  // namespace

Sm2Prefix sm2_prefix(ByteView x_then_y) {
  CHECK(x_then_y.size() == 64);
  // The identifier's length in bits and its octets; a, b, and the base point of sm2p256v1.
  static constexpr std::uint8_t kHead[] = {
      0x00, 0x80, '1',  '2',  '3',  '4',  '5',  '6',  '7',  '8',  '1',  '2',  '3',  '4',  '5',  '6',
      '7',  '8',                                                                                       //
      0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,  //
      0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc,  //
      0x28, 0xe9, 0xfa, 0x9e, 0x9d, 0x9f, 0x5e, 0x34, 0x4d, 0x5a, 0x9e, 0x4b, 0xcf, 0x65, 0x09, 0xa7,  //
      0xf3, 0x97, 0x89, 0xf5, 0x15, 0xab, 0x8f, 0x92, 0xdd, 0xbc, 0xbd, 0x41, 0x4d, 0x94, 0x0e, 0x93,  //
      0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04, 0x46, 0x6a, 0x39, 0xc9, 0x94,  //
      0x8f, 0xe3, 0x0b, 0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a, 0x45, 0x89, 0x33, 0x4c, 0x74, 0xc7,  //
      0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59, 0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21, 0x53,  //
      0xd0, 0xa9, 0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40, 0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39, 0xf0, 0xa0};
  return sm3(kHead, x_then_y);
}

Hashed hash(Algorithm algorithm, ByteView message, const Sm2Prefix& prefix) {
  switch (algorithm) {
    case Algorithm::rsasha1:
    case Algorithm::rsasha1_nsec3:
      return hashed(sha1(message));
    case Algorithm::rsasha512:
      return hashed(sha512(message));
    case Algorithm::ecdsa_p384:
      return hashed(sha384(message));
    case Algorithm::sm2sm3:
      return hashed(sm3(prefix, message));
    default:
      return hashed(sha256(message));
  }
}

Context prepare(evp_pkey_st* key, Algorithm algorithm, Use use) {
  Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (!context) return nullptr;
  const int started =
      use == Use::sign ? EVP_PKEY_sign_init(context.get()) : EVP_PKEY_verify_init(context.get());
  if (started != 1) return nullptr;
  if (family(algorithm) == Family::rsa && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1)
    return nullptr;
  // SM2 takes the digest as it comes; told its name, OpenSSL would work out the prefix once more.
  if (family(algorithm) == Family::sm2) return context;
  if (EVP_PKEY_CTX_set_signature_md(context.get(), md(algorithm)) != 1) return nullptr;
  return context;
}

Der der_from_fixed(ByteView r_then_s) {
  CHECK(r_then_s.size() % 2 == 0 && r_then_s.size() >= 2 && r_then_s.size() <= 96);
  Der out{};
  std::size_t at = 2;
  auto integer = [&](ByteView number) {
    while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
    const bool sign_octet = (number[0] & 0x80) != 0;
    out.octets[at++] = 0x02;
    out.octets[at++] = static_cast<std::uint8_t>(number.size() + (sign_octet ? 1 : 0));
    if (sign_octet) out.octets[at++] = 0;
    std::memcpy(&out.octets[at], number.data(), number.size());
    at += number.size();
  };
  integer(r_then_s.first(r_then_s.size() / 2));
  integer(r_then_s.subspan(r_then_s.size() / 2));
  out.octets[0] = 0x30;
  out.octets[1] = static_cast<std::uint8_t>(at - 2);
  out.size = at;
  return out;
}

std::optional<Bytes> fixed_from_der(ByteView der, std::size_t coordinate_size) {
  ByteReader reader(der);
  if (reader.u8() != 0x30) return std::nullopt;
  auto size = reader.u8();
  if (!size || *size != reader.left() || *size > 127) return std::nullopt;
  Bytes out(2 * coordinate_size, 0);
  for (std::size_t end : {coordinate_size, 2 * coordinate_size}) {
    if (reader.u8() != 0x02) return std::nullopt;
    auto length = reader.u8();
    if (!length || *length == 0) return std::nullopt;
    auto number = reader.bytes(*length);
    if (!number || ((*number)[0] & 0x80) != 0) return std::nullopt;
    if (number->size() > 1 && (*number)[0] == 0) number = number->subspan(1);
    if (number->size() > coordinate_size) return std::nullopt;
    std::memcpy(&out[end - number->size()], number->data(), number->size());
  }
  if (!reader.done()) return std::nullopt;
  return out;
}

}  // namespace onoma::crypto::evp
