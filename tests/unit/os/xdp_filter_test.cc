// The filter's instructions, carried out by a small interpreter, against the rule in plain words.
#include "os/xdp_filter.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "frames.h"
#include "os/xdp_server.h"

namespace onoma::os {
namespace {

using test::endpoint;
using test::udp_frame;

constexpr int kMap = 77;
enum class Verdict { pass, taken, broken };

// Knows the instructions that xdp_filter() uses, and refuses to read outside the frame, as the kernel would
// have refused to load such a program. Addresses: the context is at kContextAt, the frame at kFrameAt.
class Machine {
 public:
  static constexpr std::uint64_t kContextAt = 0x1000, kFrameAt = 0x10000;
  explicit Machine(ByteView frame) : frame_(frame) { registers_[1] = kContextAt; }

  Verdict run(const std::vector<XdpInstruction>& program) {
    for (std::size_t at = 0, steps = 0; at < program.size() && steps < 10'000; ++at, ++steps) {
      const auto& in = program[at];
      std::uint64_t& to = registers_[in.registers & 15];
      const std::uint64_t from = registers_[in.registers >> 4];
      const auto wide = static_cast<std::uint64_t>(static_cast<std::int64_t>(in.value));
      const auto narrow = static_cast<std::uint32_t>(in.value);
      bool jump = false;
      switch (in.code) {
        case 0x61:  // 32, 16, 8 bits from memory
        case 0x69:
        case 0x71: {
          const auto read = load(from + static_cast<std::uint64_t>(static_cast<std::int64_t>(in.offset)),
                                 in.code == 0x61   ? 4
                                 : in.code == 0x69 ? 2
                                                   : 1);
          if (!read) return Verdict::broken;
          to = *read;
          break;
        }
        case 0xb7:
          to = wide;
          break;
        case 0xbf:
          to = from;
          break;
        case 0x07:
          to += wide;
          break;
        case 0x54:
          to = static_cast<std::uint32_t>(to) & narrow;
          break;
        case 0x05:
          jump = true;
          break;
        case 0x16:
          jump = static_cast<std::uint32_t>(to) == narrow;
          break;
        case 0x56:
          jump = static_cast<std::uint32_t>(to) != narrow;
          break;
        case 0x2d:
          jump = to > from;
          break;
        case 0x18:
          to = narrow;
          ++at;
          break;
        case 0x85:  // redirect_map(map, queue, otherwise)
          return in.value == 51 && registers_[1] == kMap && registers_[2] == 5 && registers_[3] == 2
                     ? Verdict::taken
                     : Verdict::broken;
        case 0x95:
          return registers_[0] == 2 ? Verdict::pass : Verdict::broken;
        default:
          return Verdict::broken;
      }
      if (jump) at += static_cast<std::size_t>(static_cast<std::ptrdiff_t>(in.offset));
    }
    return Verdict::broken;
  }

 private:
  std::optional<std::uint64_t> load(std::uint64_t at, std::size_t size) const {
    if (at == kContextAt && size == 4) return kFrameAt;
    if (at == kContextAt + 4 && size == 4) return kFrameAt + frame_.size();
    if (at == kContextAt + 16 && size == 4) return 5;  // the queue
    if (at < kFrameAt || at + size > kFrameAt + frame_.size()) return std::nullopt;
    std::uint64_t out = 0;
    std::memcpy(&out, frame_.data() + (at - kFrameAt), size);  // as the machine orders octets
    return out;
  }
  ByteView frame_;
  std::array<std::uint64_t, 16> registers_{};
};

const std::vector<Endpoint> kOurs = {endpoint("198.51.100.1:53"), endpoint("198.51.100.2:5300"),
                                     endpoint("[2001:db8::1]:53"), endpoint("[2001:db8::2]:5300")};

Verdict verdict(ByteView frame) {
  return Machine(frame).run(xdp_filter(kOurs, kMap));
}

// What the header of xdp_filter() says.
bool ours(ByteView frame) {
  if (frame.size() < 42 || frame.size() > kXdpFrameMax) return false;
  const auto type = load_u16(&frame[12]);
  std::optional<Endpoint> to;
  if (type == 0x0800 && frame[14] == 0x45 && frame[23] == 17 && (load_u16(&frame[20]) & 0x3fff) == 0)
    to = Endpoint::from_bytes(frame.subspan(30, 4), load_u16(&frame[36]));
  if (type == 0x86dd && frame.size() >= 62 && frame[14] >> 4 == 6 && frame[20] == 17)
    to = Endpoint::from_bytes(frame.subspan(38, 16), load_u16(&frame[56]));
  return to && std::ranges::find(kOurs, *to) != kOurs.end();
}

TEST(XdpFilter, TakesUdpToItsEndpointsOnly) {
  const Bytes query(30, 'q');
  for (const char* to : {"198.51.100.1:53", "198.51.100.2:5300"})
    EXPECT_EQ(verdict(udp_frame("192.0.2.7:1", to, query)), Verdict::taken) << to;
  for (const char* to : {"[2001:db8::1]:53", "[2001:db8::2]:5300"})
    EXPECT_EQ(verdict(udp_frame("[2001:db8::7]:1", to, query)), Verdict::taken) << to;
  // Each has a part that is right: the address, the port, the first words.
  for (const char* to : {"198.51.100.1:5300", "198.51.100.2:53", "198.51.100.3:53", "198.51.100.1:54"})
    EXPECT_EQ(verdict(udp_frame("192.0.2.7:1", to, query)), Verdict::pass) << to;
  for (const char* to :
       {"[2001:db8::1]:5300", "[2001:db8::3]:53", "[2001:db9::1]:53", "[2001:db8:0:1::1]:53"})
    EXPECT_EQ(verdict(udp_frame("[2001:db8::7]:1", to, query)), Verdict::pass) << to;
}

TEST(XdpFilter, LeavesEverythingUnusualToTheKernel) {
  const Bytes four = udp_frame("192.0.2.7:1", "198.51.100.1:53", Bytes(30, 'q'));
  const Bytes six = udp_frame("[2001:db8::7]:1", "[2001:db8::1]:53", Bytes(30, 'q'));
  const auto with = [](Bytes frame, std::size_t at, std::uint8_t octet) {
    frame[at] = octet;
    return frame;
  };
  EXPECT_EQ(verdict(with(four, 14, 0x46)), Verdict::pass) << "options";
  EXPECT_EQ(verdict(with(four, 20, 0x20)), Verdict::pass) << "a first fragment";
  EXPECT_EQ(verdict(with(four, 21, 0x01)), Verdict::pass) << "a later fragment";
  EXPECT_EQ(verdict(with(four, 20, 0x00)), Verdict::taken) << "may be fragmented, but is not";
  EXPECT_EQ(verdict(with(four, 23, 6)), Verdict::pass) << "TCP";
  EXPECT_EQ(verdict(with(four, 23, 1)), Verdict::pass) << "ICMP";
  EXPECT_EQ(verdict(with(four, 12, 0x81)), Verdict::pass) << "a VLAN";
  EXPECT_EQ(verdict(with(six, 20, 6)), Verdict::pass) << "TCP";
  EXPECT_EQ(verdict(with(six, 20, 44)), Verdict::pass) << "a fragment";
  EXPECT_EQ(verdict(with(six, 20, 0)), Verdict::pass) << "extension headers";
  EXPECT_EQ(verdict(with(six, 14, 0x40)), Verdict::pass) << "no IPv6";
  EXPECT_EQ(verdict(udp_frame("192.0.2.7:1", "198.51.100.1:53", Bytes(kXdpFrameMax - 42, 'q'))),
            Verdict::taken);
  EXPECT_EQ(verdict(udp_frame("192.0.2.7:1", "198.51.100.1:53", Bytes(kXdpFrameMax - 41, 'q'))),
            Verdict::pass)
      << "too long";
}

TEST(XdpFilter, AgreesWithTheRuleOnAnyFrameAndNeverReadsOutside) {
  SeededRng rng(1);
  const auto below = [&rng](std::size_t bound) { return static_cast<std::size_t>(rng.u64() % bound); };
  const Bytes seeds[] = {udp_frame("192.0.2.7:1", "198.51.100.2:5300", Bytes(4, 'q')),
                         udp_frame("[2001:db8::7]:1", "[2001:db8::2]:5300", Bytes(4, 'q'))};
  std::size_t taken = 0;
  const auto program = xdp_filter(kOurs, kMap);
  for (int i = 0; i < 20'000; ++i) {
    Bytes frame = seeds[below(2)];
    if (below(2) == 0) frame.resize(below(frame.size() + 1));
    if (!frame.empty())
      for (std::size_t changes = below(3); changes > 0; --changes)
        frame[below(frame.size())] = static_cast<std::uint8_t>(rng.u64());
    const auto got = Machine(frame).run(program);
    ASSERT_EQ(got, ours(frame) ? Verdict::taken : Verdict::pass) << i;
    if (got == Verdict::taken) ++taken;
  }
  EXPECT_GT(taken, 2'000U);
  EXPECT_LT(taken, 18'000U);
}

TEST(XdpFilter, HoldsItsLargestListAndNone) {
  std::vector<Endpoint> many;
  for (std::size_t i = 0; i < kXdpEndpointsMax; ++i)
    many.push_back(endpoint(fmt::format("[2001:db8::{:x}]:53", i + 1)));
  const Bytes last = udp_frame("[2001:db8::7]:1", "[2001:db8::100]:53", Bytes(4, 'q'));
  EXPECT_EQ(Machine(last).run(xdp_filter(many, kMap)), Verdict::taken);
  EXPECT_EQ(Machine(last).run(xdp_filter({}, kMap)), Verdict::pass);
}

TEST(XdpPlace, IsAnInterfaceAndPerhapsAQueue) {
  const auto all = XdpPlace::parse("eth0");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->interface, "eth0");
  EXPECT_EQ(all->queue, -1);
  const auto one = XdpPlace::parse("enp1s0f0np0:12");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->interface, "enp1s0f0np0");
  EXPECT_EQ(one->queue, 12);
  for (const char* text :
       {"", ":1", "eth0:", "eth0:x", "eth0:-1", "eth0:256", "eth0:1 ", "a/b", "a b", "a-name-of-sixteen"})
    EXPECT_FALSE(XdpPlace::parse(text)) << text;
}

class Nobody final : public DatagramHandler {
 public:
  void handle(std::span<const Datagram>, ReplyArena&) noexcept override {}
};

TEST(XdpServer, WhatCannotBeOpenedSaysWhy) {
  Nobody nobody;
  const auto none = XdpServer::open(
      {.place = {.interface = "no-such-thing"}, .listen = kOurs, .proxy_from = {}, .cpus = {}},
      [&]() -> DatagramHandler& { return nobody; });
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "there is no such network interface");
  const auto loopback = XdpServer::open({.place = {.interface = "lo"},
                                         .listen = {endpoint("127.0.0.1:53"), endpoint("[::1]:53")},
                                         .proxy_from = {},
                                         .cpus = {}},
                                        [&]() -> DatagramHandler& { return nobody; });
  ASSERT_FALSE(loopback);
  EXPECT_NE(loopback.error().message.find("no address that packets from outside can have"),
            std::string::npos);
}

}  // namespace
}  // namespace onoma::os
