// Where a name stands in a zone: what RFC 4034 and 5155 make depend on the cuts and DNAMEs above it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gate/canonical.h"

namespace onoma::gate {

enum class Standing : std::uint8_t {
  missing,        // nothing at the name or below it
  empty,          // an empty non-terminal
  authoritative,  // signed data of the zone
  cut,            // a delegation
  occluded,       // below a cut or a DNAME: glue, or data that nobody sees
};

struct Place {
  Standing standing = Standing::missing;
  std::optional<NodeView> node;
  bool secure = false;              // a cut with DS
  std::optional<NodeView> covered;  // occluded: the cut or DNAME, the topmost one
};

// Are the names below this node hidden? True for cuts and for owners of DNAME.
bool hides_below(const NodeView& node, NameView apex);
// A node whose only sets are NSEC: it holds nothing of the zone's own, so it does not count as existing.
bool holds_data(const NodeView& node);
// REQUIRES: `name` is at or below the zone's apex.
Place place_of(const Snapshot& zone, NameView apex, NameView name);
// The smallest sort key behind everything at or below `key`. REQUIRES: key is not empty (not the root's).
std::string key_behind_subtree(std::string_view key);

// The types that the bitmap of the name's NSEC or NSEC3 record must show (RFC 4034 §4.1.2, 5155 §3.2.1),
// ascending.
std::vector<std::uint16_t> types_to_show(const Place& place, bool nsec3);
Bytes encode_bitmap(const std::vector<std::uint16_t>& types);
// "A NS RRSIG", for messages; "(unreadable)" for octets that are no bitmap.
std::string bitmap_text(ByteView bitmap);

}  // namespace onoma::gate
