#include "publish/file_zones.h"

#include <utility>

#include <fmt/format.h>
#include <malloc.h>

#include "base/log.h"
#include "publish/file_zones_state.h"
#include "wire/rdata.h"
#include "zone/diff_text.h"

namespace onoma::publish {

using wire::Name;
using wire::NameView;

namespace {

constexpr std::uint64_t kLargeZoneNames = 1000;

// An operator's own file is served whatever its signatures' age, but not silently.
void warn_if_expired(NameView zone, std::uint32_t earliest_expiry, Time now) {
  if (earliest_expiry == 0 || wire::serial_newer(earliest_expiry, seconds_of(now))) return;
  log::warning(
      "zone",
      fmt::format("{}: SIGNATURES HAVE EXPIRED, the first on {}; validating resolvers take every answer "
                  "of this zone for forged. Sign it again",
                  zone.text(), iso8601(from_unix_seconds(earliest_expiry))));
}

Result<void> check_path(std::string_view file) {
  if (file.size() <= FileZone::kFileMax) return {};
  return fail(Code::out_of_range,
              fmt::format("a path of {} octets; at most {} are taken", file.size(), FileZone::kFileMax));
}

// Lends a gate to a sequencer.
class BorrowedGate final : public zone::Gate {
 public:
  explicit BorrowedGate(zone::Gate& gate) : gate_(gate) {}
  zone::Verdict check(const zone::Snapshot* before, const zone::Diff& diff, const zone::Snapshot& after,
                      const std::optional<zone::Expected>& expected, Time now) override {
    return gate_.check(before, diff, after, expected, now);
  }

 private:
  zone::Gate& gate_;
};

}  // namespace

std::optional<FileZoneWork> FileZones::State::claim(NameView zone) {
  std::unique_lock lock(mutex);
  for (;;) {
    const auto index = store.find(zone);
    if (index == FileZoneStore::kNone) return std::nullopt;
    if (!store.at(index).busy) return claim(index, lock);
    freed.wait(lock);
  }
}

// REQUIRES: not busy.
std::optional<FileZoneWork> FileZones::State::claim(std::uint32_t index, std::unique_lock<std::mutex>&) {
  auto& zone = store.at(index);
  zone.busy = true;
  return FileZoneWork{index, Name(zone.name()), std::string(zone.file()), zone.current, zone.stamp};
}

// nullopt: it is there already.
std::optional<FileZoneWork> FileZones::State::claim_new(NameView zone, std::string_view file,
                                                        ZoneOrigin origin) {
  std::unique_lock lock(mutex);
  if (store.find(zone) != FileZoneStore::kNone) return std::nullopt;
  const auto index = store.insert(zone, file);
  store.at(index).origin = origin;
  return claim(index, lock);
}

Result<FileZoneStatus> FileZones::State::finish(const FileZoneWork& work, FileZoneOutcome outcome,
                                                bool log_problem) {
  const auto now = clock.now();
  if (!outcome.current) sink.not_loaded(work.zone);
  if (outcome.shown && outcome.earliest_expiry) warn_if_expired(work.zone, *outcome.earliest_expiry, now);
  const bool refused = !outcome.result && outcome.result.error().code == Code::gate_refused;
  // The sequencer has told of a refusal already.
  if (!outcome.result && !refused && log_problem)
    log::error("zone", fmt::format("{}: {}; {}", work.zone.text(), outcome.result.error().message,
                                   outcome.current ? "what was served stays"
                                                   : "answered with SERVFAIL until a reload succeeds"));
  std::unique_lock lock(mutex);
  auto& zone = store.at(work.index);
  zone.current = std::move(outcome.current);
  zone.stamp = outcome.stamp;
  if (zone.file() != work.file) zone.assign(work.zone, work.file);
  if (outcome.result) {
    zone.problem.reset();
    zone.confirmed_s = seconds_of(now);
    zone.applied = outcome.applied;
    if (outcome.earliest_expiry) zone.earliest_expiry = *outcome.earliest_expiry;
  } else {
    const bool damaged = zone.problem && zone.problem->damaged;
    zone.problem = std::make_unique<FileZone::Problem>(outcome.result.error().message, refused, damaged);
  }
  auto status = status_of(zone);
  zone.busy = false;
  lock.unlock();
  freed.notify_all();
  if (outcome.to_scan) keeper->scan(weak_from_this(), std::move(outcome.to_scan));
  if (!outcome.result) return std::unexpected(outcome.result.error());
  return status;
}

// One step of a sequencer that lives no longer.
FileZoneOutcome FileZones::State::offer(const FileZoneWork& work, zone::SnapshotPtr next,
                                        std::optional<zone::Diff> diff, Offered what) {
  std::unique_ptr<zone::Gate> gate;
  {
    std::scoped_lock lock(mutex);
    if (!gates.empty()) {
      gate = std::move(gates.back());
      gates.pop_back();
    }
  }
  if (!gate) gate = make_gate();
  Sequencer sequencer({.zone = work.zone, .keep_serial = true},
                      {.source = nullptr,
                       .signer = nullptr,
                       .gate = std::make_unique<BorrowedGate>(*gate),
                       .log = nullptr,
                       .sink = this,
                       .limits = limits,
                       .held = held},
                      clock);
  sequencer.resume(work.current);
  prepare(sequencer, work, what);
  const auto offered = sequencer.offer(std::move(next), std::move(diff));
  FileZoneOutcome out{.current = sequencer.current(), .result = {}};
  if (!offered)
    out.result = fail(Code::bad_syntax, offered.error().message);
  else if (!*offered && sequencer.state() == Sequencer::State::held)
    out.result = fail(Code::gate_refused, sequencer.reason());
  else
    out.shown = *offered;
  settle_held(sequencer, work, what, out);
  std::scoped_lock lock(mutex);
  gates.push_back(std::move(gate));
  return out;
}

FileZoneOutcome FileZones::State::read(const FileZoneWork& work) {
  const auto before = resumed(work);
  return read_file(before ? *before : work);
}

FileZoneOutcome FileZones::State::read_file(const FileZoneWork& work) {
  std::uint64_t stamp = 0;
  auto loaded = read_zone_file(work.zone, work.file, stamp);
  if (!loaded) {
    note_unreadable(work, loaded.error().message);
    // Whatever was wrong with the file: bad input, and never "not found", which would be about the zone.
    return {
        .current = work.current, .result = fail(Code::bad_syntax, loaded.error().message), .stamp = stamp};
  }
  if (loaded->image) {
    auto out = take_image(work, *std::move(loaded));
    out.stamp = stamp;
    return out;
  }
  const auto expiry = loaded->snapshot->facts().earliest_expiry;
  const auto names = loaded->snapshot->facts().names;
  auto out = offer(work, std::move(loaded->snapshot), std::nullopt);
  out.stamp = stamp;
  if (out.result) out.earliest_expiry = expiry;
  // Reading and comparing took memory in many pieces, which the allocator would keep for this thread.
  if (names >= kLargeZoneNames) ::malloc_trim(0);
  return out;
}

FileZones::FileZones(GateFactory gate, ZoneSink& sink, const Clock& clock)
    : state_(std::make_shared<State>(std::move(gate), sink, clock)) {}
FileZones::~FileZones() = default;

Result<FileZoneStatus> FileZones::add(const Name& zone, const std::string& file, ZoneOrigin origin) {
  ONOMA_TRY_VOID(check_path(file));
  const auto work = state_->claim_new(zone, file, origin);
  if (!work) return fail(Code::exists, fmt::format("zone {} is served already; use reload", zone.text()));
  return state_->finish(*work, state_->read(*work), true);
}

Result<FileZoneStatus> FileZones::reload(const Name& zone, const std::string& file) {
  ONOMA_TRY_VOID(check_path(file));
  auto work = state_->claim(zone);
  if (!work) return unknown_zone(zone);
  if (!file.empty()) work->file = file;
  return state_->finish(*work, state_->read(*work), true);
}

Result<FileZoneStatus> FileZones::apply(const Name& zone, std::string_view diff_text) {
  const auto work = state_->claim(zone);
  if (!work) return unknown_zone(zone);
  const auto give_back = [&](bool applied) {
    std::unique_lock lock(state_->mutex);
    auto& entry = state_->store.at(work->index);
    entry.applied = entry.applied || applied;
    entry.busy = false;
    auto status = status_of(entry);
    lock.unlock();
    state_->freed.notify_all();
    return status;
  };
  const auto change = [&]() -> Result<std::optional<FileZoneOutcome>> {
    if (!work->current) return fail(Code::unavailable, fmt::format("zone {} is not loaded", zone.text()));
    ONOMA_TRY_VOID(state_->nothing_waits(*work));
    ONOMA_TRY(auto diff, zone::diff_from_text(diff_text, *work->current, "change"));
    if (diff.empty()) return std::nullopt;
    auto next = work->current->apply(diff);
    if (!next) return fail(Code::bad_syntax, next.error().message);
    auto outcome = state_->offer(*work, zone::packed(*std::move(next)), std::move(diff), Offered::change);
    outcome.stamp = work->stamp;
    outcome.applied = true;
    return outcome;
  };
  auto outcome = change();
  if (!outcome) {
    const auto status = give_back(false);
    if (!work->current && !status.problem.empty()) outcome.error().message += ": " + status.problem;
    return std::unexpected(outcome.error());
  }
  if (!*outcome) return give_back(false);
  if (!(*outcome)->result) {  // a change that is refused says nothing about the file
    give_back(false);
    return std::unexpected((*outcome)->result.error());
  }
  return state_->finish(*work, std::move(**outcome), true);
}

// The name is free for another add() only when the sink has forgotten the zone.
Result<void> FileZones::remove(const Name& zone) {
  const auto work = state_->claim(zone);
  if (!work) return unknown_zone(zone);
  state_->sink.remove(zone);
  if (state_->keeper) state_->keeper->forget(zone);
  if (state_->held != nullptr) state_->held->forget(zone);
  {
    std::scoped_lock lock(state_->mutex);
    state_->store.erase(work->index);
  }
  state_->freed.notify_all();
  return {};
}

}  // namespace onoma::publish
