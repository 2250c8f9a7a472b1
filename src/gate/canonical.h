// Canonical form and order (RFC 4034 §6), worked out for the gate alone: nothing here is shared with the code
// that signs. Pure functions, usable from any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "wire/name.h"
#include "wire/types.h"
#include "zone/snapshot.h"

namespace onoma::gate {

using wire::NameView;
using wire::RRType;
using zone::DataRange;
using zone::NodeView;
using zone::RRsetView;
using zone::Snapshot;

// Order of names: labels from the root down, lower case, a missing label first (RFC 4034 §6.1).
std::strong_ordering compare_names(NameView a, NameView b);
bool same_name(NameView a, NameView b);
// How many labels, counted from the root, both names share.
std::size_t common_labels(NameView a, NameView b);

// Octets of the uncompressed name at the beginning of `data`; 0 if there is none.
std::size_t name_octets(ByteView data);
void append_lower(Bytes& out, NameView name);

// RFC 4034 §6.2 with RFC 6840 §5.1: the names inside the old types in lower case, everything else as it is.
Bytes canonical_data(RRType type, ByteView data);
// Canonical forms in order, doubles dropped (§6.3).
std::vector<Bytes> canonical_set(RRType type, const DataRange& rdatas);

// RFC 4034 appendix B.
std::uint16_t key_tag(ByteView dnskey);

// An RRSIG taken apart; the views look into the record data.
struct Rrsig {
  RRType covered{};
  std::uint8_t algorithm = 0, labels = 0;
  std::uint32_t original_ttl = 0, expiration = 0, inception = 0;
  std::uint16_t tag = 0;
  NameView signer;
  ByteView fixed, signature;  // `fixed`: the 18 octets in front of the signer's name
  static std::optional<Rrsig> read(ByteView data);
};

// What the signature covers (RFC 4034 §3.1.8.1), into `out`, which is cleared first.
void signed_octets(const Rrsig& rrsig, NameView owner, RRType type, const std::vector<Bytes>& canonical,
                   Bytes& out);

// The NSEC3 hash of a name (RFC 5155 §5).
using Hash = std::array<std::uint8_t, 20>;
Hash nsec3_owner_hash(NameView name, ByteView salt, std::uint16_t iterations);
inline std::string_view text_of(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace onoma::gate
