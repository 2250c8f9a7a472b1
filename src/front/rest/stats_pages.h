// The pages of the statistics, in front of another handler of the admin door: GET /v1/stats, /v1/stats/top
// and /v1/stats/magnitude (with ?most=N, 1 to 10,000) as JSON, /v1/stats/magnitude.cbor as ICANN's dataset of
// today, and the metrics with labels at the end of what that handler answers to GET /metrics.
#pragma once

#include "front/rest/http_server.h"
#include "serve/stats_keeper.h"

namespace onoma::front {

// `statistics` must outlive the handler.
HttpHandler with_stats_pages(HttpHandler next, const serve::Statistics& statistics);

}  // namespace onoma::front
