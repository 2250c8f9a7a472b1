// What the statistics cost an answer: all of them, without the sketches of domains, without any sketch; for
// few popular domains asked by few resolvers, and for names and sources that never come again.
#include <array>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "serve/stats_recorder.h"

namespace onoma::serve {
namespace {

struct Question {
  std::array<std::uint8_t, 4> peer{};
  std::uint8_t size = 0;
  std::array<std::uint8_t, 43> octets{};
  ByteView name() const { return ByteView(octets).first(size); }
};

// 8 Ki questions for names below "tld.": ranks of names and of sources fall like 1 / rank, or are even.
std::vector<Question> questions(bool even, std::size_t names, std::size_t sources) {
  std::mt19937_64 random(1);
  const auto weights = [&](std::size_t size) {
    std::vector<double> out;
    for (std::size_t i = 1; i <= size; ++i) out.push_back(even ? 1.0 : 1.0 / static_cast<double>(i));
    return out;
  };
  const auto name_weights = weights(names), source_weights = weights(sources);
  std::discrete_distribution<std::uint32_t> name_ranks(name_weights.begin(), name_weights.end());
  std::discrete_distribution<std::uint32_t> source_ranks(source_weights.begin(), source_weights.end());
  std::vector<Question> out(1 << 13);
  for (auto& question : out) {
    store_u32(question.peer.data(), source_ranks(random) * 2654435761U);
    const auto text = std::to_string(name_ranks(random) * std::uint64_t{2654435761U});
    const std::string label = "example-" + text;
    const auto name =
        "\3Www" + std::string(1, static_cast<char>(label.size())) + label + std::string("\3tld\0", 5);
    question.size = static_cast<std::uint8_t>(name.size());
    std::copy(name.begin(), name.end(), question.octets.begin());
  }
  return out;
}

void record(benchmark::State& state, StatsOptions options, bool even) {
  StatsRecorder recorder(options, 1);
  const auto list = questions(even, 1000000, 200000);
  constexpr std::size_t kBatch = 32;
  std::size_t at = 0;
  for (auto _ : state) {
    recorder.begin(kBatch);
    for (std::size_t i = 0; i < kBatch; ++i) {
      const auto& question = list[at++ % list.size()];
      recorder.record({.peer = question.peer,
                       .qname = question.name(),
                       .zone_octets = 5,
                       .encloser_octets = 5,
                       .edns = i % 4 != 0,
                       .qtype = static_cast<std::uint16_t>(i % 3 == 0 ? 28 : 1),
                       .rcode = static_cast<std::uint16_t>(i % 5 == 0 ? 3 : 0),
                       .request_octets = static_cast<std::uint32_t>(question.size + 12U),
                       .reply_octets = static_cast<std::uint32_t>(100 + i * 8)});
    }
    recorder.end(20000);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
// The loop and the packets themselves: what to take off the others.
void nothing(benchmark::State& state) {
  const auto list = questions(false, 1000000, 200000);
  std::size_t at = 0;
  for (auto _ : state) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      const auto& question = list[at++ % list.size()];
      for (const auto octet : question.name()) sum += octet;
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * 32);
}
BENCHMARK(nothing);
BENCHMARK_CAPTURE(record, all_skewed, StatsOptions{}, false);
BENCHMARK_CAPTURE(record, all_even, StatsOptions{}, true);
BENCHMARK_CAPTURE(record, no_domains_skewed, (StatsOptions{.magnitude = false}), false);
BENCHMARK_CAPTURE(record, no_domains_even, (StatsOptions{.magnitude = false}), true);
BENCHMARK_CAPTURE(record, counters_skewed, (StatsOptions{.top = false, .magnitude = false}), false);
BENCHMARK_CAPTURE(record, counters_even, (StatsOptions{.top = false, .magnitude = false}), true);

}  // namespace
}  // namespace onoma::serve
