// MappedFile: a file's octets in memory without reading them, and memory for large copies.
//
// A mapped file may be cut short or fail under its reader, for which the kernel has but one word, SIGBUS.
// Pages that are gone are then replaced by zeros, so that readers who check what they read see damage and go
// on; lost() tells. The first mapping installs the handler for SIGBUS; faults elsewhere end the program as
// they would have. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/error.h"

namespace onoma::os {

class MappedFile {
 public:
  // Code::not_found when there is none; Code::io for everything else. An empty file has no octets.
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  ByteView octets() const { return octets_; }
  bool lost() const;  // pages were replaced by zeros
  // The same for whoever asks often; null for an empty file. Good as long as this lives.
  const std::atomic<bool>* lost_flag() const;

 private:
  MappedFile() = default;
  ByteView octets_;
  int slot_ = -1;
};

}  // namespace onoma::os
