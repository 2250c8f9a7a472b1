#include "wire/rrtype.h"

#include <set>

#include <gtest/gtest.h>

#include "random_data.h"

namespace onoma::wire {
namespace {

TEST(RRTypeTable, NumbersAreThoseOfIana) {
  const std::pair<const char*, int> known[] = {
      {"A", 1},           {"NULL", 10},      {"WKS", 11},      {"HINFO", 13},   {"TXT", 16},
      {"RP", 17},         {"X25", 19},       {"NSAP-PTR", 23}, {"SIG", 24},     {"KEY", 25},
      {"PX", 26},         {"GPOS", 27},      {"AAAA", 28},     {"LOC", 29},     {"NXT", 30},
      {"EID", 31},        {"NIMLOC", 32},    {"SRV", 33},      {"ATMA", 34},    {"NAPTR", 35},
      {"KX", 36},         {"CERT", 37},      {"A6", 38},       {"DNAME", 39},   {"SINK", 40},
      {"OPT", 41},        {"APL", 42},       {"DS", 43},       {"SSHFP", 44},   {"IPSECKEY", 45},
      {"RRSIG", 46},      {"NSEC", 47},      {"DNSKEY", 48},   {"DHCID", 49},   {"NSEC3", 50},
      {"NSEC3PARAM", 51}, {"TLSA", 52},      {"SMIMEA", 53},   {"HIP", 55},     {"NINFO", 56},
      {"RKEY", 57},       {"TALINK", 58},    {"CDS", 59},      {"CDNSKEY", 60}, {"OPENPGPKEY", 61},
      {"CSYNC", 62},      {"ZONEMD", 63},    {"SVCB", 64},     {"HTTPS", 65},   {"DSYNC", 66},
      {"HHIT", 67},       {"BRID", 68},      {"SPF", 99},      {"UNSPEC", 103}, {"NID", 104},
      {"L32", 105},       {"L64", 106},      {"LP", 107},      {"EUI48", 108},  {"EUI64", 109},
      {"NXNAME", 128},    {"TKEY", 249},     {"TSIG", 250},    {"IXFR", 251},   {"AXFR", 252},
      {"MAILB", 253},     {"MAILA", 254},    {"URI", 256},     {"CAA", 257},    {"AVC", 258},
      {"DOA", 259},       {"AMTRELAY", 260}, {"RESINFO", 261}, {"WALLET", 262}, {"CLA", 263},
      {"IPN", 264},       {"TA", 32768},     {"DLV", 32769}};
  for (const auto& [mnemonic, value] : known) {
    const RRType type{static_cast<std::uint16_t>(value)};
    EXPECT_EQ(parse_type(mnemonic), type) << mnemonic;
    EXPECT_EQ(type_text(type), mnemonic);
    EXPECT_TRUE(is_known_type(type));
  }
}

TEST(RRTypeTable, EveryMnemonicIsFoundInAnyCase) {
  std::set<std::string> seen;
  for (const RRType type : all_types()) {
    std::string text = type_text(type);
    EXPECT_TRUE(seen.insert(text).second) << text;
    EXPECT_EQ(parse_type(text), type);
    for (char& c : text) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(parse_type(text), type);
  }
  EXPECT_EQ(seen.size(), 97U);
}

TEST(RRTypeTable, UnknownTypesHaveNumbers) {
  EXPECT_EQ(type_text(RRType{65400}), "TYPE65400");
  EXPECT_EQ(parse_type("type65400"), RRType{65400});
  EXPECT_EQ(parse_type("TYPE1"), RRType::A);
  EXPECT_EQ(parse_type("*"), RRType::ANY);
  for (const char* bad : {"", "TYPE", "TYPE65536", "TYPE-1", "TYPEx", "FOO", "AAAAA", "NSEC3PARAMX", "A "})
    EXPECT_FALSE(parse_type(bad).has_value()) << bad;
}

TEST(RRTypeTable, MetaTypesNeverStandInZones) {
  for (const int n : {0, 41, 128, 249, 250, 251, 252, 253, 254, 255})
    EXPECT_TRUE(is_meta_type(RRType{static_cast<std::uint16_t>(n)})) << n;
  for (const int n : {1, 6, 46, 127, 256, 65535})
    EXPECT_FALSE(is_meta_type(RRType{static_cast<std::uint16_t>(n)})) << n;
}

TEST(Classes, TextAndBack) {
  EXPECT_EQ(class_text(RRClass::IN), "IN");
  EXPECT_EQ(class_text(RRClass{65280}), "CLASS65280");
  EXPECT_EQ(parse_class("in"), RRClass::IN);
  EXPECT_EQ(parse_class("CLASS3"), RRClass::CH);
  EXPECT_FALSE(parse_class("CLASS").has_value());
  EXPECT_FALSE(parse_class("INN").has_value());
}

TEST(Rcodes, HaveNames) {
  EXPECT_EQ(rcode_text(Rcode::noerror), "NOERROR");
  EXPECT_EQ(rcode_text(Rcode::nxdomain), "NXDOMAIN");
  EXPECT_EQ(rcode_text(Rcode::badvers), "BADVERS");
  EXPECT_EQ(rcode_text(Rcode{23}), "BADCOOKIE");
  EXPECT_EQ(rcode_text(Rcode{12}), "RCODE12");
}

}  // namespace
}  // namespace onoma::wire
