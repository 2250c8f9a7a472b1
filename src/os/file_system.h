// FileSystem: every touch of a disk goes through here, so that a test can inject what disks do: no space
// left, short writes, a failed flush. The class itself is the real thing; a test derives from it and
// overrides what shall fail. Thread-safe. Calls are those of POSIX, but an error is returned as -errno
// instead of being left in errno, and calls that a signal interrupts are repeated.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/types.h>

namespace onoma::os {

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual int open(const char* path, int flags, mode_t mode);  // O_CLOEXEC is added
  virtual void close(int fd);
  virtual ssize_t pread(int fd, void* into, std::size_t size, std::uint64_t offset);
  virtual ssize_t pwrite(int fd, const void* from, std::size_t size, std::uint64_t offset);  // may be short
  virtual int sync(int fd);       // fsync: data and all of the inode; also for directories
  virtual int sync_data(int fd);  // fdatasync
  virtual int truncate(int fd, std::uint64_t size);
  virtual std::int64_t size(int fd);
  virtual int rename(const char* from, const char* to);
  virtual int unlink(const char* path);

  static FileSystem& real();
};

}  // namespace onoma::os
