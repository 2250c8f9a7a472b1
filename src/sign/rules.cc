#include "sign/rules.h"

#include <algorithm>

#include "base/check.h"
#include "base/encoding.h"
#include "crypto/digest.h"
#include "wire/rdata.h"

namespace onoma::sign {

namespace {
constexpr std::uint8_t kOptOutFlag = 1;
}  // namespace

std::vector<RRType> bitmap(Place place, std::span<const RRType> types, zone::Denial denial) {
  std::vector<RRType> out;
  out.reserve(types.size() + 2);
  bool any_signed = false;
  for (auto type : types) {
    // At a delegation only NS and DS are the parent's to speak of (RFC 4035 §2.3, RFC 5155 §7.1).
    if (place == Place::delegation && type != RRType::NS && type != RRType::DS) continue;
    out.push_back(type);
    any_signed = any_signed || is_signed(place, type);
  }
  if (denial == zone::Denial::nsec) {
    out.push_back(RRType::RRSIG);
    out.push_back(RRType::NSEC);
  } else if (any_signed) {
    out.push_back(RRType::RRSIG);
  }
  std::ranges::sort(out);
  return out;
}

Result<std::uint32_t> negative_ttl(std::uint32_t soa_ttl, ByteView soa_rdata) {
  const auto soa = wire::Soa::read(soa_rdata);
  if (!soa) return fail(Code::bad_request, "the SOA record at the apex cannot be read");
  return std::min(soa_ttl, soa->minimum_s);
}

Result<RRset> with_serial(RRset soa, std::uint32_t serial) {
  auto data = wire::Soa::read(soa.rdatas.at(0));
  if (!data) return fail(Code::bad_request, "the SOA record at the apex cannot be read");
  data->serial = serial;
  soa.rdatas[0] = data->rdata();
  soa.signatures.clear();
  return soa;
}

RRset nsec_set(Name owner, NameView next, std::span<const RRType> types, std::uint32_t ttl) {
  RRset set{std::move(owner), RRType::NSEC, ttl, {}, {}};
  set.rdatas.push_back(wire::nsec_rdata(next, types));
  return set;
}

std::string nsec3_hash(NameView name) {
  const auto lower = Name(name).lower();
  const auto hash = crypto::nsec3_hash(lower.wire(), {}, 0);
  return std::string(as_text(hash));
}

Name nsec3_owner(std::string_view hash, NameView apex) {
  CHECK(hash.size() == kHashOctets);
  auto name = Name::prepend(as_bytes(base32hex(as_bytes(hash))), apex);
  CHECK(name.has_value());  // check(policy) refuses apex names that leave no room
  return std::move(*name);
}

std::string hash_in_owner(NameView owner) {
  const auto hash = from_base32hex(as_text(owner.first_label()));
  if (!hash || hash->size() != kHashOctets) return {};
  return std::string(as_text(*hash));
}

RRset nsec3_set(std::string_view hash, std::string_view next_hash, NameView apex, bool opt_out,
                std::vector<RRType> types, std::uint32_t ttl) {
  wire::Nsec3 record;
  record.flags = opt_out ? kOptOutFlag : 0;
  record.next_hash = to_bytes(next_hash);
  record.types = std::move(types);
  RRset set{nsec3_owner(hash, apex), RRType::NSEC3, ttl, {}, {}};
  set.rdatas.push_back(record.rdata());
  return set;
}

}  // namespace onoma::sign
