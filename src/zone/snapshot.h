// Snapshot: one immutable version of one zone, and the views and cursors through which everybody reads it.
// Final interface: readers see names, RRsets and orders, never how they are stored.
//
// A Snapshot may be read from any number of threads. Views and cursors point into it and are good as long as
// it lives; hold it by shared_ptr<const Snapshot> (SnapshotPtr). Making the next version (apply) leaves this
// one untouched and costs time and memory in the size of the change, not of the zone.
//
// Two orders exist: canonical order of owner names (RFC 4034 §6.1) for everything but NSEC3, and the order of
// hashes for NSEC3 records (RFC 5155 §3), which live beside the names: an owner that holds nothing but an
// NSEC3 set does not exist as a name. Empty non-terminals are not stored; they exist because something exists
// below them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "wire/rrset.h"
#include "zone/diff.h"
#include "zone/lookup_key.h"

namespace onoma::zone {

using wire::Name;
using wire::NameView;
using wire::RRset;
using wire::RRType;

// A run of octet strings, each behind a 16-bit length, as RRsets store their data.
class DataRange {
 public:
  class iterator {
   public:
    using value_type = ByteView;
    using difference_type = std::ptrdiff_t;
    iterator() = default;
    explicit iterator(const std::uint8_t* at) : at_(at) {}
    ByteView operator*() const { return {at_ + 2, load_u16(at_)}; }
    iterator& operator++() {
      at_ += 2 + load_u16(at_);
      return *this;
    }
    iterator operator++(int) {
      auto old = *this;
      ++*this;
      return old;
    }
    bool operator==(const iterator&) const = default;

   private:
    const std::uint8_t* at_ = nullptr;
  };
  DataRange() = default;
  DataRange(const std::uint8_t* begin, const std::uint8_t* end, std::uint16_t count)
      : begin_(begin), end_(end), count_(count) {}
  iterator begin() const { return iterator(begin_); }
  iterator end() const { return iterator(end_); }
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  ByteView front() const { return *begin(); }                                     // REQUIRES: !empty()
  std::size_t octets() const { return static_cast<std::size_t>(end_ - begin_); }  // lengths included

 private:
  const std::uint8_t* begin_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  std::uint16_t count_ = 0;
};

class Entry;  // implementation: zone/node.h

// Keeps the octets of a node alive, where they are not the snapshot's own.
class NodeHold {
 public:
  NodeHold() = default;
  explicit NodeHold(const Entry* owned) : entry_(owned) {}
  NodeHold(const NodeHold& other) : entry_(other.entry_) {
    if (entry_) retain(entry_);
  }
  NodeHold(NodeHold&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  NodeHold& operator=(NodeHold other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~NodeHold() {
    if (entry_) release(entry_);
  }

 private:
  static void retain(const Entry* entry);
  static void release(const Entry* entry);
  const Entry* entry_ = nullptr;
};

// One RRset. Keeps what it shows alive like the NodeView that it is of.
class RRsetView {
 public:
  RRType type() const { return type_; }
  std::uint32_t ttl() const { return ttl_; }
  const DataRange& rdatas() const { return rdatas_; }          // canonical order
  const DataRange& signatures() const { return signatures_; }  // RRSIG data; same TTL as the set
  std::size_t size() const { return rdatas_.size(); }
  RRset copy(NameView owner) const;

 private:
  friend class NodeView;
  RRType type_{};
  std::uint32_t ttl_ = 0;
  DataRange rdatas_, signatures_;
  NodeHold hold_;
};

// One owner name with its RRsets. What it shows (RRsetViews, the owner, their octets) is good as long as the
// snapshot lives *and* this view or a copy of it (or the scratch memory it was made in).
class NodeView {
 public:
  NameView owner() const;                 // case as stored
  std::size_t size() const;               // number of RRsets
  RRsetView at(std::size_t index) const;  // types ascending
  std::optional<RRsetView> find(RRType type) const;
  bool has(RRType type) const;
  bool is_apex() const;
  bool is_delegation() const;  // has NS, and is not the apex

  // Implementation: the encoding is described in zone/node.h.
  explicit NodeView(const std::uint8_t* encoded, NodeHold hold = {})
      : encoded_(encoded), hold_(std::move(hold)) {}
  const std::uint8_t* encoded() const { return encoded_; }

 private:
  const std::uint8_t* encoded_;
  NodeHold hold_;
};

// Memory for the nodes that one answer looks at, so that nothing is allocated: compact nodes are unfolded
// into it. One thread's; reset() ends what was made in it.
class NodeScratch {
 public:
  // Enough for the longest chain with proofs; a node that does not fit counts as damaged.
  static constexpr std::size_t kOctets = std::size_t{256} * 1024;
  NodeScratch() : octets_(std::make_unique_for_overwrite<std::uint8_t[]>(kOctets)) {}
  std::uint8_t* take(std::size_t size) {
    if (size > kOctets - used_) return nullptr;
    return &octets_[std::exchange(used_, used_ + size)];
  }
  void reset() { used_ = 0; }

 private:
  std::unique_ptr<std::uint8_t[]> octets_;
  std::size_t used_ = 0;
};

// What a zone has for a name, everything that RFC 1034 §4.3.2 needs from one walk.
struct Lookup {
  std::optional<NodeView> cut;       // topmost delegation at or above the name, the apex excluded
  std::optional<NodeView> dname;     // topmost owner of a DNAME strictly above the name and not below `cut`
  std::optional<NodeView> exact;     // the name itself has RRsets
  bool exists = false;               // exact, or an empty non-terminal
  std::uint8_t encloser_labels = 0;  // labels of the closest encloser (of the name itself when it exists)
  std::optional<NodeView> wildcard;  // "*" below the closest encloser; set only when !exists
  bool wildcard_is_empty = false;    // that "*" exists, but only as an empty non-terminal (RFC 4592 §2.2.2)
  bool damaged = false;              // the zone's image cannot be read there: nothing else is to be believed
};

// The answers that need no unfolding of nodes: a referral to servers outside of the zone or directly below
// the delegated name, and a name that is not there.
struct Quick {
  enum class Kind : std::uint8_t { other, referral, missing };
  Kind kind = Kind::other;
  std::uint8_t labels = 0;  // of the delegated name; missing: of the closest encloser
  std::uint32_t ttl = 0;    // referral: of the NS set
  // Implementation, of a referral: where the NS set lies; the node and the one behind it; the name's hash.
  const std::uint8_t* place = nullptr;
  std::uint32_t node = 0, behind = 0;
  std::uint64_t hash = 0;
  // Implementation: the NSEC3 hash that the answer turns on, filled in by prepare_proof().
  bool has_proof = false;
  std::array<std::uint8_t, 20> proof;
};

// Where a Quick answer is written: behind the question, at `offset` octets from the message's beginning.
struct QuickMessage {
  MutableBytes out;
  std::size_t offset = 0;
  NameView name;  // of the question, which begins behind the message's header of 12 octets
  bool dnssec = false;
  NodeScratch* scratch = nullptr;
};
struct QuickWritten {
  std::size_t octets = 0;
  std::uint16_t authority = 0, additional = 0;  // records
};

// How a zone proves what does not exist.
enum class Denial : std::uint8_t { none, nsec, nsec3 };

struct ZoneFacts {
  Name apex;
  std::uint32_t serial = 0;
  Denial denial = Denial::none;  // none: the zone is not signed
  std::uint16_t nsec3_iterations = 0;
  Bytes nsec3_salt;
  std::uint32_t negative_ttl_s = 0;  // min(SOA TTL, SOA minimum), RFC 2308 §5
  // Counts, kept up to date by apply(). `names` are owners, those of NSEC3 aside; `rrsets` and `records`
  // leave out what a signer makes; `delegations` are owners of NS but the apex; `glue_records` are addresses
  // at or below one.
  std::uint64_t names = 0, rrsets = 0, records = 0, delegations = 0, ds_sets = 0, glue_records = 0,
                signatures = 0;
  std::uint32_t earliest_expiry =
      0;  // smallest RRSIG expiration seen when built or applied; 0: no signatures
};

class Image;
class Snapshot;
using SnapshotPtr = std::shared_ptr<const Snapshot>;

// What changed since the image was made.
struct DeltaSize {
  std::uint64_t owners = 0;  // names and NSEC3 records that are changed, added or gone
  std::uint64_t octets = 0;  // of them, about
};

// A place in one of the two orders. Invalid at the ends. next() costs O(1) amortised, prev() a search.
class Cursor {
 public:
  bool valid() const;
  NodeView node() const;         // REQUIRES: valid()
  std::string_view key() const;  // sort key, or 20 octets of hash, until the cursor moves; REQUIRES: valid()
  void next();
  void prev();

  struct Place;  // implementation
  explicit Cursor(std::unique_ptr<Place> place);
  Cursor(const Cursor&);
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor) noexcept;
  ~Cursor();

 private:
  std::unique_ptr<Place> place_;
};

class Snapshot {
 public:
  virtual ~Snapshot() = default;

  virtual const ZoneFacts& facts() const = 0;

  // Look-up for batches in three steps, each for all keys before the next: prepare() hashes and asks for the
  // index, prefetch() asks for the nodes, then find() or quick(). The first two only hint at memory; find()
  // works without them. REQUIRES for all: the key's name is at or below the apex.
  virtual void prepare(LookupKey& key) const = 0;
  virtual void prefetch(const LookupKey& key) const = 0;
  // A Lookup with a cut or dname says nothing about what is below it: `exact`, `exists` and the encloser are
  // then those of the cut or dname itself. With `scratch` nothing is allocated and the nodes live until its
  // reset(); without, they live by themselves. The same holds for every function below that takes it.
  virtual Lookup find(const LookupKey& key, NodeScratch* scratch = nullptr) const = 0;
  // Decides without unfolding anything, or says `other`. Only for questions that a cut or NXDOMAIN answers
  // the same way whatever the type (not DS).
  virtual Quick quick(const LookupKey& key) const = 0;
  // Writes the sections of such an answer. nullopt when they do not fit or the answer is not as simple as it
  // looked: then it is to be made from find(). REQUIRES: not kind other, of a key of `message.name`.
  virtual std::optional<QuickWritten> write_quick(const Quick& quick, const QuickMessage& message) const = 0;
  // For batches of questions with DO: hashes what such an answer will look up and asks for the index; then
  // asks for the record. Hints, like those above. `name` is the question's.
  virtual void prepare_proof(Quick& /*quick*/, NameView /*name*/) const {}
  virtual void prefetch_proof(const Quick& /*quick*/) const {}

  // The RRsets of exactly this name.
  std::optional<NodeView> node(std::string_view sort_key) const;
  virtual std::optional<NodeView> node(const LookupKey& key, NodeScratch* scratch = nullptr) const = 0;
  virtual const NodeView& apex() const = 0;
  // Does the name exist, as an owner or as an empty non-terminal?
  virtual bool exists(std::string_view sort_key) const = 0;

  // The node with an NSEC set that is at `sort_key` or else the nearest before it (the chain is circular, so
  // there always is one in a zone that uses NSEC).
  virtual std::optional<NodeView> nsec_at_or_before(std::string_view sort_key,
                                                    NodeScratch* scratch = nullptr) const = 0;
  // NSEC3 by hash (20 octets): the record with exactly this hash; the record at or before, circular.
  virtual std::optional<NodeView> nsec3_match(std::string_view hash,
                                              NodeScratch* scratch = nullptr) const = 0;
  virtual std::optional<NodeView> nsec3_at_or_before(std::string_view hash,
                                                     NodeScratch* scratch = nullptr) const = 0;

  // Cursors. first() may be invalid only for NSEC3 order. seek: the first place at or behind the key.
  virtual Cursor first() const = 0;
  virtual Cursor seek(std::string_view sort_key) const = 0;
  virtual Cursor seek_before(
      std::string_view sort_key) const = 0;  // the last place before the key, or invalid
  virtual Cursor nsec3_first() const = 0;
  virtual Cursor nsec3_seek(std::string_view hash) const = 0;

  // The next version. Fails with Code::corrupt, changing nothing, when a `before` is not what this version
  // holds (signatures included) or the result would have no SOA at the apex.
  virtual Result<SnapshotPtr> apply(const Diff& diff) const = 0;

  // Sum over all RRsets that are content (not made by a signer, not the SOA), see zone/set_digest.h. Kept by
  // apply().
  virtual const struct SetDigest& content_digest() const = 0;

  // The image that most of this version lies in, and how much lies beside it. Null: it is packed (see
  // packed()).
  virtual const std::shared_ptr<const Image>& image() const = 0;
  virtual DeltaSize delta() const = 0;
  // The same content on another image. `image` is that of a compacted earlier version `base` on the way to
  // this one (see compact()); only what changed since lies beside it. Costs the size of both deltas.
  virtual SnapshotPtr rebase(const Snapshot& base, std::shared_ptr<const Image> image) const = 0;
};

// All of a version in one image. Takes time in the size of the zone: for a background job.
Result<std::shared_ptr<const Image>> compact(const Snapshot& snapshot);
// A snapshot on an image alone. Fails when the image says of itself what cannot be.
Result<SnapshotPtr> snapshot_of(std::shared_ptr<const Image> image);

// A small zone in as little memory as can be, for servers of very many zones: the same version in a block of
// its own without an image. What is large, or read from octets that are not trusted, comes back as it is.
SnapshotPtr packed(SnapshotPtr snapshot);

// Builds a first version from RRsets in any order. Not thread-safe; used once.
class SnapshotBuilder {
 public:
  explicit SnapshotBuilder(Name apex);
  ~SnapshotBuilder();
  // A set of the same owner and type added before is merged: data united, the smaller TTL kept, both reported
  // by warnings(). RRSIG records may come as sets of type RRSIG; they are attached to what they cover. Fails
  // for owners outside the zone.
  Result<void> add(RRset set);
  Result<void> add_record(wire::Record&& record);
  // Fails when there is not exactly one SOA at the apex, or no NS there, or a CNAME has company (RFC 1034
  // §3.6.2).
  Result<SnapshotPtr> finish();
  const std::vector<std::string>& warnings() const;  // at most 1,000

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Copies of every RRset with its signatures, NSEC3 sets last.
std::vector<RRset> copy_sets(const Snapshot& snapshot);

// The difference that leads from one snapshot to another of the same apex; walks both.
Diff difference(const Snapshot& from, const Snapshot& to);

}  // namespace onoma::zone
