#include "gate/place.h"

#include <algorithm>

#include "wire/rrtype.h"

namespace onoma::gate {

bool hides_below(const NodeView& node, NameView apex) {
  return node.has(RRType::DNAME) || (node.has(RRType::NS) && !same_name(node.owner(), apex));
}

bool holds_data(const NodeView& node) {
  for (std::size_t i = 0; i < node.size(); ++i) {
    const auto type = node.at(i).type();
    if (type != RRType::NSEC && type != RRType::NSEC3 && type != RRType::RRSIG) return true;
  }
  return false;
}

Place place_of(const Snapshot& zone, NameView apex, NameView name) {
  Place place;
  const auto key = wire::sort_key(name);
  const auto labels = name.label_count();
  place.node = zone.node(key);
  for (auto count = apex.label_count(); count < labels; ++count) {
    const auto above = zone.node(wire::sort_key(name.ancestor(count)));
    if (!above || !hides_below(*above, apex)) continue;
    place.standing = Standing::occluded;
    place.covered = above;
    return place;
  }
  if (place.node && holds_data(*place.node)) {
    const bool cut = place.node->has(RRType::NS) && labels != apex.label_count();
    place.standing = cut ? Standing::cut : Standing::authoritative;
    place.secure = cut && place.node->has(RRType::DS);
    return place;
  }
  for (auto at = zone.seek(key); at.valid() && at.key().starts_with(key); at.next()) {
    if (!holds_data(at.node())) continue;
    place.standing = Standing::empty;
    break;
  }
  return place;
}

std::string key_behind_subtree(std::string_view key) {
  // A key ends with the octet 00 behind its last label; 01 is the next one, and no label may begin a key that
  // lies between, since 00 and 01 inside a label are written 01 01 and 01 02.
  std::string out(key);
  out.back() = '\x01';
  return out;
}

std::vector<std::uint16_t> types_to_show(const Place& place, bool nsec3) {
  std::vector<std::uint16_t> types;
  if (!place.node || (place.standing != Standing::authoritative && place.standing != Standing::cut))
    return types;
  bool any_signed = false;
  for (std::size_t i = 0; i < place.node->size(); ++i) {
    const auto type = place.node->at(i).type();
    if (type == RRType::RRSIG || type == RRType::NSEC3) continue;
    if (nsec3 && type == RRType::NSEC) continue;
    if (place.standing == Standing::cut) {
      if (type != RRType::NS && type != RRType::DS && type != RRType::NSEC) continue;
      if (type != RRType::NS) any_signed = true;
    } else {
      any_signed = true;
    }
    types.push_back(wire::number(type));
  }
  if (any_signed) types.push_back(wire::number(RRType::RRSIG));
  std::sort(types.begin(), types.end());
  return types;
}

Bytes encode_bitmap(const std::vector<std::uint16_t>& types) {
  Bytes out;
  for (std::size_t i = 0; i < types.size();) {
    const auto window = static_cast<std::uint8_t>(types[i] >> 8);
    std::array<std::uint8_t, 32> bits{};
    std::uint8_t used = 0;
    for (; i < types.size() && types[i] >> 8 == window; ++i) {
      const auto low = types[i] & 0xFFU;
      bits[low / 8] = static_cast<std::uint8_t>(bits[low / 8] | 0x80U >> low % 8);
      used = static_cast<std::uint8_t>(low / 8 + 1);
    }
    out.push_back(window);
    out.push_back(used);
    out.insert(out.end(), bits.begin(), bits.begin() + used);
  }
  return out;
}

std::string bitmap_text(ByteView bitmap) {
  std::string out;
  ByteReader reader(bitmap);
  while (!reader.done()) {
    const auto window = reader.u8();
    const auto size = reader.u8();
    const auto octets = size ? reader.bytes(*size) : std::nullopt;
    if (!window || !octets || *size == 0 || *size > 32) return "(unreadable)";
    for (std::size_t i = 0; i < octets->size() * 8; ++i) {
      if (((*octets)[i / 8] & 0x80U >> i % 8) == 0) continue;
      if (!out.empty()) out += ' ';
      out += wire::type_text(static_cast<RRType>(*window * 256U + i));
    }
  }
  return out.empty() ? "nothing" : out;
}

}  // namespace onoma::gate
