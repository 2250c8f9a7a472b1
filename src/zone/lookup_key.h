// LookupKey: a query name prepared for look-ups, and the keyed hash of names that images are indexed by.
// Values in place, no allocation; usable from any thread.
//
// The hash of a name is chained from the zone's apex towards the name, one step a label, so that the hashes
// of all names between the two fall out of one pass. It is keyed by the image's seed: who registers names
// cannot choose where they fall. The function is written down in docs/formats/image.md, images depend on it.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "wire/name.h"

namespace onoma::zone {

struct LookupKey {
  static constexpr std::size_t kHashed = 8;  // levels below the apex that prepare() hashes ahead

  std::array<std::uint8_t, wire::kMaxSortKeyOctets + 8> octets;  // the sort key
  std::uint16_t size = 0;
  std::uint8_t labels = 0;
  std::array<std::uint16_t, 129> ends;  // where the sort key of the ancestor with i labels ends; ends[0] is 0
  // Filled by Snapshot::prepare(), good for that snapshot only.
  std::array<std::uint64_t, kHashed> hashes;
  std::uint8_t hashed = 0;

  std::string_view view() const { return {reinterpret_cast<const char*>(octets.data()), size}; }
  std::string_view ancestor(std::size_t with_labels) const { return view().substr(0, ends[with_labels]); }
  // The last label of the ancestor with `with_labels` labels, in the form of sort keys, without its end mark.
  std::string_view label(std::size_t with_labels) const {
    return view().substr(ends[with_labels - 1], ends[with_labels] - ends[with_labels - 1] - 1U);
  }
  static void make(wire::NameView name, LookupKey& out);
  // REQUIRES: a sort key.
  static void from_sort_key(std::string_view key, LookupKey& out);
};

// Eight octets of ASCII at once, in lower case; others stay.
inline std::uint64_t lower_eight(std::uint64_t octets) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U, kTops = 0x8080808080808080U;
  const auto low = octets & ~kTops;
  const auto from_a = low + (0x80 - 'A') * kOnes, behind_z = low + (0x7f - 'Z') * kOnes;
  return octets | (((from_a ^ behind_z) & ~octets & kTops) >> 2);
}

// What this process keys its hashes with (ImageSettings::seed).
std::uint64_t hash_seed();

__extension__ using Product = unsigned __int128;

// One step of the chain: `label` as LookupKey::label() gives it.
inline std::uint64_t hash_step(std::uint64_t hash, std::string_view label) {
  const auto mix = [](std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<Product>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U, kOther = 0xd6e8feb86659fd93U;
  const auto* at = label.data();
  auto left = label.size();
  hash ^= kOdd * (left + 1);
  for (; left > 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    hash = mix(hash ^ word, kOther);
  }
  std::uint64_t word = 0;
  if (left >= 4) {
    std::uint32_t first, last;
    std::memcpy(&first, at, 4);
    std::memcpy(&last, at + left - 4, 4);
    word = std::uint64_t{first} << 32 | last;
  } else {
    for (std::size_t i = 0; i < left; ++i) word = word << 8 | static_cast<std::uint8_t>(at[i]);
  }
  return mix(hash ^ word, kOther) ^ hash;
}

}  // namespace onoma::zone
