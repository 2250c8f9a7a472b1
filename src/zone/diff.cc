#include "zone/diff.h"

#include <algorithm>

#include <fmt/format.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::zone {

namespace {

// Octets: "ODIF", u8 version 1, name apex, u32 from, u32 to, u32 number of changes; per change: name owner,
// u16 type, u8 sides (1: before, 2: after), then a set for each side: u32 TTL, u16 records, u16 signatures,
// and each datum behind a u16 length. A name is its length in one octet and its wire form.
constexpr std::string_view kMagic = "ODIF";
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kBefore = 1, kAfter = 2;
constexpr std::size_t kSmallestChange = 1 + 1 + 2 + 1 + 8 + 2;  // for a sane first allocation

void put_name(ByteWriter& out, const wire::Name& name) {
  out.u8(static_cast<std::uint8_t>(name.size()));
  out.bytes(name.wire());
}

void put_set(ByteWriter& out, const wire::RRset& set) {
  out.u32(set.ttl);
  out.u16(static_cast<std::uint16_t>(set.rdatas.size()));
  out.u16(static_cast<std::uint16_t>(set.signatures.size()));
  for (const auto* run : {&set.rdatas, &set.signatures}) {
    for (const auto& data : *run) {
      out.u16(static_cast<std::uint16_t>(data.size()));
      out.bytes(data);
    }
  }
}

std::unexpected<Error> damaged(std::string_view what, std::size_t at) {
  return fail(Code::corrupt, fmt::format("a stored change is damaged at octet {}: {}", at, what));
}

Result<wire::Name> take_name(ByteReader& in) {
  const auto at = in.position();
  const auto size = in.u8();
  if (!size) return damaged("it ends too early", at);
  const auto octets = in.bytes(*size);
  if (!octets) return damaged("it ends too early", at);
  auto name = wire::Name::from_wire(*octets);
  if (!name) return damaged(wire::describe(name.error()), at);
  return *std::move(name);
}

Result<void> take_run(ByteReader& in, std::size_t count, wire::RRType type, std::vector<Bytes>& out) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = in.position();
    const auto size = in.u16();
    const auto octets = size ? in.bytes(*size) : std::nullopt;
    if (!octets) return damaged("it ends too early", at);
    if (!wire::rdata_valid(type, *octets))
      return damaged(fmt::format("record data without the form of {}", wire::type_text(type)), at);
    if (!out.empty() && !wire::canonical_less(type, out.back(), *octets))
      return damaged("records out of order", at);
    out.emplace_back(octets->begin(), octets->end());
  }
  return {};
}

Result<wire::RRset> take_set(ByteReader& in, const wire::Name& owner, wire::RRType type) {
  const auto at = in.position();
  wire::RRset set;
  set.owner = owner;
  set.type = type;
  const auto ttl = in.u32();
  const auto records = in.u16();
  const auto signatures = in.u16();
  if (!ttl || !records || !signatures) return damaged("it ends too early", at);
  if (*records == 0) return damaged("a set without records", at);
  set.ttl = *ttl;
  ONOMA_TRY_VOID(take_run(in, *records, type, set.rdatas));
  ONOMA_TRY_VOID(take_run(in, *signatures, wire::RRType::RRSIG, set.signatures));
  return set;
}

Result<RRsetChange> take_change(ByteReader& in, const wire::Name& apex) {
  const auto at = in.position();
  RRsetChange change;
  ONOMA_TRY(change.owner, take_name(in));
  if (!change.owner.is_at_or_below(apex)) return damaged("a name outside of the zone", at);
  const auto type = in.u16();
  const auto sides = in.u8();
  if (!type || !sides) return damaged("it ends too early", at);
  change.type = static_cast<wire::RRType>(*type);
  if (wire::is_meta_type(change.type) || change.type == wire::RRType::RRSIG)
    return damaged("a type that is no set of its own", at);
  if (*sides == 0 || *sides > (kBefore | kAfter)) return damaged("neither a before nor an after", at);
  if (*sides & kBefore) {
    ONOMA_TRY(change.before, take_set(in, change.owner, change.type));
  }
  if (*sides & kAfter) {
    ONOMA_TRY(change.after, take_set(in, change.owner, change.type));
  }
  return change;
}

}  // namespace

void Diff::sort() {
  std::vector<std::pair<std::string, std::size_t>> order;
  order.reserve(changes.size());
  for (std::size_t i = 0; i < changes.size(); ++i) order.emplace_back(wire::sort_key(changes[i].owner), i);
  std::sort(order.begin(), order.end(), [this](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    return changes[a.second].type < changes[b.second].type;
  });
  std::vector<RRsetChange> sorted;
  sorted.reserve(changes.size());
  for (const auto& [key, index] : order) sorted.push_back(std::move(changes[index]));
  changes = std::move(sorted);
}

Bytes encode(const Diff& diff) {
  Bytes octets;
  ByteWriter out(octets);
  out.bytes(as_bytes(kMagic));
  out.u8(kVersion);
  put_name(out, diff.apex);
  out.u32(diff.from_serial);
  out.u32(diff.to_serial);
  out.u32(static_cast<std::uint32_t>(diff.changes.size()));
  for (const auto& change : diff.changes) {
    put_name(out, change.owner);
    out.u16(wire::number(change.type));
    out.u8(static_cast<std::uint8_t>((change.before ? kBefore : 0) | (change.after ? kAfter : 0)));
    if (change.before) put_set(out, *change.before);
    if (change.after) put_set(out, *change.after);
  }
  return octets;
}

Result<Diff> decode_diff(ByteView octets) {
  ByteReader in(octets);
  const auto magic = in.bytes(kMagic.size());
  const auto version = in.u8();
  if (!magic || !version || as_text(*magic) != kMagic) return damaged("it does not begin as one", 0);
  if (*version != kVersion)
    return fail(Code::corrupt, fmt::format("a stored change has version {}; this program reads version {}",
                                           *version, kVersion));
  Diff diff;
  ONOMA_TRY(diff.apex, take_name(in));
  const auto from = in.u32();
  const auto to = in.u32();
  const auto count = in.u32();
  if (!from || !to || !count) return damaged("it ends too early", in.position());
  diff.from_serial = *from;
  diff.to_serial = *to;
  diff.changes.reserve(std::min<std::size_t>(*count, in.left() / kSmallestChange));
  for (std::uint32_t i = 0; i < *count; ++i) {
    ONOMA_TRY(diff.changes.emplace_back(), take_change(in, diff.apex));
  }
  if (!in.done()) return damaged("octets are left over", in.position());
  return diff;
}

}  // namespace onoma::zone
