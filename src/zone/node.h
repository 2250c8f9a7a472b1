// How one owner name with its RRsets lies in memory, and the counted block that holds it. Inside of the room
// `zone`; everybody else sees a NodeView. Blocks are immutable once made and may be shared by threads and
// versions.
//
// Encoding (integers in network order, offsets from the start of the encoding, no alignment):
//   0  u16 number of RRsets          2  u8 octets of the owner name          3  u8 flags (NodeFlag)
//   4  u32 octets of the whole encoding
//   8  per RRset, types ascending, 24 octets:
//        u16 type, u16 records, u16 signatures, u16 zero, u32 TTL, u32 offset of the record data,
//        u32 offset of the signatures (= end of the record data), u32 end of the signatures
//   .. the owner name in wire form, case as stored
//   .. the data: runs of octet strings, each behind a u16 length (DataRange)
#pragma once

#include <atomic>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "wire/rrset.h"
#include "zone/snapshot.h"

namespace onoma::zone {

inline constexpr std::size_t kNodeHeaderOctets = 8;
inline constexpr std::size_t kNodeSetOctets = 24;

// The last two mark entries of a delta, which have no sets: an empty non-terminal, a name that is gone.
enum NodeFlag : std::uint8_t {
  kNodeApex = 1,
  kNodeNs = 2,
  kNodeDname = 4,
  kNodeNsec = 8,
  kNodeEmpty = 16,
  kNodeGone = 32
};
inline std::uint8_t node_flags(const NodeView& node) {
  return node.encoded()[3];
}

// One RRset as runs of length-prefixed strings; views into somebody's octets.
struct EncodedSet {
  RRType type{};
  std::uint32_t ttl = 0;
  std::uint16_t count = 0, signature_count = 0;
  ByteView data, signatures;
};
EncodedSet encoded_set(const NodeView& node, std::size_t index);  // REQUIRES: index < node.size()
inline DataRange data_range(const EncodedSet& set) {
  return {set.data.data(), set.data.data() + set.data.size(), set.count};
}
inline DataRange signature_range(const EncodedSet& set) {
  return {set.signatures.data(), set.signatures.data() + set.signatures.size(), set.signature_count};
}
// Octets of `set` as runs, put into `storage`, which the result looks at. Fails with Code::too_large above
// 65,535 records or signatures, for a datum above 65,535 octets and above 2^31 octets in all; Code::corrupt
// for an empty set.
Result<EncodedSet> encode_set(const RRset& set, Bytes& storage);
// Octet by octet the same, signatures included?
bool same(const EncodedSet& held, const RRset& set);

// Octets that an encoding of these takes, and the encoding. `flags`: kNodeApex, kNodeEmpty, kNodeGone; the
// others follow from the sets.
std::uint64_t encoded_octets(NameView owner, std::span<const EncodedSet> sets);
void encode_node(std::uint8_t* out, NameView owner, std::uint8_t flags, std::span<const EncodedSet> sets);

// A key and an encoded node in one block of memory.
class Entry {
 public:
  std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), key_size_}; }
  NodeView node() const { return NodeView(octets()); }
  const std::uint8_t* octets() const { return reinterpret_cast<const std::uint8_t*>(this + 1) + key_size_; }
  std::uint8_t flags() const { return octets()[3]; }
  std::size_t size() const { return sizeof(Entry) + key_size_ + load_u32(octets() + 4); }

 private:
  friend class EntryPtr;
  Entry() = default;
  mutable std::atomic<std::uint32_t> references_{1};
  std::uint16_t key_size_ = 0;
};

// Counts the users of an Entry.
class EntryPtr {
 public:
  EntryPtr() = default;
  EntryPtr(const EntryPtr& other) : entry_(other.entry_) { retain(entry_); }
  EntryPtr(EntryPtr&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  EntryPtr& operator=(EntryPtr other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~EntryPtr() { release(entry_); }
  const Entry* get() const { return entry_; }
  const Entry* operator->() const { return entry_; }
  explicit operator bool() const { return entry_ != nullptr; }
  static EntryPtr share(const Entry* entry) {
    retain(entry);
    EntryPtr out;
    out.entry_ = entry;
    return out;
  }
  // Gives up ownership to the caller, who calls release() later.
  const Entry* detach() { return std::exchange(entry_, nullptr); }

  // `sets` with ascending types. Fails with Code::too_large when the encoding passes 2^32 - 1 octets.
  static Result<EntryPtr> make(std::string_view key, NameView owner, std::uint8_t flags,
                               std::span<const EncodedSet> sets);
  // An entry whose node is to be written by the caller, before anybody else sees it, into `node`.
  static EntryPtr make_blank(std::string_view key, std::size_t node_octets, std::uint8_t*& node);

  static void retain(const Entry* entry) {
    if (entry) entry->references_.fetch_add(1, std::memory_order_relaxed);
  }
  static void release(const Entry* entry) {
    if (entry && entry->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(entry);
  }

 private:
  static void destroy(const Entry* entry);
  const Entry* entry_ = nullptr;
};

}  // namespace onoma::zone
