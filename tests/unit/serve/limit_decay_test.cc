#include "serve/limit_decay.h"

#include <cmath>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "serve/limit_hash.h"

namespace onoma::serve {
namespace {

TEST(LimitDecay, HalvesEveryHalfLife) {
  EXPECT_EQ(decayed(1 << 20, 0), 1U << 20);
  EXPECT_EQ(decayed(1 << 20, kHalfLifeTicks), 1U << 19);
  EXPECT_EQ(decayed(1 << 20, 7 * kHalfLifeTicks), 1U << 13);
  EXPECT_EQ(decayed(UINT32_MAX, 0), UINT32_MAX);
  EXPECT_EQ(decayed(UINT32_MAX, 32 * kHalfLifeTicks), 0U);
  EXPECT_EQ(decayed(UINT32_MAX, 65535), 0U);
}

TEST(LimitDecay, FollowsARealNumberOverRandomSchedules) {
  std::mt19937_64 random(7);
  for (int run = 0; run < 200; ++run) {
    DecayCounter counter;
    double exact = 0;
    double rounded = 0;  // half of the last place for each time it faded, fading itself
    std::uint16_t now = 0;
    const auto longest = 1 + random() % 300;
    for (int step = 0; step < 2000; ++step) {
      const auto ticks = random() % longest;
      now = static_cast<std::uint16_t>(now + ticks);
      const auto factor = std::exp2(-static_cast<double>(ticks) / kHalfLifeTicks);
      exact *= factor;
      rounded = rounded * factor + 0.51;
      counter.at(now);
      const auto events = random() % 50;
      counter.value = saturating_add(counter.value, static_cast<std::uint32_t>(events * kDecayOne));
      exact += static_cast<double>(events * kDecayOne);
      ASSERT_NEAR(counter.value, exact, rounded) << "run " << run << " step " << step;
    }
  }
}

TEST(LimitDecay, ALimitIsWhatASteadyRateHolds) {
  for (const double per_s : {2.0, 50.0, 200.0, 5000.0}) {
    std::mt19937_64 random(3);
    std::exponential_distribution<double> gap(per_s);
    DecayCounter counter;
    double at = 0, sum = 0;
    int n = 0;
    while (at < 400) {
      at += gap(random);
      const auto tick = static_cast<std::uint16_t>(at / kTickSeconds);
      counter.at(tick);
      if (at > 20) sum += counter.value, ++n;
      counter.value += kDecayOne;
    }
    EXPECT_NEAR(sum / n, decay_limit(per_s), 0.08 * decay_limit(per_s)) << per_s;
  }
}

TEST(LimitDecay, LimitsBeyondWhatACounterHoldsAreNone) {
  EXPECT_EQ(decay_limit(1e9), UINT32_MAX);
  EXPECT_EQ(decay_limit(0.001), kDecayOne);
  EXPECT_EQ(saturating_add(UINT32_MAX - 1, 5), UINT32_MAX);
}

TEST(LimitDecayTable, KeepsTheLargeAmongManySmall) {
  DecayTable table(1 << 14);  // 256 lines, 2,048 counters
  SeededRng rng(5);
  const LimitHash hash(rng);
  std::mt19937_64 random(5);
  std::map<std::uint64_t, double> heavy;  // exact values
  std::uint64_t tick = 1;
  for (int step = 0; step < 3000; ++step) {
    ++tick;
    table.tick(tick);
    for (auto& [key, value] : heavy) value *= std::exp2(-1.0 / kHalfLifeTicks);
    for (std::uint64_t key = 0; key < 20; ++key) {
      table.touch(hash.of(key, 1)).add(4 * kDecayOne);
      heavy[key] += 4.0 * kDecayOne;
    }
    for (int i = 0; i < 100; ++i) table.touch(hash.of(random(), 2)).add(kDecayOne);
  }
  for (const auto& [key, value] : heavy)
    EXPECT_NEAR(table.touch(hash.of(key, 1)).value(), value, 0.01 * value) << key;
}

TEST(LimitDecayTable, ForgetsWhateverTheClockDoes) {
  for (const std::uint64_t pause : {64U * 40U, 8191U, 8192U, 65536U, 65537U, 1U << 20}) {
    DecayTable table(1 << 12);
    table.tick(1'000'000);
    table.touch(42).add(1000 * kDecayOne);
    table.tick(1'000'000 + pause);
    EXPECT_EQ(table.touch(42).value(), 0U) << pause;
  }
  // In small steps over more than the 65,536 ticks after which stored times come round.
  DecayTable slow(1 << 12);
  slow.tick(1);
  slow.touch(42).add(1000 * kDecayOne);
  for (std::uint64_t tick = 2; tick < 65540; tick += 3) slow.tick(tick);
  EXPECT_EQ(slow.touch(42).value(), 0U);
}

// Whoever knows the function but not the key cannot choose inputs that meet in one line.
TEST(LimitHash, TwoKeysScatterDifferently) {
  SeededRng first_rng(1), second_rng(2);
  const LimitHash first(first_rng), second(second_rng);
  const DecayTable table(1 << 16);  // 1,024 lines
  std::vector<std::uint64_t> chosen;
  for (std::uint64_t i = 0; chosen.size() < 400; ++i)
    if (table.line_of(first.of(i, 9)) == 5) chosen.push_back(i);
  std::map<std::size_t, int> lines;
  for (const auto i : chosen) ++lines[table.line_of(second.of(i, 9))];
  EXPECT_GT(lines.size(), 250U);  // 331 expected of 400 balls in 1,024 bins
  for (const auto& [line, count] : lines) EXPECT_LT(count, 8) << line;
}

TEST(LimitHash, NamesThatMeetUnderOneKeyPartUnderAnother) {
  SeededRng first_rng(1), second_rng(2);
  const LimitHash first(first_rng), second(second_rng);
  std::map<std::uint64_t, std::vector<std::string>> by_low_bits;
  for (int i = 0; i < 20000; ++i) {
    const auto name = "name" + std::to_string(i * 7919);
    by_low_bits[first.of(as_bytes(name)) & 0x3F].push_back(name);
  }
  std::map<std::uint64_t, int> bins;
  for (const auto& name : by_low_bits.begin()->second) ++bins[second.of(as_bytes(name)) & 0x3F];
  EXPECT_GT(bins.size(), 55U);
}

TEST(LimitHash, EveryOctetAndTheLengthCount) {
  SeededRng rng(1);
  const LimitHash hash(rng);
  for (std::size_t size = 0; size <= 70; ++size) {
    Bytes data(size, 0);
    const auto plain = hash.of(data);
    Bytes longer(size + 1, 0);
    EXPECT_NE(hash.of(longer), plain) << size;
    for (std::size_t at = 0; at < size; ++at) {
      data[at] ^= 0x20;
      EXPECT_NE(hash.of(data), plain) << size << " " << at;
      data[at] ^= 0x20;
    }
  }
}

}  // namespace
}  // namespace onoma::serve
