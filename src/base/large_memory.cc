#include "base/large_memory.h"

#include <new>

#include <sys/mman.h>

namespace onoma {

namespace {

constexpr std::align_val_t kLine{64};

std::size_t whole_pages(std::size_t octets) {
  return (octets + kHugePageOctets - 1) / kHugePageOctets * kHugePageOctets;
}

}  // namespace

void* take_large(std::size_t octets) {
  if (octets < kHugePageOctets) return ::operator new(octets, kLine);
  // A huge page is one only where it begins at a multiple of its size: ask for one more and give the ends
  // back.
  const auto wanted = whole_pages(octets);
  if (wanted < octets) throw std::bad_alloc();
  auto* memory =
      ::mmap(nullptr, wanted + kHugePageOctets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<std::uint8_t*>(memory);
  const auto skip =
      (kHugePageOctets - reinterpret_cast<std::uintptr_t>(begin) % kHugePageOctets) % kHugePageOctets;
  if (skip > 0) ::munmap(begin, skip);
  ::munmap(begin + skip + wanted, kHugePageOctets - skip);
  ::madvise(begin + skip, wanted, MADV_HUGEPAGE);
  return begin + skip;
}

void give_large(void* at, std::size_t octets) noexcept {
  if (octets < kHugePageOctets)
    ::operator delete(at, kLine);
  else
    ::munmap(at, whole_pages(octets));
}

std::shared_ptr<std::uint8_t> large_memory(std::size_t octets) {
  return {static_cast<std::uint8_t*>(take_large(octets)),
          [octets](std::uint8_t* at) { give_large(at, octets); }};
}

}  // namespace onoma
