#include "transfer/history.h"

#include "support.h"

namespace onoma::transfer {
namespace {

using test::name;
using test::snapshot_of;
using test::zone_text;

std::multiset<std::string> lines_of(const RecordList& list) {
  std::multiset<std::string> out;
  for (std::size_t at = 0; at < list.octets();) {
    const auto record = list.read(at);
    out.insert(test::line_of(record.owner, record.type, record.ttl, record.rdata));
  }
  return out;
}
using Lines = std::multiset<std::string>;

// Versions of a zone and the changes between them.
struct Versions {
  std::vector<zone::SnapshotPtr> all;
  History history;
  explicit Versions(const std::vector<std::string>& texts, HistoryLimits limits = {}) : history(limits) {
    for (const auto& text : texts) show(snapshot_of(text));
  }
  void show(zone::SnapshotPtr next) {
    if (!all.empty()) history.add(name("example."), zone::difference(*all.back(), *next));
    all.push_back(std::move(next));
  }
  std::vector<HistoryStepPtr> steps(std::uint32_t from) {
    return history.steps(name("Example."), from, *all.back());
  }
};

TEST(History, AStepHasWhatChangedRecordByRecord) {
  Versions v({zone_text(1, 1, "a A 192.0.2.1\na A 192.0.2.2\nb TXT \"x\"\n"),
              zone_text(2, 1, "a A 192.0.2.2\na A 192.0.2.3\nb 60 TXT \"x\"\n")});
  const auto steps = v.steps(1);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0]->from, 1U);
  EXPECT_EQ(steps[0]->to, 2U);
  EXPECT_EQ(lines_of(steps[0]->removed), (Lines{"a.example. 3600 A 192.0.2.1", "b.example. 3600 TXT \"x\""}));
  EXPECT_EQ(lines_of(steps[0]->added), (Lines{"a.example. 3600 A 192.0.2.3", "b.example. 60 TXT \"x\""}));
  EXPECT_EQ(steps[0]->soas.size(), 2U);
}

TEST(History, StepsAreCondensed) {
  Versions v({zone_text(1, 0), zone_text(2, 0, "a A 192.0.2.1\nb A 192.0.2.1\n"),
              zone_text(3, 0, "b A 192.0.2.1\nc A 192.0.2.1\n"),
              zone_text(4, 0, "b A 192.0.2.9\nc A 192.0.2.1\n")});
  const auto steps = v.steps(1);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0]->from, 1U);
  EXPECT_EQ(steps[0]->to, 4U);
  EXPECT_EQ(lines_of(steps[0]->removed), Lines{}) << "a came and went";
  EXPECT_EQ(lines_of(steps[0]->added), (Lines{"b.example. 3600 A 192.0.2.9", "c.example. 3600 A 192.0.2.1"}));
  const auto later = v.steps(2);
  ASSERT_EQ(later.size(), 1U);
  EXPECT_EQ(lines_of(later[0]->removed),
            (Lines{"a.example. 3600 A 192.0.2.1", "b.example. 3600 A 192.0.2.1"}));
  EXPECT_EQ(v.steps(1)[0], v.steps(1)[0]) << "made once for many secondaries";
}

TEST(History, AboveItsLimitStepsStayApart) {
  Versions v({zone_text(1, 0), zone_text(2, 1), zone_text(3, 2)}, {.condense_max = 5});
  const auto steps = v.steps(1);
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0]->to, steps[1]->from);
}

TEST(History, KnowsNoWayFromOtherSerials) {
  Versions v({zone_text(5, 0), zone_text(6, 1)});
  EXPECT_TRUE(v.steps(4).empty());
  EXPECT_TRUE(v.steps(6).empty());
  EXPECT_TRUE(v.history.steps(name("other."), 5, *v.all.back()).empty());
  v.history.forget(name("example."));
  EXPECT_TRUE(v.steps(5).empty());
  EXPECT_EQ(v.history.octets(), 0U);
}

TEST(History, EndsAtTheVersionThatIsServedNotAtTheNewest) {
  Versions v({zone_text(1, 0), zone_text(2, 1), zone_text(3, 2)});
  const auto steps = v.history.steps(name("example."), 1, *v.all[1]);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0]->to, 2U);
}

TEST(History, ASerialThatDoesNotFollowEndsIt) {
  Versions v({zone_text(1, 0), zone_text(2, 1), zone_text(1, 2), zone_text(7, 3)});
  EXPECT_TRUE(v.steps(2).empty());
  EXPECT_EQ(v.steps(1).size(), 1U) << "from the older serial that was shown last";
  zone::Diff gap = zone::difference(*snapshot_of(zone_text(20, 1)), *snapshot_of(zone_text(21, 2)));
  v.history.add(name("example."), gap);
  EXPECT_TRUE(v.steps(1).empty());
}

TEST(History, SerialsWrapAround) {
  Versions v({zone_text(4294967295, 0), zone_text(3, 1)});
  ASSERT_EQ(v.steps(4294967295).size(), 1U);
}

TEST(History, IsBoundedByVersions) {
  std::vector<std::string> texts;
  for (std::uint32_t i = 1; i <= 10; ++i) texts.push_back(zone_text(i, i));
  Versions v(texts, {.versions = 3});
  EXPECT_TRUE(v.steps(6).empty());
  EXPECT_FALSE(v.steps(7).empty());
}

TEST(History, IsBoundedByOctetsOfTheZoneAndOfAll) {
  std::vector<std::string> texts;
  for (std::uint32_t i = 1; i <= 20; ++i) texts.push_back(zone_text(i, i));
  Versions v(texts, {.octets = 2000});
  EXPECT_LE(v.history.octets(), 2000U);
  EXPECT_TRUE(v.steps(1).empty());
  EXPECT_FALSE(v.steps(19).empty());
  Versions all(texts, {.octets_total = 1500});
  EXPECT_LE(all.history.octets(), 1500U);
  EXPECT_FALSE(all.steps(19).empty());
  Versions none(texts, {.octets = 100});
  EXPECT_EQ(none.history.octets(), 0U);
}

TEST(History, AChangeOfMostOfTheZoneIsNoGain) {
  const auto many = zone_text(1, 50);
  auto other = zone_text(2, 50);
  for (auto at = other.find("192.0.2.2\n"); at != std::string::npos; at = other.find("192.0.2.2\n"))
    other.replace(at, 9, "192.0.2.7");
  Versions v({many, other}, {.share_from = 10});
  EXPECT_TRUE(v.steps(1).empty());
  Versions small({many, other});
  EXPECT_FALSE(small.steps(1).empty()) << "a small zone's changes are always cheap";
}

TEST(History, AFirstVersionIsNoStep) {
  zone::Diff first;
  first.apex = name("example.");
  for (auto& set : zone::copy_sets(*snapshot_of(zone_text(1, 1))))
    first.changes.push_back({.owner = set.owner, .type = set.type, .before = std::nullopt, .after = set});
  EXPECT_EQ(step_of(first), nullptr);
  EXPECT_EQ(step_of({}), nullptr);
}

}  // namespace
}  // namespace onoma::transfer
