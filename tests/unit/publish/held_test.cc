// The store of held versions: what it says it keeps is there after a restart; it is bounded; damage is told
// and left alone.
#include "publish/held.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/metrics.h"
#include "wire/rdata.h"

namespace onoma::publish {
namespace {

using wire::Name;
using wire::RRset;
using wire::RRType;

Name name(const char* text) {
  return Name::parse(text).value();
}

RRset set(const char* owner, RRType type, const char* data) {
  RRset out{.owner = name(owner), .type = type, .ttl = 300};
  out.rdatas.push_back(wire::parse_rdata(type, data, Name()).value());
  return out;
}

const Time kTime = from_unix_seconds(1'790'000'000);

class HeldStoreTest : public testing::Test {
 protected:
  HeldStoreTest() { std::filesystem::remove_all(folder_); }
  ~HeldStoreTest() override { std::filesystem::remove_all(folder_); }

  static HeldVersion version(const char* zone, std::uint32_t serial, HeldKind kind = HeldKind::held) {
    HeldVersion out;
    out.kind = kind;
    out.zone = name(zone);
    out.serial = serial;
    out.from_serial = serial - 1;
    out.first_event = 5;
    out.last_event = 7 + serial;
    out.at = kTime + std::chrono::seconds{serial};
    out.committed = kTime;
    out.reason = "too large: " + std::to_string(serial);
    out.rrsets = 1;
    out.unsigned_diff = true;
    out.expected = zone::Expected{.delegations = 3, .ds_sets = 1, .content = {}};
    out.diff = {.apex = out.zone, .from_serial = serial - 1, .to_serial = serial, .changes = {}};
    out.diff.changes.push_back(
        {name("a.test."), RRType::NS, set("a.test.", RRType::NS, "ns.example."), std::nullopt});
    return out;
  }
  static zone::SnapshotPtr snapshot(std::uint32_t serial) {
    zone::SnapshotBuilder builder(name("test."));
    const auto soa = "ns.example. admin.example. " + std::to_string(serial) + " 1800 900 604800 300";
    EXPECT_TRUE(builder.add(set("test.", RRType::SOA, soa.c_str())));
    EXPECT_TRUE(builder.add(set("test.", RRType::NS, "ns.example.")));
    EXPECT_TRUE(builder.add(set("a.test.", RRType::NS, "ns.example.")));
    return builder.finish().value();
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("onoma-held-" + std::to_string(::getpid()));
};

TEST_F(HeldStoreTest, WhatWasKeptIsThereAfterARestart) {
  const auto kept = version("test.", 12);
  {
    HeldStore store(folder_);
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(store.keep(kept));
    ASSERT_TRUE(store.keep(version("a.test.", 3, HeldKind::refused)));
  }
  HeldStore store(folder_);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.list().size(), 2U);
  EXPECT_EQ(read(Metric::onoma_versions_held), 1U) << "refused ones wait for nobody";
  const auto again = store.read(name("test."), 12);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->kind, kept.kind);
  EXPECT_EQ(again->reason, kept.reason);
  EXPECT_EQ(again->first_event, kept.first_event);
  EXPECT_EQ(again->last_event, kept.last_event);
  EXPECT_EQ(again->at, kept.at);
  EXPECT_EQ(again->expected->delegations, 3U);
  EXPECT_TRUE(again->unsigned_diff);
  EXPECT_EQ(again->diff.changes, kept.diff.changes);
  ASSERT_TRUE(store.drop(name("test."), 12));
  EXPECT_EQ(store.read(name("test."), 12).error().code, Code::not_found);
  HeldStore last(folder_);
  ASSERT_TRUE(last.open());
  EXPECT_TRUE(last.list(name("test.")).empty());
}

TEST_F(HeldStoreTest, RefusedOnesGoFirstAndHeldOnesNever) {
  HeldStore store(folder_, {.zone_entries = 4});
  for (std::uint32_t serial = 1; serial <= 3; ++serial)
    ASSERT_TRUE(store.keep(version("test.", serial, HeldKind::refused)));
  for (std::uint32_t serial = 10; serial <= 16; ++serial) ASSERT_TRUE(store.keep(version("test.", serial)));
  const auto all = store.list();
  EXPECT_EQ(all.size(), 7U);
  for (const auto& one : all) EXPECT_EQ(one.kind, HeldKind::held);
}

TEST_F(HeldStoreTest, TheSameRefusalIsKeptOnce) {
  HeldStore store(folder_);
  for (std::uint32_t serial = 1; serial <= 5; ++serial) {
    auto refused = version("test.", serial, HeldKind::refused);
    refused.last_event = 7;
    refused.reason = "the clock is wrong";
    ASSERT_TRUE(store.keep(refused));
  }
  ASSERT_EQ(store.list().size(), 1U);
  EXPECT_EQ(store.list().front().serial, 5U);
}

TEST_F(HeldStoreTest, ItIsBounded) {
  HeldStore store(folder_, {.all_octets = 1000});
  auto kept = store.keep(version("test.", 1));
  std::uint32_t serial = 1;
  while (kept && serial < 100) kept = store.keep(version("test.", ++serial));
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, Code::too_large);
  EXPECT_EQ(store.list().size(), serial - 1);
}

TEST_F(HeldStoreTest, ARefusedChangeThatIsTooLongIsKeptWithoutItsContent) {
  HeldStore store(folder_, {.diff_octets = 100});
  ASSERT_TRUE(store.keep(version("test.", 1, HeldKind::refused)));
  const auto kept = store.read(name("test."), 1);
  ASSERT_TRUE(kept);
  EXPECT_TRUE(kept->diff.empty());
  EXPECT_EQ(kept->rrsets, 1U);
}

TEST_F(HeldStoreTest, DamageIsNotListedAndNotRemoved) {
  {
    HeldStore store(folder_);
    ASSERT_TRUE(store.keep(version("test.", 1)));
    ASSERT_TRUE(store.keep(version("test.", 2)));
  }
  const auto file = folder_ / "test" / "1.held";
  auto content = [&] {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }();
  for (std::size_t at = 0; at < content.size(); at += 7) {
    auto bent = content;
    bent[at] = static_cast<char>(bent[at] ^ 1);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bent;
    HeldStore store(folder_);
    ASSERT_TRUE(store.open());
    ASSERT_EQ(store.list().size(), 1U) << "octet " << at;
    EXPECT_EQ(store.list().front().serial, 2U);
    EXPECT_TRUE(std::filesystem::exists(file));
  }
}

TEST_F(HeldStoreTest, HalfAWriteIsRemoved) {
  {
    HeldStore store(folder_);
    ASSERT_TRUE(store.keep(version("test.", 1)));
  }
  std::ofstream(folder_ / "test" / "2.held.new") << "half";
  HeldStore store(folder_);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.list().size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "test" / "2.held.new"));
}

TEST_F(HeldStoreTest, TheVersionThatIsServedComesBack) {
  {
    HeldStore store(folder_);
    EXPECT_EQ(store.base(name("test.")).value(), nullptr);
    ASSERT_TRUE(store.keep_base(*snapshot(7)));
    ASSERT_TRUE(store.keep_base(*snapshot(8)));
  }
  HeldStore store(folder_);
  ASSERT_TRUE(store.open());
  const auto base = store.base(name("test.")).value();
  ASSERT_TRUE(base);
  EXPECT_EQ(base->facts().serial, 8U);
  EXPECT_EQ(base->content_digest(), snapshot(8)->content_digest());
  store.drop_base(name("test."));
  EXPECT_EQ(store.base(name("test.")).value(), nullptr);
}

TEST_F(HeldStoreTest, StepsAreThoseOfTheNewestVersions) {
  {
    HeldStore store(folder_, {.zone_steps = 3});
    for (std::uint32_t serial = 2; serial <= 9; ++serial)
      ASSERT_TRUE(store.keep_step(version("test.", serial).diff));
  }
  HeldStore store(folder_, {.zone_steps = 3});
  ASSERT_TRUE(store.open());
  using Steps = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
  EXPECT_EQ(store.steps(name("test.")), (Steps{{6, 7}, {7, 8}, {8, 9}}));
  const auto step = store.step(name("test."), 7, 8);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->changes.size(), 1U);
  store.forget(name("test."));
  EXPECT_TRUE(store.steps(name("test.")).empty());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "test"));
}

TEST_F(HeldStoreTest, DecisionsAreWrittenDown) {
  HeldStore store(folder_);
  ASSERT_TRUE(store.note("approved", name("test."), 12, {.who = "ada", .reason = "\"ticket\" 1"}, kTime));
  ASSERT_TRUE(store.note("rejected", name("test."), 13, {.who = "bob", .reason = "no"}, kTime));
  std::ifstream in(folder_ / "@decisions.log");
  std::string first, second;
  std::getline(in, first);
  std::getline(in, second);
  EXPECT_NE(first.find(R"("who":"ada","reason":"\"ticket\" 1")"), std::string::npos) << first;
  EXPECT_NE(second.find(R"("serial":13)"), std::string::npos) << second;
}

TEST(ContentOf, LeavesOutWhatTheSignerMakes) {
  zone::Diff diff{.apex = name("test."), .from_serial = 1, .to_serial = 2, .changes = {}};
  auto before =
      set("a.test.", RRType::DS, "1 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF");
  before.signatures = {Bytes(40)};
  auto after = before;
  after.signatures = {Bytes(41)};
  diff.changes.push_back({before.owner, before.type, before, after});
  diff.changes.push_back({name("test."), RRType::SOA, std::nullopt,
                          set("test.", RRType::SOA, "ns.example. admin.example. 2 1800 900 604800 300")});
  diff.changes.push_back(
      {name("b.test."), RRType::NS, std::nullopt, set("b.test.", RRType::NS, "ns.example.")});
  const auto content = content_of(diff);
  ASSERT_EQ(content.changes.size(), 1U);
  EXPECT_EQ(content.changes[0].owner, name("b.test."));
}

}  // namespace
}  // namespace onoma::publish
