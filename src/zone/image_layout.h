// How a compiled zone lies in memory and in files: docs/formats/image.md in numbers. Inside of the room
// `zone`. Integers are in the order of the machine that wrote them, which is little end first on all that are
// supported; a header of the other order is refused. Nothing is aligned but the index.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace onoma::zone::layout {

inline constexpr std::uint64_t kMagic = 0x31474d495a4f4e4fU;  // "ONOZIMG1"
inline constexpr std::uint32_t kVersion = 2;
inline constexpr std::size_t kUnit = 4;  // nodes and NSEC3 records begin at multiples of this

enum Section : std::size_t {
  kFacts,       // serial, counts
  kShapes,      // rows of {u16 type, u8 flags, u8 0, u32 TTL}
  kStrings,     // u32 offset of the end of each string, then the strings
  kPool,        // RRset data that several owners share
  kNodes,       // owners in canonical order
  kOrder,       // for every kOrderStep-th node {u64 first octets of its key, u32 unit}
  kNsec3,       // NSEC3 records in hash order
  kNsec3Index,  // u32 unit of the first record of each bucket, and of the end
  kIndex,       // buckets of names, aligned to 64
  kSections,
};

struct Header {
  std::uint64_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t header_octets = 0;
  std::uint64_t octets = 0;  // of the whole image
  std::uint64_t seed = 0;
  std::uint64_t at[kSections] = {};  // ascending; a section ends where the next begins, the last at `octets`
  std::uint32_t nodes = 0;           // owners and empty non-terminals
  std::uint32_t nsec3_records = 0;
  std::uint32_t shapes = 0, strings = 0;
  std::uint64_t check = 0;  // XXH3-64 of the octets before it
};
static_assert(sizeof(Header) == 32 + 8 * kSections + 24);

inline constexpr std::size_t kOrderStep = 16;
inline constexpr std::size_t kOrderRow = 12;

struct Bucket {
  static constexpr std::size_t kSlots = 12;
  std::uint8_t tags[kSlots];  // 0: free
  std::uint8_t overflow;      // a name whose bucket this is lies in the next one
  std::uint8_t zero[3];
  std::uint32_t units[kSlots];
};
static_assert(sizeof(Bucket) == 64);
inline constexpr double kBucketFill = 8.4;  // names a bucket in the mean: about 9 % of the buckets overflow
inline std::uint8_t tag_of(std::uint64_t hash) {
  const auto tag = static_cast<std::uint8_t>(hash);
  return tag == 0 ? 1 : tag;
}
inline std::uint64_t bucket_of(std::uint64_t hash, std::uint64_t buckets) {
  return ((hash >> 32) * buckets) >> 32;
}

// First octet of a node.
enum NodeBit : std::uint8_t {
  kEmpty = 1,  // an empty non-terminal
  kNs = 2,
  kDname = 4,
  kNsec = 8,
  kDeep = 16,    // not directly below the apex: the distance back to the parent follows the label
  kRaw = 32,     // the body is an encoding of zone/node.h
  kShared = 64,  // the body is one set without signatures in the pool: {u8 shape, u32 pool offset};
                 // with kRaw: behind it there are further sets, packed
  kReady = 128,  // the pool holds it as an authority section too
};
// First octet of an NSEC3 record, behind its hash.
enum Nsec3Bit : std::uint8_t { kUpper = 1, kNextImplied = 2, kNsec3Raw = 4 };
enum ShapeBit : std::uint8_t { kShapeSigned = 1 };
inline constexpr std::size_t kSharedOctets = 5;
inline constexpr std::uint8_t kEscape = 255;  // index of a shape or string: written out instead

// An entry of the pool begins with {u8 bits, u8 records, u8 patches, u8 servers below the owner, u16 octets
// of the section made ahead, u16 octets of the run}; see zone/packed_sets.h.
inline constexpr std::size_t kPoolHead = 8;
enum PoolBit : std::uint8_t { kHasTemplate = 1, kRelative = 2 };
// In a relative run: bit of a string's length that says that the owner's name follows the string.
inline constexpr std::uint16_t kBelowOwner = 0x8000;

// A set whose data fall into the body of more octets than this, or a node with more sets, is stored raw.
inline constexpr std::size_t kMostPackedOctets = 2048;
inline constexpr std::size_t kMostPackedSets = 12;

template <class T>
T load(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Reads packed octets; every read is checked, the first that fails makes all later ones fail.
class Reader {
 public:
  Reader(const std::uint8_t* at, const std::uint8_t* end) : at_(at), end_(end) {}
  bool ok() const { return at_ != nullptr; }
  const std::uint8_t* at() const { return at_; }
  std::size_t left() const { return at_ ? static_cast<std::size_t>(end_ - at_) : 0; }
  const std::uint8_t* take(std::size_t size) {
    if (left() < size) {
      at_ = nullptr;
      return nullptr;
    }
    const auto* here = at_;
    at_ += size;
    return here;
  }
  template <class T>
  T fixed() {
    const auto* here = take(sizeof(T));
    return here ? load<T>(here) : T{};
  }
  std::uint64_t varint64() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
      const auto* here = take(1);
      if (!here) return 0;
      value |= std::uint64_t{*here & 0x7fU} << shift;
      if (*here < 0x80) return value;
    }
    at_ = nullptr;
    return 0;
  }
  std::uint32_t varint() {
    const auto value = varint64();
    if (value > 0xffffffffU) at_ = nullptr;
    return static_cast<std::uint32_t>(value);
  }
  ByteView bytes(std::size_t size) {
    const auto* here = take(size);
    return here ? ByteView(here, size) : ByteView{};
  }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

inline void put_varint(Bytes& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}
template <class T>
void put_fixed(Bytes& out, T value) {
  const auto size = out.size();
  out.resize(size + sizeof value);
  std::memcpy(&out[size], &value, sizeof value);
}

}  // namespace onoma::zone::layout
