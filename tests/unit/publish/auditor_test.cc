// The audit: every zone in turn, again and again; what it finds is told until it is well again.
#include "publish/auditor.h"

#include <set>

#include <gtest/gtest.h>

#include "base/metrics.h"
#include "wire/rdata.h"

namespace onoma::publish {
namespace {

using wire::Name;
using wire::RRset;
using wire::RRType;

zone::SnapshotPtr zone_of(const std::string& apex) {
  const auto owner = Name::parse(apex).value();
  zone::SnapshotBuilder builder(owner);
  RRset soa{.owner = owner, .type = RRType::SOA, .ttl = 300};
  soa.rdatas.push_back(
      wire::parse_rdata(RRType::SOA, "ns.example. admin.example. 7 1800 900 604800 300", Name()).value());
  RRset servers{.owner = owner, .type = RRType::NS, .ttl = 300};
  servers.rdatas.push_back(wire::parse_rdata(RRType::NS, "ns.example.", Name()).value());
  EXPECT_TRUE(builder.add(soa));
  EXPECT_TRUE(builder.add(servers));
  return builder.finish().value();
}

class AuditorTest : public testing::Test {
 protected:
  struct Work final : AuditWork {
    AuditorTest& test;
    Name zone;
    int slices = 3;
    Work(AuditorTest& owner, Name name) : test(owner), zone(std::move(name)) {}
    bool step(std::size_t) override { return --slices > 0; }
    zone::Verdict verdict() override {
      ++test.looked[zone];
      zone::Verdict out;
      if (test.bad.contains(zone)) {
        out.findings.push_back({.what = "RRSIG over www." + zone.text() + " A has expired", .fatal = true});
        out.total = 1;
      }
      return out;
    }
  };
  AuditorTest() {
    for (const char* apex : {"a.", "b.", "c."}) zones.push_back(zone_of(apex));
  }
  void pass(Duration time) {
    for (Duration gone{}; gone < time; gone += std::chrono::seconds{1}) {
      pool.run_ready();
      clock.advance(std::chrono::seconds{1});
    }
    pool.run_ready();
  }
  ManualClock clock{from_unix_seconds(1'790'000'000)};
  os::JobPool pool{{.threads = 0, .clock = &clock}};
  std::vector<zone::SnapshotPtr> zones;
  std::set<Name> bad;
  std::map<Name, int> looked;
  Auditor auditor{[this](std::size_t& cursor) -> zone::SnapshotPtr {
                    if (cursor < zones.size()) return zones[cursor++];
                    cursor = 0;
                    return nullptr;
                  },
                  [this](const zone::SnapshotPtr& zone, Time) {
                    return std::make_unique<Work>(*this, zone->facts().apex);
                  },
                  pool,
                  clock,
                  {.rest = std::chrono::minutes{10}, .first = std::chrono::seconds{5}}};
  const Name b = Name::parse("b.").value();
};

TEST_F(AuditorTest, LooksAtEveryZoneInEveryRound) {
  auditor.start();
  pass(std::chrono::seconds{4});
  EXPECT_TRUE(looked.empty()) << "not at once";
  pass(std::chrono::minutes{1});
  EXPECT_EQ(auditor.rounds(), 1U);
  pass(std::chrono::minutes{11});
  EXPECT_EQ(auditor.rounds(), 2U);
  for (const auto& [zone, times] : looked) EXPECT_EQ(times, 2) << zone.text();
  EXPECT_EQ(looked.size(), 3U);
}

TEST_F(AuditorTest, WhatItFindsIsToldUntilItIsWell) {
  bad = {b};
  auditor.start();
  pass(std::chrono::minutes{1});
  ASSERT_TRUE(auditor.problem(b));
  EXPECT_EQ(*auditor.problem(b), "audit of serial 7: RRSIG over www.b. A has expired");
  EXPECT_FALSE(auditor.problem(Name::parse("a.").value()));
  EXPECT_EQ(read(Metric::onoma_audit_problems), 1U);
  bad.clear();
  pass(std::chrono::minutes{11});
  EXPECT_FALSE(auditor.problem(b));
  EXPECT_EQ(read(Metric::onoma_audit_problems), 0U);
}

TEST_F(AuditorTest, AZoneThatIsGoneIsBlamedNoLonger) {
  bad = {b};
  auditor.start();
  pass(std::chrono::minutes{1});
  EXPECT_TRUE(auditor.problem(b));
  zones.erase(zones.begin() + 1);
  pass(std::chrono::minutes{11});
  EXPECT_FALSE(auditor.problem(b));
}

TEST_F(AuditorTest, HealthSaysSo) {
  HealthSource plain{.zone = [](const Name& zone) -> std::optional<ZoneHealth> {
                       return ZoneHealth{.zone = zone, .serial = 7, .audit = "passed"};
                     },
                     .summary = [] { return HealthSummary{.zones = 3}; }};
  const auto health = with_audit(plain, auditor);
  EXPECT_TRUE(healthy(health.summary()));
  bad = {b};
  auditor.start();
  pass(std::chrono::minutes{1});
  EXPECT_EQ(health.zone(b)->condition, ZoneCondition::failed_audit);
  EXPECT_NE(health.zone(b)->reason.find("has expired"), std::string::npos);
  EXPECT_EQ(health.zone(Name::parse("a.").value())->condition, ZoneCondition::ok);
  const auto summary = health.summary();
  EXPECT_EQ(summary.not_ok, 1U);
  ASSERT_EQ(summary.examples.size(), 1U);
  EXPECT_EQ(summary.examples[0].zone, b);
}

}  // namespace
}  // namespace onoma::publish
