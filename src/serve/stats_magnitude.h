// DomainSketch: for the most queried domains, how many queries and how many different clients each had: the
// counts that DNS magnitude is made of.
//
// A domain's clients are kept as single values, up to kFewClients of them, and as a HyperLogLog above that.
// Domains live in buckets of eight; while a bucket has room everything in it is exact, and a server of few
// domains never leaves that state. In a full bucket a new domain gets in when its query is one of those
// chosen for it (see the caller), in place of the one with the fewest queries: its queries are then counted
// from there on, its clients too. The memory is bounded: when all HyperLogLogs are in use, a domain with more
// queries takes over the one of the least queried owner; until then its clients are a lower bound.
//
// One writer; any number of readers, who see each domain whole. No lock, no allocation while adding.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "serve/stats_hll.h"
#include "serve/stats_words.h"

namespace onoma::serve {

// What is known of one domain; sums up with what others know of it.
struct DomainClients {
  std::uint64_t queries = 0;
  Hll clients;
  bool at_least = false;  // some clients were not kept
};
// By name in wire form, lower case.
using DomainMap = std::map<Bytes, DomainClients>;

inline constexpr std::uint32_t kFewClients = 48;

class DomainSketch {
 public:
  // Memory for `buckets` x 8 domains (a power of two) and `sketches` HyperLogLogs, 1 to 4,096.
  DomainSketch(std::size_t buckets, std::size_t sketches);
  ~DomainSketch();

  // The writer. `hash` is of the name, keyed; `client` is its client_hash().
  // False: the domain is not there and its bucket is full.
  bool add(std::uint64_t hash, std::uint64_t client) noexcept;
  // Makes room for it. REQUIRES: add() was false just now. `name` is in lower case.
  void admit(std::uint64_t hash, ByteView name, std::uint64_t client) noexcept;
  // True when admitting would push nobody out.
  bool has_room(std::uint64_t hash) const noexcept;
  void prefetch(std::uint64_t hash) const noexcept;

  // Any thread.
  void merge_into(DomainMap& out) const;

 private:
  struct Bucket;
  void count(std::size_t entry, std::uint64_t client) noexcept;
  bool promote(std::size_t entry) noexcept;
  std::size_t bucket_of(std::uint64_t hash) const noexcept { return hash >> 32 & (buckets_ - 1); }

  std::size_t buckets_, sketches_;
  std::unique_ptr<Bucket[]> table_;
  LazyCells<std::uint64_t> names_;
  LazyCells<std::uint32_t> few_;  // clients of domains that have few
  HllCells dense_;
  // Who owns which HyperLogLog: an entry's number, or kNobody.
  std::unique_ptr<std::uint32_t[]> owners_;
  std::size_t used_ = 0;
  std::uint32_t denied_ = 0;
};

}  // namespace onoma::serve
