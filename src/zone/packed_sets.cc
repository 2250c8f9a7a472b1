#include "zone/packed_sets.h"

#include <cstring>

namespace onoma::zone {

using layout::Reader;

namespace {
constexpr std::size_t kRrsigHead = 18;    // octets in front of the signer's name (RFC 4034 §3.1)
constexpr std::size_t kShortestHead = 9;  // of a signature: all but times, and the root as signer
}  // namespace

PackedReader::PackedReader(const Image& image)
    : shapes_(image.section(layout::kShapes)),
      strings_(image.section(layout::kStrings)),
      end_(image.octets().data() + image.octets().size()),
      shape_count_(image.header().shapes),
      string_count_(image.header().strings),
      string_octets_(image.section_octets(layout::kStrings)) {}

bool PackedReader::shape(Reader& in, PackedSet& set) const {
  const auto index = in.fixed<std::uint8_t>();
  const std::uint8_t* row = nullptr;
  if (index == layout::kEscape)
    row = in.take(8);
  else if (index < shape_count_)
    row = shapes_ + std::size_t{index} * 8;
  if (!row) return false;
  set = {};
  set.type = static_cast<RRType>(layout::load<std::uint16_t>(row));
  set.flags = row[2];
  set.ttl = layout::load<std::uint32_t>(row + 4);
  return true;
}

bool PackedReader::runs(Reader& in, PackedSet& set) {
  const auto count = in.varint();
  set.data = in.bytes(in.varint());
  set.data_octets = set.data.size();
  set.count = static_cast<std::uint16_t>(count);
  return in.ok() && count > 0 && count <= 0xffff;
}

ByteView PackedReader::string(Reader& in) const {
  const auto index = in.fixed<std::uint8_t>();
  if (index == layout::kEscape) return in.bytes(in.varint());
  if (index >= string_count_) {
    in.take(in.left() + 1);
    return {};
  }
  const std::size_t base = std::size_t{string_count_} * 4, room = string_octets_ - base;
  const std::size_t begin = index == 0 ? 0 : layout::load<std::uint32_t>(strings_ + (index - 1U) * 4U);
  const std::size_t end = layout::load<std::uint32_t>(strings_ + index * 4U);
  if (begin > end || end > room) {
    in.take(in.left() + 1);
    return {};
  }
  return {strings_ + base + begin, end - begin};
}

// {u8 string: algorithm, labels, TTL, tag and signer, u32 expiration, u32 inception, varint octets of
// signature, signature}
bool PackedReader::signature(Reader& in, PackedSignature& out) const {
  out.head = string(in);
  out.times = in.take(8);
  out.signature = in.bytes(in.varint());
  return in.ok() && out.head.size() >= kShortestHead && out.octets() <= 0xffff;
}

void PackedSignature::write(wire::RRType covered, std::uint8_t* out) const {
  store_u16(out, wire::number(covered));
  std::memcpy(out + 2, head.data(), 6);
  store_u32(out + 8, layout::load<std::uint32_t>(times));
  store_u32(out + 12, layout::load<std::uint32_t>(times + 4));
  std::memcpy(out + 16, head.data() + 6, head.size() - 6);
  std::memcpy(out + 10 + head.size(), signature.data(), signature.size());
}
static_assert(kRrsigHead == 10 + 8, "type covered and the times stand beside what a head holds");

void PackedNsec3::write(std::uint8_t* out) const {
  std::memcpy(out, head.data(), head.size());
  out += head.size();
  *out++ = static_cast<std::uint8_t>(next_hash.size());
  std::memcpy(out, next_hash.data(), next_hash.size());
  if (!bitmap.empty()) std::memcpy(out + next_hash.size(), bitmap.data(), bitmap.size());
}

bool PackedReader::signatures(Reader& in, PackedSet& set) const {
  const auto count = in.varint();
  if (count > 0xffff) return false;
  set.signature_count = static_cast<std::uint16_t>(count);
  set.signatures = in.at();
  PackedSignature one;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!signature(in, one)) return false;
    set.signature_octets += 2 + one.octets();
  }
  return in.ok();
}

bool PackedReader::set(Reader& in, PackedSet& set) const {
  return shape(in, set) && runs(in, set) && ((set.flags & layout::kShapeSigned) == 0 || signatures(in, set));
}

// {shape, u8 string: what stands in front of the next hash, [20 octets of next hash], u8 string: the bitmap,
// [signatures]}
bool PackedReader::nsec3(Reader& in, std::string_view next_hash, PackedSet& set, PackedNsec3& out) const {
  if (!shape(in, set)) return false;
  out.head = string(in);
  out.next_hash = next_hash.empty() ? in.bytes(20) : as_bytes(next_hash);
  out.bitmap = string(in);
  if (!in.ok() || out.next_hash.size() != 20) return false;
  set.count = 1;
  set.data_octets = 2 + out.octets();
  return (set.flags & layout::kShapeSigned) == 0 || signatures(in, set);
}

std::optional<PoolEntry> read_pool_entry(const std::uint8_t* at, const std::uint8_t* end) {
  Reader in(at, end);
  const auto* head = in.take(layout::kPoolHead);
  if (!head) return std::nullopt;
  PoolEntry out;
  out.bits = head[0];
  out.count = head[1];
  out.wire = in.bytes(layout::load<std::uint16_t>(head + 4));
  out.patches = in.bytes(std::size_t{head[2]} * 4);
  out.own = in.bytes(std::size_t{head[3]} * 2);
  out.run = in.bytes(layout::load<std::uint16_t>(head + 6));
  if (!in.ok()) return std::nullopt;
  return out;
}

void put_pool_entry(Bytes& out, const PoolEntry& entry) {
  out.push_back(entry.bits);
  out.push_back(entry.count);
  out.push_back(static_cast<std::uint8_t>(entry.patches.size() / 4));
  out.push_back(static_cast<std::uint8_t>(entry.own.size() / 2));
  layout::put_fixed(out, static_cast<std::uint16_t>(entry.wire.size()));
  layout::put_fixed(out, static_cast<std::uint16_t>(entry.run.size()));
  for (const auto part : {entry.wire, entry.patches, entry.own, entry.run}) append(out, part);
}

}  // namespace onoma::zone
