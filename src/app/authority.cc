#include "app/authority.h"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "base/large_memory.h"
#include "base/rng.h"
#include "os/mapped_file.h"
#include "os/signals.h"
#include "zone/image.h"

namespace onoma::app {

void ZoneTableSink::show(const zone::Version& version, zone::SnapshotPtr snapshot) {
  table_.set(snapshot);
  if (shown_) shown_(version, snapshot);
}

// The zone stays at what it was; a zone that never had a version is known, but not loaded.
void ZoneTableSink::refused(const zone::Version& version, const zone::Verdict&) {
  not_loaded(version.zone);
}
void ZoneTableSink::not_loaded(const wire::Name& zone) {
  if (!table_.snapshot(zone)) table_.set(zone, serve::ZoneStatus::not_loaded);
}
void ZoneTableSink::expired(const wire::Name& zone) {
  table_.set(zone, serve::ZoneStatus::expired);
}

void ZoneTableSink::moved(const zone::SnapshotPtr& snapshot) {
  table_.set(snapshot);
}

void prepare_images() {
  SystemRng rng;
  zone::set_image_settings({.allocate = large_memory, .seed = rng.u64()});
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
  Result<void> start() {
    ONOMA_TRY(watcher_, os::SignalWatcher::start({.stop = [this](int) { stop(Cause::signal); },
                                                  .reload = [this] { ask(&SignalActions::reload); },
                                                  .upgrade = [this] { ask(&SignalActions::upgrade); }}));
    return {};
  }
  void act(SignalActions actions) override {
    std::vector<Action> early;
    {
      std::scoped_lock lock(mutex_);
      actions_ = std::move(actions);
      ready_ = true;
      early.swap(early_);
    }
    for (const auto action : early) ask(action);
  }
  Cause wait() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return cause_.has_value(); });
    return *cause_;
  }
  void leave() override { stop(Cause::successor); }

 private:
  using Action = std::function<void()> SignalActions::*;

  void ask(Action which) {
    std::function<void()> action;
    {
      std::scoped_lock lock(mutex_);
      if (!ready_ && early_.size() < 2) early_.push_back(which);
      action = actions_.*which;
    }
    if (action) action();
  }
  void stop(Cause cause) {
    {
      std::scoped_lock lock(mutex_);
      if (!cause_) cause_ = cause;
    }
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  SignalActions actions_;
  bool ready_ = false;
  std::vector<Action> early_;
  std::optional<Cause> cause_;
  std::unique_ptr<os::SignalWatcher> watcher_;
};

}  // namespace

Result<std::unique_ptr<StopSignal>> StopSignal::make() {
  auto signal = std::make_unique<SignalStop>();
  ONOMA_TRY_VOID(signal->start());
  return std::unique_ptr<StopSignal>(std::move(signal));
}

}  // namespace onoma::app
