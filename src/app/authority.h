// The parts that both servers (`serve` and `authority`) are made of.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "os/address.h"
#include "os/job_pool.h"
#include "publish/publisher.h"
#include "serve/zones.h"

namespace onoma::app {

// Makes published versions visible to the DNS. Any thread.
class ZoneTableSink final : public publish::ZoneSink {
 public:
  // `shown` is told of each version when it is visible.
  using Shown = std::function<void(const zone::Version& version, const zone::SnapshotPtr& snapshot)>;
  explicit ZoneTableSink(serve::ZoneTable& table, Shown shown = {})
      : table_(table), shown_(std::move(shown)) {}
  void show(const zone::Version& version, zone::SnapshotPtr snapshot) override;
  void refused(const zone::Version& version, const zone::Verdict& verdict) override;
  void remove(const wire::Name& zone) override;
  void not_loaded(const wire::Name& zone) override;
  void expired(const wire::Name& zone) override;
  void moved(const zone::SnapshotPtr& snapshot) override;

 private:
  serve::ZoneTable& table_;
  Shown shown_;
};

// Zones' images from now on lie in huge pages, and their hashes are keyed so that nobody can choose them.
// Once, before any zone is made.
void prepare_images();

// Frees replaced versions once a second for as long as it lives.
class Reclaimer {
 public:
  // Both must outlive it.
  Reclaimer(os::JobPool& pool, serve::ZoneTable& table);
  ~Reclaimer();

 private:
  void arm();
  serve::ZoneTable& table_;
  os::SerialQueue queue_;
};

Result<std::vector<os::Endpoint>> endpoints(const std::vector<std::string>& texts);
std::string texts(const std::vector<os::Endpoint>& endpoints);  // joined by ","

// What signals ask for. Called by the thread of the signals, one at a time: what takes long belongs
// elsewhere.
struct SignalActions {
  std::function<void()> reload = {};   // SIGHUP
  std::function<void()> upgrade = {};  // SIGUSR2
};

// The end of a server. Must be made before any other thread exists. Any thread may call everything but
// make().
class StopSignal {
 public:
  enum class Cause : std::uint8_t { signal, successor };

  static Result<std::unique_ptr<StopSignal>> make();
  virtual ~StopSignal() = default;
  // Signals that came before are acted on now. Empty actions: they are ignored.
  virtual void act(SignalActions actions) = 0;
  // Until SIGINT or SIGTERM, or leave().
  virtual Cause wait() = 0;
  // Another process has taken over.
  virtual void leave() = 0;
};

}  // namespace onoma::app
