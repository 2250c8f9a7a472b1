// Settings of statistics and dnstap, as `serve` has them in its file and `authority` on its command line.
// Plain values; statistics_options() and dnstap_options() check them.
#pragma once

#include <cstdint>
#include <string>

namespace onoma::app {

struct StatisticsSettings {
  bool stats_enabled = true;
  std::string stats_folder, stats_service = "localhost", stats_zone;
  std::int64_t stats_keep_days = 30;
  bool stats_top = true, stats_magnitude = false;
  std::string dnstap_socket, dnstap_file;
  std::int64_t dnstap_sample = 1;
  bool dnstap_queries = true, dnstap_responses = true;
  std::string dnstap_anonymise = "none";
};

}  // namespace onoma::app
