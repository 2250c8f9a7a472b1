// Packed nodes and NSEC3 records → the encoding of zone/node.h. Two passes: what is there and how large it
// is, then the octets. Octets that are not trusted are checked after they were copied.
#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "wire/rdata.h"
#include "zone/image.h"

namespace onoma::zone {

namespace {

using layout::Reader;

constexpr std::size_t kRrsigHead = 18;  // octets in front of the signer's name (RFC 4034 §3.1)

struct PackedSet {
  RRType type{};
  std::uint32_t ttl = 0;
  std::uint16_t count = 0, signature_count = 0;
  ByteView data;                                      // runs; NSEC3: see below
  const std::uint8_t* signatures = nullptr;           // packed
  std::size_t data_octets = 0, signature_octets = 0;  // unfolded
};

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
  explicit Unfolder(const Image& image) : image_(image) {}

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
    constexpr std::string_view kUpperDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUV",
                               kLowerDigits = "0123456789abcdefghijklmnopqrstuv";
    const auto& digits = upper ? kUpperDigits : kLowerDigits;
    std::uint32_t bits = 0;
    int held = 0;
    std::size_t out = 1;
    for (auto c : hash) {
      bits = bits << 8 | static_cast<std::uint8_t>(c);
      for (held += 8; held >= 5; held -= 5)
        owner_[out++] = static_cast<std::uint8_t>(digits[bits >> (held - 5) & 31]);
    }
    std::memcpy(&owner_[33], apex.data(), apex.size());
    owner_size_ = 33 + apex.size();
    return true;
  }

  bool shared_set(const Image::Head& node) {
    if (node.body_octets < layout::kSharedOctets) return false;
    Reader in(node.body, node.body + layout::kSharedOctets);
    std::uint8_t flags = 0;
    auto& set = sets_[set_count_++];
    if (!shape(in, set, flags)) return false;
    const auto offset = in.fixed<std::uint32_t>();
    if (!in.ok() || offset >= image_.section_octets(layout::kPool)) return false;
    Reader pool(image_.section(layout::kPool) + offset, image_.section_end(layout::kPool));
    pool.take(1);
    if (!runs(pool, set)) return false;
    return (node.bits & layout::kRaw) == 0 ||
           packed_sets({node.body + layout::kSharedOctets, node.body_octets - layout::kSharedOctets});
  }

  bool packed_sets(ByteView body) {
    Reader in(body.data(), body.data() + body.size());
    const auto count = in.varint();
    if (count > layout::kMostPackedSets - set_count_) return false;
    for (std::uint32_t i = 0; i < count; ++i) {
      std::uint8_t flags = 0;
      auto& set = sets_[set_count_++];
      if (!shape(in, set, flags) || !runs(in, set)) return false;
      if (flags & layout::kShapeSigned && !skip_signatures(in, set)) return false;
    }
    return in.ok() && in.left() == 0;
  }

  // {u8 shape, u8 string: what stands in front of the next hash, [20 octets of next hash], u8 string: the
  // bitmap, [signatures]}
  bool nsec3_set(Reader in, std::string_view next_hash) {
    auto& set = sets_[set_count_++];
    std::uint8_t flags = 0;
    if (!shape(in, set, flags)) return false;
    nsec3_head_ = string(in);
    nsec3_next_ = as_bytes(next_hash);
    if (next_hash.empty()) nsec3_next_ = in.bytes(20);
    nsec3_bitmap_ = string(in);
    if (!in.ok()) return false;
    set.count = 1;
    set.data_octets = 2 + nsec3_head_.size() + 1 + 20 + nsec3_bitmap_.size();
    if (flags & layout::kShapeSigned && !skip_signatures(in, set)) return false;
    return in.ok() && in.left() == 0;
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
  bool shape(Reader& in, PackedSet& set, std::uint8_t& flags) const {
    const auto index = in.fixed<std::uint8_t>();
    const std::uint8_t* row = nullptr;
    if (index == layout::kEscape)
      row = in.take(8);
    else if (index < image_.header().shapes)
      row = image_.section(layout::kShapes) + std::size_t{index} * 8;
    if (!row) return false;
    set = {};
    set.type = static_cast<RRType>(layout::load<std::uint16_t>(row));
    flags = row[2];
    set.ttl = layout::load<std::uint32_t>(row + 4);
    return true;
  }

  static bool runs(Reader& in, PackedSet& set) {
    const auto count = in.varint();
    set.data = in.bytes(in.varint());
    set.data_octets = set.data.size();
    set.count = static_cast<std::uint16_t>(count);
    return in.ok() && count > 0 && count <= 0xffff;
  }

  ByteView string(Reader& in) const {
    const auto index = in.fixed<std::uint8_t>();
    if (index == layout::kEscape) return in.bytes(in.varint());
    const auto count = image_.header().strings;
    if (index >= count) {
      in.take(in.left() + 1);
      return {};
    }
    const auto* table = image_.section(layout::kStrings);
    const std::size_t base = std::size_t{count} * 4, room = image_.section_octets(layout::kStrings) - base;
    const std::size_t begin = index == 0 ? 0 : layout::load<std::uint32_t>(table + (index - 1U) * 4U);
    const std::size_t end = layout::load<std::uint32_t>(table + index * 4U);
    if (begin > end || end > room) {
      in.take(in.left() + 1);
      return {};
    }
    return {table + base + begin, end - begin};
  }

  // A signature: {u8 string: algorithm, labels, TTL, tag and signer, u32 expiration, u32 inception, varint
  // octets of signature, signature}
  bool skip_signatures(Reader& in, PackedSet& set) const {
    const auto count = in.varint();
    if (count > 0xffff) return false;
    set.signature_count = static_cast<std::uint16_t>(count);
    set.signatures = in.at();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      const auto head = string(in);
      in.take(8);
      const auto size = in.varint();
      in.take(size);
      if (head.size() < 9) return false;
      const auto octets = kRrsigHead + head.size() - 8 + size;
      if (octets > 0xffff) return false;
      set.signature_octets += 2 + octets;
    }
    return in.ok();
  }

  void put_signatures(const PackedSet& set, std::uint8_t* out) const {
    Reader in(set.signatures, image_.octets().data() + image_.octets().size());
    const auto* end = out + set.signature_octets;
    for (std::uint16_t i = 0; i < set.signature_count; ++i) {
      const auto head = string(in);
      const auto* times = in.take(8);
      const auto signature = in.bytes(in.varint());
      const auto octets = kRrsigHead + head.size() - 8 + signature.size();
      // The octets may have changed since they were measured: then what is left stays as it is, and is_node()
      // finds it.
      if (!in.ok() || head.size() < 9 || static_cast<std::size_t>(end - out) < 2 + octets) return;
      store_u16(out, static_cast<std::uint16_t>(octets));
      store_u16(out + 2, wire::number(set.type));
      std::memcpy(out + 4, head.data(), 6);
      store_u32(out + 10, layout::load<std::uint32_t>(times));
      store_u32(out + 14, layout::load<std::uint32_t>(times + 4));
      std::memcpy(out + 18, head.data() + 6, head.size() - 6);
      std::memcpy(out + 18 + head.size() - 6, signature.data(), signature.size());
      out += 2 + octets;
    }
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
      if (nsec3_next_.size() == 20) {
        auto* data = out + at;
        store_u16(data, static_cast<std::uint16_t>(set.data_octets - 2));
        std::memcpy(data + 2, nsec3_head_.data(), nsec3_head_.size());
        data += 2 + nsec3_head_.size();
        *data++ = 20;
        std::memcpy(data, nsec3_next_.data(), 20);
        if (!nsec3_bitmap_.empty()) std::memcpy(data + 20, nsec3_bitmap_.data(), nsec3_bitmap_.size());
      } else {
        std::memcpy(out + at, set.data.data(), set.data_octets);
      }
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
  std::array<std::uint8_t, wire::kMaxNameOctets + 1> owner_;
  std::size_t owner_size_ = 0;
  std::array<PackedSet, layout::kMostPackedSets + 1> sets_;
  std::size_t set_count_ = 0;
  ByteView nsec3_head_, nsec3_next_, nsec3_bitmap_;
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

std::optional<NodeView> Image::nsec3_unfold(Unit unit, NodeScratch* scratch) const {
  std::string_view hash, next_hash;
  if (!hash_at(unit, hash)) return std::nullopt;
  const auto* at = section(layout::kNsec3) + std::size_t{unit} * layout::kUnit;
  layout::Reader in(at + 20, section_end(layout::kNsec3));
  const auto bits = in.fixed<std::uint8_t>();
  const auto body = in.bytes(in.varint());
  if (!in.ok()) return fail_read(std::nullopt);
  Unfolder unfolder(*this);
  std::optional<NodeView> out;
  if (bits & layout::kNsec3Raw) {
    out = unfolder.raw(body, scratch);
  } else {
    if (bits & layout::kNextImplied) {
      const auto next = nsec3_next(unit);
      if (!hash_at(next == kNone ? nsec3_first() : next, next_hash)) return std::nullopt;
    }
    if (unfolder.hashed_owner(hash, (bits & layout::kUpper) != 0) &&
        unfolder.nsec3_set(layout::Reader(body.data(), body.data() + body.size()), next_hash))
      out = unfolder.write(0, scratch);
  }
  if (lost()) out.reset();
  if (!out) note_damage();
  return out;
}

Quick Image::referral(const Head& node) const {
  Quick out;
  if ((node.bits & (layout::kShared | layout::kNs | layout::kReady)) !=
          (layout::kShared | layout::kNs | layout::kReady) ||
      node.body_octets < layout::kSharedOctets)
    return out;
  const auto index = node.body[0];
  const auto offset = layout::load<std::uint32_t>(node.body + 1);
  if (index >= header_.shapes || offset >= section_octets(layout::kPool)) return fail_read(out);
  out.ttl = layout::load<std::uint32_t>(section(layout::kShapes) + std::size_t{index} * 8 + 4);
  out.place = section(layout::kPool) + offset;
  __builtin_prefetch(out.place);
  __builtin_prefetch(out.place + 64);
  out.kind = Quick::Kind::referral;
  return out;
}

std::optional<QuickSection> Image::section_at(const Quick& referral) const {
  layout::Reader in(referral.place, section_end(layout::kPool));
  QuickSection out;
  const auto bits = in.fixed<std::uint8_t>();
  out.records = static_cast<std::uint16_t>(in.varint());
  in.take(in.varint());
  out.wire = in.bytes(in.varint());
  out.patches = in.bytes(in.varint());
  if (!in.ok() || (bits & layout::kHasTemplate) == 0) return fail_read(std::nullopt);
  if (lost_ != nullptr) {
    // Touched before it is believed: what is lost is known then.
    volatile std::uint8_t seen = 0;
    for (const auto part : {out.wire, out.patches})
      if (!part.empty()) seen = static_cast<std::uint8_t>(seen ^ part.front() ^ part.back());
    if (lost()) return fail_read(std::nullopt);
  }
  return out;
}

}  // namespace onoma::zone
