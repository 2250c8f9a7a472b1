// Small pieces of text that the REST door needs: JSON strings, percent-encoding (RFC 3986 §2.1), query
// strings. Pure functions, usable from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace onoma::front {

// A JSON string, quotes included. Octets that are no UTF-8 become U+FFFD.
std::string quoted(std::string_view text);

// %XX once, no more; nullopt when a "%" is not followed by two hex digits or the result is no UTF-8.
std::optional<std::string> percent_decode(std::string_view text);
// Everything but the unreserved characters of RFC 3986 §2.3 as %XX.
std::string percent_encode(std::string_view text);

// The pairs of a query string in order; "+" stays a plus (identifiers may hold one). A name without "=" has
// an empty value. Fails with bad_syntax for what cannot be decoded, out_of_range for more than 64 pairs.
using Query = std::vector<std::pair<std::string, std::string>>;
Result<Query> parse_query(std::string_view text);

// A member of an HTTP list field such as Prefer or Accept, in any case: has_token("respond-async,
// wait=visible", "wait=visible"). Parameters behind ";" are ignored.
bool has_token(std::string_view list, std::string_view token);

}  // namespace onoma::front
