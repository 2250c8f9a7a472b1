#include "serve/stats_hll.h"

#include <algorithm>
#include <cmath>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace onoma::serve {
namespace {

// The first three octets of the stored form: version 1 with the kind, register width less one with log2 of
// the registers, and "sparse is used" with an explicit list of hashes never used.
constexpr std::uint8_t kVersion = 0x10, kEmpty = 1, kSparse = 3, kFull = 4;
constexpr std::uint8_t kParameters = (kHllRegisterBits - 1) << 5 | kHllIndexBits;
constexpr std::uint8_t kCutoff = 0x40;
constexpr std::size_t kHeaderOctets = 3;
constexpr std::size_t kFullOctets = kHllRegisters * kHllRegisterBits / 8;
constexpr unsigned kWordBits = kHllIndexBits + kHllRegisterBits;

// Bits of words, highest first.
class BitWriter {
 public:
  explicit BitWriter(Bytes& out) : out_(out) {}
  void add(std::uint32_t word, unsigned bits) {
    held_ = held_ << bits | word;
    held_bits_ += bits;
    for (; held_bits_ >= 8; held_bits_ -= 8)
      out_.push_back(static_cast<std::uint8_t>(held_ >> (held_bits_ - 8)));
  }
  void pad() {
    if (held_bits_ > 0) add(0, 8 - held_bits_);
  }

 private:
  Bytes& out_;
  std::uint64_t held_ = 0;
  unsigned held_bits_ = 0;
};

class BitReader {
 public:
  explicit BitReader(ByteView data) : data_(data) {}
  std::optional<std::uint32_t> take(unsigned bits) {
    while (held_bits_ < bits) {
      if (at_ == data_.size()) return std::nullopt;
      held_ = held_ << 8 | data_[at_++];
      held_bits_ += 8;
    }
    held_bits_ -= bits;
    return static_cast<std::uint32_t>(held_ >> held_bits_ & ((std::uint64_t{1} << bits) - 1));
  }

 private:
  ByteView data_;
  std::size_t at_ = 0;
  std::uint64_t held_ = 0;
  unsigned held_bits_ = 0;
};

}  // namespace

// Whole words are written and read: parts of one would have to wait for each other in the processor.
SourceHashes source_hashes(ByteView address) {
  const auto hash = [](std::uint64_t high, std::uint64_t low) {
    const std::array<std::uint64_t, 2> words{
        std::endian::native == std::endian::big ? high : __builtin_bswap64(high),
        std::endian::native == std::endian::big ? low : __builtin_bswap64(low)};
    return XXH3_64bits(words.data(), sizeof words);
  };
  if (address.size() == 4) {
    const auto mapped = std::uint64_t{0xffff} << 32 | load_u32(address.data());
    return {.address = hash(0, mapped), .network = 0, .client = hash(0, mapped & ~std::uint64_t{0xff})};
  }
  if (address.size() != 16) return {.address = hash(0, 0), .network = 0, .client = hash(0, 0)};
  const auto high = load_u64(address.data()), low = load_u64(address.data() + 8);
  return {
      .address = hash(high, low), .network = hash(high, 0), .client = hash(high & ~std::uint64_t{0xffff}, 0)};
}

void Hll::merge(const Hll& other) {
  auto* const mine = registers_.data();
  const auto* const theirs = other.registers_.data();
  for (std::size_t i = 0; i < kHllRegisters; ++i) mine[i] = mine[i] < theirs[i] ? theirs[i] : mine[i];
}

std::uint64_t Hll::count() const {
  constexpr double kSize = kHllRegisters;
  constexpr double kAlpha = 0.7213 / (1 + 1.079 / kSize);
  std::array<std::uint32_t, 32> of_rank{};
  for (const auto rank : registers_) ++of_rank[rank & 31U];
  double sum = 0;
  for (int rank = 31; rank >= 0; --rank)
    sum += std::ldexp(static_cast<double>(of_rank[static_cast<std::size_t>(rank)]), -rank);
  const auto raw = kAlpha * kSize * kSize / sum;
  const auto empty = of_rank[0];
  const auto estimate =
      empty != 0 && raw < 2.5 * kSize ? kSize * std::log(kSize / static_cast<double>(empty)) : raw;
  return static_cast<std::uint64_t>(std::ceil(estimate));
}

Bytes Hll::storage() const {
  const auto used = static_cast<std::size_t>(
      std::count_if(registers_.begin(), registers_.end(), [](auto rank) { return rank != 0; }));
  Bytes out{kVersion, kParameters, kCutoff};
  BitWriter writer(out);
  if (used == 0) {
    out[0] |= kEmpty;
  } else if (used * kWordBits < kHllRegisters * kHllRegisterBits) {
    out[0] |= kSparse;
    for (std::uint32_t i = 0; i < kHllRegisters; ++i)
      if (registers_[i] != 0) writer.add(i << kHllRegisterBits | registers_[i], kWordBits);
    writer.pad();
  } else {
    out[0] |= kFull;
    for (const auto rank : registers_) writer.add(rank, kHllRegisterBits);
  }
  return out;
}

std::optional<Hll> Hll::from_storage(ByteView stored) {
  if (stored.size() < kHeaderOctets || (stored[0] & 0xf0) != kVersion || stored[1] != kParameters)
    return std::nullopt;
  const auto kind = stored[0] & 0x0f;
  const auto words = stored.subspan(kHeaderOctets);
  Hll out;
  BitReader reader(words);
  if (kind == kEmpty && words.empty()) return out;
  if (kind == kFull && words.size() == kFullOctets) {
    for (auto& rank : out.registers_)
      rank = static_cast<std::uint8_t>(reader.take(kHllRegisterBits).value_or(0));
    return out;
  }
  if (kind != kSparse || words.size() > kHllRegisters * kWordBits / 8) return std::nullopt;
  while (const auto word = reader.take(kWordBits))
    out.add({*word >> kHllRegisterBits, static_cast<std::uint8_t>(*word & 31U)});
  return out;
}

void HllCells::clear(std::size_t sketch) noexcept {
  for (std::size_t i = 0; i < kHllRegisters; ++i)
    ranks_.store(sketch * kHllRegisters + i, 0, std::memory_order_release);
}

void HllCells::merge_into(Hll& out, std::size_t sketch) const {
  for (std::uint32_t i = 0; i < kHllRegisters; ++i)
    out.add({i, ranks_.load(sketch * kHllRegisters + i, std::memory_order_acquire)});
}

}  // namespace onoma::serve
