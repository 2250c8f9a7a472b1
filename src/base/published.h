// Published<T>: an immutable value that one writer replaces and many readers read without waiting.
// A reader compares one generation number per use and copies a pointer only when it changed, so that the
// steady state costs one load of a shared cache line. Replaced values are freed by a later publish() on the
// writer's side, once no reader holds them; a reader that is about to block for long calls release() to let
// its value go.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace onoma {

template <class T>
class Published {
 public:
  using Pointer = std::shared_ptr<const T>;

  // One per reading thread; must not outlive the Published.
  class Reader {
   public:
    explicit Reader(const Published& source) : source_(&source) {}
    // Never null. The reference is good until the next get() or release() of this Reader.
    const T& get() {
      if (source_->generation_.load(std::memory_order_acquire) != generation_ || !held_) refresh();
      return *held_;
    }
    void release() { held_.reset(); }

   private:
    void refresh() {
      std::scoped_lock lock(source_->mutex_);
      held_ = source_->current_;
      generation_ = source_->generation_.load(std::memory_order_relaxed);
    }
    const Published* source_;
    Pointer held_;
    std::uint64_t generation_ = 0;
  };

  explicit Published(Pointer first) : current_(std::move(first)) {}

  // Any thread; writers exclude each other.
  void publish(Pointer next) {
    std::vector<Pointer> dead;  // destroyed after the lock is let go
    std::scoped_lock lock(mutex_);
    retired_.push_back(std::exchange(current_, std::move(next)));
    generation_.fetch_add(1, std::memory_order_release);
    std::erase_if(retired_, [&](Pointer& old) {
      if (old.use_count() != 1) return false;
      dead.push_back(std::move(old));
      return true;
    });
  }

  // Any thread, takes a lock: for the control plane.
  Pointer snapshot() const {
    std::scoped_lock lock(mutex_);
    return current_;
  }

 private:
  mutable std::mutex mutex_;
  std::atomic<std::uint64_t> generation_{1};
  Pointer current_;
  std::vector<Pointer> retired_;
};

}  // namespace onoma
