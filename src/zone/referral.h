// Authority sections made ahead: the record sets that insecure referrals and NXDOMAIN consist of, as they
// stand in a message, with the places that depend on the message listed beside them. Inside of the room
// `zone`, and for `serve`, which writes them out.
//
// The octets are whole records whose owner names are two octets of pointer, filled in when written, as is the
// TTL. A patch is {u16 place, u16 target}, little end first: at `place` a compression pointer is to be
// written, to `target` octets behind the beginning of the octets, or, with kToApex, to the zone's name in the
// question.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "wire/name.h"
#include "wire/types.h"

namespace onoma::zone {

inline constexpr std::uint16_t kToApex = 0x8000;

struct MadeSection {
  Bytes octets, patches;
};

// A whole set; names in NS and SOA data are compressed against each other and against `apex`. Nullopt when it
// would have more than 2,000 octets.
std::optional<MadeSection> make_section(wire::RRType type, std::uint32_t ttl,
                                        const std::vector<ByteView>& rdatas, wire::NameView apex);

// Writes `octets` to `out`, which lies `offset` octets behind the beginning of the message and has room for
// them. False when they are damaged; nothing behind the room is touched then either.
bool write_section(std::uint8_t* out, std::size_t offset, ByteView octets, ByteView patches,
                   std::uint16_t owner_offset, std::uint16_t apex_offset, std::uint32_t ttl);

}  // namespace onoma::zone
