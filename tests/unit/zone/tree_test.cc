// Tree: behaves as an ordered map, and every copy keeps what it held.
#include "zone/tree.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "zone_support.h"

namespace onoma::zone {
namespace {

EntryPtr entry(std::string_view key, std::uint32_t value) {
  static const Bytes kData = {0, 4, 192, 0, 2, 1};
  EncodedSet set;
  set.type = RRType::A;
  set.ttl = value;
  set.count = 1;
  set.data = kData;
  auto made = EntryPtr::make(key, NameView(), false, std::span(&set, 1));
  EXPECT_TRUE(made.has_value());
  return *std::move(made);
}

using Map = std::map<std::string, std::uint32_t, std::less<>>;

void expect_equal(const Tree& tree, const Map& map) {
  ASSERT_EQ(tree.size(), map.size());
  auto place = tree.first();
  for (const auto& [key, value] : map) {
    ASSERT_TRUE(place.valid());
    ASSERT_EQ(place.entry()->key(), key);
    ASSERT_EQ(place.entry()->node().at(0).ttl(), value);
    place.next();
  }
  EXPECT_FALSE(place.valid());
  place = tree.last();
  for (auto at = map.rbegin(); at != map.rend(); ++at) {
    ASSERT_TRUE(place.valid());
    ASSERT_EQ(place.entry()->key(), at->first);
    place.prev();
  }
  EXPECT_FALSE(place.valid());
}

void expect_search(const Tree& tree, const Map& map, const std::string& key) {
  const auto found = map.find(key);
  const auto* entry = tree.find(key);
  ASSERT_EQ(entry != nullptr, found != map.end());
  const auto low = map.lower_bound(key);
  const Entry* behind = nullptr;
  const Entry* before = nullptr;
  tree.around(key, behind, before);
  ASSERT_EQ(behind != nullptr, low != map.end());
  ASSERT_TRUE(!behind || behind->key() == low->first);
  ASSERT_EQ(before != nullptr, low != map.begin());
  ASSERT_TRUE(!before || before->key() == std::prev(low)->first);
  ASSERT_EQ(tree.before(key).valid(), before != nullptr);
}

std::string random_key(std::mt19937& random, const std::string& prefix, unsigned spread) {
  std::string key = prefix + "common-beginning-"[random() % 17];
  if (random() % 2) key = prefix + "same-eight-octets-";
  return key + std::to_string(random() % spread);
}

class TreeTest : public testing::TestWithParam<unsigned> {};

TEST_P(TreeTest, BehavesAsAMapAndKeepsOldVersions) {
  const std::string prefix{"tld\0", 4};
  std::mt19937 random(GetParam());
  Tree tree(prefix);
  Map map;
  std::vector<std::pair<Tree, Map>> versions;
  for (unsigned step = 0; step < 12000; ++step) {
    // Growing first, then shrinking, so that parts split and merge.
    const bool grow = random() % 100 < (step < 7000 ? 75U : 15U);
    const auto key = random_key(random, prefix, GetParam() % 2 ? 300 : 30000);
    if (grow) {
      map[key] = step;
      tree.put(entry(key, step));
    } else if (!map.empty() && random() % 2) {
      const auto low = map.lower_bound(key);
      const auto victim = low == map.end() ? map.begin()->first : low->first;
      map.erase(victim);
      ASSERT_TRUE(tree.erase(victim));
    } else {
      ASSERT_EQ(tree.erase(key), map.erase(key) == 1);
    }
    if (step % 1500 == 0) versions.emplace_back(tree, map);
    if (step % 50 == 0) expect_search(tree, map, random_key(random, prefix, 30000));
    if (step % 50 == 0 && !map.empty()) {  // and one that is there
      const auto near = map.lower_bound(random_key(random, prefix, 30000));
      expect_search(tree, map, near == map.end() ? map.begin()->first : near->first);
    }
  }
  expect_equal(tree, map);
  for (const auto& [old_tree, old_map] : versions) expect_equal(old_tree, old_map);
  while (!map.empty()) {
    ASSERT_TRUE(tree.erase(map.begin()->first));
    map.erase(map.begin());
  }
  expect_equal(tree, map);
  for (const auto& [old_tree, old_map] : versions) expect_equal(old_tree, old_map);
}

INSTANTIATE_TEST_SUITE_P(Seeds, TreeTest, testing::Values(1U, 2U, 3U, 4U));

// Keys below all that were there when the tree got its first levels: the first child splits again and again,
// and each of its separators must be found.
TEST(Tree, FindsEveryKeyAfterSmallerOnesCame) {
  const auto key_of = [](unsigned i) { return "key" + std::to_string(100000 + i); };
  Tree tree;
  Map map;
  const auto put = [&](unsigned i, std::uint32_t value) {
    map[key_of(i)] = value;
    tree.put(entry(key_of(i), value));
  };
  for (unsigned i = 9000; i < 9100; ++i) put(i, 1);
  for (unsigned i = 9000; i-- > 0;) {
    put(i, 1);
    if (i % 64 != 0) continue;
    for (const auto& one : map) ASSERT_NE(tree.find(one.first), nullptr) << one.first;
  }
  for (unsigned i = 0; i < 9100; i += 3) put(i, 2);
  expect_equal(tree, map);
  for (unsigned i = 0; i < 9100; i += 2) {
    ASSERT_TRUE(tree.erase(key_of(i)));
    map.erase(key_of(i));
  }
  expect_equal(tree, map);
}

TEST(Tree, BuiltInOneGoHoldsTheSame) {
  for (const std::size_t size : {0U, 1U, 55U, 56U, 57U, 3136U, 3137U, 20000U}) {
    Map map;
    for (std::uint32_t i = 0; i < size; ++i) map["key" + std::to_string(i)] = i;
    std::vector<EntryPtr> entries;
    for (const auto& [key, value] : map) entries.push_back(entry(key, value));
    Tree tree;
    tree.build(std::move(entries));
    expect_equal(tree, map);
    std::mt19937 random(7);
    for (int i = 0; i < 200; ++i) expect_search(tree, map, "key" + std::to_string(random() % 30000));
    tree.put(entry("key", 1));
    map["key"] = 1;
    expect_equal(tree, map);
  }
}

TEST(Tree, KeysOutsideOfThePrefixAreBeforeOrBehind) {
  const std::string prefix{"m\0", 2};
  Tree tree(prefix);
  tree.put(entry(prefix + "x", 1));
  EXPECT_EQ(tree.find("a"), nullptr);
  EXPECT_TRUE(tree.lower_bound("a").valid());
  EXPECT_FALSE(tree.lower_bound("z").valid());
  EXPECT_FALSE(tree.before("a").valid());
  EXPECT_TRUE(tree.before("z").valid());
  EXPECT_TRUE(tree.lower_bound("m").valid());
}

}  // namespace
}  // namespace onoma::zone
