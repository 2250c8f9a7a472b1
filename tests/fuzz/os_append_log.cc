// AppendLog::open on a file of arbitrary content, held in memory. Whatever it takes must open again with the
// same records and without a torn end, and must take one record more.
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "os/append_log.h"

namespace {

using onoma::Bytes;
using onoma::ByteView;

class Memory final : public onoma::os::FileSystem {
 public:
  Bytes content;

  int open(const char*, int, mode_t) override { return 1000; }
  void close(int) override {}
  ssize_t pread(int, void* into, std::size_t size, std::uint64_t offset) override {
    if (offset >= content.size()) return 0;
    const auto part = std::min<std::size_t>(size, content.size() - offset);
    std::copy_n(content.data() + offset, part, static_cast<std::uint8_t*>(into));
    return static_cast<ssize_t>(part);
  }
  ssize_t pwrite(int, const void* from, std::size_t size, std::uint64_t offset) override {
    content.resize(std::max<std::size_t>(content.size(), offset + size));
    std::copy_n(static_cast<const std::uint8_t*>(from), size, content.data() + offset);
    return static_cast<ssize_t>(size);
  }
  int sync(int) override { return 0; }
  int sync_data(int) override { return 0; }
  int truncate(int, std::uint64_t size) override {
    content.resize(size);
    return 0;
  }
  std::int64_t size(int) override { return static_cast<std::int64_t>(content.size()); }
};

std::vector<Bytes> records_of(Memory& disk, bool& opened, std::uint64_t& torn, ByteView more) {
  std::vector<Bytes> records;
  auto log = onoma::os::AppendLog::open(
      "log",
      [&](ByteView payload, std::uint64_t offset) -> onoma::Result<void> {
        CHECK(offset + 12 + payload.size() <= disk.content.size());
        records.emplace_back(payload.begin(), payload.end());
        return {};
      },
      {.record_max = 4096}, disk);
  opened = log.has_value();
  if (!log) return records;
  torn = log->torn_octets();
  if (!more.empty()) CHECK(log->append(more).has_value());
  return records;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Memory disk;
  disk.content.assign(data, data + size);
  const Bytes before = disk.content;
  bool opened = false;
  std::uint64_t torn = 0;
  const std::uint8_t more[] = {'m', 'o', 'r', 'e'};
  auto first = records_of(disk, opened, torn, more);
  if (!opened) {
    CHECK(disk.content == before);
    return 0;
  }
  first.emplace_back(std::begin(more), std::end(more));
  const auto second = records_of(disk, opened, torn, {});
  CHECK(opened && torn == 0 && second == first);
  return 0;
}
