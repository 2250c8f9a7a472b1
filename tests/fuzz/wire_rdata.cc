// Record data of every type: the first two octets are the type, the rest are data and then text.
#include <cstdlib>

#include "wire/dnssec.h"
#include "wire/rdata.h"

using namespace onoma;
using namespace onoma::wire;

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

void check(RRType type, ByteView rdata) {
  const std::string text = rdata_text(type, rdata);
  const Bytes canonical = canonical_rdata(type, rdata);
  demand(canonical.size() == rdata.size());
  for_each_name(type, rdata,
                [&](std::size_t offset, NameView name) { demand(offset + name.size() <= rdata.size()); });
  auto parsed = parse_rdata(type, text, Name());
  if (!rdata_valid(type, rdata)) {
    demand(text.starts_with("\\# ") && !parsed);
    return;
  }
  demand(parsed.has_value() && onoma::equal(*parsed, rdata));
  demand(!canonical_less(type, rdata, canonical) && !canonical_less(type, canonical, rdata));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 65537) return 0;
  const RRType type{load_u16(data)};
  const ByteView rest(data + 2, size - 2);
  check(type, rest);
  if (auto parsed = parse_rdata(type, as_text(rest), *Name::parse("origin.example."))) {
    demand(rdata_valid(type, *parsed));
    check(type, *parsed);
  }
  for (std::size_t start = 0; start < std::min<std::size_t>(rest.size(), 4); ++start)
    if (auto read = read_rdata(rest, start, rest.size() - start, type)) demand(rdata_valid(type, *read));
  if (auto soa = Soa::read(rest)) demand(onoma::equal(soa->rdata(), rest));
  if (auto nsec3 = Nsec3::read(rest)) demand(onoma::equal(nsec3->rdata(), rest));
  return 0;
}
