// Punycode (RFC 3492 §6.2) back to code points. Encoding is libidn2's; decoding is here because a registry
// must look behind an A-label before it believes it. Pure function, usable from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace onoma::ident {

// `text` is what stands behind "xn--", in lower case, at most 59 octets. UTF-8, or nullopt for what is no
// Punycode.
std::optional<std::string> punycode_decode(std::string_view text);

}  // namespace onoma::ident
