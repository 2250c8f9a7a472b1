#include "wire/zonefile_common.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "wire/octet_case.h"
#include "wire/text.h"

namespace onoma::wire::detail {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint8_t kNone = 0xFF;  // no digit

using Table = std::array<std::uint8_t, 256>;
constexpr Table digits_of(std::string_view alphabet, bool any_case) {
  Table table{};
  table.fill(kNone);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    const auto c = static_cast<std::uint8_t>(alphabet[i]);
    table[c] = static_cast<std::uint8_t>(i);
    if (any_case && c >= 'A' && c <= 'Z') table[c | 0x20U] = static_cast<std::uint8_t>(i);
  }
  return table;
}
constexpr Table kHex = digits_of("0123456789ABCDEF", true);
constexpr Table kBase32Hex = digits_of("0123456789ABCDEFGHIJKLMNOPQRSTUV", true);
constexpr Table kBase64 =
    digits_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", false);

// The high bit of each octet of `word` that is `c`, and no other bit.
std::uint64_t octets_equal(std::uint64_t word, char c) {
  const std::uint64_t differs = word ^ kOnes * static_cast<std::uint8_t>(c);
  return ~(((differs & 0x7F * kOnes) + 0x7F * kOnes) | differs | 0x7F * kOnes);
}

// The `size` octets at `at`, eight at most, the first one lowest; nothing behind them is read.
std::uint64_t load_some(const char* at, std::size_t size) {
  const auto octet = [at](std::size_t i) { return std::uint64_t{static_cast<std::uint8_t>(at[i])}; };
  if (size >= 8) return load_word(reinterpret_cast<const std::uint8_t*>(at));
  if (size >= 4) {
    std::uint32_t low, high;
    std::memcpy(&low, at, sizeof low);
    std::memcpy(&high, at + size - 4, sizeof high);
    return low | std::uint64_t{high} << (8 * (size - 4));
  }
  if (size == 0) return 0;
  return octet(0) | octet(size / 2) << (8 * (size / 2)) | octet(size - 1) << (8 * (size - 1));
}

// Decimal digits only; at most `max`, which has at most ten of them.
bool number(std::string_view text, std::uint64_t max, std::uint64_t& out) {
  if (text.empty() || text.size() > 10) return false;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  out = value;
  return value <= max;
}

// Writes fields one behind the other; `good` falls at the first one that is not plain.
struct Fields {
  std::span<const Token> tokens;
  NameView origin;
  std::uint8_t* const start;
  std::uint8_t* out;
  bool good = true;
  std::size_t at = 0;

  std::string_view next() {
    if (at < tokens.size()) return tokens[at++].text;
    good = false;
    return {};
  }
  std::uint64_t number_to(std::uint64_t max) {
    std::uint64_t value = 0;
    good = number(next(), max, value) && good;
    return value;
  }
  void u8() { *out++ = static_cast<std::uint8_t>(number_to(0xFF)); }
  void u16() {
    store_u16(out, static_cast<std::uint16_t>(number_to(0xFFFF)));
    out += 2;
  }
  void u32() {
    store_u32(out, static_cast<std::uint32_t>(number_to(0xFFFFFFFF)));
    out += 4;
  }
  void name() {
    const std::size_t size = good ? plain_name(next(), origin, out) : 0;
    good = size != 0;
    out += size;
  }
  void hex(std::string_view text);
  void base32(std::string_view text);
  void base64_rest();
  void type() {
    const auto found = common_type(next());
    good = found && good;
    store_u16(out, good ? wire::number(*found) : 0);
    out += 2;
  }
  void time();
  void bitmap();
  std::size_t size() const { return good && at == tokens.size() ? static_cast<std::size_t>(out - start) : 0; }
};

void Fields::hex(std::string_view text) {
  if (text.size() % 2 != 0 ||
      static_cast<std::size_t>(out - start) + text.size() / 2 > kCommonRdataRoom - 300)
    good = false;
  if (!good) return;
  unsigned bad = 0;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const unsigned high = kHex[static_cast<std::uint8_t>(text[i])];
    const unsigned low = kHex[static_cast<std::uint8_t>(text[i + 1])];
    bad |= high | low;
    *out++ = static_cast<std::uint8_t>(high << 4 | low);
  }
  good = (bad & 0x80U) == 0;
}

// A whole number of octets, at most 255.
void Fields::base32(std::string_view text) {
  if (text.empty() || text.size() % 8 != 0 || text.size() / 8 * 5 > 255) good = false;
  if (!good) return;
  *out++ = static_cast<std::uint8_t>(text.size() / 8 * 5);
  unsigned bad = 0;
  for (std::size_t i = 0; i < text.size(); i += 8) {
    std::uint64_t bits = 0;
    for (std::size_t k = 0; k < 8; ++k) {
      const unsigned digit = kBase32Hex[static_cast<std::uint8_t>(text[i + k])];
      bad |= digit;
      bits = bits << 5 | (digit & 0x1FU);
    }
    for (int shift = 32; shift >= 0; shift -= 8) *out++ = static_cast<std::uint8_t>(bits >> shift);
  }
  good = (bad & 0x80U) == 0;
}

// The words to the end, joined as they stand: each one whole groups of four, padding in the last one only.
void Fields::base64_rest() {
  if (at == tokens.size()) good = false;
  for (; good && at < tokens.size(); ++at) {
    std::string_view text = tokens[at].text;
    if (text.empty() || text.size() % 4 != 0 ||
        static_cast<std::size_t>(out - start) + text.size() > kCommonRdataRoom - 8) {
      good = false;
      return;
    }
    std::size_t padding = 0;
    if (at + 1 == tokens.size()) padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    unsigned bad = 0;
    const auto group = [&](const char* in, std::uint8_t fourth, std::uint8_t third) {
      const unsigned a = kBase64[static_cast<std::uint8_t>(in[0])],
                     b = kBase64[static_cast<std::uint8_t>(in[1])];
      bad |= a | b | third | fourth;
      return a << 18 | b << 12 | unsigned{third} << 6 | fourth;
    };
    const auto digit = [](char c) { return kBase64[static_cast<std::uint8_t>(c)]; };
    const std::size_t whole = text.size() - (padding != 0 ? 4 : 0);
    for (std::size_t i = 0; i < whole; i += 4) {
      const unsigned bits = group(&text[i], digit(text[i + 3]), digit(text[i + 2]));
      out[0] = static_cast<std::uint8_t>(bits >> 16);
      out[1] = static_cast<std::uint8_t>(bits >> 8);
      out[2] = static_cast<std::uint8_t>(bits);
      out += 3;
    }
    if (padding != 0) {
      const unsigned bits = group(&text[whole], 0, padding == 1 ? digit(text[whole + 2]) : std::uint8_t{0});
      *out++ = static_cast<std::uint8_t>(bits >> 16);
      if (padding == 1) *out++ = static_cast<std::uint8_t>(bits >> 8);
      if ((bits & (padding == 1 ? 0xFFU : 0xFFFFU)) != 0) good = false;  // spare bits are zero
    }
    if ((bad & 0x80U) != 0) good = false;
  }
}

// YYYYMMDDHHmmSS from 1970 to 2105 on a day that every month has; the engine knows the others.
void Fields::time() {
  const std::string_view text = next();
  unsigned digits[14];
  if (text.size() != 14) good = false;
  if (!good) return;
  for (std::size_t i = 0; i < 14; ++i) {
    if (!is_digit(text[i])) {
      good = false;
      return;
    }
    digits[i] = static_cast<unsigned>(text[i] - '0');
  }
  const auto two = [&](std::size_t i) { return digits[i] * 10 + digits[i + 1]; };
  const unsigned year = two(0) * 100 + two(2), month = two(4), day = two(6);
  const unsigned hour = two(8), minute = two(10), second = two(12);
  if (year < 1970 || year > 2105 || month < 1 || month > 12 || day < 1 || day > 28 || hour > 23 ||
      minute > 59 || second > 59) {
    good = false;
    return;
  }
  // Days before the month, counted from 1 March, so that the leap day comes last.
  const unsigned years = month > 2 ? year : year - 1, months = month > 2 ? month - 3 : month + 9;
  const unsigned days =
      years * 365 + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 1;
  constexpr unsigned kEpoch = 1969 * 365 + 1969 / 4 - 1969 / 100 + 1969 / 400 + 306;  // 1970-01-01
  store_u32(out, ((days - kEpoch) * 24 + hour) * 3600 + minute * 60 + second);
  out += 4;
}

// Types of the first window only, in any order.
void Fields::bitmap() {
  if (at == tokens.size()) return;
  std::uint8_t map[32] = {};
  std::size_t size = 0;
  for (; at < tokens.size(); ++at) {
    const auto type = common_type(tokens[at].text);
    if (!type) {
      good = false;
      return;
    }
    const std::size_t n = wire::number(*type);  // common types are all below 256
    map[n / 8] |= static_cast<std::uint8_t>(0x80U >> n % 8);
    size = std::max(size, n / 8 + 1);
  }
  *out++ = 0;
  *out++ = static_cast<std::uint8_t>(size);
  std::memcpy(out, map, size);
  out += size;
}

}  // namespace

std::optional<RRType> common_type(std::string_view word) {
  const auto packed = [](std::string_view text) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
      value |= std::uint64_t{static_cast<std::uint8_t>(text[i])} << (8 * i);
    return value;
  };
  // A zero octet at the end would be lost in the packing.
  if (word.empty() || word.size() > 8 || word.back() == '\0') return std::nullopt;
  switch (load_some(word.data(), word.size())) {
    case packed("A"):
      return RRType::A;
    case packed("NS"):
      return RRType::NS;
    case packed("DS"):
      return RRType::DS;
    case packed("MX"):
      return RRType::MX;
    case packed("SOA"):
      return RRType::SOA;
    case packed("TXT"):
      return RRType::TXT;
    case packed("AAAA"):
      return RRType::AAAA;
    case packed("NSEC"):
      return RRType::NSEC;
    case packed("RRSIG"):
      return RRType::RRSIG;
    case packed("CNAME"):
      return RRType::CNAME;
    case packed("NSEC3"):
      return RRType::NSEC3;
    case packed("DNSKEY"):
      return RRType::DNSKEY;
    default:
      return std::nullopt;
  }
}

std::size_t plain_name(std::string_view text, NameView origin, std::uint8_t* out) {
  const std::size_t size = text.size();
  if (size == 0 || size >= kMaxNameOctets) return 0;
  if (text[0] == '@' && size == 1) return 0;
  // Text octet i goes to out[i + 1]; out[label] is where the length of the label that starts at text octet
  // `label` goes: in front of it, onto the dot that ended the label before.
  std::size_t label = 0;
  for (std::size_t i = 0; i < size; i += 8) {
    const std::size_t left = size - i;
    const std::uint64_t word = load_some(text.data() + i, left);
    std::memcpy(out + i + 1, &word, sizeof word);
    if (octets_equal(word, '\\') != 0) return 0;
    for (std::uint64_t dots = octets_equal(word, '.'); dots != 0; dots &= dots - 1) {
      const std::size_t dot = i + static_cast<std::size_t>(std::countr_zero(dots)) / 8;
      const std::size_t label_size = dot - label;
      if (label_size == 0 || label_size > kMaxLabelOctets) return 0;
      out[label] = static_cast<std::uint8_t>(label_size);
      label = dot + 1;
    }
  }
  if (label == size) {  // absolute
    out[size] = 0;
    return size + 1;
  }
  const std::size_t label_size = size - label;
  if (label_size > kMaxLabelOctets || size + 1 + origin.size() > kMaxNameOctets) return 0;
  out[label] = static_cast<std::uint8_t>(label_size);
  std::memcpy(out + size + 1, origin.wire().data(), origin.size());
  return size + 1 + origin.size();
}

std::size_t common_rdata(RRType type, std::span<const Token> tokens, NameView origin, std::uint8_t* out) {
  Fields in{.tokens = tokens, .origin = origin, .start = out, .out = out};
  switch (type) {
    case RRType::A:
      return tokens.size() == 1 && parse_ipv4(tokens[0].text, out) ? 4 : 0;
    case RRType::AAAA:
      return tokens.size() == 1 && parse_ipv6(tokens[0].text, out) ? 16 : 0;
    case RRType::NS:
    case RRType::CNAME:
      in.name();
      return in.size();
    case RRType::MX:
      in.u16();
      in.name();
      return in.size();
    case RRType::SOA:
      in.name();
      in.name();
      in.u32();
      for (int i = 0; i < 4; ++i) in.u32();
      return in.size();
    case RRType::DS: {
      in.u16();
      in.u8();
      in.u8();
      do {
        const auto digits = in.next();
        in.good = in.good && !digits.empty();
        in.hex(digits);
      } while (in.good && in.at < tokens.size());
      return in.size();
    }
    case RRType::DNSKEY:
      in.u16();
      in.u8();
      in.u8();
      in.base64_rest();
      return in.size();
    case RRType::RRSIG:
      in.type();
      in.u8();
      in.u8();
      in.u32();
      in.time();
      in.time();
      in.u16();
      in.name();
      in.base64_rest();
      return in.size();
    case RRType::NSEC:
      in.name();
      in.bitmap();
      return in.size();
    case RRType::NSEC3: {
      in.u8();
      in.u8();
      in.u16();
      const auto salt = in.next();
      const bool none = salt == "-";
      if (!in.good || (!none && (salt.empty() || salt.size() > 510))) return 0;
      *in.out++ = none ? std::uint8_t{0} : static_cast<std::uint8_t>(salt.size() / 2);
      if (!none) in.hex(salt);
      in.base32(in.next());
      in.bitmap();
      return in.size();
    }
    default:
      return 0;
  }
}

}  // namespace onoma::wire::detail
