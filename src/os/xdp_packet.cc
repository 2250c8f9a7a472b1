#include "os/xdp_packet.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace onoma::os {
namespace {

constexpr std::size_t kIp = 14;
constexpr std::size_t kUdp4 = kIp + 20, kUdp6 = kIp + 40;
constexpr std::uint8_t kUdpProtocol = 17;
constexpr std::uint8_t kTimeToLive = 64;

// The sum of RFC 1071 in the machine's own byte order, which comes out right in any.
std::uint64_t sum(ByteView octets, std::uint64_t so_far) noexcept {
  const std::uint8_t* at = octets.data();
  std::size_t left = octets.size();
  for (; left >= 4; at += 4, left -= 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, 4);
    so_far += word;
  }
  std::uint32_t rest = 0;
  if (left > 0) std::memcpy(&rest, at, left);
  return so_far + rest;
}

std::uint16_t folded(std::uint64_t value) noexcept {
  while (value >> 16 != 0) value = (value & 0xffff) + (value >> 16);
  return static_cast<std::uint16_t>(value);
}

std::uint16_t raw_u16(const std::uint8_t* at) noexcept {
  std::uint16_t word = 0;
  std::memcpy(&word, at, 2);
  return word;
}
void store_raw(std::uint8_t* at, std::uint16_t word) noexcept {
  std::memcpy(at, &word, 2);
}

// Both addresses, the protocol and the length of the UDP part: what its checksum covers besides itself.
std::uint64_t pseudo_sum(ByteView addresses, std::size_t length) noexcept {
  const std::uint8_t rest[4] = {0, kUdpProtocol, static_cast<std::uint8_t>(length >> 8),
                                static_cast<std::uint8_t>(length)};
  return sum(rest, sum(addresses, 0));
}

bool checksum_holds(ByteView addresses, ByteView udp, bool v6) noexcept {
  const std::uint16_t given = raw_u16(&udp[6]);
  if (given == 0) return !v6;  // IPv4 may leave it out, IPv6 may not (RFC 8200 §8.1)
  const std::uint64_t pseudo = pseudo_sum(addresses, udp.size());
  return folded(sum(udp, pseudo)) == 0xffff || given == folded(pseudo);
}

bool possible_source4(const std::uint8_t* address) noexcept {
  return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

bool possible_source6(const std::uint8_t* address) noexcept {
  // ::/96 holds the unspecified and the loopback address, ::ffff:0:0/96 is no address on the wire.
  const bool low = std::all_of(address, address + 10, [](std::uint8_t octet) { return octet == 0; }) &&
                   (load_u16(address + 10) == 0 || load_u16(address + 10) == 0xffff);
  return !low && address[0] != 0xff;
}

std::optional<XdpPacket> finish(ByteView udp, ByteView addresses, bool v6) noexcept {
  if (udp.size() < 8) return std::nullopt;
  const std::size_t length = load_u16(&udp[4]);
  if (length < 8 || length > udp.size()) return std::nullopt;
  udp = udp.first(length);
  if (!checksum_holds(addresses, udp, v6)) return std::nullopt;
  const auto peer = Endpoint::from_bytes(addresses.first(addresses.size() / 2), load_u16(udp.data()));
  return XdpPacket{.payload = udp.subspan(8), .peer = *peer, .v6 = v6};
}

}  // namespace

std::optional<XdpPacket> read_xdp_packet(ByteView frame) noexcept {
  // Whoever sends an IP packet for one host in a frame for many does not mean us to answer.
  if (frame.size() < kXdpHeaders4 || ((frame[0] | frame[6]) & 1) != 0) return std::nullopt;
  const std::uint8_t* const ip = &frame[kIp];
  const std::uint16_t ether_type = load_u16(&frame[12]);
  if (ether_type == 0x0800) {
    const std::size_t total = load_u16(ip + 2);
    if (ip[0] != 0x45 || ip[9] != kUdpProtocol || (load_u16(ip + 6) & 0x3fff) != 0) return std::nullopt;
    if (total < 28 || total > frame.size() - kIp || folded(sum({ip, 20}, 0)) != 0xffff) return std::nullopt;
    if (!possible_source4(ip + 12)) return std::nullopt;
    return finish(frame.subspan(kUdp4, total - 20), {ip + 12, 8}, false);
  }
  if (ether_type != 0x86dd || frame.size() < kXdpHeaders6) return std::nullopt;
  const std::size_t length = load_u16(ip + 4);
  if (ip[0] >> 4 != 6 || ip[6] != kUdpProtocol || length > frame.size() - kUdp6) return std::nullopt;
  if (!possible_source6(ip + 8)) return std::nullopt;
  return finish(frame.subspan(kUdp6, length), {ip + 8, 32}, true);
}

std::size_t turn_xdp_packet(MutableBytes frame, bool v6, std::size_t payload, std::uint16_t id) noexcept {
  const std::size_t headers = v6 ? kXdpHeaders6 : kXdpHeaders4;
  const std::size_t octets = headers + payload;
  CHECK(octets <= frame.size());
  std::swap_ranges(&frame[0], &frame[6], &frame[6]);
  std::uint8_t* const ip = &frame[kIp];
  const std::size_t address = v6 ? 16 : 4;
  std::uint8_t* const addresses = ip + (v6 ? 8 : 12);
  std::swap_ranges(addresses, addresses + address, addresses + address);
  if (v6) {
    store_u32(ip, 0x6000'0000);  // no traffic class, no flow
    store_u16(ip + 4, static_cast<std::uint16_t>(payload + 8));
    ip[7] = kTimeToLive;
  } else {
    ip[1] = 0;
    store_u16(ip + 2, static_cast<std::uint16_t>(octets - kIp));
    store_u16(ip + 4, id);
    store_u16(ip + 6, 0);
    ip[8] = kTimeToLive;
    store_u16(ip + 10, 0);
    store_raw(ip + 10, static_cast<std::uint16_t>(~folded(sum({ip, 20}, 0))));
  }
  std::uint8_t* const udp = &frame[headers - 8];
  std::swap_ranges(udp, udp + 2, udp + 2);
  store_u16(udp + 4, static_cast<std::uint16_t>(payload + 8));
  store_u16(udp + 6, 0);
  const std::uint64_t pseudo = pseudo_sum({addresses, 2 * address}, payload + 8);
  const auto checksum = static_cast<std::uint16_t>(~folded(sum({udp, payload + 8}, pseudo)));
  store_raw(udp + 6, checksum == 0 ? std::uint16_t{0xffff} : checksum);  // 0 would mean "none"
  return octets;
}

}  // namespace onoma::os
