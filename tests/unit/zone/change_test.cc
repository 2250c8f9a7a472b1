// apply(), difference(), diffs as octets, and the facts and digests that follow every change.
#include <thread>

#include "zone/set_digest.h"
#include "zone_support.h"

namespace onoma::zone::test {
namespace {

Diff set_change(const Snapshot& zone, const RRset& after, bool erase = false) {
  Diff diff;
  diff.apex = zone.facts().apex;
  diff.from_serial = diff.to_serial = zone.facts().serial;
  RRsetChange change;
  change.owner = after.owner;
  change.type = after.type;
  if (const auto node = zone.node(wire::sort_key(after.owner)))
    if (const auto held = node->find(after.type)) change.before = held->copy(after.owner);
  if (!erase) change.after = after;
  diff.changes.push_back(change);
  return diff;
}

SnapshotPtr must_apply(const Snapshot& zone, const Diff& diff) {
  auto next = zone.apply(diff);
  EXPECT_TRUE(next.has_value()) << (next ? "" : next.error().message);
  return next.value_or(nullptr);
}

TEST(Apply, ChecksWhatWasThereBefore) {
  const auto zone = load("tld.", kApex);
  auto fresh = set_change(*zone, rrset("a.tld.", RRType::A, {"192.0.2.1"}));
  const auto next = must_apply(*zone, fresh);
  ASSERT_TRUE(next);
  EXPECT_FALSE(zone->node(wire::sort_key(name("a.tld."))));
  EXPECT_TRUE(next->node(wire::sort_key(name("a.tld."))));
  // Again: the set exists by now.
  EXPECT_EQ(next->apply(fresh).error().code, Code::corrupt);
  auto wrong = set_change(*next, rrset("a.tld.", RRType::A, {"192.0.2.2"}));
  wrong.changes[0].before->ttl += 1;
  EXPECT_EQ(next->apply(wrong).error().code, Code::corrupt);
  wrong.changes[0].before->ttl -= 1;
  wrong.changes[0].before->signatures.push_back(Bytes(20));
  EXPECT_EQ(next->apply(wrong).error().code, Code::corrupt);
  wrong.changes[0].before.reset();
  EXPECT_EQ(next->apply(wrong).error().code, Code::corrupt);
  // Outside, of another zone, and without an SOA in the end.
  EXPECT_EQ(zone->apply(set_change(*zone, rrset("a.org.", RRType::A, {"192.0.2.1"}))).error().code,
            Code::corrupt);
  auto other = fresh;
  other.apex = name("org.");
  EXPECT_EQ(zone->apply(other).error().code, Code::corrupt);
  const auto soa = zone->apex().find(RRType::SOA)->copy(name("tld."));
  EXPECT_EQ(zone->apply(set_change(*zone, soa, true)).error().code, Code::corrupt);
}

TEST(Apply, CountsGlueWhenADelegationComesAndGoes) {
  const auto zone = load("tld.", std::string(kApex) +
                                     "ns.c 60 A 192.0.2.1\nns.c 60 AAAA 2001:db8::1\n"
                                     "x.c 60 A 192.0.2.3\nns.d.c 60 A 192.0.2.2\nd.c 60 NS ns.d.c\n");
  EXPECT_EQ(zone->facts().glue_records, 1U);
  const auto cut = must_apply(*zone, set_change(*zone, rrset("c.tld.", RRType::NS, {"ns.c.tld."})));
  EXPECT_EQ(cut->facts().glue_records, 4U);
  EXPECT_EQ(cut->facts().delegations, 2U);
  const auto less = must_apply(*cut, set_change(*cut, rrset("x.c.tld.", RRType::A, {"192.0.2.3"}), true));
  EXPECT_EQ(less->facts().glue_records, 3U);
  const auto gone = must_apply(*less, set_change(*less, rrset("c.tld.", RRType::NS, {"ns.c.tld."}), true));
  EXPECT_EQ(gone->facts().glue_records, 1U);
}

Model random_model(std::mt19937& random, const Model& base, const Name& apex) {
  auto model = base;
  for (unsigned i = 0; i < 40; ++i) {
    // Lower case: a name that stays keeps the case it had, whatever case a new set of it comes with.
    const auto owner = random_name(random, apex).lower();
    if (owner == apex) continue;
    const auto key = wire::sort_key(owner);
    switch (random() % 6) {
      case 0:
        model[key][RRType::NS] = rrset(owner.text(), RRType::NS, {"ns."});
        break;
      case 1:
        model[key][RRType::DS] = rrset(owner.text(), RRType::DS, {"1 8 2 " + std::string(64, 'a')});
        break;
      case 2:
        model[key][RRType::TXT] =
            rrset(owner.text(), RRType::TXT, {"t", "u"}, 60 + static_cast<std::uint32_t>(random() % 3));
        break;
      case 3:
        model[key].clear();
        model.erase(key);
        break;
      default:
        model[key][RRType::A] =
            rrset(owner.text(), RRType::A, {"192.0.2." + std::to_string(random() % 4), "192.0.2.9"});
    }
  }
  return model;
}

TEST(Difference, LeadsFromOneVersionToTheOther) {
  const auto apex = name("tld.");
  const auto base = model_of(*load("tld.", kApex));
  std::mt19937 random(5);
  auto model = random_model(random, base, apex);
  auto zone = build(apex, model);
  auto digest = zone->content_digest();
  for (int turn = 0; turn < 60; ++turn) {
    const auto next_model = random_model(random, model, apex);
    const auto rebuilt = build(apex, next_model);
    const auto diff = difference(*zone, *rebuilt);
    const auto decoded = decode_diff(encode(diff));
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->changes, diff.changes);
    const auto next = must_apply(*zone, *decoded);
    ASSERT_TRUE(next);
    EXPECT_TRUE(difference(*next, *rebuilt).empty());
    expect_same_facts(next->facts(), rebuilt->facts());
    EXPECT_EQ(next->content_digest(), rebuilt->content_digest());
    EXPECT_EQ(next->content_digest() == digest, diff.empty());
    EXPECT_EQ(zone_text(*next), zone_text(*rebuilt));
    digest = next->content_digest();
    model = next_model;
    zone = next;
  }
}

TEST(Difference, CarriesNsec3AndSignatures) {
  const std::string low = "00000000000000000000000000000000", high = "g0000000000000000000000000000000";
  const std::string signature = " 8 2 60 20300101000000 20200101000000 1 tld. AAAA\n";
  const auto from = load("tld.", std::string(kApex) + low + " 60 NSEC3 1 0 0 - " + low + " A\n");
  const auto to = load("tld.", std::string(kApex) + low + " 60 NSEC3 1 0 0 - " + high + " A\n" + high +
                                   " 60 NSEC3 1 0 0 - " + low + " A\n" + high + " 60 RRSIG NSEC3" +
                                   signature + "ns1 3600 RRSIG A" + signature);
  const auto diff = difference(*from, *to);
  EXPECT_EQ(diff.changes.size(), 3U);
  const auto next = must_apply(*from, diff);
  EXPECT_EQ(zone_text(*next), zone_text(*to));
  EXPECT_EQ(next->facts().signatures, 2U);
  EXPECT_EQ(next->facts().earliest_expiry, 1893456000U);
  EXPECT_TRUE(difference(*next, *to).empty());
  EXPECT_EQ(zone_text(*must_apply(*next, difference(*to, *from))), zone_text(*from));
}

TEST(DiffOctets, EveryCutAndEveryWrongOctetIsRefusedOrReadsAsAnotherDiff) {
  const auto zone = load("tld.", std::string(kApex) + "a 60 A 192.0.2.1\na 60 MX 10 mail\n");
  const auto diff = difference(*load("tld.", kApex), *zone);
  const auto octets = encode(diff);
  for (std::size_t size = 0; size < octets.size(); ++size)
    EXPECT_EQ(decode_diff(ByteView(octets).first(size)).error().code, Code::corrupt);
  auto more = octets;
  more.push_back(0);
  EXPECT_EQ(decode_diff(more).error().code, Code::corrupt);
  for (std::size_t at = 0; at < octets.size(); ++at) {
    auto bent = octets;
    bent[at] ^= 0xff;
    const auto read = decode_diff(bent);
    EXPECT_TRUE(!read || encode(*read) == bent) << at;
  }
}

TEST(DiffOctets, SortPutsChangesInCanonicalOrder) {
  Diff diff;
  for (const auto* owner : {"b.tld.", "tld.", "z.a.tld.", "a.tld."})
    for (auto type : {RRType::TXT, RRType::A}) {
      RRsetChange change;
      change.owner = name(owner);
      change.type = type;
      diff.changes.push_back(change);
    }
  diff.sort();
  std::string order;
  for (const auto& change : diff.changes)
    order += change.owner.text() + std::to_string(wire::number(change.type)) + " ";
  EXPECT_EQ(order, "tld.1 tld.16 a.tld.1 a.tld.16 z.a.tld.1 z.a.tld.16 b.tld.1 b.tld.16 ");
}

TEST(SetDigest, ForgetsOrderAndTakesBackWhatItAdded) {
  const auto a = rrset("a.tld.", RRType::A, {"192.0.2.1"}), b = rrset("b.tld.", RRType::A, {"192.0.2.1"});
  SetDigest one, two;
  one.add(a);
  one.add(b);
  two.add(b);
  two.add(a);
  EXPECT_EQ(one, two);
  EXPECT_EQ(one.text().size(), 64U);
  two.remove(a);
  EXPECT_FALSE(one == two);
  two.remove(b);
  EXPECT_EQ(two, SetDigest{});
  auto upper = a;
  upper.owner = name("A.TLD.");
  two.add(upper);
  two.remove(a);
  EXPECT_EQ(two, SetDigest{});
}

TEST(Snapshot, ReadersAndTheNextVersionDoNotMeet) {
  auto zone = load("tld.", kApex);
  const auto first = zone;
  std::jthread reader([first] {
    for (int i = 0; i < 2000; ++i) {
      EXPECT_FALSE(first->find(lookup_key(name("a.tld."))).exists);
      EXPECT_EQ(first->content_digest().text().size(), 64U);
    }
  });
  for (int i = 0; i < 300; ++i) {
    zone =
        must_apply(*zone, set_change(*zone, rrset("a.tld.", RRType::A, {"192.0.2." + std::to_string(i % 200)},
                                                  60U + static_cast<unsigned>(i))));
    zone = must_apply(*zone,
                      set_change(*zone, rrset("h" + std::to_string(i) + ".tld.", RRType::A, {"192.0.2.1"})));
  }
  EXPECT_EQ(zone->facts().names, 303U);
}

}  // namespace
}  // namespace onoma::zone::test
