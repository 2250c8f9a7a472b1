// Percent-encoding, query strings, JSON strings and lists of tokens.
#include "front/rest/text.h"

#include <gtest/gtest.h>

namespace onoma::front {
namespace {

TEST(RestText, DecodesPercentOnce) {
  EXPECT_EQ(percent_decode("a%2Fb%20c"), "a/b c");
  EXPECT_EQ(percent_decode("%252F"), "%2F");
  EXPECT_EQ(percent_decode("%E6%B5%8B"), "测");
  EXPECT_EQ(percent_decode("10.1000/a+b"), "10.1000/a+b");
  for (const auto* bad : {"%", "%2", "%zz", "a%G0", "%ff", "%c0%af", "%ed%a0%80"})
    EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(RestText, EncodesWhatItDecodes) {
  for (const auto* text : {"10.1000/a b?c#d", "测试.测试", "100%", "a-b_c.d~e"})
    EXPECT_EQ(percent_decode(percent_encode(text)), text);
  EXPECT_EQ(percent_encode("a/b"), "a%2Fb");
}

TEST(RestText, ReadsQueries) {
  const auto query = parse_query("a=1&b&c=x%3Dy&&d=");
  ASSERT_TRUE(query);
  EXPECT_EQ(*query, (Query{{"a", "1"}, {"b", ""}, {"c", "x=y"}, {"d", ""}}));
  EXPECT_FALSE(parse_query("a=%f"));
  std::string many;
  for (int i = 0; i < 65; ++i) many += "a=1&";
  EXPECT_FALSE(parse_query(many));
}

TEST(RestText, QuotesForJson) {
  EXPECT_EQ(quoted("a\"b\\c\nd\x01"), R"("a\"b\\c\nd\u0001")");
  EXPECT_EQ(quoted("测"), "\"测\"");
  EXPECT_EQ(quoted("a\xff z"), "\"a\xef\xbf\xbd z\"");
}

TEST(RestText, FindsTokensInLists) {
  EXPECT_TRUE(has_token("text/html, application/json;q=0.9", "application/json"));
  EXPECT_TRUE(has_token("respond-async,WAIT=visible", "wait=visible"));
  EXPECT_FALSE(has_token("text/html", "text"));
  EXPECT_FALSE(has_token("", "a"));
}

}  // namespace
}  // namespace onoma::front
