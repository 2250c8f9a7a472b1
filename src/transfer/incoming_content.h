// What a finished transfer makes of a zone: the next version, from all of its records or from changes of the
// one that is served. Pure functions, usable from any thread.
#pragma once

#include <string>
#include <vector>

#include "base/parallel.h"
#include "transfer/incoming.h"
#include "zone/diff.h"
#include "zone/snapshot.h"

namespace onoma::transfer {

// Sorts and unites what came; `warnings` gets what was mended or left out. Faults: a set or an owner above
// the limits, a zone that cannot be (no NS at the apex, a CNAME with company, ...).
std::expected<zone::SnapshotPtr, TransferFault> build_whole(const wire::Name& zone,
                                                            std::vector<zone::RecordChunk> chunks,
                                                            const IncomingLimits& limits,
                                                            std::vector<std::string>& warnings,
                                                            const Parallel& parallel = serially);

struct NextVersion {
  zone::SnapshotPtr snapshot;
  zone::Diff diff;  // from `current` to it, with all steps in one
};
// Faults (contradictory): a step removes what is not there, adds what is, or the result is no zone. The whole
// zone is then to be asked for.
std::expected<NextVersion, TransferFault> apply_steps(const zone::Snapshot& current,
                                                      const std::vector<IxfrStep>& steps,
                                                      const IncomingLimits& limits = {});

}  // namespace onoma::transfer
