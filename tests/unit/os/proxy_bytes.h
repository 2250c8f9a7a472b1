// PROXY version 2 headers for tests, made from their parts.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "client.h"

namespace onoma::test {

inline Bytes proxy_header(std::uint8_t version_and_command, std::uint8_t family_and_transport,
                          ByteView rest) {
  Bytes out = to_bytes(std::string_view("\r\n\r\n\0\r\nQUIT\n", 12));
  ByteWriter writer(out);
  writer.u8(version_and_command);
  writer.u8(family_and_transport);
  writer.u16(static_cast<std::uint16_t>(rest.size()));
  writer.bytes(rest);
  return out;
}

// A relayed datagram or connection between two endpoints of one family.
inline Bytes proxied(std::string_view source, std::string_view destination, bool stream) {
  const auto from = endpoint(source), to = endpoint(destination);
  Bytes addresses;
  ByteWriter writer(addresses);
  writer.bytes(from.address_bytes());
  writer.bytes(to.address_bytes());
  writer.u16(from.port());
  writer.u16(to.port());
  return proxy_header(0x21, static_cast<std::uint8_t>((from.is_v6() ? 0x20 : 0x10) | (stream ? 1 : 2)),
                      addresses);
}

inline Bytes joined(ByteView a, ByteView b) {
  Bytes out(a.begin(), a.end());
  append(out, b);
  return out;
}

}  // namespace onoma::test
