// Names under the registration rules of IDNA2008, with the known traps of libraries, and the lenient reading.
#include "ident/idn.h"

#include <gtest/gtest.h>

#include "ident/punycode.h"

namespace onoma::ident {
namespace {

std::string registered(std::string_view text) {
  auto read = idn_register(text);
  return read ? read->ascii.text() : "refused";
}
std::string looked_up(std::string_view text) {
  auto read = idn_lookup(text);
  return read ? read->ascii.text() : "refused";
}

struct Row {
  std::string_view input, ascii;
};

class Registered : public testing::TestWithParam<Row> {};
TEST_P(Registered, ToThisALabel) {
  const auto& [input, ascii] = GetParam();
  auto read = idn_register(input);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->ascii.text(), std::string(ascii) + ".");
  EXPECT_EQ(read->unicode, input);
  // The A-label alone registers the same name.
  auto again = idn_register(ascii);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->unicode, input);
  EXPECT_EQ(again->ascii, read->ascii);
  EXPECT_EQ(idn_display(read->ascii), input);
}
INSTANTIATE_TEST_SUITE_P(Table, Registered,
                         testing::Values(Row{"中国", "xn--fiqs8s"}, Row{"中國", "xn--fiqz9s"},
                                         Row{"straße", "xn--strae-oqa"}, Row{"faß", "xn--fa-hia"},
                                         Row{"l·l", "xn--ll-0ea"}, Row{"カ・タ", "xn--lckxb3k"},
                                         Row{"〇", "xn--w6j"}, Row{"例子.中国", "xn--fsqu00a.xn--fiqs8s"},
                                         Row{"faß.de", "xn--fa-hia.de"},
                                         Row{"工业.标识.中国", "xn--vhqv89a.xn--iwvr90f.xn--fiqs8s"},
                                         Row{"测试", "xn--0zwm56d"},
                                         Row{"بازار.قطر", "xn--mgbab2bd.xn--wgbl6a"}));

class Refused : public testing::TestWithParam<std::string_view> {};
TEST_P(Refused, WithASentence) {
  auto read = idn_register(GetParam());
  ASSERT_FALSE(read) << read->ascii.text();
  EXPECT_EQ(read.error().code, Code::bad_syntax);
  EXPECT_GT(read.error().message.size(), 20U) << read.error().message;
}
INSTANTIATE_TEST_SUITE_P(Table, Refused,
                         testing::Values("Straße",    // upper case in a U-label
                                         "ａbc",      // full-width: disallowed
                                         "㍿",        // compatibility square: disallowed
                                         "国·国",     // middle dot outside l·l
                                         "・",        // katakana dot alone
                                         "a\u200Cb",  // joiner without its context
                                         "١٢",        // Arabic-Indic digits alone break the bidi rule
                                         "xn--zzzzzz99", "ab--cd", "-ab", "abc-",
                                         "xx--abc",  // ASCII that libidn2 lets through
                                         "xn--", "xn---", "xn--a", "xn--abc-", "xn--strasse-", "-中国",
                                         "中国-", "中国--a", "xn--fiqs8s1", "xn--53h", "☃", "e\u0301",
                                         "\u0301e", "a_b.test", "a b", "a..b", ".test", "", "..", "*.test",
                                         "a\\.b", "中国。test", "1a.بازار", "\xC0\x80", "a\x01"));

TEST(IdnRegister, FoldsAscii) {
  EXPECT_EQ(registered("ExAmPlE.TEST."), "example.test.");
  EXPECT_EQ(registered("xn--FIQS8S"), "xn--fiqs8s.");
  EXPECT_EQ(registered("XN--fiqs8s"), "xn--fiqs8s.");
  EXPECT_EQ(idn_register("XN--FIQS8S")->unicode, "中国");
  EXPECT_EQ(idn_register("Example.TEST")->unicode, "example.test");
}

TEST(IdnRegister, KeepsToTheSizesOfTheDns) {
  const std::string label(63, 'a');
  EXPECT_EQ(registered(label), label + ".");
  EXPECT_EQ(registered(label + "a"), "refused");
  const auto three = label + "." + label + "." + label + ".";
  EXPECT_EQ(registered(three + std::string(61, 'b')), three + std::string(61, 'b') + ".");
  EXPECT_EQ(registered(three + std::string(62, 'b')), "refused");
  std::string wide;
  for (int i = 0; i < 20; ++i) wide += "中";
  EXPECT_TRUE(registered(wide).starts_with("xn--"));
  EXPECT_EQ(registered(wide + wide + wide), "refused");
  EXPECT_EQ(registered(std::string(5000, 'a')), "refused");
}

TEST(IdnRegister, TheRoot) {
  EXPECT_EQ(registered("."), ".");
  EXPECT_EQ(idn_register(".")->unicode, ".");
}

TEST(IdnHost, IsAsStrict) {
  EXPECT_TRUE(idn_host("ns1.例子.中国"));
  EXPECT_FALSE(idn_host("_ns.example"));
}

TEST(IdnLookup, MapsWhatPeopleType) {
  EXPECT_EQ(looked_up("Straße.DE"), "xn--strae-oqa.de.");
  EXPECT_EQ(looked_up("ａbc.example"), "abc.example.");
  EXPECT_EQ(looked_up("例子。中国"), "xn--fsqu00a.xn--fiqs8s.");
  EXPECT_EQ(looked_up("Faß.de"), "xn--fa-hia.de.");
}

TEST(IdnLookup, KeepsWhatTheDnsPermits) {
  EXPECT_EQ(looked_up("_Agents.Example.test"), "_agents.example.test.");
  EXPECT_EQ(looked_up("ab--cd.test"), "ab--cd.test.");
  EXPECT_EQ(looked_up("xn--zzzzzz99.test"), "xn--zzzzzz99.test.");
  EXPECT_EQ(looked_up("*.test"), "*.test.");
  EXPECT_EQ(looked_up("a\\.b.test"), "a\\.b.test.");
  EXPECT_EQ(idn_lookup("xn--zzzzzz99.test")->unicode, "xn--zzzzzz99.test");
}

TEST(IdnLookup, RefusesWhatIsNoName) {
  for (auto text : {"", "a..b", "@", "a b", "＠"}) EXPECT_EQ(looked_up(text), "refused") << text;
}

TEST(IdnDisplay, ShowsOnlyTrueULabels) {
  const auto name = wire::Name::parse("XN--FIQS8S.xn--zzzzzz99.a\\.b.");
  EXPECT_EQ(idn_display(*name), "中国.xn--zzzzzz99.a\\.b");
  EXPECT_EQ(idn_display(wire::NameView{}), ".");
}

TEST(Punycode, DecodesTheSamplesOfItsRfc) {
  EXPECT_EQ(punycode_decode("ihqwcrb4cv8a8dqg056pqjye"), "他们为什么不说中文");
  EXPECT_EQ(punycode_decode("proprostnemluvesky-uyb24dma41a"), "pročprostěnemluvíčesky");
  EXPECT_EQ(punycode_decode("de-jg4avhby1noc0d"), "パフィーdeルンバ");
}

TEST(Punycode, RefusesDamage) {
  for (auto text : {"", "a!", "99999999", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "é", "abcA9"})
    EXPECT_FALSE(punycode_decode(text)) << text;
  EXPECT_FALSE(punycode_decode(std::string(60, 'a')));
}

}  // namespace
}  // namespace onoma::ident
