// Service times, frequent keys and domains, against exact counts.
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "serve/stats_counts.h"
#include "serve/stats_magnitude.h"
#include "serve/stats_top.h"

namespace onoma::serve {
namespace {

Bytes key_of(std::uint32_t n) {
  Bytes out{0, 0, 0, 0};
  store_u32(out.data(), n);
  return out;
}
std::uint64_t hash_of(std::uint64_t n) {
  n = (n + 1) * 0x9e3779b97f4a7c15U;
  n = (n ^ n >> 29) * 0xbf58476d1ce4e5b9U;
  return n ^ n >> 32;
}
// Ranks from 1 on with frequencies that fall like 1 / rank.
class Zipf {
 public:
  explicit Zipf(std::size_t size) {
    std::vector<double> weights;
    for (std::size_t i = 1; i <= size; ++i) weights.push_back(1.0 / static_cast<double>(i));
    ranks_ = std::discrete_distribution<std::uint32_t>(weights.begin(), weights.end());
  }
  std::uint32_t operator()(std::mt19937_64& random) { return ranks_(random); }

 private:
  std::discrete_distribution<std::uint32_t> ranks_;
};

TEST(Latency, PartsFollowEachOtherAndAreNarrow) {
  for (std::size_t part = 0; part + 1 < LatencyScale::kParts; ++part) {
    const auto begin = LatencyScale::begin_of(part), end = LatencyScale::begin_of(part + 1);
    EXPECT_LT(begin, end);
    EXPECT_LE(end - begin, begin / 8);
    EXPECT_EQ(LatencyScale::part_of(begin), part);
    EXPECT_EQ(LatencyScale::part_of(end - 1), part);
  }
  EXPECT_EQ(LatencyScale::part_of(0), 0U);
  EXPECT_EQ(LatencyScale::part_of(~std::uint64_t{0}), LatencyScale::kParts - 1);
}

TEST(Latency, QuantilesAreOffByAnEighthAtMost) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> power(std::log(100.0), std::log(1e10));
  StatsCounts counts;
  std::vector<double> exact;
  for (int i = 0; i < 20000; ++i) {
    const auto ns = static_cast<std::uint64_t>(std::exp(power(random)));
    exact.push_back(static_cast<double>(ns));
    ++counts.cells[StatsCounts::kLatencies + LatencyScale::part_of(ns)];
  }
  std::sort(exact.begin(), exact.end());
  for (const double q : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto want = exact[static_cast<std::size_t>(std::ceil(q * 20000)) - 1];
    EXPECT_NEAR(static_cast<double>(counts.latency_quantile(q)), want, want * 0.125) << q;
  }
  EXPECT_EQ(counts.latency_count(), 20000U);
  const auto below =
      static_cast<std::uint64_t>(std::lower_bound(exact.begin(), exact.end(), 1048576.0) - exact.begin());
  EXPECT_EQ(counts.latency_below(1048576), below);
  EXPECT_EQ(StatsCounts().latency_quantile(0.5), 0U);
}

TEST(Top, EveryCountIsBoundedAndTheFrequentAreFound) {
  std::mt19937_64 random(2);
  Zipf zipf(20000);
  TopSketch a(64), b(64);
  std::map<Bytes, std::uint64_t> exact;
  for (int i = 0; i < 200000; ++i) {
    const auto n = zipf(random);
    ++exact[key_of(n)];
    (i % 3 == 0 ? a : b).add(hash_of(n), key_of(n), 1);
  }
  const auto top = TopSketch::merged({&a, &b}, 10000);
  for (const auto& entry : top) {
    EXPECT_GE(entry.count, exact[entry.key]);
    EXPECT_LE(entry.count - entry.error, exact[entry.key]);
  }
  for (std::uint32_t rank = 0; rank < 20; ++rank) {
    const auto found =
        std::find_if(top.begin(), top.end(), [&](const auto& e) { return e.key == key_of(rank); });
    ASSERT_NE(found, top.end()) << rank;
    EXPECT_LT(found - top.begin(), 40) << rank;
  }
  EXPECT_EQ(TopSketch::merged({&a, &b}, 5).size(), 5U);
}

TEST(Top, WhileThereIsRoomMergingEqualsOneSketch) {
  std::mt19937_64 random(3);
  TopSketch a(64), b(64), one(64);
  for (int i = 0; i < 20000; ++i) {
    const auto n = static_cast<std::uint32_t>(random() % 100);
    (i % 2 == 0 ? a : b).add(hash_of(n), key_of(n), 3);
    one.add(hash_of(n), key_of(n), 3);
  }
  const auto merged = TopSketch::merged({&a, &b}, 1000);
  EXPECT_EQ(merged, TopSketch::merged({&one}, 1000));
  EXPECT_EQ(merged.size(), 100U);
  for (const auto& entry : merged) EXPECT_EQ(entry.error, 0U);
}

TEST(Top, LongKeysAreCut) {
  TopSketch sketch(1);
  sketch.add(hash_of(1), Bytes(300, 7), 1);
  EXPECT_EQ(TopSketch::merged({&sketch}, 1).front().key, Bytes(kTopKeyOctets, 7));
}

void query(DomainSketch& sketch, std::uint32_t domain, std::uint64_t client) {
  if (!sketch.add(hash_of(domain), client)) sketch.admit(hash_of(domain), key_of(domain), client);
}

TEST(Domains, FewClientsOfFewDomainsAreExact) {
  DomainSketch a(128, 4), b(128, 4);
  for (std::uint32_t domain = 0; domain < 100; ++domain)
    for (std::uint32_t client = 0; client <= domain % kFewClients; ++client)
      for (int i = 0; i < 3; ++i) query(client % 2 == 0 ? a : b, domain, hash_of(client + 1000000));
  DomainMap map;
  a.merge_into(map);
  b.merge_into(map);
  ASSERT_EQ(map.size(), 100U);
  for (std::uint32_t domain = 0; domain < 100; ++domain) {
    const auto& found = map.at(key_of(domain));
    const auto clients = domain % kFewClients + 1;
    EXPECT_EQ(found.queries, 3U * clients);
    EXPECT_NEAR(static_cast<double>(found.clients.count()), clients, 1);
    EXPECT_FALSE(found.at_least);
  }
}

TEST(Domains, ManyClientsAreEstimatedAndTheSketchEqualsAPlainOne) {
  std::mt19937_64 random(4);
  DomainSketch sketch(16, 2);
  Hll plain;
  for (int i = 0; i < 50000; ++i) {
    const auto client = random();
    plain.add(client);
    query(sketch, 1, client);
  }
  DomainMap map;
  sketch.merge_into(map);
  EXPECT_EQ(map.at(key_of(1)).clients, plain);
  EXPECT_NEAR(static_cast<double>(plain.count()), 50000, 1650);
}

TEST(Domains, WithoutAFreeSketchTheCountIsALowerBoundUntilOneIsTakenOver) {
  std::mt19937_64 random(5);
  DomainSketch sketch(16, 1);
  for (int i = 0; i < 100; ++i) query(sketch, 1, random());
  for (int i = 0; i < 60; ++i) query(sketch, 2, random());
  DomainMap map;
  sketch.merge_into(map);
  EXPECT_FALSE(map.at(key_of(1)).at_least);
  EXPECT_TRUE(map.at(key_of(2)).at_least);
  EXPECT_NEAR(static_cast<double>(map.at(key_of(2)).clients.count()), kFewClients, 1);
  for (int i = 0; i < 5000; ++i) query(sketch, 2, random());
  map.clear();
  sketch.merge_into(map);
  EXPECT_TRUE(map.at(key_of(1)).at_least);
  EXPECT_GT(map.at(key_of(2)).clients.count(), 3500U);
  EXPECT_TRUE(map.at(key_of(2)).at_least);
}

TEST(Domains, AFullBucketGivesUpItsLeastQueriedDomain) {
  DomainSketch sketch(1, 8);
  for (std::uint32_t domain = 0; domain < 8; ++domain) {
    EXPECT_TRUE(sketch.has_room(hash_of(domain)));
    for (std::uint32_t i = 0; i <= (domain == 5 ? 0 : 3 + domain); ++i) query(sketch, domain, i);
  }
  EXPECT_FALSE(sketch.has_room(hash_of(9)));
  EXPECT_FALSE(sketch.add(hash_of(9), 1));
  sketch.admit(hash_of(9), key_of(9), 1);
  DomainMap map;
  sketch.merge_into(map);
  EXPECT_EQ(map.size(), 8U);
  EXPECT_FALSE(map.contains(key_of(5)));
  EXPECT_EQ(map.at(key_of(9)).queries, 1U);
  EXPECT_EQ(map.at(key_of(9)).clients.count(), 2U);  // 1.00003, rounded up
}

}  // namespace
}  // namespace onoma::serve
