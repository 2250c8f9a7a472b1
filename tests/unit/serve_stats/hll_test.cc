// HyperLogLog in ICANN's form: its published vectors, its error, and what it refuses.
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "serve/stats_hll.h"

namespace onoma::serve {
namespace {

const Bytes kV4{192, 0, 2, 1};
const Bytes kV6{0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x30};

// The vectors of github.com/icann/dns-magnitude-hll.
TEST(Hll, HashesClientsAsIcannDoes) {
  EXPECT_EQ(client_hash(kV4), 0xb15ce949ae6f3312U);
  EXPECT_EQ(client_hash(Bytes{192, 168, 1, 1}), 0x39ca3847248ef94eU);
  EXPECT_EQ(client_hash(kV6), 0x1a8286592f9f366dU);
}

TEST(Hll, IsStoredAsIcannDoes) {
  Hll hll;
  EXPECT_EQ(hll.storage(), (Bytes{0x11, 0x8e, 0x40}));
  hll.add(client_hash(kV4));
  EXPECT_EQ(hll.storage(), (Bytes{0x13, 0x8e, 0x40, 0xcc, 0x48, 0x60}));
  hll.add(client_hash(kV6));
  EXPECT_EQ(hll.storage(), (Bytes{0x13, 0x8e, 0x40, 0xcc, 0x48, 0x7b, 0x36, 0x8c}));
  EXPECT_EQ(hll.count(), 3U);  // 2.0001, rounded up
}

TEST(Hll, NetworksHaveOneHash) {
  EXPECT_EQ(client_hash(Bytes{192, 0, 2, 200}), client_hash(kV4));
  EXPECT_NE(source_hashes(Bytes{192, 0, 2, 200}).address, source_hashes(kV4).address);
  auto neighbour = kV6;
  neighbour[6] = 1;
  EXPECT_EQ(client_hash(neighbour), client_hash(kV6));
  EXPECT_NE(source_hashes(neighbour).network, source_hashes(kV6).network);
  neighbour = kV6;
  neighbour[8] = 1;
  EXPECT_EQ(source_hashes(neighbour).network, source_hashes(kV6).network);
  EXPECT_NE(source_hashes(neighbour).address, source_hashes(kV6).address);
}

// The standard error is 1.04 / sqrt(2^14) = 0.81 %: four of them, and one for rounding.
TEST(Hll, ErrorStaysWithinFourStandardErrors) {
  std::mt19937_64 random(7);
  Hll hll;
  std::uint64_t added = 0;
  for (const std::uint64_t size : {1U, 10U, 100U, 1000U, 10000U, 40000U, 100000U, 1000000U}) {
    for (; added < size; ++added) hll.add(random());
    EXPECT_NEAR(static_cast<double>(hll.count()), static_cast<double>(size),
                1 + 0.0325 * static_cast<double>(size));
  }
}

TEST(Hll, MergingIsAddingBoth) {
  std::mt19937_64 random(8);
  Hll a, b, both;
  HllCells cells(2);
  for (int i = 0; i < 30000; ++i) {
    const auto hash = random();
    (i % 2 == 0 ? a : b).add(hash);
    both.add(hash);
    if (i % 2 == 0) cells.add(hash, 1);
  }
  Hll read;
  cells.merge_into(read, 1);
  EXPECT_EQ(read, a);
  a.merge(b);
  EXPECT_EQ(a, both);
  cells.clear(1);
  Hll empty;
  cells.merge_into(empty, 1);
  EXPECT_EQ(empty, Hll());
}

TEST(Hll, WhatWasStoredIsReadBack) {
  std::mt19937_64 random(9);
  Hll hll;
  for (const int size : {0, 1, 500, 5000, 100000}) {
    for (int i = 0; i < size; ++i) hll.add(random());
    const auto read = Hll::from_storage(hll.storage());
    ASSERT_TRUE(read) << size;
    EXPECT_EQ(*read, hll) << size;
  }
  EXPECT_EQ(hll.storage().size(), 3U + kHllRegisters * 5 / 8);
}

TEST(Hll, OtherFormsAreRefused) {
  Hll hll;
  hll.add(client_hash(kV4));
  const auto good = hll.storage();
  for (const std::size_t at : {0U, 1U}) {
    auto bad = good;
    bad[at] ^= 0x21;
    EXPECT_FALSE(Hll::from_storage(bad)) << at;
  }
  EXPECT_FALSE(Hll::from_storage({}));
  EXPECT_FALSE(Hll::from_storage(Bytes{0x14, 0x8e, 0x40, 1, 2, 3}));
  EXPECT_FALSE(Hll::from_storage(Bytes{0x11, 0x8e, 0x40, 1}));
}

}  // namespace
}  // namespace onoma::serve
