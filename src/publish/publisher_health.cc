#include <chrono>

#include <fmt/format.h>

#include "publish/publisher.h"

namespace onoma::publish {

ZoneHealth health_of(const ZoneStatus& zone, Time now) {
  ZoneHealth out{.zone = zone.zone, .serial = zone.serial, .reason = zone.reason};
  const bool held = zone.state == Sequencer::State::held;
  out.stale = zone.state != Sequencer::State::idle;
  if (held) out.audit = "refused";
  if (!zone.current) {
    out.condition = ZoneCondition::not_loaded;
    if (out.reason.empty()) out.reason = "its first version is being made";
    return out;
  }
  if (!held) out.audit = "passed";
  const auto expiry = zone.current->facts().earliest_expiry;
  if (expiry != 0)
    out.signatures_expire_in_s =
        static_cast<std::int32_t>(expiry - static_cast<std::uint32_t>(unix_seconds(now)));
  if (out.signatures_expire_in_s && *out.signatures_expire_in_s <= 0) {
    out.condition = ZoneCondition::expired;
    out.reason = fmt::format("signatures have expired, the first on {}", iso8601(from_unix_seconds(expiry)));
  } else if (held) {
    out.condition = ZoneCondition::failed_audit;
  } else if (out.stale) {
    out.condition = ZoneCondition::stale;
    if (out.reason.empty()) out.reason = "newer changes are on their way";
  } else {
    out.reason.clear();
  }
  return out;
}

HealthSummary summary_of(const std::vector<ZoneStatus>& zones, Time now) {
  HealthSummary out{.zones = zones.size()};
  for (const auto& zone : zones) {
    auto health = health_of(zone, now);
    if (health.condition == ZoneCondition::ok) continue;
    ++out.not_ok;
    if (out.examples.size() < kHealthExamplesMax) out.examples.push_back(std::move(health));
  }
  return out;
}

}  // namespace onoma::publish
