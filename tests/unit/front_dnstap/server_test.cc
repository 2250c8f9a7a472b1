// The DNS server taps what it answers over UDP and TCP; the admin door shows the statistics.
#include <filesystem>

#include <gtest/gtest.h>

#include "../os/client.h"
#include "../os/temp_dir.h"
#include "dnstap_support.h"
#include "front/dns/dns_server.h"
#include "front/rest/stats_pages.h"
#include "serve/stats_keeper.h"

namespace onoma::front::test {
namespace {

using onoma::test::TempDir;

TEST(DnsServer, TapsQueriesAndAnswers) {
  TempDir dir;
  const auto question = query();
  Bytes answer;
  std::uint16_t port = 0;
  {
    serve::ZoneTable zones;
    DnsOptions options{.listen = {*os::Endpoint::parse("127.0.0.1:0")}};
    options.dnstap = DnstapOptions{.file = dir.file("tap"), .identity = "here"};
    auto server = DnsServer::open(options, zones);
    ASSERT_TRUE(server) << server.error().message;
    (*server)->start();
    const auto client = onoma::test::connect_to((*server)->bound().front(), SOCK_DGRAM);
    os::Endpoint local;
    socklen_t size = os::Endpoint::kCapacity;
    ASSERT_EQ(::getsockname(client.get(), local.buffer(), &size), 0);
    port = local.port();
    ASSERT_TRUE(onoma::test::send_bytes(client, question));
    answer.resize(4096);
    const auto got = ::recv(client.get(), answer.data(), answer.size(), 0);
    ASSERT_GT(got, 0);
    answer.resize(static_cast<std::size_t>(got));
    (*server)->stop();
  }
  const auto read = frames(dir.file("tap"));
  ASSERT_EQ(read.size(), 2U);
  auto first = decode(decode(read[0])[14].octets), second = decode(decode(read[1])[14].octets);
  EXPECT_EQ(first[1].number, 1U);
  EXPECT_EQ(first[3].number, 1U);
  EXPECT_EQ(first[4].octets, (Bytes{127, 0, 0, 1}));
  EXPECT_EQ(first[6].number, port);
  EXPECT_EQ(first[10].octets, question);
  EXPECT_EQ(second[1].number, 2U);
  EXPECT_EQ(second[14].octets, answer);
  EXPECT_LE(first[8].number, second[12].number);
}

TEST(DnsServer, AFileThatCannotBeWrittenStopsTheStart) {
  serve::ZoneTable zones;
  DnsOptions options{.listen = {*os::Endpoint::parse("127.0.0.1:0")}};
  options.dnstap = DnstapOptions{.file = "/nonexistent/tap"};
  const auto server = DnsServer::open(options, zones);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, Code::io);
}

class Pages : public testing::Test {
 protected:
  Pages()
      : clock_(from_unix_seconds(1790330400)),
        rng_(1),
        statistics_({}, clock_, rng_),
        handler_(with_stats_pages(
            [](const HttpRequest& request, Respond respond) {
              respond({.status = request.path == "/metrics" ? 200 : 418, .body = "plain_total 1\n"});
            },
            statistics_)) {}
  HttpResponse get(const std::string& path, const std::string& query = {},
                   const std::string& method = "GET") {
    HttpResponse out;
    handler_({.method = method, .path = path, .query = query},
             [&out](HttpResponse response) { out = std::move(response); });
    return out;
  }
  ManualClock clock_;
  SeededRng rng_;
  serve::Statistics statistics_;
  HttpHandler handler_;
};

TEST_F(Pages, ShowTheStatistics) {
  const Bytes peer{192, 0, 2, 1}, name{3, 'w', 'w', 'w', 3, 't', 'l', 'd', 0};
  auto& recorder = statistics_.add_recorder();
  recorder.begin(1);
  recorder.record({.peer = peer,
                   .qname = name,
                   .zone_octets = 5,
                   .encloser_octets = 5,
                   .qtype = 1,
                   .request_octets = 30,
                   .reply_octets = 90});
  recorder.end(1000);
  EXPECT_NE(get("/v1/stats").body.find("\"requests\":1"), std::string::npos);
  EXPECT_NE(get("/v1/stats/top", "most=1").body.find("\"www.tld.\""), std::string::npos);
  EXPECT_NE(get("/v1/stats/magnitude").body.find("\"domain\":\"www.tld\""), std::string::npos);
  EXPECT_EQ(get("/v1/stats/magnitude.cbor").body.substr(0, 1), "\xa6");
  const auto metrics = get("/metrics").body;
  EXPECT_TRUE(metrics.starts_with("plain_total 1\n# HELP onoma_dns_requests_total "));
  EXPECT_NE(metrics.find("onoma_dns_questions_total{type=\"A\"} 1\n"), std::string::npos);
}

TEST_F(Pages, RefuseWhatIsNotThere) {
  EXPECT_EQ(get("/health").status, 418);
  EXPECT_EQ(get("/v1/stats/other").status, 404);
  EXPECT_EQ(get("/v1/statsother").status, 418);
  EXPECT_EQ(get("/v1/stats", {}, "POST").status, 405);
  for (const std::string query : {"most=0", "most=10001", "most=x", "most=", "other=1", "most=1&most=2"})
    EXPECT_EQ(get("/v1/stats/top", query).status, 400) << query;
}

}  // namespace
}  // namespace onoma::front::test
