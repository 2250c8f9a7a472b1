#include "ident/text.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "ident/scheme.h"

namespace onoma::ident::detail {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = upper(c);
  return out;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return is_digit(c); });
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool starts_with_ignoring_case(std::string_view text, std::string_view beginning) {
  return text.size() >= beginning.size() &&
         std::ranges::equal(text.substr(0, beginning.size()), beginning,
                            [](char a, char b) { return lower(a) == lower(b); });
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto end = text.find(at);
    out.push_back(text.substr(0, end));
    if (end == text.npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const auto octet = text.size() - i < 3 ? std::nullopt : from_hex(text.substr(i + 1, 2));
    if (!octet || octet->size() != 1) return std::nullopt;
    out.push_back(static_cast<char>(octet->front()));
    i += 2;
  }
  return out;
}

Result<std::string_view> check_text(std::string_view text) {
  text = trim(text);
  if (text.empty()) return fail(Code::bad_syntax, "the identifier is empty; give one");
  if (text.size() > kMaxIdentifierOctets)
    return fail(Code::bad_syntax, fmt::format("the identifier has {} octets; the limit is {}", text.size(),
                                              kMaxIdentifierOctets));
  if (!is_utf8(text)) return fail(Code::bad_syntax, "the identifier is not UTF-8; convert it and try again");
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7F)
      return fail(
          Code::bad_syntax,
          fmt::format("the identifier holds the control character {:#04x} at octet {}; remove it", c, i));
    if (c != 0xE2 || text.size() - i < 3) continue;
    const auto d = static_cast<unsigned char>(text[i + 1]), e = static_cast<unsigned char>(text[i + 2]);
    if ((d == 0x80 && e >= 0xAA && e <= 0xAE) || (d == 0x81 && e >= 0xA6 && e <= 0xA9))
      return fail(Code::bad_syntax,
                  fmt::format("the identifier holds a writing-direction control at octet {}; remove it", i));
  }
  return text;
}

Result<std::string_view> strip_labels(std::string_view text, std::span<const std::string_view> labels,
                                      std::vector<std::string>& warnings) {
  for (int round = 0;; ++round) {
    const auto label =
        std::ranges::find_if(labels, [&](auto l) { return starts_with_ignoring_case(text, l); });
    if (label == labels.end()) return text;
    if (round == 2)
      return fail(Code::bad_syntax,
                  fmt::format("{} is left behind two labels; give the identifier with one", quoted(text)));
    if (round == 1) warnings.push_back(fmt::format("a second label, {}, was dropped", quoted(*label)));
    text = trim(text.substr(label->size()));
  }
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 60;
  const bool cut = text.size() > kShown;
  std::string shown(text.substr(0, kShown));
  if (cut)  // not in the middle of a character
    while (!shown.empty() && !is_utf8(shown) && shown.size() > kShown - 4) shown.pop_back();
  const bool utf8 = is_utf8(shown);
  for (char& c : shown) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7F || (!utf8 && octet >= 0x80)) c = '?';
  }
  return fmt::format("\"{}{}\"", shown, cut ? "…" : "");
}

}  // namespace onoma::ident::detail
