#include "front/rest/metrics_door.h"

#include <fmt/format.h>

#include "base/metrics.h"
#include "front/rest/problem.h"
#include "front/rest/text.h"
#include "ident/idn.h"

namespace onoma::front {
namespace {

constexpr const char* kJson = "application/json";

HttpResponse text(int status, std::string body, std::string type = "text/plain; charset=utf-8") {
  HttpResponse response{.status = status};
  response.headers.emplace_back("Content-Type", std::move(type));
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = std::move(body);
  return response;
}

HttpResponse health(const publish::HealthSummary& summary) {
  return text(publish::healthy(summary) ? 200 : 503, publish::health_json(summary) + "\n", kJson);
}

HttpResponse health_of(std::string_view encoded, const publish::HealthSource& source) {
  const auto name = percent_decode(encoded);
  const auto read =
      name ? ident::idn_lookup(*name)
           : Result<ident::IdnName>(fail(Code::bad_syntax, "the path is not percent-encoded UTF-8"));
  if (!read) return problem(read.error());
  const auto zone = source.zone(read->ascii);
  if (!zone) return problem({Code::not_found, fmt::format("{} is no zone of this server", *name), {}});
  return text(zone->condition == publish::ZoneCondition::ok ? 200 : 503, publish::health_json(*zone) + "\n",
              kJson);
}

}  // namespace

HttpHandler metrics_handler(publish::HealthSource source) {
  return [source = std::move(source)](const HttpRequest& request, Respond respond) {
    if (request.method != "GET" && request.method != "HEAD") {
      auto response = problem({Code::method_not_allowed, "only GET is offered here", {}});
      response.headers.emplace_back("Allow", "GET, HEAD");
      return respond(std::move(response));
    }
    constexpr std::string_view kHealth = "/health/";
    if (request.path == "/metrics")
      return respond(text(200, metrics_text(), "text/plain; version=0.0.4; charset=utf-8"));
    if (request.path == "/health") return respond(health(source.summary()));
    if (request.path.starts_with(kHealth))
      return respond(health_of(std::string_view(request.path).substr(kHealth.size()), source));
    respond(problem({Code::not_found, "there are /metrics, /health and /health/ZONE", {}}));
  };
}

}  // namespace onoma::front
