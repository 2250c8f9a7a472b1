// Record data by example: presentation and wire form of single types.
#include "wire/rdata.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "wire/rrset.h"
#include "wire/rrtype.h"

namespace onoma::wire {
namespace {

const Name kOrigin = *Name::parse("example.com.");

struct Vector {
  const char* type;
  const char* text;
  const char* wire;
  const char* printed;  // nullptr: as `text`
};
void PrintTo(const Vector& v, std::ostream* out) {
  *out << v.type << " " << v.text;
}

class RdataVector : public ::testing::TestWithParam<Vector> {};
TEST_P(RdataVector, ParsesAndPrints) {
  const auto& [type_name, text, wire, printed] = GetParam();
  const RRType type = parse_type(type_name).value();
  auto parsed = parse_rdata(type, text, kOrigin);
  ASSERT_TRUE(parsed.has_value()) << describe(parsed.error());
  EXPECT_EQ(hex(*parsed), wire);
  EXPECT_EQ(rdata_text(type, *parsed), printed != nullptr ? printed : text);
}

#define FOO "03666f6f076578616d706c6503636f6d00"
#define FOO_ORG "03666f6f076578616d706c65036f726700"
INSTANTIATE_TEST_SUITE_P(
    Examples, RdataVector,
    ::testing::Values(
        Vector{"A", "192.0.2.1", "c0000201", nullptr},
        Vector{"AAAA", "2001:DB8::1", "20010db8000000000000000000000001", "2001:db8::1"},
        Vector{"AAAA", "::ffff:192.0.2.1", "00000000000000000000ffffc0000201", "::ffff:c000:201"},
        Vector{"AAAA", "::", "00000000000000000000000000000000", nullptr},
        Vector{"AAAA", "1:0:2:0:0:3:0:0", "00010000000200000000000300000000", "1:0:2::3:0:0"},
        Vector{"NS", "foo", FOO, "foo.example.com."},
        Vector{"MX", "10 foo", "000a" FOO, "10 foo.example.com."},
        Vector{"TXT", "abc \"d e\\\"\\001\" \"\"",
               "03616263056420652201"
               "00",
               "\"abc\" \"d e\\\"\\001\" \"\""},
        Vector{"SOA", "foo foo 1 1h30m 15m 1w 5m",
               FOO FOO "00000001"
                       "00001518"
                       "00000384"
                       "00093a80"
                       "0000012c",
               "foo.example.com. foo.example.com. 1 5400 900 604800 300"},
        Vector{"DS", "60485 RSASHA1 1 2BB183AF5F22588179A53B0A 98631FAD1A292118",
               "ec4505012bb183af5f22588179a53b0a98631fad1a292118",
               "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
        Vector{"CDS", "0 0 0 00", "0000000000", nullptr},
        Vector{"CDNSKEY", "0 3 0 AA==", "0000030000", nullptr},
        Vector{"NSEC3PARAM", "1 0 0 -", "0100000000", nullptr},
        Vector{"NSEC3", "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG",
               "0101000c04aabbccdd14174eb2409fe28bcb4887a1836f957f0a8425e27b0007220100000002"
               "90",
               "1 1 12 AABBCCDD 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA MX RRSIG DNSKEY NSEC3PARAM"},
        Vector{"RRSIG", "A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1",
               "00010503"
               "00015180"
               "3e7c9dd7"
               "3e5510d7"
               "0a52"
               "076578616d706c6503636f6d00"
               "a09075",
               nullptr},
        Vector{"LOC", "42 21 54 N 71 06 18 W -24m 30m",
               "00331613"
               "89172dd0"
               "70be15f0"
               "00988d20",
               "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m"},
        Vector{"APL", "1:192.168.32.0/21 !1:192.168.38.0/28", "00011503c0a82000011c83c0a826", nullptr},
        Vector{"WKS", "10.0.0.1 tcp telnet smtp",
               "0a00000106"
               "00000140",
               "10.0.0.1 6 23 25"},
        Vector{"IPSECKEY", "10 1 2 192.0.2.38 AQNR",
               "0a0102c000022601"
               "0351",
               nullptr},
        Vector{"IPSECKEY", "10 0 2 . AQNR",
               "0a000201"
               "0351",
               nullptr},
        Vector{"IPSECKEY", "10 3 2 foo AQNR", "0a0302" FOO "010351", "10 3 2 foo.example.com. AQNR"},
        Vector{"AMTRELAY", "10 1 3 foo", "0a83" FOO, "10 1 3 foo.example.com."},
        Vector{"AMTRELAY", "10 0 0 .", "0a00", nullptr},
        Vector{"HIP", "2 200100107B1A74DF AQNR foo",
               "0802000320010010"
               "7b1a74df"
               "010351" FOO,
               "2 200100107B1A74DF AQNR foo.example.com."},
        Vector{"CAA", "0 issue \"ca.example.net; account=1\"",
               "00056973737565"
               "63612e6578616d706c652e6e65743b206163636f756e743d31",
               nullptr},
        Vector{"URI", "10 1 \"ftp://ftp1.example.com/\"",
               "000a0001"
               "6674703a2f2f667470312e6578616d706c652e636f6d2f",
               nullptr},
        Vector{"EUI48", "00-00-5e-00-53-2a", "00005e00532a", nullptr},
        Vector{"NID", "10 0014:4fff:ff20:ee64", "000a00144fffff20ee64", nullptr},
        Vector{"L32", "10 10.1.2.0", "000a0a010200", nullptr},
        Vector{"CERT", "PGP 0 0 AQNR", "0003000000010351", nullptr},
        Vector{"CSYNC", "66 3 A NS AAAA",
               "00000042000300046000000"
               "8",
               nullptr},
        Vector{"DSYNC", "CDS NOTIFY 5359 foo", "003b0114ef" FOO, "CDS NOTIFY 5359 foo.example.com."},
        Vector{"NAPTR", "100 50 \"s\" \"http\" \"\" foo",
               "00640032017304"
               "6874747000" FOO,
               "100 50 \"s\" \"http\" \"\" foo.example.com."},
        Vector{"NSAP", "0x47.0005.80", "47000580", "0x47000580"},
        Vector{"A6", "64 ::1 foo", "400000000000000001" FOO, "64 ::1 foo.example.com."},
        Vector{"DOA", "0 1 2 \"\" -", "00000000000000010200", nullptr},
        Vector{"IPN", "3735928559", "00000000deadbeef", nullptr},
        Vector{"A", "\\# 4 C0 000201", "c0000201", "192.0.2.1"},
        Vector{"TYPE65400", "\\# 3 010203", "010203", nullptr}, Vector{"NULL", "\\# 0", "", nullptr},
        Vector{"ISDN", "\"150862028003217\"", "0f313530383632303238303033323137", nullptr},
        Vector{"NXT", "foo A MX TYPE30", FOO "40010002", "foo.example.com. A MX NXT"},
        Vector{"ZONEMD", "2018031500 1 1 FEBE3D4CE2EC2FFA4BA99D46CD69D6D2",
               "7848b78c0101febe3d4ce2ec2ffa4ba99d46cd69d6d2", nullptr}));

// RFC 9460 Appendix D.
INSTANTIATE_TEST_SUITE_P(
    ServiceBinding, RdataVector,
    ::testing::Values(
        Vector{"HTTPS", "0 foo", "0000" FOO, "0 foo.example.com."}, Vector{"SVCB", "1 .", "000100", nullptr},
        Vector{"SVCB", "16 foo port=53", "0010" FOO "000300020035", "16 foo.example.com. port=53"},
        Vector{"SVCB", "1 foo key667=hello", "0001" FOO "029b000568656c6c6f",
               "1 foo.example.com. key667=\"hello\""},
        Vector{"SVCB", "1 foo key667=\"hello\\210qoo\"", "0001" FOO "029b000968656c6c6fd2716f6f",
               "1 foo.example.com. key667=\"hello\\210qoo\""},
        Vector{"SVCB", "1 foo ipv6hint=\"2001:db8::1,2001:db8::53:1\"",
               "0001" FOO "0006002020010db800000000000000000000000120010db8000000000000000000530001",
               "1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1"},
        Vector{"SVCB", "16 foo.example.org. (alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1)",
               "0010" FOO_ORG "000000040001000400010009026832"
               "0568332d3139"
               "00040004c0000201",
               "16 foo.example.org. mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" ipv4hint=192.0.2.1"},
        Vector{"SVCB", "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
               "0010" FOO_ORG "0001000c08665c6f6f2c626172026832", nullptr},
        Vector{"SVCB", "16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
               "0010" FOO_ORG "0001000c08665c6f6f2c626172026832",
               "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\""},
        Vector{"HTTPS", "1 . alpn=h3 no-default-alpn ech=AEP+DQ== dohpath=/dns-query{?dns}",
               "00010000010003026833"
               "00020000"
               "0005000400"
               "43fe0d"
               "000700102f646e732d71756572797b3f646e737d",
               "1 . alpn=\"h3\" no-default-alpn ech=AEP+DQ== dohpath=\"/dns-query{?dns}\""}));
#undef FOO
#undef FOO_ORG

struct Bad {
  const char* type;
  const char* text;
};
void PrintTo(const Bad& b, std::ostream* out) {
  *out << b.type << " " << b.text;
}
class RdataRefusal : public ::testing::TestWithParam<Bad> {};
TEST_P(RdataRefusal, IsRefused) {
  EXPECT_FALSE(parse_rdata(parse_type(GetParam().type).value(), GetParam().text, kOrigin).has_value());
}
INSTANTIATE_TEST_SUITE_P(
    Examples, RdataRefusal,
    ::testing::Values(
        Bad{"A", ""}, Bad{"A", "192.0.2"}, Bad{"A", "192.0.2.256"}, Bad{"A", "192.0.2.1.1"},
        Bad{"A", "192.0.2.01"}, Bad{"A", "192.0.2.1 x"}, Bad{"A", "192.0.2.1\n192.0.2.2"},
        Bad{"A", "\\# 3 010203"}, Bad{"A", "\\# 4 010203"}, Bad{"A", "\\# 4 0102030"},
        Bad{"A", "\\# 70000 00"}, Bad{"A", "\\#"}, Bad{"AAAA", "1:2:3:4:5:6:7"},
        Bad{"AAAA", "1:2:3:4:5:6:7:8:9"}, Bad{"AAAA", "1::2::3"}, Bad{"AAAA", ":1::2"}, Bad{"AAAA", "1::2:"},
        Bad{"AAAA", "12345::"}, Bad{"AAAA", "1:2:3:4:5:6:7::8"}, Bad{"AAAA", "::1.2.3"}, Bad{"MX", "10"},
        Bad{"MX", "65536 a"}, Bad{"MX", "-1 a"}, Bad{"TXT", ""}, Bad{"TXT", "\"a\\256\""},
        Bad{"TXT", "\"open"}, Bad{"DS", "1 2 3"}, Bad{"DS", "1 2 3 ABC"}, Bad{"DS", "1 2 3 XY"},
        Bad{"DNSKEY", "256 3 13"}, Bad{"DNSKEY", "256 3 13 A==="}, Bad{"NSEC3", "1 0 0 - zz A"},
        Bad{"NSEC", "a. FOO"}, Bad{"NXT", "a. CAA"}, Bad{"NXT", "a."}, Bad{"LOC", "91 N 1 E 0m"},
        Bad{"LOC", "90 0 0.001 N 1 E 0m"}, Bad{"LOC", "1 2 3"}, Bad{"LOC", "1 60 N 1 E 0m"},
        Bad{"APL", "3:1.2.3.4/5"}, Bad{"APL", "1:1.2.3.4/33"}, Bad{"APL", "1:/"}, Bad{"APL", "/"},
        Bad{"HIP", "2 00"}, Bad{"WKS", "1.2.3.4 tcp 65536"}, Bad{"CAA", "0 is-sue x"}, Bad{"CAA", "0 issue"},
        Bad{"ZONEMD", "1 1 1 0102"}, Bad{"EUI48", "00-00-5e-00-53"}, Bad{"EUI48", "0-00-5e-00-53-2a"},
        Bad{"NID", "1 1:2:3"}, Bad{"NULL", "x"}, Bad{"RRSIG", "A 5 3 1 20031322173103 1 2 a. AQ=="},
        Bad{"SVCB", "1 foo key123=1 key123=1"}, Bad{"SVCB", "1 foo mandatory"}, Bad{"SVCB", "1 foo alpn"},
        Bad{"SVCB", "1 foo port"}, Bad{"SVCB", "1 foo ipv4hint="}, Bad{"SVCB", "1 foo no-default-alpn=abc"},
        Bad{"SVCB", "1 foo mandatory=key123"}, Bad{"SVCB", "1 foo mandatory=mandatory"},
        Bad{"SVCB", "1 foo mandatory=key123,key123 key123=abc"}, Bad{"SVCB", "1 foo foo=bar"},
        Bad{"SVCB", "1 foo key065=x"}, Bad{"SVCB", "1 foo key65536=x"}, Bad{"SVCB", "1 foo alpn=h2,,h3"}));

TEST(Rdata, DecompressesWhereRfc3597Permits) {
  // At 0 "a.", then an MX and an SRV that point to it, and a DNAME that may not.
  const Bytes message = {1, 'a', 0, 0, 10, 0xC0, 0, 0, 1, 0, 2, 0, 3, 0xC0, 0, 0xC0, 0};
  EXPECT_EQ(hex(*read_rdata(message, 3, 4, RRType::MX)), "000a016100");
  EXPECT_EQ(hex(*read_rdata(message, 7, 8, RRType::SRV)), "000100020003016100");
  EXPECT_EQ(read_rdata(message, 15, 2, RRType::DNAME).error(), WireError::bad_rdata);
  EXPECT_EQ(read_rdata(message, 3, 3, RRType::MX).error(), WireError::bad_rdata);
  EXPECT_EQ(read_rdata(message, 3, 5, RRType::MX).error(), WireError::bad_rdata);
  EXPECT_EQ(read_rdata(message, 16, 2, RRType::MX).error(), WireError::truncated);
}

TEST(Rdata, CanonicalFormLowersTheListedTypesOnly) {
  const auto canonical = [](RRType type, std::string_view text) {
    return rdata_text(type, canonical_rdata(type, parse_rdata(type, text, Name()).value()));
  };
  EXPECT_EQ(canonical(RRType::NS, "NS.Example."), "ns.example.");
  EXPECT_EQ(canonical(RRType::SRV, "1 2 3 A.B."), "1 2 3 a.b.");
  EXPECT_EQ(canonical(RRType::DNAME, "A.B."), "a.b.");
  EXPECT_EQ(canonical(RRType::NAPTR, "1 2 \"U\" \"X\" \"Y\" A."), "1 2 \"U\" \"X\" \"Y\" a.");
  EXPECT_EQ(canonical(RRType::NSEC, "A.B. A"), "A.B. A");  // RFC 6840 §5.1
  EXPECT_EQ(canonical(RRType::SVCB, "1 A.B."), "1 A.B.");
  EXPECT_EQ(canonical(RRType{38}, "64 ::1 A.B."), "64 ::1 a.b.");
}

TEST(Rdata, OrderIsThatOfTheCanonicalForm) {
  const auto data = [](std::string_view text) { return parse_rdata(RRType::NS, text, Name()).value(); };
  EXPECT_TRUE(canonical_less(RRType::NS, data("a."), data("B.")));
  EXPECT_FALSE(canonical_less(RRType::NS, data("B."), data("a.")));
  EXPECT_FALSE(canonical_less(RRType::NS, data("A."), data("a.")));
  EXPECT_TRUE(canonical_less(RRType::TXT, Bytes{1, 'a'}, Bytes{1, 'a', 0}));
  EXPECT_TRUE(canonical_less(RRType::TXT, Bytes{1, 'A'}, Bytes{1, 'a'}));
}

TEST(Rdata, TargetsAndNames) {
  const Bytes srv = parse_rdata(RRType::SRV, "1 2 3 host", kOrigin).value();
  EXPECT_EQ(target_name(RRType::SRV, srv).text(), "host.example.com.");
  const Bytes hip = parse_rdata(RRType{55}, "2 20 AQNR a. b.", kOrigin).value();
  std::string names;
  for_each_name(RRType{55}, hip, [&](std::size_t, NameView name) { names += name.text() + " "; });
  EXPECT_EQ(names, "a. b. ");
  EXPECT_TRUE(may_compress(RRType::MX));
  EXPECT_FALSE(may_compress(RRType::SRV));
  EXPECT_FALSE(may_compress(RRType::SVCB));
}

TEST(Soa, ReadsAndWrites) {
  const Bytes rdata =
      parse_rdata(RRType::SOA, "ns1 hostmaster 2026092501 1800 900 604800 300", kOrigin).value();
  auto soa = Soa::read(rdata);
  ASSERT_TRUE(soa.has_value());
  EXPECT_EQ(soa->mname.text(), "ns1.example.com.");
  EXPECT_EQ(soa->serial, 2026092501U);
  EXPECT_EQ(soa->minimum_s, 300U);
  EXPECT_EQ(soa->rdata(), rdata);
  EXPECT_EQ(soa_serial(rdata), 2026092501U);
  EXPECT_EQ(soa_serial(Bytes{0, 0}), 0U);
  EXPECT_FALSE(Soa::read(ByteView(rdata).first(rdata.size() - 1)).has_value());
  EXPECT_TRUE(serial_newer(0, 0xFFFFFFFF));
  EXPECT_FALSE(serial_newer(7, 7));
  EXPECT_FALSE(serial_newer(0x80000000, 0));
}

TEST(RRsetTest, NormaliseSortsAndDropsDuplicates) {
  RRset set;
  set.owner = kOrigin;
  set.type = RRType::NS;
  for (const char* text : {"b.", "a.", "B."})
    set.rdatas.push_back(parse_rdata(RRType::NS, text, Name()).value());
  set.normalise();
  ASSERT_EQ(set.rdatas.size(), 2U);
  EXPECT_EQ(rdata_text(RRType::NS, set.rdatas[0]), "a.");
  RRset other = set;
  other.owner = *Name::parse("EXAMPLE.com.");
  EXPECT_TRUE(other == set);
  other.signatures.push_back({1});
  EXPECT_FALSE(other == set);
  EXPECT_TRUE(other.same_data(set));
  other.ttl = 1;
  EXPECT_FALSE(other.same_data(set));
}

}  // namespace
}  // namespace onoma::wire
