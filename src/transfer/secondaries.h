// Secondaries: the zones that are transferred to here. For each a ZoneRefresh says when and whom to ask; a
// PrimaryLoop asks; what comes is built into a version on the job pool and offered to a VersionStore, which
// checks it, makes it durable and shows it. A version that is refused leaves the zone as it was.
//
// Any thread may call everything. The store is called from the loop's thread and from jobs; it must not wait
// for the network and must outlive this, as must pool, clock and rng.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "os/job_pool.h"
#include "transfer/incoming.h"
#include "transfer/notify_in.h"
#include "transfer/primary.h"
#include "transfer/primary_loop.h"
#include "transfer/refresh.h"
#include "zone/diff.h"
#include "zone/snapshot.h"

namespace onoma::transfer {

class VersionStore {
 public:
  using Done = std::function<void(Result<void>)>;
  virtual ~VersionStore() = default;
  // What is served of the zone, expired or not; null: nothing yet.
  virtual zone::SnapshotPtr current(const wire::Name& zone) const = 0;
  // A version with the serial that it has. Without `diff` it is compared with the current one. Calls `done`,
  // from any thread, when the version is shown or refused. Code::gate_refused: by the gate.
  virtual void offer(const wire::Name& zone, zone::SnapshotPtr next, std::optional<zone::Diff> diff,
                     Done done) = 0;
  // A primary has confirmed what is served; it may be served until `expires`, also after a restart, and if it
  // had expired.
  virtual void confirmed(const wire::Name& zone, Time expires) = 0;
  // Nobody has confirmed it in time: not to be served until it is confirmed, or another version comes.
  virtual void expired(const wire::Name& zone) = 0;
  // Why the newest check brought no certainty; empty: it did.
  virtual void note(const wire::Name& zone, const std::string& problem) = 0;
};

struct SecondaryZone {
  wire::Name zone;
  std::vector<Primary> primaries;  // the preferred one first; at least one
  // When what the store has expires; absent: it has nothing.
  std::optional<Time> expires = std::nullopt;
};

struct SecondariesOptions {
  IncomingLimits incoming;
  RefreshLimits refresh;
  ExchangeLimits exchange;
  std::size_t transfers_max = 10;  // at once
  std::size_t transfers_per_primary = 3;
  std::size_t questions_max = 200;  // at once
  Parallel parallel = serially;     // for sorting large zones
};

struct SecondaryStatus {
  wire::Name zone;
  ZoneRefresh::State state{};
  std::vector<std::string> primaries;
  std::optional<std::uint32_t> serial;
  std::optional<Time> expires, next_check, confirmed;
  bool expired = false;
  std::string problem;
  std::string last_transfer;  // "IXFR from 192.0.2.1:53: serial 7, 12 records, 900 octets"
};

class Secondaries final : public NotifyTarget {
 public:
  Secondaries(SecondariesOptions options, VersionStore& store, os::JobPool& pool, const Clock& clock,
              Rng& rng);
  ~Secondaries() override;  // stop()

  Result<void> start(std::vector<SecondaryZone> zones);
  // Ends what is under way; versions that are being stored are waited for, so the store must still store.
  // Idempotent.
  void stop();

  NotifyVerdict notify(wire::NameView zone, const os::Endpoint& from, const wire::Name* key,
                       std::optional<std::uint32_t> serial) override;
  // Asks the primaries now. False: there is no such zone.
  bool check_now(const wire::Name& zone);

  std::optional<SecondaryStatus> status(const wire::Name& zone) const;
  std::vector<SecondaryStatus> status() const;  // in canonical order

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace onoma::transfer
