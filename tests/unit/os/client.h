// Plain blocking sockets for tests; every wait ends after five seconds.
#pragma once

#include <array>
#include <optional>
#include <string>

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "os/address.h"
#include "os/fd.h"

namespace onoma::test {

inline os::Endpoint endpoint(std::string_view text) {
  auto parsed = os::Endpoint::parse(text);
  CHECK(parsed.has_value());
  return *parsed;
}

inline os::Fd connect_to(const os::Endpoint& to, int type) {
  os::Fd fd(::socket(to.is_v6() ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd.get(), to.data(), to.size()) != 0) return {};
  return fd;
}

inline bool send_bytes(const os::Fd& fd, ByteView bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

inline Bytes framed(std::string_view message) {
  Bytes out;
  ByteWriter writer(out);
  writer.u16(static_cast<std::uint16_t>(message.size()));
  writer.bytes(as_bytes(message));
  return out;
}

// nullopt: the end, an error, or five seconds of silence.
inline std::optional<std::string> receive_exactly(const os::Fd& fd, std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t at = 0; at < size;) {
    const auto got = ::recv(fd.get(), out.data() + at, size - at, 0);
    if (got <= 0) return std::nullopt;
    at += static_cast<std::size_t>(got);
  }
  return out;
}

inline std::optional<std::string> receive_message(const os::Fd& fd) {
  const auto prefix = receive_exactly(fd, 2);
  if (!prefix) return std::nullopt;
  return receive_exactly(fd, load_u16(as_bytes(*prefix).data()));
}

inline std::optional<std::string> receive_datagram(const os::Fd& fd) {
  std::string out(65536, '\0');
  const auto got = ::recv(fd.get(), out.data(), out.size(), 0);
  if (got < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(got));
  return out;
}

// True if the peer closes (or resets) within five seconds, with nothing sent before.
inline bool closed_by_peer(const os::Fd& fd) {
  char octet = 0;
  const auto got = ::recv(fd.get(), &octet, 1, 0);
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

}  // namespace onoma::test
