// ZoneRefresh: when a secondary asks its primaries, and whom (RFC 1034 §4.3.5, RFC 1996, RFC 7314). A state
// machine: events in, actions out, time passed in as a steady reading, so that months pass in a test in no
// time.
//
// What always holds: at most one question or transfer of the zone is on its way. A NOTIFY is a hint: it
// brings a check forward, and a serial that nobody confirms is forgotten after two checks. A primary whose
// transfers fail is asked for the same version again only after a wait that doubles; the others are not kept
// waiting by that.
//
// Not thread-safe. Every event may be told at any time; answers to what was not asked are ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "transfer/incoming.h"
#include "wire/rdata.h"

namespace onoma::transfer {

// In seconds. What a SOA record says is kept within these.
struct RefreshLimits {
  std::uint32_t refresh_min = 30, refresh_max = 4 * 7 * 86400;
  std::uint32_t retry_min = 10, retry_max = 14 * 86400;
  std::uint32_t backoff_max = 86400;  // after failed transfers of one primary
  std::uint32_t first_retry = 2;      // while there is no version at all; doubles
  std::uint32_t first_retry_max = 600;
  std::uint32_t hint_gap = 2;  // between checks for the sake of NOTIFYs that came to nothing
  unsigned hint_tries = 2;
};

// The version that is served, as far as time is concerned.
struct HeldVersion {
  wire::Soa soa;
  Duration expires_in{};  // 0 or less: expired
};

struct RefreshAction {
  enum class Kind : std::uint8_t {
    ask,       // `primary` for its SOA, with EDNS EXPIRE
    transfer,  // from `primary`, as `transfer` says
    remember,  // the zone's expiry has moved: expires_at()
    expire,    // the zone must not be answered for any more
    revive,    // it may again, as it is
  };
  Kind kind{};
  std::size_t primary = 0;
  TransferKind transfer{};
};
using RefreshActions = std::vector<RefreshAction>;

class ZoneRefresh {
 public:
  enum class State : std::uint8_t { idle, asking, transferring };
  static constexpr std::size_t kNobody = static_cast<std::size_t>(-1);

  // Primaries are numbered from 0, the preferred one. `spread` differs from zone to zone and keeps their
  // timers apart: waits are up to a tenth shorter. REQUIRES: primaries > 0.
  ZoneRefresh(std::size_t primaries, std::uint64_t spread, RefreshLimits limits = {});

  // Once, before everything else.
  RefreshActions start(Duration now, const std::optional<HeldVersion>& held);
  // next_wake() has come.
  RefreshActions wake(Duration now);
  // A NOTIFY of a permitted sender, which is the primary `from` or somebody else.
  RefreshActions notified(Duration now, std::optional<std::uint32_t> serial, std::size_t from = kNobody);
  // An operator wants it checked now; failures of the past are forgotten.
  RefreshActions check_now(Duration now);

  // What became of `ask`. `expire_s`: the EDNS option.
  RefreshActions answered(Duration now, const wire::Soa& soa, std::optional<std::uint32_t> expire_s);
  RefreshActions not_answered(Duration now, std::string why);
  // What became of `transfer`: a version that is shown now, the news that ours is the newest, or a fault.
  RefreshActions transferred(Duration now, const wire::Soa& soa, std::optional<std::uint32_t> expire_s);
  RefreshActions up_to_date(Duration now, const wire::Soa& soa, std::optional<std::uint32_t> expire_s);
  RefreshActions failed(Duration now, FaultKind kind, std::string why);

  State state() const { return state_; }
  std::optional<Duration> next_wake() const;  // nothing while a check is under way and the zone cannot expire
  std::optional<Duration> expires_at() const { return expires_at_; }  // nothing before the first version
  bool expired() const { return expired_; }
  std::optional<std::uint32_t> serial() const;
  // Why the last check brought no certainty; empty: it did.
  const std::string& problem() const { return problem_; }
  std::optional<Duration> confirmed_at() const { return confirmed_at_; }  // in this run of the program

 private:
  struct Primary {
    unsigned failures = 0;  // transfers, one after another
    std::optional<std::uint32_t> bad_serial;
    Duration not_before{};
  };
  struct Hint {
    std::optional<std::uint32_t> serial;
    std::size_t from = kNobody;
    unsigned tries = 0;
  };

  RefreshActions check(Duration now, std::size_t first);
  void ask(RefreshActions& out);
  void next_primary(Duration now, RefreshActions& out);
  void end_round(Duration now, RefreshActions& out);
  bool hint_is_news() const;
  bool held_back(const Primary& primary, std::uint32_t serial, Duration now) const;
  void confirm(Duration now, std::optional<std::uint32_t> expire_s, bool fresh, RefreshActions& out);
  Duration backoff(unsigned failures) const;
  Duration jittered(std::uint64_t seconds) const;

  const RefreshLimits limits_;
  const std::uint64_t spread_;
  std::vector<Primary> primaries_;

  State state_ = State::idle;
  std::optional<wire::Soa> held_;
  std::optional<Duration> next_check_, expires_at_, confirmed_at_;
  bool expired_ = false;

  // The round under way.
  std::vector<std::size_t> order_;
  std::size_t turn_ = 0;
  bool confirmed_ = false;    // somebody has what we have, or gave us what he has
  bool hint_counts_ = false;  // the round began for the hint
  TransferKind kind_{};
  std::uint32_t offered_ = 0;  // serial of what is being transferred
  std::optional<std::uint32_t> offered_expire_s_;

  std::optional<Hint> hint_;
  std::optional<Duration> hint_due_;
  Duration idle_since_{};
  unsigned fruitless_ = 0;      // rounds that brought nothing new, close behind each other
  unsigned rounds_failed_ = 0;  // one after another
  std::string problem_;
};

}  // namespace onoma::transfer
