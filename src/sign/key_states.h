// What happens to a zone's keys, and when (RFC 7583, RFC 6781 §4.1): pure functions of the keys' states with
// their times and of the policy. No clock, no files: whoever calls compares times with a clock of its choice.
//
//   ZSK roll   pre-publication: published → (every cache has it) → active, the old one retired → (its
//              signatures are out of the zone and of every cache) → removed.
//   KSK, CSK   double-KSK: published, signing the DNSKEY set → (every cache has it) → ready, the old one
//   retired:
//              CDS names the new one → (somebody says that the parent shows the DS) → active → (no cache has
//              the old DS) → the old one removed.
//   algorithm  conservative: pre-active, all is signed with both → (no cache has a single signature) → the
//   new keys
//              in the DNSKEY set → (every cache has it) → ready → DS → active → (no cache has the old DS) →
//              the old keys post-active, out of the DNSKEY set → (no cache has that set) → removed, and then
//              their signatures.
//
// Waits count from `settled`: since when the served version shows all that a state means. A state that no
// version shows yet waits without end, and so does a KSK whose DS nobody has seen.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "sign/key_policy.h"
#include "sign/keys.h"

namespace onoma::sign {

struct KeyFacts {
  std::uint16_t tag = 0;
  std::uint8_t algorithm = 0;
  Role role = Role::csk;
  KeyState state;
  std::optional<Time> settled;
  bool standby = false;
};
std::vector<KeyFacts> facts_of(const KeySet& keys);

struct KeyMove {
  std::uint16_t tag = 0;
  KeyState to;  // with no time of its own
};
struct KeyMake {
  Role role = Role::csk;
  std::uint8_t algorithm = 0;
  KeyState state;  // with no time of its own
  bool standby = false;
};
// Everything in a step happens in one version.
struct KeyStep {
  Time at{};                            // not before
  std::vector<KeyMake> makes;           // new keys
  std::vector<std::uint16_t> promotes;  // stand-by keys that are to be used
  std::vector<KeyMove> moves;
  std::vector<std::uint16_t> about;  // keys that are there and that it concerns
  std::string what, why;             // for people
};
struct KeyOutlook {
  std::vector<KeyStep> steps;  // those whose time is known, earliest first
  // What keys wait for that is in no step.
  std::map<std::uint16_t, std::string> waiting;
};

// The algorithm that a zone's keys have or are on the way to.
std::uint8_t current_algorithm(std::span<const KeyFacts> keys);

KeyOutlook outlook(std::span<const KeyFacts> keys, const KeyPolicy& policy, const KeyWaits& waits);

// The first step of a roll that somebody asks for: of one role, or of all to another algorithm. Errors:
// status_prohibits (a roll is on its way), bad_request.
Result<KeyStep> begin_roll(std::span<const KeyFacts> keys, Role role);
Result<KeyStep> begin_algorithm_roll(std::span<const KeyFacts> keys, const KeyPolicy& policy,
                                     crypto::Algorithm algorithm);
// The parent's servers all show the DS of this key. Errors: not_found, status_prohibits.
Result<KeyStep> ds_seen(std::span<const KeyFacts> keys, std::uint16_t tag);

// May a key in its state be called settled, when the version that is served has the DNSKEY, CDS and CDNSKEY
// sets that the keys ask for? `renewal`: the earliest of its sets' renewals.
bool settles(const KeyFacts& key, const KeyWaits& waits, std::optional<Time> renewal);

}  // namespace onoma::sign
