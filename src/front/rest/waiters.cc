#include "front/rest/waiters.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace onoma::front {
namespace {
constexpr std::size_t kMaxWaiters = 10'000;
// How long one look at the oldest event may take: bounds how late a deadline is noticed.
constexpr auto kPatience = std::chrono::milliseconds{50};
}  // namespace

Waiters::Waiters(WaitFor wait_for) : wait_for_(std::move(wait_for)), thread_([this] { run(); }) {}

Waiters::~Waiters() {
  {
    std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  for (auto& [seq, waiter] : waiting_) waiter.done(false);
}

void Waiters::add(std::uint64_t seq, Duration timeout, Done done) {
  {
    std::scoped_lock lock(mutex_);
    if (!stopping_ && waiting_.size() < kMaxWaiters) {
      waiting_.emplace(seq, Waiter{std::chrono::steady_clock::now() + timeout, std::move(done)});
      changed_.notify_all();
      return;
    }
  }
  done(false);
}

void Waiters::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto oldest = waiting_.begin()->first;
    lock.unlock();
    const bool reached = wait_for_(oldest, kPatience);
    lock.lock();
    const auto now = std::chrono::steady_clock::now();
    std::vector<std::pair<Done, bool>> ready;
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      const bool done = reached && it->first <= oldest;
      if (!done && it->second.deadline > now) {
        ++it;
        continue;
      }
      ready.emplace_back(std::move(it->second.done), done);
      it = waiting_.erase(it);
    }
    lock.unlock();
    for (auto& [done, result] : ready) done(result);
    lock.lock();
  }
}

}  // namespace onoma::front
