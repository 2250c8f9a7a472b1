// Zone-file text: never harm, and every record that comes out prints as a line that gives the same record
// again.
#include "wire/zonefile.h"

#include <cstdlib>

#include "wire/rdata.h"

using namespace onoma;
using namespace onoma::wire;

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ZoneFileOptions options;
  options.origin = *Name::parse("example.");
  options.max_generate = 100;
  auto result = parse_zone_text(as_text({data, size}), options, [](Record&& record) -> Result<void> {
    demand(rdata_valid(record.type, record.rdata));
    int records = 0;
    const std::string line = record_line(record.owner, record.ttl, record.type, record.rdata);
    auto again = parse_zone_text(line, {}, [&](Record&& other) -> Result<void> {
      ++records;
      demand(onoma::equal(other.owner.wire(), record.owner.wire()) && other.type == record.type);
      demand(other.ttl == record.ttl && other.rdata == record.rdata);
      return {};
    });
    // A line may be longer than an entry may be; nothing else may go wrong.
    demand(again ? records == 1 : line.size() > 1'000'000);
    return {};
  });
  if (!result) demand(result.error().message.starts_with("<input>:"));
  return 0;
}
