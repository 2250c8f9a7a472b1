#include "crypto/secret.h"

#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "base/encoding.h"
#include "crypto/mac.h"

namespace onoma::crypto {

namespace {

constexpr std::size_t kSaltSize = 16;  // octets
constexpr std::size_t kHashSize = 32;
constexpr std::string_view kTokenKind = "hmac-sha256";
constexpr std::string_view kPasswordKind = "scrypt";

struct Scrypt {
  unsigned log2n = 14, r = 8, p = 5;
  // Bounds for what a stored text may ask for: 256 MiB, and a second or so.
  bool bounded() const { return log2n >= 1 && log2n <= 18 && r >= 1 && r <= 8 && p >= 1 && p <= 16; }
};

std::array<std::uint8_t, kSaltSize> new_salt(Rng& rng) {
  std::array<std::uint8_t, kSaltSize> salt;
  rng.fill(salt);
  return salt;
}

std::optional<Digest<kHashSize>> scrypt(const Scrypt& cost, std::string_view password, ByteView salt) {
  constexpr std::uint64_t kMemoryMax = std::uint64_t{320} << 20;  // octets
  Digest<kHashSize> out;
  if (EVP_PBE_scrypt(password.data(), password.size(), salt.data(), salt.size(),
                     std::uint64_t{1} << cost.log2n, cost.r, cost.p, kMemoryMax, out.data(),
                     out.size()) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(':');
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos || parts.size() > 6) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string new_token(Rng& rng) {
  std::array<std::uint8_t, 32> octets;
  rng.fill(octets);
  auto token = base64url(octets);
  OPENSSL_cleanse(octets.data(), octets.size());
  return token;
}

std::string hash_token(std::string_view token, Rng& rng) {
  const auto salt = new_salt(rng);
  return fmt::format("{}:{}:{}", kTokenKind, base64url(salt), base64url(hmac_sha256(salt, as_bytes(token))));
}

std::string hash_password(std::string_view password, Rng& rng) {
  const Scrypt cost;
  const auto salt = new_salt(rng);
  const auto hash = scrypt(cost, password, salt);
  CHECK(hash);  // only a lack of memory can do this
  return fmt::format("{}:{}:{}:{}:{}:{}", kPasswordKind, cost.log2n, cost.r, cost.p, base64url(salt),
                     base64url(*hash));
}

bool verify_secret(std::string_view stored, std::string_view presented) {
  const auto parts = split(stored);
  if (parts.size() < 3) return false;
  const auto salt = from_base64url(parts[parts.size() - 2]);
  const auto hash = from_base64url(parts.back());
  if (!salt || salt->empty() || !hash || hash->size() != kHashSize) return false;
  if (parts[0] == kTokenKind && parts.size() == 3)
    return constant_time_equal(*hash, hmac_sha256(*salt, as_bytes(presented)));
  if (parts[0] == kPasswordKind && parts.size() == 6) {
    const auto log2n = number(parts[1]), r = number(parts[2]), p = number(parts[3]);
    if (!log2n || !r || !p) return false;
    const Scrypt cost{*log2n, *r, *p};
    if (!cost.bounded()) return false;
    const auto computed = scrypt(cost, presented, *salt);
    return computed && constant_time_equal(*hash, *computed);
  }
  return false;
}

bool constant_time_equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace onoma::crypto
