// StatsCounts: everything that is counted of answered packets, as plain numbers that add up; StatsCells: the
// same while it is being counted, by one writer for any number of readers.
//
// Each packet touches seven cells: one for transport, family and flags together, one for opcode and response
// code together, one each for the query type and the two sizes, two for sums of octets.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

namespace onoma::serve {

enum class Transport : std::uint8_t { udp, tcp, tls };

// Service times in nanoseconds: eight equal parts of every power of two from 64 ns to 17 s. A value read back
// is off by at most 1/16 of itself; what lies outside is put into the first or last part.
class LatencyScale {
 public:
  static constexpr unsigned kLowest = 6, kHighest = 34;
  static constexpr std::size_t kParts = (kHighest - kLowest) * 8;
  static std::size_t part_of(std::uint64_t ns) {
    if (ns < std::uint64_t{1} << kLowest) return 0;
    const auto power = static_cast<unsigned>(std::bit_width(ns)) - 1;
    if (power >= kHighest) return kParts - 1;
    return (power - kLowest) * 8 + (ns >> (power - 3) & 7);
  }
  static std::uint64_t begin_of(std::size_t part) { return (8 + part % 8) << (kLowest - 3 + part / 8); }
};

class StatsCounts {
 public:
  static constexpr std::size_t kRcodes = 25;            // 0 to 23, and all above
  static constexpr std::size_t kTypes = 261;            // 0 to 259, and all above
  static constexpr std::size_t kRequestClasses = 19;    // of 16 octets; the last is 288 and above
  static constexpr std::size_t kResponseClasses = 257;  // of 16 octets; the last is 4,096 and above

  // Where things lie in `cells`.
  static constexpr std::size_t kKinds = 0;
  static constexpr std::size_t kV6 = 1, kEdns = 2, kDo = 4, kTc = 8, kReplied = 16, kTransport = 32;
  static constexpr std::size_t kCodes = kKinds + 3 * kTransport;
  static constexpr std::size_t kQtypes = kCodes + 16 * kRcodes;
  static constexpr std::size_t kRequests = kQtypes + kTypes;  // datagrams, then streams
  static constexpr std::size_t kResponses = kRequests + 2 * kRequestClasses;
  static constexpr std::size_t kRequestOctets = kResponses + 2 * kResponseClasses;
  static constexpr std::size_t kResponseOctets = kRequestOctets + 1;
  static constexpr std::size_t kLatencies = kResponseOctets + 1;
  static constexpr std::size_t kLatencySum = kLatencies + LatencyScale::kParts;  // ns
  static constexpr std::size_t kCells = kLatencySum + 1;

  std::array<std::uint64_t, kCells> cells{};

  StatsCounts& operator+=(const StatsCounts& more);
  StatsCounts& operator-=(const StatsCounts& less);  // REQUIRES: less was counted before *this
  friend bool operator==(const StatsCounts&, const StatsCounts&) = default;

  // Packets whose kind has all of `with`, of one transport and family or of all (nullopt-like: -1).
  std::uint64_t packets(std::size_t with = 0, int transport = -1, int v6 = -1) const;
  std::uint64_t rcode(std::size_t code) const;     // of all opcodes; code < kRcodes
  std::uint64_t opcode(std::size_t opcode) const;  // of answered packets; opcode < 16
  std::uint64_t latency_count() const;
  // The service time below which the share `q` (0 to 1) of the packets stayed, ns; 0 when there are none.
  std::uint64_t latency_quantile(double q) const;
  std::uint64_t latency_below(
      std::uint64_t ns) const;  // packets; exact when ns is a power of two of the scale
};

class StatsCells {
 public:
  StatsCells() : cells_(std::make_unique<Cells>()) {}
  void add(std::size_t cell, std::uint64_t by) noexcept {
    auto& value = (*cells_)[cell];
    value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  void add_to(StatsCounts& out) const {
    for (std::size_t i = 0; i < StatsCounts::kCells; ++i)
      out.cells[i] += (*cells_)[i].load(std::memory_order_relaxed);
  }

 private:
  struct alignas(64) Cells : std::array<std::atomic<std::uint64_t>, StatsCounts::kCells> {};
  std::unique_ptr<Cells> cells_;
};

}  // namespace onoma::serve
