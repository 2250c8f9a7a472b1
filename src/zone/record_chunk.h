// RecordChunk: the records of one piece of a zone, in the order given, as octets in one arena; and their
// sort. Internal to the loader and the builder. A chunk belongs to one thread at a time; several chunks may
// be filled and sorted at once. Once sorted it may be read by any thread.
//
// Records that follow each other under one owner are one *run*. Sorting moves runs, not records; what
// belongs to one owner lies together, so that reading it costs few cache misses.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/large_memory.h"
#include "wire/zonefile.h"
#include "zone/snapshot.h"

namespace onoma::zone {

// Octets that stay where they are until the arena goes or is reset.
class Arena {
 public:
  std::uint8_t* take(std::size_t size) {
    if (size > left_) grow(size);
    left_ -= size;
    return std::exchange(at_, at_ + size);
  }
  ByteView keep(ByteView octets) {
    auto* copy = take(octets.size());
    if (!octets.empty()) std::memcpy(copy, octets.data(), octets.size());
    return {copy, octets.size()};
  }
  // Everything taken is given up; the first block is kept for what comes.
  void reset() {
    while (blocks_.size() > 1) blocks_.pop_back();
    at_ = blocks_.empty() ? nullptr : blocks_[0].octets.get();
    left_ = blocks_.empty() ? 0 : blocks_[0].size;
  }

 private:
  struct Block {
    std::shared_ptr<std::uint8_t> octets;
    std::size_t size;
  };
  void grow(std::size_t size);

  std::vector<Block> blocks_;
  std::uint8_t* at_ = nullptr;
  std::size_t left_ = 0;
};

class RecordChunk {
 public:
  struct Item {
    const std::uint8_t* data = nullptr;  // u16 length, then as many octets: a run of one for an EncodedSet
    std::uint32_t ttl = 0;
    std::uint32_t batch = 0;  // which given set it came with; 0: a single record
    RRType type{};            // what is covered, for a signature
    bool is_signature = false;

    ByteView rdata() const { return {data + 2, load_u16(data)}; }
    ByteView run() const { return {data, 2U + load_u16(data)}; }
  };
  struct Run {
    std::uint64_t head = 0;  // key octets behind the apex's, the first one highest, zeros behind
    const std::uint8_t* octets = nullptr;  // sort key, then the name in wire form
    std::uint32_t first = 0;               // item
    std::uint32_t count = 0;
    std::uint16_t key_size = 0;
    std::uint16_t name_size = 0;

    std::string_view key() const { return as_text({octets, key_size}); }
    NameView name() const { return NameView::trusted({octets + key_size, name_size}); }
  };

  // `expected_records` only saves moving while the chunk grows.
  explicit RecordChunk(const Name& apex, std::size_t expected_records = 0);

  // Fails, taking nothing, for types of messages, data that do not have the form of their type or are above
  // 65,535 octets, and owners outside the zone.
  Result<void> put(NameView owner, RRType type, std::uint32_t ttl, ByteView data, std::uint32_t batch = 0);
  // REQUIRES: data that wire::rdata_valid accepts, of a type that zones hold; so are those of a parser.
  Result<void> put_valid(NameView owner, RRType type, std::uint32_t ttl, ByteView data,
                         std::uint32_t batch = 0);
  void clear();
  std::size_t records() const { return items_.size(); }

  std::span<const Run> runs() const { return runs_; }
  std::span<const Item> items(const Run& run) const { return {items_.data() + run.first, run.count}; }
  std::size_t apex_key_size() const { return apex_key_.size(); }

  // Do `a` and `b`, of chunks of one zone, come in this order?
  static int compare(const Run& a, const Run& b, std::size_t apex_key_size) {
    if (a.head != b.head) return a.head < b.head ? -1 : 1;
    return a.key().substr(apex_key_size).compare(b.key().substr(apex_key_size));
  }

 private:
  friend void sort(RecordChunk& chunk);

  Name apex_;
  std::string apex_key_;
  Arena arena_;
  LargeVector<Run> runs_;
  LargeVector<Item> items_;
};

// std::stable_sort that takes no memory for the few elements that an owner mostly has.
template <class Iterator, class Less>
void sort_few(Iterator begin, Iterator end, const Less& less) {
  if (end - begin > 16) return std::stable_sort(begin, end, less);
  for (auto at = begin; at != end; ++at) {
    auto moving = *at;
    auto place = at;
    for (; place != begin && less(moving, *(place - 1)); --place) *place = *(place - 1);
    *place = moving;
  }
}

// Runs by sort key; items of a run by type, signatures behind what they cover; otherwise in the order given.
void sort(RecordChunk& chunk);

}  // namespace onoma::zone
