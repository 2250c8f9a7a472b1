#include "os/signals.h"

#include <array>
#include <cerrno>

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "os/thread.h"

namespace onoma::os {

void ignore_sigpipe() {
  ::signal(SIGPIPE, SIG_IGN);
}

Result<std::unique_ptr<SignalWatcher>> SignalWatcher::start(Callbacks callbacks) {
  std::unique_ptr<SignalWatcher> watcher(new SignalWatcher);
  watcher->callbacks_ = std::move(callbacks);
  ignore_sigpipe();
  sigset_t set;
  ::sigemptyset(&set);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR2}) ::sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, &watcher->before_);
  watcher->signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!watcher->signals_) return io_failure("cannot make a signalfd", errno);
  ONOMA_TRY(watcher->wake_, make_wake_fd());
  watcher->thread_ =
      start_thread({.name = "signals", .cpu = -1, .nice = 0}, [self = watcher.get()] { self->run(); });
  return watcher;
}

SignalWatcher::~SignalWatcher() {
  if (thread_.joinable()) {
    wake(wake_);
    thread_.join();
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void SignalWatcher::run() {
  for (;;) {
    std::array<pollfd, 2> waiting{{{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                   {.fd = wake_.get(), .events = POLLIN, .revents = 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
    if (waiting[1].revents != 0) return;
    signalfd_siginfo info;
    if (::read(signals_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) continue;
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGHUP) {
      if (callbacks_.reload) callbacks_.reload();
    } else if (signal == SIGUSR2) {
      if (callbacks_.upgrade) callbacks_.upgrade();
    } else if (callbacks_.stop) {
      callbacks_.stop(signal);
    }
  }
}

}  // namespace onoma::os
