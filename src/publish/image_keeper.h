// ImageKeeper: what happens to images behind the backs of readers, on one thread of low priority.
//
// - An image that was opened where it lies (ImageMap) is copied into memory, block by block against its
//   checksums, and its zones move to the copy. What is damaged is told: in the log, in a metric, and to the
//   zones' owner.
// - When much has changed since a zone's image was made, a new image is made of all of it. Changes go on
//   meanwhile; they are made again on the new image, all but the newest few of them before the owner is asked
//   to exchange one for the other, so that nobody waits for long.
//
// Who owns zones is an ImageHome. scan() and stop() may be called from any thread; changed() where versions
// of the zone are made, after each one. The keeper must end before what homes refer to does; a home may end
// earlier.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "os/job_pool.h"
#include "publish/image_map.h"
#include "wire/name.h"
#include "zone/diff.h"
#include "zone/snapshot.h"

namespace onoma::publish {

class ImageHome {
 public:
  struct Exchange {
    zone::SnapshotPtr next;  // the same version, to be shown instead; null: what is served stays
    std::string problem;     // of the image that it came from, for people; empty: none
    bool withdraw = false;   // nothing of what is served can be read: the zone counts as not loaded
  };
  using Make = std::function<Exchange(const zone::SnapshotPtr& current)>;

  virtual ~ImageHome() = default;
  // Calls `make` with what is served, at a time when no other version is on its way, and does what it says.
  // May return before; `make` is not called when the zone is gone.
  virtual void exchange(const wire::Name& zone, Make make) = 0;
  // The same for each zone whose image lies in `octets`; returns when all are done.
  virtual void exchange_on(ByteView /*octets*/, const Make& /*make*/) {}
};

struct ImageKeeperOptions {
  // A merge begins when the changes have more than this part of the image's octets, or their owners of its
  // names, and at least so much.
  std::uint64_t share = 16;
  std::uint64_t least_octets = std::uint64_t{1} << 20;
  std::uint64_t least_owners = 10'000;
  Duration scan_delay = std::chrono::milliseconds{100};  // for the other zones of the same file
};

class ImageKeeper {
 public:
  // The pool must outlive the keeper; one of its own with one thread is best, since merges take long.
  explicit ImageKeeper(os::JobPool& pool, ImageKeeperOptions options = {});
  ~ImageKeeper();  // stop()
  ImageKeeper(const ImageKeeper&) = delete;
  ImageKeeper& operator=(const ImageKeeper&) = delete;

  // Copies and checks the file, and moves those of the home's zones that lie on it.
  void scan(std::weak_ptr<ImageHome> home, std::shared_ptr<ImageMap> map);
  // `diff` led to `current`. Costs O(1), or a copy of the diff while a merge of the zone is on its way.
  void changed(const std::weak_ptr<ImageHome>& home, const wire::Name& zone, const zone::SnapshotPtr& current,
               const zone::Diff& diff);
  void forget(const wire::Name& zone);  // it is gone
  // Waits for what is being done; what waits is dropped.
  void stop();

 private:
  struct Merge;
  void scan_now(const std::weak_ptr<ImageHome>& home, const std::shared_ptr<ImageMap>& map);
  bool due(const zone::Snapshot& current) const;
  void consider(const std::weak_ptr<ImageHome>& home, const wire::Name& zone,
                const zone::SnapshotPtr& current);               // lock held
  void note_size(const wire::Name& zone, zone::DeltaSize size);  // lock held
  void merge(const std::weak_ptr<ImageHome>& home, const std::shared_ptr<Merge>& work);
  ImageHome::Exchange finish(Merge& work, const zone::SnapshotPtr& current);
  void drop(const std::shared_ptr<Merge>& work);

  const ImageKeeperOptions options_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::set<const ImageMap*> to_scan_;
  std::unordered_map<wire::Name, std::shared_ptr<Merge>> merges_;
  std::unordered_map<wire::Name, const void*> hopeless_;   // images that could not be merged
  std::unordered_map<wire::Name, zone::DeltaSize> sizes_;  // of those that have a delta
  zone::DeltaSize all_;
  os::SerialQueue queue_;  // last: stops before the rest goes
};

}  // namespace onoma::publish
