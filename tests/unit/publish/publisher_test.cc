// The publisher with a real registry and unsigned zones: zones come and go, and a damaged journal is nothing
// to start afresh from.
#include "publish/publisher.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/guarded.h"
#include "gate/gate.h"
#include "registry/registry.h"

namespace onoma::publish {
namespace {

using wire::Name;
using wire::RRType;

Name name(const std::string& text) {
  return Name::parse(text).value();
}

class Shown final : public ZoneSink {
 public:
  void show(const zone::Version& version, zone::SnapshotPtr snapshot) override {
    zones_.with([&](auto& zones) { zones[version.zone] = std::move(snapshot); });
  }
  void refused(const zone::Version&, const zone::Verdict& verdict) override {
    ADD_FAILURE() << verdict.findings.front().owner << ": " << verdict.findings.front().what;
  }
  void remove(const Name& zone) override {
    zones_.with([&](auto& zones) { zones.erase(zone); });
  }
  void not_loaded(const Name& zone) override {
    zones_.with([&](auto& zones) { zones[zone] = nullptr; });
  }
  bool known(const Name& zone) {
    return zones_.with([&](auto& zones) { return zones.contains(zone); });
  }
  zone::SnapshotPtr get(const Name& zone) {
    return zones_.with([&](auto& zones) -> zone::SnapshotPtr {
      const auto found = zones.find(zone);
      return found == zones.end() ? nullptr : found->second;
    });
  }

 private:
  Guarded<std::map<Name, zone::SnapshotPtr>> zones_;
};

class PublisherTest : public testing::Test {
 protected:
  PublisherTest() {
    folder_ = std::filesystem::temp_directory_path() / ("onoma-publisher-" + std::to_string(::getpid()));
    registry_ = registry::Registry::open({.store = {.path = folder_ / "r.sqlite"}}, clock_, rng_).value();
    registry_->set_commit_listener([this](std::uint64_t seq) {
      std::scoped_lock lock(mutex_);
      if (publisher_) publisher_->wake(seq);
    });
    EXPECT_TRUE(registry_->bootstrap_operator("operator").has_value());
    start();
  }
  ~PublisherTest() override {
    publisher_->stop();
    registry_.reset();
    publisher_.reset();
    std::filesystem::remove_all(folder_);
  }
  void start() {
    auto next = std::make_unique<Publisher>(
        PublisherOptions{.folder = folder_ / "zones"}, *registry_,
        [](const model::Tld&) -> Result<ZoneParts> {
          return ZoneParts{
              .signer = nullptr,
              .gate = gate::make_gate({.level = zone::GateLevel::registry, .require_signed = false})};
        },
        sink_, pool_, clock_);
    {
      std::scoped_lock lock(mutex_);
      publisher_.swap(next);
    }
    EXPECT_TRUE(publisher_->start().has_value());
  }
  void make_tld(const std::string& zone) {
    model::Tld tld{.name = name(zone), .mname = name("ns.example."), .rname = name("admin.example.")};
    tld.apex = {{.type = RRType::NS, .ttl_s = 3600, .data = "ns.example."}};
    tld.serial = model::SerialPolicy::counter;
    tld.denial = model::DenialPolicy::unsigned_zone;
    tld.test_zone = true;
    run(model::TldCreate{tld});
  }
  void run(model::Command command) {
    const auto done =
        registry_->run(std::move(command), {.id = Id128::make(clock_.now(), rng_), .actor = "operator"});
    ASSERT_TRUE(done) << done.error().message;
    seq_ = done->seq;
  }
  void make_domain(const std::string& domain) {
    run(model::DomainCreate{
        .name = domain, .name_servers = {"ns.example"}, .glue = {}, .ds = {}, .registrant = {}, .years = {}});
  }
  bool settled() { return publisher_->wait_for(seq_, std::chrono::seconds{20}); }

  std::filesystem::path folder_;
  ManualClock clock_{from_unix_seconds(1'790'000'000)};
  SystemRng rng_;
  Shown sink_;
  // One thread: nothing in the publisher may wait for a job of another queue.
  os::JobPool pool_{{.threads = 1}};
  std::unique_ptr<registry::Registry> registry_;
  std::mutex mutex_;  // the registry's thread wakes the publisher
  std::unique_ptr<Publisher> publisher_;
  std::uint64_t seq_ = 0;
};

TEST_F(PublisherTest, ZonesComeAndGoOnAPoolOfOneThread) {
  make_tld("test.");
  make_tld("other.");
  make_domain("a.test");
  ASSERT_TRUE(settled());
  ASSERT_TRUE(sink_.get(name("test.")));
  EXPECT_TRUE(sink_.get(name("test."))->exists(wire::sort_key(name("a.test."))));
  EXPECT_TRUE(sink_.get(name("other.")));

  for (int i = 0; i < 5; ++i) {
    run(model::TldDelete{name("other.")});
    if (i % 2 == 0) {
      ASSERT_TRUE(settled());
      EXPECT_FALSE(sink_.known(name("other.")));
      EXPECT_FALSE(std::filesystem::exists(folder_ / "zones" / "other.journal"));
    }
    make_tld("other.");
    ASSERT_TRUE(settled());
    ASSERT_TRUE(sink_.get(name("other.")));
  }
  EXPECT_EQ(publisher_->status().size(), 2U);
}

TEST_F(PublisherTest, ADamagedJournalIsNotOverwrittenAndTheZoneComesBackOnceItIsMended) {
  make_tld("test.");
  ASSERT_TRUE(settled());
  make_domain("a.test");
  ASSERT_TRUE(settled());
  const auto serial = sink_.get(name("test."))->facts().serial;
  publisher_->stop();
  const auto path = folder_ / "zones" / "test.journal";
  std::filesystem::copy_file(path, folder_ / "copy");
  {
    // In the first of the two records: no torn write.
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(60);
    file.put('\xff');
  }
  const auto damaged = std::filesystem::file_size(path);
  sink_.remove(name("test."));
  start();
  EXPECT_TRUE(sink_.known(name("test."))) << "queries fail instead of being refused";
  EXPECT_FALSE(sink_.get(name("test.")));
  make_domain("b.test");
  ASSERT_TRUE(settled()) << "a zone that fails keeps nobody waiting";
  ASSERT_EQ(publisher_->status().size(), 1U);
  EXPECT_EQ(publisher_->status().front().state, Sequencer::State::failing);
  EXPECT_NE(publisher_->status().front().reason.find("damaged"), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(path), damaged);

  std::filesystem::copy_file(folder_ / "copy", path, std::filesystem::copy_options::overwrite_existing);
  clock_.advance(std::chrono::minutes{5});
  make_domain("c.test");
  ASSERT_TRUE(settled());
  const auto shown = sink_.get(name("test."));
  ASSERT_TRUE(shown);
  EXPECT_GT(shown->facts().serial, serial);
  for (const auto* domain : {"a.test.", "b.test.", "c.test."})
    EXPECT_TRUE(shown->exists(wire::sort_key(name(domain)))) << domain;
  EXPECT_EQ(publisher_->status().front().state, Sequencer::State::idle);
}

TEST_F(PublisherTest, AHostAndAnIdentifierOfOneNameShareASet) {
  make_tld("test.");
  run(model::DomainCreate{
      .name = "a.test", .name_servers = {}, .glue = {}, .ds = {}, .registrant = {}, .years = {}});
  run(model::HostCreate{.name = "a.test", .addresses = {"192.0.2.1"}});
  run(model::DomainCreate{
      .name = "b.test", .name_servers = {"a.test"}, .glue = {}, .ds = {}, .registrant = {}, .years = {}});
  run(model::IdentifierCreate{.identifier = "a.test",
                              .scheme = "domain",
                              .values = {{.index = 1, .type = "DNS.A", .data = to_bytes("192.0.2.2")}}});
  ASSERT_TRUE(settled());
  const auto addresses = [&] {
    const auto shown = sink_.get(name("test."));
    const auto node = shown ? shown->node(wire::sort_key(name("a.test."))) : std::nullopt;
    const auto set = node ? node->find(RRType::A) : std::nullopt;
    return set ? set->size() : 0;
  };
  EXPECT_EQ(addresses(), 2U);
  // From nothing it is the same zone.
  publisher_->stop();
  std::filesystem::remove_all(folder_ / "zones");
  sink_.remove(name("test."));
  start();
  EXPECT_EQ(addresses(), 2U);
}

}  // namespace
}  // namespace onoma::publish
