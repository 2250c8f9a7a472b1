// Waiters: tells requests when their event has gone through publishing, without keeping a thread for each.
// One thread waits for the oldest event that somebody asks about; the others follow in order, as events do.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "base/time.h"

namespace onoma::front {

class Waiters {
 public:
  // True: every zone has worked through the event. False: not within the time, or the door closes.
  using Done = std::move_only_function<void(bool)>;
  using WaitFor = std::function<bool(std::uint64_t seq, Duration timeout)>;

  explicit Waiters(WaitFor wait_for);
  ~Waiters();  // answers everybody with false

  // Calls `done` on the thread of this object, within about `timeout`. Above 10,000 waiters, and after the
  // end, at once.
  void add(std::uint64_t seq, Duration timeout, Done done);

 private:
  struct Waiter {
    std::chrono::steady_clock::time_point deadline;
    Done done;
  };
  void run();

  WaitFor wait_for_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<std::uint64_t, Waiter> waiting_;
  bool stopping_ = false;
  std::thread thread_;  // last: starts when everything is there
};

}  // namespace onoma::front
