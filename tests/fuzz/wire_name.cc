// Names from octets and from text: what is accepted is valid, prints, parses back, and its sort key agrees.
#include <cstdlib>

#include "wire/name.h"

using namespace onoma;
using namespace onoma::wire;

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

void check(const Name& name) {
  demand(Name::from_wire(name.wire()).has_value());
  auto parsed = Name::parse(name.text());
  demand(parsed.has_value() && onoma::equal(parsed->wire(), name.wire()));
  auto back = Name::from_sort_key(sort_key(name));
  demand(back.has_value() && onoma::equal(back->wire(), name.lower().wire()));
  demand(name.is_at_or_below(Name()) && canonical_compare(name, *back) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  for (std::size_t start = 0; start < std::min<std::size_t>(size, 16); ++start) {
    std::uint8_t buffer[kMaxNameOctets];
    std::size_t offset = start;
    auto name_size = read_name(input, offset, buffer);
    demand(name_size ? offset > start && offset <= size : offset == start);
    if (name_size) check(*Name::from_wire({buffer, *name_size}));
  }
  if (auto name = Name::from_wire(input)) check(*name);
  if (auto name = Name::parse(as_text(input))) check(*name);
  if (auto name = Name::from_sort_key(as_text(input))) demand(sort_key(*name) == as_text(input));
  return 0;
}
