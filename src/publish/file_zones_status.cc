// What is told of the zones: status and health.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/time.h"
#include "publish/file_zones_state.h"

namespace onoma::publish {

using wire::Name;
using wire::NameView;

namespace {
constexpr std::chrono::seconds kSummaryAge{1};
}  // namespace

std::unexpected<Error> unknown_zone(NameView zone) {
  return fail(Code::not_found, fmt::format("zone {} is not served here; use add", zone.text()));
}

FileZoneStatus status_of(const FileZone& zone) {
  FileZoneStatus out{.zone = Name(zone.name()),
                     .file = std::string(zone.file()),
                     .origin = zone.origin,
                     .applied = zone.applied,
                     .problem = zone.problem ? zone.problem->reason : std::string()};
  if (!zone.current) return out;
  const auto& facts = zone.current->facts();
  out.serial = facts.serial;
  out.names = facts.names;
  out.records = facts.records;
  out.earliest_expiry = zone.earliest_expiry;
  return out;
}

std::size_t FileZones::size() const {
  std::scoped_lock lock(state_->mutex);
  return state_->store.size();
}

Result<FileZoneStatus> FileZones::status(const Name& zone) const {
  std::scoped_lock lock(state_->mutex);
  const auto index = state_->store.find(zone);
  if (index == FileZoneStore::kNone) return unknown_zone(zone);
  return status_of(state_->store.at(index));
}

std::vector<FileZoneStatus> FileZones::status() const {
  std::size_t cursor = 0;
  auto all = page(cursor, size() + 1);
  std::ranges::sort(all, {}, &FileZoneStatus::zone);
  return all;
}

std::vector<FileZoneStatus> FileZones::page(std::size_t& cursor, std::size_t limit) const {
  std::vector<FileZoneStatus> out;
  std::scoped_lock lock(state_->mutex);
  auto at = cursor;
  for (; at < state_->store.end() && out.size() < limit; ++at) {
    const auto& zone = state_->store.at(static_cast<std::uint32_t>(at));
    if (zone.used()) out.push_back(status_of(zone));
  }
  cursor = at < state_->store.end() ? at : 0;
  return out;
}

std::vector<Name> FileZones::applied(std::size_t limit) const {
  std::vector<Name> out;
  std::scoped_lock lock(state_->mutex);
  for (std::uint32_t i = 0; i < state_->store.end() && out.size() < limit; ++i)
    if (const auto& zone = state_->store.at(i); zone.used() && zone.applied) out.emplace_back(zone.name());
  return out;
}

ZoneHealth FileZones::State::health(const FileZone& zone, std::uint32_t now_s) const {
  ZoneHealth out{.zone = Name(zone.name())};
  auto damaged = damage ? damage(zone.name()) : std::string();
  if (damaged.empty() && zone.problem && zone.problem->damaged) damaged = zone.problem->reason;
  out.stale = zone.problem != nullptr;
  if (zone.problem) out.reason = zone.problem->reason;
  if (!zone.current) {
    out.condition = ZoneCondition::not_loaded;
    if (zone.problem && zone.problem->refused) out.audit = "refused";
    if (zone.problem && zone.problem->damaged) out.audit = "damaged";
    return out;
  }
  out.serial = zone.current->facts().serial;
  out.age_s = std::int64_t{now_s} - zone.confirmed_s;
  out.audit = zone.problem && zone.problem->refused ? "refused" : "passed";
  if (zone.earliest_expiry != 0)
    out.signatures_expire_in_s = static_cast<std::int32_t>(zone.earliest_expiry - now_s);
  if (!damaged.empty()) {
    out.condition = ZoneCondition::failed_audit;
    out.audit = "damaged";
    out.reason = damaged;
  } else if (out.signatures_expire_in_s && *out.signatures_expire_in_s <= 0) {
    out.condition = ZoneCondition::expired;
    out.reason = fmt::format("signatures have expired, the first on {}",
                             iso8601(from_unix_seconds(zone.earliest_expiry)));
  } else if (zone.problem) {
    out.condition = zone.problem->refused ? ZoneCondition::failed_audit : ZoneCondition::stale;
  }
  return out;
}

std::optional<ZoneHealth> FileZones::health(const Name& zone) const {
  const auto now_s = seconds_of(state_->clock.now());
  std::scoped_lock lock(state_->mutex);
  const auto index = state_->store.find(zone);
  if (index == FileZoneStore::kNone) return std::nullopt;
  return state_->health(state_->store.at(index), now_s);
}

HealthSummary FileZones::summary() const {
  std::scoped_lock one(state_->summary_mutex);
  const auto moment = std::chrono::steady_clock::now();
  const bool few = size() <= 1000;
  if (!few && state_->summary_made && moment - *state_->summary_made < kSummaryAge) return state_->summary;
  const auto now_s = seconds_of(state_->clock.now());
  HealthSummary fresh;
  {
    std::scoped_lock lock(state_->mutex);
    fresh.zones = state_->store.size();
    for (std::uint32_t i = 0; i < state_->store.end(); ++i) {
      const auto& zone = state_->store.at(i);
      if (!zone.used()) continue;
      if (zone.current) {
        const auto age = std::int64_t{now_s} - zone.confirmed_s;
        fresh.oldest_age_s = std::max(age, fresh.oldest_age_s.value_or(age));
      }
      // Nothing to say of most: no text is made for them.
      const bool signatures_good =
          zone.earliest_expiry == 0 || static_cast<std::int32_t>(zone.earliest_expiry - now_s) > 0;
      if (zone.current && !zone.problem && signatures_good &&
          (!state_->damage || state_->damage(zone.name()).empty()))
        continue;
      ++fresh.not_ok;
      if (fresh.examples.size() < kHealthExamplesMax) fresh.examples.push_back(state_->health(zone, now_s));
    }
  }
  state_->summary = fresh;
  state_->summary_made = moment;
  return fresh;
}

void FileZones::set_damage_check(std::function<std::string(NameView)> check) {
  state_->damage = std::move(check);
}

}  // namespace onoma::publish
