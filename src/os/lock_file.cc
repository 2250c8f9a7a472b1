#include "os/lock_file.h"

#include <array>
#include <cerrno>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace onoma::os {

Result<LockFile> LockFile::take(const std::string& directory) {
  const std::string path = directory + "/lock";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return io_failure(fmt::format("cannot open the lock file {}", path), errno);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return io_failure(fmt::format("cannot lock {}", path), errno);
    std::array<char, 24> text{};
    const auto got = ::pread(fd.get(), text.data(), text.size(), 0);
    std::string pid;
    for (char c : std::string_view(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0)) {
      if (c < '0' || c > '9') break;
      pid += c;
    }
    return fail(Code::unavailable,
                fmt::format("the data directory {} is in use by process {}; stop it or choose another --data",
                            directory, pid.empty() ? "(unknown)" : pid));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), pid.data(), pid.size(), 0) < 0)
    return io_failure(fmt::format("cannot write {}", path), errno);
  return LockFile(std::move(fd));
}

}  // namespace onoma::os
