#include "os/thread.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "os/fd.h"

namespace onoma::os {
namespace {

void settle(const ThreadOptions& options) {
  ::pthread_setname_np(::pthread_self(), options.name.substr(0, 15).c_str());
  if (options.cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    int error = EINVAL;
    if (options.cpu < CPU_SETSIZE) {
      CPU_SET(static_cast<std::size_t>(options.cpu), &set);
      error = ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
    }
    if (error != 0)
      log::warning("os", fmt::format("thread {} cannot be pinned to CPU {}: {}", options.name, options.cpu,
                                     errno_text(error)));
  }
  if (options.nice != 0) {
    const auto thread = static_cast<id_t>(::gettid());
    ::setpriority(PRIO_PROCESS, thread, ::getpriority(PRIO_PROCESS, thread) + options.nice);
  }
}

}  // namespace

std::thread start_thread(ThreadOptions options, std::move_only_function<void()> body) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  // Of what the thread itself causes: blocked, the kernel would end the program at once instead of asking the
  // handler (mapped_file.h).
  for (int fault : {SIGBUS, SIGSEGV, SIGFPE, SIGILL}) ::sigdelset(&all, fault);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread([options = std::move(options), body = std::move(body)]() mutable {
    settle(options);
    body();
  });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace onoma::os
