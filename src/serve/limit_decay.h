// Counters that fade: a value halves every 64 ticks, smoothly, so that it stands for "how many of late"
// without windows at whose edges twice as much would pass. A steady rate of r a second holds a counter at r *
// kDecaySeconds; that is also the burst which a limit of r allows at once.
//
// DecayTable keeps many of them by hash in lines of one cache line, eight counters each; a new one takes the
// place of the smallest in its line. Memory is fixed, nothing is allocated after construction. One thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace onoma::serve {

inline constexpr int kTickShift = 24;  // a tick is 2^24 ns, 16.8 ms
inline constexpr std::uint32_t kHalfLifeTicks = 64;
inline constexpr double kTickSeconds = static_cast<double>(1 << kTickShift) / 1e9;
inline constexpr double kDecaySeconds = kHalfLifeTicks * kTickSeconds / 0.69314718055994530942;
inline constexpr std::uint32_t kDecayOne = 1 << 12;  // the value of one event: fixed point, 12 bits behind

// `value` after `ticks` more, rounded to the nearest.
std::uint32_t decayed(std::uint32_t value, std::uint32_t ticks);

inline std::uint32_t saturating_add(std::uint32_t a, std::uint32_t b) {
  const auto sum = a + b;
  return sum < a ? UINT32_MAX : sum;
}

// The value that a steady `per_s` holds, at least one event; UINT32_MAX (which is never reached, as a limit)
// above what a counter can hold.
std::uint32_t decay_limit(double per_s);

struct DecayCounter {
  std::uint32_t value = 0;
  std::uint16_t time = 0;  // tick modulo 2^16; its owner must look at it every 10 minutes
  std::uint32_t at(std::uint16_t now) {
    if (now != time) {
      value = decayed(value, static_cast<std::uint16_t>(now - time));
      time = now;
    }
    return value;
  }
};

class DecayTable {
  struct alignas(64) Line {
    std::uint64_t tags[2];  // eight of 16 bits; counter i is at bits 16 * (i % 4) of word i / 4
    std::uint16_t times[8];
    std::uint32_t values[8];
  };

 public:
  explicit DecayTable(std::size_t octets);

  // The value as of now. Good until the next call of anything here.
  class Counter {
   public:
    std::uint32_t value() const { return line_->values[index_]; }
    void add(std::uint32_t by) { line_->values[index_] = saturating_add(line_->values[index_], by); }

   private:
    friend class DecayTable;
    Counter(Line* line, unsigned index) : line_(line), index_(index) {}
    Line* line_;
    unsigned index_;
  };

  // Moves time on; `tick` never sinks. Must be called at least now and then: also forgets what has faded.
  void tick(std::uint64_t tick);
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&lines_[hash >> shift_], 1); }

  // The counter of `hash`; with 0 in it if there was none.
  Counter touch(std::uint64_t hash) {
    auto& line = lines_[hash >> shift_];
    const auto tag = static_cast<std::uint16_t>(hash | 1);  // 0 is a free place
    for (unsigned word = 0; word < 2; ++word) {
      const auto differs = line.tags[word] ^ kEach * tag;
      const auto found = (differs - kEach) & ~differs & (kEach << 15);
      if (found != 0) {
        const auto index = word * 4 + static_cast<unsigned>(std::countr_zero(found)) / 16;
        if (line.times[index] != now16_) {
          line.values[index] =
              decayed(line.values[index], static_cast<std::uint16_t>(now16_ - line.times[index]));
          line.times[index] = now16_;
        }
        return {&line, index};
      }
    }
    return replace(line, tag);
  }

  std::size_t counters() const { return count_ * 8; }
  std::size_t line_of(std::uint64_t hash) const { return hash >> shift_; }  // for tests

 private:
  static constexpr std::uint64_t kEach = 0x0001'0001'0001'0001;
  // Every line is looked at once in so many ticks: far less than the 2^16 after which times come round.
  static constexpr std::uint64_t kSweepTicks = 8192;

  Counter replace(Line& line, std::uint16_t tag);
  void sweep(std::size_t lines);

  std::unique_ptr<Line[]> lines_;
  std::size_t count_;
  int shift_;
  std::uint64_t now_ = 0;
  std::uint16_t now16_ = 0;
  std::size_t swept_ = 0;
};

}  // namespace onoma::serve
