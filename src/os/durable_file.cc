#include "os/durable_file.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>

#include "os/fd.h"

namespace onoma::os {
namespace {

// Closes through the FileSystem it was opened with.
class OpenFile {
 public:
  OpenFile(FileSystem& files, int fd) : files_(files), fd_(fd) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) files_.close(fd_);
  }
  int get() const { return fd_; }

 private:
  FileSystem& files_;
  int fd_;
};

using Writer = std::function<Result<void>(const ByteSink& sink)>;

Result<void> write_new(const std::string& path, const Writer& write, unsigned mode, FileSystem& files) {
  OpenFile file(files, files.open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
  if (file.get() < 0) return io_failure(fmt::format("cannot create {}", path), -file.get());
  std::uint64_t at = 0;
  ONOMA_TRY_VOID(write([&](ByteView piece) -> Result<void> {
    while (!piece.empty()) {
      const auto written = files.pwrite(file.get(), piece.data(), piece.size(), at);
      if (written < 0) return io_failure(fmt::format("cannot write {}", path), static_cast<int>(-written));
      if (written == 0) return io_failure(fmt::format("cannot write {}", path), ENOSPC);
      at += static_cast<std::uint64_t>(written);
      piece = piece.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }));
  if (int error = files.sync(file.get()); error < 0)
    return io_failure(fmt::format("cannot flush {}", path), -error);
  return {};
}

template <class Octets>
Result<Octets> read_whole(const std::string& path, std::uint64_t max_octets, FileSystem& files) {
  OpenFile file(files, files.open(path.c_str(), O_RDONLY, 0));
  if (file.get() == -ENOENT) return fail(Code::not_found, fmt::format("there is no file {}", path));
  if (file.get() < 0) return io_failure(fmt::format("cannot open {}", path), -file.get());
  const auto too_large = [&] {
    return fail(Code::too_large, fmt::format("{} is larger than the limit of {} octets", path, max_octets));
  };
  const auto size = files.size(file.get());
  if (size < 0) return io_failure(fmt::format("cannot read {}", path), static_cast<int>(-size));
  if (static_cast<std::uint64_t>(size) > max_octets) return too_large();
  // Read until the end is seen, not until the size told: files of /proc tell 0, and others may grow.
  Octets content;
  std::size_t got = 0;
  const std::uint64_t room = max_octets == UINT64_MAX ? max_octets : max_octets + 1;
  for (;;) {
    if (got == content.size()) {
      const auto told = static_cast<std::uint64_t>(size) + 1;  // one more, to see that the file ends there
      const auto more = got == 0 ? told : got + std::max<std::uint64_t>(got, 4096);
      content.resize(std::min<std::uint64_t>(room, std::max<std::uint64_t>(more, 4096)));
    }
    const auto part = files.pread(file.get(), content.data() + got, content.size() - got, got);
    if (part < 0) return io_failure(fmt::format("cannot read {}", path), static_cast<int>(-part));
    if (part == 0) break;
    got += static_cast<std::size_t>(part);
    if (got > max_octets) return too_large();
  }
  content.resize(got);
  return content;
}

}  // namespace

Result<Bytes> read_file(const std::string& path, std::uint64_t max_octets, FileSystem& files) {
  return read_whole<Bytes>(path, max_octets, files);
}

Result<LargeBytes> read_large_file(const std::string& path, std::uint64_t max_octets, FileSystem& files) {
  return read_whole<LargeBytes>(path, max_octets, files);
}

Result<void> write_file_atomically(const std::string& path, ByteView content, unsigned mode,
                                   FileSystem& files) {
  return write_pieces_atomically(path, [&](const ByteSink& sink) { return sink(content); }, mode, files);
}

Result<void> write_pieces_atomically(const std::string& path, const Writer& write, unsigned mode,
                                     FileSystem& files) {
  const std::string fresh = path + ".new";
  if (auto written = write_new(fresh, write, mode, files); !written) {
    files.unlink(fresh.c_str());
    return written;
  }
  if (int error = files.rename(fresh.c_str(), path.c_str()); error < 0) {
    files.unlink(fresh.c_str());
    return io_failure(fmt::format("cannot rename {} to {}", fresh, path), -error);
  }
  return sync_directory_of(path, files);
}

Result<void> sync_directory_of(const std::string& path, FileSystem& files) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  OpenFile directory(files, files.open(folder.c_str(), O_RDONLY | O_DIRECTORY, 0));
  if (directory.get() < 0)
    return io_failure(fmt::format("cannot open the folder {}", folder), -directory.get());
  if (int error = files.sync(directory.get()); error < 0)
    return io_failure(fmt::format("cannot flush the folder {}", folder), -error);
  return {};
}

}  // namespace onoma::os
