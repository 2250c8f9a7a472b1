// Small pieces of text handling that several schemes need. Internal to ident. Pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace onoma::ident::detail {

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
inline char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
inline char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
}
std::string lower(std::string_view text);  // ASCII only
std::string upper(std::string_view text);  // ASCII only
bool all_digits(std::string_view text);    // and not empty
bool is_ascii(std::string_view text);
std::string_view trim(std::string_view text);  // ASCII white space
bool starts_with_ignoring_case(std::string_view text, std::string_view beginning);
std::vector<std::string_view> split(std::string_view text, char at);
// %XX once; nullopt when a % is not followed by two hex digits.
std::optional<std::string> percent_decode(std::string_view text);

// What every identifier must be: 1–2,048 octets of UTF-8 without C0 controls, DEL and bidi controls
// (U+202A–202E, U+2066–2069). Returns the trimmed text.
Result<std::string_view> check_text(std::string_view text);
// Strips labels ("doi:") from the beginning of `text`, ASCII case ignored. A doubled label is stripped once
// more and gives a warning; a third one is an error.
Result<std::string_view> strip_labels(std::string_view text, std::span<const std::string_view> labels,
                                      std::vector<std::string>& warnings);
// For error messages: in quotes, at most 60 octets, controls and octets that are not UTF-8 replaced.
std::string quoted(std::string_view text);

}  // namespace onoma::ident::detail
