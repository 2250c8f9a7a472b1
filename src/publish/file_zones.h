// FileZones: zones served from an operator's own files, without a registry: file → gate → show, through a
// sequencer that exists only while a zone changes, so that a zone at rest costs some hundred octets. A file
// that is bad, or that the gate refuses, keeps the zone that was there.
//
// Any thread; calls about one zone wait for each other, calls about different zones do not. Of the calls that
// concern all zones (load, follow, refresh) one is made at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "publish/file_zone_store.h"
#include "publish/health.h"
#include "publish/image_keeper.h"
#include "publish/publisher.h"
#include "publish/sequencer.h"

namespace onoma::publish {

using GateFactory = std::function<std::unique_ptr<zone::Gate>()>;

struct FileZoneStatus {
  wire::Name zone;
  std::string file;
  ZoneOrigin origin = ZoneOrigin::command;
  std::uint32_t serial = 0;
  std::uint64_t names = 0, records = 0;
  std::uint32_t earliest_expiry = 0;  // Unix time; 0: no signatures
  bool applied = false;               // serves changes that its file does not have
  std::string problem;                // why the newest file is not served; empty: it is
};

// A zone of a list. Points into what its maker keeps.
struct ListedZone {
  wire::NameView zone;
  std::string_view file;
  ZoneOrigin origin = ZoneOrigin::list;
};

// How far a load is. Called about every 100 ms by one of the threads at work.
using LoadProgress = std::function<void(std::size_t done, std::size_t all)>;

struct LoadOptions {
  std::size_t threads = 1;
  LoadProgress progress = {};
};

// What a call about all zones did.
struct FileZonesChange {
  static constexpr std::size_t kProblemsMax = 100;
  std::size_t added = 0, removed = 0, reloaded = 0, unchanged = 0, failed = 0;
  std::vector<FileZoneStatus> problems;  // the first kProblemsMax of `failed`
};

class FileZones {
 public:
  // `sink` and `clock` must outlive this.
  FileZones(GateFactory gate, ZoneSink& sink, const Clock& clock);
  ~FileZones();

  // Loads and shows. exists when the zone is there already. On any other error the zone stays known, as not
  // loaded (answered with SERVFAIL), so that a reload can mend it.
  Result<FileZoneStatus> add(const wire::Name& zone, const std::string& file,
                             ZoneOrigin origin = ZoneOrigin::command);
  // Adds many, on several threads; what cannot be loaded is known and counted. A zone that is there already
  // is left alone and counted as unchanged.
  FileZonesChange load(std::span<const ListedZone> zones, const LoadOptions& options);
  // Makes the zones that came from a list be those of `list`: adds, removes, and reloads those whose file is
  // another one or has changed (time, size, inode). Zones of other origins are reloaded when their file has
  // changed. `force` reads the unchanged files too.
  FileZonesChange follow(std::span<const ListedZone> list, bool force, const LoadOptions& options);
  // As follow(), without looking at a list.
  FileZonesChange refresh(bool force, const LoadOptions& options);
  // Reads the file again. `file` empty: the one it was loaded from.
  Result<FileZoneStatus> reload(const wire::Name& zone, const std::string& file = {});
  // Applies a change in text form (zone/diff_text.h) to what is served; the file is not touched.
  Result<FileZoneStatus> apply(const wire::Name& zone, std::string_view diff_text);
  Result<void> remove(const wire::Name& zone);

  std::size_t size() const;
  Result<FileZoneStatus> status(const wire::Name& zone) const;
  // All in canonical order; for a few zones. For many: a page of at most `limit` from `cursor` (0: the first)
  // in no particular order; sets `cursor` to that of the next page, 0: there is none.
  std::vector<FileZoneStatus> status() const;
  std::vector<FileZoneStatus> page(std::size_t& cursor, std::size_t limit) const;
  // Serve changes that are not in their files.
  std::vector<wire::Name> applied(std::size_t limit) const;

  std::optional<ZoneHealth> health(const wire::Name& zone) const;
  HealthSummary summary() const;  // looks at every zone, at most once a second
  // From now on: how much may change without a person's consent (null: anything), and where versions are kept
  // that are not shown, with what it takes to go back. Set before zones are added; `held` must outlive this.
  void use_limits(std::shared_ptr<const zone::ChangeLimits> limits, HeldStore* held);
  // Shows a version that a limit held. not_found: it is not held; gate_refused: its content is wrong.
  Result<FileZoneStatus> approve(const wire::Name& zone, std::uint32_t serial, const Decision& by);
  // Forgets a version that was held or refused. The file is looked at again when it changes, or with
  // reload().
  Result<void> reject(const wire::Name& zone, std::uint32_t serial, const Decision& by);
  // Shows the content of a version before with a new serial, until the file has a newer one. not_found: no
  // way back to it is kept; unsupported: the zone is signed, and not here.
  Result<FileZoneStatus> roll_back(const wire::Name& zone, std::uint32_t to, const Decision& by);
  Result<void> announce(const wire::Name& zone, zone::Announcement announcement);
  // What is served, zone by zone: of the first one from `cursor` on that is loaded; sets `cursor` behind it.
  // Null, and 0: there is none.
  zone::SnapshotPtr next_served(std::size_t& cursor) const;

  // Images are opened where they lie, and checked in the background, from now on: a zone that is not served
  // yet is shown at once when the file's stamp says that it passed a gate of `level`, the one that this gate
  // has. A newer image of a zone that is served is checked first. Changes go into new images. Set before
  // zones are added; the keeper must end before this.
  void use_images(ImageKeeper& keeper, zone::GateLevel level);
  // A text that says what is damaged of what is served; empty: nothing. Called by health() on any thread. Set
  // before anybody asks.
  void set_damage_check(std::function<std::string(wire::NameView zone)> check);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace onoma::publish
