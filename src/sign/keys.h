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
std::string_view role_name(Role role);  // "ksk"
std::optional<Role> parse_role(std::string_view text);

// The life of a key (RFC 7583 §3), one type a state, each with the time it was entered. What a key in a state
// does depends on the other keys too: KeySet::use().
namespace key_state {
struct Generated {
  Time since{};
};  // on disk only
struct PreActive {
  Time since{};
};  // signs, but is not in the DNSKEY set yet: the first step to another algorithm (RFC 6781 §4.1.4)
struct Published {
  Time since{};
};  // in the DNSKEY set; a KSK or CSK also signs that set, so that it can take over as soon as caches have it
struct Ready {
  Time since{};
};  // a KSK or CSK that every cache has: its DS may go to the parent
struct Active {
  Time since{};
};  // in use
struct Retired {
  Time since{};
};  // replaced: in the DNSKEY set for caches that hold its signatures or its DS; a KSK or CSK still signs
    // that set
struct PostActive {
  Time since{};
};  // not in the DNSKEY set any more, still signs: for caches that hold that set (RFC 6781 §4.1.4)
struct Removed {
  Time since{};
};  // in no record any more
}  // namespace key_state
using KeyState =
    std::variant<key_state::Generated, key_state::PreActive, key_state::Published, key_state::Ready,
                 key_state::Active, key_state::Retired, key_state::PostActive, key_state::Removed>;
std::string_view state_name(const KeyState& state);
Time state_since(const KeyState& state);
std::optional<KeyState> make_state(std::string_view name, Time since);
// The same state, entered at another time.
KeyState entered(KeyState state, Time since);
template <class State>
bool is(const KeyState& state) {
  return std::holds_alternative<State>(state);
}

struct Key {
  Role role = Role::csk;
  wire::Dnskey record;  // flags without REVOKE
  KeyState state = key_state::Generated{};
  // Since when the version that was served showed all that the state means; waits count from here. Absent:
  // not yet.
  std::optional<Time> settled{};
  bool standby = false;  // published, and stays so until a roll needs it
  std::shared_ptr<const RawSigner> signer;
  std::optional<crypto::PrivateKey> secret;  // what the key store writes; absent for keys kept elsewhere

  std::uint16_t tag() const { return wire::key_tag(record.rdata()); }
  std::uint16_t revoked_tag() const;  // of the form with the REVOKE flag (RFC 5011 §7)
};

// What a key does in its state.
struct KeyUse {
  bool published = false;   // in the DNSKEY set
  bool signs_keys = false;  // the DNSKEY set
  bool signs_cds = false;   // CDS and CDNSKEY
  bool signs_zone = false;  // everything else
  bool wants_ds = false;    // the parent should have its DS
};

// A key that is gone. Its signatures may still be in the zone, to be taken out little by little.
struct FormerKey {
  std::uint16_t tag = 0;
  std::uint8_t algorithm = 0;
  Role role = Role::csk;
  Time removed{};
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
  // The key becomes a former one. REQUIRES: a key with this tag.
  void remove(std::uint16_t tag, Time at);
  void add_former(FormerKey key);  // keeps the newest 20
  // REQUIRES: a key with this tag.
  Key& at(std::uint16_t tag);

  const wire::Name& zone() const { return zone_; }
  const crypto::SipKey& spread() const { return spread_; }
  std::span<const Key> keys() const& { return keys_; }
  void keys() && = delete;  // would outlive the set
  std::span<const FormerKey> former() const { return former_; }
  KeyUse use(const Key& key) const;

  // Can a zone be signed so that it validates: for every algorithm in the DNSKEY set, somebody signs the keys
  // and somebody the zone (RFC 4035 §2.2)? Error: unavailable.
  Result<void> check() const;

  wire::RRset dnskey_set(std::uint32_t ttl_s) const;
  // No data when no key wants a DS.
  wire::RRset cds_set(std::uint32_t ttl_s, std::span<const DsDigest> digests = kUsualDigest) const;
  wire::RRset cdnskey_set(std::uint32_t ttl_s) const;
  wire::RRset ds_set(std::uint32_t ttl_s, std::span<const DsDigest> digests = kUsualDigest) const;
  // Is the parent to exchange one DS for another, or to take the first one?
  bool ds_is_changing() const;

 private:
  static constexpr DsDigest kUsualDigest[] = {DsDigest::sha256};

  wire::Name zone_;
  crypto::SipKey spread_;
  std::vector<Key> keys_;
  std::vector<FormerKey> former_;
};

// One CSK, or a KSK and a ZSK, signing from `now`; the DS may go to the parent at once.
enum class KeyLayout : std::uint8_t { csk, ksk_and_zsk };
Result<KeySet> generate_keys(wire::Name zone, KeyLayout layout, crypto::Algorithm algorithm, Time now,
                             Rng& rng);

// DS record data (RFC 4034 §5.1.4).
Bytes ds_rdata(wire::NameView owner, const wire::Dnskey& key, DsDigest digest = DsDigest::sha256);

}  // namespace onoma::sign
