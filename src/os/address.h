// Endpoint: an IPv4 or IPv6 address and a port. A plain value of 28 octets, laid out as the kernel's socket
// address, so that receiving and sending need no conversion. Scoped IPv6 addresses keep their interface
// number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/error.h"

namespace onoma::os {

class Endpoint {
 public:
  // 0.0.0.0:0
  Endpoint() noexcept {
    address_.v4 = sockaddr_in{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
  }

  // "127.0.0.1:5300", "[::1]:5300", "[fe80::1%2]:53" (the zone is an interface's number or name). Host names,
  // a bare address and a port above 65535 are refused with a message that shows the form expected.
  static Result<Endpoint> parse(std::string_view text);
  // An address of 4 or 16 octets; nullopt for other sizes.
  static std::optional<Endpoint> from_bytes(ByteView address, std::uint16_t port) noexcept;
  // nullopt unless the family is AF_INET or AF_INET6 and `size` covers it.
  static std::optional<Endpoint> from_sockaddr(const sockaddr* address, socklen_t size) noexcept;

  bool is_v6() const noexcept { return address_.any.sa_family == AF_INET6; }
  std::uint16_t port() const noexcept {
    return ntohs(is_v6() ? address_.v6.sin6_port : address_.v4.sin_port);
  }
  // 4 or 16 octets in network order; good as long as this Endpoint is.
  ByteView address_bytes() const noexcept;
  bool is_wildcard() const noexcept;  // 0.0.0.0 or ::
  bool is_loopback() const noexcept;  // 127.0.0.0/8 or ::1
  Endpoint with_port(std::uint16_t port) const noexcept;

  std::string address_text() const;  // "127.0.0.1", "::1"
  std::string text() const;          // "127.0.0.1:5300", "[::1]:5300"

  const sockaddr* data() const noexcept { return &address_.any; }
  socklen_t size() const noexcept { return is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }

  // For the kernel to write into (recvmsg, accept, getsockname): kCapacity octets. The family decides what it
  // is.
  static constexpr socklen_t kCapacity = sizeof(sockaddr_in6);
  sockaddr* buffer() noexcept { return &address_.any; }

  // Same family, address, scope and port.
  friend bool operator==(const Endpoint& a, const Endpoint& b) noexcept;
  std::size_t hash() const noexcept;  // not keyed: never for tables that a stranger fills at will

 private:
  union Address {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  Address address_;
};

}  // namespace onoma::os

template <>
struct std::hash<onoma::os::Endpoint> {
  std::size_t operator()(const onoma::os::Endpoint& endpoint) const noexcept { return endpoint.hash(); }
};
