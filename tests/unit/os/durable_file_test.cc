#include "os/durable_file.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "faulty_disk.h"
#include "temp_dir.h"

namespace onoma::os {
namespace {

using test::FaultyDisk;
using test::TempDir;

std::string content(const std::string& path) {
  auto bytes = read_file(path, 1 << 20);
  return bytes ? std::string(as_text(*bytes)) : "error: " + bytes.error().message;
}

TEST(DurableFile, WritesAndReplaces) {
  TempDir dir;
  const auto path = dir.file("f");
  ASSERT_TRUE(write_file_atomically(path, as_bytes("one"), 0640));
  EXPECT_EQ(content(path), "one");
  struct stat facts{};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U & ~0640U, 0U);
  const std::string large(3 << 20, 'x');
  FaultyDisk disk;
  disk.write_max = 100'000;  // short writes go on where they stopped
  ASSERT_TRUE(write_file_atomically(path, as_bytes(large), 0600, disk));
  EXPECT_EQ(disk.syncs, 2) << "the file and its folder";
  EXPECT_EQ(as_text(*read_file(path, large.size())), large);
  ASSERT_TRUE(write_file_atomically(path, {}));
  EXPECT_EQ(content(path), "");
}

TEST(DurableFile, EveryFailureLeavesTheOldContentAndNoLitter) {
  TempDir dir;
  const auto path = dir.file("f");
  ASSERT_TRUE(write_file_atomically(path, as_bytes("old")));
  for (int which = 0; which < 3; ++which) {
    FaultyDisk disk;
    if (which == 0) disk.space = 2;
    if (which == 1) disk.sync_fails = true;
    if (which == 2) disk.rename_fails = true;
    auto written = write_file_atomically(path, as_bytes("newer"), 0600, disk);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, Code::io);
    EXPECT_NE(written.error().message.find(path), std::string::npos);
    EXPECT_EQ(content(path), "old");
    EXPECT_FALSE(std::filesystem::exists(path + ".new"));
  }
}

TEST(DurableFile, ReadingHasALimit) {
  TempDir dir;
  const auto path = dir.file("f");
  ASSERT_TRUE(write_file_atomically(path, as_bytes("12345")));
  EXPECT_EQ(read_file(path, 5)->size(), 5U);
  EXPECT_EQ(read_file(path, 4).error().code, Code::too_large);
  EXPECT_EQ(read_file(dir.file("none"), 4).error().code, Code::not_found);
  EXPECT_EQ(read_file(dir.path(), 1 << 20).error().code, Code::io);
  // A file whose size is not told, and one without an end.
  auto proc = read_file("/proc/self/status", 1 << 20);
  ASSERT_TRUE(proc) << proc.error().message;
  EXPECT_GT(proc->size(), 100U);
  EXPECT_EQ(read_file("/dev/zero", 100'000).error().code, Code::too_large);
}

}  // namespace
}  // namespace onoma::os
