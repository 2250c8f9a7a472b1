// A REST door on a loopback port, with a real registry and publisher behind it: the zones "test" (a test
// zone, with identifiers below id.test) and "xn--0zwm56d" (测试), an operator and the registrars alpha and
// beta.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <thread>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/guarded.h"
#include "front/rest/http_client.h"
#include "front/rest/rest_door.h"
#include "gate/gate.h"
#include "publish/publisher.h"
#include "registry/registry.h"

namespace onoma::front {

namespace json = boost::json;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string text = std::filesystem::temp_directory_path() / "onoma-rest-XXXXXX";
    path_ = mkdtemp(text.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

class NoSink final : public publish::ZoneSink {
 public:
  void show(const zone::Version&, zone::SnapshotPtr) override {}
  void refused(const zone::Version&, const zone::Verdict&) override {}
  void remove(const wire::Name&) override {}
};

class RestTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = registry::Registry::open({.store = {.path = folder_.file("registry.db")}}, clock_, rng_);
    ASSERT_TRUE(opened) << opened.error().message;
    registry_ = *std::move(opened);
    pool_ = std::make_unique<os::JobPool>(os::JobPoolOptions{.threads = 2});
    publisher_ = std::make_unique<publish::Publisher>(
        publish::PublisherOptions{.folder = folder_.file("zones")}, *registry_,
        [](const model::Tld&) -> Result<publish::ZoneParts> {
          return publish::ZoneParts{
              .signer = nullptr,
              .gate = gate::make_gate({.level = zone::GateLevel::registry, .require_signed = false})};
        },
        sink_, *pool_, clock_);
    registry_->set_commit_listener([this](std::uint64_t seq) { publisher_->wake(seq); });
    tokens_["operator"] = registry_->bootstrap_operator("operator")->value();
    ASSERT_TRUE(publisher_->start());

    RestServices services{.commands = *registry_,
                          .authenticator = *registry_,
                          .readers = *registry_,
                          .clock = clock_,
                          .rng = rng_};
    services.from_publisher(*publisher_);
    services.contact_fields = [this](std::string_view id) -> Result<model::ContactFields> {
      ONOMA_TRY(const auto reader, registry_->open());
      ONOMA_TRY(const auto contact, reader->contact(id));
      return registry_->open_contact(*contact);
    };
    services.resolve = [this](const ResolveRequest& request) -> Result<Resolved> {
      asked_.with([&](auto& asked) { asked = request; });
      if (request.text == "9506000134352") return fail(Code::ambiguous, "GTIN or GLN");
      return resolutions_.contains(request.text)
                 ? resolutions_.at(request.text)
                 : Resolved{.json = R"({"outcome":"not-found"})", .text = "nothing"};
    };
    services.status_json = [] { return std::string(R"({"version":"test"})"); };
    door_ = std::make_unique<RestDoor>(std::move(services));
    auto started =
        HttpServer::start({.listen = {*os::Endpoint::parse("127.0.0.1:0")}, .threads = 2}, door_->handler());
    ASSERT_TRUE(started) << started.error().message;
    server_ = *std::move(started);

    make("/v1/tlds", R"({"name":"test","denial":"unsigned","test_zone":true,"identifier_apex":"id.test",
                         "apex":[{"type":"NS","data":"ns1.nic.invalid."}]})");
    make(
        "/v1/tlds",
        R"({"name":"xn--0zwm56d","denial":"unsigned","test_zone":true,"apex":[{"type":"NS","data":"ns1.nic.invalid."}]})");
    for (const std::string id : {"alpha", "beta"}) {
      const auto made = make("/v1/registrars",
                             fmt::format(R"({{"id":"{}","name":"R","tlds":["test","xn--0zwm56d"]}})", id));
      tokens_[id] = std::string(made.at("secret").as_string());
    }
    // The zones are served before a test begins.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    const auto served = [this] {
      const auto zones = publisher_->status();
      return zones.size() == 2 && zones[0].current && zones[1].current;
    };
    while (!served() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    ASSERT_TRUE(served());
  }
  void TearDown() override {
    if (server_) server_->stop();
    if (publisher_) publisher_->stop();
    registry_.reset();
    door_.reset();
    publisher_.reset();
  }

  HttpClient client() { return *HttpClient::open("http://" + server_->bound().front().text()); }

  // `who`: whose token to send; empty: none.
  HttpReply call(const std::string& who, std::string_view method, const std::string& target,
                 std::string_view body = {}, HttpClient::Headers headers = {}) {
    if (!who.empty()) headers.emplace_back("Authorization", "Bearer " + tokens_.at(who));
    auto reply = client().send(method, target, headers, body);
    EXPECT_TRUE(reply) << reply.error().message;
    return reply ? *std::move(reply) : HttpReply{};
  }
  static json::object object(const HttpReply& reply) {
    json::error_code wrong;
    auto value = json::parse(reply.body, wrong);
    EXPECT_FALSE(wrong) << reply.body;
    return value.is_object() ? value.as_object() : json::object{};
  }
  json::object make(const std::string& target, std::string_view body, const std::string& who = "operator") {
    const auto reply = call(who, "POST", target, body);
    EXPECT_EQ(reply.status, 201) << target << " " << body << ": " << reply.body;
    return object(reply);
  }
  // A refusal is a problem document with this status, code and field.
  static void refused(const HttpReply& reply, int status, std::string_view code,
                      std::string_view field = {}) {
    EXPECT_EQ(reply.status, status) << reply.body;
    const auto type = reply.headers.find("content-type");
    ASSERT_TRUE(type != reply.headers.end());
    EXPECT_EQ(type->second, "application/problem+json");
    const auto problem = object(reply);
    EXPECT_EQ(problem.at("status"), status);
    EXPECT_EQ(std::string(problem.at("code").as_string()), code) << reply.body;
    EXPECT_FALSE(problem.at("detail").as_string().empty());
    if (!field.empty()) {
      ASSERT_TRUE(problem.contains("field")) << reply.body;
      EXPECT_EQ(std::string(problem.at("field").as_string()), field) << reply.body;
    }
  }

  TemporaryFolder folder_;
  SystemClock clock_;
  SystemRng rng_;
  NoSink sink_;
  std::map<std::string, std::string> tokens_;
  std::map<std::string, Resolved> resolutions_;  // filled before the requests
  Guarded<ResolveRequest> asked_;
  std::unique_ptr<os::JobPool> pool_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<publish::Publisher> publisher_;
  std::unique_ptr<RestDoor> door_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace onoma::front
