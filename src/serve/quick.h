// Answers that consist of parts known ahead, most of what a registry's zone is asked: referrals and NXDOMAIN,
// with proofs where the zone uses NSEC3. They say what resolve.h and compose.h would say, in other
// compression. Inside of the room `serve`.
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

// Octets written to `out`, at most `limit`; 0 when the answer does not fit or is not that simple: then it is
// to be made the long way. REQUIRES: kind referral or missing; `query` was read from `packet`.
std::size_t write_quick(ByteView packet, const wire::Query& query, const zone::Snapshot& zone,
                        const zone::Quick& quick, const QuickParts& parts, zone::NodeScratch& scratch,
                        MutableBytes out, std::size_t limit);

}  // namespace onoma::serve
