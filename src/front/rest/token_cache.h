// TokenCache: remembers for a few seconds who holds a token, so that a busy client does not cost a look-up
// and a hash for every request. Only good tokens are remembered, under their digest; refusals never.
// Thread-safe.
#pragma once

#include <array>
#include <map>

#include "base/guarded.h"
#include "base/time.h"
#include "model/ports.h"

namespace onoma::front {

class TokenCache {
 public:
  TokenCache(model::Authenticator& authenticator, const Clock& clock, Duration keep = std::chrono::seconds{5})
      : authenticator_(authenticator), clock_(clock), keep_(keep) {}

  Result<model::Registrar> authenticate(std::string_view token);
  // A registrar changed: nothing is known any more.
  void forget();

 private:
  struct Entry {
    model::Registrar registrar;
    Duration until{};
  };
  using Key = std::array<std::uint8_t, 32>;
  struct State {
    std::map<Key, Entry> entries;
    std::uint64_t generation =
        0;  // raised by forget(), so that a look-up begun before is not remembered after
  };

  model::Authenticator& authenticator_;
  const Clock& clock_;
  Duration keep_;
  Guarded<State> state_;
};

}  // namespace onoma::front
