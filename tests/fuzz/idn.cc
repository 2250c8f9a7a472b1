// Any text as a domain name. What may be registered has two forms that lead to each other and can be looked
// up.
#include "ident/idn.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace onoma;
  const auto text = as_text(ByteView(data, size));
  if (const auto read = ident::idn_lookup(text)) {
    if (read->unicode != ident::idn_display(read->ascii)) std::abort();
  }
  const auto read = ident::idn_register(text);
  if (!read) return 0;
  const auto by_unicode = ident::idn_register(read->unicode);
  if (!by_unicode || !(by_unicode->ascii == read->ascii)) std::abort();
  const auto by_ascii = ident::idn_register(read->ascii.text());
  if (!by_ascii || by_ascii->unicode != read->unicode) std::abort();
  if (ident::idn_display(read->ascii) != read->unicode) std::abort();
  return 0;
}
