// The keyed hash of the limiter's tables. Its key is drawn when the process starts and its values are never
// shown, so that nobody outside can choose addresses or names that fall together: products of the input and a
// random key are a universal family, for which any two inputs chosen without the key collide with about the
// chance of a random function. It must not be used where hash values can be seen; that takes
// crypto::siphash24.
//
// Pure functions, usable from any thread. No allocation.
#pragma once

#include <array>
#include <cstring>

#include "base/bytes.h"
#include "base/rng.h"

namespace onoma::serve {

class LimitHash {
 public:
  explicit LimitHash(Rng& rng) {
    for (auto& word : key_) word = rng.u64();
  }

  // For places in tables. One product: values of near inputs are spread, but not independent.
  std::uint64_t of(std::uint64_t a, std::uint64_t b) const { return fold(a ^ key_[0], b ^ key_[1]); }

  // Good enough for estimates too.
  std::uint64_t of(ByteView data) const {
    const auto* at = data.data();
    auto left = data.size();
    std::uint64_t sum = key_[2] ^ left;
    for (; left > 16; at += 16, left -= 16) sum = fold(word(at) ^ sum, word(at + 8) ^ key_[3]);
    std::uint64_t low = 0, high = 0;
    if (left >= 8) {
      low = word(at);
      high = word(at + left - 8);
    } else if (left >= 4) {
      low = half(at);
      high = half(at + left - 4);
    } else if (left > 0) {
      low = std::uint64_t{at[0]} << 16 | std::uint64_t{at[left / 2]} << 8 | at[left - 1];
    }
    return fold(fold(low ^ sum, high ^ key_[4]), key_[5]);
  }

 private:
  // Octets in the machine's order: the values never leave the process.
  static std::uint64_t word(const std::uint8_t* at) {
    std::uint64_t out = 0;
    std::memcpy(&out, at, sizeof out);
    return out;
  }
  static std::uint64_t half(const std::uint8_t* at) {
    std::uint32_t out = 0;
    std::memcpy(&out, at, sizeof out);
    return out;
  }
  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ using Product = unsigned __int128;
    const auto product = static_cast<Product>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

  std::array<std::uint64_t, 6> key_{};
};

}  // namespace onoma::serve
