#include "base/id.h"

#include <algorithm>

#include "base/encoding.h"

namespace onoma {

Id128 Id128::make(Time now, Rng& rng) {
  Id128 id;
  rng.fill(id.octets);
  const auto ms = static_cast<std::uint64_t>(now.time_since_epoch().count() / 1000);
  for (unsigned i = 0; i < 6; ++i) id.octets[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  return id;
}

std::optional<Id128> Id128::parse(std::string_view text) {
  auto octets = from_hex(text);
  if (!octets || octets->size() != 16) return std::nullopt;
  Id128 id;
  std::ranges::copy(*octets, id.octets.begin());
  return id;
}

std::string Id128::text() const {
  return hex(octets);
}

}  // namespace onoma
