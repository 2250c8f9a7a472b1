// The inside of Sequencer, shared by its files: sequencer.cc (from version to version), sequencer_held.cc
// (what waits for a person).
#pragma once

#include "publish/sequencer.h"

namespace onoma::publish {

// A version on its way: what it will be, and how it came so far.
struct Sequencer::Step {
  zone::Version version;
  zone::SnapshotPtr before;  // null: a first version
  zone::SnapshotPtr after;
  std::optional<zone::Expected> expected;
  VersionTrace trace;
  bool refresh = false;               // brings no events
  bool released = false;              // a person has agreed to it
  bool planned_keys = false;          // the signer's key plan may change the DNSKEY set
  std::optional<zone::Diff> content;  // the change before it was signed; absent: the version's own diff
};

zone::Diff as_first_version(const wire::Name& zone, std::uint32_t serial,
                            const std::vector<wire::RRset>& sets);
Result<zone::SnapshotPtr> build(const wire::Name& zone, const zone::Diff& first);
// What a signer does to the SOA, for zones that have none.
void renew_soa(const zone::Snapshot& before, zone::Diff& diff);
std::string describe(const zone::Verdict& verdict);

}  // namespace onoma::publish
