// What signer, server and tools share about denial of existence: NSEC3 hashes and owners (RFC 5155), next
// closer names (§1.3 there), and which names a record denies. The gate has code of its own. Pure functions,
// usable from any thread.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "wire/name.h"
#include "zone/snapshot.h"

namespace onoma::zone {

struct Nsec3Hash {
  std::array<std::uint8_t, 20> octets{};
  std::string_view view() const { return as_text(octets); }
  bool operator==(const Nsec3Hash&) const = default;
};

// The hash of a name, its case ignored. No allocation.
Nsec3Hash nsec3_hash(NameView name, ByteView salt, std::uint16_t iterations);
Nsec3Hash nsec3_hash(NameView name, const ZoneFacts& facts);  // REQUIRES: facts.denial is nsec3
// base32hex(hash) + "." + apex, in lower case.
Name nsec3_owner(const Nsec3Hash& hash, NameView apex);

// The hash in the first label of an NSEC3 record's owner; nullopt when it is none. No allocation.
std::optional<Nsec3Hash> nsec3_hash_of(NameView owner);

// The name with one label more than `encloser_labels` towards `name`. REQUIRES: name has more labels than
// that.
inline NameView next_closer(NameView name, std::size_t encloser_labels) {
  return name.ancestor(encloser_labels + 1);
}

// Fields of NSEC3 record data that are looked at while answering; nullopt when the octets are too short.
struct Nsec3Fields {
  bool opt_out = false;
  std::string_view next_hash;
  static std::optional<Nsec3Fields> read(ByteView rdata);
};
// Does the record with this owner hash and next hash cover `hash` (which lies strictly between, circular)?
bool nsec3_covers(std::string_view owner_hash, std::string_view next_hash, std::string_view hash);

}  // namespace onoma::zone
