// Packed nodes and NSEC3 records → the encoding of zone/node.h. Two passes: what is there and how large it
// is, then the octets. Octets that are not trusted are checked after they were copied.
#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "wire/rdata.h"
#include "zone/image.h"
#include "zone/packed_sets.h"
#include "zone/record_writer.h"

namespace onoma::zone {

namespace {

using layout::Reader;

// Is `octets` a run of `count` strings and nothing else?
bool is_run(ByteView octets, std::size_t count) {
  std::size_t at = 0;
  for (; count > 0; --count) {
    if (octets.size() - at < 2) return false;
    at += 2U + load_u16(&octets[at]);
    if (at > octets.size()) return false;
  }
  return at == octets.size();
}

// A node as zone/node.h encodes it, from octets that anybody may have written.
bool is_node(const std::uint8_t* node, std::size_t octets) {
  if (octets < kNodeHeaderOctets || load_u32(node + 4) != octets) return false;
  const std::size_t sets = load_u16(node), name = node[2];
  const auto names_at = kNodeHeaderOctets + sets * kNodeSetOctets;
  if (names_at + name > octets || !Name::from_wire(ByteView(node + names_at, name))) return false;
  auto at = names_at + name;
  for (std::size_t i = 0; i < sets; ++i) {
    const auto* row = node + kNodeHeaderOctets + i * kNodeSetOctets;
    const std::size_t begin = load_u32(row + 12), middle = load_u32(row + 16), end = load_u32(row + 20);
    if (begin != at || middle < begin || end < middle || end > octets) return false;
    if (load_u16(row + 2) == 0 || !is_run({node + begin, middle - begin}, load_u16(row + 2)) ||
        !is_run({node + middle, end - middle}, load_u16(row + 4)))
      return false;
    const NodeView view(node);
    const auto set = view.at(i);
    for (auto data : set.rdatas())
      if (!wire::rdata_valid(set.type(), data)) return false;
    for (auto data : set.signatures())
      if (!wire::rdata_valid(RRType::RRSIG, data)) return false;
    at = end;
  }
  return at == octets;
}

}  // namespace

// Reads one packed node.
class Unfolder {
 public:
  explicit Unfolder(const Image& image) : image_(image), packed_(image) {}

  bool owner_of(Image::Unit unit) {
    std::size_t size = 0;
    Image::Head node;
    const auto apex = image_.apex().wire();
    while (unit != Image::kApex) {
      if (!image_.head(unit, node) || node.label.empty() ||
          size + 1 + node.label.size() + apex.size() > wire::kMaxNameOctets)
        return false;
      owner_[size] = static_cast<std::uint8_t>(node.label.size());
      std::memcpy(&owner_[size + 1], node.label.data(), node.label.size());
      size += 1 + node.label.size();
      if (node.parent == Image::kNone) break;
      unit = node.parent;
    }
    std::memcpy(&owner_[size], apex.data(), apex.size());
    owner_size_ = size + apex.size();
    return true;
  }

  // Fills the owner with the hash and the apex.
  bool hashed_owner(std::string_view hash, bool upper) {
    const auto apex = image_.apex().wire();
    if (33 + apex.size() > wire::kMaxNameOctets) return false;
    owner_[0] = 32;
    put_hash_label(hash, upper, &owner_[1]);
    std::memcpy(&owner_[33], apex.data(), apex.size());
    owner_size_ = 33 + apex.size();
    return true;
  }

  // REQUIRES: the owner is known.
  bool shared_set(const Image::Head& node) {
    if (node.body_octets < layout::kSharedOctets) return false;
    Reader in(node.body, node.body + layout::kSharedOctets);
    auto& set = sets_[set_count_++];
    if (!packed_.shape(in, set)) return false;
    const auto offset = in.fixed<std::uint32_t>();
    if (!in.ok() || offset >= image_.section_octets(layout::kPool)) return false;
    const auto entry =
        read_pool_entry(image_.section(layout::kPool) + offset, image_.section_end(layout::kPool));
    if (!entry || entry->count == 0 || entry->run.empty()) return false;
    set.count = entry->count;
    set.data = entry->run;
    set.data_octets = entry->run.size();
    if (entry->bits & layout::kRelative) {
      set.relative = true;
      if (!measure_relative(set)) return false;
    }
    return (node.bits & layout::kRaw) == 0 ||
           packed_sets({node.body + layout::kSharedOctets, node.body_octets - layout::kSharedOctets});
  }

  bool packed_sets(ByteView body) {
    Reader in(body.data(), body.data() + body.size());
    const auto count = in.varint();
    if (count > layout::kMostPackedSets - set_count_) return false;
    for (std::uint32_t i = 0; i < count; ++i)
      if (!packed_.set(in, sets_[set_count_++])) return false;
    return in.ok() && in.left() == 0;
  }

  bool nsec3_set(Reader in, std::string_view next_hash) {
    auto& set = sets_[set_count_++];
    return packed_.nsec3(in, next_hash, set, nsec3_) && in.ok() && in.left() == 0;
  }

  std::optional<NodeView> write(std::uint8_t flags, NodeScratch* scratch) {
    std::size_t size = kNodeHeaderOctets + set_count_ * kNodeSetOctets + owner_size_;
    for (std::size_t i = 0; i < set_count_; ++i) size += sets_[i].data_octets + sets_[i].signature_octets;
    EntryPtr owned;
    std::uint8_t* out = nullptr;
    if (scratch)
      out = scratch->take(size);
    else
      owned = EntryPtr::make_blank({}, size, out);
    if (!out) return std::nullopt;
    put(out, flags, size);
    if (!image_.trusted() && !is_node(out, size)) return std::nullopt;
    return NodeView(out, NodeHold(owned.detach()));
  }

  // A node that lies in the image as it is.
  std::optional<NodeView> raw(ByteView body, NodeScratch* scratch) const {
    if (body.size() < kNodeHeaderOctets) return std::nullopt;
    if (image_.trusted()) return NodeView(body.data());
    EntryPtr owned;
    std::uint8_t* out = nullptr;
    if (scratch)
      out = scratch->take(body.size());
    else
      owned = EntryPtr::make_blank({}, body.size(), out);
    if (!out) return std::nullopt;
    std::memcpy(out, body.data(), body.size());
    if (!is_node(out, body.size())) return std::nullopt;
    return NodeView(out, NodeHold(owned.detach()));
  }

 private:
  bool measure_relative(PackedSet& set) const {
    Reader in(set.data.data(), set.data.data() + set.data.size());
    while (in.ok() && in.left() > 0) {
      const auto* head = in.take(2);
      const auto size = head ? load_u16(head) : std::uint16_t{0};
      if (size & layout::kBelowOwner) set.data_octets += owner_size_;
      in.take(size & ~layout::kBelowOwner);
    }
    return in.ok();
  }

  // The octets may have changed since they were measured: then what is left stays as it is, and is_node()
  // finds it. The same goes for signatures.
  void put_relative(const PackedSet& set, std::uint8_t* out) const {
    Reader in(set.data.data(), set.data.data() + set.data.size());
    const auto* end = out + set.data_octets;
    while (in.left() > 0) {
      const auto* head = in.take(2);
      const std::size_t size = head ? load_u16(head) & ~layout::kBelowOwner : 0;
      const auto tail = head && load_u16(head) & layout::kBelowOwner ? owner_size_ : 0;
      const auto octets = in.bytes(size);
      if (!in.ok() || static_cast<std::size_t>(end - out) < 2 + size + tail) return;
      store_u16(out, static_cast<std::uint16_t>(size + tail));
      if (size > 0) std::memcpy(out + 2, octets.data(), size);
      std::memcpy(out + 2 + size, owner_.data(), tail);
      out += 2 + size + tail;
    }
  }

  void put_signatures(const PackedSet& set, std::uint8_t* out) const {
    auto in = packed_.signatures_of(set);
    const auto* end = out + set.signature_octets;
    PackedSignature one;
    for (std::uint16_t i = 0; i < set.signature_count; ++i) {
      if (!packed_.signature(in, one) || static_cast<std::size_t>(end - out) < 2 + one.octets()) return;
      store_u16(out, static_cast<std::uint16_t>(one.octets()));
      one.write(set.type, out + 2);
      out += 2 + one.octets();
    }
  }

  void put_nsec3(std::uint8_t* out) const {
    store_u16(out, static_cast<std::uint16_t>(nsec3_.octets()));
    nsec3_.write(out + 2);
  }

  void put(std::uint8_t* out, std::uint8_t flags, std::size_t size) const {
    auto* row = out + kNodeHeaderOctets;
    auto at = kNodeHeaderOctets + set_count_ * kNodeSetOctets + owner_size_;
    for (std::size_t i = 0; i < set_count_; ++i, row += kNodeSetOctets) {
      const auto& set = sets_[i];
      if (set.type == RRType::NS) flags |= kNodeNs;
      if (set.type == RRType::DNAME) flags |= kNodeDname;
      if (set.type == RRType::NSEC) flags |= kNodeNsec;
      store_u16(row, wire::number(set.type));
      store_u16(row + 2, set.count);
      store_u16(row + 4, set.signature_count);
      store_u16(row + 6, 0);
      store_u32(row + 8, set.ttl);
      store_u32(row + 12, static_cast<std::uint32_t>(at));
      if (!nsec3_.next_hash.empty())
        put_nsec3(out + at);
      else if (set.relative)
        put_relative(set, out + at);
      else
        std::memcpy(out + at, set.data.data(), set.data_octets);
      at += set.data_octets;
      store_u32(row + 16, static_cast<std::uint32_t>(at));
      if (set.signature_count > 0) put_signatures(set, out + at);
      at += set.signature_octets;
      store_u32(row + 20, static_cast<std::uint32_t>(at));
    }
    store_u16(out, static_cast<std::uint16_t>(set_count_));
    out[2] = static_cast<std::uint8_t>(owner_size_);
    out[3] = flags;
    store_u32(out + 4, static_cast<std::uint32_t>(size));
    std::memcpy(row, owner_.data(), owner_size_);
  }

  const Image& image_;
  const PackedReader packed_;
  std::array<std::uint8_t, wire::kMaxNameOctets + 1> owner_;
  std::size_t owner_size_ = 0;
  std::array<PackedSet, layout::kMostPackedSets + 1> sets_;
  std::size_t set_count_ = 0;
  PackedNsec3 nsec3_;  // the data of the one set, when it is that
};

std::optional<NodeView> Image::unfold(Unit unit, NodeScratch* scratch) const {
  Head node;
  if (!head(unit, node)) return std::nullopt;
  Unfolder unfolder(*this);
  std::optional<NodeView> out;
  if ((node.bits & (layout::kRaw | layout::kShared)) == layout::kRaw) {
    out = unfolder.raw({node.body, node.body_octets}, scratch);
  } else if (unfolder.owner_of(unit) &&
             (node.bits & layout::kEmpty ||
              (node.bits & layout::kShared ? unfolder.shared_set(node)
                                           : unfolder.packed_sets({node.body, node.body_octets})))) {
    const std::uint8_t flags = unit == kApex ? kNodeApex : node.bits & layout::kEmpty ? kNodeEmpty : 0;
    out = unfolder.write(flags, scratch);
  }
  if (lost()) out.reset();  // zeros may look like something else
  if (!out) note_damage();
  return out;
}

bool Image::nsec3_record(Unit unit, layout::Reader& body, std::string_view& next, bool& upper) const {
  const auto* at = section(layout::kNsec3) + std::size_t{unit} * layout::kUnit;
  layout::Reader in(at + 20, section_end(layout::kNsec3));
  const auto bits = in.fixed<std::uint8_t>();
  const auto octets = in.bytes(in.varint());
  if (!in.ok()) return fail_read(false);
  body = layout::Reader(octets.data(), octets.data() + octets.size());
  upper = (bits & layout::kUpper) != 0;
  if (bits & layout::kNextImplied) {
    const auto behind = nsec3_next(unit);
    if (!hash_at(behind == kNone ? nsec3_first() : behind, next)) return false;
  }
  return (bits & layout::kNsec3Raw) == 0;
}

std::optional<NodeView> Image::nsec3_unfold(Unit unit, NodeScratch* scratch) const {
  std::string_view hash, next_hash;
  if (!hash_at(unit, hash)) return std::nullopt;
  layout::Reader body(nullptr, nullptr);
  bool upper = false;
  const bool is_packed = nsec3_record(unit, body, next_hash, upper);
  Unfolder unfolder(*this);
  std::optional<NodeView> out;
  if (!body.ok()) return std::nullopt;
  if (!is_packed)
    out = unfolder.raw({body.at(), body.left()}, scratch);
  else if (unfolder.hashed_owner(hash, upper) && unfolder.nsec3_set(body, next_hash))
    out = unfolder.write(0, scratch);
  if (lost()) out.reset();
  if (!out) note_damage();
  return out;
}

Quick Image::referral(Unit unit, const Head& node) const {
  Quick out;
  constexpr auto kWanted = layout::kShared | layout::kNs | layout::kReady;
  if ((node.bits & kWanted) != kWanted || node.body_octets < layout::kSharedOctets) return out;
  const auto index = node.body[0];
  const auto offset = layout::load<std::uint32_t>(node.body + 1);
  if (index >= header_.shapes || offset >= section_octets(layout::kPool)) return fail_read(out);
  out.ttl = layout::load<std::uint32_t>(section(layout::kShapes) + std::size_t{index} * 8 + 4);
  out.place = section(layout::kPool) + offset;
  __builtin_prefetch(out.place);
  __builtin_prefetch(out.place + 64);
  out.node = unit;
  out.behind = node.next;
  out.kind = Quick::Kind::referral;
  return out;
}

}  // namespace onoma::zone
