// Any text as an identifier. What is read must have a canonical form that reads as itself, and a DNS name
// that leads back to it.
#include <cstdlib>

#include "ident/scheme.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace onoma;
  static const wire::Name apex = *wire::Name::parse("id.example.");
  const auto text = as_text(ByteView(data, size));
  const auto check = [&](std::string_view scheme) {
    const auto read = ident::parse(text, scheme);
    if (!read) return;
    const auto again = ident::parse(read->canonical, read->scheme);
    if (!again || again->canonical != read->canonical || again->prefix != read->prefix) std::abort();
    const auto name = ident::dns_name(*read, apex);
    if (!name) return;  // a prefix may be too long
    // A domain name may lie below the apex, where it is nobody's identifier.
    if (read->scheme == "domain" && name->is_at_or_below(apex)) return;
    const auto back = ident::identifier_of(*name, apex);
    if (!back || back->scheme != read->scheme) std::abort();
    if (!back->canonical.empty() && back->canonical != read->canonical) std::abort();
  };
  check({});
  for (const auto& scheme : ident::schemes()) check(scheme.token);
  return 0;
}
