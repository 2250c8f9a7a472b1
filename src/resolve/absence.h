// How a zone proves that something is not there: the NSEC or NSEC3 records that say so, found and looked at.
// Pure functions over a snapshot, usable from any thread.
#pragma once

#include <string>
#include <vector>

#include "wire/rrset.h"
#include "zone/snapshot.h"

namespace onoma::resolve {

struct Absence {
  zone::Denial kind = zone::Denial::none;  // none: the zone is not signed, there is only its word
  std::vector<wire::RRset> records;        // with signatures
  std::vector<std::string> statements;     // one sentence per record, in the same order
  bool complete = false;                   // the records say all that is needed (signatures aside)
  bool opt_out = false;                    // an unsigned delegation may lie in the gap (RFC 5155 §6)
};

// `name` does not exist (RFC 4035 §5.4, RFC 5155 §8.4): neither it nor a wildcard that would stand in for it.
// `encloser` is its closest ancestor that exists. REQUIRES: the name is below the zone's apex.
Absence no_such_name(const zone::Snapshot& snapshot, zone::NameView name, zone::NameView encloser);
// `name` exists, the type does not (RFC 5155 §8.5–8.6). Also for empty non-terminals.
Absence no_such_type(const zone::Snapshot& snapshot, zone::NameView name, wire::RRType type);

}  // namespace onoma::resolve
