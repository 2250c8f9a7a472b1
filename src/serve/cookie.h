// DNS cookies (RFC 7873) as all servers of a set make them alike (RFC 9018): SipHash-2-4 over what the client
// sent, the time and its address. Pure functions, usable from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "crypto/mac.h"

namespace onoma::serve {

inline constexpr std::size_t kCookieOctets = 24;  // client 8, version 1, reserved 3, time 4, hash 8
using Cookie = std::array<std::uint8_t, kCookieOctets>;

struct CookieKeys {
  std::optional<crypto::SipKey> sign;  // makes and verifies
  std::optional<crypto::SipKey>
      verify;  // verifies only: the next key before, or the last one after a roll-over
};

// Is this the length of a COOKIE option: 8, or 16 to 40 octets?
constexpr bool cookie_size_valid(std::size_t size) {
  return size == 8 || (size >= 16 && size <= 40);
}

struct CookieReply {
  Cookie cookie;       // to send
  bool valid = false;  // the client showed a good server cookie
};

// `option` as the client sent it (of valid size), `peer` 4 or 16 octets of address, `now` Unix time modulo
// 2^32. A cookie is good from 300 s in the future to 3,600 s in the past, and sent back unchanged below 1,800
// s. REQUIRES: keys.sign.
CookieReply answer_cookie(const CookieKeys& keys, ByteView option, ByteView peer, std::uint32_t now);

}  // namespace onoma::serve
