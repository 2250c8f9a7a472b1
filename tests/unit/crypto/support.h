// What the tests of crypto share.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/rng.h"

namespace onoma::crypto::test {

// Octets from hex; spaces are skipped.
inline Bytes h(std::string_view text) {
  std::string packed;
  for (char c : text)
    if (c != ' ') packed += c;
  auto octets = from_hex(packed);
  EXPECT_TRUE(octets) << text;
  return octets.value_or(Bytes{});
}
inline Bytes b64(std::string_view text) {
  auto octets = from_base64(text);
  EXPECT_TRUE(octets) << text;
  return octets.value_or(Bytes{});
}
template <class Octets>
std::string hex_of(const Octets& octets) {
  return hex(ByteView(octets));
}

// Always the same octet.
class ConstantRng final : public Rng {
 public:
  explicit ConstantRng(std::uint8_t octet) : octet_(octet) {}
  void fill(MutableBytes out) override { std::fill(out.begin(), out.end(), octet_); }

 private:
  std::uint8_t octet_;
};

}  // namespace onoma::crypto::test
