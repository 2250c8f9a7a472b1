#include "os/prefix.h"

#include <gtest/gtest.h>

#include "client.h"

namespace onoma::os {
namespace {

Prefix prefix(std::string_view text) {
  auto parsed = Prefix::parse(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message);
  return parsed.value_or(Prefix());
}

bool contains(std::string_view network, std::string_view address) {
  return prefix(network).contains(test::endpoint(address).address_bytes());
}

TEST(Prefix, ContainsWhatItsBitsSay) {
  EXPECT_TRUE(contains("192.0.2.0/24", "192.0.2.255:0"));
  EXPECT_FALSE(contains("192.0.2.0/24", "192.0.3.0:0"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.128:0"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127:0"));
  EXPECT_TRUE(contains("0.0.0.0/0", "255.255.255.255:0"));
  EXPECT_TRUE(contains("192.0.2.1", "192.0.2.1:0"));
  EXPECT_FALSE(contains("192.0.2.1", "192.0.2.2:0"));
  EXPECT_TRUE(contains("2001:db8::/33", "[2001:db8:7fff::1]:0"));
  EXPECT_FALSE(contains("2001:db8::/33", "[2001:db8:8000::1]:0"));
  EXPECT_TRUE(contains("::1", "[::1]:0"));
}

TEST(Prefix, FamiliesNeverMix) {
  EXPECT_FALSE(contains("0.0.0.0/0", "[::1]:0"));
  EXPECT_FALSE(contains("::/0", "127.0.0.1:0"));
}

TEST(Prefix, ItsTextGivesItBack) {
  for (const char* text : {"192.0.2.0/24", "0.0.0.0/0", "10.0.0.1/32", "2001:db8::/32", "::/0", "::1/128"})
    EXPECT_EQ(prefix(text).text(), text);
  EXPECT_EQ(prefix("10.0.0.1").text(), "10.0.0.1/32");
}

TEST(Prefix, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"192.0.2.1/24", "bits behind the first 24 are set"},
      {"2001:db8::1/64", "bits behind the first 64 are set"},
      {"192.0.2.0/33", "from 0 to 32"},
      {"2001:db8::/129", "from 0 to 128"},
      {"192.0.2.0/", "from 0 to 32"},
      {"192.0.2.0/x", "from 0 to 32"},
      {"192.0.2.0/-1", "from 0 to 32"},
      {"localhost", "no address"},
      {"192.0.2/24", "no address"},
      {"fe80::1%1", "no address"},
      {"", "no address"},
      {"/8", "no address"},
  };
  for (const auto& [text, why] : cases) {
    const auto parsed = Prefix::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::bad_syntax);
    EXPECT_NE(parsed.error().message.find(why), std::string::npos) << parsed.error().message;
  }
}

TEST(Prefix, AroundCutsTheRest) {
  const auto address = test::endpoint("192.0.2.200:0");
  EXPECT_EQ(Prefix::around(address.address_bytes(), 26)->text(), "192.0.2.192/26");
  EXPECT_FALSE(Prefix::around(address.address_bytes(), 33));
  EXPECT_FALSE(Prefix::around(address.address_bytes().first(3), 8));
}

TEST(PrefixList, OneOfThemIsEnough) {
  const auto list = PrefixList::parse({"192.0.2.0/24", "2001:db8::/32"});
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->contains(test::endpoint("192.0.2.9:0").address_bytes()));
  EXPECT_TRUE(list->contains(test::endpoint("[2001:db8::9]:0").address_bytes()));
  EXPECT_FALSE(list->contains(test::endpoint("127.0.0.1:0").address_bytes()));
  EXPECT_FALSE(PrefixList().contains(test::endpoint("127.0.0.1:0").address_bytes()));
  EXPECT_FALSE(PrefixList::parse({"192.0.2.0/24", "nonsense"}));
}

}  // namespace
}  // namespace onoma::os
