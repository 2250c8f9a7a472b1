#include "serve/limit_rate.h"

#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

#include "limit_support.h"
#include "serve/limit_decay.h"
#include "serve/limit_shed.h"

namespace onoma::serve::test {
namespace {

using enum ResponseClass;

TEST(LimitRate, ASourceAboveItsLimitStillGetsTheLimit) {
  Bench bench(only(positive, 100));
  bench.flow(v4(192, 0, 2, 1), positive, "a", 1000, 10);
  EXPECT_NEAR(static_cast<double>(bench.flow(v4(192, 0, 2, 1), positive, "a", 1000, 50)), 5000, 300);
}

TEST(LimitRate, ASourceBelowItsLimitLosesNothing) {
  Bench bench(only(positive, 100));
  EXPECT_EQ(bench.flow(v4(192, 0, 2, 1), positive, "a", 70, 60), 70U * 60);
}

TEST(LimitRate, ALargeBurstPassesUpToALimitAndAHalf) {
  Bench bench(only(positive, 100));
  std::size_t passed = 0;
  for (int i = 0; i < 1000; ++i) passed += bench.passes(v4(192, 0, 2, 1), positive, "a") ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(passed), 100 * kDecaySeconds, 20);
}

TEST(LimitRate, WorkersShareTheLimit) {
  auto options = only(positive, 100);
  options.workers = 4;
  Bench bench(options);
  bench.flow(v4(192, 0, 2, 1), positive, "a", 1000, 10);
  EXPECT_NEAR(static_cast<double>(bench.flow(v4(192, 0, 2, 1), positive, "a", 1000, 40)), 1000, 100);
}

TEST(LimitRate, OtherNamesAndOtherClassesAreOtherSubjects) {
  auto options = only(positive, 20);
  options.per_s[static_cast<std::size_t>(nodata)] = 20;
  Bench bench(options);
  const auto peer = v4(192, 0, 2, 1);
  for (int i = 0; i < 100; ++i) bench.ask(peer, positive, "a");
  EXPECT_FALSE(bench.passes(peer, positive, "a"));
  EXPECT_TRUE(bench.passes(peer, positive, "b"));
  EXPECT_TRUE(bench.passes(peer, nodata, "a"));
  EXPECT_TRUE(bench.passes(peer, referral, "a"));
}

TEST(LimitRate, AnswersThatAreAlikeAreOneSubject) {
  for (const auto what : {wildcard, referral, nxdomain, error}) {
    Bench bench(only(what, 20));
    const auto peer = v4(192, 0, 2, 1);
    for (int i = 0; i < 100; ++i) bench.ask(peer, what, "name" + std::to_string(i));
    EXPECT_FALSE(bench.passes(peer, what, "fresh"));
    EXPECT_EQ(bench.passes(peer, what, "fresh", "elsewhere"), what != error);
  }
}

TEST(LimitRate, OneNoisyAddressDoesNotLimitItsNeighbours) {
  Bench bench(only(error, 50));
  bench.flow(v4(192, 0, 2, 1), error, "", 5000, 20);
  for (unsigned i = 2; i < 200; ++i) EXPECT_TRUE(bench.passes(v4(192, 0, 2, i), error, ""));
}

TEST(LimitRate, ANoisyNetworkIsLimitedAndItsNeighboursAreNot) {
  Bench bench(only(error, 50));  // 400 for a /24
  std::size_t passed = 0;
  std::mt19937_64 random(1);
  for (int i = 0; i < 20 * 2000; ++i) {
    bench.move(1.0 / 2000);
    const bool pass = bench.passes(v4(192, 0, 2, static_cast<unsigned>(random() % 256)), error, "");
    if (i >= 10 * 2000) passed += pass ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(passed), 10 * 400, 600);
  for (unsigned i = 0; i < 256; ++i) EXPECT_TRUE(bench.passes(v4(192, 0, 3, i), error, "")) << i;
}

TEST(LimitRate, EveryWidthHasItsLimit) {
  struct Case {
    std::size_t width;
    Bytes (*peer)(std::uint64_t);
  };
  const Case cases[] = {
      {0, [](std::uint64_t) { return v4(10, 0, 0, 1); }},
      {1, [](std::uint64_t i) { return v4(10, 0, 0, i % 256); }},
      {2, [](std::uint64_t i) { return v4(10, 0, i % 16, i / 16 % 256); }},
      {3, [](std::uint64_t i) { return v4(10, 0, i % 256, i / 256 % 256); }},
  };
  for (const auto& [width, peer] : cases) {
    Bench bench(only(error, 20));
    const auto limit = 20 * kMultiples4[width];
    std::mt19937_64 random(1);
    std::size_t passed = 0;
    const auto per_s = limit * 4;
    for (std::size_t i = 0; i < 30 * per_s; ++i) {
      bench.move(1.0 / per_s);
      const bool pass = bench.passes(peer(random()), error, "");
      if (i >= 10 * per_s) passed += pass ? 1 : 0;
    }
    EXPECT_NEAR(static_cast<double>(passed) / 20, limit, limit * 0.15) << kWidths4[width];
  }
}

TEST(LimitRate, Ipv6NetworksAreCountedTogether) {
  const std::uint64_t base = 0x20010DB8'00000000;
  for (std::size_t width = 0; width < kWidths6.size(); ++width) {
    Bench bench(only(error, 20));
    const auto limit = 20 * kMultiples6[width];
    std::mt19937_64 random(1);
    std::size_t passed = 0;
    const auto per_s = limit * 4;
    for (std::size_t i = 0; i < 30 * per_s; ++i) {
      bench.move(1.0 / per_s);
      const auto free = width <= 1 ? 0 : random() & ((std::uint64_t{1} << (64 - kWidths6[width])) - 1);
      const bool pass = bench.passes(v6(base | free, width == 0 ? 1 : random()), error, "");
      if (i >= 10 * per_s) passed += pass ? 1 : 0;
    }
    EXPECT_NEAR(static_cast<double>(passed) / 20, limit, limit * 0.15) << kWidths6[width];
  }
}

TEST(LimitRate, MappedAddressesAreIpv4) {
  Bench bench(only(error, 20));
  for (int i = 0; i < 100; ++i) bench.ask(v4(192, 0, 2, 1), error, "");
  EXPECT_FALSE(bench.passes(v6(0, 0xFFFF'C000'0201), error, ""));
  EXPECT_TRUE(bench.passes(v6(0, 0xFFFF'C000'0202), error, ""));
}

TEST(LimitRate, StreamsAndCookiesPass) {
  Bench bench(only(error, 20));
  const auto peer = v4(192, 0, 2, 1);
  for (int i = 0; i < 100; ++i) bench.ask(peer, error, "");
  ASSERT_FALSE(bench.passes(peer, error, ""));
  EXPECT_EQ(bench.limiter.judge({.peer = peer, .udp = false}), LimitAction::pass);
  EXPECT_EQ(bench.limiter.judge({.peer = peer, .cookie_valid = true}), LimitAction::pass);
  EXPECT_EQ(bench.limiter.counts().exempt, 1U);
}

TEST(LimitRate, SlipIsOneOfSoMany) {
  for (const std::uint32_t slip : {0U, 1U, 2U, 3U, 10U}) {
    auto options = only(error, 1);
    options.slip = slip;
    Bench bench(options);
    const auto peer = v4(192, 0, 2, 1);
    for (int i = 0; i < 100; ++i) bench.ask(peer, error, "");
    const auto before = bench.limiter.counts();
    std::size_t truncated = 0;
    for (int i = 0; i < 3000; ++i) truncated += bench.ask(peer, error, "") == LimitAction::truncate ? 1 : 0;
    const auto expected = slip == 0 ? 0 : 3000 / slip;
    EXPECT_NEAR(static_cast<double>(truncated), expected, 1) << slip;
    EXPECT_EQ(bench.limiter.counts().truncated - before.truncated, truncated);
    EXPECT_EQ(bench.limiter.counts().dropped - before.dropped, 3000 - truncated);
  }
}

// A client whose questions alternate with those of a flood gets its share of truncated answers.
TEST(LimitRate, SlipFollowsNoPattern) {
  auto options = only(error, 1);
  options.slip = 2;
  Bench bench(options);
  std::array<std::size_t, 2> truncated{};
  for (std::size_t i = 0; i < 20000; ++i)
    if (bench.ask(v4(192, 0, 2, static_cast<unsigned>(i % 2)), error, "") == LimitAction::truncate)
      ++truncated[i % 2];
  EXPECT_NEAR(static_cast<double>(truncated[0]), 5000, 400);
  EXPECT_NEAR(static_cast<double>(truncated[1]), 5000, 400);
}

TEST(LimitRate, ADryRunCountsAndWithholdsNothing) {
  auto options = only(error, 20);
  options.mode = LimitMode::dry_run;
  options.shed_per_s = 10;
  Bench bench(options);
  EXPECT_EQ(bench.flow(v4(192, 0, 2, 1), error, "", 1000, 5), 5000U);
  EXPECT_FALSE(bench.limiter.early_drop(v4(192, 0, 2, 1)));
  const auto counts = bench.limiter.counts();
  EXPECT_NEAR(static_cast<double>(counts.dry_run), 5000 - 5 * 20 - 30, 60);
  EXPECT_EQ(counts.dropped + counts.truncated + counts.shed, 0U);
}

TEST(LimitRate, StrangeAddressesPass) {
  Bench bench(only(error, 1));
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(bench.passes({}, error, ""));
    EXPECT_TRUE(bench.passes(Bytes(5), error, ""));
  }
}

struct Shed : ::testing::Test {
  static LimitOptions options() {
    auto out = only(error, 20);
    out.per_s[static_cast<std::size_t>(positive)] = 1'000'000;
    out.shed_per_s = 500;
    return out;
  }
  // Packets of both kinds at 5,000 a second, `good` of each thousand about a name of their own.
  static std::size_t dropped(Bench& bench, const Bytes& peer, unsigned good, int seconds) {
    std::size_t out = 0;
    for (int i = 0; i < 5000 * seconds; ++i) {
      bench.move(1.0 / 5000);
      if (bench.limiter.early_drop(peer))
        ++out;
      else if (static_cast<unsigned>(i * 7919 % 1000) < good)
        bench.ask(peer, positive, "name" + std::to_string(i));
      else
        bench.ask(peer, error, "");
    }
    return out;
  }
};

TEST_F(Shed, ASourceOfNothingButJunkIsHardlyRead) {
  Bench bench(options());
  const auto peer = v4(192, 0, 2, 1);
  dropped(bench, peer, 0, 5);
  EXPECT_NEAR(static_cast<double>(dropped(bench, peer, 0, 10)), 46875, 1500);
  EXPECT_FALSE(bench.limiter.early_drop(v4(192, 0, 2, 2)));
}

TEST_F(Shed, ASourceWithOthersBehindItIsRead) {
  Bench bench(options());
  EXPECT_EQ(dropped(bench, v4(192, 0, 2, 1), 167, 10), 0U);
}

TEST_F(Shed, ASourceThatBehavesAgainIsRead) {
  Bench bench(options());
  const auto peer = v4(192, 0, 2, 1);
  ASSERT_GT(dropped(bench, peer, 0, 10), 0U);
  dropped(bench, peer, 1000, 5);
  EXPECT_EQ(dropped(bench, peer, 1000, 10), 0U);
}

TEST_F(Shed, BelowItsLimitNothingIsDroppedUnread) {
  auto less = options();
  less.shed_per_s = 6000;
  Bench bench(less);
  EXPECT_EQ(dropped(bench, v4(192, 0, 2, 1), 0, 10), 0U);
}

}  // namespace
}  // namespace onoma::serve::test
