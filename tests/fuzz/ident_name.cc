// Any name below the apex as an identifier's name. The identifier behind it must have exactly this name.
#include <cstdlib>

#include "ident/scheme.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace onoma;
  static const wire::Name apex = *wire::Name::parse("id.example.");
  // The input is text, so that seeds can be read and damages reach the labels.
  auto name = wire::Name::parse(as_text(ByteView(data, size)), apex);
  if (!name) return 0;
  const auto read = ident::identifier_of(*name, apex);
  if (!read || read->canonical.empty()) return 0;
  const auto again = ident::dns_name(*read, apex);
  if (!again || !(*again == *name)) std::abort();
  const auto parsed = ident::parse(read->canonical, read->scheme);
  if (!parsed || parsed->canonical != read->canonical) std::abort();
  return 0;
}
