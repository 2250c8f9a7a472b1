// The inside of FileZones, shared by its files: file_zones.cc (one zone), file_zones_bulk.cc (all of them),
// file_zones_status.cc (what is told of them).
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "publish/file_zones.h"
#include "publish/image_keeper.h"
#include "publish/zone_file.h"

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
  std::shared_ptr<ImageMap> to_scan = {};  // `current` lies in it, unchecked
};

// Where a version comes from: the zone's file, a change by command, or what a person agreed to.
enum class Offered : std::uint8_t { file, change, released };

struct FileZones::State final : zone::VersionSink, ImageHome, std::enable_shared_from_this<FileZones::State> {
  State(GateFactory make, ZoneSink& to, const Clock& time)
      : make_gate(std::move(make)), sink(to), clock(time) {}

  void show(const zone::Version& version, zone::SnapshotPtr snapshot) override {
    if (keeper) keeper->changed(weak_from_this(), version.zone, snapshot, version.diff);
    sink.show(version, std::move(snapshot));
    note_step(version);
  }
  void refused(const zone::Version& version, const zone::Verdict& verdict) override {
    sink.refused(version, verdict);
  }

  std::optional<FileZoneWork> claim(wire::NameView zone);
  std::optional<FileZoneWork> claim(std::uint32_t index, std::unique_lock<std::mutex>& lock);
  std::optional<FileZoneWork> claim_new(wire::NameView zone, std::string_view file, ZoneOrigin origin);
  Result<FileZoneStatus> finish(const FileZoneWork& work, FileZoneOutcome outcome, bool log_problem);
  FileZoneOutcome offer(const FileZoneWork& work, zone::SnapshotPtr next, std::optional<zone::Diff> diff,
                        Offered what = Offered::file);
  FileZoneOutcome read(const FileZoneWork& work);
  FileZoneOutcome read_file(const FileZoneWork& work);
  // file_zones_held.cc
  std::optional<FileZoneWork> resumed(const FileZoneWork& work);
  void prepare(Sequencer& sequencer, const FileZoneWork& work, Offered what);
  void settle_held(Sequencer& sequencer, const FileZoneWork& work, Offered what,
                   const FileZoneOutcome& outcome);
  Result<void> nothing_waits(const FileZoneWork& work) const;
  void note_unreadable(const FileZoneWork& work, const std::string& why);
  void note_step(const zone::Version& version);
  void give_back(const FileZoneWork& work);
  bool loses_much(const FileZoneWork& work, const zone::Snapshot& next) const;
  FileZoneOutcome take_image(const FileZoneWork& work, ZoneFile file);
  void exchange(const wire::Name& zone, Make make) override;
  void exchange_on(ByteView octets, const Make& make) override;
  void exchange_at(std::uint32_t index, const Make& make);
  bool unchanged(std::uint32_t index, std::string_view wanted_file);
  void look_again(std::uint32_t index, bool force, Tally& tally);
  void settle(const FileZoneWork& work, std::size_t FileZonesChange::* member, Tally& tally);
  ZoneHealth health(const FileZone& zone, std::uint32_t now_s) const;

  GateFactory make_gate;
  ZoneSink& sink;
  const Clock& clock;
  std::function<std::string(wire::NameView)> damage;
  ImageKeeper* keeper = nullptr;                     // null: images are checked before they are shown
  zone::GateLevel level{};                           // of the gate; with a keeper
  std::shared_ptr<const zone::ChangeLimits> limits;  // null: none
  HeldStore* held = nullptr;                         // null: what is not shown is forgotten
  std::mutex bulk;                                   // one call about all zones at a time

  mutable std::mutex mutex;
  std::condition_variable freed;
  FileZoneStore store;
  std::vector<std::unique_ptr<zone::Gate>> gates;    // at rest
  std::map<wire::Name, zone::ChangeLedger> ledgers;  // of zones that changed within the hour
  std::map<wire::Name, zone::Announcement> announced;

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
