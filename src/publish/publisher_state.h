// The inside of Publisher, shared by its files: publisher.cc (zones come, go and are published),
// publisher_held.cc (what a person decides).
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "publish/image_keeper.h"
#include "publish/journal.h"
#include "publish/publisher.h"

namespace onoma::publish {

using wire::Name;

// Before the first retry; doubled after each.
constexpr Duration kRetryFirst = std::chrono::seconds{1};

// One zone: its queue, its sequencer and what others may see of it. Jobs of the queue hold a plain pointer:
// the queue ends before the lane does.
struct Publisher::Lane final : zone::VersionSink, ImageHome, std::enable_shared_from_this<Publisher::Lane> {
  Lane(State& owner, Name zone_name);

  void show(const zone::Version& version, zone::SnapshotPtr snapshot) override;
  void refused(const zone::Version& version, const zone::Verdict& verdict) override;
  void exchange(const Name& which, Make make) override;

  // On the queue.
  void run();
  void want(const model::Tld& tld);  // the TLD is there, or its policy may have changed
  void retire();                     // the TLD is gone
  Result<void> take_up(const model::Tld& tld);
  Result<void> open(const model::Tld& tld);
  Result<void> follow(const model::Tld& tld);
  bool must_wait();
  void step();
  void arm();
  void fold_if_due();
  void note_replayed(const zone::Version& version);
  void publish_status();

  State& state;
  const Name zone;
  std::atomic<bool> posted{false};
  std::atomic<bool> retired{false};
  std::atomic<std::uint64_t> worked_through{0};

  // The queue's own.
  Journal* journal = nullptr;            // owned by the sequencer
  std::unique_ptr<Sequencer> sequencer;  // null until the zone could be opened
  std::optional<model::Tld> wanted;      // not taken up yet
  std::string problem;                   // why not
  Duration retry = kRetryFirst;
  std::optional<Time> try_again;
  model::DenialPolicy denial{};  // how the newest version is signed
  std::optional<os::JobPool::Timer> timer;

  std::mutex mutex;
  ZoneStatus status;      // under mutex
  os::SerialQueue queue;  // last: stops before the rest goes
};

struct Publisher::State {
  PublisherOptions options;
  model::ReaderSource& readers;
  PartsFactory parts;
  ZoneSink& sink;
  os::JobPool& pool;
  const Clock& clock;

  mutable std::mutex mutex;
  std::condition_variable progress;
  std::map<Name, std::shared_ptr<Lane>> lanes;
  std::vector<std::shared_ptr<Lane>> leaving;  // of TLDs that are gone, until their journal is
  std::deque<VersionTrace> traces;
  // Events up to here were searched for zones that come and go. Written by the supervisor, under mutex.
  std::uint64_t tlds_seen = 0;
  std::atomic<std::uint64_t> newest{0};
  std::atomic<bool> supervise_posted{false};
  std::atomic<bool> stopping{false};
  os::SerialQueue supervisor;

  void remember(std::vector<VersionTrace> fresh);
  std::vector<std::shared_ptr<Lane>> all_lanes() const;
  void post(const std::shared_ptr<Lane>& lane);
  void wake_supervisor();
  void supervise();
  Result<void> follow_tlds();
  void saw_tlds(std::uint64_t last);
};

}  // namespace onoma::publish
