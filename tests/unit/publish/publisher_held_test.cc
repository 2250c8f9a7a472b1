// Versions of a registry's zone that wait for a person: everything behind them waits too, over restarts,
// until somebody decides.
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/guarded.h"
#include "gate/gate.h"
#include "gate/limits.h"
#include "publish/publisher.h"
#include "registry/registry.h"

namespace onoma::publish {
namespace {

using wire::Name;
using wire::RRType;

Name name(const std::string& text) {
  return Name::parse(text).value();
}

// Set by the test while zones' queues read it.
class SharedClock final : public Clock {
 public:
  Time now() const override { return from_unix_seconds(1'790'000'000) + gone_.load(); }
  Duration steady() const override { return gone_.load(); }
  void advance(Duration by) { gone_.store(gone_.load() + by); }

 private:
  std::atomic<Duration> gone_{Duration{}};
};

class Shown final : public ZoneSink {
 public:
  void show(const zone::Version&, zone::SnapshotPtr snapshot) override {
    zone_.with([&](auto& zone) { zone = std::move(snapshot); });
  }
  void refused(const zone::Version&, const zone::Verdict&) override {}
  void remove(const Name&) override {
    zone_.with([](auto& zone) { zone.reset(); });
  }
  zone::SnapshotPtr get() {
    return zone_.with([](auto& zone) { return zone; });
  }
  bool has(const std::string& domain) {
    const auto zone = get();
    return zone && zone->exists(wire::sort_key(name(domain)));
  }

 private:
  Guarded<zone::SnapshotPtr> zone_;
};

class HeldZone : public testing::Test {
 protected:
  HeldZone() {
    folder_ = std::filesystem::temp_directory_path() / ("onoma-held-zone-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    registry_ = registry::Registry::open({.store = {.path = folder_ / "r.sqlite"}}, clock_, rng_).value();
    registry_->set_commit_listener([this](std::uint64_t seq) {
      std::scoped_lock lock(mutex_);
      if (publisher_) publisher_->wake(seq);
    });
    EXPECT_TRUE(registry_->bootstrap_operator("operator").has_value());
    start();
    model::Tld tld{.name = zone_, .mname = name("ns.example."), .rname = name("admin.example.")};
    tld.apex = {{.type = RRType::NS, .ttl_s = 3600, .data = "ns.example."}};
    tld.serial = model::SerialPolicy::counter;
    tld.denial = model::DenialPolicy::unsigned_zone;
    tld.test_zone = true;
    run(model::TldCreate{tld});
    for (int i = 0; i < 10; ++i) make_domain("d" + std::to_string(i));
    EXPECT_TRUE(settled());
    before_ = sink_.get()->facts().serial;
  }
  ~HeldZone() override {
    publisher_->stop();
    registry_.reset();
    publisher_.reset();
    std::filesystem::remove_all(folder_);
  }
  // As after a crash: nothing but what is on disk.
  void start() {
    if (publisher_) publisher_->stop();
    store_ = std::make_unique<HeldStore>(folder_ / "held");
    ASSERT_TRUE(store_->open());
    auto next = std::make_unique<Publisher>(
        PublisherOptions{.folder = folder_ / "zones",
                         .limits = gate::make_limits({.least = 2, .additions = false}),
                         .held = store_.get()},
        *registry_,
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
    ASSERT_TRUE(publisher_->start().has_value());
  }
  void run(model::Command command) {
    const auto done =
        registry_->run(std::move(command), {.id = Id128::make(clock_.now(), rng_), .actor = "operator"});
    ASSERT_TRUE(done) << done.error().message;
    seq_ = done->seq;
  }
  void make_domain(const std::string& label) {
    run(model::DomainCreate{.name = label + ".test",
                            .name_servers = {"ns.example"},
                            .glue = {},
                            .ds = {},
                            .registrant = {},
                            .years = {}});
  }
  void undelegate(const std::string& label) {
    run(model::DomainUpdate{.name = label + ".test", .name_servers = std::vector<std::string>{}});
  }
  bool settled() { return publisher_->wait_for(seq_, std::chrono::seconds{20}); }
  // Takes names away until the limits hold what comes.
  void mass_deletion() {
    for (int i = 0; i < 6; ++i) undelegate("d" + std::to_string(i));
    ASSERT_TRUE(settled());
    ASSERT_EQ(state(), Sequencer::State::held);
    ASSERT_FALSE(store_->list(zone_).empty());
    held_ = store_->list(zone_).back().serial;
  }
  Sequencer::State state() { return publisher_->status().front().state; }
  std::string reason() { return publisher_->status().front().reason; }
  std::uint64_t delegations() { return sink_.get()->facts().delegations; }

  const Name zone_ = name("test.");
  const Decision by_{.who = "ada", .reason = "ticket 4711"};
  std::filesystem::path folder_;
  SharedClock clock_;
  SystemRng rng_;
  Shown sink_;
  os::JobPool pool_{{.threads = 1}};
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<HeldStore> store_;
  std::mutex mutex_;
  std::unique_ptr<Publisher> publisher_;
  std::uint64_t seq_ = 0;
  std::uint32_t before_ = 0, held_ = 0;
};

TEST_F(HeldZone, EverythingBehindItWaitsAndApprovalReleasesExactlyIt) {
  mass_deletion();
  const auto left = delegations();
  EXPECT_GE(left, 8U) << "no more than the limit went";
  EXPECT_NE(reason().find("waits for a person's consent"), std::string::npos) << reason();
  make_domain("later");
  ASSERT_TRUE(settled());
  EXPECT_FALSE(sink_.has("later.test.")) << "what comes later waits";
  clock_.advance(std::chrono::seconds{5});
  make_domain("later2");
  ASSERT_TRUE(settled());
  EXPECT_NE(reason().find("later events wait behind it"), std::string::npos) << reason();

  const auto shown = publisher_->approve(zone_, held_, by_);
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(publisher_->approve(zone_, held_, by_).error().code, Code::not_found);
  ASSERT_TRUE(publisher_->wait_for(seq_, std::chrono::seconds{20}));
  make_domain("last");
  ASSERT_TRUE(settled());
  // Names that were taken away behind the held version are one or several changes of their own.
  while (state() == Sequencer::State::held) {
    ASSERT_TRUE(publisher_->approve(zone_, store_->list(zone_).back().serial, by_));
    make_domain("again" + std::to_string(seq_));
    ASSERT_TRUE(settled());
  }
  EXPECT_TRUE(sink_.has("later.test."));
  EXPECT_TRUE(sink_.has("later2.test."));
  EXPECT_FALSE(sink_.has("d0.test."));
}

TEST_F(HeldZone, ItIsStillHeldAfterARestart) {
  mass_deletion();
  const auto left = delegations();
  start();
  EXPECT_EQ(state(), Sequencer::State::held);
  EXPECT_EQ(delegations(), left);
  make_domain("later");
  ASSERT_TRUE(settled());
  EXPECT_FALSE(sink_.has("later.test."));
  ASSERT_TRUE(publisher_->approve(zone_, held_, by_));
  EXPECT_LT(delegations(), left);
}

TEST_F(HeldZone, ItIsVoidWhenTheRegistryHasUndoneIt) {
  mass_deletion();
  const auto left = delegations();
  for (int i = 0; i < 6; ++i) {
    if (sink_.has("d" + std::to_string(i) + ".test."))
      run(model::DomainUpdate{.name = "d" + std::to_string(i) + ".test",
                              .name_servers = std::vector<std::string>{"ns.example"}});
  }
  clock_.advance(std::chrono::seconds{5});
  make_domain("later");
  ASSERT_TRUE(settled());
  // The source asks for "later" alone now; the held version is looked at again, rejected here by hand.
  if (state() == Sequencer::State::held) {
    ASSERT_TRUE(publisher_->reject(zone_, held_, by_));
  }
  make_domain("later2");
  ASSERT_TRUE(settled());
  EXPECT_TRUE(sink_.has("later.test."));
  EXPECT_EQ(delegations(), left + 2);
  EXPECT_TRUE(store_->list(zone_).empty());
}

TEST_F(HeldZone, WhatIsRejectedAndStillWantedIsHeldAgain) {
  mass_deletion();
  const auto left = delegations();
  ASSERT_TRUE(publisher_->reject(zone_, held_, by_));
  make_domain("later");
  ASSERT_TRUE(settled());
  EXPECT_EQ(state(), Sequencer::State::held);
  EXPECT_EQ(delegations(), left);
}

TEST_F(HeldZone, AnAnnouncedJobIsNotHeld) {
  ASSERT_TRUE(publisher_->announce(
      zone_,
      {.removes = 6, .until = clock_.now() + std::chrono::hours{1}, .who = "ada", .reason = "clean-up"}));
  for (int i = 0; i < 6; ++i) undelegate("d" + std::to_string(i));
  ASSERT_TRUE(settled());
  EXPECT_EQ(delegations(), 4U);
  EXPECT_EQ(state(), Sequencer::State::idle);
  // It is used up: two more are within the limits, a third is not.
  for (int i = 6; i < 9; ++i) undelegate("d" + std::to_string(i));
  ASSERT_TRUE(settled());
  EXPECT_EQ(state(), Sequencer::State::held);
}

TEST_F(HeldZone, RollBackFreezesTheZoneUntilItIsApproved) {
  undelegate("d0");
  ASSERT_TRUE(settled());
  undelegate("d1");
  ASSERT_TRUE(settled());
  ASSERT_EQ(delegations(), 8U);
  const auto bad = publisher_->roll_back(zone_, 4'000'000'000U, by_);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::not_found);

  const auto back = publisher_->roll_back(zone_, before_, by_);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(delegations(), 10U);
  EXPECT_EQ(sink_.get()->facts().serial, back->serial);
  EXPECT_GT(back->serial, before_ + 2);
  make_domain("later");
  ASSERT_TRUE(settled());
  EXPECT_FALSE(sink_.has("later.test."));
  EXPECT_FALSE(publisher_->reject(zone_, back->serial, by_)) << "what is shown cannot be rejected";

  start();
  EXPECT_EQ(state(), Sequencer::State::held);
  EXPECT_EQ(delegations(), 10U);
  make_domain("later2");
  ASSERT_TRUE(settled());
  EXPECT_FALSE(sink_.has("later2.test."));

  ASSERT_TRUE(publisher_->approve(zone_, back->serial, by_));
  EXPECT_EQ(delegations(), 10U);  // 8 and the two that came later
  EXPECT_TRUE(sink_.has("later.test."));
  EXPECT_FALSE(sink_.has("d0.test."));
  EXPECT_EQ(state(), Sequencer::State::idle);
  make_domain("last");
  ASSERT_TRUE(settled());
  EXPECT_TRUE(sink_.has("last.test."));
}

}  // namespace
}  // namespace onoma::publish
