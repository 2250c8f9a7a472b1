// Zone text: how fast it is parsed, and how long it takes until its owners stand there in order. The text is
// the file that ONOMA_BENCH_ZONE names (bench/gen/zone_gen.cc makes one); its first $ORIGIN is the zone's
// name. Without it a small artificial zone is used, whose figures say less.
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "zone/assemble.h"
#include "zone/load.h"

namespace {

using namespace onoma;

std::string made_zone() {
  std::string text =
      "$ORIGIN bench.\n$TTL 3600\n@ 3600 IN SOA ns1 hostmaster 1 1800 900 604800 300\n@ 86400 IN NS ns1\n";
  for (unsigned i = 0; i < 100'000; ++i) {
    const auto label = fmt::format("{:x}-name", i * 2654435761U);
    text += fmt::format("{0} 86400 IN NS ns1.hoster{1}.example.\n{0} 86400 IN NS ns2.hoster{1}.example.\n",
                        label, i % 1999);
    if (i % 25 == 0) text += fmt::format("{} 3600 IN DS {} 13 2 {:064X}\n", label, i & 0xffff, i);
  }
  return text;
}

struct Zone {
  std::string text;
  wire::ZoneFileOptions options;
};

const Zone& zone() {
  static const Zone made = [] {
    Zone out;
    if (const char* file = std::getenv("ONOMA_BENCH_ZONE")) {
      std::ifstream stream(file, std::ios::binary);
      out.text.assign(std::istreambuf_iterator<char>(stream), {});
    }
    if (out.text.empty()) out.text = made_zone();
    const auto line = out.text.substr(0, out.text.find('\n'));
    if (line.starts_with("$ORIGIN "))
      if (auto origin = wire::Name::parse(std::string_view(line).substr(8))) out.options.origin = *origin;
    return out;
  }();
  return made;
}

// The caller and threads-1 others take the tasks in turns.
Parallel on_threads(std::size_t threads) {
  return [threads](std::size_t tasks, const std::function<void(std::size_t)>& run) {
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      for (std::size_t i = next++; i < tasks; i = next++) run(i);
    };
    std::vector<std::thread> others;
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
    for (auto& other : others) other.join();
  };
}

void report(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(zone().text.size()) *
                          static_cast<std::int64_t>(state.iterations()));
}
void need(benchmark::State& state, const Result<void>& result) {
  if (!result) state.SkipWithError(result.error().message.c_str());
}

// Records are counted and forgotten.
void parse(benchmark::State& state, wire::ZoneScan scan) {
  auto options = zone().options;
  options.scan = scan;
  std::size_t records = 0;
  for (auto _ : state)
    need(state,
         wire::parse_zone_views(zone().text, options, [&](const wire::RecordView& record) -> Result<void> {
           records += record.rdata.size() != 0;
           return {};
         }));
  state.counters["records"] =
      benchmark::Counter(static_cast<double>(records), benchmark::Counter::kAvgIterations);
  report(state);
}
BENCHMARK_CAPTURE(parse, careful, wire::ZoneScan::careful)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(parse, scalar, wire::ZoneScan::scalar)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(parse, sse2, wire::ZoneScan::sse2)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(parse, avx2, wire::ZoneScan::avx2)->Unit(benchmark::kMillisecond);

// Text to sorted chunks, on so many threads.
void chunks(benchmark::State& state) {
  for (auto _ : state) {
    auto read = zone::read_zone_chunks(zone().text, zone().options,
                                       on_threads(static_cast<std::size_t>(state.range(0))));
    if (!read) state.SkipWithError(read.error().message.c_str());
    benchmark::DoNotOptimize(read);
  }
  report(state);
}
BENCHMARK(chunks)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

// Text to owners in order.
void assembled(benchmark::State& state) {
  std::size_t owners = 0;
  const zone::OwnerSink sink{
      .name = [&](std::string_view, wire::NameView, bool,
                  std::span<const zone::EncodedSet> sets) -> Result<void> {
        owners += !sets.empty();
        return {};
      },
      .nsec3 = [&](std::string_view, wire::NameView, const zone::EncodedSet&) -> Result<void> {
        ++owners;
        return {};
      }};
  for (auto _ : state) {
    auto read = zone::read_zone_chunks(zone().text, zone().options,
                                       on_threads(static_cast<std::size_t>(state.range(0))));
    std::vector<std::string> warnings;
    if (read)
      need(state, zone::assemble(zone().options.origin, *read, sink, warnings));
    else
      state.SkipWithError(read.error().message.c_str());
  }
  state.counters["owners"] =
      benchmark::Counter(static_cast<double>(owners), benchmark::Counter::kAvgIterations);
  report(state);
}
BENCHMARK(assembled)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
