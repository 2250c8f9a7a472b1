// Sources of which nearly everything is withheld anyway: their packets are dropped unread, but for one in
// sixteen that keeps the figures true. A source is shed while at least 15 of 16 of its answers are withheld
// and those are more than a limit; others behind the same address therefore lose at most a sixteenth of what
// comes from it, and a source that behaves again is heard again within seconds.
//
// One thread; no allocation after construction.
#pragma once

#include <array>
#include <cstdint>

#include "serve/limit_decay.h"
#include "serve/limit_rate.h"

namespace onoma::serve {

class ShedTable {
 public:
  // `limit`: a value of a fading counter, of withheld answers of one source. UINT32_MAX: never.
  ShedTable(std::uint32_t limit, std::uint64_t seed) : limit_(limit), random_(seed) {}

  void tick(std::uint64_t tick);
  // Is any source known of which something was withheld lately? When not, the rest need not be called.
  bool watching() const { return now_ < watching_until_; }
  bool shedding() const { return now_ < shedding_until_; }

  // `source`: a keyed hash.
  void withheld(std::uint64_t source);
  void passed(std::uint64_t source);
  bool drop(std::uint64_t source);

 private:
  struct Entry {
    std::uint32_t tag = 0;  // 0: free
    std::uint16_t time = 0;
    bool shed = false;
    std::uint32_t withheld = 0, passed = 0;
  };
  static constexpr std::size_t kSets = 256, kWays = 4;
  static constexpr std::uint32_t kRatio = 15, kKept = 16;  // one packet in kKept is read

  Entry* find(std::uint64_t source);
  void refresh(Entry& entry) const;
  void judge(Entry& entry);

  std::uint32_t limit_;
  LimitRandom random_;
  std::uint64_t now_ = 0, watching_until_ = 0, shedding_until_ = 0;
  std::array<std::array<Entry, kWays>, kSets> sets_{};
  std::size_t swept_ = 0;
};

}  // namespace onoma::serve
