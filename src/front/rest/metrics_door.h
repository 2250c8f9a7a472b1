// The admin door: /metrics for Prometheus, /health/ZONE for load balancers. On a listener of its own, because
// what it shows is for the operator.
#pragma once

#include <functional>
#include <vector>

#include "front/rest/http_server.h"
#include "publish/publisher.h"

namespace onoma::front {

// GET /metrics; GET /health: 200 when every zone is served; GET /health/ZONE: 200 "serial N" when the zone is
// served and up to date, 503 with the reason when it is not, 404 for a zone that is not ours. `zones` is
// called on the server's threads.
HttpHandler metrics_handler(std::function<std::vector<publish::ZoneStatus>()> zones);

}  // namespace onoma::front
