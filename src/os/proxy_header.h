// The PROXY protocol, version 2: what a load balancer puts in front of a relayed connection or datagram to
// tell whom it speaks for ("The PROXY protocol", haproxy project, section 2.2). A pure function, any thread,
// no allocation. Whether a header is expected is decided by who the sender is, never by what the octets look
// like: a header that anybody may send is a forged address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "base/bytes.h"
#include "os/address.h"

namespace onoma::os {

// The longest header taken, its options included. The protocol allows 65,551 octets; real ones have 28 or 52
// and a few options.
inline constexpr std::size_t kProxyHeaderMax = 2048;

struct ProxyHeader {
  std::size_t size = 0;  // octets of the header; the payload begins behind
  // For whom the sender speaks. Absent: for itself (LOCAL), or for somebody who has no IP address. IPv4
  // addresses that come in IPv6 form (::ffff:0:0/96) are IPv4 addresses here.
  std::optional<Endpoint> source;
};

enum class ProxyError : std::uint8_t {
  incomplete,  // so far right, but more octets are needed: over a stream, read on
  malformed,
};

std::expected<ProxyHeader, ProxyError> read_proxy_header(ByteView in) noexcept;

}  // namespace onoma::os
