// Zone text read quickly and carefully, whole and in pieces: any difference ends the program. The first octet
// says where the pieces are cut.
#include <algorithm>
#include <cstdlib>

#include "unit/wire/zone_twin.h"
#include "zone/assemble.h"
#include "zone/load.h"

using namespace onoma;
using namespace onoma::wire;
using namespace onoma::wire::test;

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

// What becomes of the text: the zone as text again and what was mended, or the error.
std::string loaded(std::string_view text, const ZoneFileOptions& options, std::size_t pieces) {
  auto chunks = zone::read_zone_chunks(text, options, serially, pieces);
  if (!chunks) return chunks.error().message;
  std::vector<std::string> warnings;
  const auto snapshot = zone::build_snapshot(options.origin, *std::move(chunks), warnings);
  std::string out = snapshot ? zone::zone_text(**snapshot) : snapshot.error().message;
  for (const auto& warning : warnings) out += "\n" + warning;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  ZoneFileOptions options;
  options.origin = *Name::parse("example.");
  options.max_generate = 100;
  std::mt19937_64 random(data[0]);
  // A copy, so that a sanitizer sees a read in front of the text too.
  const std::vector<char> exact(data + 1, data + size);
  const std::string_view text(exact.data(), exact.size());
  const auto careful = read_whole(text, options, ZoneScan::careful);
  for (const auto scan : {ZoneScan::scalar, ZoneScan::sse2, ZoneScan::fastest})
    demand(read_whole(text, options, scan) == careful);
  const auto expected = careful.without_records();
  demand(read_pieces(text, options, zone_text_cuts(text, options, 1 + data[0] % 8U)) == expected);
  demand(read_pieces(text, options, random_cuts(text.size(), 1 + data[0] % 8U, random)) == expected);

  auto slowly = options;
  slowly.scan = ZoneScan::careful;
  demand(loaded(text, slowly, 1) == loaded(text, options, 1 + data[0] % 8U));
  return 0;
}
