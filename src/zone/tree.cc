#include "zone/tree.h"

#include <algorithm>

#include "base/check.h"

namespace onoma::zone {

namespace {

using Part = Tree::Part;
using Inner = Tree::Inner;
constexpr std::size_t kFanout = Tree::kFanout;
constexpr std::size_t kSparse = kFanout / 4;          // below this a part looks for company
constexpr std::size_t kMergedMost = kFanout * 3 / 4;  // and does not get fuller than this by it
constexpr std::size_t kBuiltFill = kFanout * 7 / 8;   // room for some inserts before the first split

Inner* inner(Part* part) {
  return static_cast<Inner*>(part);
}
const Inner* inner(const Part* part) {
  return static_cast<const Inner*>(part);
}

Part* make_part(std::size_t level) {
  Part* part = level == 0 ? new Part : new Inner;
  part->level = static_cast<std::uint16_t>(level);
  return part;
}

// Recursion is as deep as the tree is high.
void release(Part* part) {
  if (!part || part->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  for (std::size_t i = 0; i < part->count; ++i) EntryPtr::release(part->entries[i]);
  if (part->level == 0) {
    delete part;
    return;
  }
  for (std::size_t i = 0; i < part->count; ++i) release(inner(part)->children[i]);
  delete inner(part);
}

// Makes `slot` a part that only this tree holds.
Part* own(Part*& slot) {
  if (slot->references.load(std::memory_order_acquire) == 1) return slot;
  Part* copy = make_part(slot->level);
  copy->count = slot->count;
  const std::size_t n = slot->count;
  std::copy_n(slot->heads.begin(), n, copy->heads.begin());
  std::copy_n(slot->entries.begin(), n, copy->entries.begin());
  for (std::size_t i = 0; i < n; ++i) EntryPtr::retain(copy->entries[i]);
  if (slot->level != 0) {
    std::copy_n(inner(slot)->children.begin(), n, inner(copy)->children.begin());
    for (std::size_t i = 0; i < n; ++i)
      inner(copy)->children[i]->references.fetch_add(1, std::memory_order_relaxed);
  }
  release(slot);
  return slot = copy;
}

// The first slot at or behind `first` whose key is not below `key`.
std::size_t lower_slot(const Part* part, std::uint64_t head, std::string_view key, std::size_t first = 0) {
  const auto* begin = part->heads.data();
  const auto* end = begin + part->count;
  const auto* low = std::lower_bound(begin + first, end, head);
  if (low == end || *low != head) return static_cast<std::size_t>(low - begin);
  auto from = static_cast<std::size_t>(low - begin);
  auto to = static_cast<std::size_t>(std::upper_bound(low, end, head) - begin);
  while (from < to) {
    const auto middle = (from + to) / 2;
    if (part->entries[middle]->key() < key)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

// The child of an inner part under which `key` belongs. Slot 0 has everything below slot 1 and separates
// nothing: once smaller keys have come, what stands there may lie above the separators behind it.
std::size_t child_slot(const Part* part, std::uint64_t head, std::string_view key) {
  const auto slot = lower_slot(part, head, key, 1);
  if (slot < part->count && part->heads[slot] == head && part->entries[slot]->key() == key) return slot;
  return slot - 1;
}

void make_gap(Part* part, std::size_t at) {
  const std::size_t n = part->count;
  std::copy_backward(part->heads.begin() + at, part->heads.begin() + n, part->heads.begin() + n + 1);
  std::copy_backward(part->entries.begin() + at, part->entries.begin() + n, part->entries.begin() + n + 1);
  if (part->level != 0) {
    auto& children = inner(part)->children;
    std::copy_backward(children.begin() + at, children.begin() + n, children.begin() + n + 1);
  }
  ++part->count;
}

void close_gap(Part* part, std::size_t at) {
  const std::size_t n = part->count;
  std::copy(part->heads.begin() + at + 1, part->heads.begin() + n, part->heads.begin() + at);
  std::copy(part->entries.begin() + at + 1, part->entries.begin() + n, part->entries.begin() + at);
  if (part->level != 0) {
    auto& children = inner(part)->children;
    std::copy(children.begin() + at + 1, children.begin() + n, children.begin() + at);
  }
  --part->count;
}

// Moves slots [from, count) of `part` to the end of `to`; both are owned and of one level.
void move_tail(Part* part, std::size_t from, Part* to) {
  const std::size_t n = part->count - from;
  std::copy_n(part->heads.begin() + from, n, to->heads.begin() + to->count);
  std::copy_n(part->entries.begin() + from, n, to->entries.begin() + to->count);
  if (part->level != 0)
    std::copy_n(inner(part)->children.begin() + from, n, inner(to)->children.begin() + to->count);
  to->count = static_cast<std::uint16_t>(to->count + n);
  part->count = static_cast<std::uint16_t>(from);
}

struct Inserted {
  Part* right = nullptr;  // a new part behind the one inserted into
  bool fresh = false;     // the key was not there before
};

// Puts (head, entry, child) at `at` into `part`, splitting it if it is full.
Part* put_slot(Part* part, std::size_t at, std::uint64_t head, const Entry* entry, Part* child) {
  Part* right = nullptr;
  if (part->count == kFanout) {
    // Appending at the end is the usual case of a growing zone: leave the left part full then.
    const auto middle = at == kFanout ? kFanout - 1 : kFanout / 2;
    right = make_part(part->level);
    move_tail(part, middle, right);
    if (at > middle) {
      part = right;
      at -= middle;
    }
  }
  make_gap(part, at);
  part->heads[at] = head;
  part->entries[at] = entry;
  if (child) inner(part)->children[at] = child;
  return right;
}

Inserted insert(Part*& slot, std::uint64_t head, const Entry* entry) {
  Part* part = own(slot);
  const auto key = entry->key();
  if (part->level == 0) {
    const auto at = lower_slot(part, head, key);
    if (at < part->count && part->heads[at] == head && part->entries[at]->key() == key) {
      EntryPtr::release(std::exchange(part->entries[at], entry));
      return {};
    }
    return {put_slot(part, at, head, entry, nullptr), true};
  }
  const auto at = child_slot(part, head, key);
  const auto below = insert(inner(part)->children[at], head, entry);
  if (!below.right) return {nullptr, below.fresh};
  const auto* separator = below.right->entries[0];
  EntryPtr::retain(separator);
  return {put_slot(part, at + 1, below.right->heads[0], separator, below.right), below.fresh};
}

// Takes child `at + 1` of `part` into child `at`.
void merge_children(Part* part, std::size_t at) {
  auto& children = inner(part)->children;
  Part* left = own(children[at]);
  Part* right = own(children[at + 1]);
  if (right->level != 0) {
    // The right part's first separator may be stale; the parent's is right.
    EntryPtr::retain(part->entries[at + 1]);
    EntryPtr::release(std::exchange(right->entries[0], part->entries[at + 1]));
    right->heads[0] = part->heads[at + 1];
  }
  move_tail(right, 0, left);
  release(right);
  EntryPtr::release(part->entries[at + 1]);
  close_gap(part, at + 1);
}

// REQUIRES: the key is there.
void remove(Part*& slot, std::uint64_t head, std::string_view key) {
  Part* part = own(slot);
  if (part->level == 0) {
    const auto at = lower_slot(part, head, key);
    EntryPtr::release(part->entries[at]);
    close_gap(part, at);
    return;
  }
  auto& children = inner(part)->children;
  const auto at = child_slot(part, head, key);
  remove(children[at], head, key);
  const std::size_t left = children[at]->count;
  if (left == 0) {
    release(children[at]);
    EntryPtr::release(part->entries[at]);
    close_gap(part, at);
  } else if (left < kSparse) {
    if (at + 1U < part->count && left + children[at + 1]->count <= kMergedMost)
      merge_children(part, at);
    else if (at > 0 && left + children[at - 1]->count <= kMergedMost)
      merge_children(part, at - 1);
  }
}

}  // namespace

void Tree::Place::next() {
  for (auto depth = depth_; depth > 0; --depth) {
    if (index_[depth - 1] + 1U >= part_[depth - 1]->count) continue;
    ++index_[depth - 1];
    depth_ = depth;
    while (leaf()->level != 0) push(inner(leaf())->children[index_[depth_ - 1]], 0);
    return;
  }
  depth_ = 0;
}

void Tree::Place::prev() {
  for (auto depth = depth_; depth > 0; --depth) {
    if (index_[depth - 1] == 0) continue;
    --index_[depth - 1];
    depth_ = depth;
    while (leaf()->level != 0) {
      const auto* child = inner(leaf())->children[index_[depth_ - 1]];
      push(child, child->count - 1U);
    }
    return;
  }
  depth_ = 0;
}

Tree::Tree(const Tree& other) : prefix_(other.prefix_), root_(other.root_), size_(other.size_) {
  if (root_) root_->references.fetch_add(1, std::memory_order_relaxed);
}

Tree::Tree(Tree&& other) noexcept
    : prefix_(std::move(other.prefix_)),
      root_(std::exchange(other.root_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Tree& Tree::operator=(Tree other) noexcept {
  std::swap(prefix_, other.prefix_);
  std::swap(root_, other.root_);
  std::swap(size_, other.size_);
  return *this;
}

Tree::~Tree() {
  release(root_);
}

std::uint64_t Tree::head(std::string_view key) const {
  std::uint64_t value = 0;
  key.remove_prefix(prefix_.size());
  if (key.size() >= 8) {
    std::memcpy(&value, key.data(), 8);
    return __builtin_bswap64(value);
  }
  for (std::size_t i = 0; i < 8; ++i)
    value = value << 8 | (i < key.size() ? static_cast<std::uint8_t>(key[i]) : 0U);
  return value;
}

int Tree::outside(std::string_view key) const {
  const auto order = key.substr(0, prefix_.size()).compare(prefix_);
  return order;
}

const Entry* Tree::find(std::string_view key) const {
  if (!root_ || outside(key) != 0) return nullptr;
  const auto number = head(key);
  const Part* part = root_;
  while (part->level != 0) part = inner(part)->children[child_slot(part, number, key)];
  const auto at = lower_slot(part, number, key);
  if (at == part->count || part->heads[at] != number || part->entries[at]->key() != key) return nullptr;
  return part->entries[at];
}

Tree::Place Tree::first() const {
  Place place;
  if (!root_) return place;
  place.push(root_, 0);
  while (place.leaf()->level != 0) place.push(inner(place.leaf())->children[0], 0);
  return place;
}

Tree::Place Tree::last() const {
  Place place;
  if (!root_) return place;
  place.push(root_, root_->count - 1U);
  while (place.leaf()->level != 0) {
    const auto* child = inner(place.leaf())->children[place.leaf()->count - 1U];
    place.push(child, child->count - 1U);
  }
  return place;
}

Tree::Place Tree::lower_bound(std::string_view key) const {
  if (!root_) return {};
  if (const auto order = outside(key); order != 0) return order < 0 ? first() : Place{};
  const auto number = head(key);
  Place place;
  const Part* part = root_;
  while (part->level != 0) {
    const auto at = child_slot(part, number, key);
    place.push(part, at);
    part = inner(part)->children[at];
  }
  const auto at = lower_slot(part, number, key);
  place.push(part, at);
  if (at == part->count) {  // behind this leaf: step on from its last slot
    --place.index_[place.depth_ - 1];
    place.next();
  }
  return place;
}

Tree::Place Tree::before(std::string_view key) const {
  auto place = lower_bound(key);
  if (!place.valid()) return last();
  place.prev();
  return place;
}

void Tree::around(std::string_view key, const Entry*& at_or_behind, const Entry*& before) const {
  at_or_behind = before = nullptr;
  if (!root_) return;
  auto place = lower_bound(key);
  if (!place.valid()) {
    place = last();
    before = place.entry();
    return;
  }
  at_or_behind = place.entry();
  place.prev();
  if (place.valid()) before = place.entry();
}

void Tree::prefetch(std::string_view key) const {
  if (!root_ || outside(key) != 0) return;
  const auto number = head(key);
  const Part* part = root_;
  while (part->level != 0) {
    // By heads alone: a wrong guess costs nothing but the hint.
    const auto* begin = part->heads.data();
    const auto slot = std::upper_bound(begin + 1, begin + part->count, number) - begin;
    part = inner(part)->children[static_cast<std::size_t>(slot - 1)];
  }
  const auto* at = reinterpret_cast<const char*>(part);
  for (std::size_t offset = 0; offset < sizeof(part->heads); offset += 64) __builtin_prefetch(at + offset);
}

void Tree::put(EntryPtr entry) {
  CHECK(outside(entry->key()) == 0);
  const auto number = head(entry->key());
  if (!root_) root_ = make_part(0);
  const auto inserted = insert(root_, number, entry.detach());
  if (inserted.fresh) ++size_;
  if (!inserted.right) return;
  auto* top = inner(make_part(root_->level + 1U));
  CHECK(top->level < kMaxDepth);
  for (auto* child : {root_, inserted.right}) {
    const auto at = top->count++;
    top->heads[at] = child->heads[0];
    top->entries[at] = child->entries[0];
    EntryPtr::retain(child->entries[0]);
    top->children[at] = child;
  }
  root_ = top;
}

bool Tree::erase(std::string_view key) {
  if (!find(key)) return false;
  remove(root_, head(key), key);
  --size_;
  while (root_->level != 0 && root_->count == 1) {
    Part* child = inner(root_)->children[0];
    child->references.fetch_add(1, std::memory_order_relaxed);
    release(std::exchange(root_, child));
  }
  if (root_->count == 0) release(std::exchange(root_, nullptr));
  return true;
}

void Tree::build(std::vector<EntryPtr> entries) {
  CHECK(!root_);
  if (entries.empty()) return;
  size_ = entries.size();
  std::vector<Part*> level;
  for (auto& entry : entries) {
    if (level.empty() || level.back()->count == kBuiltFill) level.push_back(make_part(0));
    Part* part = level.back();
    part->heads[part->count] = head(entry->key());
    part->entries[part->count++] = entry.detach();
  }
  while (level.size() > 1) {
    std::vector<Part*> above;
    for (Part* child : level) {
      if (above.empty() || above.back()->count == kBuiltFill) above.push_back(make_part(child->level + 1U));
      auto* part = inner(above.back());
      part->heads[part->count] = child->heads[0];
      part->entries[part->count] = child->entries[0];
      EntryPtr::retain(child->entries[0]);
      part->children[part->count++] = child;
    }
    level = std::move(above);
  }
  root_ = level.front();
}

}  // namespace onoma::zone
