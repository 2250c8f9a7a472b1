// The limits on change: what counts, how much is too much, in one version and in an hour, and what is
// announced.
#include "gate/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/gate/support.h"

namespace onoma::gate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LimitsTest : public ::testing::Test {
 protected:
  static Sets zone_of(int delegations) {
    Maker maker;
    maker.add("@ 3600 NS ns.example.");
    maker.add("www 300 A 192.0.2.1");
    for (int i = 0; i < delegations; ++i) maker.add("d" + std::to_string(i) + " 3600 NS ns.example.");
    return maker.signed_sets();
  }
  static Bytes octets_of(std::string_view text) {
    const auto owner = name(text);
    const auto wire = owner.wire();
    return {wire.begin(), wire.end()};
  }
  // What leads from one to the other, counted.
  static zone::ChangeCount count(const Sets& from, const Sets& to, const LimitOptions& options = {}) {
    const auto bent = bend_from(build(name("tld."), from), from, to);
    return make_limits(options)->count(*bent.before, bent.diff);
  }
  static std::vector<std::string> judge(int delegations, const zone::ChangeCount& step,
                                        const zone::ChangeCount& recent = {},
                                        const LimitOptions& options = {}) {
    Maker maker;
    maker.add("@ 3600 NS ns.example.");
    for (int i = 0; i < delegations; ++i) maker.add("d" + std::to_string(i) + " 3600 NS ns.example.");
    maker.content[name("tld.")][RRType::SOA] = maker.signed_sets()[name("tld.")][RRType::SOA];
    return make_limits(options)->exceeded(*build(name("tld."), maker.content), step, recent);
  }
};

TEST_F(LimitsTest, DelegationsAreCountedAsTheyComeGoAndChange) {
  const auto from = zone_of(5);
  auto to = zone_of(6);
  to.erase(name("d0.tld."));
  to[name("d1.tld.")][RRType::NS].rdatas = {octets_of("ns.elsewhere.")};
  EXPECT_EQ(count(from, to), (zone::ChangeCount{.added = 1, .removed = 1, .changed = 1}));
}

TEST_F(LimitsTest, NewSignaturesAndTtlsAreNoChange) {
  const auto from = zone_of(3);
  auto to = zone_of(3);
  for (auto& [owner, types] : to)
    for (auto& [type, set] : types) set.ttl += 60;
  EXPECT_EQ(count(from, to), zone::ChangeCount{});
}

TEST_F(LimitsTest, NamesThatHoldNothingAnyMoreAreGone) {
  const auto from = zone_of(1);
  auto to = from;
  to[name("www.tld.")].erase(RRType::A);
  EXPECT_EQ(count(from, to).gone, 1U);
  to[name("www.tld.")] = from.at(name("www.tld."));
  to[name("www.tld.")].erase(RRType::A);
  to[name("www.tld.")][RRType::TXT] = {
      .owner = name("www.tld."), .type = RRType::TXT, .ttl = 60, .rdatas = {{1, 'x'}}};
  EXPECT_EQ(count(from, to).gone, 0U) << "it holds something else";
}

TEST_F(LimitsTest, TheApexIsSeen) {
  const auto from = zone_of(1);
  auto to = from;
  auto& servers = to[name("tld.")][RRType::NS];
  servers.rdatas = {octets_of("ns.elsewhere.")};
  EXPECT_TRUE(count(from, to).apex_ns);
  EXPECT_FALSE(count(from, to).apex_keys);
  to = from;
  to[name("tld.")][RRType::DNSKEY].rdatas.pop_back();
  EXPECT_TRUE(count(from, to).apex_keys);
  EXPECT_THAT(judge(1, {.apex_ns = true}), ElementsAre(HasSubstr("NS set of the apex tld.")));
  EXPECT_THAT(judge(1, {.apex_keys = true}), ElementsAre(HasSubstr("DNSKEY set of tld.")));
  EXPECT_THAT(judge(1, {.apex_ns = true, .apex_keys = true}, {}, {.apex = false}), IsEmpty());
}

TEST_F(LimitsTest, FiftyOrOnePercentWhicheverIsMore) {
  EXPECT_THAT(judge(100, {.removed = 50}), IsEmpty());
  EXPECT_THAT(judge(100, {.removed = 51}), ElementsAre(HasSubstr("changes 51 of 100 delegations; 50 may")));
  EXPECT_THAT(judge(6000, {.removed = 60}), IsEmpty());
  EXPECT_THAT(judge(6000, {.removed = 30, .changed = 31}), ElementsAre(HasSubstr("changes 61 of 6000")));
  EXPECT_THAT(judge(100, {.gone = 51}), ElementsAre(HasSubstr("51 of 101 names")));
  EXPECT_THAT(judge(100, {.added = 51}), ElementsAre(HasSubstr("51 of 100 delegations")));
  EXPECT_THAT(judge(100, {.added = 51}, {}, {.additions = false}), IsEmpty());
}

TEST_F(LimitsTest, AnHourAddsUp) {
  EXPECT_THAT(judge(100, {.removed = 20}, {.removed = 30}), IsEmpty());
  EXPECT_THAT(judge(100, {.removed = 21}, {.removed = 30}),
              ElementsAre(HasSubstr("those of the last hour changed 30")));
  EXPECT_THAT(judge(100, {}, {.removed = 300}), IsEmpty()) << "a step that changes nothing is never held";
}

TEST_F(LimitsTest, TheHourRolls) {
  zone::ChangeLedger ledger;
  ledger.add(kTime, {.removed = 30});
  ledger.add(kTime + std::chrono::minutes{30}, {.removed = 5});
  EXPECT_EQ(ledger.recent(kTime + std::chrono::minutes{59}).removed, 35U);
  EXPECT_EQ(ledger.recent(kTime + std::chrono::minutes{60}).removed, 5U);
  EXPECT_EQ(ledger.recent(kTime + std::chrono::minutes{90}).removed, 0U);
  EXPECT_TRUE(ledger.empty());
}

TEST_F(LimitsTest, ManySmallChangesAreNotManyEntriesButAllCount) {
  zone::ChangeLedger ledger;
  for (int i = 0; i < 1000; ++i) ledger.add(kTime + std::chrono::milliseconds{i}, {.changed = 1});
  EXPECT_EQ(ledger.recent(kTime + std::chrono::seconds{2}).changed, 1000U);
}

TEST_F(LimitsTest, AnAnnouncementCoversWhatItNamesAndIsUsedUp) {
  zone::Announcement announced{.adds = 10, .removes = 5, .until = kTime + std::chrono::hours{1}};
  EXPECT_TRUE(announced.covers({.added = 10, .removed = 2, .changed = 2, .gone = 1}, kTime));
  EXPECT_FALSE(announced.covers({.added = 11}, kTime));
  EXPECT_FALSE(announced.covers({.removed = 6}, kTime));
  EXPECT_FALSE(announced.covers({.apex_ns = true}, kTime));
  EXPECT_FALSE(announced.covers({.added = 1}, kTime + std::chrono::hours{1})) << "its time is over";
  announced.use({.added = 4, .removed = 5});
  EXPECT_TRUE(announced.covers({.added = 6}, kTime));
  EXPECT_FALSE(announced.covers({.removed = 1}, kTime));
}

}  // namespace
}  // namespace onoma::gate::testing
