#include "publish/publisher.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "base/log.h"
#include "publish/journal.h"
#include "publish/registry_source.h"

namespace onoma::publish {

using wire::Name;

namespace {
constexpr std::size_t kTracesKept = 10'000;
// Versions of a zone with date serials: at most 96 a day, so that the two digits last.
constexpr Duration kDateCounterInterval = std::chrono::minutes{15};

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

// One zone: its queue, its sequencer and what others may see of it.
struct Publisher::Lane final : zone::VersionSink {
  Lane(State& owner, Name zone_name);

  void show(const zone::Version& version, zone::SnapshotPtr snapshot) override;
  void refused(const zone::Version& version, const zone::Verdict& verdict) override;

  Result<void> open(const model::Tld& tld);    // on the queue
  Result<void> follow(const model::Tld& tld);  // on the queue: the TLD's policy may have changed
  void run();                                  // on the queue
  void step();
  void fold_if_due();
  void note_replayed(const zone::Version& version);
  void publish_status();

  State& state;
  const Name zone;
  Journal* journal = nullptr;  // owned by the sequencer
  std::unique_ptr<Sequencer> sequencer;
  std::optional<os::JobPool::Timer> timer;
  std::atomic<bool> posted{false};
  std::atomic<std::uint64_t> worked_through{0};
  std::mutex mutex;
  ZoneStatus status;             // under mutex
  model::DenialPolicy denial{};  // how the newest version is signed; queue only
  os::SerialQueue queue;         // last: stops before the rest goes
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
  void supervise();
  Result<void> follow_tlds();
  void saw_tlds(std::uint64_t last);
};

Publisher::Lane::Lane(State& owner, Name zone_name)
    : state(owner), zone(std::move(zone_name)), queue(owner.pool) {
  status.zone = zone;
}

void Publisher::Lane::show(const zone::Version& version, zone::SnapshotPtr snapshot) {
  if (!sequencer || sequencer->state() == Sequencer::State::starting) note_replayed(version);
  state.sink.show(version, std::move(snapshot));
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

Result<void> Publisher::Lane::open(const model::Tld& tld) {
  ONOMA_TRY(auto parts, state.parts(tld));
  auto log = std::make_unique<Journal>(JournalOptions{.folder = state.options.folder});
  journal = log.get();
  denial = tld.denial;
  const SequencerOptions options{.zone = zone,
                                 .serial = tld.serial,
                                 .first_serial = tld.first_serial,
                                 .min_interval = min_interval(tld.serial)};
  SequencerStages stages{.source = std::make_unique<RegistrySource>(zone, state.readers, state.clock),
                         .signer = std::move(parts.signer),
                         .gate = std::move(parts.gate),
                         .log = std::move(log),
                         .sink = this};
  sequencer = std::make_unique<Sequencer>(options, std::move(stages), state.clock);
  ONOMA_TRY(const bool restored, sequencer->restore());
  if (restored) {
    fold_if_due();
    denial = denial_of(*sequencer->current());
    ONOMA_TRY_VOID(follow(tld));
  }
  publish_status();
  return {};
}

Result<void> Publisher::Lane::follow(const model::Tld& tld) {
  if (!sequencer) return {};
  sequencer->set_serial_policy(tld.serial, min_interval(tld.serial));
  if (tld.denial == denial) return {};
  ONOMA_TRY(auto parts, state.parts(tld));
  sequencer->sign_anew(std::move(parts.signer), std::move(parts.gate));
  denial = tld.denial;
  return {};
}

void Publisher::Lane::run() {
  posted.store(false);
  if (state.stopping.load()) return;
  const auto target = state.newest.load();
  if (sequencer) step();
  {
    std::scoped_lock lock(state.mutex);
    worked_through.store(std::max(worked_through.load(), target));
  }
  state.progress.notify_all();
}

void Publisher::Lane::step() {
  if (timer) queue.cancel(*timer);
  timer.reset();
  state.remember(sequencer->run());
  fold_if_due();
  publish_status();
  if (auto due = sequencer->next_wake()) {
    const auto delay = std::max(Duration{1000}, *due - state.clock.now());
    timer = queue.post_after(delay, [this] { run(); });
  }
}

// Folding is upkeep: a failure is reported and tried again with the next version.
void Publisher::Lane::fold_if_due() {
  const auto current = sequencer->current();
  if (journal == nullptr || !current || !journal->wants_fold()) return;
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
  const auto take = [&](zone::Cursor cursor) {
    for (; cursor.valid(); cursor.next()) {
      const auto node = cursor.node();
      for (std::size_t i = 0; i < node.size(); ++i) {
        auto set = node.at(i).copy(node.owner());
        whole.diff.changes.push_back({set.owner, set.type, std::nullopt, std::move(set)});
      }
    }
  };
  take(current->first());
  take(current->nsec3_first());
  if (auto folded = journal->fold(whole); !folded)
    log::warning("publish",
                 fmt::format("zone {}: the journal was not folded: {}", zone.text(), folded.error().message));
}

void Publisher::Lane::publish_status() {
  std::scoped_lock lock(mutex);
  status.state = sequencer->state();
  status.reason = sequencer->reason();
  status.current = sequencer->current();
  status.serial = status.current ? status.current->facts().serial : 0;
  status.last_event = sequencer->last_event();
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
  for (const auto& tld : tlds) {
    std::shared_ptr<Lane> known;
    {
      std::scoped_lock lock(mutex);
      if (const auto found = lanes.find(tld.name); found != lanes.end()) known = found->second;
    }
    if (known) {
      known->queue.post([lane = known.get(), tld] {
        if (auto followed = lane->follow(tld); !followed)
          log::error("publish", fmt::format("zone {}: {}", tld.name.text(), followed.error().message));
      });
      continue;
    }
    auto lane = std::make_shared<Lane>(*this, tld.name);
    Result<void> opened;
    lane->queue.post([&] { opened = lane->open(tld); });
    lane->queue.drain();
    if (!opened) {
      log::error("publish",
                 fmt::format("zone {} cannot be published: {}", tld.name.text(), opened.error().message));
      std::scoped_lock lock(lane->mutex);
      lane->status.state = Sequencer::State::failing;
      lane->status.reason = opened.error().message;
    }
    std::scoped_lock lock(mutex);
    lanes.emplace(tld.name, std::move(lane));
  }
  std::vector<std::shared_ptr<Lane>> gone;
  {
    std::scoped_lock lock(mutex);
    std::erase_if(lanes, [&](const auto& entry) {
      if (std::ranges::any_of(tlds, [&](const auto& tld) { return tld.name == entry.first; })) return false;
      gone.push_back(entry.second);
      return true;
    });
  }
  for (const auto& lane : gone) {
    lane->queue.stop();
    sink.remove(lane->zone);
    if (lane->journal != nullptr) {
      if (auto erased = lane->journal->erase(lane->zone); !erased)
        log::warning("publish", erased.error().message);
    }
  }
  saw_tlds(last);
  return {};
}

void Publisher::State::saw_tlds(std::uint64_t last) {
  {
    std::scoped_lock lock(mutex);
    tlds_seen = std::max<std::uint64_t>(last, 1);
  }
  progress.notify_all();
}

void Publisher::State::supervise() {
  supervise_posted.store(false);
  if (stopping.load()) return;
  if (auto followed = follow_tlds(); !followed)
    log::error("publish", fmt::format("cannot read the registry's zones: {}", followed.error().message));
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
  if (state_->supervise_posted.exchange(true)) return;
  state_->supervisor.post([state = state_.get()] { state->supervise(); });
}

void Publisher::stop() {
  if (state_->stopping.exchange(true)) return;
  state_->supervisor.stop();
  for (const auto& lane : state_->all_lanes()) lane->queue.stop();
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
    return std::ranges::all_of(state_->lanes,
                               [&](const auto& entry) { return entry.second->worked_through.load() >= seq; });
  });
}

}  // namespace onoma::publish
