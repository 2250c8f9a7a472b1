// SnapshotBuilder and zone text: what is accepted, mended, reported and refused.
#include "zone_support.h"

namespace onoma::zone::test {
namespace {

std::string refusal(std::string_view text, std::string_view origin = "tld.") {
  wire::ZoneFileOptions options;
  options.origin = name(origin);
  options.file_name = "tld.zone";
  std::vector<std::string> warnings;
  const auto loaded = load_zone_text(text, options, warnings);
  return loaded ? "" : loaded.error().message;
}

TEST(Builder, RefusesZonesThatAreNone) {
  const std::string apex(kApex);
  EXPECT_NE(refusal("@ 60 NS ns1\n").find("0 SOA records"), std::string::npos);
  EXPECT_NE(refusal("ns1 60 A 192.0.2.1\n").find("no records at tld."), std::string::npos);
  EXPECT_NE(refusal("@ 60 SOA a b 1 2 3 4 5\n").find("no NS records"), std::string::npos);
  EXPECT_NE(refusal(apex + "@ 60 SOA x y 1 2 3 4 5\n").find("2 SOA records"), std::string::npos);
  EXPECT_NE(refusal(apex + "sub 60 SOA x y 1 2 3 4 5\n").find("belongs to tld. only"), std::string::npos);
  EXPECT_NE(refusal(apex + "c 60 CNAME x\nc 60 A 192.0.2.1\n").find("an alias has no other data"),
            std::string::npos);
  EXPECT_NE(refusal(apex + "c 60 CNAME x\nc 60 CNAME y\n").find("2 CNAME records"), std::string::npos);
  EXPECT_NE(refusal(apex + "c 60 DNAME x\nc 60 DNAME y\n").find("2 DNAME records"), std::string::npos);
  EXPECT_NE(refusal(apex + "a.org. 60 A 192.0.2.1\n").find("not in the zone tld."), std::string::npos);
  EXPECT_EQ(refusal(apex + "c 60 CNAME x\nc 60 NSEC d.tld. CNAME NSEC\n"), "");
}

TEST(Builder, MendsAndSaysSo) {
  std::vector<std::string> warnings;
  const auto zone = load("tld.",
                         std::string(kApex) +
                             "a 60 A 192.0.2.2\nb 60 TXT x\na 30 A 192.0.2.1\na 30 A 192.0.2.1\n"
                             "b 60 RRSIG MX 8 2 60 20300101000000 20200101000000 1 tld. AAAA\n"
                             "nohash 60 NSEC3 1 0 0 - 00000000000000000000000000000000 A\n",
                         &warnings);
  ASSERT_TRUE(zone);
  ASSERT_EQ(warnings.size(), 3U);
  EXPECT_NE(warnings[0].find("30 s, the smallest"), std::string::npos);
  EXPECT_NE(warnings[1].find("no MX set"), std::string::npos);
  EXPECT_NE(warnings[2].find("not a hash"), std::string::npos);
  const auto a = zone->node(wire::sort_key(name("a.tld.")))->find(RRType::A);
  ASSERT_TRUE(a);
  EXPECT_EQ(a->size(), 2U);
  EXPECT_EQ(a->ttl(), 30U);
  EXPECT_EQ(a->rdatas().front()[3], 1);
  EXPECT_EQ(zone->facts().signatures, 0U);
}

TEST(Builder, ReportsSetsGivenTwice) {
  SnapshotBuilder builder(name("tld."));
  const auto apex = load("tld.", kApex);
  for (const auto& [key, sets] : model_of(*apex))
    for (const auto& [type, set] : sets) ASSERT_TRUE(builder.add(set));
  ASSERT_TRUE(builder.add(rrset("ns1.tld.", RRType::A, {"192.0.2.77"}, 60)));
  const auto zone = builder.finish();
  ASSERT_TRUE(zone);
  EXPECT_EQ(builder.warnings().size(), 2U);
  const auto united = (*zone)->node(wire::sort_key(name("ns1.tld.")))->find(RRType::A);
  EXPECT_EQ(united->size(), 2U);
  EXPECT_EQ(united->ttl(), 60U);
}

TEST(Builder, FactsTellHowTheZoneIsSigned) {
  const std::string key = "@ 60 DNSKEY 257 3 13 AAAA\n", nsec = "@ 60 NSEC tld. SOA\n";
  EXPECT_EQ(load("tld.", kApex)->facts().denial, Denial::none);
  EXPECT_EQ(load("tld.", std::string(kApex) + key)->facts().denial, Denial::none);
  EXPECT_EQ(load("tld.", std::string(kApex) + nsec)->facts().denial, Denial::none);
  EXPECT_EQ(load("tld.", std::string(kApex) + key + nsec)->facts().denial, Denial::nsec);
  const auto nsec3 = load("tld.", std::string(kApex) + key + nsec + "@ 0 NSEC3PARAM 1 0 5 aabb\n");
  EXPECT_EQ(nsec3->facts().denial, Denial::nsec3);
  EXPECT_EQ(nsec3->facts().nsec3_iterations, 5);
  EXPECT_EQ(nsec3->facts().nsec3_salt, (Bytes{0xaa, 0xbb}));
  EXPECT_EQ(load("tld.", std::string(kApex) + "@ 0 NSEC3PARAM 1 1 5 aabb\n")->facts().denial, Denial::none);
  EXPECT_EQ(nsec3->facts().serial, 1U);
  EXPECT_EQ(nsec3->facts().negative_ttl_s, 300U);
}

TEST(Text, SaysTheWholeZoneAndReadsBack) {
  const auto zone =
      load("tld.", std::string(kApex) +
                       "b 60 A 192.0.2.1\nA.B 60 TXT \"x;y\" z\n@ 60 RRSIG SOA 8 1 60 20300101000000 "
                       "20200101000000 1 tld. AAAA\n"
                       "00000000000000000000000000000000 60 NSEC3 1 0 0 - 0000000000000000000000000000000"
                       "g A\n");
  const auto text = zone_text(*zone);
  EXPECT_TRUE(text.starts_with("tld.\t3600\tIN\tSOA") || text.starts_with("tld. 3600 IN SOA")) << text;
  const auto again = load("tld.", text);
  ASSERT_TRUE(again);
  EXPECT_EQ(zone_text(*again), text);
  EXPECT_TRUE(difference(*zone, *again).empty());
  const auto failed =
      write_zone_text(*zone, [](std::string_view) -> Result<void> { return fail(Code::io, "full"); });
  EXPECT_EQ(failed.error().code, Code::io);
}

TEST(Text, ARootZoneWorks) {
  const auto root = load(".",
                         "@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS ns.example.\nexample. 60 NS ns.example.\n"
                         "ns.example. 60 A 192.0.2.1\n");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->facts().delegations, 1U);
  EXPECT_EQ(root->facts().glue_records, 1U);
  EXPECT_TRUE(root->find(lookup_key(name("x.example."))).cut);
  EXPECT_TRUE(root->find(lookup_key(name("."))).exact);
  EXPECT_FALSE(root->find(lookup_key(name("nope."))).exists);
}

}  // namespace
}  // namespace onoma::zone::test
