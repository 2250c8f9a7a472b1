// What the limiter costs an answer: when nothing is limited, and during a flood of random names.
#include <array>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "serve/limiter.h"

namespace onoma::serve {
namespace {

struct Question {
  std::array<std::uint8_t, 4> peer;
  std::array<std::uint8_t, 24> name;
};

// 64 Ki questions from as many addresses; names of 20 octets below an apex of 4.
std::vector<Question> questions(bool random_names) {
  std::mt19937_64 random(1);
  std::vector<Question> out(1 << 16);
  for (auto& question : out) {
    const auto address = static_cast<std::uint32_t>(random() % 65536 * 2654435761U);
    store_u32(question.peer.data(), address);
    const auto label = random_names ? random() : random() % 100000;
    question.name = {'t', 'e', 's', 't'};
    for (std::size_t i = 4; i < question.name.size(); ++i)
      question.name[i] = static_cast<std::uint8_t>('a' + (label >> (i % 16 * 4) & 15));
  }
  return out;
}

void judge(benchmark::State& state, ResponseClass what, bool random_names, bool flooded) {
  SeededRng rng(1);
  LimitOptions options;
  options.mode = LimitMode::on;
  if (!flooded) options.flood_names_per_s = 100'000'000;
  Limiter limiter(options, rng);
  const auto list = questions(random_names);
  std::size_t i = 0;
  std::uint64_t now_us = 0;
  while (state.KeepRunning()) {
    const auto& question = list[i++ % list.size()];
    if (i % 32 == 0) limiter.tick(Duration(now_us += 32));  // a million a second
    benchmark::DoNotOptimize(limiter.early_drop(question.peer));
    benchmark::DoNotOptimize(limiter.judge({.peer = question.peer,
                                            .what = what,
                                            .name = question.name,
                                            .encloser = ByteView(question.name).first(4)}));
  }
  const auto counts = limiter.counts();
  state.counters["withheld"] = static_cast<double>(counts.dropped + counts.truncated + counts.shed) /
                               static_cast<double>(state.iterations());
}

// The loop itself, and the source's hash: what to take off the others.
void nothing(benchmark::State& state) {
  SeededRng rng(1);
  Limiter limiter(LimitOptions{}, rng);
  const auto list = questions(false);
  std::size_t i = 0;
  std::uint64_t now_us = 0;
  while (state.KeepRunning()) {
    const auto& question = list[i++ % list.size()];
    if (i % 32 == 0) limiter.tick(Duration(now_us += 32));
    benchmark::DoNotOptimize(limiter.early_drop(question.peer));
    benchmark::DoNotOptimize(limiter.judge({.peer = question.peer, .udp = false, .name = question.name}));
  }
}
BENCHMARK(nothing);
BENCHMARK_CAPTURE(judge, positive, ResponseClass::positive, false, false);
BENCHMARK_CAPTURE(judge, error, ResponseClass::error, false, false);
BENCHMARK_CAPTURE(judge, nxdomain, ResponseClass::nxdomain, true, false);
BENCHMARK_CAPTURE(judge, flood, ResponseClass::nxdomain, true, true);

}  // namespace
}  // namespace onoma::serve
