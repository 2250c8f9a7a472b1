// Tree: a persistent ordered map from octet strings to Entries, a B+tree whose copies share everything that
// is equal. Inside of the room `zone`.
//
// Copying a Tree costs one reference. Changing a copy copies the path to the changed leaf and nothing else;
// parts that only this copy holds are changed in place. A Tree that nobody changes may be read from any
// number of threads; different Trees may be changed by different threads even where they share parts.
//
// All keys start with the tree's prefix (the apex's sort key). Each slot keeps the eight octets behind the
// prefix as a number ("head"), so that a search seldom touches the keys themselves.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "zone/node.h"

namespace onoma::zone {

class Tree {
 public:
  static constexpr std::size_t kFanout = 64;
  static constexpr std::size_t kMaxDepth = 16;  // far above what 2^48 entries need

  struct Part {
    std::atomic<std::uint32_t> references{1};
    std::uint16_t count = 0;
    std::uint16_t level = 0;  // 0: leaf
    std::array<std::uint64_t, kFanout> heads;
    // Leaf: the entries. Inner: keys that separate: every key of child i is >= entries[i] for i > 0, and
    // below entries[i + 1]. A separator may be the key of an entry that is no longer in the tree. entries[0]
    // separates nothing and is not looked at: keys smaller than all before come under child 0.
    std::array<const Entry*, kFanout> entries;
  };
  struct Inner : Part {
    std::array<Part*, kFanout> children;
  };

  // A place in the order: the way from the root to a leaf's slot. Good as long as a Tree with this root
  // lives.
  class Place {
   public:
    bool valid() const { return depth_ != 0; }
    const Entry* entry() const { return leaf()->entries[index_[depth_ - 1]]; }  // REQUIRES: valid()
    void next();
    void prev();

   private:
    friend class Tree;
    const Part* leaf() const { return part_[depth_ - 1]; }
    void push(const Part* part, std::size_t index) {
      part_[depth_] = part;
      index_[depth_++] = static_cast<std::uint16_t>(index);
    }
    std::array<const Part*, kMaxDepth> part_;
    std::array<std::uint16_t, kMaxDepth> index_;
    std::size_t depth_ = 0;
  };

  Tree() = default;
  explicit Tree(std::string prefix) : prefix_(std::move(prefix)) {}
  Tree(const Tree& other);
  Tree(Tree&& other) noexcept;
  Tree& operator=(Tree other) noexcept;
  ~Tree();

  std::size_t size() const { return size_; }
  const Entry* find(std::string_view key) const;
  Place first() const;
  Place last() const;
  Place lower_bound(std::string_view key) const;  // the first place at or behind `key`
  Place before(std::string_view key) const;       // the last place before `key`
  // The neighbours of `key`: the entry at or behind it and the one before it; null at the ends. No
  // allocation.
  void around(std::string_view key, const Entry*& at_or_behind, const Entry*& before) const;
  void prefetch(std::string_view key) const;

  // REQUIRES: the key starts with the prefix.
  void put(EntryPtr entry);          // inserts, or replaces the entry with the same key
  bool erase(std::string_view key);  // false: no such key
  // Fills an empty tree. REQUIRES: keys strictly ascending.
  void build(std::vector<EntryPtr> entries);

 private:
  std::uint64_t head(std::string_view key) const;
  int outside(std::string_view key) const;  // <0: before all keys with the prefix, >0: behind, 0: inside
  std::string prefix_;
  Part* root_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace onoma::zone
