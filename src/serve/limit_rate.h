// Rates of answers to sources: for each subject (one name, one encloser, all errors) a fading counter for
// every width of prefix around the source's address. An answer passes while all of them are below their
// limits, and only answers that pass are counted, so that a source above its limit still gets that limit.
//
// Two things keep the quiet many cheap. A gate of small counters lets the first quarter of an address's limit
// in each window pass uncounted (addresses that share a gate get three quarters of their limits, a fading
// counter holds the rest). And of the networks' counters only one answer in so many is counted, with that
// weight, until one of the width is half full; from then on all are, for a few seconds. Which ones are
// counted cannot be known from outside.
//
// One thread; no allocation after construction.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "serve/limit_decay.h"
#include "serve/limit_hash.h"

namespace onoma::serve {

// Small and fast, for choices that need not be unpredictable for ever (xorshift64*).
class LimitRandom {
 public:
  explicit LimitRandom(std::uint64_t seed) : state_(seed | 1) {}
  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1D;
  }

 private:
  std::uint64_t state_;
};

inline constexpr std::size_t kMostWidths = 5;
// Widths from the address itself outwards, and what multiple of the address's limit each gets. An IPv6 client
// usually has a /64 to itself, a customer a /56 or /48.
inline constexpr std::array<unsigned, 4> kWidths4{32, 24, 20, 16};
inline constexpr std::array<std::uint32_t, 4> kMultiples4{1, 8, 32, 128};
inline constexpr std::array<unsigned, 5> kWidths6{128, 64, 56, 48, 32};
inline constexpr std::array<std::uint32_t, 5> kMultiples6{1, 2, 4, 16, 128};

// The prefixes around one address.
struct LimitSource {
  std::uint64_t own = 0;      // the address: IPv4 as a number, of IPv6 a keyed hash
  std::uint64_t network = 0;  // the address: IPv4 as a number, of IPv6 the first half
  std::uint32_t widths = 0;   // 4 or 5; 0: no address that counts
  bool v6() const { return widths == kWidths6.size(); }
  std::uint64_t prefix(std::size_t width) const {
    if (width == 0) return own;
    return v6() ? network & ~std::uint64_t{0} << (64 - kWidths6[width])
                : network & (~std::uint64_t{0} << (32 - kWidths4[width]));
  }
  // What a client cannot change at will: the IPv4 address, the IPv6 /64.
  std::uint64_t client() const { return network; }
};

// `peer`: 4 or 16 octets; IPv4-mapped addresses are IPv4. Other sizes give no widths.
LimitSource limit_source6(ByteView peer, const LimitHash& hash);
inline LimitSource limit_source(ByteView peer, const LimitHash& hash) {
  if (peer.size() != 4) return limit_source6(peer, hash);
  const std::uint64_t address = load_u32(peer.data());
  return {address, address, kWidths4.size()};
}

class SourceRates {
 public:
  // Limits of one rate, for each width, as values of counters; UINT32_MAX: none.
  struct Limits {
    bool any = false;
    std::uint8_t gate = 0;
    std::uint32_t sample_least = 1;  // of all widths but the first
    struct Width {
      std::uint32_t most = 0;
      std::uint32_t sample = 1;  // one in so many is counted; a power of two
    };
    std::array<Width, kMostWidths> v4{}, v6{};
  };
  // `per_s` of one address, for this worker.
  static Limits limits(double per_s);
  // The same without limits of networks: for sources that count each for itself.
  static Limits client_limits(double per_s);

  enum class Verdict : std::uint8_t {
    free,  // passes
    near,  // passes, but a good part of the address's limit is used
    over,
  };

  SourceRates(std::size_t octets, const LimitHash& hash, std::uint64_t seed)
      : table_(octets), hash_(hash), random_(seed), gates_(new std::uint8_t[kGates]()) {}

  void tick(std::uint64_t tick);
  // One more answer about `subject` (a value of LimitHash) to `source`. REQUIRES: source.widths > 0.
  Verdict pass(const LimitSource& source, std::uint64_t subject, const Limits& limits) {
    const auto own = hash_.of(source.own, subject);
    const auto dice = static_cast<std::uint32_t>(random_.next() >> 32);
    auto& gate = gates_[own % kGates];
    const bool gated = gate < limits.gate;
    if (gated && (dice & (limits.sample_least - 1)) != 0 && now_ >= exact_until_most_) {
      ++gate;
      return gate * 2 <= limits.gate ? Verdict::free : Verdict::near;
    }
    const auto verdict = pass_counted(source, subject, limits, gated ? nullptr : &own, dice);
    if (!gated || verdict == Verdict::over) return verdict;
    ++gate;
    return gate * 2 <= limits.gate ? Verdict::free : Verdict::near;
  }

  std::size_t counters() const { return table_.counters(); }

 private:
  static constexpr std::size_t kGates = 1 << 15;
  static constexpr std::uint32_t kSampleMost = 32;
  static constexpr std::uint64_t kExactTicks = 256;

  // `own`: hash of the address's counter; null when it need not be counted.
  Verdict pass_counted(const LimitSource& source, std::uint64_t subject, const Limits& limits,
                       const std::uint64_t* own, std::uint32_t dice);

  DecayTable table_;
  const LimitHash& hash_;
  LimitRandom random_;
  std::uint64_t now_ = 0;
  std::uint64_t exact_until_most_ = 0;
  std::array<std::array<std::uint64_t, kMostWidths>, 2> exact_until_{};  // by family and width
  std::unique_ptr<std::uint8_t[]> gates_;
};

}  // namespace onoma::serve
