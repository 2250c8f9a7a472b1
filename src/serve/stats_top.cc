#include "serve/stats_top.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>

#include "base/check.h"

namespace onoma::serve {
namespace {

constexpr std::size_t kWords = (kTopKeyOctets + 8) / 8;

}  // namespace

// Entries change under `turn`, odd while one does. Data is stored with release and loaded with acquire, so
// that who read anything of a change also sees that it was under way.
struct alignas(64) TopSketch::Bucket {
  std::array<std::atomic<std::uint64_t>, kTopWays> hash{};  // 0: free
  std::array<std::atomic<std::uint64_t>, kTopWays> count{};
  std::array<std::atomic<std::uint64_t>, kTopWays> error{};
  std::array<std::atomic<std::uint8_t>, kTopWays> size{};
  std::atomic<std::uint32_t> turn{0};
};

struct TopSketch::Seen {
  struct Entry {
    std::uint64_t hash;
    TopEntry entry;
  };
  std::vector<Entry> entries;
  std::vector<std::uint64_t> bounds;  // of each bucket: how often an unlisted key may have come
};

TopSketch::TopSketch(std::size_t buckets)
    : buckets_(buckets), table_(std::make_unique<Bucket[]>(buckets)), keys_(buckets * kTopWays * kWords) {
  CHECK(std::has_single_bit(buckets));
}
TopSketch::~TopSketch() = default;

void TopSketch::prefetch(std::uint64_t hash) const noexcept {
  __builtin_prefetch(&table_[hash >> 32 & (buckets_ - 1)], 1);
}

void TopSketch::add(std::uint64_t hash, ByteView key, std::uint64_t weight) noexcept {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  constexpr auto kRelease = std::memory_order_release;
  hash |= 1;
  auto& bucket = table_[hash >> 32 & (buckets_ - 1)];
  for (std::size_t way = 0; way < kTopWays; ++way) {
    if (bucket.hash[way].load(kRelaxed) != hash) continue;
    bucket.count[way].store(bucket.count[way].load(kRelaxed) + weight, kRelease);
    return;
  }
  std::size_t rarest = 0;
  for (std::size_t way = 1; way < kTopWays; ++way)
    if (bucket.count[way].load(kRelaxed) < bucket.count[rarest].load(kRelaxed)) rarest = way;
  const auto inherited = bucket.count[rarest].load(kRelaxed);
  const auto turn = bucket.turn.load(kRelaxed);
  bucket.turn.store(turn + 1, kRelaxed);
  const auto size = std::min(key.size(), kTopKeyOctets);
  const auto words = (static_cast<std::size_t>(&bucket - table_.get()) * kTopWays + rarest) * kWords;
  for (std::size_t at = 0; at < size; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, key.data() + at, std::min<std::size_t>(8, size - at));
    keys_.store(words + at / 8, word, kRelease);
  }
  bucket.size[rarest].store(static_cast<std::uint8_t>(size), kRelease);
  bucket.hash[rarest].store(hash, kRelease);
  bucket.error[rarest].store(inherited, kRelease);
  bucket.count[rarest].store(inherited + weight, kRelease);
  bucket.turn.store(turn + 2, kRelease);
}

TopSketch::Seen TopSketch::look() const {
  constexpr auto kAcquire = std::memory_order_acquire;
  constexpr int kTries = 100;
  Seen out;
  out.bounds.resize(buckets_);
  for (std::size_t i = 0; i < buckets_; ++i) {
    const auto& bucket = table_[i];
    // A writer that changes entries faster than they can be read loses them from this one view.
    for (int attempt = 0; attempt < kTries; ++attempt) {
      std::vector<Seen::Entry> found;
      std::uint64_t bound = ~std::uint64_t{0};
      const auto turn = bucket.turn.load(kAcquire);
      if (turn % 2 != 0) continue;
      for (std::size_t way = 0; way < kTopWays; ++way) {
        const auto count = bucket.count[way].load(kAcquire);
        bound = std::min(bound, count);
        if (count == 0) continue;
        Seen::Entry entry{bucket.hash[way].load(kAcquire), {{}, count, bucket.error[way].load(kAcquire)}};
        entry.entry.key.resize(bucket.size[way].load(kAcquire));
        for (std::size_t at = 0; at < entry.entry.key.size(); at += 8) {
          const auto word = keys_.load((i * kTopWays + way) * kWords + at / 8, kAcquire);
          std::memcpy(&entry.entry.key[at], &word, std::min<std::size_t>(8, entry.entry.key.size() - at));
        }
        found.push_back(std::move(entry));
      }
      if (bucket.turn.load(kAcquire) != turn) continue;
      out.bounds[i] = bound;
      for (auto& entry : found) out.entries.push_back(std::move(entry));
      break;
    }
  }
  return out;
}

std::vector<TopEntry> TopSketch::merged(const std::vector<const TopSketch*>& sketches, std::size_t most) {
  struct Sum {
    TopEntry entry;
    std::vector<bool> listed;
  };
  std::vector<Seen> views;
  views.reserve(sketches.size());
  for (const auto* sketch : sketches) views.push_back(sketch->look());
  std::unordered_map<std::uint64_t, Sum> sums;
  for (std::size_t i = 0; i < views.size(); ++i) {
    for (auto& [hash, entry] : views[i].entries) {
      auto& sum = sums[hash];
      if (sum.listed.empty()) {
        sum.entry.key = std::move(entry.key);
        sum.listed.resize(views.size());
      }
      sum.entry.count += entry.count;
      sum.entry.error += entry.error;
      sum.listed[i] = true;
    }
  }
  std::vector<TopEntry> out;
  out.reserve(sums.size());
  for (auto& [hash, sum] : sums) {
    for (std::size_t i = 0; i < views.size(); ++i) {
      if (sum.listed[i]) continue;
      const auto bound = views[i].bounds[hash >> 32 & (views[i].bounds.size() - 1)];
      sum.entry.count += bound;
      sum.entry.error += bound;
    }
    out.push_back(std::move(sum.entry));
  }
  std::sort(out.begin(), out.end(), [](const TopEntry& a, const TopEntry& b) {
    return a.count != b.count ? a.count > b.count : a.key < b.key;
  });
  if (out.size() > most) out.resize(most);
  return out;
}

}  // namespace onoma::serve
