// Anonymiser: hides who asked. In two ways:
// - cut: an address keeps its first 24 (IPv4) or 48 (IPv6) bits, the rest is zero;
// - permuted: addresses are replaced by others such that two that share their first n bits still share
// exactly
//   their first n bits (the scheme of Xu, Fan, Ammar and Moon, 2002, whose best known program is Crypto-PAn),
//   with SipHash-2-4 in the place of AES: bit i is turned over where the keyed hash of the bits before it is
//   odd. Who has the key can go back; who sees enough of the traffic can guess networks by how busy they are.
// Either way what messages say of clients goes too: the address in EDNS Client Subnet (RFC 7871) is treated
// the same, the octets of COOKIE (RFC 7873) become zero, and ports of clients are left out.
//
// One per thread: it remembers addresses that it has permuted.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "crypto/mac.h"

namespace onoma::front {

enum class Anonymity : std::uint8_t { none, cut, permuted };

class Anonymiser {
 public:
  Anonymiser(Anonymity how, const crypto::SipKey& key) : how_(how), key_(key) {}
  Anonymity how() const { return how_; }

  // In place; 4 or 16 octets, others become zeros.
  void hide_address(MutableBytes address);
  // In place, with the same length. False: the message cannot be read to its end, and must not be shown.
  [[nodiscard]] bool hide_in_message(MutableBytes message);

 private:
  struct Known {
    std::array<std::uint8_t, 16> from{}, to{};
    std::uint8_t octets = 0;  // 0: free
  };
  void permute(MutableBytes address) const;
  bool hide_options(MutableBytes options);
  void hide_subnet(MutableBytes option);

  Anonymity how_;
  crypto::SipKey key_;
  std::array<Known, 512> known_{};
};

}  // namespace onoma::front
