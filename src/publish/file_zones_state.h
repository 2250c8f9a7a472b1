// The inside of FileZones, shared by its files: file_zones.cc (one zone), file_zones_bulk.cc (all of them),
// file_zones_status.cc (what is told of them).
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "publish/file_zones.h"

namespace onoma::publish {

class Tally;

// The zone that somebody works on, as it was when it was claimed.
struct FileZoneWork {
  std::uint32_t index = FileZoneStore::kNone;
  wire::Name zone;
  std::string file;
  zone::SnapshotPtr current;
  std::uint64_t stamp = 0;
};

// What became of it.
struct FileZoneOutcome {
  zone::SnapshotPtr current;
  Result<void> result;  // Code::gate_refused: by the gate
  std::uint64_t stamp = 0;
  std::optional<std::uint32_t> earliest_expiry;
  bool shown = false, applied = false;
};

struct FileZones::State final : zone::VersionSink {
  State(GateFactory make, ZoneSink& to, const Clock& time)
      : make_gate(std::move(make)), sink(to), clock(time) {}

  void show(const zone::Version& version, zone::SnapshotPtr snapshot) override {
    sink.show(version, std::move(snapshot));
  }
  void refused(const zone::Version& version, const zone::Verdict& verdict) override {
    sink.refused(version, verdict);
  }

  std::optional<FileZoneWork> claim(wire::NameView zone);
  std::optional<FileZoneWork> claim(std::uint32_t index, std::unique_lock<std::mutex>& lock);
  std::optional<FileZoneWork> claim_new(wire::NameView zone, std::string_view file, ZoneOrigin origin);
  Result<FileZoneStatus> finish(const FileZoneWork& work, FileZoneOutcome outcome, bool log_problem);
  FileZoneOutcome offer(const FileZoneWork& work, zone::SnapshotPtr next, std::optional<zone::Diff> diff);
  FileZoneOutcome read(const FileZoneWork& work);
  bool unchanged(std::uint32_t index, std::string_view wanted_file);
  void look_again(std::uint32_t index, bool force, Tally& tally);
  void settle(const FileZoneWork& work, std::size_t FileZonesChange::* member, Tally& tally);
  ZoneHealth health(const FileZone& zone, std::uint32_t now_s) const;

  GateFactory make_gate;
  ZoneSink& sink;
  const Clock& clock;
  std::function<std::string(wire::NameView)> damage;
  std::mutex bulk;  // one call about all zones at a time

  mutable std::mutex mutex;
  std::condition_variable freed;
  FileZoneStore store;
  std::vector<std::unique_ptr<zone::Gate>> gates;  // at rest

  mutable std::mutex summary_mutex;
  mutable HealthSummary summary;
  mutable std::optional<std::chrono::steady_clock::time_point> summary_made;
};

FileZoneStatus status_of(const FileZone& zone);
std::unexpected<Error> unknown_zone(wire::NameView zone);
inline std::uint32_t seconds_of(Time time) {
  return static_cast<std::uint32_t>(unix_seconds(time));
}

}  // namespace onoma::publish
