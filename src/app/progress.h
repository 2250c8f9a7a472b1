// One line now and then on stderr, when the work is long: every second on a terminal, else every five.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include <unistd.h>

namespace onoma::app {

inline std::chrono::seconds progress_interval() {
  return std::chrono::seconds{::isatty(STDERR_FILENO) != 0 ? 1 : 5};
}

// For work that says how far it is. Any thread.
class Progress {
 public:
  // `text`: makes the line; called only when it is time.
  template <class Text>
  void operator()(const Text& text) {
    std::scoped_lock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < interval_) return;
    last_ = now;
    std::fprintf(stderr, "%s\n", std::string(text()).c_str());
  }

 private:
  std::mutex mutex_;
  const std::chrono::seconds interval_ = progress_interval();
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// For work that can be looked at from another thread while it runs: ends with the object.
class ProgressWatch {
 public:
  explicit ProgressWatch(std::function<std::string()> text)
      : thread_([this, text = std::move(text)](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          while (!changed_.wait_for(lock, stop, progress_interval(), [] { return false; }) &&
                 !stop.stop_requested())
            std::fprintf(stderr, "%s\n", text().c_str());
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace onoma::app
