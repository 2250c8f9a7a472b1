// Zones from primaries, as they are kept: shown at once after a restart, expired in time, never replaced by
// what the gate refuses.
#include "publish/secondary_zones.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "gate/gate.h"
#include "zone/load.h"

namespace onoma::publish {
namespace {

using std::chrono::seconds;

class Sink final : public ZoneSink {
 public:
  void show(const zone::Version&, zone::SnapshotPtr snapshot) override { shown = std::move(snapshot); }
  void refused(const zone::Version&, const zone::Verdict&) override { ++refusals; }
  void remove(const wire::Name&) override { shown.reset(); }
  void not_loaded(const wire::Name&) override { ++empty; }
  void expired(const wire::Name&) override {
    shown.reset();
    ++expiries;
  }
  void moved(const zone::SnapshotPtr& snapshot) override { shown = snapshot; }
  zone::SnapshotPtr shown;
  int refusals = 0, empty = 0, expiries = 0;
};

class SecondaryZonesTest : public testing::Test {
 protected:
  SecondaryZonesTest() {
    static int count = 0;
    folder = (std::filesystem::temp_directory_path() /
              ("onoma-secondary-" + std::to_string(::getpid()) + "-" + std::to_string(count++)))
                 .string();
    std::filesystem::create_directories(folder);
    begin();
  }
  ~SecondaryZonesTest() override {
    zones.reset();
    std::filesystem::remove_all(folder);
  }

  // As after a start of the program.
  void begin() {
    zones.reset();
    sink = Sink();
    zones = std::make_unique<SecondaryZones>(
        folder, [] { return gate::make_gate({.foreign = true, .require_signed = false}); }, sink, pool,
        clock);
  }
  std::optional<Time> open() {
    auto opened = zones->open(name);
    EXPECT_TRUE(opened.has_value()) << (opened ? "" : opened.error().message);
    return opened ? *opened : std::nullopt;
  }
  zone::SnapshotPtr version(std::uint32_t serial, const std::string& more = {}) {
    wire::ZoneFileOptions options;
    options.origin = name;
    std::vector<std::string> warnings;
    return *zone::load_zone_text("@ 60 SOA ns host " + std::to_string(serial) +
                                     " 1800 900 1000 300\n@ 60 NS ns\nns 60 A 192.0.2.1\n" + more,
                                 options, warnings);
  }
  Result<void> offer(zone::SnapshotPtr next, std::optional<zone::Diff> diff = std::nullopt) {
    Result<void> out;
    zones->offer(name, std::move(next), std::move(diff),
                 [&](Result<void> result) { out = std::move(result); });
    zones->settle(name);
    return out;
  }
  void confirm(seconds until) {
    zones->confirmed(name, clock.now() + until);
    zones->settle(name);
  }
  std::uint32_t shown() const { return sink.shown ? sink.shown->facts().serial : 0; }

  const wire::Name name = *wire::Name::parse("example.");
  std::string folder;
  ManualClock clock{from_unix_seconds(1'800'000'000)};
  os::JobPool pool{{.threads = 1, .name = "test"}};
  Sink sink;
  std::unique_ptr<SecondaryZones> zones;
};

TEST_F(SecondaryZonesTest, NothingIsThereAtFirst) {
  EXPECT_EQ(open(), std::nullopt);
  EXPECT_EQ(sink.empty, 1);
  EXPECT_EQ(zones->current(name), nullptr);
  EXPECT_EQ(zones->health(name)->condition, ZoneCondition::not_loaded);
  EXPECT_EQ(zones->open(name).error().code, Code::exists);
}

TEST_F(SecondaryZonesTest, VersionsAreShownAndKept) {
  open();
  ASSERT_TRUE(offer(version(5)));
  confirm(seconds{1000});
  ASSERT_TRUE(offer(version(6, "a 60 A 192.0.2.2\n")));
  confirm(seconds{900});
  EXPECT_EQ(shown(), 6U);
  const auto health = *zones->health(name);
  EXPECT_EQ(health.condition, ZoneCondition::ok);
  EXPECT_EQ(health.expires_in_s, 900);
  begin();
  EXPECT_EQ(open(), clock.now() + seconds{900});
  EXPECT_EQ(shown(), 6U);
  EXPECT_TRUE(sink.shown->node(wire::sort_key(*wire::Name::parse("a.example."))).has_value());
}

TEST_F(SecondaryZonesTest, ARestartKeepsTheTimeOfExpiry) {
  open();
  ASSERT_TRUE(offer(version(5)));
  confirm(seconds{100});
  clock.advance(seconds{101});
  begin();
  EXPECT_LT(*open(), clock.now());
  EXPECT_EQ(shown(), 0U);
  EXPECT_EQ(sink.expiries, 1);
  EXPECT_EQ(zones->health(name)->condition, ZoneCondition::expired);
  // What is there is still there: a confirmation is enough.
  confirm(seconds{50});
  EXPECT_EQ(shown(), 5U);
  EXPECT_EQ(zones->health(name)->condition, ZoneCondition::ok);
}

TEST_F(SecondaryZonesTest, WithoutAWordOnItsExpiryTheSoaCounts) {
  open();
  ASSERT_TRUE(offer(version(5)));  // killed before anything was confirmed
  begin();
  EXPECT_EQ(open(), clock.now() + seconds{1000});
  confirm(seconds{10});
  for (const std::string_view damage :
       {"", "onoma secondary 1\nserial 5\nexpires", "onoma secondary 2\n", "x"}) {
    std::ofstream(folder + "/example.expiry") << damage;
    begin();
    EXPECT_EQ(open(), clock.now() + seconds{1000}) << damage;
    EXPECT_EQ(shown(), 5U);
  }
}

TEST_F(SecondaryZonesTest, ExpiryEndsTheZoneUntilAVersionComes) {
  open();
  ASSERT_TRUE(offer(version(5)));
  confirm(seconds{10});
  clock.advance(seconds{11});
  zones->expired(name);
  zones->settle(name);
  EXPECT_EQ(shown(), 0U);
  ASSERT_TRUE(offer(version(6)));
  EXPECT_EQ(shown(), 6U);
}

TEST_F(SecondaryZonesTest, WhatTheGateRefusesIsNotShown) {
  open();
  ASSERT_TRUE(offer(version(5)));
  // Changes that take the name servers away.
  zone::Diff diff{.apex = name, .from_serial = 5, .to_serial = 6, .changes = {}};
  const auto before = version(5), after = version(6);
  diff.changes.push_back({name, wire::RRType::SOA, before->apex().find(wire::RRType::SOA)->copy(name),
                          after->apex().find(wire::RRType::SOA)->copy(name)});
  diff.changes.push_back(
      {name, wire::RRType::NS, before->apex().find(wire::RRType::NS)->copy(name), std::nullopt});
  diff.sort();
  const auto next = zones->current(name)->apply(diff);
  ASSERT_TRUE(next.has_value()) << next.error().message;
  const auto refused = offer(*next, diff);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::gate_refused);
  EXPECT_EQ(shown(), 5U);
  EXPECT_EQ(sink.refusals, 1);
  zones->note(name, refused.error().message);
  EXPECT_EQ(zones->health(name)->condition, ZoneCondition::failed_audit);
  EXPECT_EQ(zones->health(name)->audit, "refused");
  ASSERT_TRUE(offer(version(7)));
  zones->note(name, "");
  EXPECT_EQ(zones->health(name)->condition, ZoneCondition::ok);
}

TEST_F(SecondaryZonesTest, ADamagedJournalIsSetAside) {
  open();
  ASSERT_TRUE(offer(version(5)));
  ASSERT_TRUE(offer(version(6)));
  const auto path = folder + "/example.journal";
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(40);
  file.put('\x55').put('\x55').put('\x55');
  file.close();
  begin();
  EXPECT_EQ(open(), std::nullopt);
  EXPECT_EQ(shown(), 0U);
  EXPECT_TRUE(std::filesystem::exists(path + ".damaged"));
  ASSERT_TRUE(offer(version(7)));
  begin();
  EXPECT_TRUE(open().has_value());
  EXPECT_EQ(shown(), 7U);
}

TEST_F(SecondaryZonesTest, SerialZeroIsASerial) {
  open();
  ASSERT_TRUE(offer(version(0xffffffffU)));
  ASSERT_TRUE(offer(version(0, "a 60 A 192.0.2.2\n")));
  begin();
  EXPECT_TRUE(open().has_value());
  ASSERT_TRUE(sink.shown);
  EXPECT_EQ(shown(), 0U);
  ASSERT_TRUE(offer(version(1)));
  begin();
  open();
  EXPECT_EQ(shown(), 1U);
  EXPECT_FALSE(sink.shown->node(wire::sort_key(*wire::Name::parse("a.example."))).has_value());
}

}  // namespace
}  // namespace onoma::publish
