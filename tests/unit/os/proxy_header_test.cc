#include "os/proxy_header.h"

#include <gtest/gtest.h>

#include "proxy_bytes.h"

namespace onoma::os {
namespace {

using test::endpoint;
using test::joined;
using test::proxied;
using test::proxy_header;

TEST(ProxyHeader, TellsForWhomAndWhereThePayloadBegins) {
  for (const bool stream : {false, true}) {
    const auto four =
        read_proxy_header(joined(proxied("192.0.2.7:5353", "198.51.100.1:53", stream), as_bytes("query")));
    ASSERT_TRUE(four);
    EXPECT_EQ(four->size, 28U);
    EXPECT_EQ(four->source, endpoint("192.0.2.7:5353"));
    const auto six = read_proxy_header(proxied("[2001:db8::7]:5353", "[2001:db8::1]:53", stream));
    ASSERT_TRUE(six);
    EXPECT_EQ(six->size, 52U);
    EXPECT_EQ(six->source, endpoint("[2001:db8::7]:5353"));
  }
}

TEST(ProxyHeader, AnIpv4AddressInIpv6FormIsAnIpv4Address) {
  const auto header = read_proxy_header(proxied("[::ffff:192.0.2.7]:9", "[::ffff:192.0.2.1]:53", false));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->source, endpoint("192.0.2.7:9"));
}

TEST(ProxyHeader, LocalAndUnknownFamiliesNameNobody) {
  const Bytes twelve(12, 1);
  const Bytes unix_names(216, 'x');
  const std::pair<Bytes, std::size_t> cases[] = {
      {proxy_header(0x20, 0x00, {}), 16},      // LOCAL
      {proxy_header(0x20, 0x11, twelve), 28},  // LOCAL with addresses that must be ignored
      {proxy_header(0x20, 0x11, {}), 16},      // LOCAL with a family and nothing behind it
      {proxy_header(0x21, 0x00, {}), 16},      // unknown to the proxy
      {proxy_header(0x21, 0x10, twelve), 28},  // an address without a transport
      {proxy_header(0x21, 0x31, unix_names), 232},
  };
  for (const auto& [octets, size] : cases) {
    const auto header = read_proxy_header(octets);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->size, size);
    EXPECT_FALSE(header->source);
  }
}

TEST(ProxyHeader, OptionsBehindTheAddressesArePassedOver) {
  Bytes rest(12, 1);
  append(rest, as_bytes(std::string_view("\x04\x00\x05other", 8)));
  const auto header = read_proxy_header(joined(proxy_header(0x21, 0x11, rest), as_bytes("query")));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->size, 36U);
  EXPECT_EQ(header->source, endpoint("1.1.1.1:257"));
}

TEST(ProxyHeader, EveryBeginningIsIncomplete) {
  const Bytes whole = proxied("[2001:db8::7]:5353", "[2001:db8::1]:53", true);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto header = read_proxy_header(ByteView(whole).first(size));
    ASSERT_FALSE(header) << size;
    EXPECT_EQ(header.error(), ProxyError::incomplete) << size;
  }
}

TEST(ProxyHeader, WhatCannotBecomeAHeaderIsMalformedAtOnce) {
  const Bytes twelve(12, 1);
  Bytes version_one = to_bytes("PROXY TCP4 192.0.2.7 192.0.2.1 1 53\r\n");
  Bytes wrong_end = proxied("192.0.2.7:1", "192.0.2.1:53", true);
  wrong_end[11] = '\r';
  const Bytes cases[] = {
      version_one,
      to_bytes("\r\n\r\n."),
      wrong_end,
      proxy_header(0x11, 0x11, twelve),  // version 1
      proxy_header(0x22, 0x11, twelve),  // unassigned command
      proxy_header(0x21, 0x41, twelve),  // unassigned family
      proxy_header(0x21, 0x13, twelve),  // unassigned transport
      proxy_header(0x21, 0x11, ByteView(twelve).first(11)),
      proxy_header(0x21, 0x21, Bytes(35, 1)),
      proxy_header(0x21, 0x31, Bytes(215, 1)),
      proxy_header(0x21, 0x11, Bytes(kProxyHeaderMax - 15, 1)),  // longer than is taken
  };
  for (const auto& octets : cases) {
    const auto header = read_proxy_header(octets);
    ASSERT_FALSE(header) << octets.size();
    EXPECT_EQ(header.error(), ProxyError::malformed) << octets.size();
  }
  EXPECT_TRUE(read_proxy_header(proxy_header(0x21, 0x11, Bytes(kProxyHeaderMax - 16, 1))));
}

}  // namespace
}  // namespace onoma::os
