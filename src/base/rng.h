// Randomness as something passed in. SystemRng asks the kernel and is thread-safe; SeededRng is for tests.
#pragma once

#include <cstdint>
#include <random>

#include "base/bytes.h"

namespace onoma {

class Rng {
 public:
  virtual ~Rng() = default;
  virtual void fill(MutableBytes out) = 0;
  std::uint64_t u64();
};

class SystemRng final : public Rng {
 public:
  void fill(MutableBytes out) override;
};

class SeededRng final : public Rng {
 public:
  explicit SeededRng(std::uint64_t seed) : engine_(seed) {}
  void fill(MutableBytes out) override;

 private:
  std::mt19937_64 engine_;
};

}  // namespace onoma
