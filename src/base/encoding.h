// Hex, base64 (RFC 4648 §4), base64url (§5, no padding), base32hex (§7, lower case, no padding).
// Decoders are strict: no white space, spare bits zero, correct padding where padding is used; nullopt
// otherwise.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace onoma {

std::string hex(ByteView data);  // lower case
std::optional<Bytes> from_hex(std::string_view text);
std::string base64(ByteView data);
std::optional<Bytes> from_base64(std::string_view text);
std::string base64url(ByteView data);
std::optional<Bytes> from_base64url(std::string_view text);
std::string base32hex(ByteView data);
std::optional<Bytes> from_base32hex(std::string_view text);  // either case

// Valid UTF-8 (RFC 3629: no surrogates, no overlong forms)?
bool is_utf8(std::string_view text);

}  // namespace onoma
