// StreamQuota: how many connections each network may hold open at a time. Two widths are counted: the host
// (IPv4 /32, IPv6 /64, which is one line of one customer) and its network (/24, /48). Exact counts in a table
// whose hash is keyed, so that nobody can choose addresses that fall together. Any thread; a short lock,
// taken once when a connection is accepted and once when it closes. Its size is bounded by the connections
// open.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/bytes.h"
#include "os/prefix.h"

namespace onoma::os {

struct StreamQuotaLimits {
  std::size_t per_host = 128;     // IPv4 /32, IPv6 /64; 0: no limit
  std::size_t per_network = 512;  // IPv4 /24, IPv6 /48; 0: no limit
  PrefixList exempt;              // not counted at all
};

class StreamQuota {
 public:
  explicit StreamQuota(StreamQuotaLimits limits);
  // One connection more from an address of 4 or 16 octets: counted in both networks and true, or in neither
  // and false.
  bool take(ByteView address);
  // Once for each take() that was true, with the same address.
  void give_back(ByteView address);
  std::size_t entries() const;  // networks that hold a connection now

 private:
  // The upper 48 bits of an IPv6 /48 or 64 of a /64, or the 32 of IPv4, with a mark of which it is.
  struct Key {
    std::uint64_t network;
    std::uint8_t kind;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Hash {
    std::array<std::uint64_t, 2> secret;
    std::size_t operator()(const Key& key) const noexcept;
  };
  static std::array<Key, 2> keys_of(ByteView address);
  bool counted(ByteView address) const;

  const StreamQuotaLimits limits_;
  mutable std::mutex mutex_;
  std::unordered_map<Key, std::size_t, Hash> open_;
};

}  // namespace onoma::os
