// LockFile: one process at a time may use a data directory. The lock is the kernel's (flock) and ends with
// the process, however it ends; the file stays and tells who holds it.
#pragma once

#include <string>

#include "base/error.h"
#include "os/fd.h"

namespace onoma::os {

class LockFile {
 public:
  // Takes DIRECTORY/lock without waiting. Held by another: Code::unavailable with a message that names its
  // pid.
  static Result<LockFile> take(const std::string& directory);

  LockFile(LockFile&&) = default;
  LockFile& operator=(LockFile&&) = default;
  ~LockFile() = default;  // lets go

 private:
  explicit LockFile(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace onoma::os
