#include "publish/image_keeper.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/metrics.h"
#include "zone/image_file.h"

namespace onoma::publish {

namespace {

// Changes kept while a merge is on its way; more of them are found by comparing.
constexpr std::size_t kMostLater = 200'000;
// So few changes may be made again while the zone's owner waits.
constexpr std::size_t kFew = 64;
constexpr int kRounds = 16;

using ImagePtr = std::shared_ptr<const zone::Image>;

Result<ImagePtr> new_image(const zone::Snapshot& snapshot) {
  try {
    return zone::compact(snapshot);
  } catch (const std::bad_alloc&) {
    return fail(Code::unavailable, "no memory for a new image");
  }
}

bool same_version(const zone::Snapshot& a, const zone::Snapshot& b) {
  const auto &left = a.facts(), &right = b.facts();
  return left.serial == right.serial && left.names == right.names && left.rrsets == right.rrsets &&
         left.records == right.records && left.signatures == right.signatures;
}

}  // namespace

// The making of a zone's new image. `moved` belongs to the keeper's thread, and then to finish().
struct ImageKeeper::Merge {
  wire::Name zone;
  zone::SnapshotPtr base;
  // Under the keeper's lock: what came behind `base` and is not in `moved` yet.
  zone::SnapshotPtr newest;
  std::vector<zone::Diff> later;
  std::size_t later_changes = 0;
  bool too_many = false;

  ImagePtr image;
  zone::SnapshotPtr moved;
  bool exact = true;  // `moved` has followed every change
  std::chrono::steady_clock::time_point begun;

  void follow(const std::vector<zone::Diff>& diffs) {
    for (const auto& diff : diffs) {
      if (!exact) return;
      auto next = moved->apply(diff);
      if (next)
        moved = *std::move(next);
      else
        exact = false;
    }
  }
};

ImageKeeper::ImageKeeper(os::JobPool& pool, ImageKeeperOptions options) : options_(options), queue_(pool) {}

ImageKeeper::~ImageKeeper() {
  stop();
}

void ImageKeeper::stop() {
  stopping_.store(true);
  queue_.stop();
}

void ImageKeeper::scan(std::weak_ptr<ImageHome> home, std::shared_ptr<ImageMap> map) {
  {
    std::scoped_lock lock(mutex_);
    if (!to_scan_.insert(map.get()).second) return;
  }
  queue_.post_after(options_.scan_delay, [this, home = std::move(home), map = std::move(map)] {
    if (!stopping_.load()) scan_now(home, map);
  });
}

void ImageKeeper::scan_now(const std::weak_ptr<ImageHome>& home, const std::shared_ptr<ImageMap>& map) {
  {
    // A zone that comes to the file from now on asks for another turn.
    std::scoped_lock lock(mutex_);
    to_scan_.erase(map.get());
  }
  const auto owner = home.lock();
  if (!owner) return;
  const auto copied = map->copy([this] { return stopping_.load(); });
  if (!copied) {
    log::error("zone", copied.error().message + "; it is served from the file, unchecked");
    return;
  }
  const auto& copy = *copied;
  if (!copy) return;
  if (copy->problem.empty()) {
    add(Metric::onoma_images_verified_total);
  } else {
    add(Metric::onoma_images_damaged_total);
    log::error("zone", "IMAGE DAMAGED: " + copy->problem);
  }
  owner->exchange_on(map->octets(), [&](const zone::SnapshotPtr& current) {
    ImageHome::Exchange out;
    const bool harmed = map->harmed(*current, *copy);
    if (harmed) out.problem = copy->problem;
    auto moved = map->moved(*current, copy);
    if (!moved) {
      if (!harmed) out.problem = fmt::format("{}: {}", map->path(), moved.error().message);
      out.withdraw = true;
      return out;
    }
    out.next = *std::move(moved);
    std::scoped_lock lock(mutex_);
    consider(home, out.next->facts().apex, out.next);
    return out;
  });
}

bool ImageKeeper::due(const zone::Snapshot& current) const {
  const auto size = current.delta();
  return size.octets > std::max(options_.least_octets, zone::image_octets(current).size() / options_.share) ||
         size.owners > std::max(options_.least_owners, current.facts().names / options_.share);
}

void ImageKeeper::note_size(const wire::Name& zone, zone::DeltaSize size) {
  const auto at = sizes_.find(zone);
  if (at == sizes_.end() && size.owners == 0) return;
  const auto before = at == sizes_.end() ? zone::DeltaSize{} : at->second;
  all_.owners += size.owners - before.owners;
  all_.octets += size.octets - before.octets;
  if (size.owners > 0)
    sizes_.insert_or_assign(zone, size);
  else
    sizes_.erase(at);
  set(Metric::onoma_image_delta_octets, all_.octets);
  set(Metric::onoma_image_delta_owners, all_.owners);
}

void ImageKeeper::forget(const wire::Name& zone) {
  std::scoped_lock lock(mutex_);
  merges_.erase(zone);
  hopeless_.erase(zone);
  note_size(zone, {});
}

void ImageKeeper::changed(const std::weak_ptr<ImageHome>& home, const wire::Name& zone,
                          const zone::SnapshotPtr& current, const zone::Diff& diff) {
  std::scoped_lock lock(mutex_);
  note_size(zone, current->delta());
  if (const auto at = merges_.find(zone); at != merges_.end()) {
    auto& work = *at->second;
    if (current->image() == work.base->image()) {
      work.newest = current;
      work.later_changes += diff.changes.size();
      work.too_many = work.too_many || work.later_changes > kMostLater;
      if (work.too_many)
        work.later.clear();
      else
        work.later.push_back(diff);
      return;
    }
    merges_.erase(at);  // loaded anew
  }
  consider(home, zone, current);
}

void ImageKeeper::consider(const std::weak_ptr<ImageHome>& home, const wire::Name& zone,
                           const zone::SnapshotPtr& current) {
  // What nobody has checked must not become an image that is trusted.
  if (!due(*current) || !zone::image_is_trusted(*current) || merges_.contains(zone)) return;
  if (const auto at = hopeless_.find(zone); at != hopeless_.end() && at->second == current->image().get())
    return;
  auto work = std::make_shared<Merge>();
  work->zone = zone;
  work->base = work->newest = current;
  merges_.emplace(zone, work);
  queue_.post([this, home, work = std::move(work)] {
    if (!stopping_.load()) merge(home, work);
  });
}

void ImageKeeper::drop(const std::shared_ptr<Merge>& work) {
  std::scoped_lock lock(mutex_);
  const auto at = merges_.find(work->zone);
  if (at != merges_.end() && at->second == work) merges_.erase(at);
}

void ImageKeeper::merge(const std::weak_ptr<ImageHome>& home, const std::shared_ptr<Merge>& work) {
  {
    std::scoped_lock lock(mutex_);
    const auto at = merges_.find(work->zone);
    if (at == merges_.end() || at->second != work) return;  // loaded anew, or gone
  }
  work->begun = std::chrono::steady_clock::now();
  auto image = new_image(*work->base);
  if (!image) {
    log::error("zone", fmt::format("{}: its changes stay beside its image: {}", work->zone.text(),
                                   image.error().message));
    {
      std::scoped_lock lock(mutex_);
      hopeless_[work->zone] = work->base->image().get();
    }
    drop(work);
    return;
  }
  work->image = *std::move(image);
  work->moved = work->base->rebase(*work->base, work->image);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<zone::Diff> later;
    std::size_t changes = 0;
    {
      std::scoped_lock lock(mutex_);
      later.swap(work->later);
      changes = std::exchange(work->later_changes, 0);
    }
    work->follow(later);
    if (changes <= kFew) break;
  }
  const auto owner = home.lock();
  if (!owner || stopping_.load()) return drop(work);
  owner->exchange(work->zone,
                  [this, work](const zone::SnapshotPtr& current) { return finish(*work, current); });
}

// Where versions of the zone are made: no other one comes between.
ImageHome::Exchange ImageKeeper::finish(Merge& work, const zone::SnapshotPtr& current) {
  std::vector<zone::Diff> later;
  {
    std::scoped_lock lock(mutex_);
    const auto at = merges_.find(work.zone);
    if (at == merges_.end() || at->second.get() != &work) return {};
    if (current->image() != work.base->image()) {
      merges_.erase(at);
      return {};
    }
    later.swap(work.later);
    work.exact = work.exact && !work.too_many && work.newest == current;
    merges_.erase(at);
  }
  work.follow(later);
  if (!work.exact || !same_version(*work.moved, *current)) {
    auto other = current->rebase(*work.base, work.image);
    work.moved = std::move(other);
  }
  const auto spent =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - work.begun);
  const auto written = zone::image_octets(*work.moved).size();
  add(Metric::onoma_image_merges_total);
  add(Metric::onoma_image_merge_us_total, static_cast<std::uint64_t>(spent.count()));
  add(Metric::onoma_image_merge_written_octets_total, written);
  add(Metric::onoma_image_merge_changed_octets_total, work.base->delta().octets);
  log::debug("zone", fmt::format("{}: {} changed names went into a new image of {} octets in {} ms",
                                 work.zone.text(), work.base->delta().owners, written, spent.count() / 1000));
  std::scoped_lock lock(mutex_);
  note_size(work.zone, work.moved->delta());
  return {.next = work.moved};
}

}  // namespace onoma::publish
