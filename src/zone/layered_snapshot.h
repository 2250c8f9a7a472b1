// LayeredSnapshot: a Snapshot on an Image and, beside it, what changed since: two persistent Trees ("delta")
// of whole owners, one of names by sort key and one of NSEC3 records by hash. An entry of the delta stands
// for the image's node of the same key: with RRsets, as an empty non-terminal, or as gone. Empty
// non-terminals are explicit in both layers, so whether a name exists is one look-up. Inside of the room
// `zone`; made from an Image and by apply(). Immutable once handed out; what is computed on first use
// (content_digest) is guarded.
#pragma once

#include <atomic>
#include <memory>

#include "zone/denial.h"
#include "zone/image.h"
#include "zone/node.h"
#include "zone/referral.h"
#include "zone/set_digest.h"
#include "zone/tree.h"

namespace onoma::zone {

// A digest that is worked out when somebody first asks. Askers at the same time may each work it out; one
// result stays.
class OnceDigest {
 public:
  OnceDigest() = default;
  OnceDigest(const OnceDigest& other) {
    if (const auto* known = other.known()) value_.store(new SetDigest(*known), std::memory_order_release);
  }
  OnceDigest& operator=(const OnceDigest&) = delete;
  ~OnceDigest() { delete value_.load(std::memory_order_acquire); }

  const SetDigest* known() const { return value_.load(std::memory_order_acquire); }
  SetDigest* known() { return value_.load(std::memory_order_acquire); }  // for the one who makes a version
  const SetDigest& set(const SetDigest& digest) const {
    auto fresh = std::make_unique<SetDigest>(digest);
    SetDigest* expected = nullptr;
    if (value_.compare_exchange_strong(expected, fresh.get(), std::memory_order_acq_rel))
      return *fresh.release();
    return *expected;
  }

 private:
  mutable std::atomic<SetDigest*> value_{nullptr};
};

// Which hashes the delta may hold: one bit each, only ever set. All versions on one image share it; a version
// sees the bits of later ones too, which costs it a look-up and nothing else.
class DeltaFilter {
 public:
  explicit DeltaFilter(std::size_t bits);  // a power of two
  bool maybe(std::uint64_t hash) const {
    return (words_[word(hash)].load(std::memory_order_relaxed) >> (hash >> 6 & 63) & 1) != 0;
  }
  void add(std::uint64_t hash) {
    words_[word(hash)].fetch_or(std::uint64_t{1} << (hash >> 6 & 63), std::memory_order_relaxed);
  }

 private:
  std::size_t word(std::uint64_t hash) const { return static_cast<std::size_t>(hash >> 12) & mask_; }
  std::size_t mask_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> words_;
};

// What most negative answers share.
struct Negative {
  MadeSection soa, signed_soa;  // the second is empty when there are no signatures
  // With NSEC3: the record that matches the apex, and the one that covers "*" below it; where one is missing,
  // the zone proves in another way.
  struct Proof {
    std::array<std::uint8_t, 20> hash;
    NodeView node;
  };
  std::optional<Proof> apex, star;
};

class LayeredSnapshot final : public Snapshot {
 public:
  static Result<SnapshotPtr> make(ImagePtr image);
  LayeredSnapshot(const LayeredSnapshot& other);
  LayeredSnapshot& operator=(const LayeredSnapshot&) = delete;

  const ZoneFacts& facts() const override { return facts_.zone; }
  void prepare(LookupKey& key) const override;
  void prefetch(const LookupKey& key) const override;
  Lookup find(const LookupKey& key, NodeScratch* scratch) const override;
  Quick quick(const LookupKey& key) const override;
  std::optional<QuickWritten> write_quick(const Quick& quick, const QuickMessage& message) const override;
  void prepare_proof(Quick& quick, NameView name) const override;
  void prefetch_proof(const Quick& quick) const override;
  std::optional<NodeView> node(const LookupKey& key, NodeScratch* scratch) const override;
  const NodeView& apex() const override { return *apex_; }
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
  const ImagePtr& image() const override { return image_; }
  DeltaSize delta() const override;
  SnapshotPtr rebase(const Snapshot& base, ImagePtr image) const override;

 private:
  friend class LayeredPlace;
  using Changes = std::span<const RRsetChange>;

  // What both layers together hold of a name.
  struct Held {
    enum class State : std::uint8_t { absent, empty, owner };
    State state = State::absent;
    std::uint8_t flags = 0;           // NodeFlag, of an owner
    const Entry* entry = nullptr;     // in the delta, or
    Image::Unit unit = Image::kNone;  // in the image
  };

  LayeredSnapshot() = default;
  std::uint64_t hash_of(const LookupKey& key, std::size_t labels) const;
  Held held(const LookupKey& key, std::size_t labels, std::uint64_t hash) const;
  Held held(std::string_view sort_key) const;
  std::optional<NodeView> unfold(const Held& held, NodeScratch* scratch) const;
  std::optional<NodeView> nsec_not_behind(std::string_view key, NodeScratch* scratch) const;
  bool has_below(std::string_view key) const;  // an owner strictly below

  // Steps of apply, on the copy that becomes the next version.
  Result<void> change_owner(Changes changes);
  void put_name(std::string_view key, NameView owner, EntryPtr entry);
  void put_mark(std::string_view key, NameView owner, bool gone);
  void show_in_filter(const LookupKey& key);
  void mend_ancestors(std::string_view key, NameView owner);
  void account_names(std::string_view key, const NodeView* before, const NodeView* after);
  void account(NameView owner, const EncodedSet& set, bool added);
  bool below_cut(std::string_view key) const;  // has a delegation strictly above
  std::uint64_t glue_below(std::string_view key) const;
  void carry_names(const Tree& now, const Tree& then);
  void carry_nsec3(const Tree& now, const Tree& then);
  bool refresh_facts();  // false: there is no SOA
  void make_negative(const RRsetView& soa);

  bool has_ds(const Quick& quick) const;
  Nsec3Hash proof_hash(const Quick& quick, NameView name) const;

  // Steps of write_quick.
  struct Part;
  void write_negative(Part& part, const Quick& quick) const;
  void write_referral(Part& part, const Quick& quick) const;
  void write_security(Part& part, const Quick& quick) const;
  void write_addresses(Part& part, const Quick& quick, ByteView servers, ByteView own) const;
  void write_match_or_span(Part& part, const Quick& quick) const;
  bool write_nsec3(Part& part, std::string_view hash, bool cover) const;

  ImagePtr image_;
  ImageFacts facts_;  // its digest is not used: digest_
  std::string apex_key_;
  Tree names_, nsec3_;
  std::uint64_t delta_octets_ = 0;
  std::shared_ptr<DeltaFilter> filter_;  // null: no names in the delta
  std::optional<NodeView> apex_;
  std::shared_ptr<const Negative> negative_;
  OnceDigest digest_;
};

}  // namespace onoma::zone
