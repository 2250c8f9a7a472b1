#include "transfer/secondaries.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "transfer/incoming_content.h"
#include "wire/rrtype.h"

namespace onoma::transfer {

namespace {

std::string_view text(TransferKind kind) {
  return kind == TransferKind::axfr ? "AXFR" : "IXFR";
}

bool same_address(const os::Endpoint& a, const os::Endpoint& b) {
  return onoma::equal(a.address_bytes(), b.address_bytes());
}

constexpr std::size_t kWarningsLogged = 3;

struct StoredSoa {
  wire::Soa soa;
  Bytes data;
  std::uint32_t ttl = 0;
};

std::optional<StoredSoa> soa_of(const zone::SnapshotPtr& snapshot) {
  const auto set = snapshot ? snapshot->apex().find(wire::RRType::SOA) : std::nullopt;
  if (!set || set->size() == 0) return std::nullopt;
  const auto data = set->rdatas().front();
  auto soa = wire::Soa::read(data);
  if (!soa) return std::nullopt;
  return StoredSoa{std::move(*soa), Bytes(data.begin(), data.end()), set->ttl()};
}

}  // namespace

// The loop's own but for what stands under the mutex.
struct Secondaries::State {
  struct Zone {
    Zone(SecondaryZone given, const RefreshLimits& limits)
        : name(given.zone),
          primaries(std::move(given.primaries)),
          refresh(primaries.size(), std::hash<wire::Name>{}(name), limits),
          starts_with(given.expires) {}
    const wire::Name name;
    const std::vector<Primary> primaries;
    ZoneRefresh refresh;
    std::optional<Time> starts_with;
    std::optional<Duration> due;  // its place in `timers`
    std::string last_transfer, problem;
  };
  // A transfer on its way.
  struct Transfer {
    Transfer(Zone& of, const Primary& from, TransferKind how) : zone(of), primary(from), kind(how) {}
    Zone& zone;
    const Primary& primary;
    const TransferKind kind;
    Asked asked;
    std::unique_ptr<TsigStream> check;
    std::unique_ptr<Incoming> incoming;
  };
  // Held by a version on its way to the store; stop() waits until nobody holds one.
  struct Busy {
    explicit Busy(State& of) : state(of) {
      std::scoped_lock lock(state.mutex);
      ++state.busy;
    }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    ~Busy() {
      std::scoped_lock lock(state.mutex);
      if (--state.busy == 0) state.at_rest.notify_all();
    }
    State& state;
  };
  struct Waiting {
    Zone* zone;
    std::size_t primary;
    TransferKind kind;
  };

  State(SecondariesOptions given, VersionStore& versions, os::JobPool& jobs, const Clock& time, Rng& random)
      : options(std::move(given)),
        store(versions),
        pool(jobs),
        clock(time),
        rng(random),
        loop(time, options.exchange) {}

  void perform(Zone& zone, const RefreshActions& actions);
  void settle(Zone& zone);
  std::optional<Duration> tick(Duration now);
  void begin_waiting();
  void ask(Zone& zone, std::size_t primary, bool over_tcp);
  void transfer(const Waiting& wanted);
  void finish(const std::shared_ptr<Transfer>& one);
  void build(const std::shared_ptr<Transfer>& one, const std::shared_ptr<Busy>& busy,
             IncomingOutcome outcome);
  void stored(const std::shared_ptr<Transfer>& one, const IncomingOutcome& facts, const Result<void>& result);
  void fail(Transfer& one, FaultKind kind, const std::string& why);
  void release(const Primary& primary);
  void tell(const Zone& zone);
  void publish(Zone& zone);

  const SecondariesOptions options;
  VersionStore& store;
  os::JobPool& pool;
  const Clock& clock;
  Rng& rng;

  std::map<wire::Name, std::unique_ptr<Zone>> zones;  // filled by start(), then only looked at
  std::set<std::pair<Duration, Zone*>> timers;
  std::deque<std::pair<Zone*, std::size_t>> questions_waiting;
  std::deque<Waiting> transfers_waiting;
  std::size_t questions = 0, transfers = 0;
  std::map<std::string, std::size_t> by_address;

  mutable std::mutex mutex;
  std::map<wire::Name, SecondaryStatus> statuses;  // under mutex
  std::size_t busy = 0;                            // under mutex
  std::condition_variable at_rest;

  PrimaryLoop loop;  // last: it ends first
};

// What the state machine wants done. Ends with what others may see of it.
void Secondaries::State::perform(Zone& zone, const RefreshActions& actions) {
  for (const auto& action : actions) {
    switch (action.kind) {
      case RefreshAction::Kind::ask:
        questions_waiting.emplace_back(&zone, action.primary);
        break;
      case RefreshAction::Kind::transfer:
        transfers_waiting.push_back({&zone, action.primary, action.transfer});
        break;
      case RefreshAction::Kind::revive:
        break;  // confirmed() does it
      case RefreshAction::Kind::remember:
        if (const auto at = zone.refresh.expires_at())
          store.confirmed(zone.name, clock.now() + (*at - clock.steady()));
        break;
      case RefreshAction::Kind::expire:
        log::error("transfer",
                   fmt::format("{}: no primary has confirmed the zone before it expired; answered with "
                               "SERVFAIL until one does",
                               zone.name.text()));
        store.expired(zone.name);
        break;
    }
  }
  settle(zone);
}

void Secondaries::State::settle(Zone& zone) {
  const auto due = zone.refresh.next_wake();
  if (due != zone.due) {
    if (zone.due) timers.erase({*zone.due, &zone});
    zone.due = due;
    if (due) timers.insert({*due, &zone});
  }
  const bool news =
      zone.refresh.state() == ZoneRefresh::State::idle && zone.refresh.problem() != zone.problem;
  if (news) zone.problem = zone.refresh.problem();
  publish(zone);  // first: who is told finds it in the status
  if (news) tell(zone);
}

// Tells a problem once, not at every retry.
void Secondaries::State::tell(const Zone& zone) {
  if (zone.problem.empty())
    log::info("transfer", fmt::format("{}: the primary can be used again", zone.name.text()));
  else
    log::warning("transfer", fmt::format("{}: {}", zone.name.text(), zone.problem));
  store.note(zone.name, zone.problem);
}

void Secondaries::State::publish(Zone& zone) {
  const auto wall = [&](const std::optional<Duration>& at) {
    return at ? std::optional(clock.now() + (*at - clock.steady())) : std::nullopt;
  };
  SecondaryStatus status{.zone = zone.name,
                         .state = zone.refresh.state(),
                         .primaries = {},
                         .serial = zone.refresh.serial(),
                         .expires = wall(zone.refresh.expires_at()),
                         .next_check = wall(zone.refresh.next_wake()),
                         .confirmed = wall(zone.refresh.confirmed_at()),
                         .expired = zone.refresh.expired(),
                         .problem = zone.problem,
                         .last_transfer = zone.last_transfer};
  for (const auto& primary : zone.primaries) status.primaries.push_back(primary.endpoint.text());
  std::scoped_lock lock(mutex);
  statuses[zone.name] = std::move(status);
}

std::optional<Duration> Secondaries::State::tick(Duration now) {
  while (!timers.empty() && timers.begin()->first <= now) {
    auto& zone = *timers.begin()->second;
    timers.erase(timers.begin());
    zone.due.reset();
    perform(zone, zone.refresh.wake(now));
  }
  begin_waiting();
  return timers.empty() ? std::nullopt : std::optional(timers.begin()->first);
}

void Secondaries::State::begin_waiting() {
  while (!questions_waiting.empty() && questions < options.questions_max) {
    const auto [zone, primary] = questions_waiting.front();
    questions_waiting.pop_front();
    ++questions;
    ask(*zone, primary, false);
  }
  for (auto at = transfers_waiting.begin();
       at != transfers_waiting.end() && transfers < options.transfers_max;) {
    const auto address = at->zone->primaries[at->primary].endpoint.address_text();
    if (by_address[address] >= options.transfers_per_primary) {
      ++at;
      continue;
    }
    const auto wanted = *at;
    at = transfers_waiting.erase(at);
    ++transfers;
    ++by_address[address];
    transfer(wanted);
    at = transfers_waiting.begin();  // what failed at once may have put another in
  }
}

void Secondaries::State::ask(Zone& zone, std::size_t number, bool over_tcp) {
  const auto& primary = zone.primaries[number];
  auto asked = std::make_shared<Asked>(ask_soa(zone.name, primary.key, rng, clock.now()));
  auto stranger = std::make_shared<std::string>();  // what came over UDP and was not the answer
  const auto end = [this, &zone, &primary](const std::string& why) {
    --questions;
    perform(zone, zone.refresh.not_answered(clock.steady(),
                                            fmt::format("{}: SOA: {}", primary.endpoint.text(), why)));
  };
  auto on_message = [this, &zone, &primary, number, over_tcp, asked, stranger, end](ByteView message) {
    const auto answer = read_soa_answer(message, zone.name, *asked, primary.key, clock.now());
    if (answer) {
      --questions;
      perform(zone, zone.refresh.answered(clock.steady(), answer->soa, answer->expire_s));
      return true;
    }
    if (!over_tcp) {
      // Anybody can send such a message in the primary's name; the right answer may still come.
      if (answer.error().kind == FaultKind::mismatch || answer.error().kind == FaultKind::not_authentic) {
        *stranger = answer.error().what;
        return false;
      }
      if (answer.error().kind == FaultKind::truncated) {
        ask(zone, number, true);
        return true;
      }
    }
    end(answer.error().what);
    return true;
  };
  auto message = asked->message;
  if (over_tcp) return loop.stream(primary.endpoint, std::move(message), on_message, end);
  loop.ask_udp(primary.endpoint, std::move(message), on_message,
               [this, &zone, number, stranger, end](const std::string& why) {
                 if (!stranger->empty()) return end(*stranger);
                 static_cast<void>(why);  // TCP will say more
                 ask(zone, number, true);
               });
}

void Secondaries::State::transfer(const Waiting& wanted) {
  auto& zone = *wanted.zone;
  const auto& primary = zone.primaries[wanted.primary];
  const auto have = soa_of(store.current(zone.name));
  const auto kind = have ? wanted.kind : TransferKind::axfr;
  auto one = std::make_shared<Transfer>(zone, primary, kind);
  one->asked = ask_transfer(zone.name, kind, have ? ByteView(have->data) : ByteView(), have ? have->ttl : 0,
                            primary.key, rng, clock.now());
  if (primary.key) one->check = std::make_unique<TsigStream>(primary.key, one->asked, clock);
  one->incoming = std::make_unique<Incoming>(
      TransferQuestion{.zone = zone.name,
                       .kind = kind,
                       .id = one->asked.id,
                       .have = have ? std::optional(have->soa.serial) : std::nullopt},
      options.incoming, one->check.get());
  loop.stream(
      primary.endpoint, one->asked.message,
      [this, one](ByteView message) {
        const auto taken = one->incoming->take(message);
        if (!taken) {
          fail(*one, taken.error().kind, taken.error().what);
          return true;
        }
        if (*taken == Incoming::Progress::more) return false;
        finish(one);
        return true;
      },
      [this, one](const std::string& why) {
        const auto ended = one->incoming->end();
        fail(*one, FaultKind::unreachable, ended ? why : fmt::format("{}; {}", why, ended.error().what));
      });
}

void Secondaries::State::release(const Primary& primary) {
  --transfers;
  const auto at = by_address.find(primary.endpoint.address_text());
  if (at != by_address.end() && --at->second == 0) by_address.erase(at);
}

void Secondaries::State::fail(Transfer& one, FaultKind kind, const std::string& why) {
  release(one.primary);
  perform(one.zone, one.zone.refresh.failed(
                        clock.steady(), kind,
                        fmt::format("{}: {}: {}", one.primary.endpoint.text(), text(one.kind), why)));
}

void Secondaries::State::finish(const std::shared_ptr<Transfer>& one) {
  auto outcome = one->incoming->outcome();
  one->incoming.reset();
  if (outcome.kind == IncomingOutcome::Kind::up_to_date) {
    release(one->primary);
    return perform(one->zone, one->zone.refresh.up_to_date(clock.steady(), outcome.soa, outcome.expire_s));
  }
  // std::function wants what can be copied.
  auto kept = std::make_shared<IncomingOutcome>(std::move(outcome));
  auto busy_with = std::make_shared<Busy>(*this);
  if (!pool.post([this, one, kept, busy_with] { build(one, busy_with, std::move(*kept)); }))
    fail(*one, FaultKind::not_accepted, "the program is ending");
}

// A job.
void Secondaries::State::build(const std::shared_ptr<Transfer>& one, const std::shared_ptr<Busy>& busy_with,
                               IncomingOutcome outcome) {
  const auto give_up = [&](TransferFault fault) {
    loop.post([this, one, fault = std::move(fault)] { fail(*one, fault.kind, fault.what); });
  };
  zone::SnapshotPtr next;
  std::optional<zone::Diff> diff;
  if (outcome.kind == IncomingOutcome::Kind::whole) {
    std::vector<std::string> warnings;
    auto built =
        build_whole(one->zone.name, std::move(outcome.chunks), options.incoming, warnings, options.parallel);
    if (!built) return give_up(std::move(built).error());
    next = *std::move(built);
    for (std::size_t i = 0; i < std::min(warnings.size(), kWarningsLogged); ++i)
      log::warning("transfer", fmt::format("{}: {}", one->zone.name.text(), warnings[i]));
  } else {
    const auto current = store.current(one->zone.name);
    if (!current) return give_up({FaultKind::contradictory, "changes of a version that is gone"});
    auto applied = apply_steps(*current, outcome.steps, options.incoming);
    if (!applied) return give_up(std::move(applied).error());
    next = std::move(applied->snapshot);
    diff = std::move(applied->diff);
  }
  outcome.chunks.clear();
  outcome.steps.clear();
  auto facts = std::make_shared<IncomingOutcome>(std::move(outcome));
  store.offer(one->zone.name, std::move(next), std::move(diff),
              [this, one, facts, busy_with](const Result<void>& result) {
                loop.post([this, one, facts, result] { stored(one, *facts, result); });
              });
}

void Secondaries::State::stored(const std::shared_ptr<Transfer>& one, const IncomingOutcome& facts,
                                const Result<void>& result) {
  if (!result) return fail(*one, FaultKind::not_accepted, result.error().message);
  release(one->primary);
  auto& zone = one->zone;
  zone.last_transfer =
      fmt::format("{} from {}: serial {}, {} records, {} octets",
                  facts.kind == IncomingOutcome::Kind::whole ? "AXFR" : "IXFR", one->primary.endpoint.text(),
                  facts.soa.serial, facts.records, facts.octets);
  log::info("transfer", fmt::format("{}: {}", zone.name.text(), zone.last_transfer));
  perform(zone, zone.refresh.transferred(clock.steady(), facts.soa, facts.expire_s));
}

Secondaries::Secondaries(SecondariesOptions options, VersionStore& store, os::JobPool& pool,
                         const Clock& clock, Rng& rng)
    : state_(std::make_unique<State>(std::move(options), store, pool, clock, rng)) {}

Secondaries::~Secondaries() {
  stop();
}

Result<void> Secondaries::start(std::vector<SecondaryZone> zones) {
  for (auto& zone : zones) {
    CHECK(!zone.primaries.empty());
    auto made = std::make_unique<State::Zone>(std::move(zone), state_->options.refresh);
    auto name = made->name;
    if (const auto [at, fresh] = state_->zones.emplace(std::move(name), std::move(made)); fresh)
      state_->publish(*at->second);
  }
  auto* state = state_.get();  // the loop ends before it does
  ONOMA_TRY_VOID(state->loop.start([state](Duration now) { return state->tick(now); }));
  state->loop.post([state] {
    for (auto& [name, zone] : state->zones) {
      std::optional<HeldVersion> held;
      if (auto soa = soa_of(state->store.current(name)); soa && zone->starts_with)
        held = HeldVersion{std::move(soa->soa), *zone->starts_with - state->clock.now()};
      state->perform(*zone, zone->refresh.start(state->clock.steady(), held));
    }
  });
  return {};
}

void Secondaries::stop() {
  state_->loop.stop();
  std::unique_lock lock(state_->mutex);
  state_->at_rest.wait(lock, [&] { return state_->busy == 0; });
}

NotifyVerdict Secondaries::notify(wire::NameView name, const os::Endpoint& from, const wire::Name* key,
                                  std::optional<std::uint32_t> serial) {
  const auto at = state_->zones.find(wire::Name(name));
  if (at == state_->zones.end()) return NotifyVerdict::not_secondary;
  auto* zone = at->second.get();
  for (std::size_t i = 0; i < zone->primaries.size(); ++i) {
    const auto& primary = zone->primaries[i];
    if (!same_address(primary.endpoint, from)) continue;
    if (primary.key && (key == nullptr || !(*key == primary.key->name()))) continue;
    auto* state = state_.get();
    state->loop.post([state, zone, i, serial] {
      state->perform(*zone, zone->refresh.notified(state->clock.steady(), serial, i));
    });
    return NotifyVerdict::accepted;
  }
  return NotifyVerdict::refused;
}

bool Secondaries::check_now(const wire::Name& name) {
  const auto at = state_->zones.find(name);
  if (at == state_->zones.end()) return false;
  state_->loop.post([state = state_.get(), zone = at->second.get()] {
    state->perform(*zone, zone->refresh.check_now(state->clock.steady()));
  });
  return true;
}

std::optional<SecondaryStatus> Secondaries::status(const wire::Name& zone) const {
  std::scoped_lock lock(state_->mutex);
  const auto at = state_->statuses.find(zone);
  return at == state_->statuses.end() ? std::nullopt : std::optional(at->second);
}

std::vector<SecondaryStatus> Secondaries::status() const {
  std::vector<SecondaryStatus> out;
  std::scoped_lock lock(state_->mutex);
  for (const auto& [name, status] : state_->statuses) out.push_back(status);
  return out;
}

}  // namespace onoma::transfer
