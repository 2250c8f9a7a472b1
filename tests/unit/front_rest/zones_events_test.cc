// Events, zones, look-ups: what has been published, and where.
#include "fixture.h"
#include "front/rest/metrics_door.h"
#include "front/rest/waiters.h"
#include "zone/load.h"

namespace onoma::front {
namespace {

constexpr auto kDomain = R"({"name":"example.test","name_servers":["ns1.example.test"],
                             "glue":[{"host":"ns1.example.test","addresses":["192.0.2.1"]}]})";

TEST_F(RestTest, AWriteMayWaitUntilItIsInTheDns) {
  auto reply = call("alpha", "POST", "/v1/domains?wait=visible", kDomain);
  ASSERT_EQ(reply.status, 201) << reply.body;
  EXPECT_EQ(reply.headers["onoma-visibility"], "visible");
  const auto outcome = object(reply);
  EXPECT_EQ(outcome.at("visibility"), "visible");
  ASSERT_EQ(outcome.at("published").as_array().size(), 1U);
  const auto& published = outcome.at("published").at(0);
  EXPECT_EQ(published.at("zone"), "test");
  EXPECT_GE(published.at("visible_after_us").to_number<std::int64_t>(), 0);
  // It is there: the served version has it.
  const auto zone = object(call("", "GET", "/v1/zones/test"));
  EXPECT_GE(zone.at("serial").to_number<std::uint32_t>(), published.at("serial").to_number<std::uint32_t>());
  EXPECT_EQ(zone.at("delegations"), 1);
  // What changes no zone is worked through all the same.
  reply = call("alpha", "POST", "/v1/contacts",
               R"({"id":"c-1","fields":{"name":"A","email":"a@example.org"}})", {{"Prefer", "wait=visible"}});
  EXPECT_EQ(reply.headers["onoma-visibility"], "unchanged") << reply.body;
}

TEST_F(RestTest, EventsTellWhatHappenedAndWhere) {
  const auto made = object(call("alpha", "POST", "/v1/domains?wait=visible", kDomain));
  const auto seq = made.at("seq").to_number<std::uint64_t>();
  for (const auto& key : {std::to_string(seq), std::string(made.at("event").as_string())}) {
    const auto event = object(call("alpha", "GET", "/v1/events/" + key));
    EXPECT_EQ(event.at("seq").to_number<std::uint64_t>(), seq);
    EXPECT_EQ(event.at("command"), "domain.create");
    EXPECT_EQ(event.at("published").at(0).at("zone"), "test");
    refused(call("beta", "GET", "/v1/events/" + key), 403, "forbidden");
    refused(call("", "GET", "/v1/events/" + key), 401, "unauthenticated");
  }
  EXPECT_EQ(object(call("alpha", "GET", fmt::format("/v1/events/{}?wait=visible", seq))).at("visibility"),
            "visible");
  refused(call("operator", "GET", "/v1/events/99999"), 404, "not_found");
  refused(call("operator", "GET", "/v1/events/xyz"), 400, "bad_syntax", "event");

  const auto page = object(call("operator", "GET", fmt::format("/v1/events?after={}&limit=1", seq - 1)));
  EXPECT_EQ(page.at("items").as_array().size(), 1U);
  EXPECT_EQ(page.at("last").to_number<std::uint64_t>(), seq);
  EXPECT_EQ(std::string(page.at("next").as_string()), fmt::format("/v1/events?after={}&limit=1", seq));
  // A registrar's page holds its own events only, but goes on behind all of them.
  const auto own = object(call("alpha", "GET", "/v1/events?after=0"));
  EXPECT_EQ(own.at("items").as_array().size(), 1U);
  EXPECT_EQ(own.at("last").to_number<std::uint64_t>(), seq);
}

TEST_F(RestTest, AZoneIsExportedAsItIsServed) {
  make("/v1/domains?wait=visible", kDomain, "alpha");
  refused(call("alpha", "GET", "/v1/zones/test/export"), 403, "forbidden");
  refused(call("operator", "GET", "/v1/zones/nix/export"), 404, "not_found");
  auto reply = call("operator", "GET", "/v1/zones/test/export");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.headers["content-type"], "text/dns");
  EXPECT_NE(reply.body.find("ns1.example.test. 3600 IN A 192.0.2.1"), std::string::npos) << reply.body;
  std::string expected;
  for (const auto& zone : publisher_->status())
    if (zone.zone == *wire::Name::parse("test")) expected = zone::zone_text(*zone.current);
  EXPECT_EQ(reply.body, expected);
}

TEST_F(RestTest, AZoneIsImportedInBatches) {
  const auto batch = R"({"hosts":[{"name":"ns1.a.test","addresses":["192.0.2.7"],"a_ttl_s":900}],
                         "delegations":[{"name":"a.test","name_servers":["ns1.a.test"],"ns_ttl_s":7200,"ds":["1 13 2 )" +
                     std::string(64, 'A') + R"("],"ds_ttl_s":600}]})";
  refused(call("alpha", "POST", "/v1/zones/test/import", batch), 403, "forbidden");
  auto reply = call("operator", "POST", "/v1/zones/test/import?wait=visible", batch);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.headers["onoma-visibility"], "visible") << reply.body;
  EXPECT_NE(call("operator", "GET", "/v1/zones/test/export").body.find("a.test. 7200 IN NS ns1.a.test."),
            std::string::npos);
  reply = call("operator", "POST", "/v1/zones/test/import", batch);
  EXPECT_EQ(object(reply).at("seq"), 0) << "repeating an import is no change";
}

TEST_F(RestTest, UnsignedZonesHaveNoKeys) {
  const auto keys = object(call("", "GET", "/v1/zones/test/keys-ds"));
  EXPECT_EQ(keys.at("signed"), false);
  EXPECT_TRUE(keys.at("ds").as_array().empty());
}

TEST_F(RestTest, IdentifierTextIsReadAndMapped) {
  EXPECT_EQ(object(call("", "GET", "/v1/ident/detect?q=doi%3A10.1000%2F182")).at("best").at("canonical"),
            "10.1000/182");
  refused(call("", "GET", "/v1/ident/detect?q="), 400, "bad_syntax");
  auto reply = call("", "GET", "/v1/ident/map?q=10.1000%2F182");
  EXPECT_EQ(object(reply).at("dns_name"), "182._h.1000.10.hdl.id.test") << reply.body;
  reply = call("", "GET", "/v1/ident/map?q=10.1000%2F182&apex=id.example");
  EXPECT_EQ(object(reply).at("dns_name"), "182._h.1000.10.hdl.id.example");
  reply = call("", "GET", "/v1/ident/map?name=182._h.1000.10.hdl.id.test");
  EXPECT_EQ(object(reply).at("identifier").at("canonical"), "10.1000/182");
  refused(call("", "GET", "/v1/ident/map"), 400, "missing_field", "q");
}

TEST_F(RestTest, ResolutionComesInTheFormAskedFor) {
  resolutions_["10.1000/182"] = {.found = true,
                                 .json = R"({"outcome":"found"})",
                                 .text = "found",
                                 .redirect = "https://example.org/182"};
  resolutions_["10.1000/old"] = {.found = true, .json = "{}", .text = "gone", .gone = true};
  const HttpClient::Headers browser{{"Accept", "text/html,application/xhtml+xml"}};
  auto reply = call("", "GET", "/r/10.1000/182", {}, browser);
  EXPECT_EQ(reply.status, 307);
  EXPECT_EQ(reply.headers["location"], "https://example.org/182");
  EXPECT_EQ(reply.headers["vary"], "Accept");
  reply = call("", "GET", "/r/10.1000%2F182");
  EXPECT_EQ(reply.headers["content-type"], "application/json");
  EXPECT_EQ(object(reply).at("outcome"), "found");
  EXPECT_EQ(call("", "GET", "/r/10.1000/182?format=json", {}, browser).status, 200);
  EXPECT_EQ(call("", "GET", "/r/10.1000/182", {}, {{"Accept", "text/plain"}}).body, "found");
  call("", "GET", "/r/10.1000/182?trace=1&scheme=hdl");
  asked_.with([](const auto& asked) {
    EXPECT_TRUE(asked.trace);
    EXPECT_EQ(asked.scheme, "hdl");
    EXPECT_EQ(asked.text, "10.1000/182");
  });
  reply = call("", "GET", "/r/10.1000/nix");
  refused(reply, 404, "not_found");
  EXPECT_EQ(object(reply).at("resolution").at("outcome"), "not-found");
  EXPECT_EQ(call("", "GET", "/r/10.1000/nix?format=text").status, 404);
  refused(call("", "GET", "/r/10.1000/old"), 410, "gone");
  reply = call("", "GET", "/r/9506000134352");
  refused(reply, 300, "ambiguous");
  refused(call("", "GET", "/r/10.1000/182?format=xml"), 406, "not_acceptable");
}

TEST_F(RestTest, ARedirectNeverBreaksTheHeader) {
  resolutions_["10.1000/evil"] = {
      .found = true, .json = "{}", .text = "t", .redirect = "https://a/\r\nSet-Cookie: a=b"};
  const auto reply = call("", "GET", "/r/10.1000/evil", {}, {{"Accept", "text/html"}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_FALSE(reply.headers.contains("set-cookie"));
}

TEST_F(RestTest, TheAdminDoorShowsMetricsAndHealth) {
  auto admin = HttpServer::start(
      {.listen = {*os::Endpoint::parse("127.0.0.1:0")}},
      metrics_handler(
          {.zone = [this](const wire::Name& name) -> std::optional<publish::ZoneHealth> {
             for (const auto& zone : publisher_->status())
               if (zone.zone == name) return publish::health_of(zone, SystemClock().now());
             return std::nullopt;
           },
           .summary = [this] { return publish::summary_of(publisher_->status(), SystemClock().now()); }}));
  ASSERT_TRUE(admin);
  auto http = *HttpClient::open("http://" + (*admin)->bound().front().text());
  EXPECT_NE(http.send("GET", "/metrics")->body.find("onoma_http_requests_total"), std::string::npos);
  ASSERT_TRUE(publisher_->wait_for((*registry_->open())->last_seq(), std::chrono::seconds{5}));
  EXPECT_EQ(http.send("GET", "/health")->status, 200);
  EXPECT_EQ(http.send("GET", "/health/test")->status, 200);
  EXPECT_NE(http.send("GET", "/health/test")->body.find(R"("status":"ok")"), std::string::npos);
  EXPECT_EQ(http.send("GET", "/health/%E6%B5%8B%E8%AF%95")->status, 200);
  EXPECT_EQ(http.send("GET", "/health/nix")->status, 404);
  EXPECT_EQ(http.send("GET", "/")->status, 404);
  EXPECT_EQ(http.send("POST", "/metrics")->status, 405);
}

TEST(WaitersTest, AnswersInTimeAndAtTheEnd) {
  std::atomic<std::uint64_t> reached{0};
  std::atomic<int> yes{0}, no{0};
  {
    Waiters waiters([&](std::uint64_t seq, Duration) {
      std::this_thread::yield();
      return reached >= seq;
    });
    const auto count = [&](bool result) { ++(result ? yes : no); };
    waiters.add(2, std::chrono::seconds{60}, count);
    waiters.add(1, std::chrono::seconds{60}, count);
    waiters.add(3, std::chrono::milliseconds{1}, count);
    while (no != 1) std::this_thread::yield();
    EXPECT_EQ(yes, 0);
    reached = 2;
    while (yes != 2) std::this_thread::yield();
    waiters.add(9, std::chrono::seconds{60}, count);
  }
  EXPECT_EQ(yes, 2);
  EXPECT_EQ(no, 2) << "who still waits is answered when the door closes";
}

}  // namespace
}  // namespace onoma::front
