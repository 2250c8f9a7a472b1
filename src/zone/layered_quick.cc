// The answers that LayeredSnapshot decides and writes from the image alone.
#include "wire/message.h"
#include "zone/denial.h"
#include "zone/layered_snapshot.h"
#include "zone/record_writer.h"

namespace onoma::zone {

namespace {

constexpr std::size_t kMostNodesBelow = 16;  // looked at for addresses; a cut with more is left to find()

std::uint16_t place_of(NameView question, NameView ending) {
  return static_cast<std::uint16_t>(wire::kHeaderOctets + question.size() - ending.size());
}

bool same_label(ByteView one, ByteView other) {
  if (one.size() != other.size()) return false;
  for (std::size_t i = 0; i < one.size(); ++i)
    if (wire::ascii_lower(one[i]) != wire::ascii_lower(other[i])) return false;
  return true;
}

}  // namespace

Quick LayeredSnapshot::quick(const LookupKey& key) const {
  Quick out;
  const auto apex_labels = image_->apex_labels();
  if (key.labels == apex_labels || node_flags(*apex_) & kNodeDname) return out;
  auto hash = image_->seed();
  for (auto level = apex_labels + 1; level <= key.labels; ++level) {
    const auto step = level - apex_labels - 1;
    hash = step < key.hashed ? key.hashes[step] : hash_step(hash, key.label(level));
    if (filter_ && filter_->maybe(hash) && names_.find(key.ancestor(level))) return out;
    Image::Head head;
    const auto unit = image_->find(key, level, hash, head);
    if (unit == Image::kNone) {
      if (facts_.star_names == 0 && !image_->damaged()) out.kind = Quick::Kind::missing;
      out.labels = static_cast<std::uint8_t>(level - 1);
      return out;
    }
    if (head.bits & layout::kNs) {
      if (head.bits & layout::kShared) {
        out = image_->referral(unit, head);
        out.labels = static_cast<std::uint8_t>(level);
        out.hash = hash;
      }
      return out;
    }
    if (head.bits & layout::kDname) return out;
  }
  return out;
}

// What the proof in the answer turns on: the delegated name, or the name one label below the closest
// encloser.
Nsec3Hash LayeredSnapshot::proof_hash(const Quick& quick, NameView name) const {
  if (quick.has_proof) return {quick.proof};
  const auto labels = quick.kind == Quick::Kind::missing ? quick.labels + std::size_t{1} : quick.labels;
  return nsec3_hash(name.ancestor(labels), facts_.zone);
}

void LayeredSnapshot::prepare_proof(Quick& quick, NameView name) const {
  if (facts_.zone.denial != Denial::nsec3) return;
  if (quick.kind == Quick::Kind::other || (quick.kind == Quick::Kind::referral && has_ds(quick))) return;
  quick.proof = proof_hash(quick, name).octets;
  quick.has_proof = true;
  image_->prefetch_nsec3_index(as_text(quick.proof));
}

void LayeredSnapshot::prefetch_proof(const Quick& quick) const {
  if (quick.has_proof) image_->prefetch_nsec3(as_text(quick.proof));
}

// Its sets behind the shared one are in ascending order of types, where DS is the first that there may be.
bool LayeredSnapshot::has_ds(const Quick& quick) const {
  Image::Head node;
  if (!image_->head(quick.node, node) || (node.bits & layout::kRaw) == 0) return false;
  layout::Reader in(node.body + layout::kSharedOctets, node.body + node.body_octets);
  PackedSet set;
  return in.varint() > 0 && PackedReader(*image_).shape(in, set) && set.type == RRType::DS;
}

// One message in the making.
struct LayeredSnapshot::Part {
  const QuickMessage& message;
  const PackedReader reader;
  RecordWriter out;
  MessagePlaces places;
  std::uint16_t authority = 0;  // records

  void section(ByteView octets, ByteView patches, std::uint16_t records, std::uint32_t ttl) {
    if (!out.ok() || octets.size() > out.room().size()) return out.fail();
    places.section = out.place();
    if (!write_section(out.room().data(), octets, patches, places, ttl)) return out.fail();
    out.filled(octets.size(), records);
  }
  void proof(const Negative::Proof& proof) {
    for (std::size_t i = 0, n = proof.node.size(); i < n; ++i)
      if (const auto encoded = encoded_set(proof.node, i); encoded.type == RRType::NSEC3)
        out.nsec3(proof.node.owner(), places.apex, encoded);
  }
};

std::optional<QuickWritten> LayeredSnapshot::write_quick(const Quick& quick,
                                                         const QuickMessage& message) const {
  const auto& name = message.name;
  Part part{.message = message,
            .reader = PackedReader(*image_),
            .out = RecordWriter(message.out, message.offset),
            .places = {.section = 0, .owner = 0, .apex = place_of(name, facts_.zone.apex)}};
  if (quick.kind == Quick::Kind::missing)
    write_negative(part, quick);
  else
    write_referral(part, quick);
  if (!part.out.ok() || image_->lost()) return std::nullopt;
  return QuickWritten{part.out.size(), part.authority,
                      static_cast<std::uint16_t>(part.out.records() - part.authority)};
}

void LayeredSnapshot::write_negative(Part& part, const Quick& quick) const {
  const auto& zone = facts_.zone;
  part.places.owner = part.places.apex;
  const bool with_signatures = part.message.dnssec && !negative_->signed_soa.octets.empty();
  const auto& soa = with_signatures ? negative_->signed_soa : negative_->soa;
  part.section(soa.octets, soa.patches, soa.records, zone.negative_ttl_s);
  if (part.message.dnssec && zone.denial != Denial::none) {
    // The closest encloser is the zone itself: two of three records are always the same.
    if (zone.denial != Denial::nsec3 || quick.labels != image_->apex_labels() || !negative_->apex ||
        !negative_->star)
      return part.out.fail();
    part.proof(*negative_->apex);
    if (negative_->star->hash != negative_->apex->hash) part.proof(*negative_->star);
    const auto hash = proof_hash(quick, part.message.name);
    if (!write_nsec3(part, hash.view(), true)) return part.out.fail();
  }
  part.authority = part.out.records();
}

void LayeredSnapshot::write_referral(Part& part, const Quick& quick) const {
  const auto entry = read_pool_entry(quick.place, image_->section_end(layout::kPool));
  if (!entry || (entry->bits & layout::kHasTemplate) == 0) return part.out.fail();
  part.places.owner = place_of(part.message.name, part.message.name.ancestor(quick.labels));
  const auto* servers = part.out.room().data();
  part.section(entry->wire, entry->patches, entry->count, quick.ttl);
  if (!part.out.ok()) return;
  // Octets that may change under us are left to those who check them.
  if (!image_->trusted() && (part.message.dnssec || !entry->own.empty())) return part.out.fail();
  const auto section = part.places.section;
  if (part.message.dnssec) write_security(part, quick);
  part.authority = part.out.records();
  part.places.section = section;
  if (!entry->own.empty()) write_addresses(part, quick, {servers, entry->wire.size()}, entry->own);
}

// The DS set of a delegation, or the proof that there is none.
void LayeredSnapshot::write_security(Part& part, const Quick& quick) const {
  Image::Head node;
  if (!image_->head(quick.node, node)) return part.out.fail();
  const auto denial = facts_.zone.denial;
  if (node.bits & layout::kRaw) {
    layout::Reader in(node.body + layout::kSharedOctets, node.body + node.body_octets);
    PackedSet set;
    for (auto left = in.varint(); left > 0; --left) {
      if (!part.reader.set(in, set)) return part.out.fail();
      const bool ds = set.type == RRType::DS;
      if (!ds && (set.type != RRType::NSEC || denial != Denial::nsec)) continue;
      part.out.set(part.places.owner, set);
      part.out.signatures(part.places.owner, set, part.reader);
      return;  // DS stands in front of NSEC
    }
  }
  if (denial == Denial::nsec) return part.out.fail();
  if (denial == Denial::nsec3) write_match_or_span(part, quick);
}

// A delegation without DS: its own NSEC3 record, or the span of opt-out that it lies in.
void LayeredSnapshot::write_match_or_span(Part& part, const Quick& quick) const {
  const auto hash = proof_hash(quick, part.message.name);
  if (write_nsec3(part, hash.view(), false)) return;
  if (quick.labels != image_->apex_labels() + 1 || !negative_->apex) return part.out.fail();
  part.proof(*negative_->apex);
  if (!write_nsec3(part, hash.view(), true)) part.out.fail();
}

// The record that matches the hash, or the one that covers it, unless that is one of the two that all have.
// False when there is none.
bool LayeredSnapshot::write_nsec3(Part& part, std::string_view hash, bool cover) const {
  const auto held_already = [&](std::string_view record) {
    return (part.out.records() > 0 && cover) &&
           ((negative_->apex && record == as_text(negative_->apex->hash)) ||
            (part.places.owner == part.places.apex && negative_->star &&
             record == as_text(negative_->star->hash)));
  };
  std::optional<NodeView> node;
  if (nsec3_.size() == 0) {
    auto unit = cover ? image_->nsec3_at_or_before(hash) : image_->nsec3_lower_bound(hash);
    if (cover && unit == Image::kNone) unit = image_->nsec3_last();
    std::string_view there;
    if (unit == Image::kNone || !image_->hash_at(unit, there)) return false;
    if ((there == hash) == cover) return false;
    if (held_already(there)) return true;
    std::string_view next;
    layout::Reader body(nullptr, nullptr);
    bool upper = false;
    if (image_->nsec3_record(unit, body, next, upper)) {
      PackedSet set;
      PackedNsec3 data;
      if (!part.reader.nsec3(body, next, set, data)) return false;
      part.out.nsec3(there, upper, part.places.apex, set, data, part.reader);
      return true;
    }
    node = image_->nsec3_unfold(unit, part.message.scratch);
  } else {
    node = cover ? nsec3_at_or_before(hash, part.message.scratch) : nsec3_match(hash, part.message.scratch);
    const auto held = node ? nsec3_hash_of(node->owner()) : std::nullopt;
    if (!held || (held->view() == hash) == cover) return false;
    if (held_already(held->view())) return true;
  }
  if (!node) return false;
  part.proof({{}, *std::move(node)});
  return true;
}

// Of servers directly below the cut, whose names stand in the section that begins at `servers`.
void LayeredSnapshot::write_addresses(Part& part, const Quick& quick, ByteView servers, ByteView own) const {
  const auto label_at = [&](std::size_t i) -> ByteView {
    const std::size_t place = layout::load<std::uint16_t>(&own[i]);
    if (place >= servers.size() || place + servers[place] >= servers.size()) return {};
    return servers.subspan(place + 1, servers[place]);
  };
  if (filter_) {
    std::array<char, wire::kMaxLabelOctets> lower;
    for (std::size_t i = 0; i < own.size(); i += 2) {
      const auto label = label_at(i);
      for (std::size_t c = 0; c < label.size(); ++c)
        lower[c] = static_cast<char>(wire::ascii_lower(label[c]));
      if (filter_->maybe(hash_step(quick.hash, {lower.data(), label.size()}))) return part.out.fail();
    }
  }
  Image::Head node;
  auto unit = quick.behind;
  for (std::size_t steps = 0; unit != Image::kNone; unit = node.next) {
    if (++steps > kMostNodesBelow || !image_->head(unit, node)) return part.out.fail();
    if (node.parent == Image::kNone || node.parent < quick.node) return;  // no longer below the cut
    if (node.parent != quick.node || node.is_empty()) continue;
    for (std::size_t i = 0; i < own.size(); i += 2) {
      if (!same_label(label_at(i), node.label)) continue;
      if (node.bits & (layout::kRaw | layout::kShared)) return part.out.fail();
      layout::Reader in(node.body, node.body + node.body_octets);
      const auto owner =
          static_cast<std::uint16_t>(part.places.section + layout::load<std::uint16_t>(&own[i]));
      PackedSet set;
      for (auto left = in.varint(); left > 0; --left) {
        if (!part.reader.set(in, set)) return part.out.fail();
        if (set.type == RRType::A || set.type == RRType::AAAA) part.out.set(owner, set);
      }
      break;
    }
  }
}

}  // namespace onoma::zone
