// KeyPolicy: which keys a zone has and when they are replaced, in an operator's words. A plain value.
// How signatures are made is SigningPolicy (sign/policy.h); what follows from both is sign/key_states.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "crypto/verify.h"
#include "sign/keys.h"
#include "sign/policy.h"

namespace onoma::sign {

struct KeyPolicy {
  KeyLayout layout = KeyLayout::ksk_and_zsk;
  crypto::Algorithm algorithm =
      crypto::Algorithm::ecdsa_p256;  // of the first keys; later ones follow the roll

  // How long a key is in use; 0: until somebody asks for a roll. `ksk_lifetime` is a CSK's too.
  std::chrono::seconds ksk_lifetime{0};
  std::chrono::seconds zsk_lifetime{0};

  std::chrono::seconds propagation = std::chrono::hours{1};  // until the slowest secondary serves a version
  std::chrono::seconds safety = std::chrono::hours{1};       // on top of every wait
  std::chrono::seconds max_ttl = std::chrono::days{1};       // at least; a larger TTL in the zone counts
  std::chrono::seconds parent_propagation = std::chrono::hours{1};
  std::chrono::seconds parent_ds_ttl = std::chrono::days{1};

  bool standby_ksk = false;  // a further key in the DNSKEY set, for a roll that cannot wait
  bool standby_zsk = false;
  bool manual =
      false;  // no roll begins by itself; the steps of one that was begun are made when their time comes
};

// What is waited for, worked out of both policies.
struct KeyWaits {
  std::chrono::seconds publish{};  // until every cache has a DNSKEY set
  std::chrono::seconds zone{};     // until no cache has an older signature
  std::chrono::seconds parent{};   // until no cache has an older DS
  std::chrono::seconds resign{};   // until the zone's signatures have followed a change of keys
};
// `max_ttl_s`: the largest TTL of a signed set in the zone.
KeyWaits waits_of(const KeyPolicy& keys, const SigningPolicy& signing, std::uint32_t max_ttl_s);

// Error: policy_refused, with the word's name as the field.
Result<void> check(const KeyPolicy& keys, const SigningPolicy& signing);

// Sets one word of the policy, written as in the settings file: "zsk-lifetime" to "90d". Errors:
// unknown_field, bad_syntax.
Result<void> set_word(KeyPolicy& keys, SigningPolicy& signing, std::string_view word, std::string_view value);
struct PolicyWord {
  std::string_view word, meaning;
};
std::span<const PolicyWord> policy_words();

// "90d", "36h", "1d12h", "never" (0). Error: bad_syntax.
Result<std::chrono::seconds> parse_period(std::string_view text);
std::string period_text(std::chrono::seconds period);
// IANA's mnemonic in any case, a common name ("ed25519", "p256", "sm2") or the number; of those that sign.
Result<crypto::Algorithm> parse_algorithm(std::string_view text);
std::string algorithm_text(std::uint8_t number);       // the mnemonic, or the number
Result<DsDigest> parse_digest(std::string_view text);  // "sha256", "sha384", "sm3"
std::string_view digest_text(DsDigest digest);

}  // namespace onoma::sign
