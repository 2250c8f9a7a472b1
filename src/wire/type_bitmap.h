// Type bit maps (RFC 4034 §4.1.2) as octets. Internal to wire; wire/dnssec.h has the public calls.
#pragma once

#include <span>

#include "base/bytes.h"
#include "wire/types.h"

namespace onoma::wire::detail {

// Windows ascending, 1–32 octets each, no zero octet at a window's end. An empty map is valid.
inline bool bitmap_valid(ByteView map) {
  int last_window = -1;
  while (!map.empty()) {
    if (map.size() < 2) return false;
    const std::size_t size = map[1];
    if (map[0] <= last_window || size == 0 || size > 32 || map.size() < 2 + size || map[1 + size] == 0)
      return false;
    last_window = map[0];
    map = map.subspan(2 + size);
  }
  return true;
}

// Calls `visit(RRType)` for each type of a valid map, ascending.
template <class Visit>
void for_each_type(ByteView map, Visit&& visit) {
  while (!map.empty()) {
    const unsigned window = map[0];
    const std::size_t size = map[1];
    for (std::size_t i = 0; i < size; ++i)
      for (unsigned bit = 0; bit < 8; ++bit)
        if ((map[2 + i] & (0x80U >> bit)) != 0)
          visit(RRType{static_cast<std::uint16_t>(window << 8 | i << 3 | bit)});
    map = map.subspan(2 + size);
  }
}

// Appends the map of `types`, which are ascending and unique.
inline void append_bitmap(Bytes& out, std::span<const RRType> types) {
  for (std::size_t i = 0; i < types.size();) {
    const auto window = static_cast<std::uint8_t>(number(types[i]) >> 8);
    const std::size_t start = out.size();
    out.push_back(window);
    out.push_back(0);
    for (; i < types.size() && number(types[i]) >> 8 == window; ++i) {
      const std::size_t low = number(types[i]) & 0xFFU;
      if (out.size() < start + 3 + low / 8) out.resize(start + 3 + low / 8, 0);
      out[start + 2 + low / 8] |= static_cast<std::uint8_t>(0x80U >> low % 8);
    }
    out[start + 1] = static_cast<std::uint8_t>(out.size() - start - 2);
  }
}

}  // namespace onoma::wire::detail
