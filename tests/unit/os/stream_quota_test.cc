#include "os/stream_quota.h"

#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "client.h"

namespace onoma::os {
namespace {

bool take(StreamQuota& quota, std::string_view address) {
  return quota.take(test::endpoint(address).address_bytes());
}
void give_back(StreamQuota& quota, std::string_view address) {
  quota.give_back(test::endpoint(address).address_bytes());
}

TEST(StreamQuota, CountsHostsAndTheirNetworks) {
  StreamQuota quota({.per_host = 2, .per_network = 3, .exempt = {}});
  EXPECT_TRUE(take(quota, "192.0.2.1:1"));
  EXPECT_TRUE(take(quota, "192.0.2.1:2"));
  EXPECT_FALSE(take(quota, "192.0.2.1:3")) << "a third of one host";
  EXPECT_TRUE(take(quota, "192.0.2.2:1"));
  EXPECT_FALSE(take(quota, "192.0.2.3:1")) << "a fourth of one /24";
  EXPECT_TRUE(take(quota, "192.0.3.1:1"));

  EXPECT_TRUE(take(quota, "[2001:db8:0:1::1]:1"));
  EXPECT_TRUE(take(quota, "[2001:db8:0:1:ffff::2]:1"));
  EXPECT_FALSE(take(quota, "[2001:db8:0:1::3]:1")) << "a third of one /64";
  EXPECT_TRUE(take(quota, "[2001:db8:0:2::1]:1"));
  EXPECT_FALSE(take(quota, "[2001:db8:0:3::1]:1")) << "a fourth of one /48";
  EXPECT_TRUE(take(quota, "[2001:db8:1:1::1]:1"));
}

TEST(StreamQuota, WhatIsGivenBackIsFreeAndNothingIsLeft) {
  StreamQuota quota({.per_host = 1, .per_network = 0, .exempt = {}});
  EXPECT_TRUE(take(quota, "192.0.2.1:1"));
  EXPECT_FALSE(take(quota, "192.0.2.1:1"));
  give_back(quota, "192.0.2.1:1");
  EXPECT_EQ(quota.entries(), 0U);
  EXPECT_TRUE(take(quota, "192.0.2.1:1"));
  EXPECT_EQ(quota.entries(), 2U);
}

TEST(StreamQuota, ARefusalCountsNothing) {
  StreamQuota quota({.per_host = 0, .per_network = 1, .exempt = {}});
  EXPECT_TRUE(take(quota, "192.0.2.1:1"));
  EXPECT_FALSE(take(quota, "192.0.2.2:1"));
  give_back(quota, "192.0.2.1:1");
  EXPECT_EQ(quota.entries(), 0U);
}

TEST(StreamQuota, ExemptNetworksAndZeroLimitsAreNotCounted) {
  StreamQuota quota({.per_host = 1,
                     .per_network = 1,
                     .exempt = PrefixList::parse({"192.0.2.0/24"}).value_or(PrefixList())});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(take(quota, "192.0.2.1:1"));
  EXPECT_EQ(quota.entries(), 0U);
  give_back(quota, "192.0.2.1:1");
  StreamQuota none({.per_host = 0, .per_network = 0, .exempt = {}});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(take(none, "192.0.2.1:1"));
}

TEST(StreamQuota, ThreadsTogetherKeepTheLimit) {
  StreamQuota quota({.per_host = 7, .per_network = 0, .exempt = {}});
  std::atomic<int> held{0};
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        if (!take(quota, "192.0.2.1:1")) continue;
        if (++held > 7) over = true;
        --held;
        give_back(quota, "192.0.2.1:1");
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(over);
  EXPECT_EQ(quota.entries(), 0U);
}

}  // namespace
}  // namespace onoma::os
