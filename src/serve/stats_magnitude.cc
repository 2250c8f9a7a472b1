#include "serve/stats_magnitude.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.h"

namespace onoma::serve {
namespace {

constexpr std::size_t kWays = 8;
constexpr std::size_t kNameWords = 32;
constexpr std::size_t kSlots = 64;  // of kFewClients, so that a search ends soon
constexpr std::uint16_t kNoSketch = 0xffff;
constexpr std::uint32_t kNobody = 0xffffffff;
constexpr std::uint32_t kDenials = 1024;  // looks for a HyperLogLog to take over, once in so many
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kAcquire = std::memory_order_acquire;

// A client as one of few: its place in a HyperLogLog and as many further bits as fit. Never 0.
std::uint32_t short_form(std::uint64_t client) {
  const auto place = hll_place(client);
  return place.index | std::uint32_t{place.rank} << kHllIndexBits |
         static_cast<std::uint32_t>(client >> 51) << (kHllIndexBits + kHllRegisterBits);
}
HllPlace place_of(std::uint32_t form) {
  return {static_cast<std::uint32_t>(form & (kHllRegisters - 1)),
          static_cast<std::uint8_t>(form >> kHllIndexBits & 31U)};
}

struct Seen {
  Bytes name;
  std::uint64_t queries = 0;
  bool at_least = false;
  std::vector<HllPlace> few;
  std::unique_ptr<Hll> many;
};

}  // namespace

// An entry is bucket * kWays + way. As in TopSketch, entries change under `turn`, odd while one does;
// counting in place needs no turn.
struct alignas(64) DomainSketch::Bucket {
  std::array<std::atomic<std::uint64_t>, kWays> hash{};  // 0: free
  std::array<std::atomic<std::uint64_t>, kWays> queries{};
  std::array<std::atomic<std::uint16_t>, kWays> sketch{};
  std::array<std::atomic<std::uint8_t>, kWays> few{};  // clients kept one by one
  std::array<std::atomic<std::uint8_t>, kWays> size{};
  std::array<std::atomic<bool>, kWays> at_least{};
  std::atomic<std::uint32_t> turn{0};

  void begin_change() { turn.store(turn.load(kRelaxed) + 1, kRelaxed); }
  void end_change() { turn.store(turn.load(kRelaxed) + 1, kRelease); }
};

DomainSketch::DomainSketch(std::size_t buckets, std::size_t sketches)
    : buckets_(buckets),
      sketches_(sketches),
      table_(std::make_unique<Bucket[]>(buckets)),
      names_(buckets * kWays * kNameWords),
      few_(buckets * kWays * kSlots),
      dense_(sketches),
      owners_(std::make_unique<std::uint32_t[]>(sketches)) {
  CHECK(std::has_single_bit(buckets) && sketches >= 1 && sketches <= 4096);
}
DomainSketch::~DomainSketch() = default;

void DomainSketch::prefetch(std::uint64_t hash) const noexcept {
  const auto& bucket = table_[bucket_of(hash)];
  __builtin_prefetch(&bucket.hash, 0);
  __builtin_prefetch(&bucket.queries, 1);
}

bool DomainSketch::add(std::uint64_t hash, std::uint64_t client) noexcept {
  hash |= 1;
  const auto number = bucket_of(hash);
  auto& bucket = table_[number];
  // All are compared: where the search ends cannot be foretold, and a wrong guess costs more.
  unsigned found = 0;
  for (unsigned way = 0; way < kWays; ++way)
    found |= unsigned{bucket.hash[way].load(kRelaxed) == hash} << way;
  if (found == 0) return false;
  const auto way = static_cast<std::size_t>(std::countr_zero(found));
  bucket.queries[way].store(bucket.queries[way].load(kRelaxed) + 1, kRelaxed);
  count(number * kWays + way, client);
  return true;
}

bool DomainSketch::has_room(std::uint64_t hash) const noexcept {
  return table_[bucket_of(hash)].hash[kWays - 1].load(kRelaxed) == 0;  // filled from the front
}

void DomainSketch::admit(std::uint64_t hash, ByteView name, std::uint64_t client) noexcept {
  hash |= 1;
  const auto number = bucket_of(hash);
  auto& bucket = table_[number];
  std::size_t way = 0;
  for (std::size_t i = 0; i < kWays; ++i) {
    if (bucket.hash[i].load(kRelaxed) == 0) {
      way = i;
      break;
    }
    if (bucket.queries[i].load(kRelaxed) < bucket.queries[way].load(kRelaxed)) way = i;
  }
  bucket.begin_change();
  if (bucket.hash[way].load(kRelaxed) != 0) {
    const auto sketch = bucket.sketch[way].load(kRelaxed);
    if (sketch != kNoSketch) owners_[sketch] = kNobody;
    for (std::size_t slot = 0; slot < kSlots; ++slot)
      few_.store((number * kWays + way) * kSlots + slot, 0, kRelease);
  }
  const auto size = std::min<std::size_t>(name.size(), 255);
  for (std::size_t at = 0; at < size; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, name.data() + at, std::min<std::size_t>(8, size - at));
    names_.store((number * kWays + way) * kNameWords + at / 8, word, kRelease);
  }
  bucket.size[way].store(static_cast<std::uint8_t>(size), kRelease);
  bucket.sketch[way].store(kNoSketch, kRelease);
  bucket.few[way].store(0, kRelease);
  bucket.at_least[way].store(false, kRelease);
  bucket.queries[way].store(1, kRelease);
  bucket.hash[way].store(hash, kRelease);
  count(number * kWays + way, client);
  bucket.end_change();
}

void DomainSketch::count(std::size_t entry, std::uint64_t client) noexcept {
  auto& bucket = table_[entry / kWays];
  const auto way = entry % kWays;
  const auto sketch = bucket.sketch[way].load(kRelaxed);
  if (sketch != kNoSketch) return dense_.add(client, sketch);
  const auto form = short_form(client);
  const auto slots = entry * kSlots;
  std::size_t at = client >> 20 & (kSlots - 1);
  for (;; at = (at + 1) & (kSlots - 1)) {
    const auto there = few_.load(slots + at, kRelaxed);
    if (there == form) return;
    if (there == 0) break;
  }
  const auto few = bucket.few[way].load(kRelaxed);
  if (few < kFewClients) {
    few_.store(slots + at, form, kRelease);
    bucket.few[way].store(static_cast<std::uint8_t>(few + 1), kRelaxed);
  } else if (promote(entry)) {
    dense_.add(client, bucket.sketch[way].load(kRelaxed));
  } else {
    bucket.at_least[way].store(true, kRelease);
  }
}

bool DomainSketch::promote(std::size_t entry) noexcept {
  auto& bucket = table_[entry / kWays];
  const auto way = entry % kWays;
  std::size_t sketch = used_;
  if (used_ < sketches_) {
    ++used_;
  } else {
    if (++denied_ % kDenials != 1) return false;
    // The least queried owner, or one whose domain was pushed out.
    std::uint64_t fewest = ~std::uint64_t{0};
    for (std::size_t i = 0; i < sketches_; ++i) {
      const auto owner = owners_[i];
      const auto queries = owner == kNobody ? 0 : table_[owner / kWays].queries[owner % kWays].load(kRelaxed);
      if (queries < fewest) {
        fewest = queries;
        sketch = i;
      }
    }
    if (fewest >= bucket.queries[way].load(kRelaxed) / 2) return false;
    const auto owner = owners_[sketch];
    if (owner != kNobody) {
      auto& other = table_[owner / kWays];
      if (&other != &bucket) other.begin_change();
      // It falls back to the few that it began with.
      other.sketch[owner % kWays].store(kNoSketch, kRelease);
      other.at_least[owner % kWays].store(true, kRelease);
      if (&other != &bucket) other.end_change();
    }
    dense_.clear(sketch);
  }
  owners_[sketch] = static_cast<std::uint32_t>(entry);
  for (std::size_t slot = 0; slot < kSlots; ++slot)
    if (const auto form = few_.load(entry * kSlots + slot, kRelaxed); form != 0)
      dense_.add(place_of(form), sketch);
  bucket.sketch[way].store(static_cast<std::uint16_t>(sketch), kRelease);
  return true;
}

void DomainSketch::merge_into(DomainMap& out) const {
  constexpr int kTries = 100;
  for (std::size_t i = 0; i < buckets_; ++i) {
    const auto& bucket = table_[i];
    for (int attempt = 0; attempt < kTries; ++attempt) {
      const auto turn = bucket.turn.load(kAcquire);
      if (turn % 2 != 0) continue;
      std::vector<Seen> found;
      for (std::size_t way = 0; way < kWays; ++way) {
        if (bucket.hash[way].load(kAcquire) == 0) continue;
        auto& seen = found.emplace_back();
        seen.name.resize(bucket.size[way].load(kAcquire));
        for (std::size_t at = 0; at < seen.name.size(); at += 8) {
          const auto word = names_.load((i * kWays + way) * kNameWords + at / 8, kAcquire);
          std::memcpy(&seen.name[at], &word, std::min<std::size_t>(8, seen.name.size() - at));
        }
        seen.queries = bucket.queries[way].load(kAcquire);
        seen.at_least = bucket.at_least[way].load(kAcquire);
        const auto sketch = bucket.sketch[way].load(kAcquire);
        if (sketch != kNoSketch) {
          seen.many = std::make_unique<Hll>();
          dense_.merge_into(*seen.many, sketch);
        }
        for (std::size_t slot = 0; slot < kSlots; ++slot)
          if (const auto form = few_.load((i * kWays + way) * kSlots + slot, kAcquire); form != 0)
            seen.few.push_back(place_of(form));
      }
      if (bucket.turn.load(kAcquire) != turn) continue;
      for (auto& seen : found) {
        auto& sum = out[std::move(seen.name)];
        sum.queries += seen.queries;
        sum.at_least = sum.at_least || seen.at_least;
        for (const auto place : seen.few) sum.clients.add(place);
        if (seen.many) sum.clients.merge(*seen.many);
      }
      break;
    }
  }
}

}  // namespace onoma::serve
