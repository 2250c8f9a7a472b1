// Keys on disk through their lives, and clocks that are wrong.
#include "sign/key_manager.h"

#include <cerrno>
#include <filesystem>

#include "sign/key_store.h"
#include "unit/sign/support.h"

namespace onoma::sign::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;

// A disk of a machine that stops after so many operations: from then on nothing happens any more.
class StoppingDisk final : public os::FileSystem {
 public:
  explicit StoppingDisk(int left) : left_(left) {}
  int open(const char* path, int flags, mode_t mode) override {
    return go() ? FileSystem::open(path, flags, mode) : -EIO;
  }
  ssize_t pwrite(int fd, const void* from, std::size_t size, std::uint64_t offset) override {
    // Half of the last write still gets there.
    if (left_ == 1) {
      left_ = 0;
      return FileSystem::pwrite(fd, from, size / 2, offset);
    }
    return go() ? FileSystem::pwrite(fd, from, size, offset) : -EIO;
  }
  int sync(int fd) override { return go() ? FileSystem::sync(fd) : -EIO; }
  int sync_data(int fd) override { return go() ? FileSystem::sync_data(fd) : -EIO; }
  int rename(const char* from, const char* to) override { return go() ? FileSystem::rename(from, to) : -EIO; }
  int unlink(const char* path) override { return go() ? FileSystem::unlink(path) : -EIO; }
  bool stopped() const { return left_ == 0; }

 private:
  bool go() {
    if (left_ == 0) return false;
    --left_;
    return true;
  }
  int left_;
};

class KeyManagerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "onoma-manager-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }
  std::shared_ptr<KeyManager> open(KeyPolicy policy = {}, os::FileSystem& files = os::FileSystem::real()) {
    auto made = KeyManager::open(
        {.directory = directory_ + "/keys", .zone = apex_, .keys = policy, .signing = {}, .make = {}}, clock_,
        rng_, files);
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    return made ? *made : nullptr;
  }
  static std::vector<std::string> states(const KeyManager& manager) {
    std::vector<std::string> out;
    for (const auto& key : manager.report().keys) out.push_back(std::to_string(key.tag) + " " + key.state);
    std::ranges::sort(out);
    return out;
  }

  std::string directory_;
  const Name apex_ = name("example.");
  ManualClock clock_{kNow};
  SeededRng rng_{3};
};

TEST_F(KeyManagerTest, AStopAtAnyMomentLeavesTheOldKeysOrTheNew) {
  const auto before = states(*open());
  const auto saved = directory_ + "/saved";
  fs::copy(directory_ + "/keys", saved, fs::copy_options::recursive);
  bool old_seen = false, new_seen = false;
  for (int operations = 0;; ++operations) {
    fs::remove_all(directory_ + "/keys");
    fs::copy(saved, directory_ + "/keys", fs::copy_options::recursive);
    StoppingDisk disk(1000);
    const auto manager = open({}, disk);
    ASSERT_TRUE(manager);
    disk = StoppingDisk(operations);
    const auto rolled = manager->roll(Role::zsk);
    const auto after = states(*open());  // the machine starts again
    if (rolled) {
      EXPECT_EQ(after, states(*manager));
    } else {
      EXPECT_EQ(states(*manager), before);
    }
    (after == before ? old_seen : new_seen) = true;
    EXPECT_TRUE(after == before || after.size() == 3U);
    if (rolled && !disk.stopped()) break;
    ASSERT_LT(operations, 100);
  }
  EXPECT_TRUE(old_seen);
  EXPECT_TRUE(new_seen);
}

TEST_F(KeyManagerTest, WaitsCountFromWhatWasServedAndSurviveRestarts) {
  auto manager = open();
  ASSERT_TRUE(manager->roll(Role::zsk));
  // Nobody serves it for a week.
  clock_.advance(days{7});
  EXPECT_FALSE(
      manager
          ->advance(
              {.generation = manager->generation(), .apex_agrees = false, .renewal = {}, .max_ttl_s = 0})
          .value());
  EXPECT_FALSE(manager->next_step());
  // A version of older keys says nothing about the new ones.
  EXPECT_FALSE(
      manager
          ->advance(
              {.generation = manager->generation() - 1, .apex_agrees = true, .renewal = {}, .max_ttl_s = 0})
          .value());
  EXPECT_FALSE(manager->next_step());
  EXPECT_FALSE(
      manager
          ->advance({.generation = manager->generation(), .apex_agrees = true, .renewal = {}, .max_ttl_s = 0})
          .value());
  ASSERT_EQ(manager->next_step(), kNow + days{7} + hours{3});
  manager = open();
  ASSERT_EQ(manager->next_step(), kNow + days{7} + hours{3});
  clock_.advance(hours{3});
  EXPECT_TRUE(
      manager
          ->advance({.generation = manager->generation(), .apex_agrees = true, .renewal = {}, .max_ttl_s = 0})
          .value());
  EXPECT_EQ(manager->report().keys.size(), 3U);
}

TEST_F(KeyManagerTest, AClockThatWentBackChangesNoKey) {
  const auto manager = open();
  ASSERT_TRUE(manager->roll(Role::zsk));
  clock_.advance(-hours{1});
  EXPECT_EQ(manager->roll(Role::zsk).error().code, Code::unavailable);
  const auto refused = manager->advance(
      {.generation = manager->generation(), .apex_agrees = true, .renewal = {}, .max_ttl_s = 0});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("set it (NTP)"), std::string::npos);
  EXPECT_FALSE(manager->next_step());  // nothing was noted as served
  clock_.advance(hours{2});
  EXPECT_TRUE(manager->advance(
      {.generation = manager->generation(), .apex_agrees = true, .renewal = {}, .max_ttl_s = 0}));
  EXPECT_TRUE(manager->next_step());
}

TEST_F(KeyManagerTest, TheReportSaysWhatComesNextAndWhy) {
  KeyPolicy policy;
  policy.zsk_lifetime = days{90};
  const auto manager = open(policy);
  for (const auto& key : manager->report().keys) {
    EXPECT_FALSE(key.next.empty()) << key.tag;
    EXPECT_FALSE(key.why.empty()) << key.tag;
    EXPECT_EQ(key.next_at.has_value(), key.role == Role::zsk);
  }
}

TEST_F(KeyManagerTest, AFailureOfTheDiskChangesNothing) {
  StoppingDisk disk(1000);
  const auto manager = open({}, disk);
  const auto before = states(*manager);
  const auto generation = manager->generation();
  disk = StoppingDisk(0);
  EXPECT_FALSE(manager->roll(Role::ksk));
  EXPECT_EQ(states(*manager), before);
  EXPECT_EQ(manager->generation(), generation);
}

// A clock that is wrong.
class WrongClock : public KeyManagerTest {
 protected:
  std::vector<RRset> zone() {
    return sets_from(apex_,
                     "@ 3600 SOA ns1 hostmaster 7 7200 900 604800 300\n@ 3600 NS ns1\nns1 300 A 192.0.2.1\n");
  }
};

TEST_F(WrongClock, BeforeTheBuildNothingIsSigned) {
  const auto signer = make_signer(open(), {}, nullptr, kNow + days{1});
  ASSERT_TRUE(signer);
  const auto sets = (*signer)->sign_all(apex_, zone(), kNow);
  ASSERT_FALSE(sets);
  EXPECT_EQ(sets.error().code, Code::unavailable);
  EXPECT_NE(sets.error().message.find("clock"), std::string::npos);
  EXPECT_TRUE((*signer)->sign_all(apex_, zone(), kNow + days{1}));
  EXPECT_GT(build_date(), from_unix_seconds(1'700'000'000));
}

TEST_F(WrongClock, BeforeTheNewestSignatureNothingIsSigned) {
  const auto signer = make_signer(open(), {});
  ASSERT_TRUE(signer);
  const auto current = build(apex_, (*signer)->sign_all(apex_, zone(), kNow).value());
  const zone::Diff nothing{apex_, 7, 8, {}};
  // Signatures begin an hour back; a little more is forgiven.
  EXPECT_TRUE((*signer)->sign(*current, nothing, kNow - hours{1} - std::chrono::minutes{4}));
  for (const auto wrong : {kNow - hours{1} - std::chrono::minutes{6}, kNow - days{400}, Time{}}) {
    const auto diff = (*signer)->sign(*current, nothing, wrong);
    ASSERT_FALSE(diff);
    EXPECT_EQ(diff.error().code, Code::unavailable);
    EXPECT_FALSE((*signer)->refresh(*current, 8, wrong, 10));
  }
}

}  // namespace
}  // namespace onoma::sign::testing
