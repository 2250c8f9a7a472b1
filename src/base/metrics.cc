#include "base/metrics.h"

#include <array>
#include <cstddef>
#include <string_view>

namespace onoma {
namespace {

struct Facts {
  std::string_view name, type, help;
};
constexpr std::array kMetrics{
#define X(name, type, help) Facts{#name, #type, help},
    ONOMA_METRIC_TABLE(X)
#undef X
};

std::atomic<std::uint64_t>& cell(Metric metric) {
  static std::array<std::atomic<std::uint64_t>, kMetrics.size()> cells{};
  return cells.at(static_cast<std::size_t>(metric));
}

}  // namespace

void add(Metric metric, std::uint64_t by) {
  cell(metric).fetch_add(by, std::memory_order_relaxed);
}
void set(Metric metric, std::uint64_t value) {
  cell(metric).store(value, std::memory_order_relaxed);
}
std::uint64_t read(Metric metric) {
  return cell(metric).load(std::memory_order_relaxed);
}

std::string metrics_text() {
  std::string out;
  for (std::size_t i = 0; i < kMetrics.size(); ++i) {
    const auto& [name, type, help] = kMetrics[i];
    out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
    out.append(name).append(" ").append(type).append("\n").append(name).append(" ");
    out.append(std::to_string(read(static_cast<Metric>(i)))).append("\n");
  }
  return out;
}

}  // namespace onoma
