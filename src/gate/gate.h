// The gate: an independent check of every zone version before anybody can be served from it.
//
// It shares no code with the signer but the check of a single signature and the hash functions: canonical
// form, the input of signatures, key tags, NSEC3 owner names, type bitmaps, the order of the chain and empty
// non-terminals are worked out here a second time, so that a mistake there does not hide behind the same
// mistake here.
//
// Two ways in:
//   make_gate()    a zone::Gate. Its check() trusts that `before` was accepted and looks at what the diff
//   touches and
//                  what that touches in turn (neighbours in the chain, ancestors, names below a cut):
//                  O(change). It walks the whole zone by itself when the change reaches everything: a first
//                  version, another key set, another kind of denial, an opt-out span that closes.
//   verify_zone()  everything, for `onoma zone verify` and first versions.
//   ZoneCheck      the same in slices, for the audit in the background.
//
// Threads: a gate may be used from any thread, one call at a time; calls of different gates do not meet.
// verify_zone may be called from any thread. Both may start GateOptions::verify_threads threads of their own,
// which end before they return.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "zone/stages.h"

namespace onoma::gate {

struct GateOptions {
  zone::GateLevel level = zone::GateLevel::dnssec;
  // Expired signatures refuse the version; otherwise they are warnings.
  bool expired_is_fatal = true;
  // A signature that lives no longer than this from now is a warning. 0: only expired ones are reported.
  std::uint32_t min_remaining_s = 0;
  // The zone is somebody else's (a transfer): what only its operator could put right is a warning (NS or
  // DNAME at a wildcard, DS without NS, an original TTL above the TTL in use, ...).
  bool foreign = false;
  // At the levels dnssec and registry: refuse a zone without signatures.
  bool require_signed = true;
  std::uint32_t max_ttl_s = 604800;  // RRsets with a larger TTL refuse the version
  std::uint16_t max_nsec3_iterations = 50;
  // Record data of the DS set at the parent; if given, one of them must match a key that signs the DNSKEY
  // set.
  std::vector<Bytes> parent_ds;
  // Compare a ZONEMD record with the content (RFC 8976) whenever it changes. Costs a walk over the zone.
  bool check_zonemd = true;
  // Refuse a version without a ZONEMD record that fits its content; it is then compared in every version.
  bool require_zonemd = false;
  // A signature that lives no longer than min_remaining_s is a fault, not a warning.
  bool short_is_fatal = false;
  // check() verifies the whole zone too, and that nothing changed but what the diff says.
  bool full = false;
  unsigned verify_threads = 1;  // for signatures; at least 1
};

std::unique_ptr<zone::Gate> make_gate(GateOptions options);

// How far a full verification is. `names` counts owners of both orders, `signatures` those checked.
struct Progress {
  std::uint64_t names = 0;
  std::uint64_t names_total = 0;  // an estimate
  std::uint64_t signatures = 0;
};
// Called about every 10,000 names from the calling thread.
using ProgressFn = std::function<void(const Progress&)>;

// verify_zone in slices. One thread at a time; keeps the zone alive.
class ZoneCheck {
 public:
  ZoneCheck(zone::SnapshotPtr zone, GateOptions options, Time now);
  ~ZoneCheck();
  ZoneCheck(const ZoneCheck&) = delete;
  ZoneCheck& operator=(const ZoneCheck&) = delete;
  // Goes on by about so many names. True: there is more. A zone with ZONEMD has its digest made in one piece.
  bool step(std::size_t names);
  zone::Verdict verdict();  // REQUIRES: step() returned false. Once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

zone::Verdict verify_zone(const zone::Snapshot& zone, const GateOptions& options, Time now,
                          const ProgressFn& progress = {});

}  // namespace onoma::gate
