#include "wire/text.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace onoma::wire::detail {
namespace {

// How an octet is printed inside a label.
enum class Print : std::uint8_t { plain, backslash, decimal };

constexpr std::array<Print, 256> label_printing() {
  std::array<Print, 256> table{};
  for (std::size_t i = 0; i < 256; ++i) table[i] = i > 0x20 && i < 0x7F ? Print::plain : Print::decimal;
  for (char c : std::string_view(".\";@$()\\")) table[static_cast<std::uint8_t>(c)] = Print::backslash;
  return table;
}
constexpr auto kLabelPrinting = label_printing();

void append_decimal_escape(std::string& out, std::uint8_t octet) {
  const char text[4] = {'\\', static_cast<char>('0' + octet / 100), static_cast<char>('0' + octet / 10 % 10),
                        static_cast<char>('0' + octet % 10)};
  out.append(text, 4);
}

}  // namespace

void append_name(std::string& out, NameView name) {
  if (name.is_root()) {
    out.push_back('.');
    return;
  }
  for (const std::uint8_t* at = name.wire().data(); *at != 0;) {
    for (std::size_t left = *at++; left > 0; --left, ++at) {
      switch (kLabelPrinting[*at]) {
        case Print::backslash:
          out.push_back('\\');
          [[fallthrough]];
        case Print::plain:
          out.push_back(static_cast<char>(*at));
          break;
        case Print::decimal:
          append_decimal_escape(out, *at);
          break;
      }
    }
    out.push_back('.');
  }
}

void append_escaped(std::string& out, ByteView octets) {
  for (const std::uint8_t octet : octets) {
    if (octet == '"' || octet == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(octet));
    } else if (octet >= 0x20 && octet < 0x7F) {
      out.push_back(static_cast<char>(octet));
    } else {
      append_decimal_escape(out, octet);
    }
  }
}

void append_quoted(std::string& out, ByteView octets) {
  out.push_back('"');
  append_escaped(out, octets);
  out.push_back('"');
}

void append_number(std::string& out, std::uint64_t value) {
  char digits[20];
  char* at = digits + sizeof digits;
  do {
    *--at = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  out.append(at, static_cast<std::size_t>(digits + sizeof digits - at));
}

void append_ipv4(std::string& out, const std::uint8_t* address) {
  for (int i = 0; i < 4; ++i) {
    if (i > 0) out.push_back('.');
    append_number(out, address[i]);
  }
}

void append_ipv6(std::string& out, const std::uint8_t* address) {
  // The longest run of two or more zero groups becomes "::".
  int best = -1, best_size = 1;
  for (int i = 0; i < 8;) {
    int end = i;
    while (end < 8 && load_u16(address + 2 * end) == 0) ++end;
    if (end - i > best_size) best = i, best_size = end - i;
    i = end == i ? i + 1 : end;
  }
  for (int i = 0; i < 8; ++i) {
    if (i == best) {
      out.append("::");
      i += best_size - 1;
      continue;
    }
    if (i > 0 && i != best + best_size) out.push_back(':');
    const std::uint16_t group = load_u16(address + 2 * i);
    bool started = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
      const auto digit = static_cast<std::size_t>(group >> shift & 0xF);
      if (digit == 0 && !started && shift > 0) continue;
      started = true;
      out.push_back("0123456789abcdef"[digit]);
    }
  }
}

void append_hex(std::string& out, ByteView octets) {
  for (const std::uint8_t octet : octets) {
    out.push_back("0123456789ABCDEF"[octet >> 4]);
    out.push_back("0123456789ABCDEF"[octet & 0xF]);
  }
}

std::optional<std::uint8_t> parse_escape(std::string_view text, std::size_t& at) {
  if (at + 1 >= text.size()) return std::nullopt;
  const char c = text[at + 1];
  if (!is_digit(c)) {
    at += 2;
    return static_cast<std::uint8_t>(c);
  }
  if (at + 3 >= text.size() || !is_digit(text[at + 2]) || !is_digit(text[at + 3])) return std::nullopt;
  const int value = (c - '0') * 100 + (text[at + 2] - '0') * 10 + (text[at + 3] - '0');
  if (value > 255) return std::nullopt;
  at += 4;
  return static_cast<std::uint8_t>(value);
}

std::expected<std::size_t, WireError> parse_name(std::string_view text, NameView origin, std::uint8_t* out) {
  if (text == "@") {
    std::memcpy(out, origin.wire().data(), origin.size());
    return origin.size();
  }
  if (text == ".") {
    out[0] = 0;
    return 1;
  }
  std::size_t label = 0;  // where the length of the label under way goes
  std::size_t size = 1;   // octets written, that length included
  std::size_t at = 0;
  while (at < text.size()) {
    // A run of plain characters is moved at once.
    const std::size_t run = at;
    while (at < text.size() && text[at] != '.' && text[at] != '\\') ++at;
    const std::size_t run_size = at - run;
    if (size - label - 1 + run_size > kMaxLabelOctets) return std::unexpected(WireError::label_too_long);
    if (size + run_size > kMaxNameOctets) return std::unexpected(WireError::name_too_long);
    std::memcpy(out + size, text.data() + run, run_size);
    size += run_size;
    if (at == text.size()) break;
    if (text[at] == '\\') {
      auto escaped = parse_escape(text, at);
      if (!escaped) return std::unexpected(WireError::bad_escape);
      if (size - label > kMaxLabelOctets) return std::unexpected(WireError::label_too_long);
      if (size >= kMaxNameOctets) return std::unexpected(WireError::name_too_long);
      out[size++] = *escaped;
      continue;
    }
    const std::size_t label_size = size - label - 1;
    if (label_size == 0) return std::unexpected(WireError::empty_label);
    out[label] = static_cast<std::uint8_t>(label_size);
    if (size >= kMaxNameOctets) return std::unexpected(WireError::name_too_long);
    if (++at == text.size()) {  // absolute
      out[size] = 0;
      return size + 1;
    }
    label = size++;
  }
  const std::size_t label_size = size - label - 1;
  if (label_size == 0) return std::unexpected(WireError::empty_label);
  out[label] = static_cast<std::uint8_t>(label_size);
  if (size + origin.size() > kMaxNameOctets) return std::unexpected(WireError::name_too_long);
  std::memcpy(out + size, origin.wire().data(), origin.size());
  return size + origin.size();
}

bool append_unescaped(Bytes& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      out.push_back(static_cast<std::uint8_t>(text[at++]));
      continue;
    }
    auto octet = parse_escape(text, at);
    if (!octet) return false;
    out.push_back(*octet);
  }
  return true;
}

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
  if (text.empty() || text.size() > 20) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  if (value > max) return std::nullopt;
  return value;
}

std::optional<std::uint32_t> parse_ttl(std::string_view text) {
  if (text.empty() || text.size() > 40) return std::nullopt;
  std::uint64_t total = 0, value = 0;
  bool digits = false, units = false;
  for (const char c : text) {
    if (is_digit(c)) {
      value = value * 10 + static_cast<std::uint64_t>(c - '0');
      digits = true;
      if (value > UINT32_MAX) return std::nullopt;
      continue;
    }
    if (!digits) return std::nullopt;
    std::uint64_t unit = 0;
    switch (c) {
      case 's':
      case 'S':
        unit = 1;
        break;
      case 'm':
      case 'M':
        unit = 60;
        break;
      case 'h':
      case 'H':
        unit = 3600;
        break;
      case 'd':
      case 'D':
        unit = 86400;
        break;
      case 'w':
      case 'W':
        unit = 604800;
        break;
      default:
        return std::nullopt;
    }
    total += value * unit;
    value = 0;
    digits = false;
    units = true;
    if (total > UINT32_MAX) return std::nullopt;
  }
  if (digits && units) return std::nullopt;  // "1h30": the unit of the 30 is anybody's guess
  total += value;
  if (total > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(total);
}

bool parse_ipv4(std::string_view text, std::uint8_t* out) {
  std::size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at >= text.size() || text[at++] != '.')) return false;
    const std::size_t start = at;
    unsigned value = 0;
    while (at < text.size() && is_digit(text[at]) && at - start < 3)
      value = value * 10 + static_cast<unsigned>(text[at++] - '0');
    if (at == start || value > 255 || (text[start] == '0' && at - start > 1)) return false;
    out[part] = static_cast<std::uint8_t>(value);
  }
  return at == text.size();
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool parse_ipv6(std::string_view text, std::uint8_t* out) {
  std::uint8_t groups[16] = {};
  std::size_t size = 0;  // octets written
  std::size_t gap = SIZE_MAX;
  std::size_t at = 0;
  if (text.starts_with("::")) {
    gap = 0;
    at = 2;
  }
  while (at < text.size()) {
    if (size == 16) return false;
    const std::size_t start = at;
    unsigned value = 0;
    int digit;
    while (at < text.size() && at - start < 4 && (digit = hex_digit(text[at])) >= 0) {
      value = value << 4 | static_cast<unsigned>(digit);
      ++at;
    }
    if (at < text.size() && text[at] == '.') {  // the last four octets as IPv4
      if (size > 12 || !parse_ipv4(text.substr(start), groups + size)) return false;
      size += 4;
      at = text.size();
      break;
    }
    if (at == start) return false;
    store_u16(groups + size, static_cast<std::uint16_t>(value));
    size += 2;
    if (at == text.size()) break;
    if (text[at] != ':' || at + 1 == text.size()) return false;
    ++at;
    if (text[at] == ':') {
      if (gap != SIZE_MAX) return false;
      gap = size;
      ++at;
    }
  }
  if (gap == SIZE_MAX) {
    if (size != 16) return false;
    std::memcpy(out, groups, 16);
    return true;
  }
  if (size > 14) return false;
  std::memset(out, 0, 16);
  std::memcpy(out, groups, gap);
  std::memcpy(out + 16 - (size - gap), groups + gap, size - gap);
  return true;
}

bool append_from_hex(Bytes& out, std::string_view text) {
  if (text.size() % 2 != 0) return false;
  for (std::size_t at = 0; at < text.size(); at += 2) {
    const int high = hex_digit(text[at]), low = hex_digit(text[at + 1]);
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return true;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return ascii_lower(static_cast<std::uint8_t>(x)) == ascii_lower(static_cast<std::uint8_t>(y));
         });
}

}  // namespace onoma::wire::detail
