// Zones from files whose newest version is not served: what was served comes back after a restart, and a way
// back is kept.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "gate/gate.h"
#include "gate/limits.h"
#include "publish/file_zones.h"

namespace onoma::publish {
namespace {

using wire::Name;

struct Table final : ZoneSink {
  zone::SnapshotPtr now;
  void show(const zone::Version&, zone::SnapshotPtr snapshot) override { now = std::move(snapshot); }
  void refused(const zone::Version&, const zone::Verdict&) override {}
  void remove(const Name&) override { now.reset(); }
};

class HeldFile : public testing::Test {
 protected:
  HeldFile() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    restart();
    write(1, 200);
    EXPECT_TRUE(zones_->add(zone_, file_.string()));
  }
  ~HeldFile() override { std::filesystem::remove_all(folder_); }
  void restart() {
    zones_.reset();
    table_.now.reset();
    store_ = std::make_unique<HeldStore>(folder_ / "held");
    ASSERT_TRUE(store_->open());
    zones_ = std::make_unique<FileZones>(
        [] { return gate::make_gate({.level = zone::GateLevel::structure, .require_signed = false}); },
        table_, clock_);
    zones_->use_limits(gate::make_limits({.apex = false}), store_.get());
  }
  void load_again() { static_cast<void>(zones_->add(zone_, file_.string())); }
  void write(int serial, int delegations) {
    std::string text = "@ 300 IN SOA ns.example. admin.example. " + std::to_string(serial) +
                       " 1800 900 604800 300\n@ 300 IN NS ns.example.\n";
    for (int i = 0; i < delegations; ++i) text += "d" + std::to_string(i) + " 300 IN NS ns.example.\n";
    write(text);
  }
  void write(const std::string& text) { std::ofstream(file_, std::ios::trunc) << text; }
  void expect_served(std::uint32_t serial, std::uint64_t delegations) {
    ASSERT_TRUE(table_.now);
    EXPECT_EQ(table_.now->facts().serial, serial);
    EXPECT_EQ(table_.now->facts().delegations, delegations);
  }

  const Name zone_ = Name::parse("test.").value();
  const Decision by_{.who = "ada", .reason = "ticket 4711"};
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("onoma-held-file-" + std::to_string(::getpid()));
  const std::filesystem::path file_ = folder_ / "test.zone";
  ManualClock clock_{from_unix_seconds(1'790'000'000)};
  Table table_;
  std::unique_ptr<HeldStore> store_;
  std::unique_ptr<FileZones> zones_;
};

TEST_F(HeldFile, HalfOfTheNamesGoneIsHeldAlsoOverARestart) {
  write(2, 100);
  EXPECT_EQ(zones_->reload(zone_).error().code, Code::gate_refused);
  expect_served(1, 200);
  for (int i = 0; i < 2; ++i) {
    restart();
    load_again();
    expect_served(1, 200);
    ASSERT_EQ(store_->list().size(), 1U);
    EXPECT_EQ(store_->list().front().kind, HeldKind::held);
  }
  ASSERT_TRUE(zones_->approve(zone_, 2, by_));
  expect_served(2, 100);
  EXPECT_TRUE(store_->list().empty());
  EXPECT_TRUE(zones_->status(zone_)->problem.empty());
  restart();
  load_again();
  expect_served(2, 100);
}

TEST_F(HeldFile, ALaterFileThatIsWithinTheLimitsIsTaken) {
  write(2, 100);
  EXPECT_FALSE(zones_->reload(zone_));
  write(3, 199);
  ASSERT_TRUE(zones_->reload(zone_));
  expect_served(3, 199);
  EXPECT_TRUE(store_->list().empty()) << "what was held is void";
}

TEST_F(HeldFile, AChangeByCommandWaitsForTheDecision) {
  write(2, 100);
  EXPECT_FALSE(zones_->reload(zone_));
  const std::string change =
      "-@ 300 SOA ns.example. admin.example. 1 1800 900 604800 300\n"
      "+@ 300 SOA ns.example. admin.example. 5 1800 900 604800 300\n+x 300 NS ns.example.\n";
  EXPECT_EQ(zones_->apply(zone_, change).error().code, Code::status_prohibits);
  ASSERT_TRUE(zones_->reject(zone_, 2, by_));
  EXPECT_TRUE(zones_->apply(zone_, change));
  expect_served(5, 201);
}

TEST_F(HeldFile, SmallStepsAddUpWithinTheHour) {
  int serial = 1, left = 200;
  for (; left > 150; left -= 25) {
    write(++serial, left - 25);
    ASSERT_TRUE(zones_->reload(zone_)) << left;
  }
  write(++serial, left - 25);
  EXPECT_EQ(zones_->reload(zone_).error().code, Code::gate_refused);
  expect_served(static_cast<std::uint32_t>(serial) - 1, 150);
  clock_.advance(std::chrono::hours{1});
  ASSERT_TRUE(zones_->reload(zone_));
  expect_served(static_cast<std::uint32_t>(serial), 125);
}

TEST_F(HeldFile, WhatIsAnnouncedIsNotHeld) {
  ASSERT_TRUE(zones_->announce(zone_, {.removes = 100, .until = clock_.now() + std::chrono::hours{1}}));
  write(2, 100);
  ASSERT_TRUE(zones_->reload(zone_));
  write(3, 40);
  EXPECT_FALSE(zones_->reload(zone_)) << "used up";
}

// 27 July 2026: for three hours the published .gov zone was one line of JSON.
TEST_F(HeldFile, AnErrorMessageInsteadOfAZoneChangesNothing) {
  write(R"({"success":false,"errors":[{"code":10000,"message":"Authentication error"}]})"
        "\n");
  EXPECT_FALSE(zones_->reload(zone_));
  expect_served(1, 200);
  ASSERT_EQ(store_->list().size(), 1U);
  EXPECT_EQ(store_->list().front().kind, HeldKind::refused);
  EXPECT_NE(store_->list().front().reason.find("test.zone:1"), std::string::npos)
      << store_->list().front().reason;
  EXPECT_EQ(zones_->approve(zone_, 0, by_).error().code, Code::gate_refused);
  restart();
  load_again();
  expect_served(1, 200);
  write(2, 200);
  ASSERT_TRUE(zones_->reload(zone_));
  expect_served(2, 200);
}

TEST_F(HeldFile, RollBackStaysUntilTheFileIsNewer) {
  for (int serial = 2; serial <= 4; ++serial) {
    write(serial, 200 - serial);
    ASSERT_TRUE(zones_->reload(zone_));
  }
  EXPECT_EQ(zones_->roll_back(zone_, 77, by_).error().code, Code::not_found);
  const auto back = zones_->roll_back(zone_, 2, by_);
  ASSERT_TRUE(back) << back.error().message;
  expect_served(5, 198);
  restart();
  load_again();
  expect_served(5, 198);
  // From what was gone back to, one can go on, and back again.
  write(6, 190);
  ASSERT_TRUE(zones_->reload(zone_));
  expect_served(6, 190);
  ASSERT_TRUE(zones_->roll_back(zone_, 4, by_));
  expect_served(7, 196);
}

TEST_F(HeldFile, ASignedZoneCannotBeGivenANewSerial) {
  // One signature is enough to make it somebody else's to sign.
  write(
      "@ 300 IN SOA ns.example. admin.example. 2 1800 900 604800 300\n@ 300 IN NS ns.example.\n"
      "@ 300 IN RRSIG NS 13 1 300 20260930000000 20260901000000 1 test. AAAA\n");
  static_cast<void>(zones_->remove(zone_));
  ASSERT_TRUE(zones_->add(zone_, file_.string()));
  write(
      "@ 300 IN SOA ns.example. admin.example. 3 1800 900 604800 300\n@ 300 IN NS ns.example.\n"
      "@ 300 IN RRSIG NS 13 1 300 20260930000000 20260901000000 1 test. AAAA\nx 300 IN A 192.0.2.1\n");
  ASSERT_TRUE(zones_->reload(zone_));
  EXPECT_EQ(zones_->roll_back(zone_, 2, by_).error().code, Code::unsupported);
}

}  // namespace
}  // namespace onoma::publish
