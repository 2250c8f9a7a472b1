// Counts of durations in ns, to 1.6 % of the value: 64 steps for each doubling, up to 2^40 ns. No allocation
// after construction.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace onoma::bench {

class Histogram {
 public:
  void add(std::int64_t ns) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
    ++counts_[std::min(index_of(value), counts_.size() - 1)];
    ++count_;
    max_ = std::max(max_, value);
  }
  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }
  // The smallest value that at least `share` of all do not exceed, as the upper end of its step.
  std::uint64_t at(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_) + 0.999999);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      sum += counts_[i];
      if (sum >= wanted && sum > 0) return std::min(upper_end(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned kBits = 6, kLargest = 40;
  static std::size_t index_of(std::uint64_t value) {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    if (width <= kBits) return value;
    const auto shift = width - kBits - 1;
    return ((std::size_t{shift} + 1) << kBits) + ((value >> shift) & ((1U << kBits) - 1));
  }
  static std::uint64_t upper_end(std::size_t index) {
    const auto group = index >> kBits;
    const auto step = index & ((1U << kBits) - 1);
    if (group == 0) return step;
    return (((std::uint64_t{1} << kBits) + step + 1) << (group - 1)) - 1;
  }
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>((kLargest - kBits + 1) << kBits);
  std::uint64_t count_ = 0, max_ = 0;
};

}  // namespace onoma::bench
