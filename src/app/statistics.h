// Settings of statistics and dnstap, and ServerWatch: what a running server is watched with. For `serve` and
// `authority`.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "app/control.h"
#include "app/statistics_settings.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "front/dns/dns_server.h"
#include "front/rest/http_server.h"
#include "os/job_pool.h"
#include "serve/limit_watch.h"
#include "serve/stats_keeper.h"
#include "zone/stages.h"

namespace CLI {
class App;
}

namespace onoma::app {

// `settings` must outlive the command.
void add_statistics_options(CLI::App& command, StatisticsSettings& settings);
// An error names the setting and the option, and what may stand there.
Result<serve::StatisticsOptions> statistics_options(const StatisticsSettings& settings);
// Nothing when neither a socket nor a file is given.
Result<std::optional<front::DnstapOptions>> dnstap_options(const StatisticsSettings& settings,
                                                           const std::string& identity);

// The statistics and the limits of one server: kept once a second, saved at the end, shown to who asks. Made
// before the DnsServer, which counts in statistics(), and destroyed after it. begin() and end() from one
// thread; everything else from any.
class ServerWatch {
 public:
  // Without `statistics` only limits are watched. `clock` must outlive it.
  ServerWatch(std::optional<serve::StatisticsOptions> statistics, serve::LimitMode limits,
              const Clock& clock);
  ~ServerWatch();  // end(false)
  ServerWatch(const ServerWatch&) = delete;
  ServerWatch& operator=(const ServerWatch&) = delete;

  serve::Statistics* statistics() { return statistics_.get(); }

  // Continues the day of the process before. A state that cannot be read is set aside, with an error in the
  // log; a folder that cannot be made or read is an error.
  Result<void> restore();
  // The server has opened; it must outlive end().
  void watch(const front::DnsServer& server) { limits_.emplace(server.limiters()); }
  // Begins to look once a second. `pool` must outlive end().
  void begin(os::JobPool& pool);
  // Looks for the last time. `save`: the workers have stopped, and no other process has taken over.
  void end(bool save);
  // The state, so that another process can continue from it.
  void save();

  // A version of a zone became visible.
  void shown(const zone::Version& version, const zone::SnapshotPtr& snapshot);

  std::vector<serve::Flood> floods() const;
  // Adds "limits" and "floods" to what the health of all zones says.
  ControlCommand with_floods(ControlCommand health) const;
  std::string_view limits_text() const;  // off, dry-run, on
  // {"command": "stats", "show": "counters", "top" or "magnitude", "most": N, "text": BOOL}
  ControlCommand stats_command() const;
  front::HttpHandler with_pages(front::HttpHandler handler) const;

 private:
  // Versions of one zone that are not noted yet.
  struct ZoneLoads {
    std::vector<std::pair<std::uint32_t, Duration>> fresh;  // serial, and how long it took
    zone::SnapshotPtr newest;
    std::uint64_t octets = 0;
    std::optional<Duration> counted_at;
  };
  void arm();
  void look();
  void note_loads();

  SystemRng rng_;
  const Clock& clock_;
  const serve::LimitMode mode_;
  std::unique_ptr<serve::Statistics> statistics_;
  std::optional<serve::LimitWatch> limits_;
  std::string last_problem_;
  std::mutex loads_mutex_;
  std::map<std::string, ZoneLoads> loads_;
  std::optional<os::SerialQueue> queue_;
};

}  // namespace onoma::app
