#include "os/append_log.h"

#define XXH_INLINE_ALL
#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <xxhash.h>

#include "base/log.h"
#include "os/durable_file.h"
#include "os/fd.h"

namespace onoma::os {
namespace {

constexpr std::string_view kMagic = "ONOLOG1\n";
constexpr std::size_t kHead = 12;
constexpr std::size_t kWindow = 1U << 20;

std::uint32_t sum(ByteView bytes, std::uint64_t seed) {
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed));
}

struct Head {
  std::uint32_t length;
  std::uint32_t payload_sum;
};

// The head at `offset`, if its own sum is right.
std::optional<Head> read_head(ByteView bytes, std::uint64_t offset) {
  if (bytes.size() < kHead || load_u32(&bytes[8]) != sum(bytes.first(8), offset)) return std::nullopt;
  return Head{load_u32(&bytes[0]), load_u32(&bytes[4])};
}

// A view of a part of the file that moves along.
class Window {
 public:
  Window(FileSystem& files, int fd, std::uint64_t end) : files_(files), fd_(fd), end_(end) {}

  // `size` octets from `offset`, fewer at the end of the file; or -errno. Good until the next call.
  std::expected<ByteView, int> at(std::uint64_t offset, std::size_t size) {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(size, end_ - std::min(offset, end_)));
    if (offset < start_ || offset + wanted > start_ + have_) {
      start_ = offset;
      have_ = 0;
      buffer_.resize(
          static_cast<std::size_t>(std::min<std::uint64_t>(std::max(wanted, kWindow), end_ - offset)));
      while (have_ < buffer_.size()) {
        const auto got = files_.pread(fd_, buffer_.data() + have_, buffer_.size() - have_, start_ + have_);
        if (got < 0) return std::unexpected(static_cast<int>(-got));
        if (got == 0) break;
        have_ += static_cast<std::size_t>(got);
      }
    }
    const auto skip = static_cast<std::size_t>(offset - start_);
    return ByteView(buffer_).subspan(skip, std::min(wanted, have_ - std::min(skip, have_)));
  }

 private:
  FileSystem& files_;
  int fd_;
  std::uint64_t end_;
  std::uint64_t start_ = 0;
  std::size_t have_ = 0;
  Bytes buffer_;
};

}  // namespace

AppendLog::AppendLog(std::string path, AppendLogOptions options, FileSystem& files)
    : path_(std::move(path)), options_(options), files_(&files) {}

AppendLog::AppendLog(AppendLog&& other) noexcept
    : path_(std::move(other.path_)),
      options_(other.options_),
      files_(other.files_),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      records_(other.records_),
      torn_(other.torn_),
      broken_(other.broken_),
      frame_(std::move(other.frame_)) {}

AppendLog& AppendLog::operator=(AppendLog&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) files_->close(fd_);
    path_ = std::move(other.path_);
    options_ = other.options_;
    files_ = other.files_;
    fd_ = std::exchange(other.fd_, -1);
    size_ = other.size_;
    records_ = other.records_;
    torn_ = other.torn_;
    broken_ = other.broken_;
    frame_ = std::move(other.frame_);
  }
  return *this;
}

AppendLog::~AppendLog() {
  if (fd_ >= 0) files_->close(fd_);
}

Result<AppendLog> AppendLog::open(const std::string& path, const OnRecord& on_record,
                                  AppendLogOptions options, FileSystem& files) {
  AppendLog log(path, options, files);
  log.fd_ = files.open(path.c_str(), O_RDWR | O_CREAT, options.mode);
  if (log.fd_ < 0) return io_failure(fmt::format("cannot open the log {}", path), -log.fd_);
  ONOMA_TRY_VOID(log.replay(on_record));
  return log;
}

// A new file, or one whose maker died before its first record: it holds the magic or a part of it.
Result<void> AppendLog::begin_file() {
  ONOMA_TRY_VOID(write_at(0, as_bytes(kMagic)));
  if (int error = files_->sync(fd_); error < 0)
    return io_failure(fmt::format("cannot flush the log {}", path_), -error);
  ONOMA_TRY_VOID(sync_directory_of(path_, *files_));
  size_ = kMagic.size();
  return {};
}

Result<void> AppendLog::replay(const OnRecord& on_record) {
  const auto told = files_->size(fd_);
  if (told < 0) return io_failure(fmt::format("cannot read the log {}", path_), static_cast<int>(-told));
  const auto end = static_cast<std::uint64_t>(told);
  Window window(*files_, fd_, end);
  const auto view = [&](std::uint64_t offset, std::size_t size) -> Result<ByteView> {
    auto got = window.at(offset, size);
    if (!got)
      return io_failure(fmt::format("cannot read the log {} at offset {}", path_, offset), got.error());
    return *got;
  };
  ONOMA_TRY(ByteView magic, view(0, kMagic.size()));
  if (!kMagic.starts_with(as_text(magic))) {
    // A crash may leave the length of the first write without its content.
    if (end > kMagic.size() || std::ranges::any_of(magic, [](std::uint8_t octet) { return octet != 0; }))
      return fail(Code::corrupt,
                  fmt::format("{} is no log of this program: its first octets are wrong", path_));
    magic = magic.first(0);
  }
  if (magic.size() < kMagic.size()) return begin_file();

  // A whole record at `offset`, or none.
  const auto record_at = [&](std::uint64_t offset) -> Result<std::optional<ByteView>> {
    ONOMA_TRY(ByteView start, view(offset, kHead));
    const auto head = read_head(start, offset);
    if (!head || head->length > options_.record_max || head->length > end - offset - kHead)
      return std::nullopt;
    const Head known = *head;
    ONOMA_TRY(ByteView whole, view(offset, kHead + known.length));
    if (whole.size() != kHead + known.length || sum(whole.subspan(kHead), 0) != known.payload_sum)
      return std::nullopt;
    return whole.subspan(kHead);
  };

  std::uint64_t at = kMagic.size();
  while (at < end) {
    ONOMA_TRY(const auto record, record_at(at));
    if (!record) break;
    const auto length = record->size();
    if (on_record) {
      if (auto accepted = on_record(*record, at); !accepted)
        return fail_in(fmt::format("{} at offset {}", path_, at), std::move(accepted).error());
    }
    at += kHead + length;
    ++records_;
  }
  size_ = at;
  if (at == end) return {};

  for (std::uint64_t probe = at + 1; probe + kHead <= end; ++probe) {
    ONOMA_TRY(const auto record, record_at(probe));
    if (record)
      return fail(Code::corrupt,
                  fmt::format("the log {} is damaged at offset {}: whole records follow at offset {}, so "
                              "this is no torn write; restore the file from a copy",
                              path_, at, probe));
  }
  if (options_.first_came_whole && records_ == 0)
    return fail(Code::corrupt,
                fmt::format("the log {} is damaged at offset {}, in the record that it began with; "
                            "restore the file from a copy",
                            path_, at));
  // A record that a former, larger limit allowed must not be taken for a torn one.
  ONOMA_TRY(ByteView start, view(at, kHead));
  if (const auto head = read_head(start, at); head && head->length > options_.record_max)
    return fail(Code::too_large,
                fmt::format("the record at offset {} of the log {} has {} octets, the limit is {}", at, path_,
                            head->length, options_.record_max));
  torn_ = end - at;
  log::warning("os", fmt::format("the log {} ended in a torn write: {} octets from offset {} are cut off",
                                 path_, torn_, at));
  if (int error = files_->truncate(fd_, at); error < 0)
    return io_failure(fmt::format("cannot cut the torn end off the log {}", path_), -error);
  if (int error = files_->sync(fd_); error < 0)
    return io_failure(fmt::format("cannot flush the log {}", path_), -error);
  return {};
}

std::unexpected<Error> AppendLog::broken_error() const {
  return fail(
      Code::io,
      fmt::format("the log {} takes no more records after a failed flush; free space or mend the disk "
                  "and open it again",
                  path_));
}

Result<void> AppendLog::write_at(std::uint64_t offset, ByteView bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const auto rest = bytes.subspan(done);
    const auto written = files_->pwrite(fd_, rest.data(), rest.size(), offset + done);
    if (written <= 0) {
      const int error = written < 0 ? static_cast<int>(-written) : ENOSPC;
      if (error == ENOSPC || error == EDQUOT)
        return fail(Code::io, fmt::format("no space left for the log {} at {} octets; free space on its disk",
                                          path_, offset));
      return io_failure(fmt::format("cannot write the log {}", path_), error);
    }
    done += static_cast<std::size_t>(written);
  }
  return {};
}

Result<std::uint64_t> AppendLog::append(ByteView payload) {
  return append(std::span<const ByteView>(&payload, 1));
}

Result<std::uint64_t> AppendLog::append(std::span<const ByteView> payloads) {
  if (broken_) return broken_error();
  frame_.clear();
  for (ByteView payload : payloads) {
    if (payload.size() > options_.record_max)
      return fail(Code::too_large, fmt::format("a record of {} octets for the log {}: the limit is {}",
                                               payload.size(), path_, options_.record_max));
    const std::size_t start = frame_.size();
    ByteWriter out(frame_);
    out.u32(static_cast<std::uint32_t>(payload.size()));
    out.u32(sum(payload, 0));
    out.u32(sum(ByteView(frame_).subspan(start, 8), size_ + start));
    out.bytes(payload);
  }
  if (frame_.size() > options_.file_max - std::min(size_, options_.file_max))
    return fail(Code::too_large,
                fmt::format("the log {} has reached its limit of {} octets", path_, options_.file_max));
  if (auto written = write_at(size_, frame_); !written) {
    if (files_->truncate(fd_, size_) < 0) broken_ = true;
    return std::unexpected(std::move(written).error());
  }
  const auto offset = size_;
  size_ += frame_.size();
  records_ += payloads.size();
  if (frame_.capacity() > 4 * kWindow) Bytes().swap(frame_);
  return offset;
}

Result<void> AppendLog::sync() {
  if (broken_) return broken_error();
  // After a failed flush the kernel may have dropped the pages and would report success the next time.
  if (int error = files_->sync_data(fd_); error < 0) {
    broken_ = true;
    return io_failure(
        fmt::format("cannot flush the log {}; it takes no more records until it is opened again", path_),
        -error);
  }
  return {};
}

Result<Bytes> AppendLog::read(std::uint64_t offset) const {
  const auto damaged = [&] {
    return fail(Code::corrupt,
                fmt::format("no whole record stands at offset {} of the log {}", offset, path_));
  };
  if (offset < kMagic.size() || offset >= size_) return damaged();
  Window window(*files_, fd_, size_);
  const auto failed = [&](int error) {
    return io_failure(fmt::format("cannot read the log {}", path_), error);
  };
  auto start = window.at(offset, kHead);
  if (!start) return failed(start.error());
  const auto head = read_head(*start, offset);
  if (!head || head->length > options_.record_max) return damaged();
  auto whole = window.at(offset, kHead + head->length);
  if (!whole) return failed(whole.error());
  if (whole->size() != kHead + head->length || sum(whole->subspan(kHead), 0) != head->payload_sum)
    return damaged();
  const auto payload = whole->subspan(kHead);
  return Bytes(payload.begin(), payload.end());
}

}  // namespace onoma::os
