// HyperLogLog in the form of ICANN's DNS magnitude tools, so that sketches made here can be joined with those
// made elsewhere: 2^14 registers of 5 bits (standard error 0.81 %), a source is hashed with XXH3-64 as an
// address of 16 octets (IPv4 in its IPv6-mapped form, RFC 4291 §2.5.5.2), and the stored form is the one of
// Aggregate Knowledge's HLL storage specification, version 1.
//
// Hll is a plain value. HllCells has one writer and any number of readers; adding takes no lock and allocates
// nothing. Memory is touched only where something was added.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "serve/stats_words.h"

namespace onoma::serve {

inline constexpr unsigned kHllIndexBits = 14;
inline constexpr std::size_t kHllRegisters = std::size_t{1} << kHllIndexBits;
inline constexpr unsigned kHllRegisterBits = 5;

struct HllPlace {
  std::uint32_t index;
  std::uint8_t rank;  // 1 to 31
};
inline HllPlace hll_place(std::uint64_t hash) {
  constexpr std::uint64_t kCeiling = std::uint64_t{1} << ((1U << kHllRegisterBits) - 2);
  return {static_cast<std::uint32_t>(hash & (kHllRegisters - 1)),
          static_cast<std::uint8_t>(1 + std::countr_zero(hash >> kHllIndexBits | kCeiling))};
}

// The hashes of an address of 4 or 16 octets. Other sizes count as the unspecified address.
struct SourceHashes {
  std::uint64_t address = 0;  // all of it
  std::uint64_t network = 0;  // IPv6: its /64; IPv4: 0
  std::uint64_t client = 0;   // its /24 or /48: what DNS magnitude calls a client
};
SourceHashes source_hashes(ByteView address);
inline std::uint64_t client_hash(ByteView address) {
  return source_hashes(address).client;
}

class Hll {
 public:
  Hll() : registers_{} {}
  void add(std::uint64_t hash) { add(hll_place(hash)); }
  void add(HllPlace place) {
    if (registers_[place.index] < place.rank) registers_[place.index] = place.rank;
  }
  void merge(const Hll& other);
  // The number of distinct hashes that were added, estimated; rounded up as the storage specification's
  // library does.
  std::uint64_t count() const;
  // Sparse or full, whichever is smaller. from_storage takes both; nullopt for anything else, other
  // parameters included.
  Bytes storage() const;
  static std::optional<Hll> from_storage(ByteView stored);
  friend bool operator==(const Hll&, const Hll&) = default;

 private:
  std::array<std::uint8_t, kHllRegisters> registers_;
};

class HllCells {
 public:
  // `sketches` of them in one piece of memory.
  explicit HllCells(std::size_t sketches = 1) : ranks_(sketches * kHllRegisters) {}
  // The writer.
  void add(std::uint64_t hash, std::size_t sketch = 0) noexcept { add(hll_place(hash), sketch); }
  void add(HllPlace place, std::size_t sketch) noexcept {
    const auto at = sketch * kHllRegisters + place.index;
    if (ranks_.load(at, std::memory_order_relaxed) < place.rank)
      ranks_.store(at, place.rank, std::memory_order_release);
  }
  void clear(std::size_t sketch) noexcept;
  void prefetch(std::uint64_t hash, std::size_t sketch = 0) const noexcept {
    ranks_.prefetch(sketch * kHllRegisters + hll_place(hash).index);
  }
  // Any thread.
  void merge_into(Hll& out, std::size_t sketch = 0) const;

 private:
  LazyCells<std::uint8_t> ranks_;
};

}  // namespace onoma::serve
