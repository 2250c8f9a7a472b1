// The limiter allocates nothing once it is made.
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "limit_support.h"
#include "support/counting_new.h"

namespace onoma::serve::test {
namespace {

TEST(LimitAllocation, NoneAfterConstruction) {
  if (!onoma::test::kCountsAllocations) GTEST_SKIP() << "the sanitizer has an operator new of its own";
  LimitOptions options;
  options.mode = LimitMode::on;
  options.enclosers = 16;
  Bench bench(options);
  std::mt19937_64 random(1);
  std::array<std::uint8_t, 16> peer{};
  std::array<std::uint8_t, 12> name{};
  std::array<FloodReport, kFloodReports> reports;
  std::size_t passed = 0, withheld = 0;
  const auto before = onoma::test::allocations();
  for (std::size_t i = 0; i < 300000; ++i) {
    bench.now += Duration(20);
    bench.limiter.tick(bench.now);
    store_u32(peer.data(), static_cast<std::uint32_t>(i % 2 == 0 ? 7 : random()));
    store_u32(name.data(), static_cast<std::uint32_t>(random()));
    const auto address = ByteView(peer).first(i % 3 == 0 ? 16 : 4);
    if (bench.limiter.early_drop(address)) continue;
    const auto action = bench.limiter.judge({.peer = address,
                                             .what = static_cast<ResponseClass>(i % kResponseClasses),
                                             .name = name,
                                             .encloser = ByteView(name).subspan(4, i % 5 == 0 ? 8 : 4)});
    ++(action == LimitAction::pass ? passed : withheld);
    if (i % 1000 == 0) bench.limiter.reports(reports);
  }
  EXPECT_EQ(onoma::test::allocations(), before);
  EXPECT_GT(passed, 0U);
  EXPECT_GT(withheld, 0U);
  const std::vector<int> some(100 + passed % 2);
  EXPECT_EQ(onoma::test::allocations(), before + (some.empty() ? 0 : 1))
      << "the counting itself does not work";
}

}  // namespace
}  // namespace onoma::serve::test
