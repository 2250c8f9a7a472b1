#include "serve/stats_counts.h"

#include <algorithm>
#include <cmath>

namespace onoma::serve {

StatsCounts& StatsCounts::operator+=(const StatsCounts& more) {
  for (std::size_t i = 0; i < kCells; ++i) cells[i] += more.cells[i];
  return *this;
}
StatsCounts& StatsCounts::operator-=(const StatsCounts& less) {
  for (std::size_t i = 0; i < kCells; ++i) cells[i] -= less.cells[i];
  return *this;
}

std::uint64_t StatsCounts::packets(std::size_t with, int transport, int v6) const {
  std::uint64_t sum = 0;
  for (std::size_t kind = 0; kind < 3 * kTransport; ++kind) {
    if ((kind & with) != with) continue;
    if (transport >= 0 && kind / kTransport != static_cast<std::size_t>(transport)) continue;
    if (v6 >= 0 && (kind & kV6) != static_cast<std::size_t>(v6)) continue;
    sum += cells[kKinds + kind];
  }
  return sum;
}

std::uint64_t StatsCounts::rcode(std::size_t code) const {
  std::uint64_t sum = 0;
  for (std::size_t opcode = 0; opcode < 16; ++opcode) sum += cells[kCodes + opcode * kRcodes + code];
  return sum;
}

std::uint64_t StatsCounts::opcode(std::size_t opcode) const {
  std::uint64_t sum = 0;
  for (std::size_t code = 0; code < kRcodes; ++code) sum += cells[kCodes + opcode * kRcodes + code];
  return sum;
}

std::uint64_t StatsCounts::latency_count() const {
  std::uint64_t sum = 0;
  for (std::size_t part = 0; part < LatencyScale::kParts; ++part) sum += cells[kLatencies + part];
  return sum;
}

std::uint64_t StatsCounts::latency_quantile(double q) const {
  const auto count = latency_count();
  if (count == 0) return 0;
  const auto rank = std::clamp(static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count))),
                               std::uint64_t{1}, count);
  std::uint64_t seen = 0;
  std::size_t part = 0;
  for (; part + 1 < LatencyScale::kParts; ++part) {
    seen += cells[kLatencies + part];
    if (seen >= rank) break;
  }
  return (LatencyScale::begin_of(part) + LatencyScale::begin_of(part + 1)) / 2;
}

std::uint64_t StatsCounts::latency_below(std::uint64_t ns) const {
  std::uint64_t sum = 0;
  for (std::size_t part = 0; part < LatencyScale::kParts && LatencyScale::begin_of(part + 1) <= ns; ++part)
    sum += cells[kLatencies + part];
  return sum;
}

}  // namespace onoma::serve
