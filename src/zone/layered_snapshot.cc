#include "zone/layered_snapshot.h"

#include <bit>

#include "zone/cursor_place.h"
#include "zone/facts.h"
#include "zone/layered_place.h"

namespace onoma::zone {

namespace {

using Order = LayeredPlace::Order;

std::uint8_t node_flags_of(const Image::Head& head) {
  std::uint8_t out = 0;
  if (head.bits & layout::kNs) out |= kNodeNs;
  if (head.bits & layout::kDname) out |= kNodeDname;
  if (head.bits & layout::kNsec) out |= kNodeNsec;
  return out;
}

}  // namespace

DeltaFilter::DeltaFilter(std::size_t bits)
    : mask_(bits / 64 - 1), words_(std::make_unique<std::atomic<std::uint64_t>[]>(bits / 64)) {}

std::optional<NodeView> Snapshot::node(std::string_view sort_key) const {
  LookupKey key;
  LookupKey::from_sort_key(sort_key, key);
  return node(key);
}

Result<SnapshotPtr> snapshot_of(ImagePtr image) {
  return LayeredSnapshot::make(std::move(image));
}

Result<SnapshotPtr> LayeredSnapshot::make(ImagePtr image) {
  std::shared_ptr<LayeredSnapshot> made(new LayeredSnapshot());
  ONOMA_TRY(made->facts_, image->facts());
  made->image_ = std::move(image);
  made->apex_key_ = made->image_->apex_key();
  made->names_ = Tree(made->apex_key_);
  if (made->facts_.digest) made->digest_.set(*made->facts_.digest);
  if (!made->refresh_facts())
    return fail(Code::corrupt, "the compiled zone has no SOA record at its apex; compile it again");
  return SnapshotPtr(std::move(made));
}

LayeredSnapshot::LayeredSnapshot(const LayeredSnapshot& other)
    : image_(other.image_),
      facts_(other.facts_),
      apex_key_(other.apex_key_),
      names_(other.names_),
      nsec3_(other.nsec3_),
      delta_octets_(other.delta_octets_),
      filter_(other.filter_),
      apex_(other.apex_),
      negative_(other.negative_),
      digest_(other.digest_) {}

void LayeredSnapshot::prepare(LookupKey& key) const {
  auto hash = image_->seed();
  const auto first = image_->apex_labels() + 1;
  std::uint8_t count = 0;
  for (auto level = first; level <= key.labels && count < LookupKey::kHashed; ++level, ++count) {
    hash = hash_step(hash, key.label(level));
    key.hashes[count] = hash;
    image_->prefetch_index(hash);
  }
  key.hashed = count;
}

void LayeredSnapshot::prefetch(const LookupKey& key) const {
  for (std::size_t i = 0; i < key.hashed && i < 2; ++i) image_->prefetch_node(key.hashes[i]);
}

std::uint64_t LayeredSnapshot::hash_of(const LookupKey& key, std::size_t labels) const {
  const auto steps = labels - image_->apex_labels();
  if (steps > 0 && steps <= key.hashed) return key.hashes[steps - 1];
  auto hash = image_->seed();
  for (auto level = image_->apex_labels() + 1; level <= labels; ++level)
    hash = hash_step(hash, key.label(level));
  return hash;
}

LayeredSnapshot::Held LayeredSnapshot::held(const LookupKey& key, std::size_t labels,
                                            std::uint64_t hash) const {
  Held out;
  if (filter_ && filter_->maybe(hash)) {
    if (const auto* entry = names_.find(key.ancestor(labels))) {
      out.entry = entry;
      out.flags = entry->flags();
      out.state = out.flags & kNodeGone    ? Held::State::absent
                  : out.flags & kNodeEmpty ? Held::State::empty
                                           : Held::State::owner;
      return out;
    }
  }
  Image::Head head;
  out.unit = image_->find(key, labels, hash, head);
  if (out.unit == Image::kNone) return out;
  out.flags = node_flags_of(head);
  out.state = head.is_empty() ? Held::State::empty : Held::State::owner;
  return out;
}

LayeredSnapshot::Held LayeredSnapshot::held(std::string_view sort_key) const {
  LookupKey key;
  LookupKey::from_sort_key(sort_key, key);
  if (sort_key == apex_key_) {
    Held out;
    out.entry = names_.find(sort_key);
    if (!out.entry) out.unit = Image::kApex;
    out.flags = node_flags(*apex_);
    out.state = Held::State::owner;
    return out;
  }
  return held(key, key.labels, hash_of(key, key.labels));
}

std::optional<NodeView> LayeredSnapshot::unfold(const Held& held, NodeScratch* scratch) const {
  if (held.entry) return held.entry->node();
  return image_->unfold(held.unit, scratch);
}

Lookup LayeredSnapshot::find(const LookupKey& key, NodeScratch* scratch) const {
  Lookup found;
  const auto apex_labels = image_->apex_labels();
  found.encloser_labels = static_cast<std::uint8_t>(apex_labels);
  const auto take = [&](const Held& held) {
    auto node = unfold(held, scratch);
    found.damaged |= !node.has_value();
    return node;
  };
  const auto apex_flags = node_flags(*apex_);
  if (key.labels == apex_labels) {
    found.exact = apex_;
    found.exists = true;
    return found;
  }
  if (apex_flags & kNodeDname) {
    found.dname = apex_;
    return found;
  }
  auto hash = image_->seed();
  for (auto level = apex_labels + 1; level <= key.labels; ++level) {
    const auto step = level - apex_labels - 1;
    hash = step < key.hashed ? key.hashes[step] : hash_step(hash, key.label(level));
    const auto here = held(key, level, hash);
    if (here.state == Held::State::absent) {
      if (facts_.star_names > 0) {
        LookupKey star;
        const auto above = key.ancestor(level - 1);
        std::memcpy(star.octets.data(), above.data(), above.size());
        star.octets[above.size()] = '*';
        star.octets[above.size() + 1] = 0;
        star.size = static_cast<std::uint16_t>(above.size() + 2);
        std::copy_n(key.ends.begin(), level, star.ends.begin());
        star.ends[level] = star.size;
        star.labels = static_cast<std::uint8_t>(level);
        star.hashed = 0;
        const auto wildcard = held(star, level, hash_of(star, level));
        if (wildcard.state == Held::State::owner) found.wildcard = take(wildcard);
        found.wildcard_is_empty = wildcard.state == Held::State::empty;
      }
      found.damaged |= image_->damaged() && !image_->trusted();
      return found;
    }
    found.encloser_labels = static_cast<std::uint8_t>(level);
    if (here.state == Held::State::empty) continue;
    const bool last = level == key.labels;
    if (here.flags & kNodeNs) {
      found.cut = take(here);
      if (last) found.exact = found.cut;
    }
    if (here.flags & kNodeDname && !last) found.dname = take(here);
    if (last && !found.exact) found.exact = take(here);
    found.exists = last;
    if (found.cut || found.dname) return found;
  }
  found.exists = true;
  return found;
}

std::optional<NodeView> LayeredSnapshot::node(const LookupKey& key, NodeScratch* scratch) const {
  if (key.labels == image_->apex_labels()) return key.view() == apex_key_ ? apex_ : std::nullopt;
  if (key.labels < image_->apex_labels()) return std::nullopt;
  const auto here = held(key, key.labels, hash_of(key, key.labels));
  if (here.state != Held::State::owner) return std::nullopt;
  return unfold(here, scratch);
}

bool LayeredSnapshot::exists(std::string_view sort_key) const {
  return sort_key.starts_with(apex_key_) && held(sort_key).state != Held::State::absent;
}

std::optional<NodeView> LayeredSnapshot::nsec_at_or_before(std::string_view sort_key,
                                                           NodeScratch* scratch) const {
  if (facts_.nsec_sets == 0) return std::nullopt;
  if (auto node = nsec_not_behind(sort_key, scratch)) return node;
  static constexpr auto kBehindAll = [] {
    std::array<char, wire::kMaxSortKeyOctets> octets;
    octets.fill('\xff');
    return octets;
  }();
  return nsec_not_behind({kBehindAll.data(), kBehindAll.size()}, scratch);
}

// The last owner of an NSEC set at or before the key.
std::optional<NodeView> LayeredSnapshot::nsec_not_behind(std::string_view key, NodeScratch* scratch) const {
  std::array<std::uint8_t, wire::kMaxSortKeyOctets> here, image_key;
  for (bool or_at = true;; or_at = false) {
    const auto unit = or_at ? image_->at_or_before(key) : image_->before(key);
    const Entry* entry = nullptr;
    if (names_.size() > 0) {
      if (or_at) entry = names_.find(key);
      if (const auto place = names_.before(key); !entry && place.valid()) entry = place.entry();
    }
    if (unit == Image::kNone && !entry) return std::nullopt;
    std::size_t size = 0;
    if (unit != Image::kNone) size = image_->key(unit, image_key.data());
    const auto in_image = as_text(ByteView(image_key).first(size));
    const bool from_delta = entry && (unit == Image::kNone || entry->key() >= in_image);
    if (from_delta) {
      if (entry->flags() & kNodeNsec) return entry->node();
    } else {
      Image::Head head;
      if (!image_->head(unit, head)) return std::nullopt;
      if (head.bits & layout::kNsec) return image_->unfold(unit, scratch);
    }
    const auto next = from_delta ? entry->key() : in_image;
    if (!or_at && next >= key) return std::nullopt;  // damaged: it must go backwards
    std::memmove(here.data(), next.data(), next.size());
    key = as_text(ByteView(here).first(next.size()));
  }
}

std::optional<NodeView> LayeredSnapshot::nsec3_match(std::string_view hash, NodeScratch* scratch) const {
  if (nsec3_.size() > 0) {
    if (const auto* entry = nsec3_.find(hash))
      return entry->flags() & kNodeGone ? std::nullopt : std::optional(entry->node());
  }
  const auto unit = image_->nsec3_lower_bound(hash);
  std::string_view there;
  if (unit == Image::kNone || !image_->hash_at(unit, there) || there != hash) return std::nullopt;
  return image_->nsec3_unfold(unit, scratch);
}

std::optional<NodeView> LayeredSnapshot::nsec3_at_or_before(std::string_view hash,
                                                            NodeScratch* scratch) const {
  if (nsec3_.size() == 0) {
    auto unit = image_->nsec3_at_or_before(hash);
    if (unit == Image::kNone) unit = image_->nsec3_last();
    if (unit == Image::kNone) return std::nullopt;
    return image_->nsec3_unfold(unit, scratch);
  }
  if (auto match = nsec3_match(hash, scratch)) return match;
  LayeredPlace place(*this, Order::hashes);
  place.seek_before(hash);
  if (!place.valid()) place.seek_last();
  if (!place.valid()) return std::nullopt;
  return place.node(scratch);
}

Cursor LayeredSnapshot::first() const {
  return seek(apex_key_);
}
Cursor LayeredSnapshot::seek(std::string_view sort_key) const {
  LayeredPlace place(*this, Order::names);
  place.seek(sort_key);
  return cursor_at(place);
}
Cursor LayeredSnapshot::seek_before(std::string_view sort_key) const {
  LayeredPlace place(*this, Order::names);
  place.seek_before(sort_key);
  return cursor_at(place);
}
Cursor LayeredSnapshot::nsec3_first() const {
  return nsec3_seek(std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
}
Cursor LayeredSnapshot::nsec3_seek(std::string_view hash) const {
  LayeredPlace place(*this, Order::hashes);
  place.seek(hash);
  return cursor_at(place);
}

const SetDigest& LayeredSnapshot::content_digest() const {
  if (const auto* known = digest_.known()) return *known;
  // Costs a hash per RRset, so it waits until somebody asks; later versions carry it on.
  SetDigest digest;
  for (auto place = first(); place.valid(); place.next()) {
    const auto node = place.node();
    for (std::size_t i = 0, n = node.size(); i < n; ++i)
      digest_set(digest, node.owner(), encoded_set(node, i), true);
  }
  return digest_.set(digest);
}

DeltaSize LayeredSnapshot::delta() const {
  return {names_.size() + nsec3_.size(), delta_octets_};
}

}  // namespace onoma::zone
