#include "publish/health.h"

#include <boost/json.hpp>

namespace onoma::publish {

namespace json = boost::json;

namespace {

json::object object_of(const ZoneHealth& zone) {
  json::object out{{"zone", zone.zone.text()},
                   {"status", json::string(text(zone.condition))},
                   {"serial", zone.serial},
                   {"age_s", nullptr},
                   {"stale", zone.stale},
                   {"expires_in_s", nullptr},
                   {"signatures_expire_in_s", nullptr},
                   {"audit", zone.audit.empty() ? json::value(nullptr) : json::value(zone.audit)},
                   {"reason", zone.reason}};
  if (zone.age_s) out["age_s"] = *zone.age_s;
  if (zone.expires_in_s) out["expires_in_s"] = *zone.expires_in_s;
  if (zone.signatures_expire_in_s) out["signatures_expire_in_s"] = *zone.signatures_expire_in_s;
  return out;
}

}  // namespace

std::string health_json(const ZoneHealth& zone) {
  return json::serialize(object_of(zone));
}

std::string health_json(const HealthSummary& summary) {
  json::array problems;
  for (const auto& zone : summary.examples) problems.push_back(object_of(zone));
  json::object out{{"status", healthy(summary) ? "ok" : "not_ok"},
                   {"zones", summary.zones},
                   {"not_ok", summary.not_ok},
                   {"oldest_age_s", nullptr},
                   {"problems", std::move(problems)}};
  if (summary.oldest_age_s) out["oldest_age_s"] = *summary.oldest_age_s;
  return json::serialize(out);
}

}  // namespace onoma::publish
