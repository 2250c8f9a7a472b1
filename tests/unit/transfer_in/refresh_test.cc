// Months of a secondary's life, with primaries that come, go and lie.
#include "transfer/refresh.h"

#include <random>

#include <gtest/gtest.h>

#include "transfer_messages.h"

namespace onoma::transfer {
namespace {

using Kind = RefreshAction::Kind;
using std::chrono::seconds;

wire::Soa soa_of(std::uint32_t serial, std::uint32_t refresh = 1800, std::uint32_t retry = 900,
                 std::uint32_t expire = 604800) {
  return {.mname = test::name("ns1.example."),
          .rname = test::name("host.example."),
          .serial = serial,
          .refresh_s = refresh,
          .retry_s = retry,
          .expire_s = expire,
          .minimum_s = 300};
}

bool has(const RefreshActions& actions, Kind kind) {
  return std::ranges::any_of(actions, [&](const auto& action) { return action.kind == kind; });
}
std::optional<std::size_t> asked(const RefreshActions& actions) {
  for (const auto& action : actions)
    if (action.kind == Kind::ask) return action.primary;
  return std::nullopt;
}
std::optional<TransferKind> transfers(const RefreshActions& actions) {
  for (const auto& action : actions)
    if (action.kind == Kind::transfer) return action.transfer;
  return std::nullopt;
}

class Refresh : public testing::Test {
 protected:
  // A zone of `serial` that was confirmed just now.
  ZoneRefresh settled(std::size_t primaries, std::uint32_t serial, std::uint64_t spread = 0) {
    ZoneRefresh zone(primaries, spread);
    EXPECT_EQ(asked(zone.start(now, HeldVersion{soa_of(serial), seconds{604800}})), 0U);
    zone.answered(now, soa_of(serial), std::nullopt);
    EXPECT_EQ(zone.state(), ZoneRefresh::State::idle);
    return zone;
  }
  Duration now = seconds{1'000'000};
};

TEST_F(Refresh, TheFirstVersionIsAskedForAsAWhole) {
  ZoneRefresh zone(1, 0);
  EXPECT_EQ(asked(zone.start(now, std::nullopt)), 0U);
  EXPECT_EQ(zone.state(), ZoneRefresh::State::asking);
  EXPECT_EQ(transfers(zone.answered(now, soa_of(5), std::nullopt)), TransferKind::axfr);
  const auto actions = zone.transferred(now, soa_of(5), std::nullopt);
  EXPECT_TRUE(has(actions, Kind::remember));
  EXPECT_EQ(zone.serial(), 5U);
  EXPECT_EQ(zone.expires_at(), now + seconds{604800});
  EXPECT_EQ(zone.next_wake(), now + seconds{1800});
  EXPECT_EQ(zone.problem(), "");
}

TEST_F(Refresh, ANewerSerialIsTransferredAsAChange) {
  auto zone = settled(1, 5);
  now += seconds{1800};
  EXPECT_EQ(asked(zone.wake(now)), 0U);
  EXPECT_EQ(transfers(zone.answered(now, soa_of(6), std::nullopt)), TransferKind::ixfr);
  zone.transferred(now, soa_of(6), std::nullopt);
  EXPECT_EQ(zone.serial(), 6U);
}

TEST_F(Refresh, SilenceMeansRetryAndAtLastExpiry) {
  auto zone = settled(1, 5);
  const auto confirmed = now;
  unsigned asks = 0;
  while (!zone.expired()) {
    ASSERT_TRUE(zone.next_wake());
    ASSERT_GE(*zone.next_wake(), now);
    now = *zone.next_wake();
    const auto actions = zone.wake(now);
    if (asked(actions)) {
      ++asks;
      zone.not_answered(now, "silence");
      EXPECT_EQ(zone.problem(), "silence");
    }
    ASSERT_LT(asks, 2000U);
  }
  EXPECT_EQ(now, confirmed + seconds{604800});
  EXPECT_NEAR(asks, (604800.0 - 1800.0) / 900.0 + 1.0, 2);
  // It goes on asking, and comes back as it is.
  now = *zone.next_wake();
  ASSERT_TRUE(asked(zone.wake(now)));
  const auto back = zone.answered(now, soa_of(5), std::nullopt);
  EXPECT_TRUE(has(back, Kind::revive));
  EXPECT_FALSE(zone.expired());
}

TEST_F(Refresh, ARestartGoesOnWithTheTimeThatWasLeft) {
  ZoneRefresh zone(1, 0);
  EXPECT_FALSE(has(zone.start(now, HeldVersion{soa_of(5), seconds{100}}), Kind::expire));
  zone.not_answered(now, "silence");
  EXPECT_EQ(zone.next_wake(), now + seconds{100});
  now += seconds{100};
  EXPECT_TRUE(has(zone.wake(now), Kind::expire));

  ZoneRefresh late(1, 0);
  EXPECT_TRUE(has(late.start(now, HeldVersion{soa_of(5), seconds{-1}}), Kind::expire));
  EXPECT_TRUE(late.expired());
  // A clock that went back does not make a zone live longer than its SOA says.
  ZoneRefresh jumped(1, 0);
  jumped.start(now, HeldVersion{soa_of(5), seconds{99'999'999}});
  EXPECT_EQ(jumped.expires_at(), now + seconds{604800});
}

TEST_F(Refresh, PrimariesAreAskedInOrderOfPreference) {
  auto zone = settled(3, 5);
  now += seconds{1800};
  EXPECT_EQ(asked(zone.wake(now)), 0U);
  EXPECT_EQ(asked(zone.not_answered(now, "silence")), 1U);
  EXPECT_EQ(asked(zone.answered(now, soa_of(4), std::nullopt)), 2U);  // behind: no use
  EXPECT_TRUE(transfers(zone.answered(now, soa_of(6), std::nullopt)));
  zone.transferred(now, soa_of(6), std::nullopt);
  EXPECT_EQ(zone.problem(), "");
  now = *zone.next_wake();
  EXPECT_EQ(asked(zone.wake(now)), 0U);
}

TEST_F(Refresh, APrimaryThatIsBehindDoesNotKeepTheZoneAlive) {
  auto zone = settled(1, 5);
  const auto until = zone.expires_at();
  now += seconds{1800};
  zone.wake(now);
  zone.answered(now, soa_of(4), std::nullopt);
  EXPECT_EQ(zone.expires_at(), until);
  EXPECT_NE(zone.problem().find("older"), std::string::npos);
}

TEST_F(Refresh, NotifyBringsTheCheckForward) {
  auto zone = settled(2, 5);
  now += seconds{60};
  EXPECT_EQ(asked(zone.notified(now, 6, 1)), 1U);
  EXPECT_TRUE(transfers(zone.answered(now, soa_of(6), std::nullopt)));
  // One that comes meanwhile is not another check.
  EXPECT_TRUE(zone.notified(now, 7, 1).empty());
  EXPECT_TRUE(zone.notified(now, 8, 1).empty());
  const auto actions = zone.transferred(now, soa_of(6), std::nullopt);
  EXPECT_EQ(asked(actions), 1U);
  EXPECT_TRUE(transfers(zone.answered(now, soa_of(8), std::nullopt)));
  EXPECT_FALSE(asked(zone.transferred(now, soa_of(8), std::nullopt)));
  EXPECT_EQ(zone.next_wake(), now + seconds{1800});
}

TEST_F(Refresh, NotifyOfWhatWeHaveIsNoReason) {
  auto zone = settled(1, 5);
  now += seconds{60};
  EXPECT_TRUE(zone.notified(now, 5).empty());
  EXPECT_TRUE(zone.notified(now, 4).empty());
  EXPECT_TRUE(asked(zone.notified(now, std::nullopt)));
}

TEST_F(Refresh, AHintThatNobodyConfirmsIsForgottenAfterTwoChecks) {
  auto zone = settled(2, 5);
  now += seconds{60};
  unsigned rounds = 0;
  auto actions = zone.notified(now, 99, 0);
  while (asked(actions)) {
    ++rounds;
    EXPECT_EQ(asked(actions), 0U);
    EXPECT_EQ(asked(zone.answered(now, soa_of(5), std::nullopt)), 1U);  // the other may know
    zone.answered(now, soa_of(5), std::nullopt);
    if (*zone.next_wake() > now + seconds{60}) break;
    now = *zone.next_wake();
    actions = zone.wake(now);
  }
  EXPECT_EQ(rounds, 2U);
  EXPECT_EQ(zone.next_wake(), now + seconds{1800});
}

TEST_F(Refresh, AFloodOfNotifiesIsNoFloodOfQuestions) {
  auto zone = settled(1, 5);
  unsigned asks = 0;
  std::uint32_t serial = 100;
  for (int i = 0; i < 60'000; ++i) {  // one minute, a NOTIFY each millisecond
    now += std::chrono::milliseconds{1};
    auto actions = zone.notified(now, serial++);
    if (zone.state() == ZoneRefresh::State::idle && zone.next_wake() && *zone.next_wake() <= now)
      actions = zone.wake(now);
    if (zone.state() != ZoneRefresh::State::asking) continue;
    ++asks;
    zone.answered(now, soa_of(5), std::nullopt);
  }
  EXPECT_LT(asks, 70U);
}

TEST_F(Refresh, ExpireOfThePrimaryCapsOurs) {
  ZoneRefresh zone(1, 0);
  zone.start(now, std::nullopt);
  zone.answered(now, soa_of(5), 5000);
  zone.transferred(now, soa_of(5),
                   std::nullopt);  // what was said with the SOA counts where the transfer says nothing
  EXPECT_EQ(zone.expires_at(), now + seconds{5000});
  now += seconds{1800};
  zone.wake(now);
  zone.answered(now, soa_of(5), 1000);  // less than what is left: ours stays (RFC 7314 §4)
  EXPECT_EQ(zone.expires_at(), now + seconds{3200});
  now += seconds{1800};
  zone.wake(now);
  zone.answered(now, soa_of(5), 99'999'999);
  EXPECT_EQ(zone.expires_at(), now + seconds{604800});
}

TEST_F(Refresh, WhatIxfrCannotDoAWholeTransferMay) {
  auto zone = settled(1, 5);
  now += seconds{1800};
  zone.wake(now);
  zone.answered(now, soa_of(6), std::nullopt);
  EXPECT_EQ(transfers(zone.failed(now, FaultKind::contradictory, "no such record")), TransferKind::axfr);
  zone.transferred(now, soa_of(6), std::nullopt);
  EXPECT_EQ(zone.serial(), 6U);
  // Not where the whole zone would fare no better.
  for (const auto kind : {FaultKind::unreachable, FaultKind::not_authentic, FaultKind::too_large}) {
    auto other = settled(1, 5);
    other.notified(now, 6);
    other.answered(now, soa_of(6), std::nullopt);
    EXPECT_FALSE(transfers(other.failed(now, kind, "no")));
    EXPECT_EQ(other.problem(), "no");
  }
}

// How long until the same version is transferred again, all else being well.
TEST_F(Refresh, FailedTransfersAreTriedAgainEverMoreRarely) {
  auto zone = settled(1, 5);
  std::vector<Duration> tries;
  const auto begun = now;
  while (now < begun + std::chrono::days{6} && !zone.expired()) {
    now = *zone.next_wake();
    if (!asked(zone.wake(now))) continue;
    auto actions = zone.answered(now, soa_of(6), std::nullopt);
    if (!transfers(actions)) continue;
    tries.push_back(now);
    while (transfers(actions)) actions = zone.failed(now, FaultKind::contradictory, "bad");
  }
  ASSERT_GE(tries.size(), 8U);
  EXPECT_LE(tries.size(), 14U);
  for (std::size_t i = 2; i + 1 < tries.size() && tries[i] - tries[i - 1] < seconds{43'200}; ++i)
    EXPECT_GE(tries[i + 1] - tries[i], tries[i] - tries[i - 1]);
}

TEST_F(Refresh, AnotherSerialIsTriedAtOnceAndAnotherPrimaryToo) {
  auto zone = settled(2, 5);
  zone.notified(now, 6, 0);
  zone.answered(now, soa_of(6), std::nullopt);
  zone.failed(now, FaultKind::contradictory, "bad");                                       // of IXFR
  EXPECT_EQ(asked(zone.failed(now, FaultKind::not_accepted, "the gate refused it")), 1U);  // of AXFR
  EXPECT_TRUE(transfers(zone.answered(now, soa_of(6), std::nullopt)));
  zone.failed(now, FaultKind::unreachable, "bad");
  EXPECT_EQ(zone.state(), ZoneRefresh::State::idle);
  now += seconds{10};
  ASSERT_EQ(asked(zone.notified(now, 7, 0)), 0U);
  EXPECT_TRUE(transfers(zone.answered(now, soa_of(7), std::nullopt)));
  zone.transferred(now, soa_of(7), std::nullopt);
  EXPECT_EQ(zone.serial(), 7U);
  EXPECT_EQ(zone.problem(), "");
}

TEST_F(Refresh, TimersStayWithinBounds) {
  const auto wait = [&](const wire::Soa& soa) {
    ZoneRefresh zone(1, 0);
    zone.start(now, std::nullopt);
    zone.answered(now, soa, std::nullopt);
    zone.transferred(now, soa, std::nullopt);
    return *zone.next_wake() - now;
  };
  EXPECT_EQ(wait(soa_of(1, 0)), seconds{30});
  EXPECT_EQ(wait(soa_of(1, 0xffffffffU, 1, 0xffffffffU)), std::chrono::weeks{4});
  EXPECT_EQ(wait(soa_of(1, 10'000, 10, 5'000)), seconds{2'500});  // checked before it expires
}

TEST_F(Refresh, SpreadKeepsZonesApartButTheSame) {
  const auto wait = [&](std::uint64_t spread) { return *settled(1, 5, spread).next_wake() - now; };
  EXPECT_EQ(wait(123), wait(123));
  EXPECT_NE(wait(123), wait(456));
  for (std::uint64_t spread = 0; spread < 5000; spread += 37) {
    EXPECT_LE(wait(spread), seconds{1800});
    EXPECT_GE(wait(spread), seconds{1620});
  }
}

TEST_F(Refresh, NoVersionAtAllIsTriedSoonThenSlowly) {
  ZoneRefresh zone(1, 0);
  auto actions = zone.start(now, std::nullopt);
  std::vector<Duration> waits;
  for (int i = 0; i < 15; ++i) {
    ASSERT_TRUE(asked(actions));
    zone.not_answered(now, "silence");
    waits.push_back(*zone.next_wake() - now);
    now = *zone.next_wake();
    actions = zone.wake(now);
  }
  EXPECT_EQ(waits.front(), seconds{2});
  EXPECT_EQ(waits.back(), seconds{600});
  EXPECT_TRUE(std::ranges::is_sorted(waits));
}

TEST_F(Refresh, StrayAnswersChangeNothing) {
  auto zone = settled(1, 5);
  const auto wake = zone.next_wake();
  EXPECT_TRUE(zone.answered(now, soa_of(9), std::nullopt).empty());
  EXPECT_TRUE(zone.transferred(now, soa_of(9), std::nullopt).empty());
  EXPECT_TRUE(zone.failed(now, FaultKind::malformed, "x").empty());
  EXPECT_TRUE(zone.not_answered(now, "x").empty());
  EXPECT_EQ(zone.serial(), 5U);
  EXPECT_EQ(zone.next_wake(), wake);
  EXPECT_EQ(zone.problem(), "");
}

// Half a year with three primaries that change, fail and lie at random: whatever they do, one thing is on its
// way at a time, serials go forward, the zone is expired exactly when nobody has confirmed it for so long,
// and the primaries are not asked more often than their SOA and their NOTIFYs call for.
TEST_F(Refresh, HalfAYearOfWhims) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    std::mt19937_64 dice(seed);
    const auto chance = [&](double p) { return std::uniform_real_distribution<>(0, 1)(dice) < p; };
    ZoneRefresh zone(3, dice());
    std::uint32_t truth = 0xfffffff0U;
    std::array<double, 3> up{0.9, 0.5, 0.1};
    std::uint64_t asks = 0, notifies = 0;
    std::optional<Duration> confirmed;
    std::optional<std::uint32_t> served;
    const auto begun = now;
    const auto perform = [&](RefreshActions actions) {
      for (;;) {
        std::optional<RefreshAction> job;
        for (const auto& action : actions)
          if (action.kind == Kind::ask || action.kind == Kind::transfer) {
            ASSERT_FALSE(job.has_value());
            job = action;
          }
        if (!job) return;
        now += std::chrono::milliseconds{dice() % 3000};
        if (job->kind == Kind::ask) {
          ++asks;
          if (!chance(up[job->primary])) {
            actions = zone.not_answered(now, "silence");
            continue;
          }
          const auto says = truth - (chance(0.1) ? 1 : 0) + (chance(0.05) ? 1000 : 0);
          if (served && says == *served) confirmed = now;
          actions = zone.answered(now, soa_of(says), std::nullopt);
        } else if (chance(0.3)) {
          actions = zone.failed(now, static_cast<FaultKind>(dice() % 10), "bad");
        } else if (served && !wire::serial_newer(truth, *served)) {
          actions = zone.failed(now, FaultKind::not_newer, "not newer");
        } else {
          served = truth;
          confirmed = now;
          actions = zone.transferred(now, soa_of(truth), std::nullopt);
        }
      }
    };
    perform(zone.start(now, std::nullopt));
    bool dark = false;
    while (now < begun + std::chrono::days{180}) {
      const auto last = served;
      if (chance(0.005)) dark = !dark;
      up = dark ? std::array<double, 3>{0, 0, 0} : std::array<double, 3>{0.9, 0.5, 0.1};
      if (chance(0.2)) ++truth;
      if (chance(0.2)) {
        now += seconds{dice() % 600};
        if (const auto due = zone.next_wake(); due && *due < now) now = *due;
        ++notifies;
        perform(zone.notified(now, chance(0.8) ? truth : static_cast<std::uint32_t>(dice()), dice() % 4));
      }
      ASSERT_EQ(zone.state(), ZoneRefresh::State::idle);
      ASSERT_TRUE(zone.next_wake().has_value());
      ASSERT_GT(*zone.next_wake(), Duration{});
      now = std::max(now, *zone.next_wake());
      perform(zone.wake(now));
      if (last && served != last) {
        ASSERT_TRUE(wire::serial_newer(*served, *last));
      }
      if (confirmed) {
        ASSERT_EQ(zone.expires_at(), *confirmed + seconds{604800});
        if (zone.expired()) {
          ASSERT_GE(now, *zone.expires_at());
        }
        if (now >= *zone.expires_at() + seconds{10}) {
          ASSERT_TRUE(zone.expired());
        }
      }
    }
    const auto elapsed = static_cast<std::uint64_t>((now - begun) / seconds{1});
    EXPECT_LT(asks, 3 * (elapsed / 810 + 3 * notifies + 50));
    EXPECT_GT(asks, elapsed / 1800);
  }
}

}  // namespace
}  // namespace onoma::transfer
