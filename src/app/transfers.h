// Zone transfers to secondaries, as `serve` has them in its file and `authority` on its command line: the
// settings, and what they become: keys, rules, history and NOTIFY.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/transfer_settings.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "serve/zones.h"
#include "transfer/notify_out.h"
#include "transfer/service.h"
#include "zone/stages.h"

namespace CLI {
class App;
}

namespace onoma::app {

// `settings` must outlive the command.
void add_transfer_options(CLI::App& command, TransferSettings& settings);

class Transfers {
 public:
  // Reads the file of keys, so before root is given up. Everything passed in must outlive it. `always`: there
  // is a service even if nobody may have zones and no key is known.
  static Result<std::unique_ptr<Transfers>> make(const TransferSettings& settings,
                                                 const serve::ZoneTable& table, const Clock& clock,
                                                 bool always = false);
  ~Transfers();

  transfer::Service* service() { return service_.get(); }  // null: nothing is set
  // Until when a secondary zone may be served, for EDNS EXPIRE (RFC 7314); nullopt: it is none. Before
  // queries are answered.
  void expiry_from(std::function<std::optional<Time>(const wire::Name& zone)> source) {
    expiry_ = std::move(source);
  }
  // A version is visible. Any thread.
  void shown(const zone::Version& version, const zone::SnapshotPtr& snapshot);
  // Queries are answered now: secondaries are told of every zone that is served, and of versions from now on.
  Result<void> start();
  void stop();  // of NOTIFY; transfers end with the DNS server

 private:
  Transfers(const serve::ZoneTable& table, const Clock& clock) : table_(table), clock_(clock) {}
  const serve::ZoneTable& table_;
  const Clock& clock_;
  SystemRng rng_;
  std::function<std::optional<Time>(const wire::Name& zone)> expiry_;
  std::unique_ptr<transfer::Service> service_;
  std::vector<transfer::NotifyDestination> destinations_;
  transfer::NotifyTimes times_;
  std::atomic<transfer::NotifySender*> sender_{nullptr};
  std::unique_ptr<transfer::NotifySender> owned_sender_;
};

}  // namespace onoma::app
