// ASCII lower case over runs of octets, eight at a time. Internal to wire.
#pragma once

#include <cstdint>
#include <cstring>

#include "wire/name.h"

namespace onoma::wire::detail {

inline std::uint64_t load_word(const std::uint8_t* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Each octet of `word` in lower case; octets above 7F stay as they are.
inline std::uint64_t lower_word(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  const std::uint64_t seven_bits = word & (0x7F * kOnes);
  const std::uint64_t above_z = seven_bits + (0x7F - 'Z') * kOnes;
  const std::uint64_t from_a = seven_bits + (0x80 - 'A') * kOnes;
  const std::uint64_t upper = ~word & (from_a ^ above_z) & (0x80 * kOnes);
  return word | upper >> 2;
}

// From `in` to `out`, which may be the same place but must not overlap otherwise.
inline void lower_copy(std::uint8_t* out, const std::uint8_t* in, std::size_t size) {
  if (size < 8) {
    for (; size > 0; --size) *out++ = ascii_lower(*in++);
    return;
  }
  const auto one = [&](std::size_t at) {
    const std::uint64_t word = lower_word(load_word(in + at));
    std::memcpy(out + at, &word, sizeof word);
  };
  for (std::size_t at = 0; at + 8 < size; at += 8) one(at);
  one(size - 8);  // may overlap the word before: lowering twice does no harm
}

inline bool equal_lower(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  if (size < 8) {
    for (; size > 0; --size)
      if (ascii_lower(*a++) != ascii_lower(*b++)) return false;
    return true;
  }
  const auto one = [&](std::size_t at) {
    const std::uint64_t x = load_word(a + at), y = load_word(b + at);
    return x == y || lower_word(x) == lower_word(y);
  };
  for (std::size_t at = 0; at + 8 < size; at += 8)
    if (!one(at)) return false;
  return one(size - 8);
}

}  // namespace onoma::wire::detail
