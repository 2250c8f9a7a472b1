// Authority sections made ahead: the record sets that referrals and NXDOMAIN consist of, as they stand in a
// message, with the places that depend on the message listed beside them. Inside of the room `zone`.
//
// The octets are whole records whose owner names are two octets of pointer, filled in when written, as is the
// TTL. A patch is {u16 place, u16 target}, little end first: at `place` a compression pointer is to be
// written, to `target` octets behind the beginning of the octets, or, with kToApex or kToOwner, to the zone's
// or the owner's name in the question.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "wire/name.h"
#include "wire/types.h"

namespace onoma::zone {

inline constexpr std::uint16_t kToApex = 0x8000, kToOwner = 0x4000;

struct MadeSection {
  std::uint16_t records = 0;
  Bytes octets, patches;
  Bytes own;  // u16 each, little end first: where the name of a server directly below the owner begins
};

// The SOA set of `apex`, and its signatures.
MadeSection make_soa_section(ByteView soa, std::span<const ByteView> signatures, wire::NameView apex);

// A name server as an NS set has it: a whole name, or one label directly below the owner.
struct ServerName {
  ByteView octets;  // wire form; below the owner: the label with its length, nothing behind it
  bool below_owner = false;
};
// Names are compressed against each other and against the apex. Nullopt when it would have more than 2,000
// octets or 255 patches.
std::optional<MadeSection> make_ns_section(std::span<const ServerName> servers, wire::NameView apex);

// Where the parts of a message lie that a section points to: octets from the message's beginning.
struct MessagePlaces {
  std::uint16_t section = 0, owner = 0, apex = 0;
};
// Writes `octets` to `out`, which has room for them. False when they are damaged; nothing behind the room is
// touched then either.
bool write_section(std::uint8_t* out, ByteView octets, ByteView patches, const MessagePlaces& places,
                   std::uint32_t ttl);

}  // namespace onoma::zone
