// An incremental digest of a set of RRsets: the sum, modulo 2^256, of SHA-256 over each set. Adding and
// removing cost one hash, so two parties that follow the same changes can compare whole contents at any time
// in O(1). It finds accidents, not attacks (sums of hashes can be steered), and never leaves this system.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "wire/rrset.h"

namespace onoma::zone {

struct SetDigest {
  std::array<std::uint64_t, 4> sum{};  // little end first
  // Hash input: canonical owner, type, TTL, count, each data behind its length; signatures left out.
  void add(const wire::RRset& set);
  void remove(const wire::RRset& set);
  std::string text() const;  // 64 hex digits
  bool operator==(const SetDigest&) const = default;
};

// Content = what registry or operator wrote: everything but signer's types, DNSKEY, CDS, CDNSKEY, ZONEMD and
// the SOA.
constexpr bool is_content(wire::RRType type) {
  using enum wire::RRType;
  return !wire::is_made_by_signer(type) && type != SOA && type != DNSKEY && type != CDS && type != CDNSKEY &&
         type != ZONEMD;
}

}  // namespace onoma::zone
