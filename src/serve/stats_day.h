// What was counted on one day (UTC), as plain values that are stored, restored and written out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "serve/stats_counts.h"
#include "serve/stats_hll.h"
#include "serve/stats_magnitude.h"

namespace onoma::serve {

using DayNumber = std::int64_t;  // since 1970-01-01
inline DayNumber day_of(Time t) {
  return std::chrono::floor<std::chrono::days>(t).time_since_epoch().count();
}
std::string day_text(DayNumber day);  // 2026-09-25

// One version of a zone as it was loaded.
struct ZoneLoad {
  std::uint32_t serial = 0;
  std::uint32_t load_s = 0;
  std::uint64_t octets = 0;  // uncompressed wire form of all records
  friend bool operator==(const ZoneLoad&, const ZoneLoad&) = default;
};

struct StatsDay {
  DayNumber day = 0;
  StatsCounts counts;
  Hll v4, v6, v6_networks, clients;
  DomainMap domains;
  std::map<std::string, std::map<std::uint32_t, ZoneLoad>> loads;  // zone in text form → serial → load

  void merge(const StatsDay& other);  // counts are added, sketches joined
};

// The 10 * ln(clients) / ln(all clients) of DNS magnitude: 0 where either has fewer than two.
double magnitude_of(std::uint64_t clients, std::uint64_t all_clients);

struct Magnitude {
  Bytes domain;  // wire form, lower case
  double magnitude = 0;
  std::uint64_t clients = 0, queries = 0;
  bool at_least = false;
};
// Greatest first, at most `most`.
std::vector<Magnitude> magnitudes(const StatsDay& day, std::size_t most);

// ICANN's dataset of a day (CBOR, version 1): what `dnsmag aggregate` and `dnsmag report` read. At most
// `most` domains, greatest first.
Bytes magnitude_dataset(const StatsDay& day, std::size_t most);

// The state that a restart continues from. Reading refuses what is cut, damaged or of another version.
Bytes write_state(const StatsDay& day);
Result<StatsDay> read_state(ByteView state);

// RSSAC002, version 5: metric name and YAML text, of load-time, zone-size, rcode-volume, traffic-sizes,
// traffic-volume and unique-sources. Loads are those of `zone` (text form), or of all zones when it is empty.
// Queries over TLS count in sizes as TCP does, and in volumes under keys of their own (onoma-dns-tls-…),
// which are there only when there were some.
std::vector<std::pair<std::string, std::string>> rssac002(const StatsDay& day, std::string_view service,
                                                          std::string_view zone);

}  // namespace onoma::serve
