#include "crypto/seal.h"

#include <algorithm>
#include <memory>

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/check.h"

namespace onoma::crypto {

namespace {

struct FreeCipherContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeCipherContext>;

// Looked up once for the life of the program: a lookup takes longer than sealing a contact.
const EVP_CIPHER* cipher() {
  static const EVP_CIPHER* const found = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  CHECK(found != nullptr);
  return found;
}

enum class Direction : int { open = 0, seal = 1 };

CipherContext start(Direction direction, const SealKey& key, const std::uint8_t* nonce) {
  CipherContext context(EVP_CIPHER_CTX_new());
  CHECK(context && EVP_CipherInit_ex2(context.get(), cipher(), key.bytes().data(), nonce,
                                      static_cast<int>(direction), nullptr) == 1);
  return context;
}

// OpenSSL counts in int; larger data goes in pieces. `out` null: associated data.
void feed(EVP_CIPHER_CTX* context, ByteView data, std::uint8_t* out) {
  constexpr std::size_t kPiece = std::size_t{1} << 30;
  while (!data.empty()) {
    const auto piece = data.first(std::min(data.size(), kPiece));
    int written = 0;
    CHECK(EVP_CipherUpdate(context, out, &written, piece.data(), static_cast<int>(piece.size())) == 1);
    if (out != nullptr) out += written;
    data = data.subspan(piece.size());
  }
}

}  // namespace

SealKey SealKey::random(Rng& rng) {
  SealKey key;
  rng.fill(key.octets_);
  return key;
}

Result<SealKey> SealKey::from_bytes(ByteView octets) {
  if (octets.size() != kSize)
    return fail(Code::bad_syntax,
                fmt::format("a sealing key has {} octets, not {}; look for a cut or mixed-up key", kSize,
                            octets.size()));
  SealKey key;
  std::memcpy(key.octets_.data(), octets.data(), kSize);
  return key;
}

SealKey::~SealKey() {
  OPENSSL_cleanse(octets_.data(), octets_.size());
}

Bytes seal(const SealKey& key, ByteView plain, ByteView associated, Rng& rng) {
  Bytes out(kSealOverhead + plain.size());
  rng.fill({out.data(), kSealNonceSize});
  auto context = start(Direction::seal, key, out.data());
  feed(context.get(), associated, nullptr);
  feed(context.get(), plain, out.data() + kSealNonceSize);
  std::uint8_t* tag = out.data() + kSealNonceSize + plain.size();
  int written = 0;
  CHECK(EVP_CipherFinal_ex(context.get(), tag, &written) == 1 && written == 0);
  CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kSealTagSize), tag) == 1);
  return out;
}

Result<Bytes> open(const SealKey& key, ByteView sealed, ByteView associated) {
  if (sealed.size() < kSealOverhead)
    return fail(Code::corrupt, "sealed data is too short to be any; restore it from a backup");
  const auto body = sealed.subspan(kSealNonceSize, sealed.size() - kSealOverhead);
  std::array<std::uint8_t, kSealTagSize> tag;
  std::memcpy(tag.data(), sealed.data() + sealed.size() - kSealTagSize, kSealTagSize);
  auto context = start(Direction::open, key, sealed.data());
  Bytes out(body.size());
  feed(context.get(), associated, nullptr);
  feed(context.get(), body, out.data());
  CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kSealTagSize),
                            tag.data()) == 1);
  int written = 0;
  std::uint8_t none[16];
  if (EVP_CipherFinal_ex(context.get(), none, &written) != 1) {
    ERR_clear_error();
    OPENSSL_cleanse(out.data(), out.size());
    return fail(Code::corrupt,
                "sealed data does not open with this key; it was changed, or belongs to another object");
  }
  return out;
}

}  // namespace onoma::crypto
