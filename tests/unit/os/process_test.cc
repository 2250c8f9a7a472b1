#include <algorithm>
#include <array>
#include <csignal>
#include <latch>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/job_pool.h"
#include "os/lock_file.h"
#include "os/signals.h"
#include "temp_dir.h"

namespace onoma::os {
namespace {

using test::TempDir;

TEST(LockFile, NamesTheProcessThatHoldsIt) {
  TempDir dir;
  auto first = LockFile::take(dir.path());
  ASSERT_TRUE(first) << first.error().message;
  auto second = LockFile::take(dir.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::unavailable);
  EXPECT_NE(second.error().message.find(fmt::format("process {}", ::getpid())), std::string::npos)
      << second.error().message;
  {
    LockFile gone = std::move(*first);
  }
  EXPECT_TRUE(LockFile::take(dir.path()));
  EXPECT_EQ(LockFile::take(dir.file("none")).error().code, Code::io);
}

TEST(LockFile, EndsWithItsProcess) {
  TempDir dir;
  std::array<int, 2> taken{};
  ASSERT_EQ(::pipe(taken.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto lock = LockFile::take(dir.path());
    const char answer = lock ? 'y' : 'n';
    if (::write(taken[1], &answer, 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  char answer = 0;
  ASSERT_EQ(::read(taken[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  auto held = LockFile::take(dir.path());
  ASSERT_FALSE(held);
  EXPECT_NE(held.error().message.find(fmt::format("process {}", child)), std::string::npos);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(LockFile::take(dir.path()));
  ::close(taken[0]);
  ::close(taken[1]);
}

TEST(Signals, BecomeCallsOnTheWatchersThread) {
  std::latch stopped(2);
  std::latch reloaded(1);
  std::atomic<int> last{0};
  {
    auto watcher = SignalWatcher::start({.stop =
                                             [&](int signal) {
                                               last = signal;
                                               stopped.count_down();
                                             },
                                         .reload = [&] { reloaded.count_down(); }});
    ASSERT_TRUE(watcher) << watcher.error().message;
    ::kill(::getpid(), SIGHUP);
    reloaded.wait();
    ::kill(::getpid(), SIGINT);
    while (last != SIGINT) ::usleep(100);
    ::kill(::getpid(), SIGTERM);
    stopped.wait();
    EXPECT_EQ(last, SIGTERM);
  }
  sigset_t now;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &now);
  EXPECT_EQ(::sigismember(&now, SIGTERM), 0) << "the former mask is back";
}

TEST(Signals, AWriteToAClosedPipeIsAnError) {
  ignore_sigpipe();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ::close(ends[0]);
  EXPECT_EQ(::write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  ::close(ends[1]);
}

TEST(Threads, OfAPoolTakeNoSignalsAndStandBack) {
  std::latch done(1);
  const auto ours = ::getpriority(PRIO_PROCESS, 0);
  JobPool pool({.threads = 1, .nice = 3});
  pool.post([&] {
    sigset_t now;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &now);
    EXPECT_EQ(::sigismember(&now, SIGTERM), 1);
    EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())), std::min(19, ours + 3));
    done.count_down();
  });
  done.wait();
}

}  // namespace
}  // namespace onoma::os
