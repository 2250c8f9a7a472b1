// A registry on a file of its own, with an operator, two registrars and the zones "test" (marked as test,
// identifiers below id.test) and "example". Shared by the tests of this room.
#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "model/json.h"
#include "registry/registry.h"

namespace onoma::registry {

inline model::Name name(std::string_view text) {
  return *model::Name::parse(text);
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string text = std::filesystem::temp_directory_path() / "onoma-registry-XXXXXX";
    path_ = mkdtemp(text.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string file() const { return path_ / "registry.db"; }
  std::filesystem::path path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class RegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    open({});
    auto token = registry_->bootstrap_operator("operator");
    ASSERT_TRUE(token) << token.error().message;
    ASSERT_TRUE(*token);
    operator_token_ = **token;
    auto tld = zone("test");
    tld.test_zone = true;
    tld.identifier_apex = name("id.test");
    must(model::TldCreate{tld}, "operator");
    must(model::TldCreate{zone("example")}, "operator");
    for (std::string id : {"alpha", "beta"}) {
      model::RegistrarCreate create;
      create.registrar.id = id;
      create.registrar.tlds = {"test", "example"};
      tokens_[id] = must(create, "operator").secret;
    }
  }

  void open(store::Options options) {
    registry_.reset();
    options.path = folder_.file();
    auto opened = Registry::open({options}, clock_, rng_);
    ASSERT_TRUE(opened) << opened.error().message;
    registry_ = *std::move(opened);
  }

  static model::Tld zone(std::string_view text) {
    model::Tld tld;
    tld.name = name(text);
    tld.apex = {{wire::RRType::NS, 3600, "ns1.nic.invalid."}};
    return tld;
  }
  static model::DomainCreate domain(std::string text,
                                    std::vector<std::string> hosts = {"ns1.invalid", "ns2.invalid"}) {
    model::DomainCreate create;
    create.name = std::move(text);
    create.name_servers = std::move(hosts);
    return create;
  }
  static model::DsData ds(std::uint8_t algorithm = 13, std::uint8_t type = 2, std::size_t size = 32) {
    return {1, algorithm, type, Bytes(size, 7)};
  }

  Result<model::Outcome> run(model::Command command, std::string actor = "alpha",
                             model::Context context = {}) {
    context.actor = std::move(actor);
    return registry_->run(std::move(command), std::move(context));
  }
  model::Outcome must(model::Command command, std::string actor = "alpha") {
    std::string what(model::command_name(command));
    auto outcome = run(std::move(command), std::move(actor));
    if (outcome) return *outcome;
    ADD_FAILURE() << what << ": " << outcome.error().message << " at " << outcome.error().field;
    return {};
  }
  void refused(Code code, std::string_view field, model::Command command, std::string actor = "alpha") {
    std::string what(model::command_name(command));
    auto before = reader()->last_seq();
    auto outcome = run(std::move(command), std::move(actor));
    ASSERT_FALSE(outcome) << what << " was carried out: " << outcome->object;
    EXPECT_EQ(facts(outcome.error().code).name, facts(code).name) << what << ": " << outcome.error().message;
    EXPECT_EQ(outcome.error().field, field) << what << ": " << outcome.error().message;
    EXPECT_EQ(reader()->last_seq(), before) << "a refused command left an event";
  }
  std::unique_ptr<model::ObjectReader> reader() { return *registry_->open(); }

  TemporaryFolder folder_;
  ManualClock clock_{from_unix_seconds(1'790'000'000)};
  SystemRng rng_;
  std::unique_ptr<Registry> registry_;
  std::string operator_token_;
  std::map<std::string, std::string> tokens_;
};

}  // namespace onoma::registry
