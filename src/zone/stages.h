// The interfaces between the stages a zone version goes through. publish/sequencer alone drives them, in this
// order:
//   DiffSource → Signer → Gate → VersionLog → VersionSink
// for every kind of source. All calls for one zone come from one serial queue, never two at a time; different
// zones may be in different stages on different threads. Nothing here knows of sockets, SQL or keys.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "zone/set_digest.h"
#include "zone/snapshot.h"

namespace onoma::zone {

// What the source says the content must add up to after the batch; the gate compares at level `registry`.
struct Expected {
  std::uint64_t delegations = 0;
  std::uint64_t ds_sets = 0;
  SetDigest content;
};

// Everything that arrived since `last_event` of the version before, as one unsigned diff.
struct SourceBatch {
  Diff diff;                      // against the content of the current version; may be empty
  std::uint64_t first_event = 0;  // 0: not from events
  std::uint64_t last_event = 0;
  Time committed{};  // of the oldest event in the batch, for latency
  std::optional<Expected> expected;
};

class DiffSource {
 public:
  virtual ~DiffSource() = default;
  // The next batch after `after_event`, computed against `current`, or nothing to do. Never blocks for news.
  virtual Result<std::optional<SourceBatch>> next(const Snapshot& current, std::uint64_t after_event) = 0;
  // The first version of a zone that has none: all content, the SOA included (its serial is replaced),
  // unsigned.
  virtual Result<std::vector<RRset>> full(std::uint64_t& last_event, std::optional<Expected>& expected) = 0;
};

class Signer {
 public:
  virtual ~Signer() = default;
  // The complete signed diff: content changes with signatures, denial records, the SOA with `to_serial`.
  // `unsigned_diff` names its serials. Equal to a full re-sign of the same content, signature octets aside.
  virtual Result<Diff> sign(const Snapshot& before, Diff unsigned_diff, Time now) = 0;
  // All of a first version. The content holds one SOA, with the serial to use.
  virtual Result<std::vector<RRset>> sign_all(const Name& apex, std::vector<RRset> content, Time now) = 0;
  // When something must be signed again although nothing changed; nullopt: never.
  virtual std::optional<Time> next_refresh(const Snapshot& current) = 0;
  // The diff that refreshes what is due at `now` (at most about `limit` sets), or an empty one.
  virtual Result<Diff> refresh(const Snapshot& before, std::uint32_t to_serial, Time now,
                               std::size_t limit) = 0;
};

enum class GateLevel : std::uint8_t { structure, dnssec, registry };

struct Finding {
  std::string what;   // "RRSIG over example.gov. DS does not verify"
  std::string owner;  // the name it is about, or empty
  bool fatal = true;  // false: a warning
};

struct Verdict {
  std::vector<Finding> findings;  // at most 100 are kept; `total` counts all
  std::uint64_t total = 0;
  bool accepted() const {
    for (const auto& finding : findings)
      if (finding.fatal) return false;
    return true;
  }
};

class Gate {
 public:
  virtual ~Gate() = default;
  // Checks the step from `before` (null: first version) to `after`. Fatal findings come first in the verdict.
  virtual Verdict check(const Snapshot* before, const Diff& diff, const Snapshot& after,
                        const std::optional<Expected>& expected, Time now) = 0;
};

// One version of a zone, as it is made durable.
struct Version {
  Name zone;
  std::uint32_t serial = 0;
  std::uint64_t first_event = 0;  // 0: not from events
  std::uint64_t last_event = 0;
  std::uint64_t epoch = 0;  // the publisher's fencing number
  Time made{};
  Time committed{};   // oldest commit in it
  Diff diff;          // signed; from_serial 0 and no `before` anywhere: a first version
  SetDigest content;  // after the change
};

class VersionLog {
 public:
  virtual ~VersionLog() = default;
  // Durable when it returns success; on failure the log is as before.
  virtual Result<void> append(const Version& version) = 0;
  // Calls `visit` for every version of `zone` that is needed to rebuild its newest state, oldest first.
  virtual Result<void> replay(const Name& zone, const std::function<Result<void>(Version&&)>& visit) = 0;
};

class VersionSink {
 public:
  virtual ~VersionSink() = default;
  // Makes the version visible to readers. Called only with versions that are durable and accepted.
  virtual void show(const Version& version, SnapshotPtr snapshot) = 0;
  // A version was refused: the zone stays at the one before.
  virtual void refused(const Version& version, const Verdict& verdict) = 0;
};

}  // namespace onoma::zone
