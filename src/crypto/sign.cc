#include "crypto/sign.h"

#include <fmt/core.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/check.h"
#include "crypto/evp.h"

namespace onoma::crypto {

struct PrivateKey::Impl {
  Algorithm algorithm;
  evp::Key key;
  // Ready to sign; every call works on a copy of it, as in verify.cc: 69,000 P-256 signatures a second, the
  // same as with a context kept for one thread, and no lock. Null for EdDSA.
  evp::Context prepared;
  Bytes public_key_field;
  evp::Sm2Prefix prefix{};         // SM2 only
  std::size_t signature_size = 0;  // octets

  static Result<PrivateKey> wrap(evp::Key key, Algorithm algorithm);
};

namespace {

constexpr std::size_t kPemMax = 16 * 1024;  // octets; an RSA key of 4,096 bits takes 3,300
constexpr int kRsaSignMinBits = 2048;
constexpr std::size_t kRsaNewBits = 2048;

std::unexpected<Error> refused_by_openssl(std::string_view what) {
  ERR_clear_error();
  return fail(Code::internal,
              fmt::format("{}: OpenSSL refused; look for a lack of memory or randomness", what));
}

std::optional<Bytes> number(const EVP_PKEY* key, const char* name, std::size_t padded_size = 0) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return std::nullopt;
  evp::Bignum value(raw);
  Bytes out(padded_size != 0 ? padded_size : static_cast<std::size_t>(BN_num_bytes(raw)));
  if (BN_bn2binpad(raw, out.data(), static_cast<int>(out.size())) < 0) return std::nullopt;
  return out;
}

std::optional<Bytes> public_field(const EVP_PKEY* key, Algorithm algorithm) {
  Bytes out;
  switch (evp::family(algorithm)) {
    case evp::Family::rsa: {
      auto e = number(key, OSSL_PKEY_PARAM_RSA_E), n = number(key, OSSL_PKEY_PARAM_RSA_N);
      if (!e || !n || e->size() > evp::kRsaMaxExponentSize) return std::nullopt;
      out.push_back(static_cast<std::uint8_t>(e->size()));
      append(out, *e);
      append(out, *n);
      return out;
    }
    case evp::Family::ecdsa:
    case evp::Family::sm2: {
      const auto size = evp::coordinate_size(algorithm);
      auto x = number(key, OSSL_PKEY_PARAM_EC_PUB_X, size), y = number(key, OSSL_PKEY_PARAM_EC_PUB_Y, size);
      if (!x || !y) return std::nullopt;
      out = std::move(*x);
      append(out, *y);
      return out;
    }
    case evp::Family::eddsa: {
      std::size_t size = evp::coordinate_size(algorithm);
      out.resize(size);
      if (EVP_PKEY_get_raw_public_key(key, out.data(), &size) != 1 || size != out.size()) return std::nullopt;
      return out;
    }
  }
  return std::nullopt;
}

// The algorithm a key of this type signs with; RSA keys do not say which hash.
std::optional<Algorithm> algorithm_of(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) return Algorithm::rsasha256;
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return Algorithm::ed25519;
  if (EVP_PKEY_is_a(key, "ED448") == 1) return Algorithm::ed448;
  if (EVP_PKEY_is_a(key, "SM2") == 1) return Algorithm::sm2sm3;
  if (EVP_PKEY_is_a(key, "EC") != 1) return std::nullopt;
  char group[64];
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key, group, sizeof group, &size) != 1) return std::nullopt;
  const std::string_view name(group, size);
  if (name == "prime256v1" || name == "P-256") return Algorithm::ecdsa_p256;
  if (name == "secp384r1" || name == "P-384") return Algorithm::ecdsa_p384;
  return std::nullopt;
}

}  // namespace

Result<PrivateKey> PrivateKey::Impl::wrap(evp::Key key, Algorithm algorithm) {
  auto impl = std::make_shared<Impl>();
  impl->algorithm = algorithm;
  impl->key = std::move(key);
  auto field = public_field(impl->key.get(), algorithm);
  if (!field) return refused_by_openssl("the public part of the key cannot be read");
  impl->public_key_field = std::move(*field);
  if (evp::family(algorithm) == evp::Family::rsa) {
    impl->signature_size = static_cast<std::size_t>(EVP_PKEY_get_size(impl->key.get()));
  } else {
    impl->signature_size = 2 * evp::coordinate_size(algorithm);
  }
  if (evp::family(algorithm) == evp::Family::sm2) impl->prefix = evp::sm2_prefix(impl->public_key_field);
  if (evp::family(algorithm) != evp::Family::eddsa) {
    impl->prepared = evp::prepare(impl->key.get(), algorithm, evp::Use::sign);
    if (!impl->prepared) return refused_by_openssl("the key cannot be made ready to sign");
  }
  return PrivateKey(std::move(impl));
}

Result<PrivateKey> PrivateKey::generate(Algorithm algorithm) {
  EVP_PKEY* key = nullptr;
  switch (algorithm) {
    case Algorithm::rsasha256:
    case Algorithm::rsasha512:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", kRsaNewBits);
      break;
    case Algorithm::ecdsa_p256:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
      break;
    case Algorithm::ecdsa_p384:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384");
      break;
    case Algorithm::ed25519:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
      break;
    case Algorithm::ed448:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448");
      break;
    case Algorithm::sm2sm3:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "SM2");
      break;
    default:
      return fail(Code::unsupported,
                  fmt::format("no keys are made for DNSSEC algorithm {}; use 13 (ECDSAP256SHA256)",
                              static_cast<unsigned>(algorithm)));
  }
  if (key == nullptr) return refused_by_openssl("no key can be made");
  return Impl::wrap(evp::Key(key), algorithm);
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view text, std::optional<Algorithm> expected) {
  if (text.size() > kPemMax)
    return fail(Code::too_large,
                fmt::format("the key file has more than {} octets; is it a PEM key?", kPemMax));
  evp::Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  // Without a callback OpenSSL would ask for a pass phrase on the terminal.
  auto no_pass_phrase = [](char*, int, int, void*) { return -1; };
  evp::Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr) : nullptr);
  if (!key) {
    ERR_clear_error();
    return fail(Code::bad_syntax,
                "this is no private key in PEM form, or it is encrypted; give PKCS #8 without encryption");
  }
  auto algorithm = algorithm_of(key.get());
  if (!algorithm)
    return fail(
        Code::unsupported,
        "the key is of a kind that DNSSEC does not sign with; use RSA, P-256, P-384, Ed25519, Ed448 or SM2");
  if (*algorithm == Algorithm::rsasha256) {
    const int bits = EVP_PKEY_get_bits(key.get());
    if (bits < kRsaSignMinBits || bits > evp::kRsaMaxBits)
      return fail(Code::unsupported, fmt::format("the RSA key has {} bits; use {} to {}", bits,
                                                 kRsaSignMinBits, evp::kRsaMaxBits));
    if (expected == Algorithm::rsasha512) algorithm = expected;
  }
  if (expected && *algorithm != *expected)
    return fail(Code::bad_syntax,
                fmt::format("the key is for {}, not for {}; give the right key file or algorithm",
                            mnemonic(*algorithm), mnemonic(*expected)));
  evp::Context check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  auto field = public_field(key.get(), *algorithm);
  if (!check || EVP_PKEY_pairwise_check(check.get()) != 1 || !field ||
      !PublicKey::from_dnskey(*algorithm, *field)) {
    ERR_clear_error();
    return fail(Code::bad_syntax,
                "the two halves of the key do not belong together, or its numbers are unusable; "
                "take the file from a backup");
  }
  return Impl::wrap(std::move(key), *algorithm);
}

std::string PrivateKey::to_pem() const {
  evp::Bio bio(BIO_new(BIO_s_secmem()));
  CHECK(bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), impl_->key.get(), nullptr, nullptr, 0, nullptr,
                                             nullptr) == 1);
  std::string out;
  out.reserve(kPemMax);  // so that no copy of the secret is left behind by growing
  char part[512];
  std::size_t got = 0;
  while (BIO_read_ex(bio.get(), part, sizeof part, &got) == 1) out.append(part, got);
  OPENSSL_cleanse(part, sizeof part);
  return out;
}

Algorithm PrivateKey::algorithm() const {
  return impl_->algorithm;
}
Bytes PrivateKey::public_key_field() const {
  return impl_->public_key_field;
}
std::size_t PrivateKey::signature_size() const {
  return impl_->signature_size;
}

Result<Bytes> PrivateKey::sign(ByteView message) const {
  constexpr std::string_view kWhat = "no signature can be made";
  const auto family = evp::family(impl_->algorithm);
  if (family == evp::Family::eddsa) {
    Bytes out(impl_->signature_size);
    std::size_t size = out.size();
    evp::MdContext context(EVP_MD_CTX_new());
    if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, impl_->key.get()) != 1 ||
        EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) != 1 ||
        size != out.size())
      return refused_by_openssl(kWhat);
    return out;
  }
  const auto digest = evp::hash(impl_->algorithm, message, impl_->prefix);
  evp::Context context(EVP_PKEY_CTX_dup(impl_->prepared.get()));
  if (!context) return refused_by_openssl(kWhat);
  if (family == evp::Family::rsa) {
    Bytes out(impl_->signature_size);
    std::size_t size = out.size();
    if (EVP_PKEY_sign(context.get(), out.data(), &size, digest.octets.data(), digest.size) != 1 ||
        size != out.size())
      return refused_by_openssl(kWhat);
    return out;
  }
  std::array<std::uint8_t, 128> der;
  std::size_t size = der.size();
  if (EVP_PKEY_sign(context.get(), der.data(), &size, digest.octets.data(), digest.size) != 1)
    return refused_by_openssl(kWhat);
  auto out = evp::fixed_from_der({der.data(), size}, impl_->signature_size / 2);
  if (!out) return refused_by_openssl(kWhat);
  return *std::move(out);
}

}  // namespace onoma::crypto
