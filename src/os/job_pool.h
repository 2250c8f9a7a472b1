// JobPool runs jobs on a few threads of lower priority than the packet workers; SerialQueue runs the jobs of
// one owner one after another on a pool. For pure functions (sign, hash, check, compile) and sequencers; a
// job that waits for the network or a person does not belong here. Every method may be called from any thread
// unless it says otherwise. A job must not throw.
//
// A pool with no threads is for tests: nothing runs until run_ready(), and with a ManualClock time stands
// still too.
#pragma once

#include <chrono>
#include <compare>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/parallel.h"
#include "base/time.h"

namespace onoma::os {

using Job = std::move_only_function<void()>;

struct JobPoolOptions {
  std::size_t threads = 1;
  int nice = 5;  // added to the threads' nice value
  std::string name = "job";
  const Clock* clock = nullptr;  // for delayed jobs; null: the system's. Must outlive the pool
};

class JobPool {
 public:
  // Names a delayed job until it starts.
  struct Timer {
    Duration due{};
    std::uint64_t number = 0;  // 0: no job
    auto operator<=>(const Timer&) const = default;
  };

  explicit JobPool(const JobPoolOptions& options = {});
  ~JobPool();  // stop()
  JobPool(const JobPool&) = delete;
  JobPool& operator=(const JobPool&) = delete;

  // Jobs start in the order posted. False, and the job is dropped, once stop() has begun.
  bool post(Job job);
  // Starts not before `due` of the clock's steady() reading. A Timer with number 0 once stop() has begun.
  Timer post_at(Duration due, Job job);
  Timer post_after(Duration delay, Job job) { return post_at(now() + delay, std::move(job)); }
  // True: the job will not run and is destroyed. False: it has started, or has been cancelled before.
  bool cancel(const Timer& timer);

  // Takes no more jobs, drops the delayed ones that are not due, runs everything posted before, joins.
  // Idempotent. Not from a job.
  void stop();

  Duration now() const { return clock_->steady(); }
  std::size_t threads() const { return threads_.size(); }
  std::size_t waiting() const;  // jobs posted and due, not started

  // In a pool without threads: runs jobs and due delayed jobs, also those they post, until none is ready.
  // Returns how many ran.
  std::size_t run_ready();

 private:
  void run();
  void collect_due();  // lock held

  const Clock* clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> ready_;
  std::map<Timer, Job> delayed_;
  std::uint64_t timers_made_ = 0;
  bool stopping_ = false;
  std::mutex stop_mutex_;
  std::vector<std::thread> threads_;
};

// Jobs of one queue never run at the same time and run in the order posted; what one job wrote the next one
// sees. Different queues share the pool's threads fairly. The pool must outlive the queue.
class SerialQueue {
 public:
  explicit SerialQueue(JobPool& pool);
  ~SerialQueue();  // stop()
  SerialQueue(const SerialQueue&) = delete;
  SerialQueue& operator=(const SerialQueue&) = delete;

  // False, and the job is dropped, once stop() has begun or the pool has stopped.
  bool post(Job job);
  // Posted to the queue when due; dropped if the queue has stopped by then.
  JobPool::Timer post_at(Duration due, Job job);
  JobPool::Timer post_after(Duration delay, Job job) { return post_at(pool_.now() + delay, std::move(job)); }
  bool cancel(const JobPool::Timer& timer) { return pool_.cancel(timer); }

  // Waits until every job posted before has run. Not from a job of this queue. In a pool without threads it
  // runs them.
  void drain();
  // No new jobs; waits for the old ones. Idempotent.
  void stop();

  std::size_t waiting() const;
  bool is_current() const;  // called from a job of this queue?

 private:
  struct State;
  static void run(const std::shared_ptr<State>& state);
  JobPool& pool_;
  std::shared_ptr<State> state_;
};

// Calls fn(0) … fn(n-1), spread over the pool and the calling thread, in chunks of `grain`; returns when all
// are done. The caller works too, so it may be called from a job, and a busy pool only makes it slower.
void parallel_for(JobPool& pool, std::size_t n, const std::function<void(std::size_t)>& fn,
                  std::size_t grain = 1);

// Help for code that has no threads (base/parallel.h): every call spreads its tasks over the caller and up to
// threads-1 others, which live as long as the call. 0: as many as this process has CPUs.
Parallel on_threads(std::size_t threads = 0);

}  // namespace onoma::os
