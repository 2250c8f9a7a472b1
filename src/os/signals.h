// Signals as calls. One SignalWatcher in a program, made by main before any other thread, so that every
// thread inherits the blocked signals and none is ever interrupted.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <thread>

#include "base/error.h"
#include "os/fd.h"

namespace onoma::os {

// A write to a closed connection is an error there, not the end of the program. Any thread.
void ignore_sigpipe();

class SignalWatcher {
 public:
  struct Callbacks {
    std::function<void(int signal)> stop;  // SIGINT, SIGTERM; called again if they come again
    std::function<void()> reload;          // SIGHUP
    std::function<void()> upgrade = {};    // SIGUSR2
  };

  // Blocks these signals in the calling thread, ignores SIGPIPE, and starts the thread that waits for
  // them and makes the calls, one at a time. Signals that were pending when they were blocked are not lost.
  static Result<std::unique_ptr<SignalWatcher>> start(Callbacks callbacks);
  // Ends the thread and gives the calling thread its former signal mask. Not from a callback.
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  SignalWatcher() = default;
  void run();
  Callbacks callbacks_;
  sigset_t before_{};
  Fd signals_;
  Fd wake_;
  std::thread thread_;
};

}  // namespace onoma::os
