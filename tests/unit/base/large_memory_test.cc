#include "base/large_memory.h"

#include <numeric>

#include <gtest/gtest.h>

namespace onoma {
namespace {

TEST(LargeMemory, IsThereAndGoesAgain) {
  for (const std::size_t octets :
       {std::size_t{1}, std::size_t{5000}, std::size_t{3} << 20, std::size_t{4} << 20}) {
    const auto memory = large_memory(octets);
    memory.get()[0] = 1;
    memory.get()[octets - 1] = 2;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % 64, 0U);
  }
}

TEST(LargeVector, KeepsWhatItHoldsWhileItGrowsPastAPage) {
  LargeVector<std::uint64_t> numbers;
  for (std::uint64_t i = 0; i < 700'000; ++i) numbers.push_back(i);
  const auto copy = numbers;
  EXPECT_EQ(std::accumulate(copy.begin(), copy.end(), std::uint64_t{0}), 700'000ULL * 699'999 / 2);
  LargeBytes octets(3 * kHugePageOctets, 7);
  octets.resize(4);
  octets.shrink_to_fit();
  EXPECT_EQ(octets, LargeBytes(4, 7));
}

}  // namespace
}  // namespace onoma
