// One zone text read by several at once. It is cut at line starts; each piece is read as if it began outside
// quotes and parentheses, under the $ORIGIN and $TTL that a quick look found before it. Afterwards, in order,
// it is checked that the piece before ended exactly so; a piece for which this does not hold is read again
// from where the text really stands. So records and errors are those of parse_zone_views(), to the line
// number, whatever the cuts.
//
// Texts with $INCLUDE, if it is allowed, are one piece: other files are not read on a guess.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/parallel.h"
#include "wire/zonefile.h"

namespace onoma::wire {

// Offsets where pieces begin, the first one 0; at most `pieces` of them, at least one. Each is the start of a
// line that names its owner or is a directive.
std::vector<std::size_t> zone_text_cuts(std::string_view text, const ZoneFileOptions& options,
                                        std::size_t pieces);

// Where the records of one piece go. Calls for one piece come from one thread at a time, those for several
// pieces at once.
struct PieceSink {
  RecordViewSink record;
  std::function<void()> again;  // forget this piece's records: it is read once more
};

// `cuts` from zone_text_cuts, or any ascending offsets of line starts that begin with 0; sinks[i] gets piece
// i. The records of the pieces one after the other are those of the text.
Result<void> parse_zone_pieces(std::string_view text, const ZoneFileOptions& options,
                               std::span<const std::size_t> cuts, const Parallel& parallel,
                               std::span<const PieceSink> sinks);

}  // namespace onoma::wire
