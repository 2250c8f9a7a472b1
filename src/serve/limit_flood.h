// Finds floods of random names: enclosers (the existing name above what was asked, or the cut that refers it)
// below which more distinct names are asked in a window of 1.07 s than a limit.
//
// Three steps, so that the quiet many cost next to nothing: a small array counts questions by encloser; one
// whose count passes a quarter of the limit in a window is watched from then on; for each watched one a
// sketch of 128 octets estimates how many distinct names there were (HyperLogLog, standard error 9 %).
// Repetitions do not count. A flood ends after kCalmWindows with fewer than half of the limit.
//
// Names that were asked below a watched encloser in earlier windows are known: they are asked again and
// again, which random names are not. A flood cannot drive them out of memory while they are asked at least
// once a minute.
//
// Names that come from sources known for good questions (for names that exist) are no part of a flood. While
// there is one, four of them are answered for each good question of the window before, and always some. Other
// names are allowed four for each source that has just become known, so that all the world may come anew,
// after a start for example.
//
// When more enclosers than there are places are busy at once, the others are watched together as one.
// One thread; no allocation after construction.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "serve/limit_decay.h"

namespace onoma::serve {

// How many distinct values there were, near enough. Values must be well mixed hashes.
class DistinctSketch {
 public:
  static constexpr unsigned kBits = 7;
  static constexpr std::size_t kRegisters = 1 << kBits;

  void add(std::uint64_t hash);
  double estimate() const { return estimate_; }
  void clear();

 private:
  void compute();

  std::array<std::uint8_t, kRegisters> ranks_{};
  std::uint64_t sum_ = kRegisters << 32;  // of 2^(32 - rank)
  std::uint32_t zeros_ = kRegisters;
  double estimate_ = 0;
};

inline constexpr unsigned kCalmWindows = 8;
inline constexpr int kWindowTicks = 64;
inline constexpr double kWindowSeconds = kWindowTicks * kTickSeconds;

// An encloser that is watched.
struct Encloser {
  bool flooded = false;
  std::uint8_t calm = 0;         // windows below half of the limit, in a row
  std::uint8_t report = 0xFF;    // for the owner of the finder: where it tells of this flood
  std::uint32_t known_left = 0;  // known names that may still be answered in this window
  std::uint64_t since = 0;       // the window in which it was first watched
  std::uint32_t peers_left = 0;  // names of known sources that may still be answered in this window
  double names = 0;              // distinct in the window before
  std::uint64_t withheld = 0;    // for the owner of the finder
  DecayCounter answered;         // for the owner of the finder: answers in spite of the flood
  DistinctSketch sketch;
};

class FloodFinder {
 public:
  // `names_per_window`: the limit, above 0.
  FloodFinder(double names_per_window, std::size_t enclosers, std::size_t known_names);

  struct Look {
    Encloser* flooded = nullptr;  // null: no flood. Good until tick()
    bool began = false;           // with this question
    bool known = false;           // answer: the name was asked in earlier windows, or see `peer` of look()
  };
  // One more question about a name without anything of its own: what to look() at, or null when too little
  // happens below the encloser (a value of LimitHash).
  Encloser* watched(std::uint64_t encloser);
  // That name, a value of LimitHash. `peer`: from a source known for good questions, which does not ask too
  // much.
  Look look(Encloser& encloser, std::uint64_t name, bool peer = false);
  void good_question() { ++good_; }
  // So many more sources have become known for good questions.
  void newcomers(std::uint32_t count) { allowance_ += kNamesOfGood * count; }

  // Moves time on. Calls closed(Encloser&) for each flooded encloser at the end of a window, with `flooded`
  // false when the flood is over.
  template <class Closed>
  void tick(std::uint64_t tick, const Closed& closed) {
    const auto window = tick / kWindowTicks;
    if (window == window_) return;
    const auto passed = window - window_;
    window_ = window;
    gates_.fill(0);
    allowance_ = 0;
    peers_per_window_ = std::max(known_per_window_, kNamesOfGood * (passed == 1 ? good_ : 0));
    good_ = 0;
    watched_ = 0;
    for (std::size_t i = 0; i <= mask_ + 1; ++i) {
      if (keys_[i] == 0) continue;
      auto& encloser = enclosers_[i];
      const bool was = encloser.flooded;
      close(encloser, passed);
      if (was) closed(encloser);
      if (!encloser.flooded && encloser.calm >= kCalmWindows) keys_[i] = 0;
      if (keys_[i] != 0) ++watched_;
    }
  }

  std::size_t flooded() const { return flooded_; }

 private:
  static constexpr std::size_t kGates = 4096, kWays = 4;
  // A name that is known stays so for as many windows without being asked.
  static constexpr std::uint32_t kKnownWindows = 60;
  // Missing names for each existing one: at the root, where most names are missing, there are three.
  static constexpr std::uint32_t kNamesOfGood = 4;

  void close(Encloser& encloser, std::uint64_t windows);
  Encloser* find(std::uint64_t key);
  Encloser& watch(std::uint64_t key);
  bool known(std::uint64_t name);

  double limit_;
  double allowance_ = 0;  // above the limit, in this window
  std::uint32_t gate_limit_;
  std::uint32_t known_per_window_, peers_per_window_;
  std::uint32_t good_ = 0;  // in this window
  std::size_t mask_;
  std::size_t known_mask_;
  std::uint64_t window_ = 0;
  std::size_t watched_ = 0, flooded_ = 0;
  // mask_ + 1 in sets of kWays, and one for those without a place. Key 0: free.
  std::unique_ptr<std::uint64_t[]> keys_;
  std::unique_ptr<Encloser[]> enclosers_;
  std::unique_ptr<std::uint32_t[]> known_;  // 23 bits of hash, 1 bit known, 8 bits of the window
  std::array<std::uint32_t, kGates> gates_{};
};

}  // namespace onoma::serve
