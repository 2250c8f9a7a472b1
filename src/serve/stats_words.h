// LazyCells: an array of zeroed numbers whose memory is touched only where something is stored, with atomic
// access: one writer, any number of readers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>

namespace onoma::serve {

template <class T>
class LazyCells {
 public:
  explicit LazyCells(std::size_t size) : cells_(static_cast<T*>(std::calloc(size, sizeof(T)))) {
    if (!cells_) std::abort();
  }
  T load(std::size_t i, std::memory_order order) const { return std::atomic_ref<T>(cells_[i]).load(order); }
  void store(std::size_t i, T value, std::memory_order order) {
    std::atomic_ref<T>(cells_[i]).store(value, order);
  }
  void prefetch(std::size_t i) const { __builtin_prefetch(&cells_[i], 1); }

 private:
  struct Free {
    void operator()(T* cells) const { std::free(cells); }  // NOLINT(cppcoreguidelines-no-malloc)
  };
  std::unique_ptr<T[], Free> cells_;
};

}  // namespace onoma::serve
