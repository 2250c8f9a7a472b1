// What the tests of the limiter share: a limiter whose time is moved by hand, and its questions.
#pragma once

#include <string>

#include "base/rng.h"
#include "serve/limiter.h"

namespace onoma::serve::test {

inline Bytes v4(unsigned a, unsigned b, unsigned c, unsigned d) {
  Bytes out;
  for (const auto octet : {a, b, c, d}) out.push_back(static_cast<std::uint8_t>(octet));
  return out;
}
inline Bytes v6(std::uint64_t network, std::uint64_t host) {
  Bytes out(16);
  for (unsigned i = 0; i < 8; ++i) {
    out[i] = static_cast<std::uint8_t>(network >> (56 - 8 * i));
    out[8 + i] = static_cast<std::uint8_t>(host >> (56 - 8 * i));
  }
  return out;
}

// Only one class of answers limited, floods not looked for, all withheld answers dropped.
inline LimitOptions only(ResponseClass what, std::uint32_t per_s) {
  LimitOptions options;
  options.mode = LimitMode::on;
  options.per_s = {};
  options.per_s[static_cast<std::size_t>(what)] = per_s;
  options.slip = options.flood_slip = 0;
  options.flood_names_per_s = options.shed_per_s = 0;
  return options;
}

struct Bench {
  explicit Bench(const LimitOptions& options, std::uint64_t seed = 1) : rng(seed), limiter(options, rng) {
    move(10);
  }

  void move(double seconds) {
    now += Duration(static_cast<std::int64_t>(seconds * 1e6));
    limiter.tick(now);
  }
  LimitAction ask(const Bytes& peer, ResponseClass what, std::string_view name,
                  std::string_view encloser = "zone") {
    return limiter.judge(
        {.peer = peer, .what = what, .name = as_bytes(name), .encloser = as_bytes(encloser)});
  }
  bool passes(const Bytes& peer, ResponseClass what, std::string_view name,
              std::string_view encloser = "zone") {
    return ask(peer, what, name, encloser) == LimitAction::pass;
  }
  // Asks at `per_s` for so long; how many passed.
  std::size_t flow(const Bytes& peer, ResponseClass what, std::string_view name, double per_s,
                   double seconds) {
    std::size_t passed = 0;
    const auto n = static_cast<std::size_t>(per_s * seconds);
    for (std::size_t i = 0; i < n; ++i) {
      move(1 / per_s);
      passed += passes(peer, what, name) ? 1 : 0;
    }
    return passed;
  }

  SeededRng rng;
  Limiter limiter;
  Duration now{0};
};

}  // namespace onoma::serve::test
