// find(): one walk gives what RFC 1034 §4.3.2 needs; held against a search label by label.
#include "zone/denial.h"
#include "zone_support.h"

namespace onoma::zone::test {
namespace {

TEST(Find, EmptyNonTerminalsExistAndWildcardsBelongToTheEncloser) {
  const auto zone = load("tld.", std::string(kApex) +
                                     "a.b.ent 60 A 192.0.2.9\n*.w 60 A 192.0.2.7\nhost.w 60 A 192.0.2.8\n"
                                     "deep.*.e 60 A 192.0.2.8\n");
  ASSERT_TRUE(zone);
  const auto ent = zone->find(lookup_key(name("B.ENT.tld.")));
  EXPECT_TRUE(ent.exists);
  EXPECT_FALSE(ent.exact);
  EXPECT_EQ(ent.encloser_labels, 3);
  const auto wild = zone->find(lookup_key(name("y.x.w.tld.")));
  EXPECT_FALSE(wild.exists);
  ASSERT_TRUE(wild.wildcard);
  EXPECT_EQ(wild.encloser_labels, 2);
  EXPECT_TRUE(wild.wildcard->owner().is_wildcard());
  EXPECT_FALSE(zone->find(lookup_key(name("z.host.w.tld."))).wildcard);
  EXPECT_TRUE(zone->find(lookup_key(name("*.w.tld."))).exact);
  const auto empty = zone->find(lookup_key(name("x.e.tld.")));
  EXPECT_FALSE(empty.wildcard);
  EXPECT_TRUE(empty.wildcard_is_empty);
  EXPECT_TRUE(zone->exists(wire::sort_key(name("ent.tld."))));
  EXPECT_FALSE(zone->exists(wire::sort_key(name("en.tld."))));
  EXPECT_FALSE(zone->exists(wire::sort_key(name("."))));
}

TEST(Find, TheTopmostCutOrDnameWins) {
  const auto zone = load("tld.", std::string(kApex) +
                                     "c 60 NS ns.c\nns.c 60 A 192.0.2.1\nx.c 60 NS ns.c\nd.c 60 DNAME t\n"
                                     "dn 60 DNAME t\nsub.dn 60 NS ns.c\n");
  ASSERT_TRUE(zone);
  const auto below = zone->find(lookup_key(name("a.x.c.tld.")));
  ASSERT_TRUE(below.cut);
  EXPECT_TRUE(wire::equal(below.cut->owner(), name("c.tld.")));
  EXPECT_FALSE(zone->find(lookup_key(name("a.d.c.tld."))).dname);
  const auto dname = zone->find(lookup_key(name("a.sub.dn.tld.")));
  ASSERT_TRUE(dname.dname);
  EXPECT_FALSE(dname.cut);
  EXPECT_FALSE(zone->find(lookup_key(name("dn.tld."))).dname);
  EXPECT_TRUE(zone->find(lookup_key(name("c.tld."))).cut);
  EXPECT_FALSE(zone->find(lookup_key(name("tld."))).cut);
}

// The same by asking for every ancestor on its own.
Lookup slow_find(const Snapshot& zone, const Name& query) {
  Lookup found;
  const auto apex = zone.facts().apex;
  const auto key = wire::sort_key(query);
  found.exact = zone.node(key);
  found.exists = zone.exists(key);
  for (auto labels = apex.label_count(); labels <= query.label_count(); ++labels) {
    const auto ancestor = wire::sort_key(query.view().ancestor(labels));
    if (zone.exists(ancestor)) found.encloser_labels = static_cast<std::uint8_t>(labels);
    const auto node = zone.node(ancestor);
    if (!node || found.cut || found.dname) continue;
    if (node->is_delegation()) found.cut = node;
    if (node->has(RRType::DNAME) && labels < query.label_count()) found.dname = node;
  }
  if (!found.exists && !found.cut && !found.dname) {
    const auto star = wire::sort_key(*Name::wildcard_of(query.view().ancestor(found.encloser_labels)));
    found.wildcard = zone.node(star);
    found.wildcard_is_empty = !found.wildcard && zone.exists(star);
  }
  return found;
}

// The owner and its sets, as text.
std::string place(const std::optional<NodeView>& node) {
  if (!node) return "none";
  std::string out = node->owner().text();
  for (std::size_t i = 0; i < node->size(); ++i) {
    const auto set = node->at(i);
    for (auto data : set.rdatas()) out += " " + wire::record_line(node->owner(), set.ttl(), set.type(), data);
  }
  return out;
}

TEST(Find, AgreesWithASearchLabelByLabelInRandomZones) {
  const auto apex = name("tld.");
  for (unsigned seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    auto model = model_of(*load("tld.", kApex));
    for (unsigned i = 0; i < seed * 3; ++i) {
      auto owner = random_name(random, apex);
      if (owner == apex) continue;
      static const std::vector<std::pair<RRType, std::string>> kinds = {
          {RRType::A, "192.0.2.1"}, {RRType::A, "192.0.2.2"}, {RRType::TXT, "t"},
          {RRType::NS, "ns."},      {RRType::DNAME, "d."},    {RRType::AAAA, "2001:db8::1"}};
      const auto& [type, data] = kinds[random() % kinds.size()];
      model[wire::sort_key(owner)][type] = rrset(owner.text(), type, {data});
    }
    const auto zone = build(apex, model);
    ASSERT_TRUE(zone);
    for (int i = 0; i < 300; ++i) {
      const auto query = random_name(random, apex);
      const auto fast = zone->find(lookup_key(query));
      const auto slow = slow_find(*zone, query);
      ASSERT_EQ(place(fast.cut), place(slow.cut)) << query.text();
      ASSERT_EQ(place(fast.dname), place(slow.dname)) << query.text();
      // What lies below a cut or DNAME is not looked at.
      const auto* stop = fast.cut ? &*fast.cut : fast.dname ? &*fast.dname : nullptr;
      if (stop && !wire::equal(stop->owner(), query)) continue;
      ASSERT_EQ(place(fast.exact), place(slow.exact)) << query.text();
      ASSERT_EQ(fast.exists, slow.exists) << query.text();
      ASSERT_EQ(fast.encloser_labels, slow.encloser_labels) << query.text();
      ASSERT_EQ(place(fast.wildcard), place(slow.wildcard)) << query.text();
      ASSERT_EQ(fast.wildcard_is_empty, slow.wildcard_is_empty) << query.text();
    }
  }
}

TEST(Find, NsecIsFoundInACircle) {
  const auto zone = load("tld.", std::string(kApex) +
                                     "@ 60 NSEC m.tld. NS SOA NSEC\nm 60 NSEC tld. A NSEC\nm 60 A 192.0.2.1\n"
                                     "z 60 A 192.0.2.1\n");
  ASSERT_TRUE(zone);
  const auto owner = [&](std::string_view query) {
    return NameView(zone->nsec_at_or_before(wire::sort_key(name(query)))->owner()).text();
  };
  EXPECT_EQ(owner("a.tld."), "tld.");
  EXPECT_EQ(owner("tld."), "tld.");
  EXPECT_EQ(owner("m.tld."), "m.tld.");
  EXPECT_EQ(owner("zz.tld."), "m.tld.");
  EXPECT_FALSE(load("tld.", kApex)->nsec_at_or_before(wire::sort_key(name("a.tld."))));
}

TEST(Nsec3, LivesBesideTheNames) {
  const std::string low = "00000000000000000000000000000000", high = "g0000000000000000000000000000000";
  const auto zone =
      load("tld.", std::string(kApex) + "@ 60 NSEC3PARAM 1 0 0 -\n" + high + " 60 NSEC3 1 1 0 - " + low +
                       " A\n" + low + " 60 NSEC3 1 0 0 - " + high + " A\n");
  ASSERT_TRUE(zone);
  EXPECT_EQ(zone->facts().denial, Denial::nsec3);
  EXPECT_EQ(zone->facts().names, 2U);
  EXPECT_FALSE(zone->find(lookup_key(name(low + ".tld."))).exists);
  std::string hash(20, '\0');
  EXPECT_TRUE(zone->nsec3_match(hash));
  hash[19] = 1;
  EXPECT_FALSE(zone->nsec3_match(hash));
  EXPECT_EQ(NameView(zone->nsec3_at_or_before(hash)->owner()).text(), low + ".tld.");
  EXPECT_EQ(NameView(zone->nsec3_at_or_before(std::string(20, '\xff'))->owner()).text(), high + ".tld.");
  std::size_t count = 0;
  for (auto at = zone->nsec3_first(); at.valid(); at.next()) ++count;
  EXPECT_EQ(count, 2U);
  EXPECT_EQ(zone->nsec3_seek(hash).node().owner().text(), high + ".tld.");
}

TEST(Nsec3, HashesAsInRfc5155AppendixA) {
  const Bytes salt = {0xaa, 0xbb, 0xcc, 0xdd};
  const auto owner = [&](std::string_view text) {
    return nsec3_owner(nsec3_hash(name(text), salt, 12), name("example.")).text();
  };
  EXPECT_EQ(owner("example."), "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.");
  EXPECT_EQ(owner("A.Example."), "35mthgpgcu1qg68fab165klnsnk3dpvl.example.");
  EXPECT_EQ(owner("*.w.example."), "r53bq7cc2uvmubfu5ocmm6pers9tk9en.example.");
}

TEST(Nsec3, CoversWhatLiesBetweenInTheCircle) {
  EXPECT_TRUE(nsec3_covers("b", "d", "c"));
  EXPECT_FALSE(nsec3_covers("b", "d", "b"));
  EXPECT_FALSE(nsec3_covers("b", "d", "d"));
  EXPECT_FALSE(nsec3_covers("b", "d", "e"));
  EXPECT_TRUE(nsec3_covers("x", "b", "z"));
  EXPECT_TRUE(nsec3_covers("x", "b", "a"));
  EXPECT_FALSE(nsec3_covers("x", "b", "c"));
  EXPECT_TRUE(nsec3_covers("x", "x", "c"));
  EXPECT_FALSE(nsec3_covers("x", "x", "x"));
}

}  // namespace
}  // namespace onoma::zone::test
