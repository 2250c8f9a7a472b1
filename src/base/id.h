// Id128: the identity of an event or a request, 128 bits, shown as 32 lower-case hex digits. The first 48
// bits are milliseconds of Unix time, so that ids made later sort later; the rest is random. A plain value.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "base/time.h"

namespace onoma {

struct Id128 {
  std::array<std::uint8_t, 16> octets{};

  static Id128 make(Time now, Rng& rng);
  static std::optional<Id128> parse(std::string_view text);
  std::string text() const;
  auto operator<=>(const Id128&) const = default;
};

}  // namespace onoma
