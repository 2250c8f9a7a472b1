// Secondary zones of a server: the settings that name them and their primaries, and the parts that keep them:
// transfer asks the primaries, publish checks, keeps and shows what comes. Any thread may call a
// SecondaryServer.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/control.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "os/job_pool.h"
#include "publish/secondary_zones.h"
#include "transfer/secondaries.h"

namespace CLI {
class App;
}

namespace onoma::app {

struct SecondarySettings {
  std::vector<std::string> zones;  // NAME=ADDRESS[:PORT][,KEY]
  std::string list;                // a file with lines NAME ADDRESS[:PORT][,KEY]...
  std::size_t transfers = 10;      // at once
};
void add_secondary_options(CLI::App& command, SecondarySettings& settings);
inline bool wants_secondaries(const SecondarySettings& settings) {
  return !settings.zones.empty() || !settings.list.empty();
}
// The same name again, or more addresses in a line: further primaries, in order of preference. Keys are
// looked up in `keys`.
Result<std::vector<transfer::SecondaryZone>> secondary_zones(const SecondarySettings& settings,
                                                             const transfer::KeyRing& keys);

class SecondaryServer final : public transfer::NotifyTarget {
 public:
  // What is kept of the zones is shown when this returns. A zone of another kind that has the same name must
  // not be served. `sink`, `keeper` (which is stopped at the end) and `clock` must outlive it; `folder` is
  // made.
  static Result<std::unique_ptr<SecondaryServer>> open(std::vector<transfer::SecondaryZone> zones,
                                                       std::string folder, publish::GateFactory gate,
                                                       publish::ZoneSink& sink, publish::ImageKeeper& keeper,
                                                       const Clock& clock, std::size_t transfers);
  ~SecondaryServer() override;  // pause(), and stops the keeper

  // Begins to ask the primaries. After pause(): goes on.
  Result<void> start();
  // Nothing is asked, taken or written from here on, so that another process may; what is shown stays.
  void pause();

  transfer::NotifyVerdict notify(wire::NameView zone, const os::Endpoint& from, const wire::Name* key,
                                 std::optional<std::uint32_t> serial) override;
  std::optional<Time> expires(
      const wire::Name& zone) const;  // nullopt: no secondary zone, or never confirmed
  // Health of these zones and of those that `others` tells of.
  publish::HealthSource with(publish::HealthSource others) const;
  // "secondaries": list and, with "refresh", ask now.
  ControlCommand command();

 private:
  class Store;
  SecondaryServer(std::vector<transfer::SecondaryZone> zones, const Clock& clock, std::size_t transfers);
  Result<std::string> list(std::string_view request);

  std::vector<transfer::SecondaryZone> zones_;
  const Clock& clock_;
  const std::size_t transfers_;
  SystemRng rng_;
  os::JobPool pool_;
  publish::ImageKeeper* keeper_ = nullptr;
  std::unique_ptr<publish::SecondaryZones> kept_;
  std::unique_ptr<Store> store_;
  mutable std::mutex mutex_;
  std::shared_ptr<transfer::Secondaries> asking_;  // under mutex_; null: paused
};

// A gate that judges signatures as of `at`, whatever the time.
publish::GateFactory gate_at(publish::GateFactory gate, Time at);

}  // namespace onoma::app
