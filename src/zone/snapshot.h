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

#include "base/bytes.h"
#include "base/error.h"
#include "wire/rrset.h"
#include "zone/diff.h"

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
};

// One owner name with its RRsets.
class NodeView {
 public:
  NameView owner() const;                 // case as stored
  std::size_t size() const;               // number of RRsets
  RRsetView at(std::size_t index) const;  // types ascending
  std::optional<RRsetView> find(RRType type) const;
  bool has(RRType type) const;
  bool is_delegation() const;  // has NS, and is not the apex

  // Implementation: the encoding is described in zone/node.h.
  explicit NodeView(const std::uint8_t* encoded) : encoded_(encoded) {}
  const std::uint8_t* encoded() const { return encoded_; }

 private:
  const std::uint8_t* encoded_;
};

// A query name prepared for look-up: its sort key and the hash of it, in place. 16-octet aligned, no
// allocation.
struct LookupKey {
  std::array<std::uint8_t, wire::kMaxSortKeyOctets> octets;
  std::uint16_t size = 0;
  std::uint64_t hash = 0;
  std::string_view view() const { return {reinterpret_cast<const char*>(octets.data()), size}; }
  static void make(NameView name, LookupKey& out);
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

class Snapshot;
using SnapshotPtr = std::shared_ptr<const Snapshot>;

// A place in one of the two orders. Invalid at the ends. Moving costs O(1) amortised.
class Cursor {
 public:
  bool valid() const;
  NodeView node() const;         // REQUIRES: valid()
  std::string_view key() const;  // sort key, or 20 octets of hash; REQUIRES: valid()
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

  // Two-phase look-up for batches: prepare() every key, then find() every key. prepare() only hints at
  // memory.
  virtual void prepare(const LookupKey& key) const = 0;
  // REQUIRES: the key's name is at or below the apex.
  virtual Lookup find(const LookupKey& key) const = 0;

  // The RRsets of exactly this name.
  virtual std::optional<NodeView> node(std::string_view sort_key) const = 0;
  virtual NodeView apex() const = 0;
  // Does the name exist, as an owner or as an empty non-terminal?
  virtual bool exists(std::string_view sort_key) const = 0;

  // The node with an NSEC set that is at `sort_key` or else the nearest before it (the chain is circular, so
  // there always is one in a zone that uses NSEC).
  virtual std::optional<NodeView> nsec_at_or_before(std::string_view sort_key) const = 0;
  // NSEC3 by hash (20 octets): the record with exactly this hash; the record at or before, circular.
  virtual std::optional<NodeView> nsec3_match(std::string_view hash) const = 0;
  virtual std::optional<NodeView> nsec3_at_or_before(std::string_view hash) const = 0;

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
};

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
