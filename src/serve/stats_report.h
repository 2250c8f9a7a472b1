// What is shown of the statistics: JSON documents and the text for Prometheus. Pure functions.
#pragma once

#include <string>

#include "serve/stats_keeper.h"

namespace onoma::serve {

// Metrics with labels, one table: name, type, labels, help. The text at /metrics and its documentation come
// from here; metrics without labels are in base/metrics.h.
#define ONOMA_STATS_METRIC_TABLE(X)                                                                         \
  X(onoma_dns_requests_total, counter, "transport, family", "DNS requests by transport and address family") \
  X(onoma_dns_responses_total, counter, "rcode", "DNS answers by response code")                            \
  X(onoma_dns_questions_total, counter, "type", "DNS requests by query type")                               \
  X(onoma_dns_opcodes_total, counter, "opcode", "DNS answers by opcode")                                    \
  X(onoma_dns_features_total, counter, "feature", "DNS requests with EDNS, with DO; answers with TC")       \
  X(onoma_dns_octets_total, counter, "direction", "Octets of DNS messages in and out")                      \
  X(onoma_dns_service_seconds, histogram, "le",                                                             \
    "Time from receiving a batch of requests to sending answers")                                           \
  X(onoma_dns_sources, gauge, "family", "Different source addresses since 00:00 UTC, estimated")

std::string stats_metrics_text(const StatsCounts& counts, const StatsDay& today);
std::string stats_metrics_markdown();  // the table's rows, for the reference

// {"started", "day", "requests": {…}, "responses": {…}, …}: counters since the start, sources of today.
std::string stats_json(const Statistics& statistics);
// {"names": [{"name", "count", "error"}], "enclosers": …, "addresses": [{"address", …}], "networks": …}
std::string top_json(const Statistics& statistics, std::size_t most);
// The fields of ICANN's magnitude report, without its identifiers: {"date", "totalUniqueClients",
// "totalQueryVolume", "magnitudeData": [{"domain", "magnitude", "uniqueClients", "queryVolume", "atLeast"}]}
std::string magnitude_json(const Statistics& statistics, std::size_t most);
// What `onoma stats` shows people.
std::string stats_text(const Statistics& statistics);
std::string top_text(const Statistics& statistics, std::size_t most);

}  // namespace onoma::serve
