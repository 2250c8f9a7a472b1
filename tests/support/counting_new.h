// Replaces operator new by one that counts in each thread; for tests of code that must not allocate. Included
// by at most one source of a program. The sanitizers bring an operator new of their own and watch that it
// goes with its operator delete: under them kCountsAllocations is false, allocations() is always 0, and such
// a test has no meaning.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define ONOMA_NEW_IS_TAKEN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define ONOMA_NEW_IS_TAKEN
#endif
#endif

#ifdef ONOMA_NEW_IS_TAKEN

namespace onoma::test {
inline constexpr bool kCountsAllocations = false;
inline std::size_t allocations() {
  return 0;
}
}  // namespace onoma::test

#else

namespace onoma::test {
inline constexpr bool kCountsAllocations = true;
inline thread_local std::size_t allocation_count = 0;
inline std::size_t allocations() {
  return allocation_count;
}
inline void* counted_new(std::size_t size, std::size_t alignment) {
  ++allocation_count;
  void* out = alignment <= alignof(std::max_align_t)
                  ? std::malloc(size == 0 ? 1 : size)
                  : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (out == nullptr) throw std::bad_alloc();
  return out;
}
}  // namespace onoma::test

// NOLINTBEGIN(misc-definitions-in-headers,clang-analyzer-cplusplus.NewDelete): one source of a program has
// them, and what they free is what they allocated.
[[gnu::noinline]] void* operator new(std::size_t size) {
  return onoma::test::counted_new(size, 0);
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return onoma::test::counted_new(size, static_cast<std::size_t>(alignment));
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
// NOLINTEND(misc-definitions-in-headers,clang-analyzer-cplusplus.NewDelete)

#endif
