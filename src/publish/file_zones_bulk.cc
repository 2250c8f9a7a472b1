// Calls about all zones, on several threads.
#include <algorithm>
#include <atomic>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "os/job_pool.h"
#include "publish/file_zones_state.h"
#include "publish/zone_file.h"

namespace onoma::publish {

using wire::Name;

namespace {

constexpr std::size_t kProblemsLogged = 100;  // of one call
constexpr std::size_t kGrain = 16;
constexpr std::chrono::milliseconds kProgressPause{100};

}  // namespace

// Collects what the threads of a call about all zones did.
class Tally {
 public:
  Tally(std::size_t all, const LoadOptions& options) : all_(all), options_(options) {}

  void count(std::size_t FileZonesChange::* member) {
    std::scoped_lock lock(mutex_);
    ++(change_.*member);
  }
  // True: to be logged.
  bool failed(FileZoneStatus status) {
    std::scoped_lock lock(mutex_);
    if (change_.problems.size() < FileZonesChange::kProblemsMax)
      change_.problems.push_back(std::move(status));
    return ++change_.failed <= kProblemsLogged;
  }
  void step() {
    const auto done = done_.fetch_add(1) + 1;
    if (!options_.progress) return;
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    auto last = last_.load();
    const auto pause =
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(kProgressPause).count();
    if (now - last >= pause && last_.compare_exchange_strong(last, now)) options_.progress(done, all_);
  }
  FileZonesChange finish() {
    if (change_.failed > kProblemsLogged)
      log::error("zone", fmt::format("{} more zones could not be taken", change_.failed - kProblemsLogged));
    return std::move(change_);
  }

 private:
  std::size_t all_;
  const LoadOptions& options_;
  std::mutex mutex_;
  FileZonesChange change_;
  std::atomic<std::size_t> done_{0};
  std::atomic<std::chrono::steady_clock::rep> last_{0};
};

// A failure that belongs to one of many is told to the tally.
void FileZones::State::settle(const FileZoneWork& work, std::size_t FileZonesChange::* member, Tally& tally) {
  auto outcome = read(work);
  if (outcome.result) {
    tally.count(member);
    static_cast<void>(finish(work, std::move(outcome), true));
    return;
  }
  FileZoneStatus status{.zone = work.zone, .file = work.file, .problem = outcome.result.error().message};
  if (outcome.current) status.serial = outcome.current->facts().serial;
  const bool logged = tally.failed(std::move(status));
  static_cast<void>(finish(work, std::move(outcome), logged));
}

// Most files of a reload have not changed: that is found out without keeping anybody from the zone.
bool FileZones::State::unchanged(std::uint32_t index, std::string_view wanted_file) {
  std::string file;
  std::uint64_t stamp = 0;
  {
    std::scoped_lock lock(mutex);
    const auto& zone = store.at(index);
    if (!zone.used() || zone.busy || zone.stamp == 0) return false;
    if (!wanted_file.empty() && zone.origin != ZoneOrigin::argument && zone.file() != wanted_file)
      return false;
    file = zone.file();
    stamp = zone.stamp;
  }
  if (file_stamp(file) != stamp) return false;
  const auto now_s = seconds_of(clock.now());
  std::scoped_lock lock(mutex);
  auto& zone = store.at(index);
  if (!zone.used() || zone.busy || zone.stamp != stamp) return false;
  if (!zone.problem && zone.current) zone.confirmed_s = now_s;
  return true;
}

void FileZones::State::look_again(std::uint32_t index, bool force, Tally& tally) {
  if (!force && unchanged(index, {})) return tally.count(&FileZonesChange::unchanged);
  std::optional<FileZoneWork> work;
  {
    std::unique_lock lock(mutex);
    const auto& zone = store.at(index);
    if (zone.used() && !zone.busy) work = claim(index, lock);  // busy: is being read anyway
  }
  if (work) settle(*work, &FileZonesChange::reloaded, tally);
}

FileZonesChange FileZones::load(std::span<const ListedZone> zones, const LoadOptions& options) {
  std::scoped_lock alone(state_->bulk);
  {
    std::scoped_lock lock(state_->mutex);
    state_->store.reserve(state_->store.size() + zones.size());
  }
  Tally tally(zones.size(), options);
  os::JobPool pool({.threads = std::max<std::size_t>(1, options.threads) - 1, .nice = 0, .name = "load"});
  os::parallel_for(
      pool, zones.size(),
      [&](std::size_t i) {
        const auto& listed = zones[i];
        if (const auto work = state_->claim_new(listed.zone, listed.file, listed.origin))
          state_->settle(*work, &FileZonesChange::added, tally);
        else
          tally.count(&FileZonesChange::unchanged);
        tally.step();
      },
      kGrain);
  return tally.finish();
}

FileZonesChange FileZones::follow(std::span<const ListedZone> list, bool force, const LoadOptions& options) {
  std::scoped_lock alone(state_->bulk);
  auto& state = *state_;
  std::vector<Name> gone;
  std::vector<std::uint32_t> others;
  std::vector<std::uint32_t> indices(list.size(), FileZoneStore::kNone);
  {
    std::scoped_lock lock(state.mutex);
    for (std::uint32_t i = 0; i < state.store.end(); ++i) state.store.at(i).marked = false;
    for (std::size_t i = 0; i < list.size(); ++i) {
      indices[i] = state.store.find(list[i].zone);
      if (indices[i] == FileZoneStore::kNone) continue;
      auto& zone = state.store.at(indices[i]);
      zone.marked = true;
      // What a command added and the list has too belongs to the list from now on.
      if (zone.origin == ZoneOrigin::command) zone.origin = ZoneOrigin::list;
    }
    for (std::uint32_t i = 0; i < state.store.end(); ++i) {
      const auto& zone = state.store.at(i);
      if (!zone.used() || zone.marked) continue;
      if (zone.origin == ZoneOrigin::list)
        gone.emplace_back(zone.name());
      else
        others.push_back(i);
    }
  }
  Tally tally(list.size() + others.size() + gone.size(), options);
  os::JobPool pool({.threads = std::max<std::size_t>(1, options.threads) - 1, .nice = 0, .name = "load"});
  for (const auto& zone : gone) {
    if (remove(zone)) tally.count(&FileZonesChange::removed);
    tally.step();
  }
  os::parallel_for(
      pool, list.size(),
      [&](std::size_t i) {
        const auto& listed = list[i];
        if (!force && indices[i] != FileZoneStore::kNone && state.unchanged(indices[i], listed.file)) {
          tally.count(&FileZonesChange::unchanged);
        } else if (auto work = state.claim(listed.zone)) {
          {
            std::scoped_lock lock(state.mutex);
            // What the command line names stays with its file.
            if (state.store.at(work->index).origin == ZoneOrigin::list) work->file = std::string(listed.file);
          }
          state.settle(*work, &FileZonesChange::reloaded, tally);
        } else if (const auto fresh = state.claim_new(listed.zone, listed.file, ZoneOrigin::list)) {
          state.settle(*fresh, &FileZonesChange::added, tally);
        }
        tally.step();
      },
      kGrain);
  os::parallel_for(
      pool, others.size(),
      [&](std::size_t i) {
        state.look_again(others[i], force, tally);
        tally.step();
      },
      kGrain);
  return tally.finish();
}

FileZonesChange FileZones::refresh(bool force, const LoadOptions& options) {
  std::scoped_lock alone(state_->bulk);
  std::uint32_t end = 0;
  {
    std::scoped_lock lock(state_->mutex);
    end = state_->store.end();
  }
  Tally tally(end, options);
  os::JobPool pool({.threads = std::max<std::size_t>(1, options.threads) - 1, .nice = 0, .name = "load"});
  os::parallel_for(
      pool, end,
      [&](std::size_t i) {
        state_->look_again(static_cast<std::uint32_t>(i), force, tally);
        tally.step();
      },
      kGrain);
  return tally.finish();
}

}  // namespace onoma::publish
