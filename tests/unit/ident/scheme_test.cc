// Reading identifiers and mapping them to DNS names and back: the rows of the mapping table for the schemes
// offered.
#include "ident/scheme.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ident/suffix_codec.h"

namespace onoma::ident {
namespace {

const Name kApex = *Name::parse("id.example.");
Name name(std::string_view text) {
  return *Name::parse(text, kApex);
}

struct Row {
  std::string input, scheme, canonical, dns;
  std::size_t wire;
};
class Mapping : public testing::TestWithParam<Row> {};

TEST_P(Mapping, GoesThereAndBack) {
  const auto& row = GetParam();
  auto read = parse(row.input, row.scheme);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->canonical, row.canonical);
  auto mapped = dns_name(*read, kApex);
  ASSERT_TRUE(mapped) << mapped.error().message;
  EXPECT_EQ(mapped->text(), row.dns + ".");
  EXPECT_EQ(mapped->size(), row.wire);
  auto back = identifier_of(*mapped, kApex);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->scheme, read->scheme);
  if (!back->canonical.empty()) {
    EXPECT_EQ(back->canonical, row.canonical);
    EXPECT_EQ(back->prefix, read->prefix);
    EXPECT_EQ(back->suffix, read->suffix);
    EXPECT_EQ(back->is_prefix, read->is_prefix);
  }
  // A canonical form is its own canonical form.
  auto again = parse(read->canonical, read->scheme);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->canonical, read->canonical);
}

const std::string kLong64(64, 'a'), kLong140(140, 'a');
INSTANTIATE_TEST_SUITE_P(
    Table, Mapping,
    testing::Values(
        Row{"10.1000/182", "", "10.1000/182", "182._h.1000.10.hdl.id.example", 31},
        Row{"doi:10.1000/182A", "", "10.1000/182a", "182a._h.1000.10.hdl.id.example", 32},
        Row{"10.1126/science.169.3946.635", "", "10.1126/science.169.3946.635",
            "x--edhmipbecdiisc9m74n36e9k6on3ccpl._h.1126.10.hdl.id.example", 63},
        Row{"10.5281/zenodo.1234567", "", "10.5281/zenodo.1234567",
            "x--f9imsrr4dsn32chj6gqjcdo._h.5281.10.hdl.id.example", 54},
        Row{"20.500.12345/ABC-1", "", "20.500.12345/abc-1", "abc-1._h.12345.500.20.hdl.id.example", 38},
        Row{"20.500.12345/文献/第1卷", "", "20.500.12345/文献/第1卷",
            "x--sqb8fpsclonufb5c67iordo._h.12345.500.20.hdl.id.example", 59},
        Row{"88.100.1/工业设备001", "", "88.100.1/工业设备001",
            "x--smrqbp5ojbkatfn5ki3j0c1h._h.1.100.88.hdl.id.example", 56},
        Row{"88.100.1/SN-000123", "", "88.100.1/sn-000123", "sn-000123._h.1.100.88.hdl.id.example", 38},
        Row{"10/1000", "", "10/1000", "1000._h.10.hdl.id.example", 27},
        Row{"10.1000", "", "0.NA/10.1000", "1000.10.hdl.id.example", 24},
        Row{"0.NA/10.1000", "", "0.NA/10.1000", "1000.10.hdl.id.example", 24},
        Row{"10.1000/", "", "10.1000/", "x--._h.1000.10.hdl.id.example", 31},
        Row{"20.1000/x--abc", "", "20.1000/x--abc", "x--f0miqob2cc._h.1000.20.hdl.id.example", 41},
        Row{"10.1000/ab--cd", "", "10.1000/ab--cd", "x--c5h2qbb3cg._h.1000.10.hdl.id.example", 41},
        Row{"10.1000/a_b", "", "10.1000/a_b", "x--c5fm4._h.1000.10.hdl.id.example", 36},
        Row{"10.a_b/x", "hdl", "10.a_b/x", "x._h.x--c5fm4.10.hdl.id.example", 33},
        Row{"10.1000/" + kLong64, "", "10.1000/" + kLong64,
            "y--2ob1c5gm2ob1c5gm2ob1c5gm2ob1c5gm2ob1c5gm2o8.x--"
            "c5gm2ob1c5gm2ob1c5gm2ob1c5gm2ob1c5gm2ob1c5gm2ob1c5gm2"
            "ob1c5gm._h.1000.10.hdl.id.example",
            138},
        Row{"10.1000/" + kLong140, "", "10.1000/" + kLong140,
            "h--o2aeqbr19arq0bjlavsen9lg7d2npptuljotg0ogh3snk5rgsnj0._h.1000.10.hdl.id.example", 83},
        Row{"10.1000/" + std::string(140, 'A'), "", "10.1000/" + kLong140,
            "h--o2aeqbr19arq0bjlavsen9lg7d2npptuljotg0ogh3snk5rgsnj0._h.1000.10.hdl.id.example", 83},
        Row{"2.25.329800735698586629295641978511506172918", "",
            "2.25.329800735698586629295641978511506172918",
            "329800735698586629295641978511506172918.25.2.oid.id.example", 61},
        Row{"urn:oid:1.3.6.1.2.1.27", "", "1.3.6.1.2.1.27", "27.1.2.1.6.3.1.oid.id.example", 31},
        Row{"1.2.156.3088.1.34C2.478BDF.3GF546.1.0SEN", "", "1.2.156.3088.1.34C2.478BDF.3GF546.1.0SEN",
            "0sen.1.3gf546.478bdf.34c2.1.3088.156.2.1.oid.id.example", 57},
        Row{"例子.中国", "", "xn--fsqu00a.xn--fiqs8s", "xn--fsqu00a.xn--fiqs8s", 24}));

TEST(Mapping, NamesThatNobodyMakesDoNotExist) {
  for (auto label : {"x--64o32", "y--64o32", "x--c5fm5", "x--c5fm", "x--gg"})
    EXPECT_EQ(identifier_of(name(std::string(label) + "._h.1000.10.hdl"), kApex).error().code,
              Code::not_found)
        << label;
}

TEST(Mapping, RefusesOtherDamagedNames) {
  for (auto text : {
           "hdl",             // the scheme's own node
           "_h.1000.10.hdl",  // no suffix
           "182._h.hdl",      // no prefix
           "ark",
           "12345.ark",  // no such scheme
           "domain",
           "test.domain",           // never re-homed
           "a.182._h.1000.10.hdl",  // a plain label with company
           "x--c5fm4.x--c5fm4._h.1000.10.hdl",
           "y--.x--c5fm4._h.1000.10.hdl",
           "h--c5fm4._h.1000.10.hdl",  // a digest of the wrong size
           "1.h--o2aeqbr19arq0bjlavsen9lg7d2npptuljotg0ogh3snk5rgsnj0._h.1000.10.hdl",
           "1._h.2._h.10.hdl",
           "1._h.x--64o32.10.hdl",  // the arc "182" must be plain
           "1._h.x--5p00.10.hdl",   // an arc that holds a dot
           "x--84._h.1000.10.hdl",  // upper case
           "1.na.0.hdl._h",
           "01.2.oid",
           "40.1.oid",
           "3.oid",
           "a.2.oid",
           "1._h.2.oid",
           "1.1.3088.156.2.1.oid.oid",
           "x--a.1.3088.156.2.1.oid",
       })
    EXPECT_EQ(identifier_of(name(text), kApex).error().code, Code::not_found) << text;
}

TEST(Mapping, NamesAreReadInAnyCase) {
  auto read = identifier_of(name("X--C5fm4._H.1000.10.HDL"), kApex);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->canonical, "10.1000/a_b");
}

TEST(Mapping, OutsideTheApexANameIsADomain) {
  EXPECT_EQ(identifier_of(*Name::parse("xn--fiqs8s."), kApex)->canonical, "xn--fiqs8s");
  EXPECT_EQ(identifier_of(kApex, kApex)->scheme, "domain");
}

TEST(Mapping, AHashedNameTellsPrefixAndHash) {
  const auto read =
      identifier_of(name("h--o2aeqbr19arq0bjlavsen9lg7d2npptuljotg0ogh3snk5rgsnj0._h.1000.10.hdl"), kApex);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->canonical, "");
  EXPECT_EQ(read->prefix, "10.1000");
  EXPECT_THAT(read->parts, testing::Contains(testing::Pair(
                               "hash", "c094ed2f614ab7a02e7557f8eba6b03b457ce7beacf1d8031088f97a1770e5e6")));
}

TEST(Mapping, ALongOidIsHashedBelowTheSchemesNode) {
  const auto read = parse("2." + std::string(64, '1'));
  ASSERT_TRUE(read) << read.error().message;
  const auto mapped = dns_name(*read, kApex);
  ASSERT_TRUE(mapped);
  EXPECT_TRUE(mapped->text().starts_with("h--"));
  EXPECT_TRUE(mapped->text().ends_with("._h.oid.id.example."));
  EXPECT_EQ(identifier_of(*mapped, kApex)->scheme, "oid");
  std::string deep = "2";
  for (int i = 0; i < 127; ++i) deep += ".1";
  EXPECT_TRUE(dns_name(*parse(deep), kApex)->text().starts_with("h--"));
}

TEST(Mapping, APrefixWithoutRoomIsAnError) {
  std::string prefix = "10";
  for (int i = 0; i < 60; ++i) prefix += ".1000";
  const auto read = parse(prefix + "/1");
  ASSERT_TRUE(read);
  EXPECT_EQ(dns_name(*read, kApex).error().code, Code::too_large);
  EXPECT_EQ(dns_name(*parse("10." + std::string(64, 'a') + "/1", "hdl"), kApex).error().code,
            Code::bad_syntax);
  EXPECT_FALSE(parse("10.1000/1")->canonical.empty());
}

TEST(Handle, HasManySpellingsAndOneForm) {
  for (auto text :
       {"10.1000/182a", "hdl:10.1000/182A", "HDL:10.1000/182a", "info:hdl/10.1000/182a", "doi:10.1000/182a",
        "DOI: 10.1000/182A", "info:doi/10.1000/182a", "https://doi.org/10.1000/182a",
        "http://DX.DOI.ORG/10.1000/182A", "https://hdl.handle.net/10.1000/182a?noredirect=1#x",
        "https://doi.org/10.1000%2F182a", "https://doi.org/doi:10.1000/182a", "  10.1000/182a\n"}) {
    const auto read = parse(text);
    ASSERT_TRUE(read) << text << ": " << read.error().message;
    EXPECT_EQ(read->scheme, "hdl") << text;
    EXPECT_EQ(read->canonical, "10.1000/182a") << text;
    EXPECT_EQ(read->prefix, "10.1000");
    EXPECT_EQ(read->suffix, "182a");
    EXPECT_FALSE(read->is_prefix);
    EXPECT_THAT(read->parts, testing::Contains(testing::Pair("registry", "doi")));
    EXPECT_TRUE(read->warnings.empty()) << text;
  }
  EXPECT_EQ(parse("10.1000/182", "doi")->canonical, "10.1000/182");
  EXPECT_EQ(parse("88.100.1/A", "VAA")->canonical, "88.100.1/a");
  EXPECT_THAT(parse("88.100.1/a")->parts, testing::Contains(testing::Pair("registry", "vaa")));
}

TEST(Handle, ADoubledLabelIsAWarning) {
  const auto read = parse("doi:doi:10.1000/182");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->canonical, "10.1000/182");
  EXPECT_EQ(read->warnings.size(), 1U);
  EXPECT_FALSE(parse("doi:doi:doi:10.1000/182"));
}

TEST(Handle, FoldsAsciiOnlyAndKeepsOtherOctets) {
  EXPECT_EQ(parse("20.1/ÄÖ É", "hdl")->canonical, "20.1/ÄÖ É");
  EXPECT_EQ(parse("20.1/e\u0301", "hdl")->canonical, "20.1/e\u0301");
  EXPECT_EQ(parse("20.1/a?b#c%41", "hdl")->canonical, "20.1/a?b#c%41");
}

TEST(Handle, RefusesWhatIsNone) {
  for (auto text : {"",
                    "/x",
                    "10..1/x",
                    ".10/x",
                    "10./x",
                    "0.NA/",
                    "0.NA/a/b",
                    "doi:10.1000",
                    "doi:10.1000/",
                    "doi:11.1000/x",
                    "doi:10.100/x",
                    "https://example.com/10.1000/1",
                    "https://doi.org",
                    "https://doi.org/",
                    "https://doi.org/%zz",
                    "https://doi.org/10.1/%00",
                    "https://doi.org/https://doi.org/10.1000/1",
                    "10.1/\x01",
                    "10.1/\xFF",
                    "10.1/\u202E",
                    "10.1/\u2066"})
    EXPECT_EQ(parse(text, "hdl").error().code, Code::bad_syntax) << text;
  EXPECT_EQ(parse("20.1000/1", "doi").error().code, Code::bad_syntax);
  EXPECT_TRUE(parse("10.1/" + std::string(2043, 'a'), "hdl"));
  EXPECT_FALSE(parse("10.1/" + std::string(2044, 'a'), "hdl"));
}

TEST(Oid, HasManySpellingsAndOneForm) {
  for (auto text : {"1.3.6.1.4", "oid:1.3.6.1.4", "URN:OID:1.3.6.1.4", "/1/3/6/1/4", "oid:/1/3/6/1/4"}) {
    const auto read = parse(text);
    ASSERT_TRUE(read) << text << ": " << read.error().message;
    EXPECT_EQ(read->scheme, "oid");
    EXPECT_EQ(read->canonical, "1.3.6.1.4");
    EXPECT_EQ(read->prefix, "1.3.6.1");
    EXPECT_EQ(read->suffix, "4");
  }
  EXPECT_EQ(parse("2", "oid")->prefix, "");
  EXPECT_EQ(parse("2", "oid")->suffix, "2");
  EXPECT_EQ(parse("/iso/3/6").error().code, Code::unsupported);
}

TEST(Oid, RefusesWhatIsNone) {
  std::string deep = "2";
  for (int i = 0; i < 128; ++i) deep += ".1";
  for (const std::string& text :
       {std::string("3.1"), std::string("1.40"), std::string("0.40.1"), std::string("1.02"),
        std::string("1..2"), std::string("1.2."), std::string(".1"), std::string("1.a"), std::string("12.1"),
        std::string("1.100"), std::string("-1"), deep, "2." + std::string(129, '1')})
    EXPECT_EQ(parse(text, "oid").error().code, Code::bad_syntax) << text;
  EXPECT_TRUE(parse("2.999", "oid"));
  EXPECT_TRUE(parse("0.39", "oid"));
  EXPECT_TRUE(parse("2." + std::string(128, '1'), "oid"));
}

TEST(Aic, IsAnOidWithLetters) {
  const auto read = parse("1.2.156.3088.1.34c2.478bdf.3gf546.1.0sen");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->scheme, "oid");
  EXPECT_EQ(read->canonical, "1.2.156.3088.1.34C2.478BDF.3GF546.1.0SEN");
  EXPECT_EQ(read->prefix, "1.2.156.3088.1");
  EXPECT_EQ(read->suffix, "34C2.478BDF.3GF546.1.0SEN");
  EXPECT_THAT(read->parts, testing::Contains(testing::Pair("vendor", "34C2")));
  const auto registrar = parse("1.2.156.3088.zz");
  ASSERT_TRUE(registrar) << registrar.error().message;
  EXPECT_TRUE(registrar->is_prefix);
  EXPECT_EQ(registrar->prefix, "1.2.156.3088.ZZ");
  EXPECT_EQ(registrar->suffix, "");
  EXPECT_EQ(identifier_of(*dns_name(*registrar, kApex), kApex)->canonical, "1.2.156.3088.ZZ");
  EXPECT_TRUE(parse("1.2.156.3088.1.34C2", "aic")->is_prefix);
  EXPECT_FALSE(parse("1.2.156.3088")->is_prefix);
}

TEST(Aic, RefusesLevelsOutsideTheirRange) {
  for (auto text : {"1.2.156.3088.1.34C2.478BDF.3GF546.1.1EKG", "1.2.156.3088.1.34C2.478BDF.3GF546.1.0SE",
                    "1.2.156.3088.1.34C2.478BDF.3GF546.10.0SEN", "1.2.156.3088.1.34C2.478BDF.3GF546.0.0SEN",
                    "1.2.156.3088.0.34C2.478BDF.3GF546.1.0SEN", "1.2.156.3088.1.034C2.478BDF.3GF546.1.0SEN",
                    "1.2.156.3088.1.34C2.1234567890.3GF546.1.0SEN", "1.2.156.3088.1.34C2.478BDF",
                    "1.2.156.3088.1.2.3.4.5.6.7", "1.2.156.3088.1.34_2.478BDF.3GF546.1.0SEN"})
    EXPECT_EQ(parse(text, "oid").error().code, Code::bad_syntax) << text;
  EXPECT_TRUE(parse("1.2.156.3088.1.34C2.478BDF.0.1.1EKF"));
}

TEST(Domain, IsMappedAndLowerCase) {
  EXPECT_EQ(parse("Straße.DE")->canonical, "xn--strae-oqa.de");
  EXPECT_EQ(parse("example.test.")->canonical, "example.test");
  EXPECT_EQ(parse("例子。中国")->canonical, "xn--fsqu00a.xn--fiqs8s");
  EXPECT_EQ(parse("_agents.example.test")->canonical, "_agents.example.test");
  EXPECT_EQ(parse(".")->canonical, ".");
  EXPECT_EQ(dns_name(*parse("."), kApex)->text(), ".");
  EXPECT_EQ(parse("中国", "domain")->canonical, "xn--fiqs8s");
  EXPECT_EQ(parse("domain:test")->canonical, "test");
  EXPECT_THAT(parse("xn--fiqs8s.")->parts, testing::Contains(testing::Pair("unicode", "中国")));
  for (auto text : {"a b.test", "a..test", "a/b.test", "*.test", "a\\.b.test"})
    EXPECT_EQ(parse(text, "domain").error().code, Code::bad_syntax) << text;
}

TEST(Table, EveryRowIsWhole) {
  for (const auto& row : schemes()) {
    EXPECT_EQ(find_scheme(row.token), &row);
    EXPECT_FALSE(row.title.empty());
    EXPECT_TRUE(row.parse != nullptr && row.dns_name != nullptr && row.of_name != nullptr);
    EXPECT_TRUE(is_plain_label(row.token));
  }
  EXPECT_EQ(find_scheme("ark"), nullptr);
  EXPECT_EQ(parse("12345/x", "ark").error().code, Code::unsupported);
}

TEST(PlainLabel, IsAHarmlessOne) {
  for (auto text : {"a", "1", "a-b", "182", "x-a", "h-1-2", "ab-cd", "a--b"})
    EXPECT_TRUE(is_plain_label(text)) << text;
  for (auto text : {"", "-a", "a-", "A", "a_b", "ab--cd", "x--", "x--a", "y--a", "h--a", "xn--a", "é"})
    EXPECT_FALSE(is_plain_label(text)) << text;
  EXPECT_TRUE(is_plain_label(std::string(63, 'a')));
  EXPECT_FALSE(is_plain_label(std::string(64, 'a')));
}

}  // namespace
}  // namespace onoma::ident
