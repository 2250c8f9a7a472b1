#include "serve/limit_peers.h"

#include <algorithm>
#include <bit>

namespace onoma::serve {

namespace {

std::size_t line_count(std::size_t peers, std::size_t ways) {
  return std::bit_ceil(std::max<std::size_t>(peers / ways, 16));
}

}  // namespace

KnownPeers::KnownPeers(std::size_t peers, std::uint64_t seed)
    : lines_(new Line[line_count(peers, kWays)]()),
      count_(line_count(peers, kWays)),
      shift_(64 - std::countr_zero(count_)),
      random_(seed),
      newcomers_left_(static_cast<std::uint32_t>(count_ * kWays)) {}

void KnownPeers::tick(std::uint64_t tick) {
  const auto unit = tick >> kUnitTicksShift;
  if (unit <= unit_) return;
  enter();
  const auto passed = static_cast<std::uint32_t>(std::min<std::uint64_t>(unit - unit_, kLifeUnits));
  // Before time moves on: ages of more than 8 bits would look young.
  sweep(passed >= kSweepUnits ? count_ : count_ * passed / kSweepUnits + 1, passed);
  unit_ = unit;
  unit8_ = static_cast<std::uint32_t>(unit) & kTime;
  const auto room = count_ * kWays;
  newcomers_left_ = static_cast<std::uint32_t>(std::min(room, newcomers_left_ + room * passed / kLifeUnits));
}

void KnownPeers::sweep(std::size_t lines, std::uint32_t passed) {
  for (; lines > 0; --lines) {
    for (auto& entry : lines_[swept_].entries)
      if (age(entry) + passed >= kLifeUnits) entry = 0;
    swept_ = (swept_ + 1) & (count_ - 1);
  }
}

void KnownPeers::enter() {
  for (std::size_t i = 0; i < waiting_; ++i) {
    ++entered_;
    if (!enter(seen_[i])) continue;
    ++entered_new_;
    const auto stands_for = std::min(sampling_ ? kSample : 1, newcomers_left_);
    newcomers_ += stands_for;
    newcomers_left_ -= stands_for;
  }
  waiting_ = 0;
  if (entered_ < kWindow) return;
  sampling_ = entered_new_ < entered_ / 256;
  entered_ = entered_new_ = 0;
}

// True if it was not known.
bool KnownPeers::enter(std::uint64_t peer) {
  auto& line = lines_[peer >> shift_];
  const auto tag = tag_of(peer);
  std::uint32_t* place = nullptr;
  std::uint32_t most = 0;
  // From a place that differs from peer to peer, so that the new do not always push out the new.
  for (std::size_t n = 0, i = tag >> 28; n < kWays; ++n, i = (i + 1) % kWays) {
    auto& entry = line.entries[i];
    if ((entry ^ tag) < 1U << kTagShift) {
      if (age(entry) > 0) entry = tag | kSeenAgain | unit8_;
      return false;
    }
    const auto entry_age = age(entry);
    std::uint32_t score = entry_age + 1 + kTime;
    if (entry == 0)
      score = UINT32_MAX;
    else if ((entry & kSeenAgain) != 0)
      score = entry_age >= kFreshUnits ? entry_age : 0;
    if (score <= most) continue;
    most = score;
    place = &entry;
  }
  if (place != nullptr) *place = tag | unit8_;
  return true;
}

std::uint32_t KnownPeers::take_newcomers() {
  const auto out = newcomers_;
  newcomers_ = 0;
  return out;
}

}  // namespace onoma::serve
