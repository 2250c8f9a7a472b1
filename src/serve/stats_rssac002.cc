// The daily measurements of RSSAC002, version 5, as the root server operators publish them.
#include <fmt/format.h>

#include "serve/stats_day.h"

namespace onoma::serve {
namespace {

using C = StatsCounts;

std::string header(const StatsDay& day, std::string_view service, std::string_view metric) {
  return fmt::format("---\nversion: rssac002v5\nservice: {}\nstart-period: '{}T00:00:00Z'\nmetric: {}\n",
                     service, day_text(day.day), metric);
}

// "  16-31: 12" for each class that is not empty; an empty map when all are.
std::string sizes(std::string_view key, const std::uint64_t* counts, std::size_t classes) {
  std::string lines;
  for (std::size_t i = 0; i < classes; ++i) {
    if (counts[i] == 0) continue;
    if (i + 1 == classes)
      lines += fmt::format("  {}-: {}\n", i * 16, counts[i]);
    else
      lines += fmt::format("  {}-{}: {}\n", i * 16, i * 16 + 15, counts[i]);
  }
  return lines.empty() ? fmt::format("{}: {{}}\n", key) : fmt::format("{}:\n{}", key, lines);
}

std::string traffic_sizes(const C& counts) {
  std::string out;
  for (const std::size_t stream : {std::size_t{0}, std::size_t{1}}) {
    const std::string_view name = stream == 0 ? "udp" : "tcp";
    out += sizes(fmt::format("{}-request-sizes", name),
                 &counts.cells[C::kRequests + stream * C::kRequestClasses], C::kRequestClasses);
    out += sizes(fmt::format("{}-response-sizes", name),
                 &counts.cells[C::kResponses + stream * C::kResponseClasses], C::kResponseClasses);
  }
  return out;
}

std::string traffic_volume(const C& counts) {
  std::string out;
  const bool tls = counts.packets(0, static_cast<int>(Transport::tls)) > 0;
  for (const bool responses : {false, true})
    for (int transport = 0; transport < (tls ? 3 : 2); ++transport)
      for (const int v6 : {0, 1})
        out += fmt::format("{}-{}-ipv{}: {}\n",
                           transport == 0   ? "dns-udp"
                           : transport == 1 ? "dns-tcp"
                                            : "onoma-dns-tls",
                           responses ? "responses-sent" : "queries-received", v6 == 1 ? 6 : 4,
                           counts.packets(responses ? C::kReplied : 0, transport, v6));
  return out;
}

std::string rcode_volume(const C& counts) {
  std::string out;
  for (std::size_t code = 0; code < C::kRcodes; ++code)
    if (const auto count = counts.rcode(code); count > 0) out += fmt::format("{}: {}\n", code, count);
  return out;
}

std::string loads(const StatsDay& day, std::string_view zone, bool time) {
  std::map<std::uint32_t, std::uint64_t> values;
  for (const auto& [name, versions] : day.loads)
    if (zone.empty() || zone == name)
      for (const auto& [serial, load] : versions) values[serial] = time ? load.load_s : load.octets;
  if (values.empty()) return time ? "time: {}\n" : "size: {}\n";
  std::string out = time ? "time:\n" : "size:\n";
  for (const auto& [serial, value] : values) out += fmt::format("  {}: {}\n", serial, value);
  return out;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> rssac002(const StatsDay& day, std::string_view service,
                                                          std::string_view zone) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto add = [&](std::string_view metric, std::string_view values) {
    out.emplace_back(metric, header(day, service, metric).append(values));
  };
  add("load-time", loads(day, zone, true));
  add("zone-size", loads(day, zone, false));
  add("rcode-volume", rcode_volume(day.counts));
  add("traffic-sizes", traffic_sizes(day.counts));
  add("traffic-volume", traffic_volume(day.counts));
  add("unique-sources",
      fmt::format("num-sources-ipv4: {}\nnum-sources-ipv6: {}\nnum-sources-ipv6-aggregate: {}\n",
                  day.v4.count(), day.v6.count(), day.v6_networks.count()));
  return out;
}

}  // namespace onoma::serve
