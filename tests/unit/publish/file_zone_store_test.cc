// The small store of many zones finds what it holds, whatever was removed in between.
#include "publish/file_zone_store.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace onoma::publish {
namespace {

using wire::Name;

TEST(FileZoneStoreTest, AgreesWithAMapAfterAnyMixOfInsertAndErase) {
  FileZoneStore store;
  std::map<Name, std::pair<std::uint32_t, std::string>> model;
  std::minstd_rand chance(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto name = Name::parse("z" + std::to_string(chance() % 500) + ".example.").value();
    const auto known = model.find(name);
    if (known == model.end()) {
      ASSERT_EQ(store.find(name), FileZoneStore::kNone);
      const auto file = "file" + std::to_string(i);
      model.emplace(name, std::pair(store.insert(name, file), file));
    } else if (chance() % 2 == 0) {
      store.erase(known->second.first);
      model.erase(known);
    }
    ASSERT_EQ(store.size(), model.size());
  }
  ASSERT_GT(model.size(), 100U);
  for (const auto& [name, entry] : model) {
    ASSERT_EQ(store.find(name), entry.first);
    EXPECT_EQ(store.at(entry.first).file(), entry.second);
    EXPECT_EQ(Name(store.at(entry.first).name()), name);
  }
}

TEST(FileZoneStoreTest, NamesAreFoundInAnyCaseAndFilesCanChange) {
  FileZoneStore store;
  const auto index = store.insert(Name::parse("Example.").value(), "a");
  EXPECT_EQ(store.find(Name::parse("eXAMPLE.").value()), index);
  auto& zone = store.at(index);
  zone.assign(zone.name(), "a longer path");
  EXPECT_EQ(zone.file(), "a longer path");
  EXPECT_EQ(store.find(Name::parse("example.").value()), index);
}

TEST(FileZoneStoreTest, AZoneAtRestIsSmall) {
  EXPECT_LE(sizeof(FileZone), 64U);
}

}  // namespace
}  // namespace onoma::publish
