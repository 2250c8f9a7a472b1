#include "publish/publisher.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "publish/image_keeper.h"
#include "publish/journal.h"
#include "publish/publisher_state.h"
#include "publish/registry_source.h"

namespace onoma::publish {

namespace {
constexpr std::size_t kTracesKept = 10'000;
// Versions of a zone with date serials: at most 96 a day, so that the two digits last.
constexpr Duration kDateCounterInterval = std::chrono::minutes{15};
// Between tries to open a zone, or to read what zones there are.
constexpr Duration kRetryLast = std::chrono::seconds{64};
// The clock on the wall may be set: no timer is longer.
constexpr Duration kTimerMax = std::chrono::minutes{10};

Duration min_interval(model::SerialPolicy policy) {
  return policy == model::SerialPolicy::datecounter ? kDateCounterInterval : Duration{};
}

// How a version is signed, read off the version itself.
model::DenialPolicy denial_of(const zone::Snapshot& snapshot) {
  if (snapshot.facts().denial == zone::Denial::none) return model::DenialPolicy::unsigned_zone;
  if (snapshot.facts().denial == zone::Denial::nsec) return model::DenialPolicy::nsec;
  const auto first = snapshot.nsec3_first();
  const auto record = first.valid() ? first.node().find(wire::RRType::NSEC3) : std::nullopt;
  const bool opt_out = record && record->size() > 0 && record->rdatas().front().size() > 1 &&
                       (record->rdatas().front()[1] & 1) != 0;
  return opt_out ? model::DenialPolicy::nsec3_opt_out : model::DenialPolicy::nsec3;
}
}  // namespace

Publisher::Lane::Lane(State& owner, Name zone_name)
    : state(owner), zone(std::move(zone_name)), queue(owner.pool) {
  status.zone = zone;
}

void Publisher::Lane::show(const zone::Version& version, zone::SnapshotPtr snapshot) {
  if (!sequencer) note_replayed(version);
  if (auto* keeper = state.options.keeper) keeper->changed(weak_from_this(), zone, snapshot, version.diff);
  state.sink.show(version, std::move(snapshot));
}

void Publisher::Lane::exchange(const Name&, Make make) {
  queue.post([this, make = std::move(make)] {
    if (state.stopping.load() || retired.load() || !sequencer || !sequencer->current()) return;
    auto made = make(sequencer->current());
    if (!made.next) return;
    sequencer->replace_equal(made.next);
    state.sink.moved(made.next);
    publish_status();
  });
}

void Publisher::Lane::refused(const zone::Version& version, const zone::Verdict& verdict) {
  state.sink.refused(version, verdict);
}

void Publisher::Lane::note_replayed(const zone::Version& version) {
  VersionTrace trace;
  trace.zone = version.zone;
  trace.serial = version.serial;
  trace.first_event = version.first_event;
  trace.last_event = version.last_event;
  trace.changes = version.diff.changes.size();
  trace.committed = version.committed;
  trace.collected = version.made;
  trace.replayed = true;
  state.remember({trace});
}

// A zone whose journal cannot be read is not opened: publishing it from nothing would overwrite what an
// operator may still mend, and could take its serial back.
Result<void> Publisher::Lane::open(const model::Tld& tld) {
  ONOMA_TRY(auto parts, state.parts(tld));
  auto log = std::make_unique<Journal>(JournalOptions{.folder = state.options.folder});
  auto* const fresh_journal = log.get();
  const SequencerOptions options{.zone = zone,
                                 .serial = tld.serial,
                                 .first_serial = tld.first_serial,
                                 .min_interval = min_interval(tld.serial)};
  SequencerStages stages{.source = std::make_unique<RegistrySource>(zone, state.readers, state.clock),
                         .signer = std::move(parts.signer),
                         .gate = std::move(parts.gate),
                         .log = std::move(log),
                         .sink = this,
                         .limits = state.options.limits,
                         .held = state.options.held};
  auto fresh = std::make_unique<Sequencer>(options, std::move(stages), state.clock);
  ONOMA_TRY(const bool restored, fresh->restore());
  sequencer = std::move(fresh);
  journal = fresh_journal;
  denial = restored ? denial_of(*sequencer->current()) : tld.denial;
  fold_if_due();
  return {};
}

Result<void> Publisher::Lane::follow(const model::Tld& tld) {
  sequencer->set_serial_policy(tld.serial, min_interval(tld.serial));
  if (tld.denial == denial) return {};
  ONOMA_TRY(auto parts, state.parts(tld));
  sequencer->sign_anew(std::move(parts.signer), std::move(parts.gate));
  denial = tld.denial;
  return {};
}

Result<void> Publisher::Lane::take_up(const model::Tld& tld) {
  if (!sequencer) ONOMA_TRY_VOID(open(tld));
  return follow(tld);
}

void Publisher::Lane::want(const model::Tld& tld) {
  wanted = tld;
  try_again.reset();
  run();
}

void Publisher::Lane::retire() {
  if (timer) queue.cancel(*timer);
  state.sink.remove(zone);
  if (state.options.keeper) state.options.keeper->forget(zone);
  if (state.options.held) state.options.held->forget(zone);
  const auto erased = journal != nullptr
                          ? journal->erase(zone)
                          : Journal(JournalOptions{.folder = state.options.folder}).erase(zone);
  if (!erased) log::warning("publish", erased.error().message);
  {
    std::scoped_lock lock(state.mutex);
    retired.store(true);
  }
  state.progress.notify_all();
  state.wake_supervisor();
}

void Publisher::Lane::run() {
  posted.store(false);
  if (state.stopping.load() || retired.load()) return;
  const auto target = state.newest.load();
  if (!must_wait()) step();
  {
    std::scoped_lock lock(state.mutex);
    worked_through.store(std::max(worked_through.load(), target));
  }
  state.progress.notify_all();
}

// After a failure news alone are no reason to try again at once.
bool Publisher::Lane::must_wait() {
  if (!sequencer) return try_again && state.clock.now() < *try_again;
  return !wanted && sequencer->state() == Sequencer::State::failing && sequencer->next_wake() &&
         state.clock.now() < *sequencer->next_wake();
}

void Publisher::Lane::step() {
  if (wanted && (!try_again || *try_again <= state.clock.now())) {
    try_again.reset();
    const auto taken = take_up(*wanted);
    if (taken) {
      wanted.reset();
      problem.clear();
      retry = kRetryFirst;
    } else {
      problem = taken.error().message;
      try_again = state.clock.now() + retry;
      log::error("publish", fmt::format("zone {} cannot be {}: {}; tried again in {} s", zone.text(),
                                        sequencer ? "signed as its policy says" : "published", problem,
                                        retry.count() / 1'000'000));
      retry = std::min(retry * 2, kRetryLast);
      if (!sequencer) state.sink.not_loaded(zone);
    }
  }
  if (sequencer) {
    state.remember(sequencer->run());
    fold_if_due();
  }
  publish_status();
  arm();
}

void Publisher::Lane::arm() {
  if (timer) queue.cancel(*timer);
  timer.reset();
  auto due = try_again;
  if (const auto next = sequencer ? sequencer->next_wake() : std::nullopt; next && (!due || *next < *due))
    due = next;
  if (!due) return;
  const auto delay = std::clamp<Duration>(*due - state.clock.now(), Duration{1000}, kTimerMax);
  timer = queue.post_after(delay, [this] { run(); });
}

// Folding is upkeep: a failure is reported and tried again with the next version.
void Publisher::Lane::fold_if_due() {
  const auto current = sequencer->current();
  if (!current || !journal->wants_fold()) return;
  zone::Version whole{.zone = zone,
                      .serial = current->facts().serial,
                      .first_event = 0,
                      .last_event = sequencer->last_event(),
                      .epoch = sequencer->options().epoch,
                      .made = state.clock.now(),
                      .committed = state.clock.now(),
                      .diff = {},
                      .content = current->content_digest()};
  whole.diff.apex = zone;
  whole.diff.to_serial = whole.serial;
  for (auto& set : zone::copy_sets(*current)) {
    auto owner = set.owner;
    whole.diff.changes.push_back({std::move(owner), set.type, std::nullopt, std::move(set)});
  }
  if (auto folded = journal->fold(whole); !folded)
    log::warning("publish",
                 fmt::format("zone {}: the journal was not folded: {}", zone.text(), folded.error().message));
}

void Publisher::Lane::publish_status() {
  std::scoped_lock lock(mutex);
  if (sequencer) {
    status.state = sequencer->state();
    status.reason = sequencer->reason();
    status.current = sequencer->current();
    status.serial = status.current ? status.current->facts().serial : 0;
    status.last_event = sequencer->last_event();
  }
  if (problem.empty()) return;
  status.state = Sequencer::State::failing;
  status.reason = problem;
}

void Publisher::State::remember(std::vector<VersionTrace> fresh) {
  if (fresh.empty()) return;
  std::scoped_lock lock(mutex);
  for (auto& trace : fresh) traces.push_back(std::move(trace));
  while (traces.size() > kTracesKept) traces.pop_front();
}

std::vector<std::shared_ptr<Publisher::Lane>> Publisher::State::all_lanes() const {
  std::scoped_lock lock(mutex);
  std::vector<std::shared_ptr<Lane>> out;
  out.reserve(lanes.size());
  for (const auto& [name, lane] : lanes) out.push_back(lane);
  return out;
}

void Publisher::State::post(const std::shared_ptr<Lane>& lane) {
  if (lane->posted.exchange(true)) return;
  lane->queue.post([lane = lane.get()] { lane->run(); });
}

// Zones come and go with their TLD objects.
Result<void> Publisher::State::follow_tlds() {
  ONOMA_TRY(const auto reader, readers.open());
  const auto last = reader->last_seq();
  bool changed = tlds_seen == 0;
  for (auto after = tlds_seen; !changed && after < last;) {
    ONOMA_TRY(const auto events, reader->events_after(after, 500));
    if (events.empty()) break;
    for (const auto& event : events)
      changed |=
          std::ranges::any_of(event.changes, [](const auto& c) { return c.kind == model::ObjectKind::tld; });
    after = events.back().seq;
  }
  if (!changed) {
    saw_tlds(last);
    return {};
  }
  ONOMA_TRY(const auto tlds, reader->tlds());
  // No waiting for a lane here: this is a job of the pool, and the lanes may need its thread.
  bool all_there = true;
  {
    std::scoped_lock lock(mutex);
    std::erase_if(lanes, [&](const auto& entry) {
      if (std::ranges::any_of(tlds, [&](const auto& tld) { return tld.name == entry.first; })) return false;
      entry.second->queue.post([lane = entry.second.get()] { lane->retire(); });
      leaving.push_back(entry.second);
      return true;
    });
    for (const auto& tld : tlds) {
      // A zone that is made anew begins when the old one has ended, which wakes the supervisor again.
      if (std::ranges::any_of(
              leaving, [&](const auto& lane) { return lane->zone == tld.name && !lane->retired.load(); })) {
        all_there = false;
        continue;
      }
      auto& lane = lanes[tld.name];
      if (!lane) lane = std::make_shared<Lane>(*this, tld.name);
      lane->queue.post([lane = lane.get(), tld] { lane->want(tld); });
    }
  }
  if (all_there) saw_tlds(last);
  return {};
}

void Publisher::State::saw_tlds(std::uint64_t last) {
  {
    std::scoped_lock lock(mutex);
    tlds_seen = std::max<std::uint64_t>(last, 1);
  }
  progress.notify_all();
}

void Publisher::State::wake_supervisor() {
  if (supervise_posted.exchange(true)) return;
  supervisor.post([this] { supervise(); });
}

void Publisher::State::supervise() {
  supervise_posted.store(false);
  if (stopping.load()) return;
  {
    // Ended here, not in a job of their own queue; those with jobs left have their turn later.
    std::vector<std::shared_ptr<Lane>> ended;
    std::scoped_lock lock(mutex);
    std::erase_if(leaving, [&](auto& lane) {
      if (!lane->retired.load() || lane->queue.waiting() > 0) return false;
      ended.push_back(std::move(lane));
      return true;
    });
  }
  if (auto followed = follow_tlds(); !followed) {
    log::error("publish", fmt::format("cannot read the registry's zones: {}", followed.error().message));
    supervisor.post_after(kRetryFirst, [this] { wake_supervisor(); });
  }
  for (const auto& lane : all_lanes()) post(lane);
}

Publisher::Publisher(PublisherOptions options, model::ReaderSource& readers, PartsFactory parts,
                     ZoneSink& sink, os::JobPool& pool, const Clock& clock)
    : state_(std::shared_ptr<State>(new State{.options = std::move(options),
                                              .readers = readers,
                                              .parts = std::move(parts),
                                              .sink = sink,
                                              .pool = pool,
                                              .clock = clock,
                                              .mutex = {},
                                              .progress = {},
                                              .lanes = {},
                                              .leaving = {},
                                              .traces = {},
                                              .tlds_seen = 0,
                                              .newest = 0,
                                              .supervise_posted = false,
                                              .stopping = false,
                                              .supervisor = os::SerialQueue(pool)})) {}

Publisher::~Publisher() {
  stop();
}

Result<void> Publisher::start() {
  ONOMA_TRY(const auto reader, state_->readers.open());
  const auto last = reader->last_seq();
  state_->newest.store(last);
  Result<void> followed;
  state_->supervisor.post([&] { followed = state_->follow_tlds(); });
  state_->supervisor.drain();
  ONOMA_TRY_VOID(std::move(followed));
  for (const auto& lane : state_->all_lanes()) state_->post(lane);
  for (const auto& lane : state_->all_lanes()) lane->queue.drain();
  return {};
}

void Publisher::wake(std::uint64_t seq) {
  auto known = state_->newest.load();
  while (known < seq && !state_->newest.compare_exchange_weak(known, seq)) {
  }
  state_->wake_supervisor();
}

void Publisher::stop() {
  if (state_->stopping.exchange(true)) return;
  state_->supervisor.stop();
  for (const auto& lane : state_->all_lanes()) lane->queue.stop();
  std::vector<std::shared_ptr<Lane>> leaving;
  {
    std::scoped_lock lock(state_->mutex);
    leaving = state_->leaving;
  }
  for (const auto& lane : leaving) lane->queue.stop();
}

std::vector<ZoneStatus> Publisher::status() const {
  std::vector<ZoneStatus> out;
  for (const auto& lane : state_->all_lanes()) {
    std::scoped_lock lock(lane->mutex);
    out.push_back(lane->status);
  }
  return out;
}

std::vector<VersionTrace> Publisher::traces(std::size_t limit) const {
  std::scoped_lock lock(state_->mutex);
  const auto skip = state_->traces.size() > limit ? state_->traces.size() - limit : 0;
  return {state_->traces.begin() + static_cast<std::ptrdiff_t>(skip), state_->traces.end()};
}

std::optional<VersionTrace> Publisher::trace_of(const Name& zone, std::uint64_t event) const {
  std::scoped_lock lock(state_->mutex);
  for (auto it = state_->traces.rbegin(); it != state_->traces.rend(); ++it)
    if (it->zone == zone && it->first_event != 0 && it->first_event <= event && event <= it->last_event)
      return *it;
  return std::nullopt;
}

bool Publisher::wait_for(std::uint64_t seq, Duration timeout) {
  std::unique_lock lock(state_->mutex);
  return state_->progress.wait_for(lock, timeout, [&] {
    // A zone that an event up to `seq` brings must be known before its work can be waited for.
    if (state_->tlds_seen < seq) return false;
    if (!std::ranges::all_of(state_->leaving, [](const auto& lane) { return lane->retired.load(); }))
      return false;
    return std::ranges::all_of(state_->lanes,
                               [&](const auto& entry) { return entry.second->worked_through.load() >= seq; });
  });
}

}  // namespace onoma::publish
