// Zones from compiled images.
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/metrics.h"
#include "publish/file_zones_state.h"

namespace onoma::publish {

namespace {

bool lies_in(const zone::Snapshot& snapshot, ByteView octets) {
  const auto* at = zone::image_octets(snapshot).data();
  return at >= octets.data() && at < octets.data() + octets.size();
}

}  // namespace

void FileZones::use_images(ImageKeeper& keeper, zone::GateLevel level) {
  state_->keeper = &keeper;
  state_->level = level;
}

// Nobody waits for a look at all of an image that nothing stands behind; where something does, the look comes
// first.
FileZoneOutcome FileZones::State::take_image(const FileZoneWork& work, ZoneFile file) {
  FileZoneOutcome out{.current = work.current, .result = {}};
  const auto refuse = [&](const Error& error) {
    out.result = fail(Code::bad_syntax, error.message);
    return out;
  };
  const auto& stamp = file.image->file().stamp();
  const bool passed = keeper && stamp.level >= level && !loses_much(work, *file.snapshot);
  const bool unchecked = passed && !work.current;
  if (!unchecked) {
    const auto copy = file.image->copy();
    if (!copy) return refuse(copy.error());
    if (file.image->harmed(*file.snapshot, **copy)) {
      onoma::add(Metric::onoma_images_damaged_total);
      return refuse(Error{Code::corrupt, (*copy)->problem, {}});
    }
    auto moved = file.image->moved(*file.snapshot, *copy);
    if (!moved) return refuse(moved.error());
    file.snapshot = *std::move(moved);
  }
  const auto& facts = file.snapshot->facts();
  if (!passed) {
    if (keeper && stamp.level < level)
      log::info("zone",
                fmt::format("{}: {} was compiled with a gate below the one asked for; checking all of "
                            "it",
                            work.zone.text(), file.image->path()));
    out = offer(work, file.snapshot, std::nullopt);
    if (out.result) out.earliest_expiry = facts.earliest_expiry;
    return out;
  }
  const auto now = clock.now();
  zone::Version version{.zone = work.zone, .serial = facts.serial, .made = now, .committed = now, .diff = {}};
  version.diff.apex = work.zone;
  version.diff.to_serial = facts.serial;
  show(version, file.snapshot);
  onoma::add(Metric::onoma_versions_published_total);
  out.earliest_expiry = facts.earliest_expiry;
  out.current = std::move(file.snapshot);
  out.shown = true;
  if (unchecked) out.to_scan = std::move(file.image);
  return out;
}

void FileZones::State::exchange(const wire::Name& zone, Make make) {
  std::uint32_t index = FileZoneStore::kNone;
  {
    std::scoped_lock lock(mutex);
    index = store.find(zone);
  }
  if (index != FileZoneStore::kNone)
    exchange_at(index, [&](const zone::SnapshotPtr& current) {
      return current->facts().apex == zone ? make(current) : Exchange{};
    });
}

void FileZones::State::exchange_on(ByteView octets, const Make& make) {
  std::vector<std::uint32_t> found;
  {
    std::scoped_lock lock(mutex);
    for (std::uint32_t i = 0; i < store.end(); ++i)
      if (const auto& zone = store.at(i); zone.used() && zone.current && lies_in(*zone.current, octets))
        found.push_back(i);
  }
  for (const auto index : found)
    exchange_at(index, [&](const zone::SnapshotPtr& current) {
      return lies_in(*current, octets) ? make(current) : Exchange{};
    });
}

void FileZones::State::exchange_at(std::uint32_t index, const Make& make) {
  std::optional<FileZoneWork> work;
  {
    std::unique_lock lock(mutex);
    freed.wait(lock, [&] { return !store.at(index).used() || !store.at(index).busy; });
    if (!store.at(index).used() || !store.at(index).current) return;
    work = claim(index, lock);
  }
  auto made = make(work->current);
  if (made.withdraw) {
    sink.remove(work->zone);
    sink.not_loaded(work->zone);
    log::error("zone", fmt::format("{}: {}; answered with SERVFAIL until a reload succeeds",
                                   work->zone.text(), made.problem));
  } else if (!made.problem.empty()) {
    log::error("zone", fmt::format("{}: {}; what can be read is served, for the rest there is SERVFAIL",
                                   work->zone.text(), made.problem));
  }
  if (made.next) sink.moved(made.next);
  {
    std::scoped_lock lock(mutex);
    auto& zone = store.at(index);
    if (made.next || made.withdraw) zone.current = std::move(made.next);
    if (!made.problem.empty())
      zone.problem = std::make_unique<FileZone::Problem>(FileZone::Problem{made.problem, false, true});
    zone.busy = false;
  }
  freed.notify_all();
}

}  // namespace onoma::publish
