// Rule R4: prefix and suffix of an identifier as labels of a DNS name, and back.
//   <suffix labels>._h.<arcs reversed>.<scheme>.<apex>        an object
//   <arcs reversed>.<scheme>.<apex>                           the prefix itself
// The suffix is written plainly where it is a harmless label, else as base32hex in chunks of 60 characters
// ("x--" the first, next to _h, "y--" the others to its left), else, when that does not fit into 255 octets,
// as "h--" and the base32hex SHA-256 of the suffix. The choice depends on the suffix alone, so that each
// identifier has exactly one name. "_h" keeps objects off delegation points; "x--" keeps hyphens out of
// places three and four (RFC 5890). Pure functions, usable from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/name.h"

namespace onoma::ident {

// Can the text stand as a label as it is? Letters, digits and inner hyphens, lower case, none of the marks
// above.
bool is_plain_label(std::string_view text);

// `arcs` as they are written ("10", "1000"), `node` the scheme's name ("hdl.id.example."). Errors: too_large
// when the prefix leaves no room, bad_syntax for an arc that cannot be a label.
Result<wire::Name> prefix_name(std::span<const std::string> arcs, wire::NameView node);
Result<wire::Name> suffix_name(std::string_view suffix, std::span<const std::string> arcs,
                               wire::NameView node);
// The hashed form, whatever the suffix.
Result<wire::Name> hashed_name(std::string_view suffix, std::span<const std::string> arcs,
                               wire::NameView node);

struct DecodedName {
  std::vector<std::string> arcs;                     // as they are written
  std::optional<std::string> suffix;                 // absent: the prefix itself, or a hashed name
  std::optional<std::array<std::uint8_t, 32>> hash;  // SHA-256 of the suffix
};
// Reads a name at or below `node`. not_found unless the name is exactly the one that the functions above
// make. `arcs` and `suffix` are UTF-8, nothing more is checked.
Result<DecodedName> decode_suffix_name(wire::NameView name, wire::NameView node);

}  // namespace onoma::ident
