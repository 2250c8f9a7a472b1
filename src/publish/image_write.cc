#include "publish/image_write.h"

#include <algorithm>

#include <fcntl.h>
#include <fmt/format.h>

#include "os/durable_file.h"
#include "os/fd.h"

namespace onoma::publish {

namespace {

constexpr std::size_t kPieceOctets = std::size_t{4} << 20;

class NewFile {
 public:
  NewFile(const std::string& path, os::FileSystem& files)
      : files_(files), path_(path), fd_(files.open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644)) {}
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (fd_ >= 0) files_.close(fd_);
    if (!kept_) files_.unlink(path_.c_str());
  }
  Result<void> opened() const {
    if (fd_ < 0) return os::io_failure(fmt::format("cannot make {}", path_), -fd_);
    return {};
  }
  Result<void> put(ByteView octets) {
    while (!octets.empty()) {
      const auto written = files_.pwrite(fd_, octets.data(), std::min(octets.size(), kPieceOctets),
                                         static_cast<std::uint64_t>(at_));
      if (written <= 0)
        return os::io_failure(fmt::format("cannot write {}", path_), static_cast<int>(-written));
      at_ += static_cast<std::uint64_t>(written);
      octets = octets.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }
  Result<void> keep_as(const std::string& name) {
    if (const int error = files_.sync(fd_); error < 0)
      return os::io_failure(fmt::format("cannot flush {}", path_), -error);
    if (const int error = files_.rename(path_.c_str(), name.c_str()); error < 0)
      return os::io_failure(fmt::format("cannot rename {} to {}", path_, name), -error);
    kept_ = true;
    return os::sync_directory_of(name, files_);
  }
  std::uint64_t octets() const { return at_; }

 private:
  os::FileSystem& files_;
  std::string path_;
  int fd_;
  std::uint64_t at_ = 0;
  bool kept_ = false;
};

}  // namespace

Result<std::uint64_t> save_image_file(const std::string& path, const std::vector<zone::SnapshotPtr>& zones,
                                      const zone::ImageStamp& stamp, const WriteProgress& progress,
                                      os::FileSystem& files) {
  NewFile file(path + ".new", files);
  ONOMA_TRY_VOID(file.opened());
  // Small parts are gathered: a file of a million small zones is not a million writes.
  Bytes gathered;
  const auto flush = [&]() -> Result<void> {
    ONOMA_TRY_VOID(file.put(gathered));
    gathered.clear();
    if (progress) progress(file.octets());
    return {};
  };
  const auto put = [&](ByteView octets) -> Result<void> {
    if (octets.size() < kPieceOctets / 4) {
      append(gathered, octets);
      return gathered.size() < kPieceOctets ? Result<void>() : flush();
    }
    ONOMA_TRY_VOID(flush());
    for (; !octets.empty(); octets = octets.subspan(std::min(octets.size(), kPieceOctets))) {
      ONOMA_TRY_VOID(file.put(octets.first(std::min(octets.size(), kPieceOctets))));
      if (progress) progress(file.octets());
    }
    return {};
  };
  ONOMA_TRY_VOID(zone::write_image_file(zones, stamp, put));
  ONOMA_TRY_VOID(flush());
  ONOMA_TRY_VOID(file.keep_as(path));
  return file.octets();
}

}  // namespace onoma::publish
