#include "crypto/mac.h"

#include <bit>

#include <openssl/crypto.h>

namespace onoma::crypto {

template <std::size_t kSize>
Hmac<kSize>::Hmac(ByteView key) {
  std::array<std::uint8_t, ShaStream<kSize>::kBlockSize> block{};
  if (key.size() > block.size()) {
    ShaStream<kSize> hashed;
    hashed.update(key);
    auto digest = hashed.finish();
    std::memcpy(block.data(), digest.data(), digest.size());
    OPENSSL_cleanse(digest.data(), digest.size());
  } else if (!key.empty()) {
    std::memcpy(block.data(), key.data(), key.size());
  }
  for (auto& octet : block) octet ^= 0x36;
  inner_.update(block);
  for (auto& octet : block) octet ^= 0x36 ^ 0x5c;
  outer_.update(block);
  OPENSSL_cleanse(block.data(), block.size());
}

template <std::size_t kSize>
Hmac<kSize>::~Hmac() {
  OPENSSL_cleanse(&inner_, sizeof inner_);
  OPENSSL_cleanse(&outer_, sizeof outer_);
}

template <std::size_t kSize>
Digest<kSize> Hmac<kSize>::finish() {
  outer_.update(inner_.finish());
  return outer_.finish();
}

template class Hmac<20>;
template class Hmac<28>;
template class Hmac<32>;
template class Hmac<48>;
template class Hmac<64>;

namespace {
template <std::size_t kSize>
Digest<kSize> one_shot(ByteView key, ByteView data) {
  Hmac<kSize> hmac(key);
  hmac.update(data);
  return hmac.finish();
}

std::uint64_t load_u64_low_first(const std::uint8_t* at) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
  return value;
}
}  // namespace

Digest<20> hmac_sha1(ByteView key, ByteView data) {
  return one_shot<20>(key, data);
}
Digest<32> hmac_sha256(ByteView key, ByteView data) {
  return one_shot<32>(key, data);
}
Digest<48> hmac_sha384(ByteView key, ByteView data) {
  return one_shot<48>(key, data);
}
Digest<64> hmac_sha512(ByteView key, ByteView data) {
  return one_shot<64>(key, data);
}

std::uint64_t siphash24(const SipKey& key, ByteView data) {
  const std::uint64_t k0 = load_u64_low_first(key.data());
  const std::uint64_t k1 = load_u64_low_first(key.data() + 8);
  // The constants spell "somepseudorandomlygeneratedbytes".
  std::uint64_t v0 = k0 ^ 0x736f6d6570736575;
  std::uint64_t v1 = k1 ^ 0x646f72616e646f6d;
  std::uint64_t v2 = k0 ^ 0x6c7967656e657261;
  std::uint64_t v3 = k1 ^ 0x7465646279746573;
  auto round = [&] {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  };
  auto absorb = [&](std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  };

  std::uint64_t last = static_cast<std::uint64_t>(data.size()) << 56;
  for (; data.size() >= 8; data = data.subspan(8)) absorb(load_u64_low_first(data.data()));
  for (std::size_t i = 0; i < data.size(); ++i) last |= static_cast<std::uint64_t>(data[i]) << (8 * i);
  absorb(last);
  v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace onoma::crypto
