#include "serve/limit_shed.h"

#include <algorithm>

namespace onoma::serve {

namespace {

constexpr std::uint64_t kMemoryTicks = 8 * kHalfLifeTicks;
constexpr std::uint64_t kSweepTicks = 8192;  // a whole round; times come round after 65,536

std::uint32_t tag_of(std::uint64_t source) {
  return static_cast<std::uint32_t>(source) | 1;
}

}  // namespace

void ShedTable::tick(std::uint64_t tick) {
  if (tick <= now_) return;
  const auto passed = tick - now_;
  now_ = tick;
  if (passed >= kSweepTicks) {
    sets_ = {};
    return;
  }
  for (auto n = std::min<std::uint64_t>(kSets, kSets * passed / kSweepTicks + 1); n > 0; --n) {
    for (auto& entry : sets_[swept_])
      if (static_cast<std::uint16_t>(now_ - entry.time) >= 32 * kHalfLifeTicks) entry = {};
    swept_ = (swept_ + 1) % kSets;
  }
}

ShedTable::Entry* ShedTable::find(std::uint64_t source) {
  for (auto& entry : sets_[source >> 56]) {
    if (entry.tag != tag_of(source)) continue;
    refresh(entry);
    return &entry;
  }
  return nullptr;
}

void ShedTable::refresh(Entry& entry) const {
  const auto age = static_cast<std::uint16_t>(now_ - entry.time);
  if (age == 0) return;
  entry.withheld = decayed(entry.withheld, age);
  entry.passed = decayed(entry.passed, age);
  entry.time = static_cast<std::uint16_t>(now_);
}

void ShedTable::judge(Entry& entry) {
  entry.shed = entry.withheld >= limit_ && entry.withheld / kRatio >= entry.passed;
  if (entry.shed) shedding_until_ = now_ + kMemoryTicks;
}

void ShedTable::withheld(std::uint64_t source) {
  if (limit_ == UINT32_MAX) return;
  watching_until_ = now_ + kMemoryTicks;
  auto* entry = find(source);
  if (entry == nullptr) {
    auto& set = sets_[source >> 56];
    for (auto& other : set) refresh(other);
    entry = &*std::ranges::min_element(set, {}, [](const Entry& e) { return e.withheld; });
    *entry = {tag_of(source), static_cast<std::uint16_t>(now_), false, 0, 0};
  }
  // While it is shed, each packet that is read stands for sixteen.
  entry->withheld = saturating_add(entry->withheld, entry->shed ? kKept * kDecayOne : kDecayOne);
  judge(*entry);
}

void ShedTable::passed(std::uint64_t source) {
  auto* entry = find(source);
  if (entry == nullptr) return;
  entry->passed = saturating_add(entry->passed, entry->shed ? kKept * kDecayOne : kDecayOne);
  judge(*entry);
}

bool ShedTable::drop(std::uint64_t source) {
  auto* entry = find(source);
  if (entry == nullptr || !entry->shed) return false;
  judge(*entry);
  return entry->shed && random_.next() >> 60 != 0;
}

}  // namespace onoma::serve
