// Objects over HTTP: the life of each kind, and what is refused.
#include <set>
#include <thread>

#include "fixture.h"

namespace onoma::front {
namespace {

constexpr auto kDomain = R"({"name":"example.test","name_servers":["ns1.invalid","ns2.invalid"]})";

TEST_F(RestTest, ADomainIsMadeReadChangedAndRemoved) {
  auto reply = call("alpha", "POST", "/v1/domains", kDomain);
  ASSERT_EQ(reply.status, 201) << reply.body;
  EXPECT_EQ(reply.headers["location"], "/v1/domains/example.test");
  EXPECT_EQ(reply.headers["etag"], "\"1\"");
  const auto outcome = object(reply);
  EXPECT_EQ(reply.headers["onoma-event"], outcome.at("event").as_string());
  EXPECT_EQ(reply.headers["onoma-seq"], std::to_string(outcome.at("seq").to_number<std::uint64_t>()));

  reply = call("", "GET", "/v1/domains/EXAMPLE.test");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers["etag"], "\"1\"");
  EXPECT_EQ(object(reply).at("name"), "example.test");
  EXPECT_EQ(object(reply).at("sponsor"), "alpha");

  reply = call("alpha", "PATCH", "/v1/domains/example.test", R"({"name_servers":["ns3.invalid"]})");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.headers["etag"], "\"2\"");

  reply = call("alpha", "DELETE", "/v1/domains/example.test");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_FALSE(reply.headers.contains("etag"));
  refused(call("", "GET", "/v1/domains/example.test"), 404, "not_found");
}

TEST_F(RestTest, TagsGuardAgainstLostChanges) {
  make("/v1/domains", kDomain, "alpha");
  const auto change = R"({"name_servers":["ns3.invalid"]})";
  refused(call("alpha", "PATCH", "/v1/domains/example.test", change, {{"If-Match", "\"7\""}}), 412,
          "revision_conflict");
  refused(call("alpha", "PATCH", "/v1/domains/example.test", change, {{"If-Match", "W/\"1\""}}), 412,
          "revision_conflict");
  EXPECT_EQ(call("alpha", "PATCH", "/v1/domains/example.test", change, {{"If-Match", "\"1\""}}).status, 200);
  refused(call("alpha", "PATCH", "/v1/domains/example.test", change, {{"If-Match", "\"1\""}}), 412,
          "revision_conflict");
  EXPECT_EQ(call("", "GET", "/v1/domains/example.test", {}, {{"If-None-Match", "\"2\""}}).status, 304);
  EXPECT_EQ(call("", "GET", "/v1/domains/example.test", {}, {{"If-None-Match", "\"1\""}}).status, 200);
}

TEST_F(RestTest, ARetryIsAnsweredAgainAndNotCarriedOutTwice) {
  const HttpClient::Headers key{{"Idempotency-Key", "k1"}};
  const auto first = call("alpha", "POST", "/v1/domains", kDomain, key);
  auto again = call("alpha", "POST", "/v1/domains", kDomain, key);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.headers["onoma-seq"], first.headers.at("onoma-seq"));
  EXPECT_EQ(object(again).at("repeated"), true);
  refused(call("alpha", "POST", "/v1/domains", R"({"name":"other.test"})", key), 422, "idempotency_conflict");
  refused(call("alpha", "POST", "/v1/domains", kDomain), 409, "exists");
  refused(call("alpha", "POST", "/v1/domains", kDomain, {{"Idempotency-Key", std::string(129, 'k')}}), 400,
          "out_of_range");
}

TEST_F(RestTest, TokensAreAskedForAndChecked) {
  auto reply = call("", "POST", "/v1/domains", kDomain);
  refused(reply, 401, "unauthenticated");
  EXPECT_TRUE(reply.headers["www-authenticate"].starts_with("Bearer"));
  tokens_["stranger"] = "alpha.wrong";
  refused(call("stranger", "POST", "/v1/domains", kDomain), 401, "unauthenticated");
  refused(call("stranger", "GET", "/v1/zones"), 401, "unauthenticated");
  refused(call("", "GET", "/v1/zones", {}, {{"Authorization", "Basic YTpi"}}), 401, "unauthenticated");
  refused(call("alpha", "POST", "/v1/tlds", R"({"name":"x"})"), 403, "forbidden");
  make("/v1/domains", kDomain, "alpha");
  refused(call("beta", "DELETE", "/v1/domains/example.test"), 403, "forbidden");
}

TEST_F(RestTest, ANewTokenEndsTheOldOneAtOnce) {
  EXPECT_EQ(call("alpha", "GET", "/v1/registrars/alpha").status, 200);
  const auto reply =
      call("operator", "PUT", "/v1/registrars/alpha", R"({"name":"R","tlds":["test"],"new_token":true})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  refused(call("alpha", "GET", "/v1/registrars/alpha"), 401, "unauthenticated");
  tokens_["alpha"] = std::string(object(reply).at("secret").as_string());
  EXPECT_EQ(call("alpha", "GET", "/v1/registrars/alpha").status, 200);
}

TEST_F(RestTest, BadRequestsNameTheField) {
  refused(call("alpha", "POST", "/v1/domains", R"({"name":"a.test","nameservers":[]})"), 400, "unknown_field",
          "nameservers");
  refused(call("alpha", "POST", "/v1/domains", R"({"name_servers":[]})"), 400, "missing_field", "name");
  refused(call("alpha", "POST", "/v1/domains", "not json"), 400, "bad_request");
  refused(call("alpha", "POST", "/v1/domains", "[]"), 400, "bad_syntax");
  refused(call("alpha", "POST", "/v1/domains?waits=1", kDomain), 400, "unknown_field", "waits");
  refused(call("alpha", "POST", "/v1/domains?wait=1", kDomain), 400, "bad_syntax", "wait");
  refused(call("alpha", "GET", "/v1/domains?limit=0"), 400, "out_of_range", "limit");
  refused(call("alpha", "GET", "/v1/domains?limit=1001"), 400, "out_of_range", "limit");
}

TEST_F(RestTest, UnknownPlacesAndMethods) {
  refused(call("", "GET", "/v1/nothing"), 404, "not_found");
  refused(call("", "GET", "/v1/domains/a.test/b"), 404, "not_found");
  refused(call("", "GET", "/v1/domains/"), 404, "not_found");
  auto reply = call("alpha", "PUT", "/v1/domains");
  refused(reply, 405, "method_not_allowed");
  EXPECT_EQ(reply.headers["allow"], "GET, POST, HEAD");
  refused(call("", "GET", "/v1/domains/%ff"), 400, "bad_syntax", "name");
  refused(call("", "GET", "/v1/domains/a%00b"), 400, "bad_syntax", "name");
  EXPECT_EQ(call("", "HEAD", "/v1/zones").status, 200);
}

TEST_F(RestTest, ChineseNamesArriveInEitherForm) {
  auto reply = call("alpha", "POST", "/v1/domains", R"({"name":"名字.测试","name_servers":["ns1.invalid"]})");
  ASSERT_EQ(reply.status, 201) << reply.body;
  EXPECT_EQ(reply.headers["location"], "/v1/domains/xn--eqro3o.xn--0zwm56d");
  for (const auto* target :
       {"/v1/domains/%E5%90%8D%E5%AD%97.%E6%B5%8B%E8%AF%95", "/v1/domains/xn--eqro3o.xn--0zwm56d"}) {
    reply = call("", "GET", target);
    EXPECT_EQ(reply.status, 200) << target;
    EXPECT_EQ(object(reply).at("unicode"), "名字.测试");
  }
  EXPECT_EQ(call("", "GET", "/v1/tlds/%E6%B5%8B%E8%AF%95").status, 200);
  EXPECT_EQ(
      call("alpha", "PATCH", "/v1/domains/%E5%90%8D%E5%AD%97.%E6%B5%8B%E8%AF%95", R"({"name_servers":[]})")
          .status,
      200);
}

TEST_F(RestTest, IdentifiersMayHoldSlashesAndHiddenValues) {
  auto reply = call("alpha", "POST", "/v1/identifiers", R"({"identifier":"doi:10.1000/a/b?c","values":[
      {"index":1,"type":"URL","data":"https://example.org/"},{"index":2,"type":"NOTE","data":"hidden","permissions":12}]})");
  ASSERT_EQ(reply.status, 201) << reply.body;
  EXPECT_EQ(reply.headers["location"], "/v1/identifiers/10.1000%2Fa%2Fb%3Fc?scheme=hdl");
  for (const auto* target :
       {"/v1/identifiers/10.1000%2Fa%2Fb%3Fc?scheme=hdl", "/v1/identifiers/doi:10.1000/a/b%3Fc"}) {
    EXPECT_EQ(object(call("", "GET", target)).at("values").as_array().size(), 1U) << target;
    EXPECT_EQ(object(call("beta", "GET", target)).at("values").as_array().size(), 1U);
    EXPECT_EQ(object(call("alpha", "GET", target)).at("values").as_array().size(), 2U);
    EXPECT_EQ(object(call("operator", "GET", target)).at("values").as_array().size(), 2U);
  }
  reply = call("alpha", "PUT", "/v1/identifiers/10.1000%2Fa%2Fb%3Fc",
               R"({"values":[{"index":5,"type":"URL","data":"https://example.net/"}]})");
  EXPECT_EQ(reply.status, 200) << reply.body;
  refused(call("", "GET", "/v1/identifiers/10.1000%2Fnix"), 404, "not_found");
  refused(call("alpha", "PUT", "/v1/identifiers/10.1000%2Fa?scheme=hdl", R"({"scheme":"oid","values":[]})"),
          400, "bad_request", "scheme");
  EXPECT_EQ(call("alpha", "DELETE", "/v1/identifiers/10.1000%2Fa%2Fb%3Fc").status, 200);
}

TEST_F(RestTest, ContactsAreForTheirSponsorOnly) {
  auto reply = call("alpha", "POST", "/v1/contacts",
                    R"({"id":"c-1","fields":{"name":"Li Lei","email":"li@example.cn"}})");
  ASSERT_EQ(reply.status, 201) << reply.body;
  refused(call("", "GET", "/v1/contacts/c-1"), 401, "unauthenticated");
  refused(call("beta", "GET", "/v1/contacts/c-1"), 403, "forbidden");
  for (const auto* who : {"alpha", "operator"}) {
    reply = call(who, "GET", "/v1/contacts/c-1");
    EXPECT_EQ(object(reply).at("fields").at("name"), "Li Lei");
    EXPECT_EQ(reply.body.find("sealed"), std::string::npos);
  }
  EXPECT_TRUE(object(call("beta", "GET", "/v1/contacts")).at("items").as_array().empty());
  EXPECT_EQ(call("alpha", "POST", "/v1/contacts/c-1/erase").status, 200);
  reply = call("alpha", "GET", "/v1/contacts/c-1");
  EXPECT_EQ(object(reply).at("erased"), true);
  EXPECT_EQ(reply.body.find("Li Lei"), std::string::npos);
}

TEST_F(RestTest, RegistrarsSeeThemselves) {
  EXPECT_EQ(call("operator", "GET", "/v1/registrars").status, 200);
  refused(call("alpha", "GET", "/v1/registrars"), 403, "forbidden");
  refused(call("alpha", "GET", "/v1/registrars/beta"), 403, "forbidden");
  EXPECT_EQ(object(call("alpha", "GET", "/v1/registrars/alpha")).at("id"), "alpha");
  refused(call("operator", "GET", "/v1/registrars/nobody"), 404, "not_found");
}

TEST_F(RestTest, ListsComeInPages) {
  for (int i = 0; i < 5; ++i)
    make("/v1/domains", fmt::format(R"({{"name":"n{}.test"}})", i), i < 3 ? "alpha" : "beta");
  std::vector<std::string> names;
  std::string target = "/v1/domains?limit=2";
  for (int page = 0; !target.empty(); ++page) {
    ASSERT_LT(page, 5);
    const auto got = object(call("operator", "GET", target));
    EXPECT_LE(got.at("items").as_array().size(), 2U);
    for (const auto& item : got.at("items").as_array()) names.emplace_back(item.at("name").as_string());
    target = got.contains("next") ? std::string(got.at("next").as_string()) : std::string{};
  }
  EXPECT_EQ(names, (std::vector<std::string>{"n0.test", "n1.test", "n2.test", "n3.test", "n4.test"}));
  EXPECT_EQ(object(call("alpha", "GET", "/v1/domains?limit=1000")).at("items").as_array().size(), 3U);
}

TEST_F(RestTest, ManyMayCreateAtTheSameTime) {
  constexpr int kThreads = 8, kEach = 10;
  std::vector<std::jthread> threads;
  std::array<int, kThreads> made{};
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      auto http = client();
      const HttpClient::Headers token{
          {"Authorization", "Bearer " + tokens_.at(t % 2 == 0 ? "alpha" : "beta")}};
      for (int i = 0; i < kEach; ++i) {
        // Two threads want each name.
        const auto reply =
            http.send("POST", "/v1/domains?wait=visible", token,
                      fmt::format(R"({{"name":"n{}-{}.test","name_servers":["ns1.invalid"]}})", t / 2, i));
        if (reply && reply->status == 201)
          ++made[static_cast<std::size_t>(t)];
        else if (!reply || reply->status != 409)
          ADD_FAILURE() << (reply ? reply->body : reply.error().message);
      }
    });
  threads.clear();
  int all = 0;
  for (const int count : made) all += count;
  EXPECT_EQ(all, kThreads / 2 * kEach);
  const auto reader = *registry_->open();
  std::set<std::uint64_t> seqs;
  const auto events = reader->events_after(0, 1000);
  for (const auto& event : *events) seqs.insert(event.seq);
  EXPECT_EQ(seqs.size(), reader->last_seq());
}

}  // namespace
}  // namespace onoma::front
