#include "app/authority.h"

#include <condition_variable>
#include <mutex>

#include "os/signals.h"

namespace onoma::app {

void ZoneTableSink::show(const zone::Version&, zone::SnapshotPtr snapshot) {
  table_.set(std::move(snapshot));
}

// The zone stays at what it was; a zone that never had a version is known, but not loaded.
void ZoneTableSink::refused(const zone::Version& version, const zone::Verdict&) {
  not_loaded(version.zone);
}
void ZoneTableSink::not_loaded(const wire::Name& zone) {
  if (!table_.snapshot(zone)) table_.set(zone, serve::ZoneStatus::not_loaded);
}

void ZoneTableSink::remove(const wire::Name& zone) {
  table_.remove(zone);
}

Reclaimer::Reclaimer(os::JobPool& pool, serve::ZoneTable& table) : table_(table), queue_(pool) {
  arm();
}
Reclaimer::~Reclaimer() {
  queue_.stop();
}
void Reclaimer::arm() {
  queue_.post_after(std::chrono::seconds{1}, [this] {
    table_.reclaim();
    arm();
  });
}

Result<std::vector<os::Endpoint>> endpoints(const std::vector<std::string>& texts) {
  std::vector<os::Endpoint> out;
  for (const auto& text : texts) {
    ONOMA_TRY(out.emplace_back(), os::Endpoint::parse(text));
  }
  return out;
}

std::string texts(const std::vector<os::Endpoint>& endpoints) {
  std::string out;
  for (const auto& endpoint : endpoints) out += (out.empty() ? "" : ",") + endpoint.text();
  return out;
}

namespace {

class SignalStop final : public StopSignal {
 public:
  explicit SignalStop(std::function<void()> reload) : reload_(std::move(reload)) {}
  Result<void> start() {
    ONOMA_TRY(watcher_, os::SignalWatcher::start({.stop = [this](int) { stop(); },
                                                  .reload =
                                                      [this] {
                                                        if (reload_) reload_();
                                                      }}));
    return {};
  }
  void wait() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_; });
  }

 private:
  void stop() {
    {
      std::scoped_lock lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
  }
  std::function<void()> reload_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::unique_ptr<os::SignalWatcher> watcher_;
};

}  // namespace

Result<std::unique_ptr<StopSignal>> StopSignal::make(std::function<void()> reload) {
  auto signal = std::make_unique<SignalStop>(std::move(reload));
  ONOMA_TRY_VOID(signal->start());
  return std::unique_ptr<StopSignal>(std::move(signal));
}

}  // namespace onoma::app
