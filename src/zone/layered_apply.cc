// LayeredSnapshot: making versions, keeping the facts in step with what changes, and changing the image
// below.
#include <algorithm>
#include <bit>
#include <deque>

#include <fmt/format.h>

#include "base/check.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/denial.h"
#include "zone/facts.h"
#include "zone/image_builder.h"
#include "zone/layered_place.h"

namespace onoma::zone {

namespace {

using Order = LayeredPlace::Order;

constexpr std::size_t kLeastFilterBits = 512, kMostFilterBits = std::size_t{1} << 20;

std::unexpected<Error> mismatch(const RRsetChange& change, std::string_view why) {
  return fail(Code::corrupt, fmt::format("the change of {} {} does not fit this version: {}",
                                         change.owner.text(), wire::type_text(change.type), why));
}

}  // namespace

Result<SnapshotPtr> LayeredSnapshot::apply(const Diff& diff) const {
  if (diff.apex != facts_.zone.apex)
    return fail(Code::corrupt, fmt::format("a change of {} cannot be applied to {}", diff.apex.text(),
                                           facts_.zone.apex.text()));
  auto next = std::make_shared<LayeredSnapshot>(*this);
  const Changes changes(diff.changes);
  for (std::size_t begin = 0, end = 0; begin < changes.size(); begin = end) {
    // Changes of one owner are made in one go; NSEC3 sets lie elsewhere, each on its own.
    for (end = begin + 1; end < changes.size() && changes[begin].type != RRType::NSEC3; ++end)
      if (changes[end].type == RRType::NSEC3 || changes[end].owner != changes[begin].owner) break;
    ONOMA_TRY_VOID(next->change_owner(changes.subspan(begin, end - begin)));
  }
  if (!next->refresh_facts())
    return fail(Code::corrupt,
                fmt::format("the change would leave {} without an SOA record", diff.apex.text()));
  return SnapshotPtr(std::move(next));
}

Result<void> LayeredSnapshot::change_owner(Changes changes) {
  const auto& owner = changes.front().owner;
  const bool in_nsec3 = changes.front().type == RRType::NSEC3;
  if (!owner.is_at_or_below(facts_.zone.apex))
    return mismatch(changes.front(), "the name is outside of the zone");
  std::string key;
  std::optional<NodeView> before;
  if (in_nsec3) {
    const auto hash = nsec3_owner_hash(owner, facts_.zone.apex);
    if (!hash) return mismatch(changes.front(), "the owner of an NSEC3 record must be a hash below the apex");
    key = as_text(*hash);
    before = nsec3_match(key, nullptr);
  } else {
    key = wire::sort_key(owner);
    before = Snapshot::node(key);
  }

  std::vector<EncodedSet> sets;
  if (before)
    for (std::size_t i = 0, n = before->size(); i < n; ++i) sets.push_back(encoded_set(*before, i));
  std::deque<Bytes> storage;
  for (const auto& change : changes) {
    if (change.type == RRType::RRSIG) return mismatch(change, "signatures belong to the set that they cover");
    const auto at = std::ranges::lower_bound(sets, change.type, {}, &EncodedSet::type);
    const bool held = at != sets.end() && at->type == change.type;
    if (held != change.before.has_value())
      return mismatch(change, held ? "the set exists already" : "there is no such set");
    if (held && !same(*at, *change.before))
      return mismatch(change, "the set that it replaces is another one");
    if (held) account(owner, *at, false);
    if (!change.after) {
      if (held) sets.erase(at);
      continue;
    }
    if (change.after->type != change.type) return mismatch(change, "the new set is of another type");
    for (const auto& data : change.after->rdatas)
      if (!wire::rdata_valid(change.type, data))
        return mismatch(change, "record data without the form of their type");
    for (const auto& data : change.after->signatures)
      if (!wire::rdata_valid(RRType::RRSIG, data))
        return mismatch(change, "a signature without the form of one");
    ONOMA_TRY(const auto encoded, encode_set(*change.after, storage.emplace_back()));
    account(owner, encoded, true);
    if (held)
      *at = encoded;
    else
      sets.insert(at, encoded);
  }

  const Name kept(before ? before->owner() : owner.view());
  EntryPtr after;
  if (!sets.empty()) {
    const std::uint8_t flags = !in_nsec3 && key == apex_key_ ? kNodeApex : 0;
    ONOMA_TRY(after, EntryPtr::make(key, kept, flags, sets));
  }
  if (in_nsec3) {
    if (const auto* old = nsec3_.find(key)) delta_octets_ -= old->size();
    const auto unit = image_->nsec3_lower_bound(key);
    std::string_view there;
    const bool in_image = unit != Image::kNone && image_->hash_at(unit, there) && there == key;
    if (!after && in_image) {
      ONOMA_TRY(after, EntryPtr::make(key, kept, kNodeGone, {}));
    }
    if (after) {
      delta_octets_ += after->size();
      nsec3_.put(std::move(after));
    } else {
      nsec3_.erase(key);
    }
    return {};
  }
  if (after) {
    const auto now = after->node();
    account_names(key, before ? &*before : nullptr, &now);
  } else {
    account_names(key, before ? &*before : nullptr, nullptr);
  }
  if (before || after) put_name(key, kept, std::move(after));
  return {};
}

void LayeredSnapshot::show_in_filter(const LookupKey& key) {
  if (!filter_) {
    const auto wanted = std::bit_ceil(std::clamp(image_->nodes() * 2, kLeastFilterBits, kMostFilterBits));
    filter_ = std::make_shared<DeltaFilter>(wanted);
  }
  if (key.labels > image_->apex_labels()) filter_->add(hash_of(key, key.labels));
}

// Puts an owner into the delta, or takes it out, and keeps the empty non-terminals above it explicit.
void LayeredSnapshot::put_name(std::string_view key, NameView owner, EntryPtr entry) {
  LookupKey lookup;
  LookupKey::from_sort_key(key, lookup);
  show_in_filter(lookup);
  if (const auto* old = names_.find(key)) delta_octets_ -= old->size();
  if (entry) {
    delta_octets_ += entry->size();
    names_.put(std::move(entry));
  } else {
    names_.erase(key);
    put_mark(key, owner, !has_below(key));
  }
  if (key != apex_key_) mend_ancestors(key, owner);
}

// Says in the delta that a name without RRsets exists (something is below it) or not.
void LayeredSnapshot::put_mark(std::string_view key, NameView owner, bool gone) {
  LookupKey lookup;
  LookupKey::from_sort_key(key, lookup);
  const auto hash = hash_of(lookup, lookup.labels);
  if (const auto* old = names_.find(key)) {
    delta_octets_ -= old->size();
    names_.erase(key);
  }
  Image::Head held;
  if (gone && image_->find(lookup, lookup.labels, hash, held) == Image::kNone)
    return;  // nothing that could be seen
  auto mark = EntryPtr::make(key, owner, gone ? kNodeGone : kNodeEmpty, {});
  CHECK(mark.has_value());
  delta_octets_ += (*mark)->size();
  show_in_filter(lookup);
  names_.put(*std::move(mark));
}

void LayeredSnapshot::mend_ancestors(std::string_view key, NameView owner) {
  const auto below = held(key).state;
  for (auto above = wire::parent_key(key); above.size() > apex_key_.size(); above = wire::parent_key(above)) {
    owner = owner.parent();
    const auto state = held(above).state;
    if (below != Held::State::absent) {
      if (state != Held::State::absent) return;
      put_mark(above, owner, false);
    } else {
      if (state != Held::State::empty || has_below(above)) return;
      put_mark(above, owner, true);
    }
  }
}

bool LayeredSnapshot::has_below(std::string_view key) const {
  LayeredPlace place(*this, Order::names);
  place.seek(key);
  if (place.valid() && place.key() == key) place.next();
  return place.valid() && place.key().starts_with(key);
}

void LayeredSnapshot::account(NameView owner, const EncodedSet& set, bool added) {
  account_set(facts_, owner, set, added);
  if (auto* digest = digest_.known()) digest_set(*digest, owner, set, added);
}

void LayeredSnapshot::account_names(std::string_view key, const NodeView* before, const NodeView* after) {
  auto& facts = facts_.zone;
  if (!before && !after) return;
  if (!before || !after) {
    shift(facts.names, 1, after != nullptr);
    if (has_star_label(key)) shift(facts_.star_names, 1, after != nullptr);
  }
  const bool was_cut = before && before->is_delegation();
  const bool is_cut = after && after->is_delegation();
  const auto had = before ? count_addresses(*before) : 0;
  const auto has = after ? count_addresses(*after) : 0;
  if ((had == 0 && has == 0 && was_cut == is_cut)) return;
  if (below_cut(key)) {
    facts.glue_records += has - had;
    return;
  }
  if (was_cut) facts.glue_records -= had;
  if (is_cut) facts.glue_records += has;
  // Below a name that becomes a delegation or ceases to be one, addresses change what they are.
  if (was_cut != is_cut) shift(facts.glue_records, glue_below(key), is_cut);
}

bool LayeredSnapshot::below_cut(std::string_view key) const {
  LookupKey lookup;
  LookupKey::from_sort_key(key, lookup);
  for (auto level = image_->apex_labels() + 1; level < lookup.labels; ++level) {
    const auto above = held(lookup, level, hash_of(lookup, level));
    if (above.state == Held::State::owner && (above.flags & kNodeNs) != 0) return true;
  }
  return false;
}

std::uint64_t LayeredSnapshot::glue_below(std::string_view key) const {
  std::uint64_t count = 0;
  std::string cut;  // a delegation below the key: its addresses are glue either way
  LayeredPlace place(*this, Order::names);
  for (place.seek(key); place.valid(); place.next()) {
    if (!place.key().starts_with(key)) break;
    if (place.key() == key || (!cut.empty() && place.key().starts_with(cut))) continue;
    const auto node = place.node(nullptr);
    if (!node) continue;
    if (node->is_delegation())
      cut = place.key();
    else
      count += count_addresses(*node);
  }
  return count;
}

bool LayeredSnapshot::refresh_facts() {
  const auto* changed = names_.find(apex_key_);
  if (changed && changed->flags() & kNodeGone) return false;
  auto apex = changed ? std::optional(changed->node()) : image_->unfold(Image::kApex, nullptr);
  if (!apex || !read_apex(facts_, *apex)) return false;
  apex_ = std::move(apex);
  make_negative(*apex_->find(RRType::SOA));
  return true;
}

void LayeredSnapshot::make_negative(const RRsetView& soa) {
  const auto& zone = facts_.zone;
  auto made = std::make_shared<Negative>();
  const auto data = soa.rdatas().front();
  const std::vector<ByteView> signatures(soa.signatures().begin(), soa.signatures().end());
  made->soa = make_soa_section(data, {}, zone.apex);
  if (!signatures.empty()) made->signed_soa = make_soa_section(data, signatures, zone.apex);
  if (zone.denial == Denial::nsec3) {
    const auto apex = nsec3_hash(zone.apex, zone);
    if (auto node = nsec3_match(apex.view(), nullptr)) made->apex = {apex.octets, *std::move(node)};
    const auto star = Name::prepend(as_bytes(std::string_view("*")), zone.apex);
    if (star) {
      const auto hash = nsec3_hash(*star, zone);
      auto node = nsec3_at_or_before(hash.view(), nullptr);
      const auto held = node ? nsec3_hash_of(node->owner()) : std::nullopt;
      if (held && *held != hash) made->star = {held->octets, *std::move(node)};
    }
  }
  negative_ = std::move(made);
}

SnapshotPtr LayeredSnapshot::rebase(const Snapshot& base, ImagePtr image) const {
  const auto& from = dynamic_cast<const LayeredSnapshot&>(base);
  auto next = std::make_shared<LayeredSnapshot>(*this);
  next->image_ = std::move(image);
  next->names_ = Tree(apex_key_);
  next->nsec3_ = Tree();
  next->filter_ = {};
  next->delta_octets_ = 0;
  // What `base` held lies in the image now; what changed since is what the two deltas do not share.
  next->carry_names(names_, from.names_);
  next->carry_nsec3(nsec3_, from.nsec3_);
  CHECK(next->refresh_facts());
  return next;
}

void LayeredSnapshot::carry_names(const Tree& now, const Tree& then) {
  LookupKey key;
  for (auto place = now.first(); place.valid(); place.next()) {
    const auto* entry = place.entry();
    if (then.find(entry->key()) == entry) continue;
    LookupKey::from_sort_key(entry->key(), key);
    show_in_filter(key);
    delta_octets_ += entry->size();
    names_.put(EntryPtr::share(entry));
  }
  // What was added and is gone again left no mark against the old image; against this one it needs one.
  for (auto place = then.first(); place.valid(); place.next())
    if (!now.find(place.entry()->key())) put_mark(place.entry()->key(), place.entry()->node().owner(), true);
}

void LayeredSnapshot::carry_nsec3(const Tree& now, const Tree& then) {
  for (auto place = now.first(); place.valid(); place.next()) {
    const auto* entry = place.entry();
    if (then.find(entry->key()) == entry) continue;
    delta_octets_ += entry->size();
    nsec3_.put(EntryPtr::share(entry));
  }
  for (auto place = then.first(); place.valid(); place.next()) {
    const auto* entry = place.entry();
    if (now.find(entry->key())) continue;
    auto mark = EntryPtr::make(entry->key(), entry->node().owner(), kNodeGone, {});
    CHECK(mark.has_value());
    delta_octets_ += (*mark)->size();
    nsec3_.put(*std::move(mark));
  }
}

Result<ImagePtr> compact(const Snapshot& snapshot) {
  ImageBuilder builder(snapshot.facts().apex);
  std::vector<EncodedSet> sets;
  const auto take = [&sets](const NodeView& node) {
    sets.clear();
    for (std::size_t i = 0, n = node.size(); i < n; ++i) sets.push_back(encoded_set(node, i));
  };
  for (auto at = snapshot.first(); at.valid(); at.next()) {
    const auto node = at.node();
    take(node);
    if (sets.empty() || wire::sort_key(node.owner()) != at.key())
      return fail(Code::corrupt, "the zone's image is damaged; load it again from its source");
    ONOMA_TRY_VOID(builder.add(at.key(), node.owner(), sets));
  }
  for (auto at = snapshot.nsec3_first(); at.valid(); at.next()) {
    const auto node = at.node();
    take(node);
    if (sets.empty())
      return fail(Code::corrupt, "the zone's image is damaged; load it again from its source");
    ONOMA_TRY_VOID(builder.add_nsec3(at.key(), node.owner(), sets));
  }
  return builder.finish();
}

}  // namespace onoma::zone
