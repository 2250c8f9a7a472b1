// Identifier schemes: text → canonical form → DNS name, and back. One table (scheme.cc) lists the schemes;
// everything that depends on a scheme is a function in its row. Source: the grammar and mapping rules R0–R5
// of docs/reference. Pure functions, immutable table, usable from any thread. Identifiers are at most 2,048
// octets of UTF-8.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "wire/name.h"

namespace onoma::ident {

using wire::Name;
using wire::NameView;

inline constexpr std::size_t kMaxIdentifierOctets = 2048;

// An identifier that has been read.
struct Identifier {
  std::string scheme;      // token: "hdl", "oid", "domain"
  std::string canonical;   // with scheme the key of a record
  std::string display;     // as given, trimmed
  std::string prefix;      // the holder's delegation: "10.1000", "1.2.156.3088.1"; empty where there is none
  std::string suffix;      // behind the prefix; empty for a bare prefix and where the scheme has none
  bool is_prefix = false;  // names a prefix, not an object below it
  std::vector<std::pair<std::string, std::string>> parts;  // for people: {"arc", "10"}, …
  std::vector<std::string> warnings;
};

struct Detection {
  Identifier best;
  std::vector<Identifier> alternatives;
};

struct Scheme {
  std::string_view token;
  std::string_view title;
  bool domain_anchored = false;  // R0: lives at its own name; otherwise below an identifier apex
  Result<Identifier> (*parse)(std::string_view text) = nullptr;
  Result<Name> (*dns_name)(const Identifier& identifier, NameView apex) = nullptr;
  // The inverse; hashed names (R4c) give an Identifier with an empty canonical form and `hash` in parts.
  Result<Identifier> (*of_name)(NameView name, NameView apex) = nullptr;
};
std::span<const Scheme> schemes();
const Scheme* find_scheme(std::string_view token);

// Reads `text` as scheme `scheme`, or detects it when `scheme` is empty. Errors: bad_syntax, bad_check,
// unknown_identifier, ambiguous (the message lists the candidates).
Result<Identifier> parse(std::string_view text, std::string_view scheme = {});
Result<Detection> detect(std::string_view text);

// The name at which the identifier is published; `apex` is ignored by domain-anchored schemes.
Result<Name> dns_name(const Identifier& identifier, NameView apex);
// The identifier behind a name below `apex`. not_found when the name is no identifier's canonical name.
Result<Identifier> identifier_of(NameView name, NameView apex);

}  // namespace onoma::ident
