// Images in the life of a server: changes are merged and none is lost, files are opened where they lie and
// move to memory, damage is told and never answered from, a bad file keeps the zone that was there.
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/metrics.h"
#include "gate/gate.h"
#include "publish/file_zones.h"
#include "publish/image_keeper.h"
#include "publish/image_write.h"
#include "publish/zone_file.h"
#include "zone/diff_text.h"
#include "zone/load.h"

namespace onoma::publish {
namespace {

using wire::Name;

Name name(std::string_view text) {
  return Name::parse(text).value();
}

std::string zone_of(int delegations, int serial) {
  auto text =
      fmt::format("@ 300 SOA ns admin {} 1800 900 604800 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n", serial);
  for (int i = 0; i < delegations; ++i) text += fmt::format("d{} 300 NS ns{}.example.\n", i, i % 7);
  return text;
}

zone::SnapshotPtr load(std::string_view text) {
  std::vector<std::string> warnings;
  auto loaded = zone::load_zone_text(text, {.origin = name("test.")}, warnings);
  EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : loaded.error().message);
  return loaded.value_or(nullptr);
}

// Some lines of a random change, and the serial that it leads to.
std::string random_change(std::mt19937& random, const zone::Snapshot& from) {
  std::string text;
  const auto serial = from.facts().serial;
  text += fmt::format("-test. 300 SOA ns.test. admin.test. {} 1800 900 604800 300\n", serial);
  text += fmt::format("+test. 300 SOA ns.test. admin.test. {} 1800 900 604800 300\n", serial + 1);
  for (int i = 0; i < 4; ++i) {
    const auto owner = fmt::format("d{}.{}test.", random() % 400, random() % 3 ? "" : "deep.");
    const auto held = from.node(wire::sort_key(name(owner)));
    const auto set = held ? held->find(wire::RRType::NS) : std::nullopt;
    if (text.find(owner + " ") != std::string::npos) continue;
    if (set)
      for (auto data : set->rdatas())
        text += fmt::format("-{} 300 NS {}\n", owner, Name::from_wire(data).value().text());
    if (!set || random() % 2) text += fmt::format("+{} 300 NS ns{}.example.\n", owner, 100 + random() % 50);
  }
  return text;
}

// One zone, whose versions are made where the test stands.
struct Home final : ImageHome {
  zone::SnapshotPtr current;
  int exchanged = 0;
  bool late = false;  // exchanges wait for the test
  std::vector<Make> waiting;
  void exchange(const Name&, Make make) override {
    waiting.push_back(std::move(make));
    if (!late) settle();
  }
  void settle() {
    for (auto& make : std::exchange(waiting, {}))
      if (auto made = make(current); made.next) {
        current = made.next;
        ++exchanged;
      }
  }
};

TEST(ImageKeeper, MergesWhileChangesGoOnAndLosesNone) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    std::mt19937 random(seed);
    os::JobPool pool({.threads = 0});
    ImageKeeper keeper(pool, {.share = 1'000'000, .least_octets = 600, .least_owners = 6});
    const auto home = std::make_shared<Home>();
    home->current = load(zone_of(300, 1));
    home->late = seed % 2 == 0;
    auto plain = home->current;  // never merged
    for (int i = 0; i < 150; ++i) {
      const auto diff = zone::diff_from_text(random_change(random, *home->current), *home->current, "change");
      ASSERT_TRUE(diff.has_value()) << diff.error().message;
      home->current = home->current->apply(*diff).value();
      plain = plain->apply(*diff).value();
      keeper.changed(home, name("test."), home->current, *diff);
      if (random() % 3 == 0) pool.run_ready();
      if (random() % 3 == 0) home->settle();
      ASSERT_EQ(home->current->facts().names, plain->facts().names);
    }
    pool.run_ready();
    home->settle();
    EXPECT_GT(home->exchanged, 5);
    EXPECT_EQ(zone::zone_text(*home->current), zone::zone_text(*plain));
    EXPECT_EQ(home->current->content_digest(), plain->content_digest());
    EXPECT_LT(home->current->delta().owners, plain->delta().owners);
    EXPECT_EQ(read(Metric::onoma_image_delta_owners), home->current->delta().owners);
    keeper.forget(name("test."));
    EXPECT_EQ(read(Metric::onoma_image_delta_octets), 0U);
  }
}

TEST(ImageKeeper, AMergeThatIsOvertakenByANewZoneChangesNothing) {
  os::JobPool pool({.threads = 0});
  ImageKeeper keeper(pool, {.share = 1'000'000, .least_octets = 1, .least_owners = 1});
  const auto home = std::make_shared<Home>();
  std::mt19937 random(1);
  home->current = load(zone_of(50, 1));
  const auto diff = zone::diff_from_text(random_change(random, *home->current), *home->current, "change");
  home->current = home->current->apply(*diff).value();
  keeper.changed(home, name("test."), home->current, *diff);
  home->late = true;
  pool.run_ready();
  ASSERT_EQ(home->waiting.size(), 1U);
  const auto other = load(zone_of(60, 9));
  home->current = other;
  keeper.changed(home, name("test."), other, {});
  home->settle();
  EXPECT_EQ(home->current, other);
}

struct Shown final : ZoneSink {
  std::map<Name, zone::SnapshotPtr> zones;  // null: not loaded
  void show(const zone::Version& version, zone::SnapshotPtr snapshot) override {
    zones[version.zone] = std::move(snapshot);
  }
  void moved(const zone::SnapshotPtr& snapshot) override { zones[snapshot->facts().apex] = snapshot; }
  void refused(const zone::Version&, const zone::Verdict&) override {}
  void remove(const Name& zone) override { zones.erase(zone); }
  void not_loaded(const Name& zone) override { zones.try_emplace(zone, nullptr); }
};

class ImageZones : public testing::Test {
 protected:
  ImageZones() {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("onoma-images-{}", ::getpid());
    std::filesystem::create_directories(folder_);
    zones_.use_images(keeper_, zone::GateLevel::structure);
  }
  ~ImageZones() override { std::filesystem::remove_all(folder_); }

  std::string path(std::string_view file = "zone.image") const { return folder_ / file; }
  std::string compile(int delegations, int serial, zone::GateLevel level = zone::GateLevel::structure) {
    text_ = zone_of(delegations, serial);
    const auto saved = save_image_file(path(), {load(text_)}, {.level = level});
    EXPECT_TRUE(saved.has_value());
    return path();
  }
  // In place, where a server may have it mapped.
  void damage(std::uint64_t at) {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const auto octet = static_cast<char>(file.get() ^ 0x10);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(octet);
  }
  void scan() {
    clock_.advance(std::chrono::seconds{1});
    pool_.run_ready();
  }
  zone::SnapshotPtr served() { return table_.zones.at(zone_); }

  const Name zone_ = name("test.");
  std::filesystem::path folder_;
  std::string text_;
  Shown table_;
  ManualClock clock_{from_unix_seconds(1'790'000'000)};
  os::JobPool pool_{{.threads = 0, .clock = &clock_}};
  FileZones zones_{
      [] { return gate::make_gate({.level = zone::GateLevel::structure, .require_signed = false}); }, table_,
      clock_};
  ImageKeeper keeper_{pool_};
};

TEST_F(ImageZones, AreServedWhereTheyLieAndThenFromMemory) {
  ASSERT_TRUE(zones_.add(zone_, compile(20'000, 3)).has_value());
  EXPECT_FALSE(zone::image_is_trusted(*served()));
  scan();
  EXPECT_TRUE(zone::image_is_trusted(*served()));
  EXPECT_EQ(served()->facts().serial, 3U);
  EXPECT_EQ(zone::zone_text(*served()), zone::zone_text(*load(text_)));
  EXPECT_EQ(zones_.health(zone_)->condition, ZoneCondition::ok);
  // A change keeps its place beside the image when that moves.
  ASSERT_TRUE(zones_.reload(zone_));
  EXPECT_TRUE(zone::image_is_trusted(*served()));
}

TEST_F(ImageZones, ChangesBeforeTheMoveGoWithIt) {
  ASSERT_TRUE(zones_.add(zone_, compile(2'000, 3)).has_value());
  const auto change =
      "-test. 300 SOA ns.test. admin.test. 3 1800 900 604800 300\n"
      "+test. 300 SOA ns.test. admin.test. 4 1800 900 604800 300\n+new.test. 300 A 192.0.2.9\n";
  const auto applied = zones_.apply(zone_, change);
  ASSERT_TRUE(applied.has_value()) << applied.error().message;
  EXPECT_FALSE(zone::image_is_trusted(*served()));
  scan();
  EXPECT_TRUE(zone::image_is_trusted(*served()));
  EXPECT_EQ(served()->facts().serial, 4U);
  EXPECT_TRUE(served()->exists(wire::sort_key(name("new.test."))));
}

TEST_F(ImageZones, DamageIsToldAndWhatIsLeftIsServed) {
  ASSERT_TRUE(zones_.add(zone_, compile(20'000, 3)).has_value());
  damage(4096 + 100'000);
  const auto before = read(Metric::onoma_images_damaged_total);
  scan();
  EXPECT_EQ(read(Metric::onoma_images_damaged_total), before + 1);
  const auto health = zones_.health(zone_);
  EXPECT_EQ(health->condition, ZoneCondition::failed_audit);
  EXPECT_EQ(health->audit, "damaged");
  EXPECT_NE(health->reason.find("zone.image is damaged"), std::string::npos) << health->reason;
  // A name that does not exist cannot be told from one that is gone: nothing is said of it.
  std::size_t right = 0, silent = 0;
  for (int i = 0; i < 20'000; ++i) {
    zone::LookupKey key;
    zone::LookupKey::make(name(fmt::format("d{}.test.", i)), key);
    const auto found = served()->find(key);
    ASSERT_TRUE(found.cut.has_value() || found.damaged) << i;
    found.cut ? ++right : ++silent;
  }
  EXPECT_GT(right, 10'000U);
  EXPECT_GT(silent, 0U);
  // A good file mends it.
  ASSERT_TRUE(zones_.reload(zone_, compile(20'000, 4)).has_value());
  EXPECT_EQ(zones_.health(zone_)->condition, ZoneCondition::ok);
}

TEST_F(ImageZones, AFileThatIsCutWhileMappedHarmsNobody) {
  ASSERT_TRUE(zones_.add(zone_, compile(20'000, 3)).has_value());
  std::filesystem::resize_file(path(), 8192);
  zone::LookupKey key;
  for (int i = 0; i < 1000; ++i) {
    zone::LookupKey::make(name(fmt::format("d{}.test.", i)), key);
    const auto found = served()->find(key);
    ASSERT_TRUE(found.damaged || found.cut);
  }
  scan();
  EXPECT_NE(zones_.health(zone_)->condition, ZoneCondition::ok);
  EXPECT_EQ(zones_.health(zone_)->audit, "damaged");
}

TEST_F(ImageZones, AFileThatIsWrittenOverIsNotServedOn) {
  ASSERT_TRUE(zones_.add(zone_, compile(2'000, 3)).has_value());
  ASSERT_TRUE(save_image_file(path("other.image"), {load(zone_of(2'000, 7))}, {}).has_value());
  std::filesystem::copy_file(path("other.image"), path(), std::filesystem::copy_options::overwrite_existing);
  scan();
  EXPECT_EQ(served(), nullptr);
  EXPECT_EQ(zones_.health(zone_)->condition, ZoneCondition::not_loaded);
  ASSERT_TRUE(zones_.reload(zone_).has_value());
  EXPECT_EQ(served()->facts().serial, 7U);
}

TEST_F(ImageZones, ABadImageKeepsTheZoneThatWasThere) {
  ASSERT_TRUE(zones_.add(zone_, compile(2'000, 3)).has_value());
  scan();
  compile(2'000, 4);
  damage(4096 + 20'000);
  const auto reloaded = zones_.reload(zone_);
  ASSERT_FALSE(reloaded.has_value());
  EXPECT_NE(reloaded.error().message.find("do not fit their checksums"), std::string::npos);
  EXPECT_EQ(served()->facts().serial, 3U);
  compile(2'000, 5);
  ASSERT_TRUE(zones_.reload(zone_).has_value());
  EXPECT_EQ(served()->facts().serial, 5U);
}

TEST_F(ImageZones, TellWhatAFileHoldsInstead) {
  compile(5, 3);
  const auto missing = zones_.add(name("other."), path());
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().message.find("it holds test."), std::string::npos) << missing.error().message;
}

TEST_F(ImageZones, OfOneFileMoveToOneCopy) {
  std::vector<zone::SnapshotPtr> zones;
  for (int i = 0; i < 40; ++i) {
    std::vector<std::string> warnings;
    zones.push_back(
        zone::load_zone_text(zone_of(i, 3), {.origin = name(fmt::format("z{}.", i))}, warnings).value());
  }
  ASSERT_TRUE(save_image_file(path(), zones, {}).has_value());
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(zones_.add(name(fmt::format("z{}.", i)), path()).has_value());
  const auto before = read(Metric::onoma_images_verified_total);
  scan();
  EXPECT_EQ(read(Metric::onoma_images_verified_total), before + 1);
  for (int i = 0; i < 40; ++i) {
    const auto shown = table_.zones.at(name(fmt::format("z{}.", i)));
    EXPECT_TRUE(zone::image_is_trusted(*shown));
    EXPECT_EQ(zone::zone_text(*shown), zone::zone_text(*zones[static_cast<std::size_t>(i)]));
  }
}

// A disk that takes so many octets and no more.
struct FullDisk final : os::FileSystem {
  std::uint64_t room = 0;
  ssize_t pwrite(int fd, const void* from, std::size_t size, std::uint64_t offset) override {
    if (offset >= room) return -ENOSPC;
    return FileSystem::pwrite(fd, from, std::min<std::size_t>(size, room - offset), offset);
  }
};

TEST_F(ImageZones, AFullDiskLeavesTheOldFile) {
  compile(2'000, 3);
  FullDisk disk;
  disk.room = 30'000;
  const auto saved = save_image_file(path(), {load(zone_of(2'000, 4))}, {}, {}, disk);
  ASSERT_FALSE(saved.has_value());
  EXPECT_FALSE(std::filesystem::exists(path() + ".new"));
  std::uint64_t stamp = 0;
  EXPECT_EQ(read_zone_file(zone_, path(), stamp)->snapshot->facts().serial, 3U);
}

}  // namespace
}  // namespace onoma::publish
