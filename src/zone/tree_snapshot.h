// TreeSnapshot: a Snapshot on two Trees, one of names by sort key and one of NSEC3 records by hash. Inside of
// the room `zone`; made by SnapshotBuilder and by apply(). Immutable once handed out; what is computed on
// first use (content_digest) is guarded.
#pragma once

#include <atomic>
#include <memory>

#include "zone/node.h"
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

class TreeSnapshot final : public Snapshot {
 public:
  // Fails with Code::bad_request when the names hold no SOA at the apex. REQUIRES: keys as Tree::build wants
  // them.
  static Result<SnapshotPtr> build(const Name& apex, std::vector<EntryPtr> names,
                                   std::vector<EntryPtr> nsec3);

  TreeSnapshot(const TreeSnapshot& other);
  TreeSnapshot& operator=(const TreeSnapshot&) = delete;

  const ZoneFacts& facts() const override { return facts_; }
  void prepare(const LookupKey& key) const override { names_.prefetch(key.view()); }
  Lookup find(const LookupKey& key) const override;
  std::optional<NodeView> node(std::string_view sort_key) const override;
  NodeView apex() const override { return apex_->node(); }
  bool exists(std::string_view sort_key) const override;
  std::optional<NodeView> nsec_at_or_before(std::string_view sort_key) const override;
  std::optional<NodeView> nsec3_match(std::string_view hash) const override;
  std::optional<NodeView> nsec3_at_or_before(std::string_view hash) const override;
  Cursor first() const override;
  Cursor seek(std::string_view sort_key) const override;
  Cursor seek_before(std::string_view sort_key) const override;
  Cursor nsec3_first() const override;
  Cursor nsec3_seek(std::string_view hash) const override;
  Result<SnapshotPtr> apply(const Diff& diff) const override;
  const SetDigest& content_digest() const override;

 private:
  using Changes = std::span<const RRsetChange>;

  explicit TreeSnapshot(const Name& apex);

  // Steps of apply, on the copy that becomes the next version.
  Result<void> change_owner(Changes changes);
  void account_names(std::string_view key, const Entry* before, const Entry* after);
  void account_set(NameView owner, const EncodedSet& set, bool added);
  bool below_cut(std::string_view key) const;  // has a delegation strictly above
  std::uint64_t glue_below(std::string_view key) const;
  bool refresh_facts();  // false: there is no SOA

  ZoneFacts facts_;
  std::string apex_key_;
  Tree names_, nsec3_;
  const Entry* apex_ = nullptr;   // held by names_
  std::uint64_t star_names_ = 0;  // owners with a label "*"
  std::uint64_t nsec_sets_ = 0;
  OnceDigest digest_;
};

// The 20 octets in an NSEC3 record's owner name; nullopt when it is not directly below `apex` or no such
// hash.
std::optional<std::array<std::uint8_t, 20>> nsec3_owner_hash(NameView owner, NameView apex);

// Adds or takes away one set of `owner`.
void digest_set(SetDigest& digest, NameView owner, const EncodedSet& set, bool add);

}  // namespace onoma::zone
