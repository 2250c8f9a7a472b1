// Statistics: the recorders of all workers, joined when somebody looks; the day they count for; the files
// that are left of each day.
//
// All functions may be called from any thread and may take a lock that no worker ever takes. tick() is called
// about once a second by one thread: it closes a day at 00:00 UTC, writes its files, and saves the state from
// which a restart on the same day continues. A recorder lives as long as the Statistics.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "os/file_system.h"
#include "serve/stats_day.h"
#include "serve/stats_recorder.h"

namespace onoma::serve {

struct StatisticsOptions {
  StatsOptions sketches;
  std::string folder;                 // RSSAC002 and magnitude files and the state; empty: none are written
  std::string service = "localhost";  // of RSSAC002: the name of the service, such as a.root-servers.net
  std::string zone;                   // of load-time and zone-size, with the final dot; empty: all zones
  std::int64_t keep_days = 30;        // files of older days are removed; 0: never
  std::size_t magnitude_domains = 2500;  // in the dataset of a day
  Duration save_every = std::chrono::minutes{5};
};

struct TopLists {
  std::vector<TopEntry> names, enclosers;     // keys in wire form, lower case
  std::vector<TopEntry> addresses, networks;  // 4 or 16 octets; 3 (a /24) or 6 (a /48)
};

class Statistics {
 public:
  // `clock`, `rng` and `files` must outlive it.
  Statistics(StatisticsOptions options, const Clock& clock, Rng& rng,
             os::FileSystem& files = os::FileSystem::real());
  ~Statistics();

  StatsRecorder& add_recorder();
  // A version of a zone (text form) became visible `load` after this server heard of it.
  void zone_loaded(std::string_view zone, std::uint32_t serial, Duration load, std::uint64_t octets);

  // Before the first tick(): makes the folder and continues from a saved state of the same day. A state of an
  // earlier day is written out as that day's files; a damaged one is an error and is left as it is.
  Result<void> restore();
  // An error concerns files only: the counting goes on, and the next tick tries again.
  Result<void> tick();
  // The state, now: before the program ends, after the workers have stopped.
  Result<void> save();

  Time started() const { return started_; }
  StatsCounts counts() const;  // since the start
  // Without domains it is cheap: what is left out takes 16 KiB for each domain.
  StatsDay today(bool with_domains = true) const;
  TopLists top(std::size_t most) const;  // since 00:00 UTC or the start
  const StatisticsOptions& options() const { return options_; }

 private:
  struct State;
  StatisticsOptions options_;
  const Clock& clock_;
  Time started_;
  std::unique_ptr<State> state_;
};

}  // namespace onoma::serve
