// Fd: owns one file descriptor and closes it. A plain movable value; -1 means none.
// Also the two helpers that turn errno into an Error.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace onoma::os {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// The system's words for an errno value. Thread-safe.
std::string errno_text(int error);

// Code::io with "context: words for errno".
std::unexpected<Error> io_failure(std::string_view context, int error);

// An eventfd that wakes a loop: non-blocking, close on exec.
Result<Fd> make_wake_fd();
void wake(const Fd& fd) noexcept;        // any thread
void clear_wake(const Fd& fd) noexcept;  // the loop

}  // namespace onoma::os
