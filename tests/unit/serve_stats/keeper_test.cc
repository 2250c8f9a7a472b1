// Days: they end at 00:00 UTC, leave files that follow RSSAC002 and ICANN's dataset, and survive a restart.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "../os/temp_dir.h"
#include "serve/stats_report.h"
#include "stats_support.h"

namespace onoma::serve::test {
namespace {

using onoma::test::TempDir;

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

// The YAML that RSSAC002 uses: scalars, and one level of maps. Keys of the inner level are joined by "/".
std::map<std::string, std::string> yaml(const std::string& text) {
  std::map<std::string, std::string> out;
  std::istringstream in(text);
  std::string line, outer;
  std::getline(in, line);
  EXPECT_EQ(line, "---");
  while (std::getline(in, line)) {
    const auto colon = line.find(": ") != std::string::npos ? line.find(": ") : line.size() - 1;
    EXPECT_EQ(line[colon], ':') << line;
    const bool inner = line.starts_with("  ");
    const auto key = line.substr(inner ? 2 : 0, colon - (inner ? 2 : 0));
    if (!inner) outer = key;
    if (colon + 2 > line.size()) continue;
    EXPECT_TRUE(out.emplace(inner ? outer + "/" + key : key, line.substr(colon + 2)).second) << line;
  }
  return out;
}

StatisticsOptions options_in(const TempDir& dir) {
  StatisticsOptions options;
  options.folder = dir.file("stats");
  options.service = "a.root-servers.net";
  return options;
}
std::string path(const TempDir& dir, const std::string& month, const std::string& metric,
                 const std::string& date, const std::string& ending = "yaml") {
  return dir.file("stats/2026/" + month + "/" + metric + "/a-root-servers-net-" + date + "-" + metric + "." +
                  ending);
}

TEST(Days, LeaveFilesThatFollowRssac002) {
  TempDir dir;
  Fixture f(options_in(dir));
  ASSERT_TRUE(f.statistics.restore());
  auto& recorder = f.statistics.add_recorder();
  for (std::uint32_t i = 0; i < 100; ++i) ask(recorder, Packet(i * 256, "a.tld."));
  Packet tcp(1, "b.tld.");
  tcp.peer = Bytes(16, 0x20);
  tcp.facts.transport = Transport::tcp;
  tcp.facts.rcode = 3;
  tcp.facts.request_octets = 300;
  tcp.facts.reply_octets = 5000;
  ask(recorder, tcp);
  tcp.peer[15] = 1;
  ask(recorder, tcp);
  f.statistics.zone_loaded(".", 2026092500, std::chrono::milliseconds(2300), 1280665);
  f.statistics.zone_loaded(".", 2026092501, std::chrono::seconds(0), 1280670);
  ASSERT_TRUE(f.statistics.tick());
  f.clock.advance(std::chrono::hours(14));
  ASSERT_TRUE(f.statistics.tick());
  // The worker has not begun a batch since: it may still write into the day before.
  EXPECT_FALSE(std::filesystem::exists(path(dir, "09", "load-time", "20260925")));
  ask(recorder, Packet(1, "c.tld."));
  ASSERT_TRUE(f.statistics.tick());

  for (const std::string metric :
       {"load-time", "zone-size", "rcode-volume", "traffic-sizes", "traffic-volume", "unique-sources"}) {
    auto file = yaml(content(path(dir, "09", metric, "20260925")));
    EXPECT_EQ(file["version"], "rssac002v5");
    EXPECT_EQ(file["service"], "a.root-servers.net");
    EXPECT_EQ(file["start-period"], "'2026-09-25T00:00:00Z'");
    EXPECT_EQ(file["metric"], metric);
  }
  const auto read = [&](const std::string& metric) {
    auto file = yaml(content(path(dir, "09", metric, "20260925")));
    for (const auto* common : {"version", "service", "start-period", "metric"}) file.erase(common);
    return file;
  };
  using Map = std::map<std::string, std::string>;
  EXPECT_EQ(read("load-time"), (Map{{"time/2026092500", "3"}, {"time/2026092501", "0"}}));
  EXPECT_EQ(read("zone-size"), (Map{{"size/2026092500", "1280665"}, {"size/2026092501", "1280670"}}));
  EXPECT_EQ(read("rcode-volume"), (Map{{"0", "100"}, {"3", "2"}}));
  EXPECT_EQ(read("traffic-sizes"), (Map{{"udp-request-sizes/32-47", "100"},
                                        {"udp-response-sizes/96-111", "100"},
                                        {"tcp-request-sizes/288-", "2"},
                                        {"tcp-response-sizes/4096-", "2"}}));
  EXPECT_EQ(read("traffic-volume"), (Map{{"dns-udp-queries-received-ipv4", "100"},
                                         {"dns-udp-queries-received-ipv6", "0"},
                                         {"dns-tcp-queries-received-ipv4", "0"},
                                         {"dns-tcp-queries-received-ipv6", "2"},
                                         {"dns-udp-responses-sent-ipv4", "100"},
                                         {"dns-udp-responses-sent-ipv6", "0"},
                                         {"dns-tcp-responses-sent-ipv4", "0"},
                                         {"dns-tcp-responses-sent-ipv6", "2"}}));
  auto sources = read("unique-sources");
  EXPECT_NEAR(std::stod(sources["num-sources-ipv4"]), 100, 3);
  EXPECT_NEAR(std::stod(sources["num-sources-ipv6"]), 2, 1);
  EXPECT_NEAR(std::stod(sources["num-sources-ipv6-aggregate"]), 1, 1);
  EXPECT_EQ(sources.size(), 3U);

  // The day after begins at nothing.
  const auto today = f.statistics.today();
  EXPECT_EQ(today.counts.packets(), 1U);
  EXPECT_EQ(today.domains.size(), 1U);
  EXPECT_LE(today.v4.count(), 2U);
  EXPECT_TRUE(today.loads.empty());
  EXPECT_EQ(f.statistics.counts().packets(), 103U);
}

TEST(Days, QueriesOverTlsHaveKeysOfTheirOwn) {
  StatsDay day;
  day.counts.cells[StatsCounts::kKinds + 2 * StatsCounts::kTransport + StatsCounts::kReplied] = 7;
  for (const auto& [metric, text] : rssac002(day, "x", "")) {
    auto file = yaml(text);
    if (metric != "traffic-volume") continue;
    EXPECT_EQ(file["onoma-dns-tls-queries-received-ipv4"], "7");
    EXPECT_EQ(file["onoma-dns-tls-responses-sent-ipv4"], "7");
    EXPECT_EQ(file["dns-tcp-queries-received-ipv4"], "0");
  }
}

TEST(Days, ARestartContinuesTheDay) {
  TempDir dir;
  {
    Fixture before(options_in(dir));
    ASSERT_TRUE(before.statistics.restore());
    auto& recorder = before.statistics.add_recorder();
    for (std::uint32_t i = 0; i < 60; ++i) ask(recorder, Packet(i * 256, "a.tld."));
    before.statistics.zone_loaded("tld.", 5, std::chrono::seconds(1), 99);
    recorder.idle();
    ASSERT_TRUE(before.statistics.save());
  }
  Fixture after(options_in(dir));
  ASSERT_TRUE(after.statistics.restore());
  auto& recorder = after.statistics.add_recorder();
  for (std::uint32_t i = 50; i < 80; ++i) ask(recorder, Packet(i * 256, "a.tld."));
  const auto today = after.statistics.today();
  EXPECT_EQ(today.counts.packets(), 90U);
  EXPECT_NEAR(static_cast<double>(today.clients.count()), 80, 2);
  EXPECT_EQ(today.domains.at(wire_name("a.tld.")).queries, 90U);
  EXPECT_NEAR(static_cast<double>(today.domains.at(wire_name("a.tld.")).clients.count()), 80, 2);
  EXPECT_EQ(today.loads.at("tld.").at(5), (ZoneLoad{5, 1, 99}));
  EXPECT_EQ(after.statistics.counts().packets(), 30U);  // Prometheus counts from the start
}

TEST(Days, ARestartOnTheNextDayWritesTheOneBefore) {
  TempDir dir;
  {
    Fixture before(options_in(dir));
    ASSERT_TRUE(before.statistics.restore());
    ask(before.statistics.add_recorder(), Packet(1, "a.tld."));
    ASSERT_TRUE(before.statistics.save());
  }
  Fixture after(options_in(dir), *from_iso8601("2026-09-27T00:00:01Z"));
  ASSERT_TRUE(after.statistics.restore());
  ASSERT_TRUE(after.statistics.tick());
  EXPECT_EQ(yaml(content(path(dir, "09", "rcode-volume", "20260925")))["0"], "1");
  EXPECT_EQ(after.statistics.today().counts.packets(), 0U);
}

TEST(Days, ADamagedStateIsRefusedAndKept) {
  TempDir dir;
  Fixture f(options_in(dir));
  ASSERT_TRUE(f.statistics.restore());
  ask(f.statistics.add_recorder(), Packet(1, "a.tld."));
  const auto good = write_state(f.statistics.today());
  ASSERT_TRUE(read_state(good));
  std::mt19937_64 random(3);
  for (int i = 0; i < 300; ++i) {
    auto bad = good;
    if (i % 2 == 0)
      bad.resize(random() % good.size());
    else
      bad[random() % bad.size()] ^= static_cast<std::uint8_t>(1U << random() % 8);
    EXPECT_FALSE(read_state(bad));
  }
  std::ofstream(dir.file("stats/statistics.state")) << "nonsense";
  const auto restored = Fixture(options_in(dir)).statistics.restore();
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, Code::corrupt);
  EXPECT_NE(restored.error().message.find("statistics.state"), std::string::npos);
  EXPECT_EQ(content(dir.file("stats/statistics.state")), "nonsense");
}

TEST(Days, OldFilesGo) {
  TempDir dir;
  auto options = options_in(dir);
  options.keep_days = 2;
  Fixture f(options);
  ASSERT_TRUE(f.statistics.restore());
  auto& recorder = f.statistics.add_recorder();
  std::ofstream(dir.file("stats/notes.txt")) << "mine";
  for (int day = 0; day < 5; ++day) {
    ask(recorder, Packet(1, "a.tld."));
    recorder.idle();
    f.clock.advance(std::chrono::hours(24));
    ASSERT_TRUE(f.statistics.tick());
  }
  EXPECT_FALSE(std::filesystem::exists(path(dir, "09", "load-time", "20260927")));
  EXPECT_TRUE(std::filesystem::exists(path(dir, "09", "load-time", "20260928")));
  EXPECT_TRUE(std::filesystem::exists(path(dir, "09", "magnitude", "20260929", "cbor")));
  EXPECT_TRUE(std::filesystem::exists(dir.file("stats/notes.txt")));
}

TEST(Days, AFolderThatCannotBeWrittenIsTriedAgain) {
  TempDir dir;
  Fixture f(options_in(dir));
  ASSERT_TRUE(f.statistics.restore());
  auto& recorder = f.statistics.add_recorder();
  ask(recorder, Packet(1, "a.tld."));
  recorder.idle();
  std::filesystem::remove_all(dir.file("stats"));
  std::ofstream(dir.file("stats")) << "a file in the way";
  f.clock.advance(std::chrono::hours(24));
  EXPECT_FALSE(f.statistics.tick());
  std::filesystem::remove(dir.file("stats"));
  EXPECT_TRUE(f.statistics.tick());
  EXPECT_EQ(yaml(content(path(dir, "09", "rcode-volume", "20260925")))["0"], "1");
}

TEST(Magnitude, IsTheRatioOfLogarithms) {
  EXPECT_DOUBLE_EQ(magnitude_of(1000, 1000), 10);
  EXPECT_NEAR(magnitude_of(100, 10000), 5, 1e-9);
  EXPECT_EQ(magnitude_of(1, 10000), 0);
  EXPECT_EQ(magnitude_of(0, 0), 0);
}

TEST(Magnitude, TheDatasetIsIcannsForm) {
  StatsDay day;
  day.day = day_of(*from_iso8601("2026-09-25T10:00:00Z"));
  day.clients.add(client_hash(Bytes{192, 0, 2, 1}));
  day.domains[wire_name("com.")] = {.queries = 300, .clients = day.clients, .at_least = false};
  day.counts.cells[StatsCounts::kKinds] = 300;
  const auto text = [](std::string_view value) {
    return std::string(1, static_cast<char>(0x60 + value.size())) + std::string(value);
  };
  const std::string hll = "\x46\x13\x8e\x40\xcc\x48\x60";
  const std::string want = "\xa6" + text("version") + "\x01" + text("date") + "\xd9\x03\xec" +
                           text("2026-09-25") + text("all_clients_hll") + hll + text("all_clients_count") +
                           "\x02" + text("all_queries_count") + "\x19\x01\x2c" + text("domains") + "\xa1" +
                           text("com") + "\xa4" + text("domain") + text("com") + text("clients_hll") + hll +
                           text("clients_count") + "\x02" + text("queries_count") + "\x19\x01\x2c";
  EXPECT_EQ(std::string(as_text(magnitude_dataset(day, 10))), want);
}

TEST(Reports, ShowWhatWasCounted) {
  Fixture f;
  auto& recorder = f.statistics.add_recorder();
  ask(recorder, Packet(1, "a\\\"b.tld."));
  ask(recorder, Packet(2, "a\\\"b.tld."));
  const auto json = stats_json(f.statistics);
  EXPECT_NE(json.find(R"("requests":2,"responses":2)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("rcodes":{"NOERROR":2})"), std::string::npos) << json;
  EXPECT_NE(top_json(f.statistics, 5).find(R"({"name":"a\\\"b.tld.","count":2,"error":0})"),
            std::string::npos)
      << top_json(f.statistics, 5);
  EXPECT_NE(top_json(f.statistics, 5).find(R"({"network":"10.0.0.0/24","count":2,"error":0})"),
            std::string::npos);
  EXPECT_NE(magnitude_json(f.statistics, 5).find(R"("queryVolume":2)"), std::string::npos);
  const auto text = stats_metrics_text(f.statistics.counts(), f.statistics.today(false));
  EXPECT_NE(text.find("onoma_dns_requests_total{transport=\"udp\",family=\"ipv4\"} 2\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("onoma_dns_service_seconds_bucket{le=\"1.024e-06\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("onoma_dns_service_seconds_bucket{le=\"+Inf\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("onoma_dns_service_seconds_count 2\n"), std::string::npos) << text;
  EXPECT_NE(stats_text(f.statistics).find("requests 2, answered 2"), std::string::npos);
  EXPECT_NE(top_text(f.statistics, 5).find("             2  10.0.0.0/24\n"), std::string::npos);
}

}  // namespace
}  // namespace onoma::serve::test
