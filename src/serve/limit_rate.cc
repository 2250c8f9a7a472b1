#include "serve/limit_rate.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <span>

namespace onoma::serve {

namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

// Tells widths and families apart in the hash: multiples of an odd number, so that they differ in many bits.
constexpr std::uint64_t width_mark(bool v6, std::size_t width) {
  return (width + (v6 ? 8 : 1)) * 0x9E3779B97F4A7C15;
}

}  // namespace

LimitSource limit_source6(ByteView peer, const LimitHash& hash) {
  if (peer.size() != 16) return {};
  if (equal(peer.first(12), kMapped)) return limit_source(peer.subspan(12), hash);
  const auto network = load_u64(peer.data());
  return {hash.of(network, load_u64(&peer[8])), network, kWidths6.size()};
}

SourceRates::Limits SourceRates::limits(double per_s) {
  Limits out;
  out.any = per_s > 0;
  if (!out.any) return out;
  const auto width = [](double rate, bool sampled) {
    Limits::Width one;
    one.most = decay_limit(rate);
    // At least 16 samples up to the limit.
    if (sampled) one.sample = std::bit_floor(std::clamp(one.most / kDecayOne / 16, 1U, kSampleMost));
    return one;
  };
  const auto gate = per_s * kHalfLifeTicks * kTickSeconds / 4;
  out.gate = gate < 8 ? 0 : static_cast<std::uint8_t>(std::min(gate, 255.0));
  const auto address = per_s - out.gate / (kHalfLifeTicks * kTickSeconds);
  for (std::size_t i = 0; i < kWidths4.size(); ++i)
    out.v4[i] = i == 0 ? width(address, false) : width(per_s * kMultiples4[i], true);
  for (std::size_t i = 0; i < kWidths6.size(); ++i)
    out.v6[i] = i == 0 ? width(address, false) : width(per_s * kMultiples6[i], true);
  out.sample_least = kSampleMost;
  for (const auto& one : std::span(out.v4).subspan(1, kWidths4.size() - 1))
    out.sample_least = std::min(out.sample_least, one.sample);
  for (const auto& one : std::span(out.v6).subspan(1))
    out.sample_least = std::min(out.sample_least, one.sample);
  return out;
}

SourceRates::Limits SourceRates::client_limits(double per_s) {
  auto out = limits(per_s);
  constexpr Limits::Width kNone{UINT32_MAX, kSampleMost};
  std::fill(out.v4.begin() + 1, out.v4.end(), kNone);
  std::fill(out.v6.begin() + 2, out.v6.end(), kNone);  // an IPv6 client has a /64
  out.sample_least = out.v6[1].sample;
  return out;
}

void SourceRates::tick(std::uint64_t tick) {
  if (tick / kHalfLifeTicks != now_ / kHalfLifeTicks) std::fill_n(gates_.get(), kGates, std::uint8_t{0});
  table_.tick(tick);
  now_ = tick;
}

SourceRates::Verdict SourceRates::pass_counted(const LimitSource& source, std::uint64_t subject,
                                               const Limits& limits, const std::uint64_t* own,
                                               std::uint32_t dice) {
  const bool v6 = source.v6();
  const auto& widths = v6 ? limits.v6 : limits.v4;
  auto& exact_until = exact_until_[v6 ? 1 : 0];

  std::array<std::optional<DecayTable::Counter>, kMostWidths> counters;
  std::array<std::uint32_t, kMostWidths> weights{};
  if (own != nullptr) {
    counters[0] = table_.touch(*own);
    if (counters[0]->value() >= widths[0].most) return Verdict::over;
    weights[0] = kDecayOne;
  }
  for (std::size_t i = 1; i < source.widths; ++i) {
    const auto [most, sample] = widths[i];
    const bool exact = now_ < exact_until[i];
    if (!exact && (dice & (sample - 1)) != 0) continue;
    counters[i] = table_.touch(hash_.of(source.prefix(i), subject ^ width_mark(v6, i)));
    const auto value = counters[i]->value();
    if (value >= most / 2) exact_until_most_ = exact_until[i] = now_ + kExactTicks;
    if (value >= most) return Verdict::over;
    weights[i] = (exact ? 1 : sample) * kDecayOne;
  }
  // A counter that one of the others has just displaced was at zero, and so is the one in its place.
  for (std::size_t i = 0; i < source.widths; ++i)
    if (weights[i] != 0) counters[i]->add(weights[i]);
  return own != nullptr && counters[0]->value() >= widths[0].most / 2 ? Verdict::near : Verdict::free;
}

}  // namespace onoma::serve
