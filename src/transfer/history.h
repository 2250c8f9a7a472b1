// What changed in each zone from version to version, kept in memory for IXFR (RFC 1995), bounded by versions,
// octets and the share of the zone. Any thread; steps are immutable and shared, so a transfer that has taken
// them holds no lock.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "transfer/packer.h"
#include "wire/name.h"
#include "zone/diff.h"
#include "zone/snapshot.h"

namespace onoma::transfer {

// Records one behind the other, in memory of their own: owner, type, TTL and data as in messages,
// uncompressed.
class RecordList {
 public:
  void add(const RecordView& record);
  // The record at `at`, which moves behind it. REQUIRES: at < octets().
  RecordView read(std::size_t& at) const;
  std::size_t octets() const { return octets_.size(); }
  std::size_t size() const { return count_; }
  void shrink() { octets_.shrink_to_fit(); }

 private:
  Bytes octets_;
  std::size_t count_ = 0;
};

// From one serial to another. The SOA records stand alone, their signatures among the others.
struct HistoryStep {
  std::uint32_t from = 0, to = 0;
  RecordList soas;  // two: before and after
  RecordList removed, added;
  std::size_t records() const { return removed.size() + added.size() + 2; }
  std::size_t octets() const { return soas.octets() + removed.octets() + added.octets(); }
};
using HistoryStepPtr = std::shared_ptr<const HistoryStep>;

// The change of a version as records; null when it is no step from one SOA to a newer one.
HistoryStepPtr step_of(const zone::Diff& diff);
// The steps as one: what is removed and added again, or the other way round, is gone. REQUIRES: at least one
// step, each from where the one before ends.
HistoryStepPtr condense(const std::vector<HistoryStepPtr>& steps);

struct HistoryLimits {
  std::size_t versions = 1'000;                // of one zone
  std::size_t octets = std::size_t{16} << 20;  // of one zone
  std::size_t octets_total = std::size_t{256} << 20;
  unsigned share_percent = 50;         // above this share of the zone's records an IXFR is no gain
  std::size_t share_from = 1'000;      // records below which share_percent does not matter
  std::size_t condense_max = 100'000;  // records up to which steps are condensed into one
};

class History {
 public:
  explicit History(HistoryLimits limits = {}) : limits_(limits) {}

  // `version` is shown now. A version that does not follow the one before ends what was kept.
  void add(const wire::Name& zone, const zone::Diff& diff);
  void forget(const wire::Name& zone);

  // The way from serial `from` to the version `to`, condensed if it can be; empty: not known, or no shorter
  // than the whole zone.
  std::vector<HistoryStepPtr> steps(const wire::Name& zone, std::uint32_t from, const zone::Snapshot& to);

  std::size_t octets() const;

 private:
  struct Zone {
    std::deque<HistoryStepPtr> steps;
    std::size_t octets = 0;
    HistoryStepPtr condensed;  // made last
  };
  void drop_oldest(Zone& zone);

  const HistoryLimits limits_;
  mutable std::mutex mutex_;
  std::unordered_map<wire::Name, Zone> zones_;
  std::size_t octets_ = 0;
};

}  // namespace onoma::transfer
