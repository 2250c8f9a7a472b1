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
  }
  CHECK(false);  // an enumerator that is none; algorithm_from makes only good ones
}

std::size_t coordinate_size(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::ecdsa_p256:
    case Algorithm::ed25519:
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
    default:
      return EVP_sha256();
  }
}
}  // namespace

Hashed hash(Algorithm algorithm, ByteView message) {
  switch (algorithm) {
    case Algorithm::rsasha1:
    case Algorithm::rsasha1_nsec3:
      return hashed(sha1(message));
    case Algorithm::rsasha512:
      return hashed(sha512(message));
    case Algorithm::ecdsa_p384:
      return hashed(sha384(message));
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
