#include "os/job_pool.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/check.h"
#include "os/thread.h"

namespace onoma::os {
namespace {

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

// Jobs of one queue that run before other queues get their turn.
constexpr int kTurn = 16;

thread_local const void* current_queue = nullptr;

}  // namespace

JobPool::JobPool(const JobPoolOptions& options)
    : clock_(options.clock != nullptr ? options.clock : &system_clock()) {
  for (std::size_t i = 0; i < options.threads; ++i)
    threads_.push_back(start_thread(
        {.name = options.name + std::to_string(i), .cpu = -1, .nice = options.nice}, [this] { run(); }));
}

JobPool::~JobPool() {
  stop();
}

bool JobPool::post(Job job) {
  {
    std::scoped_lock lock(mutex_);
    if (stopping_) return false;
    ready_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

JobPool::Timer JobPool::post_at(Duration due, Job job) {
  Timer timer{.due = due, .number = 0};
  {
    std::scoped_lock lock(mutex_);
    if (stopping_) return timer;
    timer.number = ++timers_made_;
    delayed_.emplace(timer, std::move(job));
  }
  changed_.notify_one();
  return timer;
}

bool JobPool::cancel(const Timer& timer) {
  Job dropped;  // destroyed after the lock is let go: what it holds may call back
  std::scoped_lock lock(mutex_);
  const auto found = delayed_.find(timer);
  if (found == delayed_.end()) return false;
  dropped = std::move(found->second);
  delayed_.erase(found);
  return true;
}

void JobPool::collect_due() {
  if (delayed_.empty()) return;
  const Duration present = clock_->steady();
  while (!delayed_.empty() && delayed_.begin()->first.due <= present) {
    ready_.push_back(std::move(delayed_.begin()->second));
    delayed_.erase(delayed_.begin());
  }
}

void JobPool::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!stopping_) collect_due();
    if (!ready_.empty()) {
      Job job = std::move(ready_.front());
      ready_.pop_front();
      // Whoever was woken for several jobs that fell due together passes the news on.
      if (!ready_.empty()) changed_.notify_one();
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
      continue;
    }
    if (stopping_) return;
    if (delayed_.empty()) {
      changed_.wait(lock);
    } else {
      const Duration wait = delayed_.begin()->first.due - clock_->steady();
      changed_.wait_for(lock, std::clamp<Duration>(wait, Duration{1}, std::chrono::hours{1}));
    }
  }
}

void JobPool::stop() {
  std::map<Timer, Job> dropped;
  {
    std::scoped_lock lock(mutex_);
    if (!stopping_) collect_due();
    stopping_ = true;
    dropped.swap(delayed_);
  }
  changed_.notify_all();
  std::scoped_lock only_one(stop_mutex_);
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
  if (threads_.empty()) run_ready();
}

std::size_t JobPool::waiting() const {
  std::scoped_lock lock(mutex_);
  return ready_.size();
}

std::size_t JobPool::run_ready() {
  CHECK(threads_.empty());
  std::size_t ran = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!stopping_) collect_due();
    if (ready_.empty()) return ran;
    Job job = std::move(ready_.front());
    ready_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    ++ran;
    lock.lock();
  }
}

struct SerialQueue::State {
  explicit State(JobPool& owner) : pool(owner) {}
  JobPool& pool;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> jobs;
  bool scheduled = false;  // a run() is in the pool or at work
  bool closed = false;
  std::uint64_t posted = 0;
  std::uint64_t done = 0;
};

SerialQueue::SerialQueue(JobPool& pool) : pool_(pool), state_(std::make_shared<State>(pool)) {}

SerialQueue::~SerialQueue() {
  stop();
}

namespace {

// What post() and a timer that fell due have in common.
template <class State, class Run>
bool enqueue(const std::shared_ptr<State>& state, Job job, Run run) {
  Job refused;  // destroyed after the lock is let go: what it holds may call back
  std::scoped_lock lock(state->mutex);
  if (state->closed) return false;
  state->jobs.push_back(std::move(job));
  ++state->posted;
  if (state->scheduled) return true;
  state->scheduled = true;
  if (state->pool.post([state, run] { run(state); })) return true;
  state->scheduled = false;
  refused = std::move(state->jobs.back());
  state->jobs.pop_back();
  --state->posted;
  return false;
}

}  // namespace

bool SerialQueue::post(Job job) {
  return enqueue(state_, std::move(job), &SerialQueue::run);
}

JobPool::Timer SerialQueue::post_at(Duration due, Job job) {
  return pool_.post_at(due, [state = state_, job = std::move(job)]() mutable {
    enqueue(state, std::move(job), &SerialQueue::run);
  });
}

void SerialQueue::run(const std::shared_ptr<State>& state) {
  const void* outer = std::exchange(current_queue, state.get());
  std::unique_lock lock(state->mutex);
  for (int turn = 0; !state->jobs.empty(); ++turn) {
    // A pool that stops takes no more jobs but waits for this one: then the rest runs here and now.
    if (turn >= kTurn && state->pool.post([state] { run(state); })) {
      current_queue = outer;
      return;
    }
    Job job = std::move(state->jobs.front());
    state->jobs.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
    ++state->done;
    state->changed.notify_all();
  }
  state->scheduled = false;
  current_queue = outer;
}

void SerialQueue::drain() {
  CHECK(!is_current());
  std::unique_lock lock(state_->mutex);
  const auto wanted = state_->posted;
  while (state_->done < wanted) {
    if (pool_.threads() == 0) {
      lock.unlock();
      pool_.run_ready();
      lock.lock();
    } else {
      state_->changed.wait(lock);
    }
  }
}

void SerialQueue::stop() {
  {
    std::scoped_lock lock(state_->mutex);
    state_->closed = true;
  }
  drain();
}

std::size_t SerialQueue::waiting() const {
  std::scoped_lock lock(state_->mutex);
  return state_->jobs.size();
}

bool SerialQueue::is_current() const {
  return current_queue == state_.get();
}

void parallel_for(JobPool& pool, std::size_t n, const std::function<void(std::size_t)>& fn,
                  std::size_t grain) {
  CHECK(grain > 0);
  struct Shared {
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::condition_variable finished;
    std::size_t done = 0;  // indexes finished
  };
  // A helper may start after everything is done and even after this call returned: it then finds no index
  // left and touches nothing but what it shares in owning.
  auto shared = std::make_shared<Shared>();
  const auto work = [shared, n, grain, call = &fn] {
    std::size_t mine = 0;
    for (;;) {
      const std::size_t from = shared->next.fetch_add(grain);
      if (from >= n) break;
      const std::size_t to = std::min(n, from + grain);
      for (std::size_t i = from; i < to; ++i) (*call)(i);
      mine += to - from;
    }
    if (mine == 0) return;
    std::scoped_lock lock(shared->mutex);
    shared->done += mine;
    if (shared->done == n) shared->finished.notify_all();
  };
  const std::size_t chunks = (n + grain - 1) / grain;
  for (std::size_t i = 0; i + 1 < chunks && i < pool.threads(); ++i)
    if (!pool.post(work)) break;
  work();
  std::unique_lock lock(shared->mutex);
  shared->finished.wait(lock, [&] { return shared->done >= n; });
}

Parallel on_threads(std::size_t threads) {
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  return [threads](std::size_t tasks, const std::function<void(std::size_t)>& run) {
    if (tasks <= 1 || threads == 1) return serially(tasks, run);
    JobPool pool({.threads = std::min(tasks, threads) - 1, .nice = 0, .name = "help"});
    parallel_for(pool, tasks, run);
  };
}

}  // namespace onoma::os
