// Internationalised domain names (IDNA2008, RFC 5890–5893). Pure functions, usable from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "wire/name.h"

namespace onoma::ident {

struct IdnName {
  wire::Name ascii;     // A-labels, lower case
  std::string unicode;  // U-labels, no final dot; equal to the ASCII text for ASCII names; "." for the root
};

// Strict, for registration: ASCII is folded to lower case, U-labels must be valid as they stand (NFC, no UTS
// 46 mapping), A-labels must decode to a valid U-label that encodes to the same A-label. LDH only; "_" is
// refused.
Result<IdnName> idn_register(std::string_view text);
// Lenient, for looking up: UTS 46 non-transitional mapping, underscores and other octets that DNS permits are
// kept.
Result<IdnName> idn_lookup(std::string_view text);
// Host names in NS and glue: as idn_register, each label.
Result<IdnName> idn_host(std::string_view text);
// For display: A-labels that decode to valid U-labels are shown as such, others stay.
std::string idn_display(wire::NameView name);

}  // namespace onoma::ident
