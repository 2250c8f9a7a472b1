// AppendLog: a file of records that only grows. Each record is framed and checked, so that after a crash the
// log holds exactly the records up to the last one that was written whole.
//
// The file: 8 octets "ONOLOG1\n", then records. A record is 12 octets of head and its payload, numbers in
// network order:
//   u32 length of the payload
//   u32 sum of the payload: low half of XXH3-64, seed 0
//   u32 sum of the head: low half of XXH3-64 over the eight octets before it, the seed being the record's
//   offset
// The offset in the head's sum keeps a payload that looks like a record from being taken for one.
//
// What always holds
// - append() writes; only sync() makes durable. A record may be called stored after the sync() that follows
// it.
// - A torn tail (the last write before a crash) is cut off by open() and reported. Damage that has a whole
// record
//   behind it is no torn write: open() refuses with Code::corrupt and names the offset, and nothing is cut.
// - A failed append (no space left, short write) leaves the log as it was; it stays usable. A failed sync, or
// a failed
//   attempt to undo an append, closes the log for writing: what the disk holds is known again only after
//   open().
// Owned by one thread at a time; two logs must not share a file (see lock_file.h). Offsets and sizes are
// octets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "os/file_system.h"

namespace onoma::os {

struct AppendLogOptions {
  std::uint32_t record_max = 64U << 20;             // a longer payload is refused, by append and by open
  std::uint64_t file_max = std::uint64_t{1} << 40;  // append refuses to grow the file beyond
  unsigned mode = 0600;                             // of a file that is made
  // The first record came with the file, by a rename: if it is not whole it is damaged, not torn.
  bool first_came_whole = false;
};

class AppendLog {
 public:
  // Shown every record in order; an error ends the replay and open() returns it with the offset in front.
  using OnRecord = std::function<Result<void>(ByteView payload, std::uint64_t offset)>;

  // Opens `path`, made if missing, and replays it. `files` must outlive the log.
  static Result<AppendLog> open(const std::string& path, const OnRecord& on_record,
                                AppendLogOptions options = {}, FileSystem& files = FileSystem::real());

  AppendLog(AppendLog&& other) noexcept;
  AppendLog& operator=(AppendLog&& other) noexcept;
  ~AppendLog();  // does not sync

  // One record, or several in one write: all or none. Returns the offset of the first. Code::too_large beyond
  // a limit.
  Result<std::uint64_t> append(ByteView payload);
  Result<std::uint64_t> append(std::span<const ByteView> payloads);
  // Everything appended so far survives a power cut when this returns a value.
  Result<void> sync();
  // The record at an offset that append() or the replay told. Code::corrupt if none stands there.
  Result<Bytes> read(std::uint64_t offset) const;

  std::uint64_t size() const { return size_; }
  std::uint64_t records() const { return records_; }
  // Octets that open() cut off; 0: the file was whole.
  std::uint64_t torn_octets() const { return torn_; }
  const std::string& path() const { return path_; }

 private:
  AppendLog(std::string path, AppendLogOptions options, FileSystem& files);
  Result<void> replay(const OnRecord& on_record);
  Result<void> begin_file();
  Result<void> write_at(std::uint64_t offset, ByteView bytes);
  std::unexpected<Error> broken_error() const;

  std::string path_;
  AppendLogOptions options_;
  FileSystem* files_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t torn_ = 0;
  bool broken_ = false;
  Bytes frame_;  // kept for its capacity
};

}  // namespace onoma::os
