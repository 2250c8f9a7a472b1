#include "zone/tree_snapshot.h"

#include "base/check.h"

namespace onoma::zone {

namespace {

constexpr std::string_view kStarLabel{"*\0", 2};

std::string_view key_of(const LookupKey& key) {
  return key.view();
}

// The sort key of the deepest name that is at or above both.
std::size_t shared_labels_size(std::string_view a, std::string_view b) {
  const auto most = std::min(a.size(), b.size());
  std::size_t same = 0;
  while (same < most && a[same] == b[same]) ++same;
  while (same > 0 && a[same - 1] != '\0') --same;
  return same;
}

std::uint8_t labels_in(std::string_view key) {
  std::uint8_t count = 0;
  for (char c : key) count = static_cast<std::uint8_t>(count + (c == '\0'));
  return count;
}

std::optional<NodeView> node_of(const Entry* entry) {
  if (!entry) return std::nullopt;
  return entry->node();
}

}  // namespace

struct Cursor::Place : Tree::Place {
  explicit Place(Tree::Place place) : Tree::Place(place) {}
};

Cursor::Cursor(std::unique_ptr<Place> place) : place_(std::move(place)) {}
Cursor::Cursor(const Cursor& other)
    : place_(other.place_ ? std::make_unique<Place>(*other.place_) : nullptr) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor other) noexcept {
  std::swap(place_, other.place_);
  return *this;
}
Cursor::~Cursor() = default;
bool Cursor::valid() const {
  return place_ && place_->valid();
}
NodeView Cursor::node() const {
  return place_->entry()->node();
}
std::string_view Cursor::key() const {
  return place_->entry()->key();
}
void Cursor::next() {
  place_->next();
}
void Cursor::prev() {
  place_->prev();
}

void LookupKey::make(NameView name, LookupKey& out) {
  out.size = static_cast<std::uint16_t>(wire::write_sort_key(name, out.octets.data()));
  std::uint64_t hash = out.size * 0x9e3779b97f4a7c15U;
  const auto mix = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * 0xff51afd7ed558ccdU;
    hash ^= hash >> 32;
  };
  std::size_t at = 0;
  for (; at + 8 <= out.size; at += 8) mix(load_u64(&out.octets[at]));
  std::uint64_t tail = 0;
  for (; at < out.size; ++at) tail = tail << 8 | out.octets[at];
  mix(tail);
  out.hash = hash;
}

TreeSnapshot::TreeSnapshot(const Name& apex) : apex_key_(wire::sort_key(apex)), names_(apex_key_) {
  facts_.apex = apex;
}

TreeSnapshot::TreeSnapshot(const TreeSnapshot& other)
    : facts_(other.facts_),
      apex_key_(other.apex_key_),
      names_(other.names_),
      nsec3_(other.nsec3_),
      apex_(other.apex_),
      star_names_(other.star_names_),
      nsec_sets_(other.nsec_sets_),
      digest_(other.digest_) {}

Lookup TreeSnapshot::find(const LookupKey& lookup) const {
  const auto key = key_of(lookup);
  Lookup found;
  const Entry* behind = nullptr;
  const Entry* before = nullptr;
  names_.around(key, behind, before);

  // Every name at or above the key that exists begins the key of one of its two neighbours.
  std::size_t encloser = apex_key_.size();
  if (behind) encloser = std::max(encloser, shared_labels_size(key, behind->key()));
  if (before) encloser = std::max(encloser, shared_labels_size(key, before->key()));
  found.exists = encloser == key.size();
  if (behind && behind->key().size() == key.size() && found.exists && behind->key() == key)
    found.exact = behind->node();
  found.encloser_labels = labels_in(key.substr(0, encloser));

  // Cut or DNAME on the way down, the topmost ends it.
  if (node_flags(apex_->node()) & kNodeDname && key.size() > apex_key_.size()) {
    found.dname = apex_->node();
    return found;
  }
  for (auto end = apex_key_.size(); end < encloser;) {
    end = key.find('\0', end) + 1;
    const auto name = key.substr(0, end);
    const Entry* owner = nullptr;
    if (end == key.size()) {
      if (!found.exact) break;
      owner = behind;
    } else if (before && before->key() == name) {
      owner = before;
    } else {
      owner = names_.find(name);
      if (!owner) continue;
    }
    const auto flags = node_flags(owner->node());
    if ((flags & (kNodeNs | kNodeDname)) == 0) continue;
    if (flags & kNodeNs) found.cut = owner->node();
    if (flags & kNodeDname && end < key.size()) found.dname = owner->node();
    if (found.cut || found.dname) return found;
  }

  if (!found.exists && star_names_ > 0) {
    std::array<char, wire::kMaxSortKeyOctets + 2> star;
    std::memcpy(star.data(), key.data(), encloser);
    std::memcpy(star.data() + encloser, kStarLabel.data(), kStarLabel.size());
    const std::string_view name(star.data(), encloser + kStarLabel.size());
    if (const auto place = names_.lower_bound(name); place.valid()) {
      if (place.entry()->key() == name)
        found.wildcard = place.entry()->node();
      else
        found.wildcard_is_empty = place.entry()->key().starts_with(name);
    }
  }
  return found;
}

std::optional<NodeView> TreeSnapshot::node(std::string_view sort_key) const {
  return node_of(names_.find(sort_key));
}

bool TreeSnapshot::exists(std::string_view sort_key) const {
  if (!sort_key.starts_with(apex_key_)) return false;
  const auto place = names_.lower_bound(sort_key);
  return place.valid() && place.entry()->key().starts_with(sort_key);
}

std::optional<NodeView> TreeSnapshot::nsec_at_or_before(std::string_view sort_key) const {
  if (nsec_sets_ == 0) return std::nullopt;
  auto place = names_.lower_bound(sort_key);
  if (!place.valid())
    place = names_.last();
  else if (place.entry()->key() != sort_key)
    place.prev();
  for (std::size_t turns = 0; turns < 2; ++turns, place = names_.last())
    for (; place.valid(); place.prev())
      if (node_flags(place.entry()->node()) & kNodeNsec) return place.entry()->node();
  return std::nullopt;
}

std::optional<NodeView> TreeSnapshot::nsec3_match(std::string_view hash) const {
  return node_of(nsec3_.find(hash));
}

std::optional<NodeView> TreeSnapshot::nsec3_at_or_before(std::string_view hash) const {
  const Entry* behind = nullptr;
  const Entry* before = nullptr;
  nsec3_.around(hash, behind, before);
  if (behind && behind->key() == hash) return behind->node();
  if (before) return before->node();
  const auto last = nsec3_.last();
  return node_of(last.valid() ? last.entry() : nullptr);
}

Cursor TreeSnapshot::first() const {
  return Cursor(std::make_unique<Cursor::Place>(names_.first()));
}
Cursor TreeSnapshot::seek(std::string_view sort_key) const {
  return Cursor(std::make_unique<Cursor::Place>(names_.lower_bound(sort_key)));
}
Cursor TreeSnapshot::seek_before(std::string_view sort_key) const {
  return Cursor(std::make_unique<Cursor::Place>(names_.before(sort_key)));
}
Cursor TreeSnapshot::nsec3_first() const {
  return Cursor(std::make_unique<Cursor::Place>(nsec3_.first()));
}
Cursor TreeSnapshot::nsec3_seek(std::string_view hash) const {
  return Cursor(std::make_unique<Cursor::Place>(nsec3_.lower_bound(hash)));
}

const SetDigest& TreeSnapshot::content_digest() const {
  if (const auto* known = digest_.known()) return *known;
  // Costs a hash per RRset, so it waits until somebody asks; later versions carry it on.
  SetDigest digest;
  for (auto place = names_.first(); place.valid(); place.next()) {
    const auto node = place.entry()->node();
    for (std::size_t i = 0, n = node.size(); i < n; ++i)
      digest_set(digest, node.owner(), encoded_set(node, i), true);
  }
  return digest_.set(digest);
}

}  // namespace onoma::zone
