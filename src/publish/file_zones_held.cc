// Zones from files whose newest version is not served: held, refused, or gone back from.
//
// A file says what its zone shall be, whatever was held before: a later version that is within the limits is
// shown, and what was held is void. While the file is not what is served, the version that is served is kept
// as the zone's base, so that a restart takes up that one and offers the file's content to it as a change, as
// before.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "publish/file_zones_state.h"
#include "wire/rdata.h"

namespace onoma::publish {

using wire::Name;
using wire::RRType;

namespace {

void complain(const FileZoneWork& work, const char* what, const Result<void>& result) {
  if (!result)
    log::error("publish", fmt::format("zone {}: {}: {}", work.zone.text(), what, result.error().message));
}

zone::Diff reversed(zone::Diff diff) {
  std::swap(diff.from_serial, diff.to_serial);
  for (auto& change : diff.changes) std::swap(change.before, change.after);
  return diff;
}

void set_serial(zone::Diff& diff, const zone::Snapshot& current, std::uint32_t serial) {
  diff.from_serial = current.facts().serial;
  diff.to_serial = serial;
  auto found = std::ranges::find(diff.changes, RRType::SOA, &zone::RRsetChange::type);
  if (found == diff.changes.end()) {
    const auto soa = current.apex().find(RRType::SOA)->copy(current.facts().apex);
    found = diff.changes.insert(found, {soa.owner, RRType::SOA, soa, soa});
  }
  auto& rdata = found->after->rdatas.front();
  store_u32(&rdata[rdata.size() - 20], serial);
  diff.sort();
}

}  // namespace

void FileZones::use_limits(std::shared_ptr<const zone::ChangeLimits> limits, HeldStore* held) {
  state_->limits = std::move(limits);
  state_->held = held;
}

// The version that was served when the program ended, where that was not the file's.
std::optional<FileZoneWork> FileZones::State::resumed(const FileZoneWork& work) {
  if (work.current || held == nullptr) return std::nullopt;
  auto base = held->base(work.zone);
  if (!base) {
    log::error("publish", fmt::format("zone {}: the version that was served cannot be read: {}; its file is "
                                      "taken as it is",
                                      work.zone.text(), base.error().message));
    return std::nullopt;
  }
  if (!*base) return std::nullopt;
  auto shown = offer(work, *std::move(base), std::nullopt);
  if (!shown.current) return std::nullopt;
  auto out = work;
  out.current = std::move(shown.current);
  return out;
}

// A change by command would be lost in what waits, or what waits in it.
Result<void> FileZones::State::nothing_waits(const FileZoneWork& work) const {
  if (held == nullptr) return {};
  for (const auto& one : held->list(work.zone))
    if (one.kind == HeldKind::held)
      return fail(Code::status_prohibits,
                  fmt::format("serial {} of {} waits for a decision; approve or reject it first", one.serial,
                              work.zone.text()));
  return {};
}

void FileZones::State::prepare(Sequencer& sequencer, const FileZoneWork& work, Offered what) {
  if (what == Offered::released) sequencer.waive_limits();
  if (!limits) return;
  std::scoped_lock lock(mutex);
  if (const auto found = ledgers.find(work.zone); found != ledgers.end()) sequencer.ledger() = found->second;
  if (const auto found = announced.find(work.zone); found != announced.end())
    sequencer.announce(found->second);
}

void FileZones::State::settle_held(Sequencer& sequencer, const FileZoneWork& work, Offered what,
                                   const FileZoneOutcome& outcome) {
  if (limits) {
    std::scoped_lock lock(mutex);
    const auto now = clock.now();
    for (auto at = ledgers.begin(); at != ledgers.end();) {
      at->second.recent(now);
      at = at->second.empty() ? ledgers.erase(at) : std::next(at);
    }
    if (!sequencer.ledger().empty()) ledgers[work.zone] = sequencer.ledger();
    if (const auto& left = sequencer.announced(); left && left->until > now) announced[work.zone] = *left;
    std::erase_if(announced, [&](const auto& entry) { return entry.second.until <= now; });
  }
  if (held == nullptr) return;
  if (!work.current) return;
  if (what == Offered::change) {
    if (outcome.shown && held->has_base(work.zone))
      complain(work, "what is served could not be kept", held->keep_base(*outcome.current));
  } else if (!outcome.result) {
    complain(work, "what is served could not be kept", held->keep_base(*work.current));
  } else {  // the file is what is served
    if (outcome.shown) held->drop_held(work.zone);
    held->drop_base(work.zone);
  }
}

void FileZones::State::note_unreadable(const FileZoneWork& work, const std::string& why) {
  if (held == nullptr || !work.current) return;
  HeldVersion version;
  version.kind = HeldKind::refused;
  version.zone = work.zone;
  version.from_serial = work.current->facts().serial;
  version.at = version.committed = clock.now();
  version.reason = why;
  version.diff.apex = work.zone;
  complain(work, "the refusal could not be kept", held->keep(version));
  complain(work, "what is served could not be kept", held->keep_base(*work.current));
}

void FileZones::State::note_step(const zone::Version& version) {
  if (held == nullptr || version.diff.from_serial == 0) return;
  if (const auto kept = held->keep_step(version.diff); !kept)
    log::warning("publish", fmt::format("zone {}: there will be no way back to serial {}: {}",
                                        version.zone.text(), version.diff.from_serial, kept.error().message));
}

// An image that passed the gate is shown without a comparison, unless so much is missing in it that one is
// due.
bool FileZones::State::loses_much(const FileZoneWork& work, const zone::Snapshot& next) const {
  if (!limits || !work.current) return false;
  const auto &was = work.current->facts(), &is = next.facts();
  zone::ChangeCount count;
  if (was.delegations > is.delegations) count.removed = was.delegations - is.delegations;
  if (was.names > is.names + count.removed) count.gone = was.names - is.names - count.removed;
  return !limits->exceeded(*work.current, count, {}).empty();
}

Result<FileZoneStatus> FileZones::approve(const Name& zone, std::uint32_t serial, const Decision& by) {
  const auto work = state_->claim(zone);
  if (!work) return unknown_zone(zone);
  auto& state = *state_;
  const auto released = [&]() -> Result<FileZoneOutcome> {
    if (state.held == nullptr) return fail(Code::not_found, "no versions are held here");
    ONOMA_TRY(auto version, state.held->read(zone, serial));
    if (version.kind == HeldKind::refused)
      return fail(Code::gate_refused,
                  fmt::format("serial {} of {} cannot be approved: its content is wrong: {}", serial,
                              zone.text(), version.reason));
    if (version.kind == HeldKind::rolled_back || !work->current ||
        work->current->facts().serial != version.from_serial)
      return fail(
          Code::status_prohibits,
          fmt::format("serial {} of {} changes serial {}, which is not what is served; reload the zone",
                      serial, zone.text(), version.from_serial));
    ONOMA_TRY(auto next, work->current->apply(version.diff));
    auto outcome = state.offer(*work, std::move(next), std::move(version.diff), Offered::released);
    if (!outcome.result) return std::unexpected(outcome.result.error());
    outcome.stamp = work->stamp;
    ONOMA_TRY_VOID(state.held->note("approved", zone, serial, by, state.clock.now()));
    return outcome;
  };
  auto outcome = released();
  if (outcome) return state.finish(*work, *std::move(outcome), true);
  state.give_back(*work);
  return std::unexpected(outcome.error());
}

Result<void> FileZones::reject(const Name& zone, std::uint32_t serial, const Decision& by) {
  auto& state = *state_;
  const auto work = state.claim(zone);
  if (!work) return unknown_zone(zone);
  const auto rejected = [&]() -> Result<void> {
    if (state.held == nullptr) return fail(Code::not_found, "no versions are held here");
    ONOMA_TRY(const auto version, state.held->read(zone, serial));
    ONOMA_TRY_VOID(state.held->note("rejected", zone, serial, by, state.clock.now()));
    return state.held->drop(zone, serial);
  };
  auto done = rejected();
  state.give_back(*work);
  return done;
}

Result<FileZoneStatus> FileZones::roll_back(const Name& zone, std::uint32_t to, const Decision& by) {
  auto& state = *state_;
  const auto work = state.claim(zone);
  if (!work) return unknown_zone(zone);
  const auto gone_back = [&]() -> Result<FileZoneOutcome> {
    if (state.held == nullptr || !work->current)
      return fail(Code::unavailable, fmt::format("no versions of {} are kept", zone.text()));
    const auto& facts = work->current->facts();
    if (facts.signatures != 0 || facts.denial != zone::Denial::none)
      return fail(
          Code::unsupported,
          fmt::format("{} is signed, but not here: a version with a new serial would have no valid "
                      "signature over its SOA. Load a file of the earlier content with a newer serial",
                      zone.text()));
    auto target = work->current;
    std::string known;
    auto steps = state.held->steps(zone);
    while (target->facts().serial != to) {
      const auto at = target->facts().serial;
      const auto found =
          std::ranges::find(steps.rbegin(), steps.rend(), at, [](const auto& step) { return step.second; });
      if (found == steps.rend())
        return fail(Code::not_found,
                    fmt::format("version {} of {} is not kept; those before the current one are: {}", to,
                                zone.text(), known.empty() ? "none" : known));
      ONOMA_TRY(auto step, state.held->step(zone, found->first, found->second));
      known += fmt::format("{}{}", known.empty() ? "" : ", ", found->first);
      steps.erase(std::next(found).base());
      ONOMA_TRY(target, target->apply(reversed(std::move(step))));
    }
    const auto serial = serial_after(facts.serial, model::SerialPolicy::counter, {});
    auto diff = zone::difference(*work->current, *target);
    if (diff.empty())
      return fail(Code::status_prohibits, fmt::format("serial {} of {} is what is served", to, zone.text()));
    set_serial(diff, *work->current, serial);
    ONOMA_TRY(auto next, work->current->apply(diff));
    auto outcome = state.offer(*work, std::move(next), std::move(diff), Offered::released);
    if (!outcome.result) return std::unexpected(outcome.result.error());
    outcome.stamp = work->stamp;
    outcome.applied = true;
    ONOMA_TRY_VOID(
        state.held->note(fmt::format("rolled back to version {}", to), zone, serial, by, state.clock.now()));
    complain(*work, "a restart will serve the file again", state.held->keep_base(*outcome.current));
    return outcome;
  };
  auto outcome = gone_back();
  if (outcome) return state.finish(*work, *std::move(outcome), true);
  state.give_back(*work);
  return std::unexpected(outcome.error());
}

Result<void> FileZones::announce(const Name& zone, zone::Announcement announcement) {
  std::scoped_lock lock(state_->mutex);
  if (state_->store.find(zone) == FileZoneStore::kNone) return unknown_zone(zone);
  state_->announced.insert_or_assign(zone, std::move(announcement));
  return {};
}

zone::SnapshotPtr FileZones::next_served(std::size_t& cursor) const {
  std::scoped_lock lock(state_->mutex);
  for (; cursor < state_->store.end(); ++cursor) {
    const auto& zone = state_->store.at(static_cast<std::uint32_t>(cursor));
    if (!zone.used() || !zone.current) continue;
    ++cursor;
    return zone.current;
  }
  cursor = 0;
  return nullptr;
}

// Leaves the zone as it was claimed.
void FileZones::State::give_back(const FileZoneWork& work) {
  {
    std::scoped_lock lock(mutex);
    store.at(work.index).busy = false;
  }
  freed.notify_all();
}

}  // namespace onoma::publish
