#include "zone/lookup_key.h"

#include <algorithm>

namespace onoma::zone {

namespace {

// In lower case, 00 and 01 escaped; returns the size behind it.
std::size_t put_label(const std::uint8_t* label, std::size_t octets, std::uint8_t* out, std::size_t size) {
  std::size_t at = 0;
  for (; at + 8 <= octets; at += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, label + at, 8);
    constexpr std::uint64_t kOnes = 0x0101010101010101U;
    const auto high = eight & ~kOnes;  // zero octets where there was 00 or 01
    if (((high - kOnes) & ~high & (kOnes << 7)) != 0) [[unlikely]]
      break;
    eight = lower_eight(eight);
    std::memcpy(out + size, &eight, 8);
    size += 8;
  }
  for (; at < octets; ++at) {
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
    size = put_label(label, octets, out.octets.data(), size);
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
