#include "os/job_pool.h"

#include <array>
#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace onoma::os {
namespace {

using namespace std::chrono_literals;

TEST(JobPool, RunsEverythingPostedBeforeItStops) {
  std::atomic<int> ran{0};
  JobPool pool({.threads = 3});
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(pool.post([&] { ++ran; }));
  pool.stop();
  EXPECT_EQ(ran, 1000);
  EXPECT_FALSE(pool.post([&] { ++ran; }));
  EXPECT_EQ(pool.post_after(0s, [&] { ++ran; }).number, 0U);
  pool.stop();
  EXPECT_EQ(ran, 1000);
}

TEST(JobPool, UsesAllItsThreads) {
  std::latch all(3);
  JobPool pool({.threads = 3});
  for (int i = 0; i < 3; ++i) pool.post([&] { all.arrive_and_wait(); });
  all.wait();
}

TEST(JobPool, DelayedJobsRunWhenDueInTheOrderDue) {
  ManualClock clock(from_unix_seconds(1000));
  JobPool pool({.threads = 0, .clock = &clock});
  std::vector<int> ran;
  pool.post_after(20ms, [&] { ran.push_back(2); });
  pool.post_after(10ms, [&] { ran.push_back(1); });
  const auto third = pool.post_after(20ms, [&] { ran.push_back(3); });
  const auto never = pool.post_after(15ms, [&] { ran.push_back(9); });
  EXPECT_EQ(pool.run_ready(), 0U);
  EXPECT_TRUE(pool.cancel(never));
  EXPECT_FALSE(pool.cancel(never));
  clock.advance(10ms);
  EXPECT_EQ(pool.run_ready(), 1U);
  clock.advance(10ms);
  EXPECT_EQ(pool.run_ready(), 2U);
  EXPECT_FALSE(pool.cancel(third));
  EXPECT_EQ(ran, (std::vector{1, 2, 3}));
  pool.post_after(1h, [&] { ran.push_back(9); });
  pool.stop();
  EXPECT_EQ(ran.size(), 3U);
}

TEST(JobPool, ASleepingThreadIsWokenForAnEarlierDelayedJob) {
  std::latch both(2);
  JobPool pool({.threads = 1});
  const auto start = std::chrono::steady_clock::now();
  pool.post_after(1h, [] {});
  pool.post_after(20ms, [&] { both.count_down(); });
  pool.post_after(10ms, [&] { both.count_down(); });
  both.wait();
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
}

TEST(SerialQueue, KeepsOrderAndNeverOverlapsUnderLoad) {
  JobPool pool({.threads = 4});
  constexpr int kQueues = 5;
  constexpr int kJobs = 2000;
  // Plain values: were two jobs of a queue to overlap, the thread sanitizer would say so.
  std::array<std::vector<int>, kQueues> seen;
  {
    std::vector<std::unique_ptr<SerialQueue>> queues;
    for (int q = 0; q < kQueues; ++q) queues.push_back(std::make_unique<SerialQueue>(pool));
    for (int i = 0; i < kJobs; ++i)
      for (std::size_t q = 0; q < kQueues; ++q)
        ASSERT_TRUE(queues[q]->post([&seen, q, i] { seen[q].push_back(i); }));
    for (std::size_t q = 0; q < kQueues; ++q) {
      queues[q]->drain();
      EXPECT_EQ(queues[q]->waiting(), 0U);
    }
  }
  std::vector<int> wanted(kJobs);
  std::iota(wanted.begin(), wanted.end(), 0);
  for (auto& list : seen) EXPECT_EQ(list, wanted);
}

TEST(SerialQueue, JobsMayPostToTheirOwnQueue) {
  JobPool pool({.threads = 2});
  SerialQueue queue(pool);
  int count = 0;
  std::latch done(1);
  std::function<void()> step = [&] {
    EXPECT_TRUE(queue.is_current());
    if (++count == 100)
      done.count_down();
    else
      queue.post(step);
  };
  EXPECT_FALSE(queue.is_current());
  queue.post(step);
  done.wait();
  queue.stop();
  EXPECT_EQ(count, 100);
}

TEST(SerialQueue, StopRunsTheOldAndRefusesTheNew) {
  JobPool pool({.threads = 2});
  int ran = 0;
  SerialQueue queue(pool);
  for (int i = 0; i < 100; ++i) queue.post([&] { ++ran; });
  queue.stop();
  EXPECT_EQ(ran, 100);
  EXPECT_FALSE(queue.post([&] { ++ran; }));
}

TEST(SerialQueue, AStoppingPoolStillRunsWhatTheQueueHolds) {
  int ran = 0;
  JobPool pool({.threads = 1});
  SerialQueue queue(pool);
  std::latch begun(1);
  std::latch go(1);
  queue.post([&] {
    begun.count_down();
    go.wait();
  });
  for (int i = 0; i < 200; ++i) queue.post([&] { ++ran; });
  begun.wait();
  std::thread stopper([&] { pool.stop(); });
  while (pool.post([] {})) std::this_thread::yield();
  go.count_down();
  stopper.join();
  EXPECT_EQ(ran, 200);
  EXPECT_FALSE(queue.post([&] { ++ran; }));
}

TEST(SerialQueue, ADelayedJobOfAStoppedQueueIsDropped) {
  ManualClock clock(from_unix_seconds(1000));
  JobPool pool({.threads = 0, .clock = &clock});
  int ran = 0;
  {
    SerialQueue queue(pool);
    queue.post_after(10ms, [&] { ++ran; });
    queue.post_after(20ms, [&] { ++ran; });
    clock.advance(10ms);
    pool.run_ready();
    EXPECT_EQ(ran, 1);
  }
  clock.advance(10ms);
  pool.run_ready();
  EXPECT_EQ(ran, 1);
}

TEST(OnThreads, CallsEachTaskOnce) {
  for (const std::size_t threads : {0U, 1U, 3U}) {
    const auto parallel = on_threads(threads);
    for (const std::size_t tasks : {0U, 1U, 2U, 50U}) {
      std::vector<std::atomic<int>> hits(tasks);
      parallel(tasks, [&](std::size_t i) { ++hits[i]; });
      for (const auto& hit : hits) EXPECT_EQ(hit, 1);
    }
  }
}

TEST(ParallelFor, CallsEachIndexOnceAlsoFromJobsOfTheSamePool) {
  JobPool pool({.threads = 2});
  for (std::size_t n : {0U, 1U, 7U, 5000U}) {
    std::vector<int> hits(n);
    parallel_for(pool, n, [&](std::size_t i) { ++hits[i]; }, 3);
    EXPECT_EQ(std::count(hits.begin(), hits.end(), 1), static_cast<std::ptrdiff_t>(n));
  }
  std::atomic<int> inner{0};
  parallel_for(pool, 8, [&](std::size_t) { parallel_for(pool, 8, [&](std::size_t) { ++inner; }); });
  EXPECT_EQ(inner, 64);
  JobPool none({.threads = 0});
  parallel_for(none, 10, [&](std::size_t) { ++inner; });
  EXPECT_EQ(inner, 74);
}

}  // namespace
}  // namespace onoma::os
