#include "front/rest/stats_pages.h"

#include <charconv>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "front/rest/problem.h"
#include "serve/stats_report.h"

namespace onoma::front {
namespace {

constexpr std::size_t kMost = 20, kMostMost = 10000;

HttpResponse page(std::string type, std::string body) {
  HttpResponse response{.status = 200};
  response.headers.emplace_back("Content-Type", std::move(type));
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = std::move(body);
  return response;
}

// The N of "most=N"; kMost without a query; nullopt for anything else.
std::optional<std::size_t> most_of(std::string_view query) {
  constexpr std::string_view kKey = "most=";
  if (query.empty()) return kMost;
  if (!query.starts_with(kKey)) return std::nullopt;
  query.remove_prefix(kKey.size());
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(query.data(), query.data() + query.size(), value);
  if (error != std::errc() || end != query.data() + query.size() || value < 1 || value > kMostMost)
    return std::nullopt;
  return value;
}

HttpResponse stats_page(const HttpRequest& request, const serve::Statistics& statistics) {
  const auto most = most_of(request.query);
  if (!most)
    return problem({Code::out_of_range,
                    fmt::format("the only parameter is most=N, with N from 1 to {}", kMostMost), "most"});
  const std::string_view path = request.path;
  const auto json = [](std::string body) { return page("application/json", std::move(body) + "\n"); };
  if (path == "/v1/stats") return json(serve::stats_json(statistics));
  if (path == "/v1/stats/top") return json(serve::top_json(statistics, *most));
  if (path == "/v1/stats/magnitude") return json(serve::magnitude_json(statistics, *most));
  if (path == "/v1/stats/magnitude.cbor") {
    const auto dataset = serve::magnitude_dataset(statistics.today(), statistics.options().magnitude_domains);
    return page("application/cbor", std::string(as_text(dataset)));
  }
  return problem({Code::not_found,
                  "there are /v1/stats, /v1/stats/top, /v1/stats/magnitude and /v1/stats/magnitude.cbor",
                  {}});
}

}  // namespace

HttpHandler with_stats_pages(HttpHandler next, const serve::Statistics& statistics) {
  return [next = std::move(next), &statistics](HttpRequest request, Respond respond) {
    const bool get = request.method == "GET" || request.method == "HEAD";
    if (request.path == "/v1/stats" || request.path.starts_with("/v1/stats/")) {
      if (get) return respond(stats_page(request, statistics));
      auto response = problem({Code::method_not_allowed, "only GET is offered here", {}});
      response.headers.emplace_back("Allow", "GET, HEAD");
      return respond(std::move(response));
    }
    if (!get || request.path != "/metrics") return next(std::move(request), std::move(respond));
    next(std::move(request), [respond = std::move(respond), &statistics](HttpResponse response) mutable {
      if (response.status == 200 && !response.source)
        response.body += serve::stats_metrics_text(statistics.counts(), statistics.today(false));
      respond(std::move(response));
    });
  };
}

}  // namespace onoma::front
