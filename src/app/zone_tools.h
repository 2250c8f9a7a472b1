// Work on zones in files, shared by the zone commands: loading, checking, signing.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "zone/snapshot.h"
#include "zone/stages.h"

namespace boost::json {
class object;
}

namespace onoma::app {

// A name from the command line: U-labels or A-labels, with or without the final dot.
Result<wire::Name> zone_name(const std::string& text);

struct LoadedZone {
  zone::SnapshotPtr snapshot;
  std::vector<std::string> warnings;
};
// Text, or a compiled image, all of whose blocks are checked first. `file` "-" is standard input.
Result<LoadedZone> load_zone(const std::string& file, const wire::Name& zone, bool allow_include);

// What is known of a zone, for people and programs.
boost::json::object facts_json(const zone::Snapshot& snapshot, bool with_digest = true);

Result<Time> parse_time(const std::string& text);  // YYYYMMDDhhmmss, ISO 8601 or Unix seconds; empty: now
Result<zone::GateLevel> parse_level(const std::string& text);

}  // namespace onoma::app
