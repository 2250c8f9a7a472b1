// Reading what an image holds packed (docs/formats/image.md): sets of a node, NSEC3 records, signatures, and
// entries of the pool. Inside of the room `zone`. Views point into the image. Every read is checked against
// the image's end; where the image is not trusted, what they show may change at any time.
#pragma once

#include <optional>

#include "zone/image.h"

namespace onoma::zone {

struct PackedSet {
  RRType type{};
  std::uint8_t flags = 0;  // layout::ShapeBit
  bool relative = false;   // strings of `data` with layout::kBelowOwner lack the owner's name at their end
  std::uint32_t ttl = 0;
  std::uint16_t count = 0, signature_count = 0;
  ByteView data;                                      // a run
  const std::uint8_t* signatures = nullptr;           // packed
  std::size_t data_octets = 0, signature_octets = 0;  // as runs in the encoding of zone/node.h
};

// An NSEC3 record's data in three parts.
struct PackedNsec3 {
  ByteView head, next_hash, bitmap;
  std::size_t octets() const { return head.size() + 1 + next_hash.size() + bitmap.size(); }
  void write(std::uint8_t* out) const;  // octets() of NSEC3 data
};

struct PackedSignature {
  ByteView head, signature;
  const std::uint8_t* times = nullptr;  // u32 expiration, u32 inception
  std::size_t octets() const { return 10 + head.size() + signature.size(); }
  void write(wire::RRType covered, std::uint8_t* out) const;  // octets() of RRSIG data
};

// RRset data that several owners share.
struct PoolEntry {
  std::uint8_t bits = 0;   // layout::PoolBit
  std::uint8_t count = 0;  // of records
  // An authority section made ahead, if there is one: the records, where pointers go, and where the names of
  // the servers directly below the owner begin, u16 each (zone/referral.h).
  ByteView wire, patches, own;
  ByteView run;
};

class PackedReader {
 public:
  explicit PackedReader(const Image& image);

  bool shape(layout::Reader& in, PackedSet& set) const;  // begins the set anew
  static bool runs(layout::Reader& in, PackedSet& set);
  bool signatures(layout::Reader& in, PackedSet& set) const;       // steps over them
  bool set(layout::Reader& in, PackedSet& set) const;              // shape, data and signatures
  bool signature(layout::Reader& in, PackedSignature& out) const;  // one of set.signatures
  layout::Reader signatures_of(const PackedSet& set) const { return {set.signatures, end_}; }
  bool nsec3(layout::Reader& in, std::string_view next_hash, PackedSet& set, PackedNsec3& out) const;

 private:
  ByteView string(layout::Reader& in) const;

  const std::uint8_t *shapes_, *strings_, *end_;
  std::uint32_t shape_count_, string_count_;
  std::size_t string_octets_;
};

std::optional<PoolEntry> read_pool_entry(const std::uint8_t* at, const std::uint8_t* end);
void put_pool_entry(Bytes& out, const PoolEntry& entry);

}  // namespace onoma::zone
