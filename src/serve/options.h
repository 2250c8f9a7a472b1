// Settings of the answer engine. Plain values, read once when an Answerer is made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "serve/cookie.h"
#include "serve/limit_options.h"

namespace onoma::serve {

struct ServeOptions {
  std::uint16_t udp_limit = 1232;       // octets of the largest UDP answer (RFC 9715); 512 to 4,096
  std::string nsid;                     // octets of the NSID option (RFC 5001), at most 128; empty: not sent
  std::optional<std::string> identity;  // CH TXT id.server, hostname.bind; absent: REFUSED
  std::optional<std::string> version;   // CH TXT version.bind, version.server; absent: REFUSED
  bool echo_cd = false;                 // copy the CD bit into answers
  std::uint16_t tcp_keepalive = 100;  // idle time told to TCP clients that ask, in units of 100 ms (RFC 7828)
  CookieKeys cookies;                 // without a signing key cookies are not answered
  LimitOptions limit;                 // of answers over UDP
  const Clock* clock = nullptr;       // needed for cookies and limits; must outlive the Answerer
};

}  // namespace onoma::serve
