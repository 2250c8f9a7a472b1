#include "zone/lookup_key.h"

#include <algorithm>

namespace onoma::zone {

namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101U;

// Has one of the octets the value 00 or 01? `ones` has as many octets as `octets`.
template <class Word>
bool needs_escape(Word octets, Word ones) {
  const auto high = static_cast<Word>(octets & ~ones);
  return ((high - ones) & ~high & (ones << 7)) != 0;
}

std::size_t put_octets(const std::uint8_t* label, std::size_t octets, std::uint8_t* out) {
  std::size_t size = 0;
  for (std::size_t at = 0; at < octets; ++at) {
    const auto c = label[at];
    if (c <= 1) [[unlikely]] {
      out[size++] = 1;
      out[size++] = static_cast<std::uint8_t>(c + 1);
    } else {
      out[size++] = wire::ascii_lower(c);
    }
  }
  return size;
}

// In lower case, 00 and 01 escaped; returns the octets written. From four octets on the last ones are written
// together, some of them twice.
std::size_t put_label(const std::uint8_t* label, std::size_t octets, std::uint8_t* out) {
  const auto put_eight = [&](std::size_t at) {
    std::uint64_t eight;
    std::memcpy(&eight, label + at, 8);
    const bool plain = !needs_escape(eight, kOnes);
    eight = lower_eight(eight);
    std::memcpy(out + at, &eight, 8);
    return plain;
  };
  const auto put_four = [&](std::size_t at) {
    std::uint32_t four;
    std::memcpy(&four, label + at, 4);
    const bool plain = !needs_escape(four, static_cast<std::uint32_t>(kOnes));
    four = static_cast<std::uint32_t>(lower_eight(four));
    std::memcpy(out + at, &four, 4);
    return plain;
  };
  bool plain = octets >= 4;
  if (octets >= 8) {
    for (std::size_t at = 0; plain && at + 8 < octets; at += 8) plain = put_eight(at);
    plain = plain && put_eight(octets - 8);
  } else if (plain) {
    plain = put_four(0) && put_four(octets - 4);
  }
  return plain ? octets : put_octets(label, octets, out);
}

}  // namespace

void LookupKey::make(wire::NameView name, LookupKey& out) {
  const auto wire = name.wire();
  std::array<std::uint8_t, 128> starts;
  std::size_t count = 0;
  for (std::size_t at = 0; wire[at] != 0; at += 1U + wire[at])
    starts[count++] = static_cast<std::uint8_t>(at);
  out.labels = static_cast<std::uint8_t>(count);
  out.ends[0] = 0;
  out.hashed = 0;
  std::size_t size = 0;
  for (std::size_t level = 1; count > 0; ++level) {
    const auto* label = &wire[starts[--count]];
    const std::size_t octets = *label++;
    size += put_label(label, octets, &out.octets[size]);
    out.octets[size++] = 0;
    out.ends[level] = static_cast<std::uint16_t>(size);
  }
  out.size = static_cast<std::uint16_t>(size);
}

void LookupKey::from_sort_key(std::string_view key, LookupKey& out) {
  if (!key.empty()) std::memcpy(out.octets.data(), key.data(), key.size());
  out.size = static_cast<std::uint16_t>(key.size());
  out.labels = 0;
  out.ends[0] = 0;
  out.hashed = 0;
  for (std::size_t at = 0; at < key.size(); ++at)
    if (key[at] == '\0') out.ends[++out.labels] = static_cast<std::uint16_t>(at + 1);
}

}  // namespace onoma::zone
