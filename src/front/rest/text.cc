#include "front/rest/text.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"

namespace onoma::front {
namespace {

constexpr std::size_t kMaxPairs = 64;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        else
          out += c;
    }
  }
}

// The first character of `text` if it is UTF-8, else nothing.
std::size_t valid_prefix(std::string_view text) {
  for (std::size_t size = 1; size <= 4 && size <= text.size(); ++size)
    if (is_utf8(text.substr(0, size))) return size;
  return 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::ranges::equal(a, b, {}, fold, fold);
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  if (is_utf8(text)) {
    append_escaped(out, text);
  } else {
    while (!text.empty()) {
      const auto size = valid_prefix(text);
      if (size == 0)
        out += "\xef\xbf\xbd";
      else
        append_escaped(out, text.substr(0, size));
      text.remove_prefix(std::max<std::size_t>(1, size));
    }
  }
  out += '"';
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    if (at + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[at + 1]), low = hex_value(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    at += 2;
  }
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c))
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

Result<Query> parse_query(std::string_view text) {
  Query out;
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (pair.empty()) continue;
    if (out.size() == kMaxPairs)
      return fail(Code::out_of_range, fmt::format("more than {} query parameters", kMaxPairs));
    const auto mark = pair.find('=');
    auto name = percent_decode(pair.substr(0, mark));
    auto value = percent_decode(mark == std::string_view::npos ? std::string_view{} : pair.substr(mark + 1));
    if (!name || !value)
      return fail(
          Code::bad_syntax,
          "the query is not percent-encoded UTF-8; write each octet outside A-Z a-z 0-9 - . _ ~ as %XX");
    out.emplace_back(*std::move(name), *std::move(value));
  }
  return out;
}

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const auto end = list.find(',');
    const auto item = list.substr(0, end);
    if (equal_ignoring_case(trimmed(item.substr(0, item.find(';'))), token)) return true;
    list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
  }
  return false;
}

}  // namespace onoma::front
