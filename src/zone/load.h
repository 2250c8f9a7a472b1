// A zone from its text, and back. Pure functions but for the sink; usable from any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/parallel.h"
#include "wire/zonefile.h"
#include "zone/record_chunk.h"
#include "zone/snapshot.h"

namespace onoma::zone {

// Reads a whole zone file; `options.origin` is the zone's name. `warnings` gets what was mended or left out.
// Errors name file and line where there is one.
// Large texts are read in pieces, which `parallel` may spread over threads.
Result<SnapshotPtr> load_zone_text(std::string_view text, const wire::ZoneFileOptions& options,
                                   std::vector<std::string>& warnings, const Parallel& parallel = serially);

// The first half of it: the records of the text as sorted chunks, which assemble() makes owners of. `pieces`
// is how many to cut the text into; 0: by its size. The result does not depend on it.
Result<std::vector<RecordChunk>> read_zone_chunks(std::string_view text, const wire::ZoneFileOptions& options,
                                                  const Parallel& parallel, std::size_t pieces = 0);

// Gets pieces of text, in order; an error it returns ends the writing and becomes its result.
using TextSink = std::function<Result<void>(std::string_view)>;

// One absolute record per line: the SOA set first, then names in canonical order with types ascending, each
// set followed by its signatures, then NSEC3 sets in hash order. Equal snapshots give equal text.
Result<void> write_zone_text(const Snapshot& snapshot, const TextSink& sink);
std::string zone_text(const Snapshot& snapshot);

}  // namespace onoma::zone
