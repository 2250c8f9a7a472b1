// The limiter allocates nothing once it is made: operator new is replaced by one that counts in this thread.
#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "limit_support.h"

// The sanitizers bring an operator new of their own, and watch that it goes with its operator delete.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define ONOMA_NEW_IS_TAKEN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define ONOMA_NEW_IS_TAKEN
#endif
#endif

#ifndef ONOMA_NEW_IS_TAKEN

namespace {
thread_local std::size_t allocations = 0;
void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* out = alignment <= alignof(std::max_align_t)
                  ? std::malloc(size == 0 ? 1 : size)
                  : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (out == nullptr) throw std::bad_alloc();
  return out;
}
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  return counted(size, 0);
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* at) noexcept {
  std::free(at);
}
[[gnu::noinline]] void operator delete(void* at, std::size_t) noexcept {
  std::free(at);
}
[[gnu::noinline]] void operator delete(void* at, std::align_val_t) noexcept {
  std::free(at);
}
[[gnu::noinline]] void operator delete(void* at, std::size_t, std::align_val_t) noexcept {
  std::free(at);
}

namespace onoma::serve::test {
namespace {

TEST(LimitAllocation, NoneAfterConstruction) {
  LimitOptions options;
  options.mode = LimitMode::on;
  options.enclosers = 16;
  Bench bench(options);
  std::mt19937_64 random(1);
  std::array<std::uint8_t, 16> peer{};
  std::array<std::uint8_t, 12> name{};
  std::array<FloodReport, kFloodReports> reports;
  std::size_t passed = 0, withheld = 0;
  const auto before = allocations;
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
  EXPECT_EQ(allocations, before);
  EXPECT_GT(passed, 0U);
  EXPECT_GT(withheld, 0U);
  const std::vector<int> some(100 + passed % 2);
  EXPECT_EQ(allocations, before + (some.empty() ? 0 : 1)) << "the counting itself does not work";
}

}  // namespace
}  // namespace onoma::serve::test

#endif
