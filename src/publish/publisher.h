// Publisher: keeps one sequencer per zone that the registry operates, and wakes those that an event concerns.
// All methods may be called from any thread. Sequencers run on serial queues of the job pool; the sink's
// show() is called on them. Stops cleanly: stop() waits for versions on their way.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/ports.h"
#include "os/job_pool.h"
#include "publish/health.h"
#include "publish/sequencer.h"
#include "zone/stages.h"

namespace onoma::publish {

// What the program supplies for each zone: stages that publish does not know.
struct ZoneParts {
  std::unique_ptr<zone::Signer> signer;  // null: unsigned
  std::unique_ptr<zone::Gate> gate;
};
using PartsFactory = std::function<Result<ZoneParts>(const model::Tld& tld)>;

// Where versions go. Called on the zone's queue.
class ZoneSink {
 public:
  virtual ~ZoneSink() = default;
  virtual void show(const zone::Version& version, zone::SnapshotPtr snapshot) = 0;
  virtual void refused(const zone::Version& version, const zone::Verdict& verdict) = 0;
  virtual void remove(const wire::Name& zone) = 0;
  // The zone is known, but there is no version of it to show: queries are to fail, not to be refused.
  virtual void not_loaded(const wire::Name&) {}
  // A secondary zone that no primary has confirmed in time: queries are to fail until it is shown or moved.
  virtual void expired(const wire::Name&) {}
  // The version that is shown, in other memory: whoever keeps it takes this one instead.
  virtual void moved(const zone::SnapshotPtr& /*snapshot*/) {}
};

class ImageKeeper;

struct PublisherOptions {
  std::string folder;             // journals
  ImageKeeper* keeper = nullptr;  // merges changes into images; null: nobody does. Must outlive the publisher
  std::shared_ptr<const zone::ChangeLimits> limits = nullptr;  // on change; null: none
  HeldStore* held =
      nullptr;  // where versions that are not shown are kept; null: nowhere. Must outlive it too
};

struct ZoneStatus {
  wire::Name zone;
  std::uint32_t serial = 0;
  std::uint64_t last_event = 0;
  Sequencer::State state{};
  std::string reason;
  zone::SnapshotPtr current;  // null before the first version
};

// Of zones of the registry: what is idle is the newest by construction, so it has no age.
ZoneHealth health_of(const ZoneStatus& zone, Time now);
HealthSummary summary_of(const std::vector<ZoneStatus>& zones, Time now);

class Publisher {
 public:
  // Everything passed in must outlive the publisher.
  Publisher(PublisherOptions options, model::ReaderSource& readers, PartsFactory parts, ZoneSink& sink,
            os::JobPool& pool, const Clock& clock);
  ~Publisher();

  // Restores every zone from its journal and shows it, then publishes what happened since. Returns when every
  // zone that can be shown is shown.
  Result<void> start();
  // New events exist up to `seq`; returns at once. The registry's commit listener.
  void wake(std::uint64_t seq);
  void stop();

  std::vector<ZoneStatus> status() const;
  // Versions shown, newest last; at most the 10,000 newest are kept.
  std::vector<VersionTrace> traces(std::size_t limit) const;
  // The version that carried this event in this zone, if it is still remembered.
  std::optional<VersionTrace> trace_of(const wire::Name& zone, std::uint64_t event) const;
  // What a person decides; see Sequencer. Wait for the zone's turn. not_found: no such zone.
  Result<VersionTrace> approve(const wire::Name& zone, std::uint32_t serial, const Decision& by);
  Result<void> reject(const wire::Name& zone, std::uint32_t serial, const Decision& by);
  Result<VersionTrace> roll_back(const wire::Name& zone, std::uint32_t to, const Decision& by);
  Result<void> announce(const wire::Name& zone, zone::Announcement announcement);
  // Waits until every zone has worked through events up to `seq` (shown, held or failing); false on time-out.
  bool wait_for(std::uint64_t seq, Duration timeout);

 private:
  struct Lane;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace onoma::publish
