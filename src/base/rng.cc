#include "base/rng.h"

#include <array>
#include <cerrno>

#include <sys/random.h>

#include "base/check.h"

namespace onoma {

std::uint64_t Rng::u64() {
  std::array<std::uint8_t, 8> octets{};
  fill(octets);
  return load_u64(octets.data());
}

void SystemRng::fill(MutableBytes out) {
  while (!out.empty()) {
    const auto got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    CHECK(got > 0);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

void SeededRng::fill(MutableBytes out) {
  for (auto& octet : out) octet = static_cast<std::uint8_t>(engine_());
}

}  // namespace onoma
