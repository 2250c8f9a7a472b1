#include "zone/facts.h"

#include <algorithm>

#include "base/encoding.h"
#include "wire/dnssec.h"
#include "wire/rrtype.h"

namespace onoma::zone {

std::uint64_t count_addresses(const NodeView& node) {
  std::uint64_t count = 0;
  for (auto type : {RRType::A, RRType::AAAA})
    if (const auto set = node.find(type)) count += set->size();
  return count;
}

bool has_star_label(std::string_view sort_key) {
  using namespace std::string_view_literals;
  return sort_key.starts_with("*\0"sv) || sort_key.find("\0*\0"sv) != std::string_view::npos;
}

void account_set(ImageFacts& facts, NameView owner, const EncodedSet& set, bool added) {
  auto& zone = facts.zone;
  if (!wire::is_made_by_signer(set.type)) {
    shift(zone.rrsets, 1, added);
    shift(zone.records, set.count, added);
  }
  if (set.type == RRType::NS && !wire::equal(owner, zone.apex)) shift(zone.delegations, 1, added);
  if (set.type == RRType::DS) shift(zone.ds_sets, 1, added);
  if (set.type == RRType::NSEC) shift(facts.nsec_sets, 1, added);
  shift(zone.signatures, set.signature_count, added);
  if (!added) return;
  for (auto signature : signature_range(set)) {
    if (signature.size() < 18) continue;
    const auto expiration = load_u32(&signature[8]);
    if (zone.earliest_expiry == 0 || expiration < zone.earliest_expiry) zone.earliest_expiry = expiration;
  }
}

bool read_apex(ImageFacts& facts, const NodeView& apex) {
  auto& zone = facts.zone;
  const auto soa = apex.find(RRType::SOA);
  if (!soa || soa->rdatas().front().size() < 22) return false;
  const auto data = soa->rdatas().front();
  zone.serial = load_u32(data.data() + data.size() - 20);
  zone.negative_ttl_s = std::min(soa->ttl(), load_u32(data.data() + data.size() - 4));
  zone.denial = Denial::none;
  zone.nsec3_iterations = 0;
  zone.nsec3_salt.clear();
  if (apex.has(RRType::NSEC) && apex.has(RRType::DNSKEY)) zone.denial = Denial::nsec;
  if (const auto params = apex.find(RRType::NSEC3PARAM)) {
    for (auto octets : params->rdatas()) {
      const auto param = wire::Nsec3param::read(octets);
      if (!param || param->flags != 0 || param->hash_algorithm != 1) continue;
      zone.denial = Denial::nsec3;
      zone.nsec3_iterations = param->iterations;
      zone.nsec3_salt = param->salt;
      break;
    }
  }
  if (zone.signatures == 0) zone.earliest_expiry = 0;
  return true;
}

std::optional<std::array<std::uint8_t, 20>> nsec3_owner_hash(NameView owner, NameView apex) {
  if (owner.is_root() || owner.first_label().size() != 32 || !wire::equal(owner.parent(), apex))
    return std::nullopt;
  const auto octets = from_base32hex(as_text(owner.first_label()));
  if (!octets || octets->size() != 20) return std::nullopt;
  std::array<std::uint8_t, 20> hash;
  std::ranges::copy(*octets, hash.begin());
  return hash;
}

}  // namespace onoma::zone
