#include "publish/secondary_zones.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "os/durable_file.h"
#include "publish/held.h"
#include "publish/journal.h"
#include "wire/rdata.h"

namespace onoma::publish {

using wire::Name;

namespace {

constexpr std::size_t kExpiryFileMax = 4096;
constexpr std::string_view kExpiryHead = "onoma secondary 1\n";

struct Expiry {
  std::uint32_t serial = 0;
  Time expires{}, confirmed{};
};

std::string text_of(const Expiry& expiry) {
  return fmt::format("{}serial {}\nexpires {}\nconfirmed {}\n", kExpiryHead, expiry.serial,
                     iso8601(expiry.expires), iso8601(expiry.confirmed));
}

std::optional<Expiry> read_expiry(const std::string& path) {
  const auto octets = os::read_file(path, kExpiryFileMax);
  if (!octets) return std::nullopt;
  auto text = as_text(*octets);
  if (!text.starts_with(kExpiryHead)) return std::nullopt;
  text.remove_prefix(kExpiryHead.size());
  std::map<std::string_view, std::string_view> fields;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;  // cut off
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto space = line.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    fields[line.substr(0, space)] = line.substr(space + 1);
  }
  const auto expires = from_iso8601(fields["expires"]);
  const auto confirmed = from_iso8601(fields["confirmed"]);
  std::uint64_t serial = 0;
  for (const char digit : fields["serial"]) {
    if (digit < '0' || digit > '9' || serial > 0xffffffffU) return std::nullopt;
    serial = serial * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (!expires || !confirmed || serial > 0xffffffffU) return std::nullopt;
  return Expiry{static_cast<std::uint32_t>(serial), *expires, *confirmed};
}

Duration expire_of(const zone::Snapshot& snapshot) {
  const auto set = snapshot.apex().find(wire::RRType::SOA);
  const auto soa = set && set->size() > 0 ? wire::Soa::read(set->rdatas().front())
                                          : std::unexpected(wire::WireError::truncated);
  return soa ? Duration(std::chrono::seconds{soa->expire_s}) : Duration{};
}

}  // namespace

struct SecondaryZones::Lane final : zone::VersionSink,
                                    ImageHome,
                                    std::enable_shared_from_this<SecondaryZones::Lane> {
  Lane(State& owner, Name name);

  void show(const zone::Version& version, zone::SnapshotPtr snapshot) override;
  void refused(const zone::Version& version, const zone::Verdict& verdict) override;
  void exchange(const Name& which, Make make) override;

  // On the queue.
  void make_sequencer();
  Result<std::optional<Time>> restore();
  void set_aside(const Error& error);
  Result<void> take(zone::SnapshotPtr next, std::optional<zone::Diff> diff);
  void confirm(Time until);
  void expire();
  void fold_if_due();
  ZoneHealth health(Time now) const;  // under mutex

  State& state;
  const Name zone;

  // The queue's own.
  std::unique_ptr<Sequencer> sequencer;
  Journal* journal = nullptr;  // the sequencer's
  bool restoring = false;
  std::optional<zone::Version> restored;  // without its diff

  mutable std::mutex mutex;
  SecondaryZoneStatus status;  // under mutex
  zone::SnapshotPtr current;   // under mutex
  bool gate_said_no = false;   // under mutex

  os::SerialQueue queue;  // last: stops before the rest goes
};

struct SecondaryZones::State {
  std::string folder;
  GateFactory make_gate;
  ZoneSink& sink;
  os::JobPool& pool;
  const Clock& clock;
  ImageKeeper* keeper = nullptr;
  mutable std::mutex mutex;
  std::map<Name, std::shared_ptr<Lane>> lanes;  // under mutex; lanes stay
};

SecondaryZones::Lane::Lane(State& owner, Name name) : state(owner), zone(std::move(name)), queue(owner.pool) {
  status.zone = zone;
}

void SecondaryZones::Lane::show(const zone::Version& version, zone::SnapshotPtr snapshot) {
  if (restoring) {
    restored = zone::Version{.zone = version.zone,
                             .serial = version.serial,
                             .made = version.made,
                             .diff = {},
                             .content = version.content};
    return;
  }
  {
    std::scoped_lock lock(mutex);
    status.expired = false;
  }
  if (state.keeper != nullptr) state.keeper->changed(weak_from_this(), zone, snapshot, version.diff);
  state.sink.show(version, std::move(snapshot));
}

void SecondaryZones::Lane::exchange(const Name&, Make make) {
  queue.post([this, make = std::move(make)] {
    if (!sequencer->current()) return;
    auto made = make(sequencer->current());
    if (!made.next) return;
    sequencer->replace_equal(made.next);
    {
      std::scoped_lock lock(mutex);
      current = made.next;
      if (status.expired) return;
    }
    state.sink.moved(made.next);
  });
}

void SecondaryZones::Lane::refused(const zone::Version& version, const zone::Verdict& verdict) {
  state.sink.refused(version, verdict);
}

void SecondaryZones::Lane::make_sequencer() {
  auto log = std::make_unique<Journal>(JournalOptions{.folder = state.folder});
  journal = log.get();
  sequencer = std::make_unique<Sequencer>(SequencerOptions{.zone = zone, .keep_serial = true},
                                          SequencerStages{.source = nullptr,
                                                          .signer = nullptr,
                                                          .gate = state.make_gate(),
                                                          .log = std::move(log),
                                                          .sink = this},
                                          state.clock);
}

void SecondaryZones::Lane::set_aside(const Error& error) {
  const auto path = fmt::format("{}/{}.journal", state.folder, file_stem(zone));
  std::error_code failed;
  std::filesystem::rename(path, path + ".damaged", failed);
  log::error(
      "transfer",
      fmt::format("{}: {}; {}, and the whole zone is asked for", zone.text(), error.message,
                  failed ? "the file cannot be moved away" : "the file is kept as " + path + ".damaged"));
}

Result<std::optional<Time>> SecondaryZones::Lane::restore() {
  make_sequencer();
  restoring = true;
  const auto found = sequencer->restore();
  restoring = false;
  if (!found) {
    set_aside(found.error());
    make_sequencer();
  }
  if (!found || !*found) {
    state.sink.not_loaded(zone);
    return std::nullopt;
  }
  const auto snapshot = sequencer->current();
  const auto now = state.clock.now();
  // A version that came just before the end has no time of its own written down: it was confirmed when it was
  // made.
  auto expiry = Expiry{snapshot->facts().serial, restored->made + expire_of(*snapshot), restored->made};
  if (const auto kept = read_expiry(fmt::format("{}/{}.expiry", state.folder, file_stem(zone)));
      kept && kept->serial == expiry.serial)
    expiry = *kept;
  const bool over = expiry.expires <= now;
  {
    std::scoped_lock lock(mutex);
    current = snapshot;
    status.serial = snapshot->facts().serial;
    status.expires = expiry.expires;
    status.confirmed = expiry.confirmed;
    status.expired = over;
  }
  if (over)
    state.sink.expired(zone);
  else
    state.sink.show(*restored, snapshot);
  fold_if_due();
  return expiry.expires;
}

Result<void> SecondaryZones::Lane::take(zone::SnapshotPtr next, std::optional<zone::Diff> diff) {
  // In a log serial 0 stands for "nothing before": what follows it is kept as a whole.
  if (const auto before = sequencer->current(); before && before->facts().serial == 0) {
    make_sequencer();
    ONOMA_TRY_VOID(journal->erase(zone));
    diff.reset();
  }
  if (!sequencer->current()) diff = whole_diff(*next);
  const auto offered = sequencer->offer(std::move(next), std::move(diff));
  const bool held = offered && !*offered && sequencer->state() == Sequencer::State::held;
  if (offered && *offered) fold_if_due();
  std::scoped_lock lock(mutex);
  gate_said_no = held;
  if (!offered) return std::unexpected(offered.error());
  if (held) return fail(Code::gate_refused, "the gate refused it: " + sequencer->reason());
  current = sequencer->current();
  status.serial = current->facts().serial;
  return {};
}

void SecondaryZones::Lane::confirm(Time until) {
  const auto now = state.clock.now();
  zone::SnapshotPtr again;
  Expiry expiry;
  {
    std::scoped_lock lock(mutex);
    if (!current) return;
    expiry = {current->facts().serial, until, now};
    status.expires = until;
    status.confirmed = now;
    if (until > now && std::exchange(status.expired, false)) again = current;
  }
  if (again) {
    log::info("transfer", fmt::format("{}: confirmed by a primary, served again", zone.text()));
    state.sink.moved(again);
  }
  const auto path = fmt::format("{}/{}.expiry", state.folder, file_stem(zone));
  if (auto written = os::write_file_atomically(path, as_bytes(text_of(expiry))); !written)
    log::warning("transfer", fmt::format("{}: {}; after a restart the zone may expire too early", zone.text(),
                                         written.error().message));
}

void SecondaryZones::Lane::expire() {
  {
    std::scoped_lock lock(mutex);
    status.expired = true;
  }
  state.sink.expired(zone);
}

// Folding is upkeep: a failure is reported and tried again with the next version.
void SecondaryZones::Lane::fold_if_due() {
  const auto snapshot = sequencer->current();
  if (!snapshot || !journal->wants_fold()) return;
  const auto now = state.clock.now();
  const zone::Version whole{.zone = zone,
                            .serial = snapshot->facts().serial,
                            .first_event = 0,
                            .last_event = 0,
                            .epoch = sequencer->options().epoch,
                            .made = now,
                            .committed = now,
                            .diff = whole_diff(*snapshot),
                            .content = snapshot->content_digest()};
  if (auto folded = journal->fold(whole); !folded)
    log::warning("transfer",
                 fmt::format("zone {}: the journal was not folded: {}", zone.text(), folded.error().message));
}

ZoneHealth SecondaryZones::Lane::health(Time now) const {
  ZoneHealth out{.zone = zone};
  out.serial = status.serial;
  out.reason = status.problem;
  out.stale = !status.problem.empty();
  if (status.expires) out.expires_in_s = unix_seconds(*status.expires) - unix_seconds(now);
  if (status.confirmed) out.age_s = unix_seconds(now) - unix_seconds(*status.confirmed);
  if (gate_said_no) out.audit = "refused";
  if (!current) {
    out.condition = ZoneCondition::not_loaded;
    if (out.reason.empty()) out.reason = "no primary has sent the zone yet";
    return out;
  }
  if (!gate_said_no) out.audit = "passed";
  const auto signatures = current->facts().earliest_expiry;
  if (signatures != 0)
    out.signatures_expire_in_s =
        static_cast<std::int32_t>(signatures - static_cast<std::uint32_t>(unix_seconds(now)));
  if (status.expired) {
    out.condition = ZoneCondition::expired;
    if (out.reason.empty()) out.reason = "no primary has confirmed the zone in time";
  } else if (out.signatures_expire_in_s && *out.signatures_expire_in_s <= 0) {
    out.condition = ZoneCondition::expired;
    out.reason =
        fmt::format("signatures have expired, the first on {}", iso8601(from_unix_seconds(signatures)));
  } else if (gate_said_no) {
    out.condition = ZoneCondition::failed_audit;
  } else if (out.stale) {
    out.condition = ZoneCondition::stale;
  }
  return out;
}

SecondaryZones::SecondaryZones(std::string folder, GateFactory gate, ZoneSink& sink, os::JobPool& pool,
                               const Clock& clock)
    : state_(std::unique_ptr<State>(new State{.folder = std::move(folder),
                                              .make_gate = std::move(gate),
                                              .sink = sink,
                                              .pool = pool,
                                              .clock = clock,
                                              .keeper = nullptr,
                                              .mutex = {},
                                              .lanes = {}})) {}

SecondaryZones::~SecondaryZones() {
  stop();
}

void SecondaryZones::use_images(ImageKeeper& keeper) {
  state_->keeper = &keeper;
}

SecondaryZones::Lane& SecondaryZones::lane(const Name& zone) const {
  std::scoped_lock lock(state_->mutex);
  const auto at = state_->lanes.find(zone);
  CHECK(at != state_->lanes.end());
  return *at->second;
}

Result<std::optional<Time>> SecondaryZones::open(const Name& zone) {
  Lane* fresh = nullptr;
  {
    std::scoped_lock lock(state_->mutex);
    auto& place = state_->lanes[zone];
    if (place) return fail(Code::exists, fmt::format("zone {} is a secondary already", zone.text()));
    place = std::make_shared<Lane>(*state_, zone);
    fresh = place.get();
  }
  Result<std::optional<Time>> out = std::nullopt;
  fresh->queue.post([&] { out = fresh->restore(); });
  fresh->queue.drain();
  return out;
}

zone::SnapshotPtr SecondaryZones::current(const Name& zone) const {
  auto& one = lane(zone);
  std::scoped_lock lock(one.mutex);
  return one.current;
}

void SecondaryZones::offer(const Name& zone, zone::SnapshotPtr next, std::optional<zone::Diff> diff,
                           Done done) {
  auto* one = &lane(zone);
  one->queue.post([one, next = std::move(next), diff = std::move(diff), done = std::move(done)]() mutable {
    done(one->take(std::move(next), std::move(diff)));
  });
}

void SecondaryZones::confirmed(const Name& zone, Time expires) {
  auto* one = &lane(zone);
  one->queue.post([one, expires] { one->confirm(expires); });
}

void SecondaryZones::expired(const Name& zone) {
  auto* one = &lane(zone);
  one->queue.post([one] { one->expire(); });
}

void SecondaryZones::note(const Name& zone, const std::string& problem) {
  auto& one = lane(zone);
  std::scoped_lock lock(one.mutex);
  one.status.problem = problem;
  if (problem.empty()) one.gate_said_no = false;
}

void SecondaryZones::settle(const Name& zone) {
  lane(zone).queue.drain();
}

std::optional<Time> SecondaryZones::expires(const Name& zone) const {
  auto& one = lane(zone);
  std::scoped_lock lock(one.mutex);
  return one.status.expires;
}

bool SecondaryZones::knows(const Name& zone) const {
  std::scoped_lock lock(state_->mutex);
  return state_->lanes.contains(zone);
}

std::size_t SecondaryZones::size() const {
  std::scoped_lock lock(state_->mutex);
  return state_->lanes.size();
}

std::vector<SecondaryZoneStatus> SecondaryZones::status() const {
  std::vector<SecondaryZoneStatus> out;
  std::scoped_lock lock(state_->mutex);
  for (const auto& [name, one] : state_->lanes) {
    std::scoped_lock its(one->mutex);
    auto& status = out.emplace_back(one->status);
    if (!one->current) continue;
    status.names = one->current->facts().names;
    status.records = one->current->facts().records;
  }
  return out;
}

std::optional<ZoneHealth> SecondaryZones::health(const Name& zone) const {
  std::scoped_lock lock(state_->mutex);
  const auto at = state_->lanes.find(zone);
  if (at == state_->lanes.end()) return std::nullopt;
  std::scoped_lock its(at->second->mutex);
  return at->second->health(state_->clock.now());
}

HealthSummary SecondaryZones::summary() const {
  HealthSummary out;
  const auto now = state_->clock.now();
  std::scoped_lock lock(state_->mutex);
  out.zones = state_->lanes.size();
  for (const auto& [name, one] : state_->lanes) {
    std::scoped_lock its(one->mutex);
    auto health = one->health(now);
    if (health.age_s) out.oldest_age_s = std::max(*health.age_s, out.oldest_age_s.value_or(*health.age_s));
    if (health.condition == ZoneCondition::ok) continue;
    ++out.not_ok;
    if (out.examples.size() < kHealthExamplesMax) out.examples.push_back(std::move(health));
  }
  return out;
}

void SecondaryZones::stop() {
  std::vector<Lane*> lanes;
  {
    std::scoped_lock lock(state_->mutex);
    for (const auto& [name, one] : state_->lanes) lanes.push_back(one.get());
  }
  for (auto* one : lanes) one->queue.stop();
}

HealthSummary together(HealthSummary one, const HealthSummary& other) {
  one.zones += other.zones;
  one.not_ok += other.not_ok;
  if (other.oldest_age_s) one.oldest_age_s = std::max(*other.oldest_age_s, one.oldest_age_s.value_or(0));
  for (const auto& example : other.examples)
    if (one.examples.size() < kHealthExamplesMax) one.examples.push_back(example);
  return one;
}

}  // namespace onoma::publish
