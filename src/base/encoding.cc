#include "base/encoding.h"

#include <array>
#include <cstdint>

namespace onoma {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kBase32Hex = "0123456789abcdefghijklmnopqrstuv";

using Table = std::array<std::uint8_t, 256>;
constexpr std::uint8_t kNone = 0xff;  // no digit

constexpr Table inverse(std::string_view alphabet, bool fold) {
  Table table{};
  table.fill(kNone);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    const auto c = static_cast<unsigned char>(alphabet[i]);
    table[c] = static_cast<std::uint8_t>(i);
    if (fold && c >= 'a' && c <= 'z') table[c - 32] = static_cast<std::uint8_t>(i);
  }
  return table;
}

// Radix-2^k text without padding; bits are taken from the top.
std::string encode(ByteView data, std::string_view alphabet, unsigned bits) {
  std::string out;
  out.reserve((data.size() * 8 + bits - 1) / bits);
  std::uint32_t buffer = 0;
  unsigned held = 0;
  const std::uint32_t mask = (1U << bits) - 1;
  for (auto octet : data) {
    buffer = buffer << 8 | octet;
    held += 8;
    while (held >= bits) {
      held -= bits;
      out += alphabet[buffer >> held & mask];
    }
  }
  if (held > 0) out += alphabet[buffer << (bits - held) & mask];
  return out;
}

std::optional<Bytes> decode(std::string_view text, const Table& table, unsigned bits) {
  Bytes out;
  out.reserve(text.size() * bits / 8);
  std::uint32_t buffer = 0;
  unsigned held = 0;
  for (char c : text) {
    const std::uint32_t value = table[static_cast<unsigned char>(c)];
    if (value == kNone) return std::nullopt;
    buffer = buffer << bits | value;
    held += bits;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<std::uint8_t>(buffer >> held));
    }
  }
  // A canonical text leaves fewer than `bits` spare bits, all zero.
  if (held >= bits || (buffer & ((1U << held) - 1)) != 0) return std::nullopt;
  return out;
}

}  // namespace

std::string hex(ByteView data) {
  return encode(data, kHex, 4);
}

std::optional<Bytes> from_hex(std::string_view text) {
  static constexpr Table kTable = inverse(kHex, true);
  if (text.size() % 2 != 0) return std::nullopt;
  return decode(text, kTable, 4);
}

std::string base64(ByteView data) {
  auto out = encode(data, kBase64, 6);
  while (out.size() % 4 != 0) out += '=';
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  static constexpr Table kTable = inverse(kBase64, false);
  if (text.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode(text, kTable, 6);
}

std::string base64url(ByteView data) {
  return encode(data, kBase64Url, 6);
}

std::optional<Bytes> from_base64url(std::string_view text) {
  static constexpr Table kTable = inverse(kBase64Url, false);
  return decode(text, kTable, 6);
}

std::string base32hex(ByteView data) {
  return encode(data, kBase32Hex, 5);
}

std::optional<Bytes> from_base32hex(std::string_view text) {
  static constexpr Table kTable = inverse(kBase32Hex, true);
  return decode(text, kTable, 5);
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t more = lead < 0x80                    ? 0
                             : lead >= 0xC2 && lead <= 0xDF ? 1
                             : (lead & 0xF0) == 0xE0        ? 2
                             : lead >= 0xF0 && lead <= 0xF4 ? 3
                                                            : 9;
    if (more == 9 || text.size() - i <= more) return false;
    std::uint32_t point = more == 0 ? lead : lead & (0x3FU >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      point = point << 6 | (next & 0x3F);
    }
    if ((more == 2 && (point < 0x800 || (point >= 0xD800 && point <= 0xDFFF))) ||
        (more == 3 && (point < 0x10000 || point > 0x10FFFF)))
      return false;
    i += more + 1;
  }
  return true;
}

}  // namespace onoma
