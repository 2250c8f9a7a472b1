#include "sign/zone_digest.h"

#include <algorithm>

#include "base/check.h"
#include "wire/rdata.h"

namespace onoma::sign {

namespace {

using wire::RRset;
using wire::RRType;

constexpr std::uint8_t kSimple = 1;
constexpr std::uint16_t kClassIn = 1;

// RFC 8976 §3.4: the record as in a message, names in full and in lower case.
void append_record(Bytes& out, ByteView owner, RRType type, std::uint32_t ttl, ByteView data) {
  ByteWriter writer(out);
  writer.bytes(owner);
  writer.u16(wire::number(type));
  writer.u16(kClassIn);
  writer.u32(ttl);
  writer.u16(static_cast<std::uint16_t>(data.size()));
  writer.bytes(data);
}

}  // namespace

ZoneDigest::ZoneDigest(wire::NameView apex, ZonemdHash hash) : apex_(apex) {
  if (hash == ZonemdHash::sha512) stream_.emplace<crypto::Sha512Stream>();
}

void ZoneDigest::begin_set(wire::NameView owner, RRType type) {
  if (!std::ranges::equal(owner.wire(), owner_, {}, wire::ascii_lower)) {
    end_owner();
    owner_.clear();
    for (const auto octet : owner.wire()) owner_.push_back(wire::ascii_lower(octet));
    is_apex_ = wire::equal(owner, apex_);
  }
  is_zonemd_ = is_apex_ && type == RRType::ZONEMD;
}

void ZoneDigest::add_data(RRType type, std::uint32_t ttl, ByteView data) {
  const auto canonical = wire::canonical_rdata(type, data);
  if (wire::number(type) > wire::number(RRType::RRSIG)) {
    append_record(behind_, owner_, type, ttl, canonical);
    return;
  }
  record_.clear();
  append_record(record_, owner_, type, ttl, canonical);
  std::visit([&](auto& stream) { stream.update(record_); }, stream_);
}

void ZoneDigest::add_signature(std::uint32_t ttl, ByteView data) {
  signatures_.emplace_back(wire::canonical_rdata(RRType::RRSIG, data), ttl);
}

void ZoneDigest::end_owner() {
  std::ranges::sort(signatures_);
  record_.clear();
  for (const auto& [data, ttl] : signatures_) append_record(record_, owner_, RRType::RRSIG, ttl, data);
  signatures_.clear();
  std::visit(
      [&](auto& stream) {
        stream.update(record_);
        stream.update(behind_);
      },
      stream_);
  behind_.clear();
}

Bytes ZoneDigest::finish() {
  end_owner();
  return std::visit(
      [](auto& stream) {
        const auto digest = stream.finish();
        return Bytes(digest.begin(), digest.end());
      },
      stream_);
}

Bytes zone_digest(const zone::Snapshot& zone, ZonemdHash hash) {
  ZoneDigest digest(zone.apex().owner(), hash);
  const auto add = [&](const zone::NodeView& node) {
    for (std::size_t i = 0; i < node.size(); ++i) {
      const auto set = node.at(i);
      digest.add(node.owner(), set.type(), set.ttl(), set.rdatas(), set.signatures());
    }
  };
  // The owners of NSEC3 records take their place among the names: by hash is by name, as base32hex keeps the
  // order.
  auto names = zone.first();
  auto hashes = zone.nsec3_first();
  while (names.valid() || hashes.valid()) {
    const bool name_first =
        !hashes.valid() ||
        (names.valid() && wire::canonical_compare(names.node().owner(), hashes.node().owner()) < 0);
    auto& cursor = name_first ? names : hashes;
    add(cursor.node());
    cursor.next();
  }
  return digest.finish();
}

RRset zonemd_set(const wire::Name& apex, std::uint32_t serial, std::uint32_t ttl, ZonemdHash hash,
                 ByteView digest) {
  const std::size_t octets = hash == ZonemdHash::sha384 ? 48 : 64;
  const Bytes placeholder(octets);
  if (digest.empty()) digest = placeholder;
  CHECK(digest.size() == octets);
  Bytes data;
  ByteWriter writer(data);
  writer.u32(serial);
  writer.u8(kSimple);
  writer.u8(static_cast<std::uint8_t>(hash));
  writer.bytes(digest);
  return {apex, RRType::ZONEMD, ttl, {std::move(data)}, {}};
}

Result<void> complete_zonemd(const SetSigner& signer, const zone::Snapshot& before, zone::Diff& diff,
                             Time now) {
  const auto hash = signer.policy().zonemd;
  if (!hash) return {};
  const auto change = std::ranges::find_if(diff.changes, [&](const zone::RRsetChange& one) {
    return one.type == RRType::ZONEMD && wire::equal(one.owner, signer.apex());
  });
  CHECK(change != diff.changes.end() && change->after);  // its serial changes with every version
  ONOMA_TRY(const auto after, before.apply(diff));
  auto& set = *change->after;
  set = zonemd_set(signer.apex(), diff.to_serial, set.ttl, *hash, zone_digest(*after, *hash));
  RRset* const one[] = {&set};
  return signer.sign(one, now);
}

}  // namespace onoma::sign
