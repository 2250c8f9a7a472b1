// Frames of Ethernet with a UDP datagram, read and answered in place: what the kernel's network code does for
// a socket, for packets that never get there. Pure functions, any thread, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "os/address.h"

namespace onoma::os {

inline constexpr std::size_t kXdpHeaders4 = 14 + 20 + 8;
inline constexpr std::size_t kXdpHeaders6 = 14 + 40 + 8;

struct XdpPacket {
  ByteView payload;  // in the frame, kXdpHeaders4 or kXdpHeaders6 octets behind its start
  Endpoint peer;
  bool v6 = false;
};

// nullopt: a frame that xdp_filter() does not take, lengths that contradict each other, a wrong checksum, or
// addresses that nobody can have sent from (RFC 1122 §3.2.1.3, RFC 4291 §2.5 and §2.7). A UDP checksum that
// the sending side left to its hardware and that only covers the addresses is right: between virtual
// interfaces there is no hardware.
std::optional<XdpPacket> read_xdp_packet(ByteView frame) noexcept;

// Makes the frame that read_xdp_packet() took the answer to it: addresses and ports change sides, lengths and
// checksums are made anew, no fragment, a time to live of 64. The payload stands in the frame already, where
// the request's was. `id` is the IPv4 identification, which must not be easy to guess. Returns the frame's
// octets. REQUIRES: the frame has room for the headers and `payload` octets.
std::size_t turn_xdp_packet(MutableBytes frame, bool v6, std::size_t payload, std::uint16_t id) noexcept;

}  // namespace onoma::os
