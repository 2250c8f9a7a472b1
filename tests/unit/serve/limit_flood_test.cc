#include "serve/limit_flood.h"

#include <atomic>
#include <cmath>
#include <random>
#include <set>
#include <thread>
#include <unordered_set>

#include <gtest/gtest.h>

#include "limit_support.h"
#include "serve/limit_hash.h"
#include "serve/limit_watch.h"
#include "wire/name.h"

namespace onoma::serve::test {
namespace {

using enum ResponseClass;

std::uint64_t hash_of(const LimitHash& hash, std::uint64_t a, std::uint64_t b) {
  return hash.of(as_bytes(std::to_string(a) + "." + std::to_string(b)));
}
std::string random_name(std::mt19937_64& random) {
  return "x" + std::to_string(random());
}

TEST(LimitDistinct, EstimatesCountsOfAllSizes) {
  SeededRng rng(1);
  const LimitHash hash(rng);
  for (const std::uint64_t count : {1U, 10U, 100U, 300U, 1000U, 30000U, 1000000U}) {
    double error = 0;
    constexpr int kRuns = 8;
    for (std::uint64_t run = 0; run < kRuns; ++run) {
      DistinctSketch sketch;
      for (std::uint64_t i = 0; i < count; ++i) sketch.add(hash_of(hash, i, run));
      const auto off = sketch.estimate() / static_cast<double>(count) - 1;
      error += off * off;
    }
    EXPECT_LT(std::sqrt(error / kRuns), 0.16) << count;
  }
}

TEST(LimitDistinct, RepetitionsDoNotCount) {
  SeededRng rng(1);
  const LimitHash hash(rng);
  DistinctSketch sketch;
  for (int round = 0; round < 100; ++round)
    for (std::uint64_t i = 0; i < 50; ++i) sketch.add(hash_of(hash, i, 0));
  EXPECT_NEAR(sketch.estimate(), 50, 10);
  sketch.clear();
  EXPECT_EQ(sketch.estimate(), 0);
}

// Questions of Zipf's law over enclosers, some of them flooded: found are those and only those below which
// more distinct names were asked than the limit, as an exact count says; around the limit both are right.
TEST(LimitFlood, FindsWhatExactCountingFinds) {
  SeededRng rng(3);
  const LimitHash hash(rng);
  std::mt19937_64 random(3);
  constexpr double kLimit = 1000;
  FloodFinder finder(kLimit, 256, 1 << 14);
  finder.tick(kWindowTicks, [](Encloser&) {});

  constexpr std::size_t kEnclosers = 20000;
  std::vector<double> weights;
  weights.reserve(kEnclosers);
  for (std::size_t i = 0; i < kEnclosers; ++i) weights.push_back(1 / static_cast<double>(i + 1));
  std::discrete_distribution<std::uint64_t> zipf(weights.begin(), weights.end());

  std::vector<std::unordered_set<std::uint64_t>> exact(kEnclosers);
  std::set<std::uint64_t> found;
  const auto ask = [&](std::uint64_t encloser, std::uint64_t name) {
    exact[encloser].insert(name);
    auto* watched = finder.watched(hash_of(hash, encloser, 0));
    if (watched != nullptr && finder.look(*watched, hash_of(hash, name, encloser)).flooded != nullptr)
      found.insert(encloser);
  };
  for (int i = 0; i < 100000; ++i) {
    const auto encloser = zipf(random);
    // The popular are asked about few names, many times; some in the middle are flooded.
    ask(encloser, encloser < 10 ? random() % 300 : random() % 100000);
    if (i % 4 == 0) ask(1000 + random() % 3, random());
  }
  std::size_t floods = 0;
  for (std::uint64_t i = 0; i < kEnclosers; ++i) {
    const auto names = static_cast<double>(exact[i].size());
    // The first quarter of the limit is let pass before anything is watched.
    if (names > 1.6 * kLimit) {
      EXPECT_TRUE(found.contains(i)) << i << " with " << names;
      ++floods;
    }
    if (names < 0.75 * kLimit) {
      EXPECT_FALSE(found.contains(i)) << i << " with " << names;
    }
  }
  EXPECT_GE(floods, 3U);
}

LimitOptions flood_only() {
  auto options = only(nxdomain, 0);
  options.flood_names_per_s = 1000;
  options.flood_source_per_s = 10;
  return options;
}

struct Flood : ::testing::Test {
  // Random names below `encloser` from everywhere; how many were answered.
  std::size_t attack(Bench& bench, double per_s, double seconds, ResponseClass what = nxdomain,
                     std::string_view encloser = "zone") {
    std::size_t passed = 0;
    const auto n = static_cast<std::size_t>(per_s * seconds);
    for (std::size_t i = 0; i < n; ++i) {
      bench.move(1 / per_s);
      const auto peer = static_cast<std::uint32_t>(random());
      passed += bench.passes(v4(peer >> 24, peer >> 16 & 0xFF, peer >> 8 & 0xFF, peer & 0xFF), what,
                             random_name(random), encloser)
                    ? 1
                    : 0;
    }
    return passed;
  }
  std::mt19937_64 random{11};
};

TEST_F(Flood, MissingNamesAreAnsweredUpToTheLimit) {
  Bench bench(flood_only());
  attack(bench, 20000, 3);
  EXPECT_NEAR(static_cast<double>(attack(bench, 20000, 10)), 10 * 1000, 800);
  EXPECT_EQ(bench.limiter.counts().floods, 1U);
}

TEST_F(Flood, BelowTheLimitEverythingIsAnswered) {
  Bench bench(flood_only());
  EXPECT_EQ(attack(bench, 600, 20), 600U * 20);
  EXPECT_EQ(bench.limiter.counts().floods, 0U);
}

TEST_F(Flood, ExistingNamesAndOtherEnclosersAreAnswered) {
  Bench bench(flood_only());
  attack(bench, 20000, 2);
  for (int i = 0; i < 2000; ++i) {
    attack(bench, 20000, 0.0003);
    const auto name = random_name(random);
    EXPECT_TRUE(bench.passes(v4(192, 0, 2, 1), positive, name));
    EXPECT_TRUE(bench.passes(v4(192, 0, 2, 1), nodata, name));
    if (i % 10 == 0) {
      EXPECT_TRUE(bench.passes(v4(192, 0, 2, 1), nxdomain, name, "elsewhere"));
    }
  }
}

TEST_F(Flood, NamesAskedBeforeAreAnswered) {
  for (const auto what : {nxdomain, referral, wildcard}) {
    Bench bench(flood_only());
    const auto usual = [&](int i) { return "usual" + std::to_string(i); };
    // A busy encloser: 400 questions a second about 40 names.
    for (int i = 0; i < 4000; ++i) {
      bench.move(1.0 / 400);
      ASSERT_TRUE(bench.passes(v4(192, 0, 2, 1), what, usual(i % 40)));
    }
    std::size_t answered = 0;
    for (int i = 0; i < 4000; ++i) {
      attack(bench, 20000, 1.0 / 400, what);
      answered += bench.passes(v4(192, 0, 2, 1), what, usual(i % 40)) ? 1 : 0;
    }
    EXPECT_GE(answered, 3996U);
    EXPECT_LT(attack(bench, 20000, 1, what), 2000U);
  }
}

// An attack from few addresses leaves the others most of what may still be answered.
TEST_F(Flood, OtherSourcesKeepTheirShare) {
  Bench bench(flood_only());
  std::size_t answered = 0, asked = 0;
  for (int i = 0; i < 20000 * 10; ++i) {
    bench.move(1.0 / 20000);
    bench.ask(v4(198, 51, 100, static_cast<unsigned>(i % 4)), nxdomain, random_name(random));
    if (i % 4000 == 0 && i > 60000) {  // five a second
      ++asked;
      answered += bench.passes(v4(192, 0, 2, 1), nxdomain, random_name(random)) ? 1 : 0;
    }
  }
  EXPECT_EQ(answered, asked);
}

TEST_F(Flood, CookiesAndStreamsPass) {
  Bench bench(flood_only());
  attack(bench, 20000, 3);
  const auto peer = v4(192, 0, 2, 1);
  for (int i = 0; i < 100; ++i) {
    const auto name = random_name(random);
    LimitQuestion question{
        .peer = peer, .what = nxdomain, .name = as_bytes(name), .encloser = as_bytes("zone")};
    question.cookie_valid = true;
    EXPECT_EQ(bench.limiter.judge(question), LimitAction::pass);
    question.cookie_valid = false;
    question.udp = false;
    EXPECT_EQ(bench.limiter.judge(question), LimitAction::pass);
  }
}

TEST_F(Flood, EndsAfterSomeCalmAndNotBefore) {
  Bench bench(flood_only());
  std::array<FloodReport, kFloodReports> reports;
  attack(bench, 20000, 3);
  ASSERT_EQ(bench.limiter.reports(reports), 1U);
  EXPECT_EQ(as_text(reports[0].octets()), "zone");
  EXPECT_NEAR(reports[0].names_per_s, 20000, 6000);
  EXPECT_GT(reports[0].withheld, 20000U);
  attack(bench, 100, 4);
  EXPECT_EQ(bench.limiter.reports(reports), 1U);
  attack(bench, 100, 6);
  EXPECT_EQ(bench.limiter.reports(reports), 0U);
  EXPECT_EQ(attack(bench, 100, 5), 500U);
  attack(bench, 20000, 1);
  EXPECT_EQ(bench.limiter.reports(reports), 1U);
  bench.move(60);  // nobody asked anything
  EXPECT_EQ(bench.limiter.reports(reports), 0U);
  EXPECT_EQ(bench.limiter.counts().floods, 2U);
}

TEST_F(Flood, MoreFloodsThanPlacesAreLimitedTogether) {
  auto options = flood_only();
  options.enclosers = 8;
  Bench bench(options);
  std::size_t passed = 0;
  constexpr int kFloods = 40;
  for (int i = 0; i < 80000 * 6; ++i) {  // 2,000 a second each
    bench.move(1.0 / 80000);
    const auto peer = static_cast<std::uint32_t>(random());
    const bool pass = bench.passes(v4(peer >> 24, peer >> 16 & 0xFF, peer >> 8 & 0xFF, peer & 0xFF), nxdomain,
                                   random_name(random), "zone" + std::to_string(i % kFloods));
    if (i >= 80000 * 3) passed += pass ? 1 : 0;
  }
  // Eight get a thousand each, the rest one thousand together; and for each a quarter before it is watched.
  EXPECT_LT(passed, 3U * (8 * 1000 + 1000 + kFloods * 300));
}

TEST_F(Flood, ADryRunReportsAndAnswers) {
  auto options = flood_only();
  options.mode = LimitMode::dry_run;
  Bench bench(options);
  EXPECT_EQ(attack(bench, 20000, 3), 60000U);
  std::array<FloodReport, kFloodReports> reports;
  EXPECT_EQ(bench.limiter.reports(reports), 1U);
  EXPECT_GT(bench.limiter.counts().dry_run, 50000U);
}

// Another thread never sees half of a report.
TEST_F(Flood, ReportsAreWholeWhileTheyChange) {
  Bench bench(flood_only());
  const std::array<std::string, 2> enclosers{std::string(300, 'a'), std::string(40, 'b')};
  std::atomic<bool> done{false};
  std::atomic<std::size_t> seen{0}, torn{0};
  std::thread reader([&] {
    std::array<FloodReport, kFloodReports> reports;
    while (!done) {
      const auto count = bench.limiter.reports(reports);
      for (std::size_t i = 0; i < count; ++i) {
        const auto text = as_text(reports[i].octets());
        ++(text == enclosers[0] || text == enclosers[1] ? seen : torn);
      }
    }
  });
  for (std::size_t i = 0; i < 40; ++i) {
    attack(bench, 20000, 0.2, nxdomain, enclosers[i % 2]);
    bench.move(20);
  }
  attack(bench, 20000, 0.2, nxdomain, enclosers[0]);
  while (seen == 0) std::this_thread::yield();
  done = true;
  reader.join();
  EXPECT_EQ(torn, 0U);
}

TEST_F(Flood, TheWatchSaysWhatBeganAndEnded) {
  Bench bench(flood_only()), other(flood_only(), 2);
  const auto key = wire::sort_key(wire::Name::parse("Example.org.").value());
  attack(bench, 20000, 3, nxdomain, key);
  attack(other, 20000, 3, nxdomain, key);
  LimitWatch watch({&bench.limiter, &other.limiter});
  const auto began = watch.lines(std::chrono::seconds(1));
  ASSERT_EQ(began.size(), 1U);
  EXPECT_NE(began[0].find("below example.org. began"), std::string::npos) << began[0];
  EXPECT_TRUE(watch.lines(std::chrono::seconds(2)).empty());
  const auto floods = watch.floods();
  ASSERT_EQ(floods.size(), 1U);
  EXPECT_EQ(floods[0].encloser, "example.org.");
  EXPECT_NEAR(static_cast<double>(floods[0].names_per_s), 40000, 9000);
  bench.move(20);
  other.move(20);
  const auto ended = watch.lines(std::chrono::seconds(100));
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_NE(ended[0].find("is over"), std::string::npos) << ended[0];
  EXPECT_NE(ended[1].find("answers withheld"), std::string::npos) << ended[1];
}

}  // namespace
}  // namespace onoma::serve::test
