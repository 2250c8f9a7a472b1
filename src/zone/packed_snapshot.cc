#include "zone/packed_snapshot.h"

#include <cstring>
#include <vector>

#include "base/check.h"
#include "zone/cursor_place.h"
#include "zone/facts.h"
#include "zone/image_file.h"

namespace onoma::zone {

namespace {

std::uint8_t tag_of(std::string_view label) {
  return static_cast<std::uint8_t>(hash_step(0, label));
}

// Is `label`, as stored, the label that sort keys write as `wanted`?
bool same_label(ByteView label, std::string_view wanted) {
  std::size_t at = 0;
  for (auto c : label) {
    if (c <= 1) {  // written as two octets
      if (at + 1 >= wanted.size() || wanted[at] != 1 || wanted[at + 1] != static_cast<char>(c + 1))
        return false;
      at += 2;
    } else {
      if (at == wanted.size() || static_cast<std::uint8_t>(wanted[at]) != wire::ascii_lower(c)) return false;
      ++at;
    }
  }
  return at == wanted.size();
}

// The sort key of a name, in place.
class KeyOf {
 public:
  explicit KeyOf(NameView name) : size_(wire::write_sort_key(name, octets_.data())) {}
  std::string_view view() const { return as_text(ByteView(octets_).first(size_)); }

 private:
  std::array<std::uint8_t, wire::kMaxSortKeyOctets> octets_;
  std::size_t size_;
};

}  // namespace

// What goes into a block.
struct PackedSnapshot::Parts {
  Bytes tags, nodes;
  std::vector<std::uint16_t> places, hashes;

  bool room() const {
    return tags.size() <= kMostOwners && hashes.size() <= kMostOwners && nodes.size() <= kMostOctets;
  }
  void put(const std::uint8_t* node, std::size_t octets, std::vector<std::uint16_t>& where) {
    where.push_back(static_cast<std::uint16_t>(nodes.size()));
    nodes.insert(nodes.end(), node, node + octets);
  }
  void put(const NodeView& node, std::vector<std::uint16_t>& where) {
    put(node.encoded(), load_u32(node.encoded() + 4), where);
  }
  void put_empty(NameView name) {
    Bytes node(encoded_octets(name, {}));
    encode_node(node.data(), name, kNodeEmpty, {});
    put(node.data(), node.size(), places);
  }
};

SnapshotPtr PackedSnapshot::make(const Snapshot& from) {
  const auto& facts = from.facts();
  if (facts.names > kMostOwners) return nullptr;
  Parts parts;
  const auto apex_labels = facts.apex.label_count();
  bool has_star = false;
  std::string last;
  LookupKey key;
  for (auto at = from.first(); at.valid(); at.next()) {
    const auto node = at.node();
    if (node.size() == 0 || load_u32(node.encoded() + 4) > kMostOctets) return nullptr;
    const auto owner = node.owner();
    LookupKey::from_sort_key(at.key(), key);
    if (key.labels < apex_labels || key.labels != owner.label_count()) return nullptr;
    for (auto level = apex_labels + 1; level < key.labels; ++level) {
      if (std::string_view(last).starts_with(key.ancestor(level))) continue;
      parts.tags.push_back(tag_of(key.label(level)));
      parts.put_empty(owner.ancestor(level));
    }
    parts.tags.push_back(key.labels == apex_labels ? 0 : tag_of(key.label(key.labels)));
    parts.put(node, parts.places);
    has_star = has_star || has_star_label(at.key());
    last = at.key();
    if (!parts.room()) return nullptr;
  }
  for (auto at = from.nsec3_first(); at.valid(); at.next()) {
    const auto node = at.node();
    if (node.size() == 0 || load_u32(node.encoded() + 4) > kMostOctets) return nullptr;
    parts.put(node, parts.hashes);
    if (!parts.room()) return nullptr;
  }
  if (parts.places.empty() || !NodeView(parts.nodes.data()).is_apex()) return nullptr;

  const auto behind =
      parts.tags.size() + 2 * (parts.places.size() + parts.hashes.size()) + parts.nodes.size();
  std::shared_ptr<PackedSnapshot> made(new (behind) PackedSnapshot(facts));
  made->owners_ = static_cast<std::uint8_t>(parts.tags.size());
  made->hashes_ = static_cast<std::uint8_t>(parts.hashes.size());
  made->apex_labels_ = static_cast<std::uint8_t>(apex_labels);
  made->has_star_ = has_star;
  auto* out = reinterpret_cast<std::uint8_t*>(made.get() + 1);
  const auto put = [&out](const void* octets, std::size_t size) {
    if (size > 0) std::memcpy(out, octets, size);
    out += size;
  };
  put(parts.tags.data(), parts.tags.size());
  put(parts.places.data(), 2 * parts.places.size());
  put(parts.hashes.data(), 2 * parts.hashes.size());
  put(parts.nodes.data(), parts.nodes.size());
  made->apex_ = made->owner(0);
  return made;
}

SnapshotPtr packed(SnapshotPtr snapshot) {
  if (!snapshot->image() || !image_is_trusted(*snapshot) || image_is_damaged(*snapshot)) return snapshot;
  auto small = PackedSnapshot::make(*snapshot);
  return small ? small : snapshot;
}

// No hashes are used; asks for what every look-up reads first.
void PackedSnapshot::prepare(LookupKey& key) const {
  key.hashed = 0;
  __builtin_prefetch(&apex_);
  __builtin_prefetch(nodes());
}

bool PackedSnapshot::is(std::size_t index, const LookupKey& key, std::size_t labels,
                        std::string_view first_label) const {
  auto name = owner(index).owner();
  const auto apex_octets = facts_.apex.size();
  for (auto level = labels; level > apex_labels_; --level) {
    if (name.size() <= apex_octets ||
        !same_label(name.first_label(), level == labels ? first_label : key.label(level)))
      return false;
    name = name.parent();
  }
  return name.size() == apex_octets;
}

std::size_t PackedSnapshot::place_of(const LookupKey& key, std::size_t labels,
                                     std::string_view first_label) const {
  const auto tag = tag_of(first_label);
  const auto* all = tags();
  for (std::size_t i = 1; i < owners_; ++i)
    if (all[i] == tag && is(i, key, labels, first_label)) return i;
  return kNone;
}

Lookup PackedSnapshot::find(const LookupKey& key, NodeScratch* /*scratch*/) const {
  Lookup found;
  found.encloser_labels = apex_labels_;
  if (key.labels == apex_labels_) {
    found.exact = apex_;
    found.exists = true;
    return found;
  }
  if (node_flags(apex_) & kNodeDname) {
    found.dname = apex_;
    return found;
  }
  for (auto level = std::size_t{apex_labels_} + 1; level <= key.labels; ++level) {
    const auto place = place_of(key, level);
    if (place == kNone) {
      if (has_star_) {
        const auto star = place_of(key, level, "*");
        if (star != kNone && node_flags(owner(star)) & kNodeEmpty)
          found.wildcard_is_empty = true;
        else if (star != kNone)
          found.wildcard = owner(star);
      }
      return found;
    }
    found.encloser_labels = static_cast<std::uint8_t>(level);
    const auto here = owner(place);
    const auto flags = node_flags(here);
    if (flags & kNodeEmpty) continue;
    const bool last = level == key.labels;
    if (flags & kNodeNs) found.cut = here;
    if (flags & kNodeDname && !last) found.dname = here;
    if (last) found.exact = here;
    found.exists = last;
    if (found.cut || found.dname) return found;
  }
  found.exists = true;
  return found;
}

std::optional<NodeView> PackedSnapshot::node(const LookupKey& key, NodeScratch* /*scratch*/) const {
  if (key.labels < apex_labels_) return std::nullopt;
  if (key.labels == apex_labels_)
    return key.view() == KeyOf(facts_.apex).view() ? std::optional(apex_) : std::nullopt;
  const auto place = place_of(key, key.labels);
  if (place == kNone || node_flags(owner(place)) & kNodeEmpty) return std::nullopt;
  return owner(place);
}

bool PackedSnapshot::exists(std::string_view sort_key) const {
  const KeyOf apex(facts_.apex);
  if (!sort_key.starts_with(apex.view())) return false;
  LookupKey key;
  LookupKey::from_sort_key(sort_key, key);
  return key.labels == apex_labels_ || place_of(key, key.labels) != kNone;
}

std::size_t PackedSnapshot::owners_before(std::string_view key, bool or_at) const {
  std::size_t low = 0, high = owners_;
  while (low < high) {
    const auto middle = (low + high) / 2;
    const auto order = KeyOf(owner(middle).owner()).view().compare(key);
    if (order < 0 || (order == 0 && or_at))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

std::size_t PackedSnapshot::hashes_before(std::string_view hash, bool or_at) const {
  std::size_t low = 0, high = hashes_;
  while (low < high) {
    const auto middle = (low + high) / 2;
    const auto there = nsec3_owner_hash(hashed(middle).owner(), facts_.apex);
    const auto order = as_text(*there).compare(hash);
    if (order < 0 || (order == 0 && or_at))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

std::optional<NodeView> PackedSnapshot::nsec_at_or_before(std::string_view sort_key,
                                                          NodeScratch* /*scratch*/) const {
  // Back from the key, then from the end.
  const auto behind = owners_before(sort_key, true);
  for (std::size_t step = 0; step < owners_; ++step) {
    auto node = owner((behind + owners_ - 1 - step) % owners_);
    if (node_flags(node) & kNodeNsec) return node;
  }
  return std::nullopt;
}

std::optional<NodeView> PackedSnapshot::nsec3_match(std::string_view hash, NodeScratch* /*scratch*/) const {
  const auto behind = hashes_before(hash, true);
  return behind > hashes_before(hash, false) ? std::optional(hashed(behind - 1)) : std::nullopt;
}

std::optional<NodeView> PackedSnapshot::nsec3_at_or_before(std::string_view hash,
                                                           NodeScratch* /*scratch*/) const {
  if (hashes_ == 0) return std::nullopt;
  const auto behind = hashes_before(hash, true);
  return hashed(behind > 0 ? behind - 1 : hashes_ - std::size_t{1});
}

// A place in one of the two orders: an index, kNone where there is nothing.
class PackedPlace {
 public:
  PackedPlace(const PackedSnapshot& zone, bool names, std::size_t index) : zone_(&zone), names_(names) {
    stand(index, true);
  }
  static PackedPlace before(const PackedSnapshot& zone, std::size_t behind) {
    PackedPlace out(zone, true, PackedSnapshot::kNone);
    out.stand(behind - 1, false);
    return out;
  }
  bool valid() const { return index_ != PackedSnapshot::kNone; }
  std::optional<NodeView> node(NodeScratch* /*scratch*/) const {
    return names_ ? zone_->owner(index_) : zone_->hashed(index_);
  }
  std::string_view key() const { return as_text(ByteView(key_).first(key_octets_)); }
  void next() { stand(index_ + 1, true); }
  void prev() { stand(index_ - 1, false); }

 private:
  // At `index`, or the next one that way that is no empty non-terminal. Below 0 is kNone.
  void stand(std::size_t index, bool forwards) {
    const std::size_t size = names_ ? zone_->owners_ : zone_->hashes_;
    while (names_ && index < size && node_flags(zone_->owner(index)) & kNodeEmpty)
      index = forwards ? index + 1 : index - 1;
    index_ = index < size ? index : PackedSnapshot::kNone;
    if (!valid()) return;
    if (names_) {
      key_octets_ = wire::write_sort_key(zone_->owner(index_).owner(), key_.data());
    } else if (const auto hash = nsec3_owner_hash(zone_->hashed(index_).owner(), zone_->facts_.apex)) {
      key_octets_ = hash->size();
      std::memcpy(key_.data(), hash->data(), hash->size());
    }
  }
  const PackedSnapshot* zone_;
  bool names_;
  std::size_t index_ = PackedSnapshot::kNone;
  std::array<std::uint8_t, wire::kMaxSortKeyOctets> key_;
  std::size_t key_octets_ = 0;
};

Cursor PackedSnapshot::first() const {
  return cursor_at(PackedPlace(*this, true, 0));
}
Cursor PackedSnapshot::seek(std::string_view sort_key) const {
  return cursor_at(PackedPlace(*this, true, owners_before(sort_key, false)));
}
Cursor PackedSnapshot::seek_before(std::string_view sort_key) const {
  return cursor_at(PackedPlace::before(*this, owners_before(sort_key, false)));
}
Cursor PackedSnapshot::nsec3_first() const {
  return cursor_at(PackedPlace(*this, false, 0));
}
Cursor PackedSnapshot::nsec3_seek(std::string_view hash) const {
  return cursor_at(PackedPlace(*this, false, hashes_before(hash, false)));
}

Result<SnapshotPtr> PackedSnapshot::apply(const Diff& diff) const {
  ONOMA_TRY(auto image, compact(*this));
  ONOMA_TRY(const auto unpacked, snapshot_of(std::move(image)));
  return unpacked->apply(diff);
}

const SetDigest& PackedSnapshot::content_digest() const {
  if (const auto* known = digest_.known()) return *known;
  SetDigest digest;
  for (auto at = first(); at.valid(); at.next()) {
    const auto node = at.node();
    for (std::size_t i = 0, n = node.size(); i < n; ++i)
      digest_set(digest, node.owner(), encoded_set(node, i), true);
  }
  return digest_.set(digest);
}

const ImagePtr& PackedSnapshot::image() const {
  static const ImagePtr kNoImage;
  return kNoImage;
}

SnapshotPtr PackedSnapshot::rebase(const Snapshot& base, ImagePtr image) const {
  auto moved = snapshot_of(std::move(image));
  CHECK(moved.has_value());
  auto next = (*moved)->apply(difference(base, *this));
  CHECK(next.has_value());
  return *std::move(next);
}

}  // namespace onoma::zone
