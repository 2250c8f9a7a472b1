// The keys of a zone: KeySet, its DNSKEY, CDS, CDNSKEY and DS records, and who signs what.
// Plain values; a KeySet may be copied and read from any number of threads, a change makes a new one.
// Where they are kept: sign/key_store.h.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "crypto/mac.h"
#include "crypto/sign.h"
#include "sign/policy.h"
#include "wire/dnssec.h"
#include "wire/rrset.h"

namespace onoma::sign {

// The private half of a key: makes the signature field of an RRSIG. Called from many threads at once.
class RawSigner {
 public:
  virtual ~RawSigner() = default;
  virtual Result<Bytes> sign(ByteView message) const = 0;
};

// KSK: signs DNSKEY, CDS and CDNSKEY. ZSK: signs everything else. CSK: does both.
enum class Role : std::uint8_t { ksk, zsk, csk };

// The life of a key (RFC 7583 §3), one type a state, each with the time it was entered.
namespace key_state {
struct Generated {
  Time since{};
};  // on disk only
struct Published {
  Time since{};
};  // in the DNSKEY set, signs nothing yet
struct Ready {
  Time since{};
};  // a KSK or CSK that every cache has: signs, and its DS may go to the parent
struct Active {
  Time since{};
};  // signs
struct Retired {
  Time since{};
};  // in the DNSKEY set for caches that hold its signatures, signs nothing
struct Removed {
  Time since{};
};  // in no record any more
}  // namespace key_state
using KeyState = std::variant<key_state::Generated, key_state::Published, key_state::Ready, key_state::Active,
                              key_state::Retired, key_state::Removed>;
std::string_view state_name(const KeyState& state);
Time state_since(const KeyState& state);
std::optional<KeyState> make_state(std::string_view name, Time since);

struct Key {
  Role role = Role::csk;
  wire::Dnskey record;  // flags without REVOKE
  KeyState state = key_state::Generated{};
  std::shared_ptr<const RawSigner> signer;
  std::optional<crypto::PrivateKey> secret;  // what the key store writes; absent for keys kept elsewhere

  std::uint16_t tag() const { return wire::key_tag(record.rdata()); }
  std::uint16_t revoked_tag() const;  // of the form with the REVOKE flag (RFC 5011 §7)
  bool is_published() const;          // is in the DNSKEY set
  bool is_signing() const;
  bool wants_ds() const;  // the parent should have its DS
  bool signs_keys() const { return role != Role::zsk; }
  bool signs_zone() const { return role != Role::ksk; }
};

Key key_from_secret(Role role, crypto::PrivateKey secret, KeyState state);
Result<Key> generate_key(Role role, crypto::Algorithm algorithm, KeyState state);

class KeySet {
 public:
  // `spread` keys the hash that spreads expirations over time; it should stay the same for the life of the
  // zone.
  KeySet(wire::Name zone, crypto::SipKey spread);

  // Fails with Code::exists when a tag of the key, plain or revoked, is a tag of a key that is here:
  // validators would have to try both. Make another one.
  Result<void> add(Key key);
  // New keys until one has a tag of its own.
  Result<void> add_generated(Role role, crypto::Algorithm algorithm, KeyState state);
  // REQUIRES: a key with this tag.
  void set_state(std::uint16_t tag, KeyState state);

  const wire::Name& zone() const { return zone_; }
  const crypto::SipKey& spread() const { return spread_; }
  std::span<const Key> keys() const { return keys_; }

  // Can a zone be signed so that it validates: for every algorithm in the DNSKEY set, somebody signs the keys
  // and somebody the zone (RFC 4035 §2.2)? Error: unavailable.
  Result<void> check() const;

  wire::RRset dnskey_set(std::uint32_t ttl_s) const;
  wire::RRset cds_set(std::uint32_t ttl_s) const;  // digest type 2; no data when no key wants a DS
  wire::RRset cdnskey_set(std::uint32_t ttl_s) const;
  wire::RRset ds_set(std::uint32_t ttl_s) const;  // for the parent, digest type 2

 private:
  wire::Name zone_;
  crypto::SipKey spread_;
  std::vector<Key> keys_;
};

// One CSK, or a KSK and a ZSK, active from `now`.
enum class KeyLayout : std::uint8_t { csk, ksk_and_zsk };
Result<KeySet> generate_keys(wire::Name zone, KeyLayout layout, crypto::Algorithm algorithm, Time now,
                             Rng& rng);

// DS record data with digest type 2 (RFC 4034 §5.1.4, RFC 4509).
Bytes ds_rdata(wire::NameView owner, const wire::Dnskey& key);

}  // namespace onoma::sign
