#include "os/socket.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "os/handover.h"

namespace onoma::os {
namespace {

std::unexpected<Error> bind_failure(const Endpoint& endpoint, int error) {
  const auto text = endpoint.text();
  switch (error) {
    case EADDRINUSE:
      return fail(Code::io,
                  fmt::format("another program listens on {}; stop it or choose another --listen", text));
    case EACCES:
      return fail(Code::io, fmt::format("not permitted to listen on {}: ports below 1024 need the capability "
                                        "CAP_NET_BIND_SERVICE; grant it or choose another --listen",
                                        text));
    case EADDRNOTAVAIL:
      return fail(
          Code::io,
          fmt::format("cannot listen on {}: this machine does not have that address; choose another --listen",
                      text));
    case EAFNOSUPPORT:
      return fail(Code::io,
                  fmt::format("cannot listen on {}: this machine has no {}; choose another --listen", text,
                              endpoint.is_v6() ? "IPv6" : "IPv4"));
    default:
      return io_failure(fmt::format("cannot listen on {}", text), error);
  }
}

bool set(const Fd& fd, int level, int option, int value) {
  return ::setsockopt(fd.get(), level, option, &value, sizeof value) == 0;
}

Result<Fd> open_socket(const Endpoint& endpoint, int type) {
  Fd fd(::socket(endpoint.is_v6() ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
  if (!fd) return bind_failure(endpoint, errno);
  // An IPv6 wildcard must not take the IPv4 port with it: both are listed one by one.
  if (endpoint.is_v6() && !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) return bind_failure(endpoint, errno);
  return fd;
}

Result<Endpoint> bound_to(const Fd& fd, const Endpoint& endpoint) {
  Endpoint bound;
  socklen_t size = Endpoint::kCapacity;
  if (::getsockname(fd.get(), bound.buffer(), &size) != 0) return bind_failure(endpoint, errno);
  return bound;
}

Result<Endpoint> bind_to(const Fd& fd, const Endpoint& endpoint) {
  if (::bind(fd.get(), endpoint.data(), endpoint.size()) != 0) return bind_failure(endpoint, errno);
  return bound_to(fd, endpoint);
}

// Sharing is allowed only after an exclusive bind, so that a second copy of this program cannot silently take
// half of the packets.
Result<Endpoint> bind_shared(const Fd& fd, const Endpoint& endpoint, bool share) {
  if (share && !set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return bind_failure(endpoint, errno);
  ONOMA_TRY(const Endpoint bound, bind_to(fd, endpoint));
  if (!share && !set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return bind_failure(endpoint, errno);
  return bound;
}

}  // namespace

Result<BoundSocket> bind_udp(const Endpoint& endpoint, bool share, int buffer_octets) {
  Fd fd;
  Endpoint bound;
  if (auto inherited = take_inherited(SocketKind::udp, endpoint.text())) {
    fd = std::move(*inherited);
    ONOMA_TRY(bound, bound_to(fd, endpoint));
  } else {
    ONOMA_TRY(fd, open_socket(endpoint, SOCK_DGRAM));
    ONOMA_TRY(bound, bind_shared(fd, endpoint, share));
  }
  set(fd, SOL_SOCKET, SO_RCVBUF, buffer_octets);
  set(fd, SOL_SOCKET, SO_SNDBUF, buffer_octets);
  const timeval patience{.tv_sec = 0, .tv_usec = 100'000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  bool done = true;
  if (endpoint.is_v6()) {
    set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
    if (endpoint.is_wildcard()) done = set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  } else {
    set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
    if (endpoint.is_wildcard()) done = set(fd, IPPROTO_IP, IP_PKTINFO, 1);
  }
  if (!done) return bind_failure(endpoint, errno);
  return BoundSocket{std::move(fd), bound};
}

Result<BoundSocket> listen_tcp(const Endpoint& endpoint, int backlog) {
  if (auto inherited = take_inherited(SocketKind::tcp, endpoint.text())) {
    ONOMA_TRY(const Endpoint kept, bound_to(*inherited, endpoint));
    return BoundSocket{std::move(*inherited), kept};
  }
  ONOMA_TRY(Fd fd, open_socket(endpoint, SOCK_STREAM | SOCK_NONBLOCK));
  // Connections of a former run that linger in TIME_WAIT must not keep this one from starting.
  set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  ONOMA_TRY(Endpoint bound, bind_to(fd, endpoint));
  if (::listen(fd.get(), backlog) != 0) return bind_failure(endpoint, errno);
  return BoundSocket{std::move(fd), bound};
}

}  // namespace onoma::os
