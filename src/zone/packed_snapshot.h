// PackedSnapshot: a whole version of a small zone in one block of memory, for servers of very many zones:
// what an Image needs to be found in, moved and checked (header, index, order, numbered shapes) costs more
// than a small zone itself. Inside of the room `zone`; made by pack(). Immutable; any thread.
//
// The block is the object, and behind it
//   u8 tag of each owner's first label, in canonical order; the apex first, empty non-terminals among them
//   u16 place of each owner's node, then of each NSEC3 record's, in the order of hashes
//   the nodes, as zone/node.h encodes them
// A search looks through the tags, which are few, and compares names where one fits.
//
// Changes are not kept beside it: apply() gives a version on an image, which may be packed again.
#pragma once

#include <cstddef>

#include "zone/layered_snapshot.h"

namespace onoma::zone {

class PackedSnapshot final : public Snapshot {
 public:
  // Above either of these an image is smaller than a block.
  static constexpr std::size_t kMostOwners = 32;  // empty non-terminals among them; and as many hashes
  static constexpr std::size_t kMostOctets = std::size_t{16} * 1024;

  // Null: larger than that, or something could not be read.
  static SnapshotPtr make(const Snapshot& from);
  PackedSnapshot(const PackedSnapshot&) = delete;
  PackedSnapshot& operator=(const PackedSnapshot&) = delete;
  static void operator delete(void* memory) { ::operator delete(memory); }

  const ZoneFacts& facts() const override { return facts_; }
  void prepare(LookupKey& key) const override;
  void prefetch(const LookupKey&) const override {}
  Lookup find(const LookupKey& key, NodeScratch* scratch) const override;
  Quick quick(const LookupKey& /*key*/) const override { return {}; }
  std::optional<QuickWritten> write_quick(const Quick& /*quick*/, const QuickMessage& /*to*/) const override {
    return std::nullopt;
  }
  std::optional<NodeView> node(const LookupKey& key, NodeScratch* scratch) const override;
  const NodeView& apex() const override { return apex_; }
  bool exists(std::string_view sort_key) const override;
  std::optional<NodeView> nsec_at_or_before(std::string_view sort_key, NodeScratch* scratch) const override;
  std::optional<NodeView> nsec3_match(std::string_view hash, NodeScratch* scratch) const override;
  std::optional<NodeView> nsec3_at_or_before(std::string_view hash, NodeScratch* scratch) const override;
  Cursor first() const override;
  Cursor seek(std::string_view sort_key) const override;
  Cursor seek_before(std::string_view sort_key) const override;
  Cursor nsec3_first() const override;
  Cursor nsec3_seek(std::string_view hash) const override;
  Result<SnapshotPtr> apply(const Diff& diff) const override;
  const SetDigest& content_digest() const override;
  const std::shared_ptr<const Image>& image() const override;  // null
  DeltaSize delta() const override { return {}; }
  SnapshotPtr rebase(const Snapshot& base, std::shared_ptr<const Image> image) const override;

 private:
  friend class PackedPlace;
  struct Parts;
  static constexpr std::size_t kNone = ~std::size_t{0};

  explicit PackedSnapshot(const ZoneFacts& facts) : facts_(facts) {}
  static void* operator new(std::size_t size, std::size_t behind) { return ::operator new(size + behind); }
  static void operator delete(void* memory, std::size_t /*behind*/) { ::operator delete(memory); }

  const std::uint8_t* tags() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }
  const std::uint8_t* places() const { return tags() + owners_; }
  const std::uint8_t* nodes() const { return places() + 2 * (std::size_t{owners_} + hashes_); }
  const std::uint8_t* encoded(std::size_t index) const {
    return nodes() + layout::load<std::uint16_t>(places() + 2 * index);
  }
  NodeView owner(std::size_t index) const { return NodeView(encoded(index)); }
  NodeView hashed(std::size_t index) const { return NodeView(encoded(owners_ + index)); }
  bool is(std::size_t index, const LookupKey& key, std::size_t labels, std::string_view first_label) const;
  // The owner, or empty non-terminal, that is the ancestor of `key` with so many labels; or the one whose
  // first label is another; kNone.
  std::size_t place_of(const LookupKey& key, std::size_t labels, std::string_view first_label) const;
  std::size_t place_of(const LookupKey& key, std::size_t labels) const {
    return place_of(key, labels, key.label(labels));
  }
  // How many lie before the key, or at it too.
  std::size_t owners_before(std::string_view key, bool or_at) const;
  std::size_t hashes_before(std::string_view hash, bool or_at) const;

  ZoneFacts facts_;
  OnceDigest digest_;
  NodeView apex_{nullptr};
  std::uint8_t owners_ = 0, hashes_ = 0, apex_labels_ = 0;
  bool has_star_ = false;
};

}  // namespace onoma::zone
