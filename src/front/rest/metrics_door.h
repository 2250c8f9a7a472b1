// The admin door: /metrics for Prometheus, /health/ZONE for load balancers. On a listener of its own, because
// what it shows is for the operator.
#pragma once

#include "front/rest/http_server.h"
#include "publish/health.h"

namespace onoma::front {

// GET /metrics; GET /health: 200 when every zone is healthy, 503 with those that are not; GET /health/ZONE:
// 200 when it is, 503 with the reason when it is not, 404 for a zone that is not ours. JSON
// (publish/health.h). `source` is called on the server's threads.
HttpHandler metrics_handler(publish::HealthSource source);

}  // namespace onoma::front
