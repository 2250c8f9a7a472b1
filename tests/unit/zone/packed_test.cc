// Packed zones: a small zone in a block of its own says what the version on an image says, in every question;
// a large one stays as it is.
#include <random>

#include <fmt/format.h>

#include "base/encoding.h"
#include "wire/rrtype.h"
#include "zone/image_file.h"
#include "zone_support.h"

namespace onoma::zone::test {
namespace {

std::string owner(const std::optional<NodeView>& node) {
  return node ? node->owner().text() : "none";
}

std::string shown(const Cursor& at) {
  if (!at.valid()) return "end";
  std::string out(at.key());
  for (std::size_t i = 0; i < at.node().size(); ++i)
    out += fmt::format(" {}:{}+{}", wire::type_text(at.node().at(i).type()), at.node().at(i).rdatas().size(),
                       at.node().at(i).signatures().size());
  return out;
}

void expect_same_find(const Snapshot& packed, const Snapshot& twin, const Name& query, bool prepared) {
  auto left_key = lookup_key(query), right_key = left_key;
  if (prepared) {
    packed.prepare(left_key);
    packed.prefetch(left_key);
    twin.prepare(right_key);
  }
  NodeScratch scratch;
  const auto left = packed.find(left_key, &scratch), right = twin.find(right_key);
  EXPECT_EQ(owner(left.cut), owner(right.cut)) << query.text();
  EXPECT_EQ(owner(left.dname), owner(right.dname)) << query.text();
  EXPECT_EQ(owner(left.exact), owner(right.exact)) << query.text();
  EXPECT_EQ(left.exists, right.exists) << query.text();
  EXPECT_EQ(left.encloser_labels, right.encloser_labels) << query.text();
  EXPECT_EQ(owner(left.wildcard), owner(right.wildcard)) << query.text();
  EXPECT_EQ(left.wildcard_is_empty, right.wildcard_is_empty) << query.text();
  EXPECT_FALSE(left.damaged);
  EXPECT_EQ(packed.quick(left_key).kind, Quick::Kind::other);
  const auto key = wire::sort_key(query);
  EXPECT_EQ(owner(packed.node(key)), owner(twin.node(key))) << query.text();
  EXPECT_EQ(packed.exists(key), twin.exists(key)) << query.text();
  EXPECT_EQ(owner(packed.nsec_at_or_before(key)), owner(twin.nsec_at_or_before(key))) << query.text();
  auto here = packed.seek(key), there = twin.seek(key);
  EXPECT_EQ(shown(here), shown(there)) << query.text();
  if (here.valid() && there.valid()) {
    here.prev();
    there.prev();
    EXPECT_EQ(shown(here), shown(there)) << query.text();
  }
  EXPECT_EQ(shown(packed.seek_before(key)), shown(twin.seek_before(key))) << query.text();
}

void expect_same(const Snapshot& packed, const Snapshot& twin) {
  EXPECT_EQ(zone_text(packed), zone_text(twin));
  expect_same_facts(packed.facts(), twin.facts());
  EXPECT_EQ(packed.content_digest(), twin.content_digest());
  EXPECT_TRUE(difference(packed, twin).empty());
}

SnapshotPtr random_zone(std::mt19937& random, const Name& apex, bool nsec) {
  std::string text(kApex);
  if (nsec) text += "@ 60 NSEC z A\n";
  for (auto left = random() % 20; left > 0; --left) {
    const auto at = random_name(random, apex);
    if (at == apex) continue;
    static constexpr std::string_view kKinds[] = {"A 192.0.2.1", "TXT t", "NS ns.", "DNAME d.",
                                                  "DS 1 13 2 00"};
    text += fmt::format("{} 60 {}\n", at.text(), kKinds[random() % std::size(kKinds)]);
    if (nsec && random() % 2) text += fmt::format("{} 60 NSEC z A\n", at.text());
  }
  return load(apex.text(), text);
}

TEST(Packed, SaysWhatItsTwinOnAnImageSays) {
  for (const auto* apex_text : {"tld.", "a.very-long-name-of-a-zone.example.", "."}) {
    const auto apex = name(apex_text);
    for (unsigned seed = 1; seed <= 60; ++seed) {
      std::mt19937 random(seed);
      const auto twin = random_zone(random, apex, seed % 3 == 0);
      if (!twin) continue;
      const auto zone = packed(twin);
      ASSERT_EQ(zone->image(), nullptr);
      expect_same(*zone, *twin);
      for (int i = 0; i < 100; ++i) expect_same_find(*zone, *twin, random_name(random, apex), i % 2 == 0);
      if (HasFailure()) return;
    }
  }
}

TEST(Packed, FindsNsec3Records) {
  std::string text(kApex);
  text += "@ 60 NSEC3PARAM 1 0 0 -\n";
  std::mt19937 random(7);
  for (int i = 0; i < 20; ++i) {
    std::string label;
    for (int j = 0; j < 32; ++j) label += "0123456789ABCDEFGHIJKLMNOPQRSTUV"[random() % 32];
    text += label + " 60 NSEC3 1 1 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS\n" + label +
            " 60 RRSIG NSEC3 13 2 60 20300101000000 20260101000000 1 tld. AAAA\n";
  }
  const auto twin = load("tld.", text);
  ASSERT_TRUE(twin);
  const auto zone = packed(twin);
  ASSERT_EQ(zone->image(), nullptr);
  expect_same(*zone, *twin);
  for (auto here = zone->nsec3_first(), there = twin->nsec3_first(); here.valid() || there.valid();
       here.next(), there.next()) {
    ASSERT_EQ(shown(here), shown(there));
    EXPECT_EQ(owner(zone->nsec3_match(here.key())), owner(twin->nsec3_match(here.key())));
  }
  for (int i = 0; i < 200; ++i) {
    std::string hash(20, '\0');
    for (auto& octet : hash) octet = static_cast<char>(random());
    if (i < 2) hash.assign(20, i == 0 ? '\0' : '\xff');
    EXPECT_FALSE(zone->nsec3_match(hash));
    EXPECT_EQ(owner(zone->nsec3_at_or_before(hash)), owner(twin->nsec3_at_or_before(hash)));
    EXPECT_EQ(shown(zone->nsec3_seek(hash)), shown(twin->nsec3_seek(hash)));
  }
}

TEST(Packed, ChangesLikeItsTwin) {
  const auto twin = load("tld.", std::string(kApex) + "a 300 A 192.0.2.1\nb.c 300 A 192.0.2.1\n");
  const auto zone = packed(twin);
  ASSERT_EQ(zone->image(), nullptr);
  const auto next = load("tld.", std::string(kApex) + "a 300 A 192.0.2.9\nd 300 A 192.0.2.1\n");
  const auto diff = difference(*zone, *next);
  const auto changed = zone->apply(diff), twins = twin->apply(diff);
  ASSERT_TRUE(changed.has_value() && twins.has_value());
  expect_same(**changed, **twins);
  expect_same(*packed(*changed), **twins);  // a delta is packed too
  EXPECT_FALSE((*changed)->apply(diff).has_value());
  // What another version was compacted to may carry this one.
  const auto moved = zone->rebase(*next, *compact(*next));
  expect_same(*moved, *zone);
}

TEST(Packed, IsWrittenIntoAnImageFile) {
  const auto twin = load("tld.", std::string(kApex) + "a 300 A 192.0.2.1\n");
  const auto zone = packed(twin);
  const auto written = [](const SnapshotPtr& version) {
    Bytes out;
    EXPECT_TRUE(write_image_file({version}, {}, [&](ByteView octets) -> Result<void> {
                  append(out, octets);
                  return {};
                }).has_value());
    return out;
  };
  EXPECT_EQ(hex(written(zone)), hex(written(twin)));
  EXPECT_TRUE(image_octets(*zone).empty());
  EXPECT_TRUE(image_is_trusted(*zone));
  EXPECT_FALSE(image_is_damaged(*zone));
}

TEST(Packed, LeavesWhatIsLargeOnItsImage) {
  std::string many(kApex), much(kApex);
  for (int i = 0; i < 40; ++i) many += fmt::format("n{} 60 A 192.0.2.1\n", i);
  for (int i = 0; i < 100; ++i) much += fmt::format("t 60 TXT \"{}{}\"\n", std::string(200, 'x'), i);
  for (const auto& text : {many, much}) {
    const auto zone = load("tld.", text);
    EXPECT_EQ(packed(zone), zone);
  }
}

}  // namespace
}  // namespace onoma::zone::test
