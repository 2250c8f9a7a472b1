// The journal keeps what it acknowledged, in order, over restarts, torn writes and full disks.
#include "publish/journal.h"

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "wire/rdata.h"

namespace onoma::publish {
namespace {

using wire::Name;
using wire::RRset;
using wire::RRType;

Name name(const std::string& text) {
  return Name::parse(text).value();
}

RRset set(const std::string& owner, RRType type, const std::string& data) {
  RRset out{.owner = name(owner), .type = type, .ttl = 60};
  out.rdatas.push_back(wire::parse_rdata(type, data, Name()).value());
  return out;
}

zone::Version version(std::uint32_t from, std::uint32_t to) {
  zone::Version out{.zone = name("test."),
                    .serial = to,
                    .first_event = to,
                    .last_event = to,
                    .epoch = 1,
                    .made = from_unix_seconds(1),
                    .committed = from_unix_seconds(2)};
  out.diff = {.apex = name("test."), .from_serial = from, .to_serial = to, .changes = {}};
  const auto added = set("n" + std::to_string(to) + ".test.", RRType::NS, "ns.example.");
  out.diff.changes.push_back({added.owner, added.type, std::nullopt, added});
  return out;
}

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    folder_ = std::filesystem::temp_directory_path() / ("onoma-journal-" + std::to_string(::getpid()));
  }
  ~JournalTest() override { std::filesystem::remove_all(folder_); }
  std::vector<std::uint32_t> serials(Journal& journal) {
    std::vector<std::uint32_t> out;
    const auto replayed = journal.replay(name("test."), [&](zone::Version&& v) -> Result<void> {
      out.push_back(v.serial);
      return {};
    });
    EXPECT_TRUE(replayed) << replayed.error().message;
    return out;
  }
  std::filesystem::path folder_;
};

TEST_F(JournalTest, ReplaysWhatWasAppendedInOrder) {
  {
    Journal journal({.folder = folder_});
    ASSERT_TRUE(journal.append(version(0, 1)));
    ASSERT_TRUE(journal.append(version(1, 2)));
    ASSERT_TRUE(journal.append(version(2, 3)));
  }
  Journal again({.folder = folder_});
  EXPECT_EQ(serials(again), (std::vector<std::uint32_t>{1, 2, 3}));
  ASSERT_TRUE(again.append(version(3, 4)));
  EXPECT_EQ(serials(again), (std::vector<std::uint32_t>{1, 2, 3, 4}));
}

TEST_F(JournalTest, AWholeVersionTakesThePlaceOfWhatWasBefore) {
  Journal journal({.folder = folder_});
  ASSERT_TRUE(journal.append(version(0, 1)));
  ASSERT_TRUE(journal.append(version(1, 2)));
  ASSERT_TRUE(journal.fold(version(0, 2)));
  EXPECT_EQ(serials(journal), (std::vector<std::uint32_t>{2}));
}

TEST_F(JournalTest, ATornTailIsCutOff) {
  {
    Journal journal({.folder = folder_});
    ASSERT_TRUE(journal.append(version(0, 1)));
    ASSERT_TRUE(journal.append(version(1, 2)));
  }
  const auto path = folder_ / "test.journal";
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);
  Journal journal({.folder = folder_});
  EXPECT_EQ(serials(journal), (std::vector<std::uint32_t>{1}));
  ASSERT_TRUE(journal.append(version(1, 2)));
  EXPECT_EQ(serials(journal), (std::vector<std::uint32_t>{1, 2}));
}

TEST_F(JournalTest, AWholeVersionThatIsNotWholeIsDamageAndIsNotCutOff) {
  {
    Journal journal({.folder = folder_});
    ASSERT_TRUE(journal.append(version(0, 1)));
  }
  const auto path = folder_ / "test.journal";
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);
  const auto size = std::filesystem::file_size(path);
  Journal journal({.folder = folder_});
  const auto replayed = journal.replay(name("test."), [](zone::Version&&) -> Result<void> { return {}; });
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().code, Code::corrupt);
  EXPECT_EQ(std::filesystem::file_size(path), size);
}

// A disk whose next flushes fail.
struct BadDisk final : os::FileSystem {
  int bad_flushes = 0;
  int sync_data(int fd) override { return bad_flushes-- > 0 ? -EIO : os::FileSystem::sync_data(fd); }
};

TEST_F(JournalTest, WhatCouldNotBeFlushedIsGoneBeforeTheNextVersion) {
  BadDisk disk;
  Journal journal({.folder = folder_}, disk);
  ASSERT_TRUE(journal.append(version(0, 1)));
  disk.bad_flushes = 1;
  ASSERT_FALSE(journal.append(version(1, 2)));
  ASSERT_TRUE(journal.append(version(1, 3)));
  EXPECT_EQ(serials(journal), (std::vector<std::uint32_t>{1, 3}));
}

TEST_F(JournalTest, AFoldAfterAFailedFlushIsNotCut) {
  BadDisk disk;
  Journal journal({.folder = folder_}, disk);
  ASSERT_TRUE(journal.append(version(0, 1)));
  disk.bad_flushes = 1;
  ASSERT_FALSE(journal.append(version(1, 2)));
  auto whole = version(0, 3);
  for (int i = 0; i < 50; ++i) {
    const auto more = set("m" + std::to_string(i) + ".test.", RRType::NS, "ns.example.");
    whole.diff.changes.push_back({more.owner, more.type, std::nullopt, more});
  }
  ASSERT_TRUE(journal.fold(whole));
  EXPECT_EQ(serials(journal), (std::vector<std::uint32_t>{3}));
}

// Until the folder is flushed a crash may bring back the file from before the fold, without what came after.
TEST_F(JournalTest, NothingIsAcknowledgedBehindAFoldWhosePlaceIsNotDurable) {
  class Disk final : public os::FileSystem {
   public:
    explicit Disk(std::string watched) : watched_(std::move(watched)) {}
    bool bad = false;
    // Once the new file stands in its place, only the folder is left to flush.
    int sync(int fd) override {
      return bad && !std::filesystem::exists(watched_) ? -EIO : os::FileSystem::sync(fd);
    }

   private:
    std::string watched_;
  } disk(folder_ / "test.journal.fold");
  Journal journal({.folder = folder_}, disk);
  ASSERT_TRUE(journal.append(version(0, 1)));
  disk.bad = true;
  ASSERT_FALSE(journal.fold(version(0, 2)));
  EXPECT_FALSE(journal.append(version(2, 3)));
  disk.bad = false;
  ASSERT_TRUE(journal.append(version(2, 3)));
  EXPECT_EQ(serials(journal), (std::vector<std::uint32_t>{2, 3}));
}

TEST_F(JournalTest, WantsFoldingOnceChangesOutgrowTheWhole) {
  Journal journal({.folder = folder_, .fold_min_octets = 1000});
  ASSERT_TRUE(journal.append(version(0, 1)));
  EXPECT_FALSE(journal.wants_fold());
  for (std::uint32_t i = 1; i < 20; ++i) ASSERT_TRUE(journal.append(version(i, i + 1)));
  EXPECT_TRUE(journal.wants_fold());
}

TEST(VersionCodec, SurvivesTheRoundTripAndRefusesEveryTruncation) {
  const auto original = version(6, 7);
  const auto octets = encode(original);
  const auto decoded = decode_version(octets);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->serial, 7U);
  EXPECT_EQ(decoded->diff.changes, original.diff.changes);
  EXPECT_EQ(decoded->committed, original.committed);
  for (std::size_t size = 0; size < octets.size(); ++size)
    EXPECT_FALSE(decode_version(ByteView(octets).first(size))) << size;
}

TEST(FileStem, IsSafeAndDistinct) {
  EXPECT_EQ(file_stem(name(".")), "@root");
  EXPECT_EQ(file_stem(name("Example.COM.")), "example.com");
  EXPECT_EQ(file_stem(name("a/b.test.")).find('/'), std::string::npos);
}

}  // namespace
}  // namespace onoma::publish
