#include "serve/limit_peers.h"

#include <random>

#include <gtest/gtest.h>

#include "limit_support.h"

namespace onoma::serve::test {
namespace {

using enum ResponseClass;

constexpr std::uint64_t kUnitTicks = 1 << 9;
constexpr std::uint64_t kHalfHourTicks = 210 * kUnitTicks;

std::uint64_t spread(std::uint64_t i) {  // SplitMix64's mixer: as good as a keyed hash here
  i = (i + 1) * 0x9E3779B97F4A7C15;
  i = (i ^ i >> 30) * 0xBF58476D1CE4E5B9;
  i = (i ^ i >> 27) * 0x94D049BB133111EB;
  return i ^ i >> 31;
}

std::size_t known(const KnownPeers& peers, std::uint64_t first, std::uint64_t count) {
  std::size_t out = 0;
  for (std::uint64_t i = first; i < first + count; ++i) out += peers.knows(spread(i)) ? 1 : 0;
  return out;
}

void see(KnownPeers& peers, std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t i = first; i < first + count; ++i) peers.saw(spread(i));
  peers.enter();
}

TEST(KnownPeers, KnowsWhomItSawAndHardlyAnybodyElse) {
  KnownPeers peers(1 << 16, 7);
  see(peers, 0, 20000);
  EXPECT_EQ(known(peers, 0, 20000), 20000U);
  EXPECT_LT(known(peers, 1'000'000, 100'000), 20U);
}

TEST(KnownPeers, ForgetsWhoStaysAwayForHalfAnHour) {
  KnownPeers peers(1 << 12, 7);
  auto wait = [&, now = std::uint64_t{0}](std::uint64_t ticks) mutable {
    for (const auto end = now + ticks; now < end; now += 64) peers.tick(now + 64);
  };
  see(peers, 0, 500);
  wait(kHalfHourTicks - 2 * kUnitTicks);
  EXPECT_EQ(known(peers, 0, 500), 500U);
  see(peers, 0, 250);
  wait(30 * kUnitTicks);
  EXPECT_EQ(known(peers, 0, 250), 250U);
  EXPECT_EQ(known(peers, 250, 250), 0U);
  // However long nobody asks: never known again because time has come round.
  wait(kHalfHourTicks);
  EXPECT_EQ(known(peers, 0, 500), 0U);
}

TEST(KnownPeers, ForgetsInOneStepToo) {
  for (const std::uint64_t units : {190U, 211U, 256U, 300U, 466U, 100'000U}) {
    KnownPeers peers(1 << 12, 7);
    see(peers, 0, 500);
    peers.tick(30 * kUnitTicks);
    peers.tick((30 + units) * kUnitTicks);
    peers.tick((30 + units + 40) * kUnitTicks);
    EXPECT_EQ(known(peers, 0, 500), 0U) << units;
  }
}

// Good questions from ever new addresses push out each other, not those that come again.
TEST(KnownPeers, KeepsTheRegularsWhenStrangersCrowdIn) {
  KnownPeers peers(1 << 14, 7);
  constexpr std::uint64_t kRegulars = 6000;
  see(peers, 0, kRegulars);
  std::uint64_t stranger = 1'000'000;
  for (std::uint64_t unit = 1; unit <= 12; ++unit) {
    peers.tick(unit * kUnitTicks);
    see(peers, 0, kRegulars);
    see(peers, stranger, 40'000);
    stranger += 40'000;
  }
  see(peers, stranger, 40'000);
  EXPECT_GT(known(peers, 0, kRegulars), kRegulars * 999 / 1000);
  // The newest of the others have the rest.
  EXPECT_GT(known(peers, stranger + 37'000, 3'000), 2000U);
}

TEST(KnownPeers, CountsNewcomersOnceAndOnlyAsManyAsThereIsRoomFor) {
  KnownPeers peers(1 << 14, 7);
  see(peers, 0, 1000);
  see(peers, 0, 1000);
  EXPECT_EQ(peers.take_newcomers(), 1000U);
  EXPECT_EQ(peers.take_newcomers(), 0U);
  see(peers, 100'000, 100'000);
  EXPECT_EQ(peers.take_newcomers(), (1U << 14) - 1000U);
  peers.tick(kHalfHourTicks / 2);
  see(peers, 300'000, 100'000);
  EXPECT_NEAR(peers.take_newcomers(), 1 << 13, 200);
}

TEST(KnownPeers, SamplesWhenMostAreKnownAndStillSeesNewOnes) {
  KnownPeers peers(1 << 16, 7);
  for (int round = 0; round < 3; ++round) see(peers, 0, 10'000);
  peers.take_newcomers();
  // A thousand new ones that ask twenty times each, among the others.
  std::size_t looked_at = 0;
  for (std::uint64_t i = 0; i < std::uint64_t{400'000}; ++i) {
    if (!peers.wants(false)) continue;
    ++looked_at;
    peers.saw(spread(i % 20 == 0 ? 50'000 + i / 20 % 1000 : i % 10'000));
  }
  peers.enter();
  EXPECT_LT(looked_at, 200'000U);
  EXPECT_TRUE(peers.wants(true));
  EXPECT_GT(known(peers, 50'000, 1000), 800U);
  EXPECT_NEAR(peers.take_newcomers(), 1000, 400);
}

// A registry's server: 20,000 resolvers, seven of ten questions find something, the missing names are never
// the same.
struct FloodFromEverywhere : ::testing::Test {
  static LimitOptions options() {
    LimitOptions out;
    out.mode = LimitMode::on;
    return out;
  }
  struct Share {
    std::size_t asked = 0, answered = 0;
    double of() const { return static_cast<double>(answered) / static_cast<double>(asked); }
  };
  struct Result {
    Share existing, missing, flood;
    double legitimate() const {
      return static_cast<double>(existing.answered + missing.answered) /
             static_cast<double>(existing.asked + missing.asked);
    }
  };

  std::string name() { return "x" + std::to_string(random()); }
  static Bytes address(std::uint64_t i) {
    const auto a = static_cast<std::uint32_t>(spread(i));
    return v4(a >> 24, a >> 16 & 0xFF, a >> 8 & 0xFF, a & 0xFF);
  }
  void ask(Bench& bench, Share& share, const Bytes& peer, ResponseClass what, std::string_view asked,
           std::string_view encloser) {
    ++share.asked;
    if (bench.limiter.early_drop(peer)) return;
    share.answered += bench.passes(peer, what, asked, encloser) ? 1 : 0;
  }
  void legitimate(Bench& bench, Result& out) {
    const auto peer = address(random() % 20'000);
    const auto dice = random() % 100;
    const auto cut = "cut" + std::to_string(random() % 50'000);
    if (dice < 60) return ask(bench, out.existing, peer, referral, "www." + cut, cut);
    if (dice < 70) return ask(bench, out.existing, peer, positive, cut, "");
    ask(bench, out.missing, peer, nxdomain, name(), "zone");
  }
  // `per_s` legitimate questions, and so many times as many of a flood below `encloser`.
  Result run(Bench& bench, double per_s, double seconds, unsigned times = 0, ResponseClass what = nxdomain,
             std::string_view encloser = "zone") {
    Result out;
    const auto n = static_cast<std::size_t>(per_s * seconds);
    for (std::size_t i = 0; i < n; ++i) {
      bench.move(1 / per_s);
      legitimate(bench, out);
      for (unsigned j = 0; j < times; ++j)
        ask(bench, out.flood, address(1'000'000'000 + random() % 4'000'000), what, name(), encloser);
    }
    return out;
  }
  std::mt19937_64 random{5};
};

TEST_F(FloodFromEverywhere, NothingIsWithheldInPeaceFromTheFirstQuestionOn) {
  Bench bench(options());
  const auto peace = run(bench, 50'000, 8);  // 15,000 different missing names a second
  EXPECT_EQ(peace.legitimate(), 1);
  EXPECT_EQ(bench.limiter.counts().floods, 0U);
}

TEST_F(FloodFromEverywhere, TheLegitimateAreAnswered) {
  for (const auto what : {nxdomain, referral}) {
    Bench bench(options());
    run(bench, 50'000, 6);
    const auto attack = run(bench, 20'000, 4, 5, what, what == nxdomain ? "zone" : "victim");
    EXPECT_EQ(attack.existing.of(), 1);
    EXPECT_GE(attack.legitimate(), 0.999);
    EXPECT_LT(attack.flood.of(), 0.04);
    EXPECT_EQ(bench.limiter.counts().floods, 1U);
  }
}

TEST_F(FloodFromEverywhere, AFloodIsFoundWhileNobodyIsKnownYet) {
  Bench bench(options());
  const auto first = run(bench, 20'000, 3, 5);
  EXPECT_EQ(first.existing.of(), 1);
  EXPECT_LT(first.flood.of(), 0.15);
  const auto then = run(bench, 20'000, 3, 5);
  EXPECT_LT(then.flood.of(), 0.03);
  EXPECT_GT(then.legitimate(), 0.94);
}

// Forged sources that ask for something that exists as often as for something that does not: they are taken
// for newcomers until there are more than the memory holds.
TEST_F(FloodFromEverywhere, GoodQuestionsExcuseAFloodOnlyForAWhile) {
  auto small = options();
  small.known_peers = 1 << 14;
  Bench bench(small);
  const auto attack = [&](double seconds) {
    Share share, existing;
    for (std::size_t i = 0; i < static_cast<std::size_t>(seconds * 40'000); ++i) {
      bench.move(1.0 / 40'000);
      ask(bench, share, address(random()), nxdomain, name(), "zone");
      ask(bench, existing, address(random()), positive, "cut", "");
    }
    return share.of();
  };
  attack(4);
  EXPECT_LT(attack(4), 0.05);
}

TEST_F(FloodFromEverywhere, KnownSourcesThatFloodAreHeldToTheirShare) {
  Bench bench(options());
  run(bench, 50'000, 6);
  Share flood;
  for (int i = 0; i < 40'000 * 5; ++i) {  // 100 resolvers, 400 a second each; ten are granted
    bench.move(1.0 / 40'000);
    ask(bench, flood, address(static_cast<std::uint64_t>(i) % 100), nxdomain, name(), "zone");
  }
  EXPECT_EQ(bench.limiter.counts().floods, 1U);
  EXPECT_LT(flood.of(), 0.12);
}

}  // namespace
}  // namespace onoma::serve::test
