// Ethernet frames with UDP for tests, made from their parts by the definitions.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "client.h"

namespace onoma::test {

// The checksum of RFC 1071, one 16-bit word after the other.
inline std::uint16_t internet_checksum(ByteView octets) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < octets.size(); i += 2)
    sum += static_cast<std::uint32_t>(octets[i] << 8 | (i + 1 < octets.size() ? octets[i + 1] : 0));
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// What the UDP checksum of a frame covers, with the checksum as it stands there: its checksum is 0 if all is
// right.
inline Bytes udp_covered(ByteView frame) {
  const bool v6 = load_u16(&frame[12]) == 0x86dd;
  const std::size_t udp = v6 ? 54 : 34;
  const std::size_t length = load_u16(&frame[udp + 4]);
  Bytes out;
  ByteWriter writer(out);
  writer.bytes(frame.subspan(v6 ? 22 : 26, v6 ? 32 : 8));
  writer.u16(17);
  writer.u16(static_cast<std::uint16_t>(length));
  writer.bytes(frame.subspan(udp, length));
  return out;
}

inline Bytes udp_frame(std::string_view source, std::string_view destination, ByteView payload) {
  const auto from = endpoint(source), to = endpoint(destination);
  Bytes out;
  ByteWriter writer(out);
  writer.bytes(as_bytes("\x02SERV"));
  writer.u8(1);
  writer.bytes(as_bytes("\x02PEER"));
  writer.u8(2);
  const auto udp_length = static_cast<std::uint16_t>(payload.size() + 8);
  if (from.is_v6()) {
    writer.u16(0x86dd);
    writer.u32(0x6001'2345);
    writer.u16(udp_length);
    writer.u8(17);
    writer.u8(61);
  } else {
    writer.u16(0x0800);
    writer.u16(0x4500);
    writer.u16(static_cast<std::uint16_t>(udp_length + 20));
    writer.u32(0xbeef'4000);
    writer.u16(61 << 8 | 17);
    writer.u16(0);
  }
  writer.bytes(from.address_bytes());
  writer.bytes(to.address_bytes());
  if (!from.is_v6()) store_u16(&out[24], internet_checksum(ByteView(out).subspan(14, 20)));
  const std::size_t udp = out.size();
  writer.u16(from.port());
  writer.u16(to.port());
  writer.u16(udp_length);
  writer.u16(0);
  writer.bytes(payload);
  const auto checksum = internet_checksum(udp_covered(out));
  store_u16(&out[udp + 6], checksum == 0 ? std::uint16_t{0xffff} : checksum);
  return out;
}

}  // namespace onoma::test
