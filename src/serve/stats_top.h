// TopSketch: the most frequent of many keys, by Space-Saving in buckets of eight: a key belongs to the bucket
// that its hash names, and where eight others are in its way it takes the place of the rarest and inherits
// its count as an error.
//
// What always holds, for each key: count - error <= times added <= count. A key that is not listed was added
// at most as often as the smallest count of its bucket, which is at most an eighth of what the bucket saw;
// with hashes that nobody can choose, a bucket sees about its share of everything.
//
// One writer; any number of readers, who see each entry whole. No lock, no allocation while adding.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "serve/stats_words.h"

namespace onoma::serve {

inline constexpr std::size_t kTopWays = 8;
inline constexpr std::size_t kTopKeyOctets = 255;

struct TopEntry {
  Bytes key;
  std::uint64_t count = 0;
  std::uint64_t error = 0;  // count may be too high by this much
  friend bool operator==(const TopEntry&, const TopEntry&) = default;
};

class TopSketch {
 public:
  explicit TopSketch(std::size_t buckets);  // a power of two
  ~TopSketch();

  // The writer. `hash` is of the key, keyed, and the same in all sketches that are ever merged; longer keys
  // than kTopKeyOctets are cut.
  void add(std::uint64_t hash, ByteView key, std::uint64_t weight) noexcept;
  void prefetch(std::uint64_t hash) const noexcept;

  // Any thread: what a list of sketches of the same size saw together, most frequent first. A key that one of
  // them does not list gets that one's bound as count and error.
  static std::vector<TopEntry> merged(const std::vector<const TopSketch*>& sketches, std::size_t most);

 private:
  struct Bucket;
  struct Seen;
  Seen look() const;
  std::size_t buckets_;
  std::unique_ptr<Bucket[]> table_;
  LazyCells<std::uint64_t> keys_;
};

}  // namespace onoma::serve
