// FaultyDisk: the real file system, which fails on command and counts its flushes.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>

#include "os/file_system.h"

namespace onoma::test {

class FaultyDisk final : public os::FileSystem {
 public:
  std::uint64_t space = std::numeric_limits<std::uint64_t>::max();  // octets that can still be written
  std::size_t write_max = std::numeric_limits<std::size_t>::max();  // octets that one write takes
  bool sync_fails = false;
  bool truncate_fails = false;
  bool rename_fails = false;
  int syncs = 0;

  ssize_t pwrite(int fd, const void* from, std::size_t size, std::uint64_t offset) override {
    if (space == 0) return -ENOSPC;
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>({size, write_max, space}));
    const auto written = FileSystem::pwrite(fd, from, part, offset);
    if (written > 0) space -= static_cast<std::uint64_t>(written);
    return written;
  }
  int sync(int fd) override {
    ++syncs;
    return sync_fails ? -EIO : FileSystem::sync(fd);
  }
  int sync_data(int fd) override {
    ++syncs;
    return sync_fails ? -EIO : FileSystem::sync_data(fd);
  }
  int truncate(int fd, std::uint64_t size) override {
    return truncate_fails ? -EIO : FileSystem::truncate(fd, size);
  }
  int rename(const char* from, const char* to) override {
    return rename_fails ? -EIO : FileSystem::rename(from, to);
  }
};

}  // namespace onoma::test
