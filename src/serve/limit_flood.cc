#include "serve/limit_flood.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace onoma::serve {

// HyperLogLog (Flajolet and others, 2007) with linear counting for few values; hashes of 64 bits need no
// correction for many.
void DistinctSketch::add(std::uint64_t hash) {
  const auto index = hash >> (64 - kBits);
  const auto rank = static_cast<std::uint8_t>(std::min(32, std::countl_zero(hash << kBits | 1) + 1));
  auto& old = ranks_[index];
  if (rank <= old) return;
  sum_ -= std::uint64_t{1} << (32 - old);
  sum_ += std::uint64_t{1} << (32 - rank);
  if (old == 0) --zeros_;
  old = rank;
  compute();
}

void DistinctSketch::clear() {
  if (zeros_ == kRegisters) return;
  *this = {};
}

void DistinctSketch::compute() {
  constexpr double kCount = kRegisters;
  constexpr double kAlpha = 0.7213 / (1 + 1.079 / kCount);
  estimate_ = kAlpha * kCount * kCount / (static_cast<double>(sum_) / 4294967296.0);
  if (estimate_ <= 2.5 * kCount && zeros_ > 0) estimate_ = kCount * std::log(kCount / zeros_);
}

FloodFinder::FloodFinder(double names_per_window, std::size_t enclosers, std::size_t known_names)
    : limit_(std::max(names_per_window, 1.0)),
      gate_limit_(static_cast<std::uint32_t>(std::min(limit_ / 4, 1e9))),
      known_per_window_(static_cast<std::uint32_t>(std::min(limit_ * 4, 1e9))),
      peers_per_window_(known_per_window_),
      mask_(std::bit_ceil(std::max(enclosers, kWays)) - 1),
      known_mask_(std::bit_ceil(std::max<std::size_t>(known_names, 16)) - 1),
      keys_(new std::uint64_t[mask_ + 2]()),
      enclosers_(new Encloser[mask_ + 2]()),
      known_(new std::uint32_t[known_mask_ + 1]()) {}

Encloser* FloodFinder::watched(std::uint64_t encloser) {
  auto& gate = gates_[encloser % kGates];
  const bool many = gate >= gate_limit_;
  if (!many) ++gate;
  const auto key = encloser | 2;  // neither free nor the one for the rest
  if (watched_ > 0) {
    if (auto* entry = find(key); entry != nullptr) return entry;
  }
  return many ? &watch(key) : nullptr;
}

FloodFinder::Look FloodFinder::look(Encloser& encloser, std::uint64_t name, bool peer) {
  if (!peer) encloser.sketch.add(name);
  Look out;
  out.known = known(name);
  if (!encloser.flooded) {
    if (encloser.sketch.estimate() <= limit_ + allowance_) return out;
    encloser.flooded = true;
    encloser.calm = 0;
    encloser.withheld = 0;
    encloser.known_left = known_per_window_;
    encloser.peers_left = peers_per_window_;
    ++flooded_;
    out.began = true;
  }
  out.flooded = &encloser;
  auto& left = peer ? encloser.peers_left : encloser.known_left;
  out.known = (out.known || peer) && left > 0;
  if (out.known) --left;
  return out;
}

Encloser* FloodFinder::find(std::uint64_t key) {
  const auto first = (key >> 32) & mask_ & ~(kWays - 1);
  for (auto i = first; i < first + kWays; ++i)
    if (keys_[i] == key) return &enclosers_[i];
  return nullptr;
}

Encloser& FloodFinder::watch(std::uint64_t key) {
  const auto rest = mask_ + 1;
  const auto first = (key >> 32) & mask_ & ~(kWays - 1);
  auto place = rest;
  for (auto i = first; i < first + kWays; ++i) {
    const auto& other = enclosers_[i];
    // Whoever is busy or new stays: otherwise many in turn would push each other out before one is found.
    const bool quiet = !other.flooded && other.since != window_ && other.names < limit_ / 8 &&
                       other.sketch.estimate() < limit_ / 8;
    if (keys_[i] != 0 && !quiet) continue;
    place = i;
    if (keys_[i] == 0) break;
  }
  if (keys_[place] == 0) ++watched_;
  auto& encloser = enclosers_[place];
  if (place == rest) {
    keys_[rest] = 1;
    return encloser;
  }
  keys_[place] = key;
  encloser = {};
  encloser.since = window_;
  return encloser;
}

bool FloodFinder::known(std::uint64_t name) {
  auto& place = known_[name & known_mask_];
  const auto now = static_cast<std::uint32_t>(window_ & 0xFF);
  const auto print = static_cast<std::uint32_t>(name >> 41);
  const auto age = (now - place) & 0xFF;
  const bool was_known = (place >> 8 & 1) != 0;
  if (place >> 9 == print && place != 0) {
    if (age > 0) place = print << 9 | 1U << 8 | now;
    return was_known || age > 0;
  }
  if (age > (was_known ? kKnownWindows : 1) || place == 0) place = print << 9 | now;
  return false;
}

void FloodFinder::close(Encloser& encloser, std::uint64_t windows) {
  encloser.names = encloser.sketch.estimate();
  encloser.sketch.clear();
  encloser.known_left = known_per_window_;
  encloser.peers_left = peers_per_window_;
  // The windows that were passed over were empty.
  const auto calm_now = encloser.names < limit_ / 2 ? windows : windows - 1;
  if (calm_now < windows) encloser.calm = 0;
  encloser.calm = static_cast<std::uint8_t>(std::min<std::uint64_t>(encloser.calm + calm_now, kCalmWindows));
  if (!encloser.flooded || encloser.calm < kCalmWindows) return;
  encloser.flooded = false;
  --flooded_;
}

}  // namespace onoma::serve
