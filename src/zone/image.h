// Image: a whole zone, immutable, compact and position-independent: the same octets in memory and in a file
// (docs/formats/image.md, zone/image_layout.h). Opening one costs the same at any size. Inside of the room
// `zone`; everybody else reads a Snapshot on it, keeps one in a file (zone/image_file.h) or asks for its
// facts.
//
// What always holds: every offset that is read is checked against the image's end, so that damaged octets
// lead to damage() and to answers that are left out, never to a read elsewhere. Octets that are not trusted
// are copied before they are checked and used: they may change under us (a mapped file).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "zone/image_layout.h"
#include "zone/node.h"
#include "zone/set_digest.h"
#include "zone/snapshot.h"

namespace onoma::zone {

// Facts that only versions care about, beside ZoneFacts.
struct ImageFacts {
  ZoneFacts zone;
  std::uint64_t star_names = 0;  // owners with a label "*"
  std::uint64_t nsec_sets = 0;
  std::optional<SetDigest> digest;
};

// Where finished images go, and how their hashes are keyed. Set once by the program, before zones are made.
struct ImageSettings {
  // Memory for a finished image; may be of huge pages. Default: operator new.
  std::function<std::shared_ptr<std::uint8_t>(std::size_t octets)> allocate;
  std::uint64_t seed = 0x6f6e6f6d61U;
};
const ImageSettings& image_settings();
void set_image_settings(ImageSettings settings);

class Image {
 public:
  using Unit = std::uint32_t;
  static constexpr Unit kNone = 0xffffffffU;
  static constexpr Unit kApex = 0;

  // `trusted`: the octets were made by this process or their checksums were seen to fit, and they cannot
  // change. `lost`, where given, becomes true when octets have been lost and read as zeros: from then on
  // nothing of the image is believed. `owner` keeps it.
  static Result<std::shared_ptr<const Image>> open(ByteView octets, std::shared_ptr<const void> owner,
                                                   bool trusted, const std::atomic<bool>* lost = nullptr);

  ByteView octets() const { return octets_; }
  const layout::Header& header() const { return header_; }
  Result<ImageFacts> facts() const;
  bool trusted() const { return trusted_; }
  bool damaged() const { return damaged_.load(std::memory_order_relaxed) || lost(); }
  bool lost() const { return lost_ != nullptr && lost_->load(std::memory_order_relaxed); }
  void condemn() const { note_damage(); }  // somebody else has found damage
  std::uint64_t seed() const { return header_.seed; }
  std::size_t nodes() const { return header_.nodes; }
  std::size_t nsec3_records() const { return header_.nsec3_records; }

  // ---- names ----
  struct Head {  // of a node
    std::uint8_t bits = 0;
    ByteView label;
    Unit parent = kNone;  // kNone: the apex
    const std::uint8_t* body = nullptr;
    std::size_t body_octets = 0;
    Unit next = kNone;  // kNone: the last one
    bool is_empty() const { return (bits & layout::kEmpty) != 0; }
  };
  bool head(Unit unit, Head& out) const;  // false: damaged
  void prefetch_index(std::uint64_t hash) const;
  void prefetch_node(std::uint64_t hash) const;
  // The node of the ancestor of `key` with `labels` labels (> the apex's), whose hash this is; kNone, or else
  // `out` is its head.
  Unit find(const LookupKey& key, std::size_t labels, std::uint64_t hash, Head& out) const;
  // In canonical order, empty non-terminals among them.
  Unit next(Unit unit) const;
  Unit lower_bound(std::string_view key) const;
  Unit before(std::string_view key) const;  // the last one before the key; kNone
  Unit at_or_before(std::string_view key) const;
  std::size_t key(Unit unit, std::uint8_t* out) const;  // its sort key, into kMaxSortKeyOctets; 0: damaged
  // The node as zone/node.h encodes it: in `scratch`, or in memory of its own, or in the image. nullopt:
  // damaged.
  std::optional<NodeView> unfold(Unit unit, NodeScratch* scratch) const;
  Quick referral(Unit unit, const Head& head) const;  // kind other or referral; without labels and hash

  // ---- NSEC3 records ----
  void prefetch_nsec3_index(std::string_view hash) const;
  void prefetch_nsec3(std::string_view hash) const;
  bool hash_at(Unit unit, std::string_view& out) const;
  Unit nsec3_first() const { return header_.nsec3_records == 0 ? kNone : 0; }
  Unit nsec3_next(Unit unit) const;
  Unit nsec3_lower_bound(std::string_view hash) const;
  Unit nsec3_before(std::string_view hash) const { return nsec3_last_before(hash, false); }
  Unit nsec3_at_or_before(std::string_view hash) const { return nsec3_last_before(hash, true); }
  Unit nsec3_last() const;
  std::optional<NodeView> nsec3_unfold(Unit unit, NodeScratch* scratch) const;
  // Where the body of a packed record lies, the hash of the record behind it if the body leaves that out, and
  // whether the owner is spelled in capital letters. False: it is stored raw, or damaged.
  bool nsec3_record(Unit unit, layout::Reader& body, std::string_view& next, bool& upper) const;

  const std::uint8_t* section(layout::Section which) const { return octets_.data() + header_.at[which]; }
  const std::uint8_t* section_end(layout::Section which) const {
    return octets_.data() + (which + 1 == layout::kSections ? header_.octets : header_.at[which + 1]);
  }
  std::size_t section_octets(layout::Section which) const {
    return static_cast<std::size_t>(section_end(which) - section(which));
  }
  std::size_t apex_labels() const { return apex_labels_; }
  std::string_view apex_key() const { return apex_key_; }
  NameView apex() const { return apex_; }

 private:
  Image() = default;
  bool matches(Unit unit, const LookupKey& key, std::size_t labels, Head& out) const;
  Unit last_before(std::string_view key, bool or_at) const;
  int compare(Unit unit, const Head& node, std::string_view key) const;
  bool order_row(std::size_t row, std::uint64_t& head, Unit& unit) const;
  Unit nsec3_last_before(std::string_view hash, bool or_at) const;
  bool nsec3_bucket(std::size_t bucket, Unit& first) const;
  std::size_t nsec3_bucket_of(std::string_view hash) const;
  void note_damage() const { damaged_.store(true, std::memory_order_relaxed); }
  template <class T>
  T fail_read(T value) const {
    note_damage();
    return value;
  }

  ByteView octets_;
  std::shared_ptr<const void> owner_;
  layout::Header header_;
  Name apex_;
  std::string apex_key_;
  std::size_t apex_labels_ = 0;
  std::uint64_t buckets_ = 0, order_rows_ = 0, nsec3_buckets_ = 0;
  bool trusted_ = false;
  const std::atomic<bool>* lost_ = nullptr;
  mutable std::atomic<bool> damaged_{false};
};

using ImagePtr = std::shared_ptr<const Image>;

}  // namespace onoma::zone
