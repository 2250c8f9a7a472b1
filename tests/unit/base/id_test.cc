#include "base/id.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace onoma {
namespace {

using namespace std::chrono_literals;

TEST(Id128, SortsByTheMillisecondItWasMade) {
  SeededRng rng(1);
  auto when = from_unix_seconds(1790337600);
  auto last = Id128::make(when, rng);
  for (int i = 0; i < 1000; ++i) {
    when += 1ms;
    const auto next = Id128::make(when, rng);
    EXPECT_LT(last, next);
    EXPECT_LT(last.text(), next.text());  // texts sort alike
    last = next;
  }
}

TEST(Id128, HoldsTheTimeInItsFirst48Bits) {
  SeededRng rng(1);
  EXPECT_EQ(Id128::make(Time{0x0123456789abms}, rng).text().substr(0, 12), "0123456789ab");
}

TEST(Id128, TheRestIsRandom) {
  SeededRng rng(1);
  std::set<Id128> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(Id128::make(Time{}, rng));
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(Id128, TextReadsBack) {
  SystemRng rng;
  const auto id = Id128::make(SystemClock().now(), rng);
  EXPECT_EQ(id.text().size(), 32U);
  EXPECT_EQ(Id128::parse(id.text()), id);
  for (auto text : {"", "00", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef00",
                    "0123456789abcdef0123456789abcdeg", "01234567-89ab-cdef-0123-456789abcdef"})
    EXPECT_FALSE(Id128::parse(text)) << text;
}

TEST(Rng, TheSeededOneRepeatsAndTheSystemOneDoesNot) {
  SeededRng a(5), b(5), c(6);
  const auto first = a.u64();
  EXPECT_EQ(first, b.u64());
  EXPECT_NE(first, c.u64());
  EXPECT_NE(a.u64(), first);
  SystemRng system;
  EXPECT_NE(system.u64(), system.u64());
  system.fill({});
  Bytes large(100'000);  // more than the kernel gives in one call that a signal may cut short
  system.fill(large);
  EXPECT_NE(load_u64(&large[0]), load_u64(&large[99'992]));
}

}  // namespace
}  // namespace onoma
