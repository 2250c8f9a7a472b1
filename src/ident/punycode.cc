#include "ident/punycode.h"

#include <cstdint>

namespace onoma::ident {
namespace {

constexpr std::uint32_t kBase = 36, kTMin = 1, kTMax = 26, kSkew = 38, kDamp = 700;
constexpr std::uint32_t kInitialBias = 72, kInitialN = 128, kMaxCodePoint = 0x10FFFF;
constexpr std::size_t kMaxEncoded = 59;

std::uint32_t adapt(std::uint32_t delta, std::uint32_t points, bool first) {
  delta = first ? delta / kDamp : delta / 2;
  delta += delta / points;
  std::uint32_t k = 0;
  for (; delta > (kBase - kTMin) * kTMax / 2; k += kBase) delta /= kBase - kTMin;
  return k + (kBase - kTMin + 1) * delta / (delta + kSkew);
}

int digit_value(char c) {
  if (c >= 'a' && c <= 'z') return c - 'a';
  if (c >= '0' && c <= '9') return c - '0' + 26;
  return -1;
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t octet) { out.push_back(static_cast<char>(octet)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

}  // namespace

std::optional<std::string> punycode_decode(std::string_view text) {
  if (text.empty() || text.size() > kMaxEncoded) return std::nullopt;
  std::u32string points;
  if (const auto dash = text.rfind('-'); dash != text.npos) {
    for (char c : text.substr(0, dash)) {
      if (static_cast<unsigned char>(c) >= 0x80) return std::nullopt;
      points.push_back(static_cast<char32_t>(c));
    }
    text.remove_prefix(dash + 1);
  }
  std::uint32_t n = kInitialN, bias = kInitialBias;
  std::uint64_t i = 0;  // 64 bits: 59 digits could leave 32 bits before the check below
  while (!text.empty()) {
    const std::uint64_t start = i;
    std::uint64_t weight = 1;
    for (std::uint32_t k = kBase;; k += kBase) {
      if (text.empty()) return std::nullopt;
      const int digit = digit_value(text.front());
      if (digit < 0) return std::nullopt;
      text.remove_prefix(1);
      i += static_cast<std::uint64_t>(digit) * weight;
      if (i > 0xFFFFFFFFU) return std::nullopt;
      const std::uint32_t threshold = k <= bias ? kTMin : k >= bias + kTMax ? kTMax : k - bias;
      if (static_cast<std::uint32_t>(digit) < threshold) break;
      weight *= kBase - threshold;
      if (weight > 0xFFFFFFFFU) return std::nullopt;
    }
    const std::uint64_t count = points.size() + 1;
    bias = adapt(static_cast<std::uint32_t>(i - start), static_cast<std::uint32_t>(count), start == 0);
    if (n + i / count > kMaxCodePoint) return std::nullopt;
    n += static_cast<std::uint32_t>(i / count);
    i %= count;
    if (n >= 0xD800 && n <= 0xDFFF) return std::nullopt;
    points.insert(static_cast<std::size_t>(i), 1, static_cast<char32_t>(n));
    ++i;
  }
  std::string out;
  for (char32_t c : points) append_utf8(out, c);
  return out;
}

}  // namespace onoma::ident
