#include "os/proxy_header.h"

#include <algorithm>
#include <array>

namespace onoma::os {
namespace {

constexpr std::array<std::uint8_t, 12> kSignature = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                     0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::size_t kFixed = 16;
constexpr std::uint8_t kVersion = 2;
enum Command : std::uint8_t { kLocal = 0, kProxy = 1 };
enum Family : std::uint8_t { kUnspecified = 0, kInet = 1, kInet6 = 2, kUnix = 3 };
constexpr std::uint8_t kTransportMax = 2;  // 0 unspecified, 1 stream, 2 datagram
constexpr std::size_t kUnixOctets = 216;

// Addresses of a family: source, destination, and the ports of both.
std::optional<Endpoint> source_of(ByteView block, std::size_t address_octets) {
  const std::uint16_t port = load_u16(&block[2 * address_octets]);
  ByteView address = block.first(address_octets);
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (address.size() == 16 && equal(address.first(12), kMapped)) address = address.subspan(12);
  return Endpoint::from_bytes(address, port);
}

}  // namespace

std::expected<ProxyHeader, ProxyError> read_proxy_header(ByteView in) noexcept {
  const std::size_t compared = std::min(in.size(), kSignature.size());
  if (!equal(in.first(compared), ByteView(kSignature).first(compared)))
    return std::unexpected(ProxyError::malformed);
  if (in.size() > 12 && (in[12] >> 4 != kVersion || (in[12] & 15) > kProxy))
    return std::unexpected(ProxyError::malformed);
  if (in.size() > 13 && (in[13] >> 4 > kUnix || (in[13] & 15) > kTransportMax))
    return std::unexpected(ProxyError::malformed);
  if (in.size() < kFixed) return std::unexpected(ProxyError::incomplete);

  const std::size_t length = load_u16(&in[14]);
  const bool relayed = (in[12] & 15) == kProxy;
  const std::uint8_t family = in[13] >> 4;
  const std::size_t address_octets = family == kInet ? 4 : family == kInet6 ? 16 : 0;
  std::size_t least = 0;
  if (relayed && address_octets != 0) least = 2 * address_octets + 4;
  if (relayed && family == kUnix) least = kUnixOctets;
  if (length < least || kFixed + length > kProxyHeaderMax) return std::unexpected(ProxyError::malformed);
  if (in.size() < kFixed + length) return std::unexpected(ProxyError::incomplete);

  ProxyHeader header{.size = kFixed + length, .source = {}};
  // With an unspecified transport the addresses are to be ignored. The options behind them tell nothing that
  // is used here.
  if (relayed && address_octets != 0 && (in[13] & 15) != 0)
    header.source = source_of(in.subspan(kFixed, length), address_octets);
  return header;
}

}  // namespace onoma::os
