// ChangeLimits: how much a step from one version of a zone to the next may change before a person must agree.
// A stage of its own beside the gate: what the gate refuses is wrong, what a limit holds is only large. The
// interface and its values; gate/limits.h has the rules. Plain values, usable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "zone/snapshot.h"

namespace onoma::zone {

// What a step changes, counted in names.
struct ChangeCount {
  std::uint64_t added = 0;                  // delegations that come
  std::uint64_t removed = 0;                // delegations that go
  std::uint64_t changed = 0;                // delegations whose NS or DS set is another
  std::uint64_t gone = 0;                   // other names that hold nothing any longer, glue included
  bool apex_ns = false, apex_keys = false;  // the NS or DNSKEY set of the apex is another

  std::uint64_t harm() const { return removed + changed + gone; }  // takes away or bends what was there
  ChangeCount& operator+=(const ChangeCount& other) {
    added += other.added;
    removed += other.removed;
    changed += other.changed;
    gone += other.gone;
    apex_ns = apex_ns || other.apex_ns;
    apex_keys = apex_keys || other.apex_keys;
    return *this;
  }
  bool operator==(const ChangeCount&) const = default;
};

// Says beforehand what a job is going to change, so that it is not held. Steps use it up.
struct Announcement {
  std::uint64_t adds = 0;     // of ChangeCount::added
  std::uint64_t removes = 0;  // of ChangeCount::harm()
  bool apex_ns = false, apex_keys = false;
  Time until{};  // from then on it counts no longer
  std::string who, reason;

  bool covers(const ChangeCount& step, Time now) const {
    return now < until && step.added <= adds && step.harm() <= removes && (apex_ns || !step.apex_ns) &&
           (apex_keys || !step.apex_keys);
  }
  // REQUIRES: covers.
  void use(const ChangeCount& step) {
    adds -= step.added;
    removes -= step.harm();
  }
};

class ChangeLimits {
 public:
  static constexpr Duration kWindow = std::chrono::hours{1};
  virtual ~ChangeLimits() = default;
  // Costs O(diff).
  virtual ChangeCount count(const Snapshot& before, const Diff& diff) const = 0;
  // Why the step must wait for a person, one sentence each; empty: it need not. `recent`: what the versions
  // shown within kWindow changed, announced and approved ones aside.
  virtual std::vector<std::string> exceeded(const Snapshot& before, const ChangeCount& step,
                                            const ChangeCount& recent) const = 0;
};

// What changed lately, for the rolling window.
class ChangeLedger {
 public:
  void add(Time at, const ChangeCount& count) {
    if (count == ChangeCount{}) return;
    forget(at);
    entries_.push_back({at, count});
  }
  ChangeCount recent(Time now) {
    forget(now);
    ChangeCount sum;
    for (const auto& entry : entries_) sum += entry.count;
    return sum;
  }
  bool empty() const { return entries_.empty(); }

 private:
  struct Entry {
    Time at;
    ChangeCount count;
  };
  // A clock that was set back makes nothing older.
  void forget(Time now) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.at + ChangeLimits::kWindow <= now; });
    // Many small versions are one entry a second at most in what they cost.
    if (entries_.size() < 2) return;
    auto& last = entries_[entries_.size() - 2];
    if (entries_.back().at - last.at >= std::chrono::seconds{1}) return;
    last.count += entries_.back().count;
    entries_.pop_back();
  }
  std::vector<Entry> entries_;  // oldest first
};

}  // namespace onoma::zone
