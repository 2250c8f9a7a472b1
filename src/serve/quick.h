// Answers that consist of parts made ahead: an insecure referral to servers outside of the zone, and NXDOMAIN
// without DNSSEC. They say what resolve.h and compose.h would say, in other compression. Inside of the room
// `serve`.
#pragma once

#include "base/bytes.h"
#include "wire/message.h"
#include "zone/snapshot.h"

namespace onoma::serve {

struct QuickParts {
  std::uint16_t flags = 0;  // of the reply, without AA and RCODE
  bool with_opt = false;
  bool dnssec_ok = false;
  std::uint16_t udp_size = 0;  // ours
  ByteView options;            // of our OPT
};

// Octets written to `out`, at most `limit`; 0 when the answer does not fit or its parts are damaged: then it
// is to be made the long way. REQUIRES: kind referral or missing; `query` was read from `packet`.
std::size_t write_quick(ByteView packet, const wire::Query& query, const zone::Snapshot& zone,
                        const zone::Quick& quick, const QuickParts& parts, MutableBytes out,
                        std::size_t limit);

}  // namespace onoma::serve
