// SecondaryZones: zones whose versions come ready from primaries. Each goes through a sequencer of its own
// (gate, journal, show) and is remembered on disk with the time at which it expires, so that a restart serves
// it at once and no longer than it may be served:
//
//   <folder>/<zone>.journal   the versions (journal.h)
//   <folder>/<zone>.expiry    until when the newest may be served (docs/formats/secondary.md)
//
// A journal that cannot be read is set aside (.damaged) and told in the log: the primaries have the zone.
//
// Any thread; the work for a zone is done on a serial queue of its own, what is asked (current, health,
// status) is answered at once. sink, pool and clock must outlive this.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "os/job_pool.h"
#include "publish/file_zones.h"
#include "publish/health.h"
#include "publish/image_keeper.h"
#include "publish/publisher.h"
#include "zone/stages.h"

namespace onoma::publish {

struct SecondaryZoneStatus {
  wire::Name zone;
  std::uint32_t serial = 0;  // 0: there never was a version
  std::uint64_t names = 0, records = 0;
  std::optional<Time> expires, confirmed;
  bool expired = false;
  std::string problem;  // empty: what is served is the newest
};

class SecondaryZones {
 public:
  using Done = std::function<void(Result<void>)>;

  SecondaryZones(std::string folder, GateFactory gate, ZoneSink& sink, os::JobPool& pool, const Clock& clock);
  ~SecondaryZones();  // stop()

  // Changes go into new images from now on. Set before zones are opened; the keeper must be stopped before
  // this ends.
  void use_images(ImageKeeper& keeper);

  // Makes a zone known and shows what the journal has of it. Returns when that expires, which may have
  // passed; nullopt: there is nothing. exists: the zone is known already. Before anything else of the zone is
  // called.
  Result<std::optional<Time>> open(const wire::Name& zone);

  // REQUIRES for all of these: the zone is known.
  zone::SnapshotPtr current(const wire::Name& zone) const;  // expired or not; null: nothing yet
  // A version with the serial it has; without `diff` it is compared with the current one. `done` is called on
  // the zone's queue; gate_refused when the gate did. After stop() it is not called.
  void offer(const wire::Name& zone, zone::SnapshotPtr next, std::optional<zone::Diff> diff, Done done);
  // What is served was confirmed now; an expired zone is shown again.
  void confirmed(const wire::Name& zone, Time expires);
  void expired(const wire::Name& zone);
  void note(const wire::Name& zone, const std::string& problem);

  // Waits until what was offered and told of the zone before is done.
  void settle(const wire::Name& zone);

  bool knows(const wire::Name& zone) const;
  std::optional<Time> expires(const wire::Name& zone) const;  // REQUIRES: known. nullopt: there is no version
  std::size_t size() const;
  std::vector<SecondaryZoneStatus> status() const;  // in canonical order
  std::optional<ZoneHealth> health(const wire::Name& zone) const;
  HealthSummary summary() const;

  // Waits for what is being done. Idempotent.
  void stop();

 private:
  struct Lane;
  struct State;
  Lane& lane(const wire::Name& zone) const;
  std::unique_ptr<State> state_;
};

// The summary of two kinds of zones.
HealthSummary together(HealthSummary one, const HealthSummary& other);

}  // namespace onoma::publish
