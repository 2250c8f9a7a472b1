// Diff: what changes between two versions of a zone, RRset by RRset. A plain value.
//
// An unsigned diff (from a DiffSource) has no signatures and none of the types that a signer makes; its SOA
// change may be absent. A signed diff is complete: applied to the version it starts from, it gives the next
// one, SOA included.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "wire/rrset.h"

namespace onoma::zone {

struct RRsetChange {
  wire::Name owner;
  wire::RRType type{};
  std::optional<wire::RRset> before;  // absent: the set comes into being
  std::optional<wire::RRset> after;   // absent: the set goes
  bool operator==(const RRsetChange&) const = default;
};

struct Diff {
  wire::Name apex;
  std::uint32_t from_serial = 0;
  std::uint32_t to_serial = 0;
  std::vector<RRsetChange> changes;  // each (owner, type) once; sort() puts them in canonical order
  bool empty() const { return changes.empty(); }
  void sort();  // by canonical owner, then type
};

// Octets of a diff, versioned, for the journal; specified in docs/formats/journal.md. decode checks
// everything (names, sizes, record data) and fails with Code::corrupt.
Bytes encode(const Diff& diff);
Result<Diff> decode_diff(ByteView octets);

}  // namespace onoma::zone
