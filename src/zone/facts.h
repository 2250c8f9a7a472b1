// Keeping ZoneFacts and the content digest in step with what goes into a zone and out of it. Inside of the
// room `zone`.
#pragma once

#include "zone/image.h"
#include "zone/node.h"

namespace onoma::zone {

std::uint64_t count_addresses(const NodeView& node);
// Is any label of the name "*"? Then "*" exists as a name there, or as an empty non-terminal.
bool has_star_label(std::string_view sort_key);

inline void shift(std::uint64_t& count, std::uint64_t by, bool up) {
  count = up ? count + by : count - by;
}
// Counts one set of `owner` in or out. earliest_expiry only sinks.
void account_set(ImageFacts& facts, NameView owner, const EncodedSet& set, bool added);
// Serial, negative TTL and denial, from the sets at the apex. False: there is no SOA.
bool read_apex(ImageFacts& facts, const NodeView& apex);

// The 20 octets in an NSEC3 record's owner name; nullopt when it is not directly below `apex` or no such
// hash.
std::optional<std::array<std::uint8_t, 20>> nsec3_owner_hash(NameView owner, NameView apex);

// Adds or takes away one set of `owner`.
void digest_set(SetDigest& digest, NameView owner, const EncodedSet& set, bool add);

}  // namespace onoma::zone
