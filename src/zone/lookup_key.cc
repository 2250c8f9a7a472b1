#include "zone/lookup_key.h"

#include <algorithm>

namespace onoma::zone {

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
    for (std::size_t i = 0; i < octets; ++i) {
      const auto c = label[i];
      if (c <= 1) [[unlikely]] {
        out.octets[size++] = 1;
        out.octets[size++] = static_cast<std::uint8_t>(c + 1);
      } else {
        out.octets[size++] = wire::ascii_lower(c);
      }
    }
    out.octets[size++] = 0;
    out.ends[level] = static_cast<std::uint16_t>(size);
  }
  out.size = static_cast<std::uint16_t>(size);
}

void LookupKey::from_sort_key(std::string_view key, LookupKey& out) {
  std::memcpy(out.octets.data(), key.data(), key.size());
  out.size = static_cast<std::uint16_t>(key.size());
  out.labels = 0;
  out.ends[0] = 0;
  out.hashed = 0;
  for (std::size_t at = 0; at < key.size(); ++at)
    if (key[at] == '\0') out.ends[++out.labels] = static_cast<std::uint16_t>(at + 1);
}

}  // namespace onoma::zone
