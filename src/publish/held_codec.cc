#include "publish/held_codec.h"

namespace onoma::publish {
namespace {

constexpr std::uint32_t kMagic = 0x4F484431;  // "OHD1"

void put_time(ByteWriter& out, Time time) {
  out.u64(static_cast<std::uint64_t>(time.time_since_epoch().count()));
}

std::optional<Time> get_time(ByteReader& in) {
  const auto value = in.u64();
  if (!value) return std::nullopt;
  return Time{Duration{static_cast<std::int64_t>(*value)}};
}

void put_digest(ByteWriter& out, const zone::SetDigest& digest) {
  for (const auto word : digest.sum) out.u64(word);
}

}  // namespace

std::unexpected<Error> damaged_held() {
  return fail(Code::corrupt, "a record of a held version is damaged");
}

Bytes encode_held(const HeldVersion& version, bool with_diff) {
  Bytes out;
  ByteWriter writer(out);
  writer.u32(kMagic);
  writer.u8(static_cast<std::uint8_t>(version.kind));
  writer.u8(version.unsigned_diff ? 1 : 0);
  writer.u8(version.expected ? 1 : 0);
  writer.block(version.zone.wire());
  writer.u32(version.serial);
  writer.u32(version.from_serial);
  writer.u64(version.first_event);
  writer.u64(version.last_event);
  put_time(writer, version.at);
  put_time(writer, version.committed);
  writer.u64(version.rrsets);
  if (version.expected) {
    writer.u64(version.expected->delegations);
    writer.u64(version.expected->ds_sets);
    put_digest(writer, version.expected->content);
  }
  writer.block(as_bytes(version.reason));
  if (with_diff) {
    writer.block(zone::encode(version.diff));
  } else {
    zone::Diff none{
        .apex = version.zone, .from_serial = version.from_serial, .to_serial = version.serial, .changes = {}};
    writer.block(zone::encode(none));
  }
  return out;
}

Result<HeldVersion> decode_held(ByteView octets) {
  ByteReader in(octets);
  if (in.u32() != kMagic) return damaged_held();
  const auto kind = in.u8(), is_unsigned = in.u8(), has_expected = in.u8();
  if (!has_expected || *kind < 1 || *kind > 3) return damaged_held();
  const auto zone_octets = in.block();
  if (!zone_octets) return damaged_held();
  auto zone_name = wire::Name::from_wire(*zone_octets);
  if (!zone_name) return damaged_held();
  HeldVersion out;
  out.kind = static_cast<HeldKind>(*kind);
  out.unsigned_diff = *is_unsigned != 0;
  out.zone = *zone_name;
  const auto serial = in.u32(), from = in.u32();
  const auto first = in.u64(), last = in.u64();
  const auto at = get_time(in), committed = get_time(in);
  const auto rrsets = in.u64();
  if (!rrsets) return damaged_held();
  out.serial = *serial;
  out.from_serial = *from;
  out.first_event = *first;
  out.last_event = *last;
  out.at = *at;
  out.committed = *committed;
  out.rrsets = *rrsets;
  if (*has_expected != 0) {
    zone::Expected expected;
    const auto delegations = in.u64(), ds_sets = in.u64();
    for (auto& word : expected.content.sum) {
      const auto value = in.u64();
      if (!value) return damaged_held();
      word = *value;
    }
    expected.delegations = *delegations;
    expected.ds_sets = *ds_sets;
    out.expected = expected;
  }
  const auto reason = in.block();
  if (!reason) return damaged_held();
  out.reason = std::string(as_text(*reason));
  const auto diff = in.block();
  if (!diff || !in.done()) return damaged_held();
  ONOMA_TRY(out.diff, zone::decode_diff(*diff));
  return out;
}

}  // namespace onoma::publish
