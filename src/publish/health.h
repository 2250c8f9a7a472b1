// ZoneHealth: what an operator's monitoring wants to know of one zone. Plain values, whatever serves the
// zone.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/name.h"

namespace onoma::publish {

enum class ZoneCondition : std::uint8_t {
  ok,
  stale,         // served, but something newer could not be taken, or a refresh is overdue
  expired,       // its signatures have expired, or a secondary has not heard of its primary for too long
  not_loaded,    // never was served
  failed_audit,  // the gate refused the newest version, or what is served was found damaged
};

constexpr std::string_view text(ZoneCondition condition) {
  switch (condition) {
    case ZoneCondition::ok:
      return "ok";
    case ZoneCondition::stale:
      return "stale";
    case ZoneCondition::expired:
      return "expired";
    case ZoneCondition::not_loaded:
      return "not_loaded";
    case ZoneCondition::failed_audit:
      return "failed_audit";
  }
  return "unknown";
}

struct ZoneHealth {
  wire::Name zone;
  ZoneCondition condition = ZoneCondition::ok;
  std::uint32_t serial = 0;                            // 0: nothing is served
  std::optional<std::int64_t> age_s;                   // since what is served was last found to be the newest
  bool stale = false;                                  // as the condition, but also told beside a worse one
  std::optional<std::int64_t> expires_in_s;            // a secondary's SOA expire; below 0: has passed
  std::optional<std::int64_t> signatures_expire_in_s;  // the first of them; below 0: has passed
  std::string audit;   // "passed", "refused", "damaged"; empty: nothing was checked
  std::string reason;  // for people; empty when ok
};

struct HealthSummary {
  std::uint64_t zones = 0, not_ok = 0;
  std::optional<std::int64_t> oldest_age_s;  // the largest age of all zones that are served
  std::vector<ZoneHealth> examples;          // some of those that are not ok
};

// A server without a zone is of no use to anybody, and not healthy.
inline bool healthy(const HealthSummary& summary) {
  return summary.zones != 0 && summary.not_ok == 0;
}

// JSON objects with the members' names, absent values null; the summary's examples are its "problems".
std::string health_json(const ZoneHealth& zone);
std::string health_json(const HealthSummary& summary);

// Where a door gets it from. Called on any thread.
struct HealthSource {
  std::function<std::optional<ZoneHealth>(const wire::Name& zone)> zone;
  std::function<HealthSummary()> summary;
};

inline constexpr std::size_t kHealthExamplesMax = 20;

}  // namespace onoma::publish
