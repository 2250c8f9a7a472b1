#include "front/rest/metrics_door.h"

#include <fmt/format.h>

#include "base/metrics.h"
#include "front/rest/problem.h"
#include "front/rest/text.h"
#include "ident/idn.h"
#include "model/json.h"

namespace onoma::front {
namespace {

HttpResponse text(int status, std::string body, std::string type = "text/plain; charset=utf-8") {
  HttpResponse response{.status = status};
  response.headers.emplace_back("Content-Type", std::move(type));
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = std::move(body);
  return response;
}

std::string state_of(const publish::ZoneStatus& zone, bool& healthy) {
  using State = publish::Sequencer::State;
  healthy = zone.current != nullptr && zone.state == State::idle;
  if (healthy) return fmt::format("{} serial {}", model::name_text(zone.zone), zone.serial);
  if (!zone.current) return fmt::format("{} is not served yet: {}", model::name_text(zone.zone), zone.reason);
  return fmt::format("{} serial {} is served, newer changes are not: {}", model::name_text(zone.zone),
                     zone.serial, zone.reason);
}

HttpResponse health(const std::vector<publish::ZoneStatus>& zones) {
  std::string body;
  bool all = !zones.empty();
  for (const auto& zone : zones) {
    bool healthy = false;
    body += state_of(zone, healthy) + "\n";
    all = all && healthy;
  }
  if (zones.empty()) body = "there is no zone\n";
  return text(all ? 200 : 503, std::move(body));
}

HttpResponse health_of(std::string_view encoded, const std::vector<publish::ZoneStatus>& zones) {
  const auto name = percent_decode(encoded);
  const auto read =
      name ? ident::idn_lookup(*name)
           : Result<ident::IdnName>(fail(Code::bad_syntax, "the path is not percent-encoded UTF-8"));
  if (!read) return problem(read.error());
  for (const auto& zone : zones) {
    if (zone.zone != read->ascii) continue;
    bool healthy = false;
    auto body = state_of(zone, healthy) + "\n";
    return text(healthy ? 200 : 503, std::move(body));
  }
  return problem({Code::not_found, fmt::format("{} is no zone of this server", *name), {}});
}

}  // namespace

HttpHandler metrics_handler(std::function<std::vector<publish::ZoneStatus>()> zones) {
  return [zones = std::move(zones)](const HttpRequest& request, Respond respond) {
    if (request.method != "GET" && request.method != "HEAD") {
      auto response = problem({Code::method_not_allowed, "only GET is offered here", {}});
      response.headers.emplace_back("Allow", "GET, HEAD");
      return respond(std::move(response));
    }
    constexpr std::string_view kHealth = "/health/";
    if (request.path == "/metrics")
      return respond(text(200, metrics_text(), "text/plain; version=0.0.4; charset=utf-8"));
    if (request.path == "/health") return respond(health(zones()));
    if (request.path.starts_with(kHealth))
      return respond(health_of(std::string_view(request.path).substr(kHealth.size()), zones()));
    respond(problem({Code::not_found, "there are /metrics, /health and /health/ZONE", {}}));
  };
}

}  // namespace onoma::front
