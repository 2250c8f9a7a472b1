#include "os/address.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>

namespace onoma::os {
namespace {

constexpr std::size_t kTextMax = 128;

std::optional<std::uint32_t> number(std::string_view text, std::uint32_t max) {
  std::uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

std::unexpected<Error> refuse(std::string_view text, std::string_view why) {
  std::string shown;
  for (char c : text.substr(0, 64)) shown += c >= 0x20 && c < 0x7f ? c : '?';
  return fail(
      Code::bad_syntax,
      fmt::format("\"{}\" is no address with a port: {}; write 127.0.0.1:5300 or [::1]:5300", shown, why));
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
  if (text.size() > kTextMax) return refuse(text, "it is too long");
  if (text.find('\0') != std::string_view::npos) return refuse(text, "it contains a NUL");
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse(text, "the port is missing");
  std::string_view host = text.substr(0, colon);
  const auto port = number(text.substr(colon + 1), 65535);
  if (!port) return refuse(text, "the port must be a number from 0 to 65535");

  Endpoint out;
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
    std::uint32_t scope = 0;
    if (const auto percent = host.find('%'); percent != std::string_view::npos) {
      const std::string zone(host.substr(percent + 1));
      if (auto index = number(zone, UINT32_MAX)) {
        scope = *index;
      } else {
        scope = ::if_nametoindex(zone.c_str());
        if (scope == 0) return refuse(text, "there is no such network interface");
      }
      host = host.substr(0, percent);
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(*port));
    v6.sin6_scope_id = scope;
    if (::inet_pton(AF_INET6, std::string(host).c_str(), &v6.sin6_addr) != 1)
      return refuse(text, "what stands in brackets is no IPv6 address");
    out.address_.v6 = v6;
    return out;
  }
  if (host.find(':') != std::string_view::npos) return refuse(text, "an IPv6 address stands in brackets");
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(static_cast<std::uint16_t>(*port));
  if (::inet_pton(AF_INET, std::string(host).c_str(), &v4.sin_addr) != 1)
    return refuse(text, "what stands before the port is no IPv4 address (host names are not looked up)");
  out.address_.v4 = v4;
  return out;
}

std::optional<Endpoint> Endpoint::from_bytes(ByteView address, std::uint16_t port) noexcept {
  Endpoint out;
  if (address.size() == 4) {
    std::memcpy(&out.address_.v4.sin_addr, address.data(), 4);
    out.address_.v4.sin_port = htons(port);
    return out;
  }
  if (address.size() != 16) return std::nullopt;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, address.data(), 16);
  out.address_.v6 = v6;
  return out;
}

std::optional<Endpoint> Endpoint::from_sockaddr(const sockaddr* address, socklen_t size) noexcept {
  Endpoint out;
  if (address->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    std::memcpy(&out.address_.v4, address, sizeof(sockaddr_in));
    return out;
  }
  if (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    std::memcpy(&out.address_.v6, address, sizeof(sockaddr_in6));
    return out;
  }
  return std::nullopt;
}

ByteView Endpoint::address_bytes() const noexcept {
  if (is_v6()) return {address_.v6.sin6_addr.s6_addr, 16};
  return {reinterpret_cast<const std::uint8_t*>(&address_.v4.sin_addr), 4};
}

bool Endpoint::is_wildcard() const noexcept {
  return std::ranges::all_of(address_bytes(), [](std::uint8_t octet) { return octet == 0; });
}

bool Endpoint::is_loopback() const noexcept {
  if (is_v6()) return IN6_IS_ADDR_LOOPBACK(&address_.v6.sin6_addr);
  return address_bytes()[0] == 127;
}

Endpoint Endpoint::with_port(std::uint16_t port) const noexcept {
  Endpoint out = *this;
  if (is_v6())
    out.address_.v6.sin6_port = htons(port);
  else
    out.address_.v4.sin_port = htons(port);
  return out;
}

std::string Endpoint::address_text() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(address_.any.sa_family, address_bytes().data(), buffer, sizeof buffer);
  return buffer;
}

std::string Endpoint::text() const {
  if (!is_v6()) return fmt::format("{}:{}", address_text(), port());
  const auto scope = address_.v6.sin6_scope_id;
  if (scope != 0) return fmt::format("[{}%{}]:{}", address_text(), scope, port());
  return fmt::format("[{}]:{}", address_text(), port());
}

bool operator==(const Endpoint& a, const Endpoint& b) noexcept {
  if (a.is_v6() != b.is_v6() || a.port() != b.port() || !equal(a.address_bytes(), b.address_bytes()))
    return false;
  return !a.is_v6() || a.address_.v6.sin6_scope_id == b.address_.v6.sin6_scope_id;
}

std::size_t Endpoint::hash() const noexcept {
  const auto address = std::hash<std::string_view>{}(as_text(address_bytes()));
  return address ^ (std::size_t{port()} * 0x9e3779b97f4a7c15U);
}

}  // namespace onoma::os
