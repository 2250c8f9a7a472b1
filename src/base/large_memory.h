// Memory for large things: in huge pages where the system has them, so that the first touch of a gigabyte
// costs hundreds of page faults and not hundreds of thousands. Small requests go to the ordinary allocator.
// Any thread. Throws std::bad_alloc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace onoma {

// From here on memory comes in huge pages, and begins at one.
inline constexpr std::size_t kHugePageOctets = std::size_t{2} << 20;

// Octets that nothing has written to; at the beginning of a cache line.
void* take_large(std::size_t octets);
void give_large(void* at, std::size_t octets) noexcept;  // as many as were taken

std::shared_ptr<std::uint8_t> large_memory(std::size_t octets);

// For containers that grow to many megabytes. What resize() adds of trivial types is unwritten memory.
template <class T>
struct LargeAllocator {
  using value_type = T;
  LargeAllocator() = default;
  template <class U>
  LargeAllocator(const LargeAllocator<U>&) {}  // NOLINT(google-explicit-constructor): allocators convert
  T* allocate(std::size_t count) { return static_cast<T*>(take_large(count * sizeof(T))); }
  void deallocate(T* at, std::size_t count) noexcept { give_large(at, count * sizeof(T)); }
  template <class U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <class U, class... Arguments>
  void construct(U* at, Arguments&&... arguments) {
    std::construct_at(at, std::forward<Arguments>(arguments)...);
  }
  bool operator==(const LargeAllocator&) const = default;
};
template <class T>
using LargeVector = std::vector<T, LargeAllocator<T>>;
using LargeBytes = LargeVector<std::uint8_t>;

}  // namespace onoma
