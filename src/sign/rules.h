// Internal to sign: the rules that full and incremental signing share, so that they cannot disagree.
// Which types are the signer's, what is signed where, what stands in a bitmap, and the records of the denial
// chain. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/dnssec.h"
#include "wire/rrset.h"
#include "zone/snapshot.h"

namespace onoma::sign {

using wire::Name;
using wire::NameView;
using wire::RRset;
using wire::RRType;

// Types that only the signer puts into a zone; see signer.h.
constexpr bool is_signers(RRType type) {
  return wire::is_made_by_signer(type) || type == RRType::DNSKEY || type == RRType::CDS ||
         type == RRType::CDNSKEY || type == RRType::ZONEMD;
}
// Types that make up the denial chain and the signatures, and never count as data of a name.
constexpr bool is_chain(RRType type) {
  return type == RRType::NSEC || type == RRType::NSEC3 || type == RRType::RRSIG;
}

// Where a name with data stands.
enum class Place : std::uint8_t {
  occluded,       // below a delegation or a DNAME
  delegation,     // has NS and is not the apex
  authoritative,  // everything else
};

constexpr bool is_signed(Place place, RRType type) {
  if (place == Place::occluded) return false;
  return place == Place::authoritative || type == RRType::DS || is_chain(type);
}

// Does data at this name occlude what is below it? `has` answers whether a type is there.
template <class Has>
bool is_barrier(bool is_apex, const Has& has) {
  return (!is_apex && has(RRType::NS)) || has(RRType::DNAME);
}

// The types in the NSEC or NSEC3 record of a name. `types`: what the name has, without chain types;
// ascending. Empty for an empty non-terminal.
std::vector<RRType> bitmap(Place place, std::span<const RRType> types, zone::Denial denial);

// min(SOA TTL, SOA minimum): the TTL of NSEC and NSEC3 (RFC 9077). REQUIRES: SOA data.
Result<std::uint32_t> negative_ttl(std::uint32_t soa_ttl, ByteView soa_rdata);
// The same SOA with another serial. REQUIRES: a set of one SOA.
Result<RRset> with_serial(RRset soa, std::uint32_t serial);

RRset nsec_set(Name owner, NameView next, std::span<const RRType> types, std::uint32_t ttl);

inline constexpr std::size_t kHashOctets = 20;
// The hash of a name as 20 octets; NSEC3 with 0 iterations and no salt (RFC 9276 §3.1).
std::string nsec3_hash(NameView name);
Name nsec3_owner(std::string_view hash, NameView apex);
// The hash in an NSEC3 owner name; empty when there is none.
std::string hash_in_owner(NameView owner);
RRset nsec3_set(std::string_view hash, std::string_view next_hash, NameView apex, bool opt_out,
                std::vector<RRType> types, std::uint32_t ttl);

// Calls visit(prefix) for the sort keys of the ancestors of `key`, the root or nearest to it first, from
// those with at least `from` octets, `key` itself left out.
template <class Visit>
void for_each_ancestor(std::string_view key, std::size_t from, const Visit& visit) {
  if (from == 0 && !key.empty()) visit(std::string_view{});
  for (std::size_t i = 0; i + 1 < key.size(); ++i)
    if (key[i] == '\0' && i + 1 >= from) visit(key.substr(0, i + 1));
}
// Is `key` the key of a name below the one of `ancestor`?
inline bool key_is_below(std::string_view key, std::string_view ancestor) {
  return key.size() > ancestor.size() && key.starts_with(ancestor);
}

}  // namespace onoma::sign
