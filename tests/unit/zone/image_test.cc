// Images: what is packed comes out as it went in; a version on an image with a delta is the version built
// anew; a merge under way loses nothing; damaged octets are noticed and harm nobody.
#include "zone/image.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "zone/image_file.h"
#include "zone_support.h"

namespace onoma::zone::test {
namespace {

std::string hex(std::mt19937& random, std::size_t octets) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (std::size_t i = 0; i < 2 * octets; ++i) out += kDigits[random() % 16];
  return out;
}

std::string base32hex_label(std::mt19937& random, bool upper) {
  const std::string_view digits =
      upper ? "0123456789ABCDEFGHIJKLMNOPQRSTUV" : "0123456789abcdefghijklmnopqrstuv";
  std::string out;
  for (int i = 0; i < 32; ++i) out += digits[random() % 32];
  return out;
}

std::string signature(std::mt19937& random, std::string_view type, int labels) {
  return "RRSIG " + std::string(type) + " 13 " + std::to_string(labels) + " 300 20300101000000 2026010100" +
         std::to_string(10 + random() % 50) + std::to_string(10 + random() % 50) + " " +
         std::to_string(random() % 3) + " tld. " + (random() % 2 ? "AAAA" : "QUJDRA==");
}

// A zone with everything that is packed in a way of its own.
std::string mixed_zone(std::mt19937& random) {
  std::string text(kApex);
  text += "@ 60 NSEC3PARAM 1 0 0 -\n";
  for (int i = 0; i < 120; ++i) {
    const auto owner =
        fmt::format("d{}{}{}", random() % 200, random() % 4 ? "" : ".sub", random() % 5 ? "" : ".Deep");
    switch (random() % 7) {
      case 0:
      case 1:
        text += fmt::format("{0} 300 NS ns1.host{1}.example.\n{0} 300 NS ns2.host{1}.example.\n", owner,
                            random() % 5);
        break;
      case 2:
        text += fmt::format("{0} 300 NS ns.{0}\nns.{0} 300 A 192.0.2.7\n", owner);
        break;
      case 3:
        text += fmt::format("{} {} TXT \"{}\"\n", owner, random() % 400, std::string(random() % 200, 'x'));
        break;
      case 4:
        text += fmt::format("{0} 300 AAAA 2001:db8::{1}\n{0} 300 {2}\n", owner, random() % 99,
                            signature(random, "AAAA", 2));
        break;
      case 5:  // too large to pack
        for (int j = 0; j < 20; ++j)
          text += fmt::format("{} 300 TXT \"{}{}\"\n", owner, std::string(200, 'y'), j);
        break;
      default:
        text += fmt::format("{0} 300 DS 1 13 2 {1}\n{0} 300 NS sibling.d1\n{0} 300 {2}\n", owner,
                            hex(random, 32), signature(random, "DS", 2));
    }
  }
  std::vector<std::string> hashes(40);
  for (std::size_t i = 0; i < hashes.size(); ++i) hashes[i] = base32hex_label(random, i % 3 == 0);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const auto next = random() % 4 ? hashes[(i + 1) % hashes.size()] : base32hex_label(random, true);
    text += fmt::format("{0} 60 NSEC3 1 1 0 - {1} NS DS RRSIG\n{0} 60 {2}\n", hashes[i], next,
                        signature(random, "NSEC3", 2));
  }
  return text;
}

// Letter case aside: a name that is there already keeps its spelling when it changes.
std::string folded(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

void expect_same(const Snapshot& a, const Snapshot& b) {
  EXPECT_EQ(folded(zone_text(a)), folded(zone_text(b)));
  expect_same_facts(a.facts(), b.facts());
  EXPECT_EQ(a.content_digest(), b.content_digest());
}

void expect_same_lookups(const Snapshot& a, const Snapshot& b, std::mt19937& random, const Name& apex) {
  const auto owner = [](const std::optional<NodeView>& node) {
    return node ? folded(node->owner().text()) : "none";
  };
  for (int i = 0; i < 200; ++i) {
    const auto query = random_name(random, apex);
    const auto left = a.find(lookup_key(query)), right = b.find(lookup_key(query));
    ASSERT_EQ(owner(left.cut), owner(right.cut)) << query.text();
    ASSERT_EQ(owner(left.dname), owner(right.dname)) << query.text();
    ASSERT_EQ(owner(left.exact), owner(right.exact)) << query.text();
    ASSERT_EQ(left.exists, right.exists) << query.text();
    ASSERT_EQ(left.encloser_labels, right.encloser_labels) << query.text();
    ASSERT_EQ(owner(left.wildcard), owner(right.wildcard)) << query.text();
    ASSERT_EQ(left.wildcard_is_empty, right.wildcard_is_empty) << query.text();
    ASSERT_EQ(a.exists(wire::sort_key(query)), b.exists(wire::sort_key(query))) << query.text();
  }
}

Bytes file_of(const SnapshotPtr& zone) {
  Bytes out;
  const auto written = write_image_file({zone}, {}, [&](ByteView octets) -> Result<void> {
    append(out, octets);
    return {};
  });
  EXPECT_TRUE(written.has_value());
  return out;
}

TEST(Image, GivesBackWhatWasPacked) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const auto text = mixed_zone(random);
    const auto zone = load("tld.", text);
    ASSERT_TRUE(zone);
    // Through text again, and through an image that nobody trusts: the same in both.
    const auto again = load("tld.", zone_text(*zone));
    expect_same(*zone, *again);
    const auto octets = std::make_shared<Bytes>(file_of(zone));
    const auto file = ImageFile::open(*octets);
    ASSERT_TRUE(file.has_value()) << file.error().message;
    for (std::size_t i = 0; i < file->blocks(); ++i) EXPECT_TRUE(file->block_fits(i, file->block(i)));
    const auto opened = file->snapshot(0, octets);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_FALSE(image_is_trusted(**opened));
    expect_same(*zone, **opened);
    EXPECT_FALSE(image_is_damaged(**opened));
  }
}

TEST(Image, KeepsTheSpellingOfNames) {
  const auto zone =
      load("tld.", std::string(kApex) +
                       "Sec 300 A 192.0.2.1\nns1.sec 300 A 192.0.2.2\nNS2.SEC.TLD. 300 A 192.0.2.3\n");
  ASSERT_TRUE(zone);
  EXPECT_EQ(Name(zone->node(wire::sort_key(name("ns1.sec.tld.")))->owner()).text(), "ns1.sec.tld.");
  EXPECT_EQ(Name(zone->node(wire::sort_key(name("ns2.sec.tld.")))->owner()).text(), "NS2.SEC.TLD.");
  EXPECT_EQ(Name(zone->node(wire::sort_key(name("sec.tld.")))->owner()).text(), "Sec.tld.");
}

TEST(Image, CostsLittleForADelegation) {
  std::string text(kApex);
  for (int i = 0; i < 20000; ++i) {
    const auto owner = "delegation" + std::to_string(i * 7919);
    text += fmt::format("{0} 300 NS ns1.host{1}.example.\n{0} 300 NS ns2.host{1}.example.\n", owner, i % 50);
  }
  const auto zone = load("tld.", text);
  ASSERT_TRUE(zone);
  EXPECT_LT(image_octets(*zone).size() / 20000, 40U);  // 18 of them are the label
}

using Model = test::Model;

Diff random_change(std::mt19937& random, Model& model, const Snapshot& zone, const Name& apex) {
  auto next = model;
  const std::vector<std::pair<RRType, std::string>> kinds = {
      {RRType::A, "192.0.2.1"}, {RRType::A, "192.0.2.2"}, {RRType::TXT, "t"},
      {RRType::NS, "ns."},      {RRType::DNAME, "d."},    {RRType::AAAA, "2001:db8::1"}};
  for (auto steps = 1 + random() % 4; steps > 0; --steps) {
    const auto owner = random_name(random, apex);
    if (owner == apex) continue;
    const auto& [type, data] = kinds[random() % kinds.size()];
    auto& sets = next[wire::sort_key(owner)];
    if (random() % 2)
      sets.erase(type);
    else
      sets[type] = rrset(owner.text(), type, {data});
    if (sets.empty()) next.erase(wire::sort_key(owner));
  }
  const auto wanted = build(apex, next);
  model = std::move(next);
  return difference(zone, *wanted);
}

TEST(Delta, EqualsAZoneBuiltAnewAlsoWhileAMergeIsUnderWay) {
  const auto apex = name("tld.");
  for (unsigned seed = 1; seed <= 12; ++seed) {
    std::mt19937 random(seed);
    auto current = load("tld.", kApex);
    auto model = model_of(*current);
    SnapshotPtr base;
    for (int step = 0; step < 60; ++step) {
      if (step % 10 == 4) base = current;
      if (step % 10 == 8) {  // the merge of `base` ends; what changed since stays beside the new image
        auto image = compact(*base);
        ASSERT_TRUE(image.has_value());
        current = current->rebase(*base, *std::move(image));
      }
      const auto diff = random_change(random, model, *current, apex);
      auto next = current->apply(diff);
      ASSERT_TRUE(next.has_value()) << next.error().message;
      current = *std::move(next);
      const auto anew = build(apex, model);
      expect_same(*current, *anew);
      expect_same_lookups(*current, *anew, random, apex);
      for (auto at = current->seek_before("tld\xff"); at.valid(); at.prev())
        ASSERT_TRUE(model.contains(std::string(at.key())));
    }
    const auto merged = snapshot_of(*compact(*current));
    ASSERT_TRUE(merged.has_value());
    expect_same(*current, **merged);
    EXPECT_EQ((*merged)->delta().owners, 0U);
  }
}

TEST(Delta, IsEmptyAgainAfterAMergeOfTheNewestVersion) {
  const auto zone = load("tld.", std::string(kApex) + "a 300 A 192.0.2.1\nb.c 300 A 192.0.2.1\n");
  auto diff = difference(*zone, *load("tld.", std::string(kApex) + "a 300 A 192.0.2.9\n"));
  const auto changed = zone->apply(diff);
  ASSERT_TRUE(changed.has_value());
  EXPECT_EQ((*changed)->delta().owners, 3U);  // a changed; b.c and the empty c are gone
  const auto merged = (*changed)->rebase(**changed, *compact(**changed));
  EXPECT_EQ(merged->delta().owners, 0U);
  expect_same(**changed, *merged);
}

TEST(Quick, SaysWhatALookUpSays) {
  const auto apex = name("tld.");
  for (unsigned seed = 1; seed <= 30; ++seed) {
    std::mt19937 random(seed);
    auto model = model_of(*load("tld.", kApex));
    auto zone = build(apex, model);
    for (int i = 0; i < 10; ++i) {
      const auto diff = random_change(random, model, *zone, apex);
      zone = *zone->apply(diff);
      if (i == 5) zone = *snapshot_of(*compact(*zone));
    }
    for (int i = 0; i < 300; ++i) {
      const auto query = random_name(random, apex);
      auto key = lookup_key(query);
      if (i % 2) zone->prepare(key);
      const auto quick = zone->quick(key);
      const auto found = zone->find(key);
      if (quick.kind == Quick::Kind::referral) {
        ASSERT_TRUE(found.cut) << query.text();
        EXPECT_EQ(found.cut->owner().label_count(), quick.labels);
        EXPECT_EQ(found.cut->find(RRType::NS)->ttl(), quick.ttl);
        Bytes out(4096);
        const auto written = zone->write_quick(quick, {.out = out, .offset = 300, .name = query});
        if (written) {
          EXPECT_EQ(found.cut->find(RRType::NS)->size(), written->authority);
        }
      } else if (quick.kind == Quick::Kind::missing) {
        ASSERT_FALSE(found.cut || found.dname || found.exists || found.wildcard || found.wildcard_is_empty)
            << query.text();
        EXPECT_EQ(quick.labels, found.encloser_labels);
      }
    }
  }
}

// Everything that reads, on octets that may be anything.
void read_all(const Snapshot& zone, std::mt19937& random) {
  const auto apex = zone.facts().apex;
  NodeScratch scratch;
  std::size_t steps = 0;
  for (auto at = zone.first(); at.valid() && steps < 2000; at.next(), ++steps) {
    const auto node = at.node();
    for (std::size_t i = 0, n = node.size(); i < n; ++i) static_cast<void>(node.at(i).copy(node.owner()));
  }
  for (auto at = zone.nsec3_first(); at.valid() && steps < 4000; at.next(), ++steps)
    static_cast<void>(at.node().owner().text());
  for (int i = 0; i < 40; ++i) {
    const auto query = *Name::prepend(as_bytes("d" + std::to_string(random() % 200)), apex);
    auto key = lookup_key(query);
    zone.prepare(key);
    zone.prefetch(key);
    Bytes out(1232);
    if (const auto quick = zone.quick(key); quick.kind != Quick::Kind::other)
      static_cast<void>(zone.write_quick(
          quick,
          {.out = out, .offset = 300, .name = query, .dnssec = random() % 2 != 0, .scratch = &scratch}));
    scratch.reset();
    static_cast<void>(zone.find(key, &scratch));
    std::string hash;
    for (int j = 0; j < 20; ++j) hash += static_cast<char>(random());
    static_cast<void>(zone.nsec3_at_or_before(hash, &scratch));
    static_cast<void>(zone.nsec_at_or_before(key.view(), &scratch));
  }
}

TEST(Image, DamageIsFoundAndHarmsNobody) {
  std::mt19937 random(7);
  const auto zone = load("tld.", mixed_zone(random));
  ASSERT_TRUE(zone);
  const auto whole = file_of(zone);
  int refused = 0, noticed = 0;
  for (int round = 0; round < 400; ++round) {
    auto octets = std::make_shared<Bytes>(whole);
    const auto hits = 1 + random() % 8;
    for (unsigned i = 0; i < hits; ++i)
      (*octets)[random() % octets->size()] ^= static_cast<std::uint8_t>(1U << random() % 8);
    if (round % 8 == 0)
      std::fill(octets->begin() + static_cast<std::ptrdiff_t>(random() % octets->size()), octets->end(),
                std::uint8_t{0});
    if (*octets == whole) continue;
    const auto file = ImageFile::open(*octets);
    if (!file) {
      ++refused;
      continue;
    }
    bool fits = true;
    for (std::size_t i = 0; i < file->blocks(); ++i) fits &= file->block_fits(i, file->block(i));
    EXPECT_FALSE(fits) << "round " << round;
    const auto index = file->find(name("tld."));
    const auto opened = index && *index ? file->snapshot(**index, octets) : fail(Code::corrupt, "gone");
    if (!opened) {
      ++refused;
      continue;
    }
    read_all(**opened, random);
    noticed += image_is_damaged(**opened);
  }
  EXPECT_GT(noticed, 20);
  EXPECT_GT(refused, 20);
}

TEST(ImageFile, HoldsManyZonesAndFindsThem) {
  std::vector<SnapshotPtr> zones(50);
  for (std::size_t i = 0; i < zones.size(); ++i)
    zones[i] = load(fmt::format("z{}.example.", i), fmt::format("{}a 300 A 192.0.2.{}\n", kApex, i));
  auto octets = std::make_shared<Bytes>();
  ASSERT_TRUE(write_image_file(zones, {}, [&](ByteView piece) -> Result<void> {
                append(*octets, piece);
                return {};
              }).has_value());
  EXPECT_TRUE(looks_like_image(*octets));
  const auto file = ImageFile::open(*octets);
  ASSERT_TRUE(file.has_value());
  ASSERT_EQ(file->size(), 50U);
  for (const auto& zone : zones) {
    const auto index = file->find(zone->facts().apex);
    ASSERT_TRUE(index && *index);
    const auto opened = file->snapshot(**index, octets);
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(zone_text(**opened), zone_text(*zone));
  }
  EXPECT_FALSE(file->find(name("none.example.")).value().has_value());
  EXPECT_EQ(ImageFile::open(ByteView(*octets).first(octets->size() - 1)).error().code, Code::corrupt);
  EXPECT_EQ(ImageFile::open(ByteView(*octets).first(20)).error().code, Code::corrupt);
}

TEST(ImageFile, MovesToACopyWithWhatChangedSince) {
  const auto zone = load("tld.", std::string(kApex) + "a 300 A 192.0.2.1\n");
  const auto octets = std::make_shared<Bytes>(file_of(zone));
  const auto on_file = *ImageFile::open(*octets)->snapshot(0, octets);
  const auto wanted = load("tld.", std::string(kApex) + "b 300 A 192.0.2.2\n");
  const auto changed = *on_file->apply(difference(*on_file, *wanted));
  const auto from = image_octets(*on_file);
  const std::shared_ptr<std::uint8_t> copy(
      static_cast<std::uint8_t*>(::operator new(from.size(), std::align_val_t{64})),
      [](std::uint8_t* at) { ::operator delete(at, std::align_val_t{64}); });
  std::copy(from.begin(), from.end(), copy.get());
  const auto moved = move_to_copy(*changed, copy);
  ASSERT_TRUE(moved.has_value());
  std::ranges::fill(*octets, std::uint8_t{0});  // the file is gone
  EXPECT_TRUE(image_is_trusted(**moved));
  EXPECT_EQ(zone_text(**moved), zone_text(*wanted));
}

}  // namespace
}  // namespace onoma::zone::test
