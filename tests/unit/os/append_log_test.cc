#include "os/append_log.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faulty_disk.h"
#include "os/durable_file.h"
#include "temp_dir.h"

namespace onoma::os {
namespace {

using test::FaultyDisk;
using test::TempDir;

struct Opened {
  Result<AppendLog> log;
  std::vector<std::string> records;
};

Opened open_log(const std::string& path, AppendLogOptions options = {},
                FileSystem& disk = FileSystem::real()) {
  std::vector<std::string> records;
  auto log = AppendLog::open(
      path,
      [&](ByteView payload, std::uint64_t) -> Result<void> {
        records.emplace_back(as_text(payload));
        return {};
      },
      options, disk);
  return {std::move(log), std::move(records)};
}

std::string slurp(const std::string& path) {
  return std::string(as_text(*read_file(path, 1 << 26)));
}
void put(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

TEST(AppendLog, GivesBackWhatItWasGivenInOrder) {
  TempDir dir;
  const auto path = dir.file("log");
  const std::vector<std::string> wanted{"first", "", std::string(3'000'000, 'x'), "fourth", "fifth"};
  std::vector<std::uint64_t> offsets;
  {
    auto [log, records] = open_log(path);
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_TRUE(records.empty());
    for (std::size_t i = 0; i < 3; ++i) offsets.push_back(*log->append(as_bytes(wanted[i])));
    const std::array<ByteView, 2> pair{as_bytes(wanted[3]), as_bytes(wanted[4])};
    offsets.push_back(*log->append(pair));
    ASSERT_TRUE(log->sync());
    EXPECT_EQ(log->records(), 5U);
    EXPECT_EQ(log->size(), std::filesystem::file_size(path));
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(as_text(*log->read(offsets[i])), wanted[i]);
    EXPECT_EQ(log->read(offsets[1] + 1).error().code, Code::corrupt);
    EXPECT_EQ(log->read(log->size()).error().code, Code::corrupt);
  }
  auto [log, records] = open_log(path);
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ(records, wanted);
  EXPECT_EQ(log->torn_octets(), 0U);
}

TEST(AppendLog, ATailTornAtAnyOctetIsCutAndTheLogGoesOn) {
  TempDir dir;
  const auto path = dir.file("log");
  std::uint64_t last = 0;
  {
    auto log = std::move(open_log(path).log);
    ASSERT_TRUE(log->append(as_bytes("kept")));
    last = *log->append(as_bytes("torn away"));
  }
  const std::string whole = slurp(path);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    put(path, whole.substr(0, size));
    auto [log, records] = open_log(path);
    ASSERT_TRUE(log) << size << ": " << log.error().message;
    const std::size_t survivors = size >= last ? 1 : 0;
    ASSERT_EQ(records.size(), survivors) << size;
    if (size >= last) {
      EXPECT_EQ(log->torn_octets(), size - last);
    }
    ASSERT_TRUE(log->append(as_bytes("after")));
    ASSERT_TRUE(log->sync());
    auto again = open_log(path);
    ASSERT_TRUE(again.log);
    EXPECT_EQ(again.log->torn_octets(), 0U);
    EXPECT_EQ(again.records.size(), survivors + 1) << size;
    EXPECT_EQ(again.records.back(), "after");
  }
}

// A file system may have lengthened the file before it wrote the content.
TEST(AppendLog, ATailOfZerosIsTorn) {
  TempDir dir;
  const auto path = dir.file("log");
  ASSERT_TRUE(open_log(path).log->append(as_bytes("kept")));
  put(path, slurp(path) + std::string(5000, '\0'));
  auto [log, records] = open_log(path);
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ(log->torn_octets(), 5000U);
  EXPECT_EQ(records, std::vector<std::string>{"kept"});
}

TEST(AppendLog, AnyDamageBeforeAWholeRecordIsAnErrorThatNamesTheOffset) {
  TempDir dir;
  const auto path = dir.file("log");
  std::uint64_t second = 0;
  std::uint64_t third = 0;
  {
    auto log = std::move(open_log(path).log);
    ASSERT_TRUE(log->append(as_bytes("one")));
    second = *log->append(as_bytes("two"));
    third = *log->append(as_bytes("three"));
  }
  const std::string whole = slurp(path);
  for (std::uint64_t at = second; at < third; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    put(path, damaged);
    auto [log, records] = open_log(path);
    ASSERT_FALSE(log) << at;
    EXPECT_EQ(log.error().code, Code::corrupt);
    EXPECT_NE(log.error().message.find(fmt::format("damaged at offset {}", second)), std::string::npos)
        << log.error().message;
    EXPECT_EQ(slurp(path), damaged) << "nothing may be cut";
  }
}

TEST(AppendLog, ARecordThatHoldsALogIsNotTakenForRecords) {
  TempDir dir;
  const auto path = dir.file("log");
  ASSERT_TRUE(open_log(dir.file("inner")).log->append(as_bytes("inside")));
  const std::string inner = slurp(dir.file("inner"));
  {
    auto log = std::move(open_log(path).log);
    ASSERT_TRUE(log->append(as_bytes(inner)));
  }
  put(path, slurp(path).substr(0, std::filesystem::file_size(path) - 1) + "?");
  auto [log, records] = open_log(path);
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_TRUE(records.empty());
}

TEST(AppendLog, AFileOfAnotherKindIsLeftAlone) {
  TempDir dir;
  for (const std::string text : {"x", "$ORIGIN example.\n", "ONOLOG2\n"}) {
    put(dir.file("f"), text);
    auto [log, records] = open_log(dir.file("f"));
    ASSERT_FALSE(log) << text;
    EXPECT_EQ(log.error().code, Code::corrupt);
    EXPECT_EQ(slurp(dir.file("f")), text);
  }
}

TEST(AppendLog, AFullDiskIsSaidClearlyAndTheLogStaysUsable) {
  TempDir dir;
  const auto path = dir.file("log");
  FaultyDisk disk;
  {
    auto log = std::move(open_log(path, {}, disk).log);
    ASSERT_TRUE(log->append(as_bytes("before")));
    const auto size = log->size();
    disk.space = 7;
    auto refused = log->append(as_bytes("this does not fit"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::io);
    EXPECT_NE(refused.error().message.find("no space left"), std::string::npos);
    EXPECT_EQ(std::filesystem::file_size(path), size);
    EXPECT_EQ(log->records(), 1U);
    disk.space = 1000;
    disk.write_max = 3;
    ASSERT_TRUE(log->append(as_bytes("after")));
    ASSERT_TRUE(log->sync());
  }
  EXPECT_EQ(open_log(path).records, (std::vector<std::string>{"before", "after"}));
}

TEST(AppendLog, AFailedFlushClosesTheLogForWriting) {
  TempDir dir;
  const auto path = dir.file("log");
  FaultyDisk disk;
  {
    auto log = std::move(open_log(path, {}, disk).log);
    ASSERT_TRUE(log->append(as_bytes("one")));
    disk.sync_fails = true;
    EXPECT_FALSE(log->sync());
    disk.sync_fails = false;
    EXPECT_FALSE(log->sync()) << "a second flush would claim what the first one lost";
    EXPECT_FALSE(log->append(as_bytes("two")));
  }
  auto [log, records] = open_log(path, {}, disk);
  ASSERT_TRUE(log);
  EXPECT_TRUE(log->append(as_bytes("two")));
}

TEST(AppendLog, AnAppendThatCannotBeUndoneClosesTheLogForWriting) {
  TempDir dir;
  FaultyDisk disk;
  auto log = std::move(open_log(dir.file("log"), {}, disk).log);
  disk.space = 5;
  disk.truncate_fails = true;
  EXPECT_FALSE(log->append(as_bytes("one")));
  disk.space = 1000;
  EXPECT_FALSE(log->append(as_bytes("two")));
  EXPECT_FALSE(log->sync());
}

TEST(AppendLog, LimitsHold) {
  TempDir dir;
  const auto path = dir.file("log");
  {
    auto log = std::move(open_log(path, {.record_max = 10, .file_max = 60, .mode = 0600}).log);
    EXPECT_EQ(log->append(as_bytes("eleven octs")).error().code, Code::too_large);
    ASSERT_TRUE(log->append(as_bytes("ten octets")));
    ASSERT_TRUE(log->append(as_bytes("ten octets")));
    EXPECT_EQ(log->append(as_bytes("ten octets")).error().code, Code::too_large);
    EXPECT_EQ(log->records(), 2U);
  }
  // A smaller limit than the one the log was written with is no reason to cut records off.
  const auto before = std::filesystem::file_size(path);
  auto [log, records] = open_log(path, {.record_max = 5, .file_max = 60, .mode = 0600});
  EXPECT_FALSE(log);
  EXPECT_EQ(std::filesystem::file_size(path), before);
}

TEST(AppendLog, AReplayThatIsRefusedSaysWhere) {
  TempDir dir;
  ASSERT_TRUE(open_log(dir.file("log")).log->append(as_bytes("bad")));
  auto log = AppendLog::open(dir.file("log"), [](ByteView, std::uint64_t) -> Result<void> {
    return fail(Code::bad_syntax, "not understood");
  });
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, Code::bad_syntax);
  EXPECT_NE(log.error().message.find("offset 8"), std::string::npos);
}

// What sync() has confirmed is there after the process was killed in the middle of its work.
TEST(AppendLog, NothingConfirmedIsLostWhenTheProcessIsKilled) {
  TempDir dir;
  const auto path = dir.file("log");
  std::array<int, 2> confirmed{};
  ASSERT_EQ(::pipe(confirmed.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto log = AppendLog::open(path, nullptr);
    for (std::uint32_t i = 0; log; ++i) {
      if (!log->append(as_bytes(fmt::format("record {}", i))) || !log->sync()) break;
      if (::write(confirmed[1], &i, sizeof i) != sizeof i) break;
    }
    ::_exit(1);
  }
  ::close(confirmed[1]);
  std::uint32_t last = 0;
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(::read(confirmed[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
  ::kill(child, SIGKILL);
  while (::read(confirmed[0], &last, sizeof last) == static_cast<ssize_t>(sizeof last)) {
  }
  ::close(confirmed[0]);
  ::waitpid(child, nullptr, 0);
  auto [log, records] = open_log(path);
  ASSERT_TRUE(log) << log.error().message;
  ASSERT_GT(records.size(), last);
  for (std::size_t i = 0; i < records.size(); ++i) EXPECT_EQ(records[i], fmt::format("record {}", i));
}

}  // namespace
}  // namespace onoma::os
