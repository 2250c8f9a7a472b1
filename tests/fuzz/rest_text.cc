// Any octets as a path segment, a query string and a header list. What decodes is UTF-8 and encodes back to
// itself; what is quoted for JSON is UTF-8 without bare controls.
#include <cstdlib>

#include "base/encoding.h"
#include "front/rest/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace onoma;
  const auto text = as_text(ByteView(data, size));
  if (const auto decoded = front::percent_decode(text)) {
    if (!is_utf8(*decoded)) std::abort();
    if (front::percent_decode(front::percent_encode(*decoded)) != *decoded) std::abort();
  }
  if (const auto query = front::parse_query(text))
    for (const auto& [name, value] : *query)
      if (!is_utf8(name) || !is_utf8(value)) std::abort();
  const auto json = front::quoted(text);
  if (json.size() < 2 || !is_utf8(json)) std::abort();
  for (const char c : json)
    if (static_cast<unsigned char>(c) < 0x20) std::abort();
  static_cast<void>(front::has_token(text, "wait=visible"));
  return 0;
}
