#include "serve/limit_decay.h"

#include <array>
#include <cmath>

namespace onoma::serve {

namespace {

// 2^(-i/64) in 32 bits behind the point; the first would be 2^32 and is left to the caller.
const std::array<std::uint64_t, kHalfLifeTicks> kFactors = [] {
  std::array<std::uint64_t, kHalfLifeTicks> out{};
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<std::uint64_t>(std::llround(
        std::exp2(-static_cast<double>(i) / static_cast<double>(kHalfLifeTicks)) * 4294967296.0));
  return out;
}();

std::size_t line_count(std::size_t octets) {
  return std::bit_ceil(std::max<std::size_t>(octets / 64, 16));
}

}  // namespace

std::uint32_t decayed(std::uint32_t value, std::uint32_t ticks) {
  const auto halvings = ticks / kHalfLifeTicks;
  if (halvings >= 32) return 0;
  const auto scaled = value * kFactors[ticks % kHalfLifeTicks];
  const auto shift = 32 + halvings;
  // Half of the last place; the sum stays below 2^64, as value and factor are below 2^32 and at most 2^32.
  return static_cast<std::uint32_t>(((scaled >> (shift - 1)) + 1) >> 1);
}

std::uint32_t decay_limit(double per_s) {
  const auto value = std::max(per_s * kDecaySeconds, 1.0) * kDecayOne;
  return value >= 4.0e9 ? UINT32_MAX : static_cast<std::uint32_t>(value);
}

DecayTable::DecayTable(std::size_t octets)
    : lines_(new Line[line_count(octets)]()),
      count_(line_count(octets)),
      shift_(64 - std::countr_zero(count_)) {}

void DecayTable::tick(std::uint64_t tick) {
  if (tick <= now_) return;
  const auto passed = tick - now_;
  now_ = tick;
  now16_ = static_cast<std::uint16_t>(tick);
  if (passed >= kSweepTicks) {
    std::fill_n(lines_.get(), count_, Line{});
    return;
  }
  sweep(std::min(count_, count_ * passed / kSweepTicks + 1));
}

void DecayTable::sweep(std::size_t lines) {
  for (; lines > 0; --lines) {
    auto& line = lines_[swept_];
    swept_ = (swept_ + 1) & (count_ - 1);
    for (unsigned i = 0; i < 8; ++i) {
      if (static_cast<std::uint16_t>(now16_ - line.times[i]) < 32 * kHalfLifeTicks) continue;
      line.tags[i / 4] &= ~(std::uint64_t{0xFFFF} << 16 * (i % 4));
      line.values[i] = 0;
      line.times[i] = now16_;
    }
  }
}

DecayTable::Counter DecayTable::replace(Line& line, std::uint16_t tag) {
  unsigned least = 0;
  std::uint32_t least_value = UINT32_MAX;
  // From a place that differs from tag to tag, so that the new do not always push out the new.
  for (unsigned n = 0, i = tag >> 13; n < 8; ++n, i = (i + 1) % 8) {
    const auto age = static_cast<std::uint16_t>(now16_ - line.times[i]);
    // Whole half-lives are near enough to choose by, and a single event is as good as nothing.
    const auto value = line.values[i] >> std::min<unsigned>(age / kHalfLifeTicks, 31);
    if (value >= least_value) continue;
    least_value = value;
    least = i;
    if (value <= kDecayOne) break;
  }
  const auto shift = 16 * (least % 4);
  auto& word = line.tags[least / 4];
  word = (word & ~(std::uint64_t{0xFFFF} << shift)) | std::uint64_t{tag} << shift;
  line.times[least] = now16_;
  line.values[least] = 0;
  return {&line, least};
}

}  // namespace onoma::serve
