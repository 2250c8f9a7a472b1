// The gate over any records that make a zone: whatever they say, a verdict comes back, the same one each
// time, and the step from nothing agrees with the walk.
#include "gate/gate.h"

#include <cstdlib>

#include "wire/zonefile.h"

using namespace onoma;

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto apex = *wire::Name::parse("tld.");
  zone::SnapshotBuilder builder(apex);
  wire::ZoneFileOptions options;
  options.origin = apex;
  options.max_generate = 100;
  const auto parsed =
      wire::parse_zone_text(as_text({data, size}), options, [&](wire::Record&& record) -> Result<void> {
        (void)builder.add_record(std::move(record));  // what does not fit is left out
        return {};
      });
  (void)parsed;
  const auto zone = builder.finish();
  if (!zone) return 0;
  const auto now = from_unix_seconds(1'700'000'000);
  for (auto level : {zone::GateLevel::structure, zone::GateLevel::dnssec}) {
    const gate::GateOptions with{.level = level, .foreign = true};
    const auto whole = gate::verify_zone(**zone, with, now);
    const auto first = gate::make_gate(with)->check(nullptr, {}, **zone, {}, now);
    demand(whole.accepted() == first.accepted() && whole.total == first.total);
    demand(whole.findings.size() <= 100 && whole.findings.size() <= whole.total);
  }
  return 0;
}
