#include "os/xdp_packet.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "frames.h"

namespace onoma::os {
namespace {

using test::endpoint;
using test::internet_checksum;
using test::udp_covered;
using test::udp_frame;

struct Family {
  const char* source;
  const char* destination;
  bool v6;
  std::size_t headers;
};
constexpr Family kFamilies[] = {
    {"192.0.2.7:5353", "198.51.100.1:53", false, kXdpHeaders4},
    {"[2001:db8::7]:5353", "[2001:db8::1]:53", true, kXdpHeaders6},
};

TEST(XdpPacket, ReadsWhatWasSent) {
  for (const auto& family : kFamilies)
    for (const std::string_view payload : {"", "x", "a query", "a longer query of an odd length"}) {
      Bytes frame = udp_frame(family.source, family.destination, as_bytes(payload));
      frame.resize(std::max<std::size_t>(frame.size(), 60));  // short frames are padded on the wire
      const auto packet = read_xdp_packet(frame);
      ASSERT_TRUE(packet) << payload;
      EXPECT_EQ(as_text(packet->payload), payload);
      EXPECT_EQ(packet->peer, endpoint(family.source));
      EXPECT_EQ(packet->v6, family.v6);
      EXPECT_EQ(packet->payload.data(), frame.data() + family.headers);
    }
}

TEST(XdpPacket, NoFlippedBitOfWhatIsCoveredGoesUnseen) {
  for (const auto& family : kFamilies) {
    const Bytes frame = udp_frame(family.source, family.destination, as_bytes("a query"));
    for (std::size_t at = 12; at < frame.size(); ++at) {
      // Not covered by any checksum: traffic class, flow and hop limit of IPv6.
      if (family.v6 && ((at >= 14 && at < 18) || at == 21)) continue;
      for (int bit = 0; bit < 8; ++bit) {
        Bytes damaged = frame;
        damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ 1 << bit);
        EXPECT_FALSE(read_xdp_packet(damaged)) << family.source << " octet " << at << " bit " << bit;
      }
    }
    for (std::size_t size = 0; size < frame.size(); ++size)
      EXPECT_FALSE(read_xdp_packet(ByteView(frame).first(size))) << size;
  }
}

TEST(XdpPacket, AChecksumMayBeAbsentInIpv4AndLeftToHardwareInBoth) {
  for (const auto& family : kFamilies) {
    Bytes frame = udp_frame(family.source, family.destination, as_bytes("a query"));
    const std::size_t checksum = family.headers - 2;
    store_u16(&frame[checksum], 0);
    EXPECT_EQ(read_xdp_packet(frame).has_value(), !family.v6);
    // Only the addresses, the protocol and the length are in it, and nothing is inverted.
    const Bytes covered = udp_covered(frame);
    const auto partial = internet_checksum(ByteView(covered).first(family.v6 ? 36 : 12));
    store_u16(&frame[checksum], static_cast<std::uint16_t>(~partial));
    EXPECT_TRUE(read_xdp_packet(frame));
  }
}

TEST(XdpPacket, NobodyCanHaveSentFromSomeAddresses) {
  for (const char* source : {"0.0.0.0:1", "0.1.2.3:1", "127.0.0.1:1", "224.0.0.1:1", "255.255.255.255:1"})
    EXPECT_FALSE(read_xdp_packet(udp_frame(source, "198.51.100.1:53", as_bytes("query")))) << source;
  for (const char* source : {"[::]:1", "[::1]:1", "[ff02::1]:1", "[::ffff:192.0.2.1]:1", "[::192.0.2.1]:1"})
    EXPECT_FALSE(read_xdp_packet(udp_frame(source, "[2001:db8::1]:53", as_bytes("query")))) << source;
  EXPECT_TRUE(read_xdp_packet(udp_frame("[fe80::7]:1", "[fe80::1]:53", as_bytes("query"))));
}

TEST(XdpPacket, FramesForManyAreNotAnswered) {
  Bytes frame = udp_frame("192.0.2.7:5353", "198.51.100.1:53", as_bytes("query"));
  frame[0] |= 1;
  EXPECT_FALSE(read_xdp_packet(frame));
}

TEST(XdpPacket, TheAnswerGoesBackWithRightLengthsAndChecksums) {
  SeededRng rng(7);
  for (const auto& family : kFamilies)
    for (std::size_t size = 0; size < 1400; size += 1 + size / 3) {
      Bytes frame = udp_frame(family.source, family.destination, as_bytes("a query"));
      const Bytes request = frame;
      frame.resize(family.headers + std::max<std::size_t>(size, 7));
      rng.fill(MutableBytes(frame).subspan(family.headers));
      const Bytes payload(frame.begin() + static_cast<std::ptrdiff_t>(family.headers),
                          frame.begin() + static_cast<std::ptrdiff_t>(family.headers + size));
      const std::size_t octets = turn_xdp_packet(frame, family.v6, size, 0x1234);
      ASSERT_EQ(octets, family.headers + size);
      frame.resize(octets);
      const auto packet = read_xdp_packet(frame);
      ASSERT_TRUE(packet) << size;
      EXPECT_TRUE(equal(packet->payload, payload));
      EXPECT_EQ(packet->peer, endpoint(family.destination));
      EXPECT_EQ(load_u16(&frame[family.headers - 6]), endpoint(family.source).port());
      EXPECT_TRUE(equal(ByteView(frame).first(6), ByteView(request).subspan(6, 6)));
      EXPECT_TRUE(equal(ByteView(frame).subspan(6, 6), ByteView(request).first(6)));
      EXPECT_EQ(internet_checksum(udp_covered(frame)), 0);
      EXPECT_NE(load_u16(&frame[family.headers - 2]), 0) << "0 would mean that there is none";
      if (family.v6) {
        EXPECT_EQ(load_u32(&frame[14]), 0x6000'0000U);
        EXPECT_EQ(frame[21], 64);
      } else {
        EXPECT_EQ(internet_checksum(ByteView(frame).subspan(14, 20)), 0);
        EXPECT_EQ(load_u16(&frame[18]), 0x1234);
        EXPECT_EQ(load_u16(&frame[20]), 0) << "may be fragmented on its way";
        EXPECT_EQ(frame[22], 64);
      }
    }
}

}  // namespace
}  // namespace onoma::os
