// Changes of a zone as text: lines "+record" and "-record", each a complete record in zone-file form,
// absolute or relative to the zone; ";" starts a comment. What `onoma zone diff` prints and `onoma zone
// apply` reads. Pure functions, usable from any thread.
#pragma once

#include <string>
#include <string_view>

#include "zone/snapshot.h"

namespace onoma::zone {

// The diff that the lines describe, against `current`. Fails, naming the line, when a record to remove is not
// there, one to add is there already, or a line cannot be read; and when the SOA is not replaced by a newer
// one although something else changes. A change of TTL is a removal and an addition.
Result<Diff> diff_from_text(std::string_view text, const Snapshot& current, const std::string& file_name);

// Removals first, then additions, each in canonical order; signatures included.
std::string diff_text(const Diff& diff);

}  // namespace onoma::zone
