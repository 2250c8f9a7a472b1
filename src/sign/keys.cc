#include "sign/keys.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/check.h"
#include "crypto/digest.h"

namespace onoma::sign {

namespace {

constexpr std::uint16_t kZoneKeyFlag = 0x0100;
constexpr std::uint16_t kSepFlag = 0x0001;
constexpr std::uint16_t kRevokeFlag = 0x0080;
constexpr std::uint8_t kDigestSha256 = 2;

class SecretSigner final : public RawSigner {
 public:
  explicit SecretSigner(crypto::PrivateKey key) : key_(std::move(key)) {}
  Result<Bytes> sign(ByteView message) const override { return key_.sign(message); }

 private:
  crypto::PrivateKey key_;
};

template <class T>
bool is(const KeyState& state) {
  return std::holds_alternative<T>(state);
}

}  // namespace

std::string_view state_name(const KeyState& state) {
  static constexpr std::string_view kNames[] = {"generated", "published", "ready",
                                                "active",    "retired",   "removed"};
  static_assert(std::size(kNames) == std::variant_size_v<KeyState>);
  return kNames[state.index()];
}

Time state_since(const KeyState& state) {
  return std::visit([](const auto& s) { return s.since; }, state);
}

std::optional<KeyState> make_state(std::string_view name, Time since) {
  const KeyState all[] = {key_state::Generated{since}, key_state::Published{since},
                          key_state::Ready{since},     key_state::Active{since},
                          key_state::Retired{since},   key_state::Removed{since}};
  for (const auto& state : all)
    if (state_name(state) == name) return state;
  return std::nullopt;
}

std::uint16_t Key::revoked_tag() const {
  auto revoked = record;
  revoked.flags = static_cast<std::uint16_t>(revoked.flags | kRevokeFlag);
  return wire::key_tag(revoked.rdata());
}

bool Key::is_published() const {
  return !is<key_state::Generated>(state) && !is<key_state::Removed>(state);
}

bool Key::is_signing() const {
  return is<key_state::Active>(state) || is<key_state::Ready>(state);
}

bool Key::wants_ds() const {
  return signs_keys() && is_signing();
}

Key key_from_secret(Role role, crypto::PrivateKey secret, KeyState state) {
  Key key;
  key.role = role;
  key.record.flags = role == Role::zsk ? kZoneKeyFlag : static_cast<std::uint16_t>(kZoneKeyFlag | kSepFlag);
  key.record.protocol = 3;
  key.record.algorithm = static_cast<std::uint8_t>(secret.algorithm());
  key.record.public_key = secret.public_key_field();
  key.state = state;
  key.signer = std::make_shared<SecretSigner>(secret);
  key.secret = std::move(secret);
  return key;
}

Result<Key> generate_key(Role role, crypto::Algorithm algorithm, KeyState state) {
  ONOMA_TRY(auto secret, crypto::PrivateKey::generate(algorithm));
  return key_from_secret(role, std::move(secret), state);
}

KeySet::KeySet(wire::Name zone, crypto::SipKey spread) : zone_(zone.lower()), spread_(spread) {}

Result<void> KeySet::add(Key key) {
  CHECK(key.signer != nullptr);
  for (const auto& other : keys_) {
    for (auto tag : {key.tag(), key.revoked_tag()}) {
      if (tag == other.tag() || tag == other.revoked_tag())
        return fail(Code::exists,
                    fmt::format("the zone {} has a key with the tag {} already; generate another key",
                                zone_.text(), tag));
    }
  }
  keys_.push_back(std::move(key));
  return {};
}

Result<void> KeySet::add_generated(Role role, crypto::Algorithm algorithm, KeyState state) {
  constexpr int kTries = 100;  // one would do in 99.99 % of cases
  for (int i = 0; i < kTries; ++i) {
    ONOMA_TRY(auto key, generate_key(role, algorithm, state));
    auto added = add(std::move(key));
    if (added || added.error().code != Code::exists) return added;
  }
  return fail(Code::internal, fmt::format("no key with a free tag in {} tries", kTries));
}

void KeySet::set_state(std::uint16_t tag, KeyState state) {
  auto found = std::ranges::find(keys_, tag, &Key::tag);
  CHECK(found != keys_.end());
  found->state = state;
}

Result<void> KeySet::check() const {
  std::set<std::uint8_t> published, sign_keys, sign_zone;
  for (const auto& key : keys_) {
    const auto algorithm = key.record.algorithm;
    if (key.is_published()) published.insert(algorithm);
    if (key.is_signing() && key.signs_keys()) sign_keys.insert(algorithm);
    if (key.is_signing() && key.signs_zone()) sign_zone.insert(algorithm);
  }
  if (published.empty())
    return fail(Code::unavailable,
                fmt::format("the zone {} has no key that is published; generate one", zone_.text()));
  for (auto algorithm : published) {
    if (!sign_keys.contains(algorithm) || !sign_zone.contains(algorithm))
      return fail(
          Code::unavailable,
          fmt::format("the zone {} has a published key of algorithm {} but no active {} of it", zone_.text(),
                      algorithm, sign_keys.contains(algorithm) ? "ZSK or CSK" : "KSK or CSK"));
  }
  return {};
}

wire::RRset KeySet::dnskey_set(std::uint32_t ttl_s) const {
  wire::RRset set{zone_, wire::RRType::DNSKEY, ttl_s, {}, {}};
  for (const auto& key : keys_)
    if (key.is_published()) set.rdatas.push_back(key.record.rdata());
  set.normalise();
  return set;
}

wire::RRset KeySet::ds_set(std::uint32_t ttl_s) const {
  wire::RRset set{zone_, wire::RRType::DS, ttl_s, {}, {}};
  for (const auto& key : keys_)
    if (key.wants_ds()) set.rdatas.push_back(ds_rdata(zone_, key.record));
  set.normalise();
  return set;
}

wire::RRset KeySet::cds_set(std::uint32_t ttl_s) const {
  auto set = ds_set(ttl_s);
  set.type = wire::RRType::CDS;
  return set;
}

wire::RRset KeySet::cdnskey_set(std::uint32_t ttl_s) const {
  wire::RRset set{zone_, wire::RRType::CDNSKEY, ttl_s, {}, {}};
  for (const auto& key : keys_)
    if (key.wants_ds()) set.rdatas.push_back(key.record.rdata());
  set.normalise();
  return set;
}

Result<KeySet> generate_keys(wire::Name zone, KeyLayout layout, crypto::Algorithm algorithm, Time now,
                             Rng& rng) {
  crypto::SipKey spread{};
  rng.fill(spread);
  KeySet keys(std::move(zone), spread);
  const key_state::Active active{now};
  if (layout == KeyLayout::csk) {
    ONOMA_TRY_VOID(keys.add_generated(Role::csk, algorithm, active));
  } else {
    ONOMA_TRY_VOID(keys.add_generated(Role::ksk, algorithm, active));
    ONOMA_TRY_VOID(keys.add_generated(Role::zsk, algorithm, active));
  }
  return keys;
}

Bytes ds_rdata(wire::NameView owner, const wire::Dnskey& key) {
  const auto rdata = key.rdata();
  const auto name = wire::Name(owner).lower();
  crypto::Sha256Stream hash;
  hash.update(name.wire());
  hash.update(rdata);
  Bytes out;
  ByteWriter writer(out);
  writer.u16(wire::key_tag(rdata));
  writer.u8(key.algorithm);
  writer.u8(kDigestSha256);
  writer.bytes(hash.finish());
  return out;
}

}  // namespace onoma::sign
