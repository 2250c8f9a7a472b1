#include "os/file_system.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace onoma::os {
namespace {

template <class Call>
auto repeat(Call call) {
  for (;;) {
    auto result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return static_cast<decltype(result)>(-errno);
  }
}

}  // namespace

int FileSystem::open(const char* path, int flags, mode_t mode) {
  return repeat([&] { return ::open(path, flags | O_CLOEXEC, mode); });
}
void FileSystem::close(int fd) {
  ::close(fd);
}
ssize_t FileSystem::pread(int fd, void* into, std::size_t size, std::uint64_t offset) {
  return repeat([&] { return ::pread(fd, into, size, static_cast<off_t>(offset)); });
}
ssize_t FileSystem::pwrite(int fd, const void* from, std::size_t size, std::uint64_t offset) {
  return repeat([&] { return ::pwrite(fd, from, size, static_cast<off_t>(offset)); });
}
int FileSystem::sync(int fd) {
  return repeat([&] { return ::fsync(fd); });
}
int FileSystem::sync_data(int fd) {
  return repeat([&] { return ::fdatasync(fd); });
}
int FileSystem::truncate(int fd, std::uint64_t size) {
  return repeat([&] { return ::ftruncate(fd, static_cast<off_t>(size)); });
}
std::int64_t FileSystem::size(int fd) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return -errno;
  return facts.st_size;
}
int FileSystem::rename(const char* from, const char* to) {
  return repeat([&] { return ::rename(from, to); });
}
int FileSystem::unlink(const char* path) {
  return repeat([&] { return ::unlink(path); });
}

FileSystem& FileSystem::real() {
  static FileSystem system;
  return system;
}

}  // namespace onoma::os
