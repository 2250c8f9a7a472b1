// Encoded diffs: what reads as one writes the same octets, and is applied whole or not at all; what was
// applied can be taken back.
#include <cstdlib>

#include "zone/load.h"
#include "zone/set_digest.h"

using namespace onoma;

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

const zone::SnapshotPtr& base() {
  static const zone::SnapshotPtr snapshot = [] {
    wire::ZoneFileOptions options;
    options.origin = *wire::Name::parse("tld.");
    std::vector<std::string> warnings;
    auto loaded = zone::load_zone_text(
        "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.1\nc 60 NS ns.c\nns.c 60 A 192.0.2.2\n"
        "*.w 60 TXT x\n00000000000000000000000000000000 60 NSEC3 1 0 0 - 0000000000000000000000000000000G "
        "A\n",
        options, warnings);
    demand(loaded.has_value());
    return *loaded;
  }();
  return snapshot;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  auto diff = zone::decode_diff(input);
  if (!diff) {
    demand(diff.error().code == Code::corrupt);
    return 0;
  }
  demand(equal(zone::encode(*diff), input));
  static const auto text = zone::zone_text(*base());
  const auto next = base()->apply(*diff);
  demand(zone::zone_text(*base()) == text);
  if (!next) return 0;
  const auto back = (*next)->apply(zone::difference(**next, *base()));
  demand(back.has_value());
  demand((*back)->content_digest() == base()->content_digest());
  demand(zone::difference(**back, *base()).empty());
  demand((*back)->facts().glue_records == base()->facts().glue_records);
  demand((*back)->facts().names == base()->facts().names);
  return 0;
}
