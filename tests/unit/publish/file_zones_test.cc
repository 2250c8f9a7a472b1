// Zones from files: a bad file never takes a zone away, and a zone that never loaded is known as such.
#include "publish/file_zones.h"

#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

#include "gate/gate.h"

namespace onoma::publish {
namespace {

using wire::Name;

struct Table final : ZoneSink {
  std::map<Name, std::uint32_t> serials;  // 0: known, not loaded
  std::mutex mutex;
  void show(const zone::Version& version, zone::SnapshotPtr) override {
    std::scoped_lock lock(mutex);
    serials[version.zone] = version.serial;
  }
  void refused(const zone::Version&, const zone::Verdict&) override {}
  void remove(const Name& zone) override {
    std::scoped_lock lock(mutex);
    serials.erase(zone);
  }
  void not_loaded(const Name& zone) override {
    std::scoped_lock lock(mutex);
    serials.try_emplace(zone, 0U);
  }
};

class FileZonesTest : public testing::Test {
 protected:
  FileZonesTest() {
    file_ = std::filesystem::temp_directory_path() / ("onoma-file-zones-" + std::to_string(::getpid()));
  }
  ~FileZonesTest() override { std::filesystem::remove(file_); }
  void write(const std::string& text) { std::ofstream(file_, std::ios::trunc) << text; }
  void write_serial(int serial) {
    write("@ 300 IN SOA ns.example. admin.example. " + std::to_string(serial) +
          " 1800 900 604800 300\n@ 300 IN NS ns.example.\n");
  }

  const Name zone_ = Name::parse("test.").value();
  std::filesystem::path file_;
  Table table_;
  ManualClock clock_{from_unix_seconds(1'790'000'000)};
  FileZones zones_{
      [] { return gate::make_gate({.level = zone::GateLevel::structure, .require_signed = false}); }, table_,
      clock_};
};

TEST_F(FileZonesTest, AZoneThatDidNotLoadIsKnownAndAReloadMendsIt) {
  write("this is no zone\n");
  ASSERT_FALSE(zones_.add(zone_, file_));
  EXPECT_EQ(table_.serials, (std::map<Name, std::uint32_t>{{zone_, 0U}}));
  EXPECT_FALSE(zones_.status().front().problem.empty());
  write_serial(7);
  ASSERT_TRUE(zones_.reload(zone_));
  EXPECT_EQ(table_.serials.at(zone_), 7U);
  EXPECT_TRUE(zones_.status().front().problem.empty());
}

TEST_F(FileZonesTest, ABadFileKeepsTheZoneThatWasThere) {
  write_serial(7);
  ASSERT_TRUE(zones_.add(zone_, file_));
  write("this is no zone\n");
  EXPECT_FALSE(zones_.reload(zone_));
  EXPECT_EQ(table_.serials.at(zone_), 7U);
  EXPECT_FALSE(zones_.status().front().problem.empty());
  write_serial(8);
  ASSERT_TRUE(zones_.reload(zone_));
  EXPECT_EQ(table_.serials.at(zone_), 8U);
}

TEST_F(FileZonesTest, WhatWasRemovedIsUnknownUntilItIsAddedAgain) {
  write_serial(7);
  ASSERT_TRUE(zones_.add(zone_, file_));
  EXPECT_EQ(zones_.add(zone_, file_).error().code, Code::exists);
  ASSERT_TRUE(zones_.remove(zone_));
  EXPECT_TRUE(table_.serials.empty());
  EXPECT_EQ(zones_.remove(zone_).error().code, Code::not_found);
  EXPECT_EQ(zones_.reload(zone_).error().code, Code::not_found);
  EXPECT_TRUE(table_.serials.empty());
  ASSERT_TRUE(zones_.add(zone_, file_));
  EXPECT_EQ(table_.serials.at(zone_), 7U);
}

TEST_F(FileZonesTest, AListIsFollowedAndOtherOriginsStay) {
  write_serial(7);
  const auto by_hand = Name::parse("by-hand.").value();
  const auto one = Name::parse("one.").value();
  const auto two = Name::parse("two.").value();
  const auto three = Name::parse("three.").value();
  ASSERT_TRUE(zones_.add(by_hand, file_));
  const std::string file = file_;
  std::vector<ListedZone> list{{one, file}, {two, file}};
  EXPECT_EQ(zones_.follow(list, false, {.threads = 2}).added, 2U);
  list = {{two, file}, {three, "not there"}};
  const auto change = zones_.follow(list, false, {.threads = 2});
  EXPECT_EQ(change.added, 0U);
  EXPECT_EQ(change.removed, 1U);
  EXPECT_EQ(change.failed, 1U);
  ASSERT_EQ(change.problems.size(), 1U);
  EXPECT_EQ(change.problems.front().zone, three);
  EXPECT_EQ(table_.serials, (std::map<Name, std::uint32_t>{{by_hand, 7U}, {two, 7U}, {three, 0U}}));
}

TEST_F(FileZonesTest, OnlyWhatHasChangedIsReadAgain) {
  write_serial(7);
  const auto stamped = std::filesystem::last_write_time(file_) - std::chrono::seconds{10};
  std::filesystem::last_write_time(file_, stamped);
  ASSERT_TRUE(zones_.add(zone_, file_));
  auto change = zones_.refresh(false, {});
  EXPECT_EQ(change.unchanged, 1U);
  EXPECT_EQ(change.reloaded, 0U);
  EXPECT_EQ(zones_.refresh(true, {}).reloaded, 1U);
  write_serial(8);
  std::filesystem::last_write_time(file_, stamped + std::chrono::seconds{1});
  EXPECT_EQ(zones_.refresh(false, {}).reloaded, 1U);
  EXPECT_EQ(table_.serials.at(zone_), 8U);
}

TEST_F(FileZonesTest, HealthTellsWhatIsWrong) {
  EXPECT_FALSE(zones_.health(zone_));
  EXPECT_FALSE(healthy(zones_.summary())) << "a server without zones is not healthy";
  write("this is no zone\n");
  ASSERT_FALSE(zones_.add(zone_, file_));
  EXPECT_EQ(zones_.health(zone_)->condition, ZoneCondition::not_loaded);
  write_serial(7);
  ASSERT_TRUE(zones_.reload(zone_));
  EXPECT_EQ(zones_.health(zone_)->condition, ZoneCondition::ok);
  EXPECT_TRUE(healthy(zones_.summary()));
  clock_.advance(std::chrono::seconds{30});
  EXPECT_EQ(zones_.health(zone_)->age_s, 30);
  EXPECT_EQ(zones_.summary().oldest_age_s, 30);
  write_serial(6);
  ASSERT_FALSE(zones_.reload(zone_));
  EXPECT_EQ(zones_.health(zone_)->condition, ZoneCondition::failed_audit);
  EXPECT_TRUE(zones_.health(zone_)->stale);
  write("this is no zone\n");
  ASSERT_FALSE(zones_.reload(zone_));
  EXPECT_EQ(zones_.health(zone_)->condition, ZoneCondition::stale);
  EXPECT_EQ(zones_.summary().not_ok, 1U);
  zones_.set_damage_check([](wire::NameView) { return std::string("a page does not match its digest"); });
  EXPECT_EQ(zones_.health(zone_)->condition, ZoneCondition::failed_audit);
  EXPECT_EQ(zones_.health(zone_)->audit, "damaged");
}

TEST_F(FileZonesTest, AnAppliedChangeIsRememberedUntilTheFileIsReadAgain) {
  write_serial(7);
  ASSERT_TRUE(zones_.add(zone_, file_));
  const auto* soa = "test. 300 IN SOA ns.example. admin.example. {} 1800 900 604800 300\n";
  const auto line = [&](char sign, int serial) {
    std::string text(soa);
    return sign + text.replace(text.find("{}"), 2, std::to_string(serial));
  };
  const auto status = zones_.apply(zone_, line('-', 7) + line('+', 8) + "+www.test. 300 IN A 192.0.2.1\n");
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_TRUE(status->applied);
  EXPECT_EQ(zones_.applied(10), std::vector<Name>{zone_});
  EXPECT_FALSE(zones_.apply(zone_, line('-', 7) + line('+', 9)));
  EXPECT_EQ(table_.serials.at(zone_), 8U);
  write_serial(9);
  ASSERT_TRUE(zones_.reload(zone_));
  EXPECT_TRUE(zones_.applied(10).empty());
}

}  // namespace
}  // namespace onoma::publish
