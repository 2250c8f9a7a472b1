// Counters and gauges for Prometheus. Every metric of the program stands once in ONOMA_METRIC_TABLE; the text
// at /metrics and the list in docs/reference come from there. Adding to a metric is one relaxed atomic
// addition; hot paths keep counters of their own and add them in now and then.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace onoma {

// name, type, help
#define ONOMA_METRIC_TABLE(X)                                                                               \
  X(onoma_dns_queries_total, counter, "DNS requests answered, by any transport")                            \
  X(onoma_dns_dropped_total, counter, "DNS packets that deserved no answer")                                \
  X(onoma_dns_truncated_total, counter, "DNS answers sent with TC set")                                     \
  X(onoma_dns_tcp_connections_total, counter, "DNS connections accepted over TCP")                          \
  X(onoma_dns_limit_dropped_total, counter, "DNS answers withheld by limits, nothing sent")                 \
  X(onoma_dns_limit_truncated_total, counter, "DNS answers withheld by limits, an empty one with TC sent")  \
  X(onoma_dns_limit_flood_total, counter,                                                                   \
    "DNS answers withheld, or to be withheld in a dry run, for a flood of random names")                    \
  X(onoma_dns_limit_dry_run_total, counter,                                                                 \
    "DNS answers that limits would have withheld, were it no dry run")                                      \
  X(onoma_dns_limit_shed_total, counter,                                                                    \
    "DNS packets dropped unread: nearly all answers to their source are withheld")                          \
  X(onoma_dns_limit_exempt_total, counter,                                                                  \
    "DNS answers that no limit applies to: the client showed a valid cookie")                               \
  X(onoma_dns_floods, gauge, "Floods of random names that are going on")                                    \
  X(onoma_dnstap_frames_total, counter, "dnstap messages handed to the writing thread")                     \
  X(onoma_dnstap_dropped_total, counter, "dnstap messages dropped: the reader is slow")                     \
  X(onoma_transfers_out_total, counter, "Zone transfers begun to secondaries over streams")                 \
  X(onoma_transfers_out_octets_total, counter, "Octets of zone transfers sent")                             \
  X(onoma_transfers_refused_total, counter,                                                                 \
    "Transfer requests, NOTIFYs and signed requests refused by rules or for their signature")               \
  X(onoma_notifies_sent_total, counter, "NOTIFY requests sent, repeated ones too")                          \
  X(onoma_notifies_failed_total, counter, "NOTIFYs given up because the secondary did not answer")          \
  X(onoma_commands_total, counter, "Registry commands carried out")                                         \
  X(onoma_commands_refused_total, counter, "Registry commands refused")                                     \
  X(onoma_commits_total, counter, "Transactions committed to the store")                                    \
  X(onoma_events_total, counter, "Events written")                                                          \
  X(onoma_versions_published_total, counter, "Zone versions made visible")                                  \
  X(onoma_versions_refused_total, counter, "Zone versions refused by the gate")                             \
  X(onoma_versions_held, gauge, "Zone versions that wait for a person: too large a change, or rolled back") \
  X(onoma_audit_zones_total, counter, "Zones looked through by the background audit")                       \
  X(onoma_audit_names_total, counter, "Names looked at by the background audit")                            \
  X(onoma_audit_problems, gauge, "Zones in which the background audit found what is wrong or expires soon") \
  X(onoma_signatures_made_total, counter, "RRSIG records made")                                             \
  X(onoma_images_verified_total, counter, "Image files all of whose checksums were seen to fit")            \
  X(onoma_images_damaged_total, counter, "Image files found damaged after they were opened")                \
  X(onoma_image_merges_total, counter, "Merges of a zone's changes into a new image")                       \
  X(onoma_image_merge_us_total, counter, "Microseconds that merges took, in the background")                \
  X(onoma_image_merge_written_octets_total, counter, "Octets of images that merges wrote")                  \
  X(onoma_image_merge_changed_octets_total, counter, "Octets of changes that merges took into images")      \
  X(onoma_image_delta_octets, gauge, "Octets of changes that lie beside their images, all zones")           \
  X(onoma_image_delta_owners, gauge, "Names and NSEC3 records changed beside their images, all zones")      \
  X(onoma_publish_last_us, gauge, "Microseconds from commit to visible, newest version")                    \
  X(onoma_http_requests_total, counter, "HTTP requests answered")                                           \
  X(onoma_http_errors_total, counter, "HTTP requests answered with a status of 400 or above")

enum class Metric : std::uint8_t {
#define X(name, type, help) name,
  ONOMA_METRIC_TABLE(X)
#undef X
};

void add(Metric metric, std::uint64_t by = 1);
void set(Metric metric, std::uint64_t value);
std::uint64_t read(Metric metric);

// The Prometheus text format, version 0.0.4.
std::string metrics_text();

}  // namespace onoma
