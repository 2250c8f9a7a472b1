// Small pieces of presentation format: names, character strings, numbers, addresses. Internal to wire: the
// record-data engine and the zone-file parser share them. Nothing here allocates but the strings and vectors
// appended to.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "wire/error.h"
#include "wire/name.h"

namespace onoma::wire::detail {

// --- printing ---
void append_name(std::string& out, NameView name);
// In double quotes; quote and backslash escaped, everything outside 20–7E as \DDD.
void append_quoted(std::string& out, ByteView octets);
// The same without the quotes.
void append_escaped(std::string& out, ByteView octets);
void append_number(std::string& out, std::uint64_t value);
void append_ipv4(std::string& out, const std::uint8_t* address);
void append_ipv6(std::string& out, const std::uint8_t* address);  // RFC 5952
void append_hex(std::string& out, ByteView octets);               // upper case

// --- parsing ---
// Writes the name to `out` (kMaxNameOctets), returns its size. "@" is the origin.
std::expected<std::size_t, WireError> parse_name(std::string_view text, NameView origin, std::uint8_t* out);
// One \X or \DDD behind the backslash at text[at]; moves `at` behind it. nullopt: not an escape.
std::optional<std::uint8_t> parse_escape(std::string_view text, std::size_t& at);
// Decodes the escapes of `text` onto the end of `out`; false on a bad escape.
bool append_unescaped(Bytes& out, std::string_view text);
// Decimal digits only, at most `max`.
std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max);
// Seconds, plain or with the units s m h d w: "3600", "1h30m".
std::optional<std::uint32_t> parse_ttl(std::string_view text);
bool parse_ipv4(std::string_view text, std::uint8_t* out);
bool parse_ipv6(std::string_view text, std::uint8_t* out);
// Hex digits onto the end of `out`; an even number of them.
bool append_from_hex(Bytes& out, std::string_view text);
int hex_digit(char c);  // -1: none

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace onoma::wire::detail
