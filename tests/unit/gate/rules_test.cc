// One rule at a time.
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "unit/gate/support.h"
#include "wire/rrtype.h"

namespace onoma::gate::testing {
namespace {

Maker basics(Mode mode = Mode::nsec) {
  Maker maker;
  maker.mode = mode;
  maker.add_basics();
  return maker;
}

// The step to a correct signing of other content, which breaks a rule of its own.
void expect_content_refused(Maker maker, const std::function<void(Maker&)>& change, std::string_view why) {
  auto next = maker;
  change(next);
  ++next.serial;
  expect_refused(bend_to(maker, next.signed_sets()), why);
}

TEST(Rules, AliasWithCompany) {
  expect_content_refused(
      basics(), [](Maker& m) { m.add("c1 3600 TXT beside"); }, "c1.tld. has a CNAME and TXT beside it");
}

TEST(Rules, SecondAliasAndSecondDname) {
  expect_content_refused(basics(), [](Maker& m) { m.add("c1 3600 CNAME b"); }, "c1.tld. CNAME has 2 records");
  expect_content_refused(
      basics(), [](Maker& m) { m.add("dn 3600 DNAME b.example."); }, "dn.tld. DNAME has 2 records");
}

TEST(Rules, WildcardDelegationIsRefusedInOwnZonesOnly) {
  expect_content_refused(
      basics(), [](Maker& m) { m.add("*.x 3600 NS ns.example."); }, "*.x.tld. NS is at a wildcard");
  auto maker = basics();
  maker.add("*.x 3600 NS ns.example.");
  const auto verdict = verify_zone(*maker.build(), {.foreign = true}, kTime);
  EXPECT_TRUE(verdict.accepted()) << texts(verdict);
  EXPECT_TRUE(warns_about(verdict, "is at a wildcard"));
}

TEST(Rules, DsWithoutDelegation) {
  expect_content_refused(
      basics(), [](Maker& m) { m.remove("sec", RRType::NS); }, "Sec.tld. DS has no NS beside it");
}

TEST(Rules, SecondSoaBelowTheApex) {
  expect_content_refused(
      basics(), [](Maker& m) { m.add("www 3600 SOA a. b. 1 2 3 4 5"); }, "www.tld. SOA is below the apex");
}

TEST(Rules, ApexNeedsNs) {
  expect_content_refused(basics(), [](Maker& m) { m.remove("@", RRType::NS); }, "tld. has no NS at its apex");
}

TEST(Rules, SetLargerThanAMessage) {
  expect_content_refused(
      basics(),
      [](Maker& m) {
        RRset set;
        set.owner = name("big.tld.");
        set.type = RRType::TXT;
        set.ttl = 60;
        for (std::uint8_t i = 0; i < 255; ++i) {
          Bytes data(1 + 250, i);
          data[0] = 250;
          set.rdatas.push_back(data);
        }
        m.content[set.owner][set.type] = set;
      },
      "big.tld. TXT needs a message of");
}

TEST(Rules, WarningsForNameServers) {
  auto maker = basics();
  maker.add("child4 3600 NS ns.child4");
  maker.add("child5 3600 NS c1");
  const auto verdict = verify_zone(*maker.build(), {}, kTime);
  EXPECT_TRUE(verdict.accepted()) << texts(verdict);
  EXPECT_TRUE(
      warns_about(verdict, "child4.tld. NS: the name server ns.child4.tld. has no address in the zone"));
  EXPECT_TRUE(warns_about(verdict, "child5.tld. NS: the name server c1.tld. is an alias"));
}

TEST(Rules, LostGlueIsAWarningOfTheStep) {
  auto maker = basics();
  auto next = maker;
  ++next.serial;
  next.remove("ns1.sec", RRType::A);
  const auto bent = bend_to(maker, next.signed_sets());
  const auto verdict = make_gate({})->check(bent.before.get(), bent.diff, *bent.after, {}, kTime);
  EXPECT_TRUE(verdict.accepted());
  EXPECT_TRUE(warns_about(verdict, "has no address in the zone")) << texts(verdict);
}

TEST(Rules, SerialMustBeNewer) {
  auto maker = basics();
  maker.serial = 0xffffffff;
  for (std::uint32_t serial : {0U, 0xffffffffU, 0x7ffffffeU, 0x7fffffffU, 0xfffffffeU}) {
    auto next = maker;
    next.serial = serial;
    const auto before = maker.build(), after = next.build();
    const auto verdict =
        make_gate({})->check(before.get(), zone::difference(*before, *after), *after, {}, kTime);
    const bool newer = serial == 0 || serial == 0x7ffffffe;
    EXPECT_EQ(verdict.accepted(), newer) << serial << "\n" << texts(verdict);
    EXPECT_EQ(fatal_about(verdict, "is not newer"), !newer) << serial;
  }
}

TEST(Rules, RegistryCountsAndDigest) {
  const auto maker = basics();
  auto next = maker;
  ++next.serial;
  const auto before = maker.build(), after = next.build();
  const auto diff = zone::difference(*before, *after);
  const auto gate = make_gate({.level = zone::GateLevel::registry});
  auto expected = expected_of(*after);
  EXPECT_TRUE(gate->check(before.get(), diff, *after, expected, kTime).accepted());
  EXPECT_TRUE(gate->check(nullptr, {}, *after, expected, kTime).accepted());
  for (const auto* version : {before.get(), static_cast<const zone::Snapshot*>(nullptr)}) {
    ++expected.delegations;
    EXPECT_TRUE(
        fatal_about(gate->check(version, diff, *after, expected, kTime), "delegations, the registry has"));
    --expected.delegations;
    ++expected.ds_sets;
    EXPECT_TRUE(
        fatal_about(gate->check(version, diff, *after, expected, kTime), "DS sets, the registry has"));
    --expected.ds_sets;
    expected.content.sum[0] ^= 1;
    EXPECT_TRUE(fatal_about(gate->check(version, diff, *after, expected, kTime), "the registry's is"));
    expected.content.sum[0] ^= 1;
  }
}

TEST(Rules, DiffMustBeWhatHappened) {
  const auto maker = basics();
  auto next = maker;
  ++next.serial;
  next.add("extra 3600 A 192.0.2.77");
  const auto before = maker.build(), after = next.build();
  const auto diff = zone::difference(*before, *after);
  auto lie = diff;
  for (auto& change : lie.changes)
    if (change.type == RRType::A) change.after->rdatas[0][3] ^= 1;
  EXPECT_TRUE(fatal_about(make_gate({})->check(before.get(), lie, *after, {}, kTime),
                          "extra.tld. A: the version does not hold what the diff says"));
  lie = diff;
  for (auto& change : lie.changes)
    if (change.type == RRType::SOA) change.before->ttl += 1;
  EXPECT_TRUE(fatal_about(make_gate({})->check(before.get(), lie, *after, {}, kTime),
                          "does not hold what the diff takes away"));
  lie = diff;
  lie.from_serial = 7;
  EXPECT_TRUE(fatal_about(make_gate({})->check(before.get(), lie, *after, {}, kTime), "leads from serial 7"));
  lie = diff;
  lie.changes.push_back(lie.changes.front());
  EXPECT_TRUE(fatal_about(make_gate({})->check(before.get(), lie, *after, {}, kTime), "in the diff twice"));
}

// A set that changed although the diff does not say so. At level registry the digest tells, with `full` the
// comparison of both versions does, for every set, NSEC3 included; the walk tells where the signature no
// longer fits.
TEST(Rules, ChangeBehindTheDiff) {
  const auto maker = basics(Mode::nsec3);
  const auto before = maker.build();
  const auto good = next_sets(maker);
  const auto honest = bend_to(maker, good);
  const auto full = make_gate({.level = zone::GateLevel::registry, .full = true});
  ASSERT_TRUE(
      full->check(before.get(), honest.diff, *honest.after, expected_of(*honest.after), kTime).accepted());
  const auto step = make_gate({.level = zone::GateLevel::registry});
  for (const auto& [owner, types] : good)
    for (const auto& [type, set] : types) {
      if (type == RRType::SOA) continue;
      SCOPED_TRACE(owner.text() + " " + wire::type_text(type));
      auto sets = good;
      auto& target = sets[owner][type];
      target.ttl += 5;
      maker.sign(target);
      if (set.signatures.empty()) target.signatures.clear();
      const auto bent = bend_to(maker, sets);
      const auto verdict =
          full->check(before.get(), honest.diff, *bent.after, expected_of(*honest.after), kTime);
      EXPECT_TRUE(fatal_about(verdict, "changed, but the diff does not say so")) << texts(verdict);
      if (zone::is_content(type)) {
        EXPECT_FALSE(step->check(before.get(), honest.diff, *bent.after, expected_of(*honest.after), kTime)
                         .accepted());
      }
    }
}

TEST(Rules, AlgorithmOfTheKeySetMissing) {
  const auto maker = basics();
  auto sets = next_sets(maker);
  auto& keys = sets[maker.apex][RRType::DNSKEY];
  keys.rdatas.push_back(ed_key().dnskey);
  keys.normalise();
  maker.sign(keys);
  expect_refused(bend_to(maker, sets), "www.tld. A has no RRSIG of algorithm 15");
}

TEST(Rules, KeySetMustBeSignedByItsEntryPoint) {
  const auto maker = basics();
  auto sets = next_sets(maker);
  auto& keys = sets[maker.apex][RRType::DNSKEY];
  keys.signatures = {rrsig(keys, zsk())};
  expect_refused(bend_to(maker, sets), "is not signed by any of its keys with the SEP flag");
  keys.signatures = {rrsig(keys, other_key())};
  expect_refused(bend_to(maker, sets), "the DNSKEY set of tld. is not signed by any of its keys");
}

TEST(Rules, KeyWithdrawnWhileItsSignaturesStand) {
  auto maker = basics();
  maker.zone_keys = {&zsk(), &other_key()};
  auto sets = next_sets(maker);
  auto& keys = sets[maker.apex][RRType::DNSKEY];
  std::erase(keys.rdatas, zsk().dnskey);
  maker.sign(keys);
  for (auto& [owner, types] : sets)  // half of the zone has lost its other signature
    for (auto& [type, set] : types)
      if (type == RRType::MX && !set.signatures.empty()) set.signatures = {rrsig(set, zsk())};
  expect_refused(bend_to(maker, sets), "www.tld. MX has no RRSIG of algorithm 13");
}

// Swapping two 16-bit words keeps the tag: only the octets of every signature tell that the key is another.
TEST(Rules, KeyReplacedUnderTheSameTag) {
  auto maker = basics();
  maker.zone_keys = {&ed_key()};
  maker.key_keys = {&ksk()};
  // One algorithm for all, so that nothing but the signatures can be wrong.
  maker.key_keys = {&ed_key()};
  auto sets = next_sets(maker);
  auto& keys = sets[maker.apex][RRType::DNSKEY];
  auto& data = keys.rdatas[0];
  std::size_t at = 4;
  while (data[at] == data[at + 2] && data[at + 1] == data[at + 3]) at += 2;
  std::swap(data[at], data[at + 2]);
  std::swap(data[at + 1], data[at + 3]);
  maker.sign(keys);
  expect_refused(bend_to(maker, sets), "RRSIG over www.tld. A does not verify");
}

TEST(Rules, ParentDs) {
  const auto maker = basics();
  const auto zone = maker.build();
  Bytes input;
  append(input, maker.apex.wire());
  append(input, ksk().dnskey);
  const auto digest = crypto::sha256(input);
  Bytes ds;
  ByteWriter writer(ds);
  writer.u16(ksk().tag);
  writer.u8(13);
  writer.u8(2);
  writer.bytes(digest);
  EXPECT_TRUE(verify_zone(*zone, {.parent_ds = {ds}}, kTime).accepted());
  ds.back() ^= 1;
  EXPECT_TRUE(
      fatal_about(verify_zone(*zone, {.parent_ds = {ds}}, kTime), "no DS at the parent of tld. matches"));
}

TEST(Rules, UnsignedZone) {
  Maker maker;
  maker.add_basics();
  auto sets = maker.signed_sets();
  for (auto& [owner, types] : sets) {
    types.erase(RRType::NSEC);
    types.erase(RRType::DNSKEY);
    for (auto& [type, set] : types) set.signatures.clear();
  }
  const auto zone = build(maker.apex, sets);
  EXPECT_TRUE(fatal_about(verify_zone(*zone, {}, kTime), "tld. has no DNSKEY set"));
  EXPECT_TRUE(verify_zone(*zone, {.require_signed = false}, kTime).accepted());
  EXPECT_TRUE(verify_zone(*zone, {.level = zone::GateLevel::structure}, kTime).accepted());
  sets[name("www.tld.")][RRType::A].signatures = {rrsig(sets[name("www.tld.")][RRType::A], zsk())};
  EXPECT_FALSE(verify_zone(*build(maker.apex, sets), {.require_signed = false}, kTime).accepted());
}

TEST(Rules, ExpiredIsAWarningOnRequest) {
  const auto zone = basics().build();
  const auto late = from_unix_seconds(kNow + 900'000);
  EXPECT_TRUE(fatal_about(verify_zone(*zone, {}, late), "expired"));
  const auto verdict = verify_zone(*zone, {.expired_is_fatal = false}, late);
  EXPECT_TRUE(verdict.accepted());
  EXPECT_TRUE(warns_about(verdict, "expired"));
  EXPECT_TRUE(warns_about(verify_zone(*zone, {.min_remaining_s = 864'001}, kTime), "expires in 864000 s"));
}

TEST(Rules, NsecWhereNoneMayBe) {
  const auto maker = basics();
  for (const char* owner : {"b.ent.tld.", "sub.tld.", "ns1.child1.tld.", "gone.dn.tld.", "nothing.tld."}) {
    SCOPED_TRACE(owner);
    auto sets = next_sets(maker);
    RRset set;
    set.owner = name(owner);
    set.type = RRType::NSEC;
    set.ttl = 300;
    Bytes data;
    append(data, maker.apex.wire());
    append(data, bitmap({46, 47}));
    set.rdatas = {data};
    maker.sign(set);
    sets[set.owner][set.type] = set;
    expect_refused(bend_to(maker, sets), std::string(owner) + " has an NSEC record");
  }
}

// Puts an NSEC3 record for any hash into a signed zone and links it in correctly.
void insert_nsec3(const Maker& maker, Sets& sets, const Name& owner, std::vector<std::uint16_t> types,
                  std::uint8_t flags) {
  std::map<std::string, RRset*> records;
  auto& fresh = sets[owner][RRType::NSEC3];
  fresh.owner = owner;
  fresh.type = RRType::NSEC3;
  fresh.ttl = 300;
  Bytes data{1, flags, 0, 1, 2, 0xaa, 0xbb, 20};
  data.resize(28);
  append(data, bitmap(std::move(types)));
  fresh.rdatas = {data};
  for (auto& entry : sets)
    if (const auto at = entry.second.find(RRType::NSEC3); at != entry.second.end())
      records[std::string(as_text(*from_base32hex(as_text(entry.first.view().first_label()))))] = &at->second;
  for (auto at = records.begin(); at != records.end(); ++at) {
    const auto next = std::next(at) == records.end() ? records.begin() : std::next(at);
    auto& octets = at->second->rdatas[0];
    if (equal(ByteView(octets).subspan(8, 20), as_bytes(next->first))) continue;
    std::copy(next->first.begin(), next->first.end(), octets.begin() + 8);
    maker.sign(*at->second);
  }
  maker.sign(fresh);
}

Name hashed(const Name& n) {
  std::string text(as_text(n.lower().wire()));
  auto digest = crypto::sha1(as_bytes(text + "\xaa\xbb"));
  digest = crypto::sha1(as_bytes(std::string(as_text(digest)) + "\xaa\xbb"));
  return Name::prepend(as_bytes(base32hex(digest)), name("tld.")).value();
}

TEST(Rules, Nsec3ForNoName) {
  const auto maker = basics(Mode::nsec3);
  for (const char* owner : {"never.tld.", "ns1.child1.tld.", "gone.dn.tld."}) {
    SCOPED_TRACE(owner);
    auto sets = next_sets(maker);
    insert_nsec3(maker, sets, hashed(name(owner)), {}, 0);
    const auto bent = bend_to(maker, sets);
    EXPECT_FALSE(make_gate({})->check(bent.before.get(), bent.diff, *bent.after, {}, kTime).accepted());
    EXPECT_TRUE(fatal_about(verify_zone(*bent.after, {}, kTime), "is for no name of the zone"));
  }
}

// RFC 5155 §7.1: an insecure delegation may have a record in a zone with opt-out.
TEST(Rules, OptOutMayStillNameInsecureDelegations) {
  const auto maker = basics(Mode::opt_out);
  auto sets = next_sets(maker);
  insert_nsec3(maker, sets, hashed(name("child2.tld.")), {2}, 1);
  insert_nsec3(maker, sets, hashed(name("sub.tld.")), {}, 1);
  const auto bent = bend_to(maker, sets);
  for (const auto& verdict : {make_gate({})->check(bent.before.get(), bent.diff, *bent.after, {}, kTime),
                              verify_zone(*bent.after, {}, kTime)})
    EXPECT_TRUE(verdict.accepted()) << texts(verdict);
}

TEST(Rules, OptOutThatCloses) {
  const auto maker = basics(Mode::opt_out);
  auto sets = next_sets(maker);
  for (auto& [owner, types] : sets)
    if (const auto at = types.find(RRType::NSEC3); at != types.end()) {
      at->second.rdatas[0][1] = 0;
      maker.sign(at->second);
    }
  expect_refused(bend_to(maker, sets), "child2.tld. has no NSEC3 record");
  expect_refused(bend_to(maker, sets), "sub.tld. has no NSEC3 record");
}

TEST(Rules, EmptyNonTerminalWithoutNsec3) {
  for (auto mode : {Mode::nsec3, Mode::opt_out}) {
    const auto maker = basics(mode);
    auto sets = next_sets(maker);
    sets.erase(hashed(name("b.ent.tld.")));
    insert_nsec3(maker, sets, hashed(name("ent.tld.")), {}, mode == Mode::opt_out);  // links the rest again
    expect_refused(bend_to(maker, sets), "b.ent.tld. has no NSEC3 record");
  }
}

TEST(Rules, Nsec3Parameters) {
  const auto maker = basics(Mode::nsec3);
  auto sets = next_sets(maker);
  auto& set = sets[hashed(name("www.tld."))][RRType::NSEC3];
  set.rdatas[0][3] = 2;
  maker.sign(set);
  expect_refused(bend_to(maker, sets), "2 iterations, salt aabb instead of what NSEC3PARAM says: 1, 1, aabb");
  set.rdatas[0][3] = 1;
  set.rdatas[0][1] = 2;
  maker.sign(set);
  expect_refused(bend_to(maker, sets), "NSEC3 has flags 2");
  sets = next_sets(maker);
  auto& parameters = sets[maker.apex][RRType::NSEC3PARAM];
  parameters.rdatas[0][3] = 51;
  maker.sign(parameters);
  expect_refused(bend_to(maker, sets), "NSEC3PARAM of tld. has 51 iterations; 50 is the most");
}

TEST(Rules, ZonemdMustMatch) {
  auto maker = basics(Mode::nsec3);
  Bytes data(6 + 48);
  store_u32(data.data(), maker.serial + 1);
  data[4] = data[5] = 1;
  auto next = maker;
  ++next.serial;
  auto& set = next.content[maker.apex][RRType::ZONEMD];
  set.owner = maker.apex;
  set.type = RRType::ZONEMD;
  set.ttl = 3600;
  set.rdatas = {data};
  expect_refused(bend_to(maker, next.signed_sets()), "ZONEMD of tld. is not the digest of the zone");
  data[3] = 9;
  set.rdatas = {data};
  expect_refused(bend_to(maker, next.signed_sets()), "ZONEMD of tld. is for serial 9");
}

TEST(Rules, FindingsAreBoundedAndCounted) {
  auto maker = basics();
  for (int i = 0; i < 300; ++i) maker.add("n" + std::to_string(i) + " 3600 A 192.0.2.1");
  auto sets = maker.signed_sets();
  for (auto& [owner, types] : sets)
    for (auto& [type, set] : types)
      if (type == RRType::A) set.signatures.clear();
  maker.add("child9 3600 NS ns.child9");
  const auto verdict = verify_zone(*build(maker.apex, sets), {}, kTime);
  EXPECT_EQ(verdict.findings.size(), 100U);
  EXPECT_GE(verdict.total, 300U);
  EXPECT_TRUE(verdict.findings.front().fatal);
}

}  // namespace
}  // namespace onoma::gate::testing
