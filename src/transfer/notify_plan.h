// NotifyPlan: which secondary is told of which version when (RFC 1996 §3). A state machine without sockets;
// time is passed in, as a steady reading. One thread at a time.
//
// What always holds: at most one NOTIFY is outstanding for a zone and a destination, and kOutstandingMax for
// a destination. A version that comes meanwhile is told once, afterwards, and no sooner than `interval` after
// the one before. What is not answered is repeated `retries` times, each wait twice the one before, then
// given up.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/rng.h"
#include "base/time.h"
#include "os/address.h"
#include "transfer/access.h"
#include "transfer/tsig_key.h"
#include "wire/name.h"

namespace onoma::transfer {

// A secondary to be told: "ADDRESS[:PORT] [key=NAME] [zone=NAME,NAME] [from=ADDRESS]".
struct NotifyDestination {
  os::Endpoint to;
  std::optional<os::Endpoint> from;
  TsigKeyPtr key;                 // null: not signed
  std::vector<wire::Name> zones;  // empty: every zone
  static Result<NotifyDestination> parse(std::string_view text, const KeyRing& keys);
  bool wants(wire::NameView zone) const;
};

struct NotifyTimes {
  Duration interval = std::chrono::seconds{1};    // between NOTIFYs of a zone to a destination; 0: none
  Duration first_wait = std::chrono::seconds{1};  // for an answer; doubles
  unsigned retries = 5;
};

// The SOA of a version, as the hint in a NOTIFY.
struct NotifyHint {
  std::uint32_t serial = 0, ttl = 0;
  Bytes rdata;
};
using NotifyHintPtr = std::shared_ptr<const NotifyHint>;

class NotifyPlan {
 public:
  static constexpr std::size_t kOutstandingMax = 64;
  static constexpr std::size_t kEntriesMax = 4'000'000;  // zones of all destinations that wait

  // What is to be sent now; `id` names it until it is answered or given up.
  struct Send {
    std::size_t destination = 0;
    std::uint16_t id = 0;
    wire::Name zone;
    NotifyHintPtr hint;
  };
  struct GivenUp {
    std::size_t destination = 0;
    std::uint16_t id = 0;
    wire::Name zone;
  };

  NotifyPlan(std::vector<NotifyDestination> destinations, NotifyTimes times, Rng& rng);

  const std::vector<NotifyDestination>& destinations() const { return destinations_; }
  void published(const wire::Name& zone, NotifyHintPtr hint, Duration now);
  void forget(const wire::Name& zone);  // nothing more is told of it
  // All that is due; what nobody answered is appended to `given_up`.
  std::vector<Send> due(Duration now, std::vector<GivenUp>& given_up);
  std::optional<Duration> next_due() const;  // when due() has work again; nullopt: not before another event
  // The zone that was asked about under this id; nullptr: nothing was.
  const wire::Name* outstanding(std::size_t destination, std::uint16_t id) const;
  void answered(std::size_t destination, std::uint16_t id, Duration now);
  std::size_t entries() const { return entries_; }

 private:
  struct Entry {
    NotifyHintPtr wanted;  // newest version; null: nothing is to be told, the entry only keeps the interval
    NotifyHintPtr sent;    // outstanding; null: nothing is
    std::uint16_t id = 0;
    unsigned tries = 0;
    Duration due{};  // the next event
    Duration last_sent{};
  };
  using Order = std::set<std::pair<Duration, wire::Name>>;
  struct Lane {
    std::unordered_map<wire::Name, Entry> entries;
    Order waiting, outstanding;  // by due
    std::unordered_map<std::uint16_t, wire::Name> ids;
  };
  void rest(Lane& lane, const wire::Name& zone, Entry& entry, Duration now);
  void transmit(std::size_t index, const wire::Name& zone, Entry& entry, Duration now,
                std::vector<Send>& out);
  std::uint16_t fresh_id(const Lane& lane);

  const std::vector<NotifyDestination> destinations_;
  const NotifyTimes times_;
  Rng& rng_;
  std::vector<Lane> lanes_;
  std::size_t entries_ = 0;
};

}  // namespace onoma::transfer
