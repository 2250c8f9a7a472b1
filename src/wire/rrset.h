// RRset: an owner, a type, a TTL and the record data that belong together, with the signatures that cover
// them. A plain value. Class is IN. Record data are uncompressed, in canonical order (RFC 4034 §6.3), without
// duplicates.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "wire/name.h"
#include "wire/types.h"

namespace onoma::wire {

struct RRset {
  Name owner;
  RRType type{};
  std::uint32_t ttl = 0;          // seconds
  std::vector<Bytes> rdatas;      // canonical order, unique
  std::vector<Bytes> signatures;  // RRSIG record data that cover this set, canonical order; same TTL

  // Sorts `rdatas` and `signatures` and drops duplicates. Sorting compares the data in canonical form.
  void normalise();
  bool operator==(const RRset&) const;       // owners compare without case, the rest octet by octet
  bool same_data(const RRset& other) const;  // as ==, signatures aside
};

// One record, as parsers hand them out; `rdata` is uncompressed.
struct Record {
  Name owner;
  RRType type{};
  RRClass rr_class = RRClass::IN;
  std::uint32_t ttl = 0;
  Bytes rdata;
};

}  // namespace onoma::wire
