#include "os/fd.h"

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <sys/eventfd.h>
#include <unistd.h>

namespace onoma::os {

void Fd::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::string errno_text(int error) {
  return std::system_category().message(error);
}

std::unexpected<Error> io_failure(std::string_view context, int error) {
  return fail_in(context, Error{Code::io, errno_text(error), {}});
}

Result<Fd> make_wake_fd() {
  Fd fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!fd) return io_failure("cannot make an eventfd", errno);
  return fd;
}

// A full counter already means "awake", so the result of the write does not matter.
void wake(const Fd& fd) noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] auto written = ::write(fd.get(), &one, sizeof one);
}

void clear_wake(const Fd& fd) noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] auto got = ::read(fd.get(), &count, sizeof count);
}

}  // namespace onoma::os
