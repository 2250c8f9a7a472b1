// KeyManager: the keys of one zone over the years. It holds the key set, its directory and its policy, makes
// the steps of sign/key_states.h when their time comes, and takes an operator's wishes.
//
// Any thread: the zone's queue (through the signer) and whoever serves operators. A change is durable before
// anybody can see it; a call that fails changes nothing. After an operator's change the zone's queue must be
// run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/guarded.h"
#include "base/rng.h"
#include "base/time.h"
#include "os/file_system.h"
#include "sign/key_policy.h"
#include "sign/key_states.h"
#include "sign/keys.h"
#include "sign/policy.h"

namespace onoma::sign {

// Makes the private keys. For tests, which need them faster than RSA allows.
using KeyMaker = std::function<Result<Key>(Role role, std::uint8_t algorithm, KeyState state)>;

struct KeyManagerOptions {
  std::string directory;
  wire::Name zone;
  KeyPolicy keys;
  SigningPolicy signing;  // for its times
  KeyMaker make;          // null: generate_key()
};

// A key as an operator sees it.
struct KeyStatus {
  std::uint16_t tag = 0;
  std::uint8_t algorithm = 0;
  Role role = Role::csk;
  std::string state;
  Time since{};
  std::optional<Time> settled;
  bool standby = false;
  KeyUse use;
  std::string doing;            // "signs the zone"
  std::string next;             // what happens next; empty: nothing is planned
  std::optional<Time> next_at;  // absent: when something happens that has no time, `why` says what
  std::string why;
};
struct KeyReport {
  wire::Name zone;
  std::uint8_t algorithm = 0;
  std::vector<KeyStatus> keys;  // with those that were removed lately
  std::vector<KeyStep> steps;   // planned, earliest first
  KeySet set;
};

class KeyManager {
 public:
  // Loads the keys, or makes them when the directory has none for the zone. `clock`, `rng` and `files` must
  // outlive it. Errors: policy_refused, and those of load_keys() and store_keys().
  static Result<std::shared_ptr<KeyManager>> open(KeyManagerOptions options, const Clock& clock, Rng& rng,
                                                  os::FileSystem& files = os::FileSystem::real());

  // Changes whenever keys() does.
  std::uint64_t generation() const;
  KeySet keys() const;
  Time now() const { return clock_.now(); }

  // What the zone's queue saw of the version that is served.
  struct Served {
    std::uint64_t generation = 0;  // of the keys that it was compared with
    bool apex_agrees = false;      // its DNSKEY, CDS and CDNSKEY sets are those that the keys ask for
    std::optional<Time> renewal;   // the earliest of its sets' renewals
    std::uint32_t max_ttl_s = 0;   // of its signed sets
  };
  // Notes what has settled and makes the steps that are due. True if that changed what the zone should hold.
  Result<bool> advance(const Served& served);
  // When the next step is due; nullopt: none has a time.
  std::optional<Time> next_step() const;

  // An operator's wishes. What they change is in the next version; errors as of begin_roll(),
  // begin_algorithm_roll() and ds_seen().
  Result<void> roll(Role role);
  Result<void> roll_algorithm(crypto::Algorithm algorithm);
  Result<void> ds_seen(std::uint16_t tag);
  KeyReport report() const;

 private:
  struct State {
    KeySet keys;
    std::uint64_t generation = 1;
    std::uint32_t max_ttl_s = 0;
  };
  KeyManager(KeyManagerOptions options, KeySet keys, const Clock& clock, os::FileSystem& files);
  KeyWaits waits(const State& state) const;
  Result<void> carry_out(State& state, const KeyStep& step, Time now) const;
  template <class Begin>
  Result<void> wish(const Begin& begin);

  const KeyManagerOptions options_;
  const Clock& clock_;
  os::FileSystem& files_;
  Guarded<State> state_;
};

KeyReport report_of(const KeySet& keys, KeyOutlook plan);

}  // namespace onoma::sign
