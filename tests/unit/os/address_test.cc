#include "os/address.h"

#include <string>
#include <unordered_set>

#include <gtest/gtest.h>

namespace onoma::os {
namespace {

TEST(Endpoint, WhatIsParsedIsWrittenTheSameWay) {
  for (const char* text : {"127.0.0.1:5300", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:5300", "[::]:53",
                           "[2001:db8::53]:853", "[fe80::1%1]:53"}) {
    auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text << ": " << endpoint.error().message;
    EXPECT_EQ(endpoint->text(), text);
  }
  EXPECT_EQ(Endpoint::parse("[2001:DB8:0:0:0:0:0:53]:1")->text(), "[2001:db8::53]:1");
  EXPECT_EQ(Endpoint::parse("[fe80::1%lo]:53")->text(), "[fe80::1%1]:53");
}

TEST(Endpoint, EverythingElseIsRefusedWithTheFormExpected) {
  for (const char* text : {"",
                           ":",
                           "127.0.0.1",
                           "127.0.0.1:",
                           ":53",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1: 53",
                           "127.0.0.1:+53",
                           "127.1:53",
                           "127.0.0.1.2:53",
                           "localhost:53",
                           "::1:53",
                           "[::1]",
                           "[::1]53",
                           "[::1:53",
                           "[127.0.0.1]:53",
                           "[]:53",
                           "[fe80::1%]:53",
                           "[fe80::1%none9]:53",
                           "1.2.3.4:53 "}) {
    auto endpoint = Endpoint::parse(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_EQ(endpoint.error().code, Code::bad_syntax);
    EXPECT_NE(endpoint.error().message.find("127.0.0.1:5300"), std::string::npos) << endpoint.error().message;
  }
  EXPECT_FALSE(Endpoint::parse(std::string("127.0.0.1\0:53", 13)));
  EXPECT_FALSE(Endpoint::parse(std::string(100'000, '1') + ":53"));
  EXPECT_EQ(Endpoint::parse("\x1b[31m:1").error().message.find('\x1b'), std::string::npos);
}

TEST(Endpoint, PartsAndBytes) {
  const auto v4 = *Endpoint::parse("192.0.2.1:53");
  EXPECT_FALSE(v4.is_v6());
  EXPECT_EQ(v4.port(), 53);
  const std::uint8_t octets[] = {192, 0, 2, 1};
  EXPECT_TRUE(equal(v4.address_bytes(), octets));
  EXPECT_EQ(Endpoint::from_bytes(octets, 53), v4);
  EXPECT_EQ(v4.address_text(), "192.0.2.1");
  EXPECT_EQ(v4.with_port(54).text(), "192.0.2.1:54");

  const auto v6 = *Endpoint::parse("[2001:db8::1]:53");
  EXPECT_TRUE(v6.is_v6());
  EXPECT_EQ(v6.address_bytes().size(), 16U);
  EXPECT_EQ(Endpoint::from_bytes(v6.address_bytes(), 53), v6);
  EXPECT_EQ(Endpoint::from_sockaddr(v6.data(), v6.size()), v6);
  EXPECT_EQ(Endpoint::from_sockaddr(v6.data(), v6.size() - 1), std::nullopt);
  EXPECT_EQ(Endpoint::from_bytes(Bytes(5), 53), std::nullopt);
}

TEST(Endpoint, KindsOfAddress) {
  EXPECT_TRUE(Endpoint::parse("0.0.0.0:1")->is_wildcard());
  EXPECT_TRUE(Endpoint::parse("[::]:1")->is_wildcard());
  EXPECT_FALSE(Endpoint::parse("[::1]:1")->is_wildcard());
  EXPECT_TRUE(Endpoint::parse("127.9.9.9:1")->is_loopback());
  EXPECT_TRUE(Endpoint::parse("[::1]:1")->is_loopback());
  EXPECT_FALSE(Endpoint::parse("10.0.0.1:1")->is_loopback());
}

TEST(Endpoint, EqualityLooksAtEveryPart) {
  std::unordered_set<Endpoint> set;
  for (const char* text :
       {"1.2.3.4:5", "1.2.3.4:6", "1.2.3.5:5", "[::1.2.3.4]:5", "[fe80::1%1]:5", "[fe80::1%2]:5"})
    EXPECT_TRUE(set.insert(*Endpoint::parse(text)).second) << text;
  EXPECT_FALSE(set.insert(*Endpoint::parse("1.2.3.4:5")).second);
}

}  // namespace
}  // namespace onoma::os
