// Remembers sources that have asked for names that exist: resolvers with users behind them do so all the
// time, forged sources of a flood of random names do not. Also says how many new ones there are, because many
// unknown sources with many unknown names are no flood as long as they come with questions that make sense.
//
// A source is known for half an hour after it was last seen. When the memory is full, sources that were seen
// only once go first, the oldest before the others, and one that was seen again and lately does not go at
// all: somebody who sends good questions from ever new addresses pushes out his own.
//
// What is seen is kept aside and entered in batches, so that the memory's cache misses overlap. While most
// are known already, only one in kSample is looked at; which one, nobody outside can know.
//
// One thread; no allocation after construction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "serve/limit_rate.h"

namespace onoma::serve {

class KnownPeers {
 public:
  static constexpr std::uint32_t kSample = 8;

  // Room for at least so many, 4 octets each.
  KnownPeers(std::size_t peers, std::uint64_t seed);

  // Moves time on; `tick` never sinks.
  void tick(std::uint64_t tick);

  // `peer`: a well mixed value of LimitHash.
  void prefetch(std::uint64_t peer) const { __builtin_prefetch(&lines_[peer >> shift_], 1); }
  bool knows(std::uint64_t peer) const {
    const auto& line = lines_[peer >> shift_];
    const auto tag = tag_of(peer);
    std::uint32_t found = 0;
    for (const auto entry : line.entries) found |= (entry ^ tag) < 1U << kTagShift ? 1U : 0U;
    return found != 0;
  }
  // Is the next source that asks for a name that exists to be told to saw()? `all`: do not sample.
  bool wants(bool all) { return all || !sampling_ || random_.next() >> 32 < kEach / kSample; }
  void saw(std::uint64_t peer) {
    prefetch(peer);
    seen_[waiting_++] = peer;
    if (waiting_ == seen_.size()) enter();
  }
  // Enters what was kept aside.
  void enter();

  // About how many there were that were not known before, since it was asked last. Only so many in a while as
  // the memory has room for.
  std::uint32_t take_newcomers();

 private:
  static constexpr std::size_t kWays = 16;
  static constexpr std::uint64_t kEach = std::uint64_t{1} << 32;
  // tag (22 bits, never 0), seen again (1), free (1), unit of time (8). 0: free
  static constexpr unsigned kTagShift = 10;
  static constexpr std::uint32_t kSeenAgain = 1 << 9, kTime = 0xFF;
  static constexpr unsigned kUnitTicksShift = 9;    // a unit is 8.6 s
  static constexpr std::uint32_t kLifeUnits = 210;  // half an hour
  static constexpr std::uint32_t kSweepUnits =
      20;  // in which all lines are looked at: twice, and a life, are 8 bits
  static constexpr std::uint32_t kFreshUnits = 8;  // one seen again stays for as long
  static constexpr std::size_t kWindow = 1024;     // entered peers after which the need to sample is judged

  struct alignas(64) Line {
    std::array<std::uint32_t, kWays> entries;
  };

  static std::uint32_t tag_of(std::uint64_t peer) {
    return (static_cast<std::uint32_t>(peer) | 1U) << kTagShift;
  }
  std::uint32_t age(std::uint32_t entry) const { return (unit8_ - entry) & kTime; }
  bool enter(std::uint64_t peer);
  void sweep(std::size_t lines, std::uint32_t passed);

  std::unique_ptr<Line[]> lines_;
  std::size_t count_;
  int shift_;
  std::uint64_t unit_ = 0;
  std::uint32_t unit8_ = 0;
  std::size_t swept_ = 0;

  bool sampling_ = false;
  LimitRandom random_;
  std::size_t entered_ = 0, entered_new_ = 0;  // of the present judgement
  std::uint32_t newcomers_ = 0, newcomers_left_;
  std::size_t waiting_ = 0;
  std::array<std::uint64_t, 64> seen_{};
};

}  // namespace onoma::serve
