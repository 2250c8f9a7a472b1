// Short cuts for what most records of large zones look like: names and data without escapes, written at once
// where they belong. Every function either says what the record-data engine would say, or declines, and then
// the engine looks and complains. Internal to wire; pure functions.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "wire/name.h"
#include "wire/rdata_fields.h"

namespace onoma::wire::detail {

// Room that plain_name wants: it writes whole words.
inline constexpr std::size_t kPlainNameRoom = kMaxNameOctets + 9;
// Room that common_rdata wants.
inline constexpr std::size_t kCommonRdataRoom = 4096;

// The commonest mnemonics in upper case.
std::optional<RRType> common_type(std::string_view word);

// Writes a name of several labels or one, not "@", "." or one with escapes; its size, or 0: declined.
std::size_t plain_name(std::string_view text, NameView origin, std::uint8_t* out);

// Writes the record data; their size, or 0: declined.
std::size_t common_rdata(RRType type, std::span<const Token> tokens, NameView origin, std::uint8_t* out);

}  // namespace onoma::wire::detail
