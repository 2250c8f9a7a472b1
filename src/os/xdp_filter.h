// The program that the kernel runs for each packet of an interface (XDP): what is plainly a UDP request to
// one of our addresses goes to our ring, everything else on its usual way. Made as instructions, without a
// compiler. A pure function, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "os/address.h"

namespace onoma::os {

// One BPF instruction as the kernel lays it out (RFC 9669 §3).
struct XdpInstruction {
  std::uint8_t code;
  std::uint8_t registers;  // destination in the lower half, source in the upper
  std::int16_t offset;
  std::int32_t value;
};
static_assert(sizeof(XdpInstruction) == 8);

inline constexpr std::size_t kXdpEndpointsMax = 256;
// Longer frames go to the kernel: a frame must fit into one piece of the shared memory.
inline constexpr std::size_t kXdpFrameMax = 1792;

// Taken: frames of Ethernet without VLAN tags, up to kXdpFrameMax octets, with IPv4 without options and not a
// fragment or IPv6 without extension headers, with UDP to exactly one of `endpoints` (none a wildcard, at
// most kXdpEndpointsMax). `map` is the XSKMAP of rings by queue; a queue without a ring leaves the packet to
// the kernel. Nothing is checked here that the receiver can check.
std::vector<XdpInstruction> xdp_filter(std::span<const Endpoint> endpoints, int map);

}  // namespace onoma::os
