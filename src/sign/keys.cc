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
constexpr std::size_t kFormerKept = 20;

class SecretSigner final : public RawSigner {
 public:
  explicit SecretSigner(crypto::PrivateKey key) : key_(std::move(key)) {}
  Result<Bytes> sign(ByteView message) const override { return key_.sign(message); }

 private:
  crypto::PrivateKey key_;
};

}  // namespace

std::string_view role_name(Role role) {
  switch (role) {
    case Role::ksk:
      return "ksk";
    case Role::zsk:
      return "zsk";
    case Role::csk:
      break;
  }
  return "csk";
}

std::optional<Role> parse_role(std::string_view text) {
  for (auto role : {Role::ksk, Role::zsk, Role::csk})
    if (role_name(role) == text) return role;
  return std::nullopt;
}

std::string_view state_name(const KeyState& state) {
  static constexpr std::string_view kNames[] = {"generated", "pre-active", "published",   "ready",
                                                "active",    "retired",    "post-active", "removed"};
  static_assert(std::size(kNames) == std::variant_size_v<KeyState>);
  return kNames[state.index()];
}

Time state_since(const KeyState& state) {
  return std::visit([](const auto& s) { return s.since; }, state);
}

std::optional<KeyState> make_state(std::string_view name, Time since) {
  const KeyState all[] = {key_state::Generated{since},  key_state::PreActive{since},
                          key_state::Published{since},  key_state::Ready{since},
                          key_state::Active{since},     key_state::Retired{since},
                          key_state::PostActive{since}, key_state::Removed{since}};
  for (const auto& state : all)
    if (state_name(state) == name) return state;
  return std::nullopt;
}

KeyState entered(KeyState state, Time since) {
  std::visit([since](auto& s) { s.since = since; }, state);
  return state;
}

std::uint16_t Key::revoked_tag() const {
  auto revoked = record;
  revoked.flags = static_cast<std::uint16_t>(revoked.flags | kRevokeFlag);
  return wire::key_tag(revoked.rdata());
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
  for (const auto& gone : former_)
    if (gone.tag == key.tag() || gone.tag == key.revoked_tag())
      return fail(Code::exists,
                  fmt::format("the zone {} had a key with the tag {} not long ago; generate another key",
                              zone_.text(), gone.tag));
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
  at(tag).state = state;
}

Key& KeySet::at(std::uint16_t tag) {
  auto found = std::ranges::find(keys_, tag, &Key::tag);
  CHECK(found != keys_.end());
  return *found;
}

void KeySet::remove(std::uint16_t tag, Time removed) {
  const auto& key = at(tag);
  add_former({tag, key.record.algorithm, key.role, removed});
  std::erase_if(keys_, [tag](const Key& k) { return k.tag() == tag; });
}

void KeySet::add_former(FormerKey key) {
  former_.push_back(key);
  if (former_.size() > kFormerKept) former_.erase(former_.begin());
}

KeyUse KeySet::use(const Key& key) const {
  using namespace key_state;
  const auto& state = key.state;
  KeyUse use;
  use.published = is<Published>(state) || is<Ready>(state) || is<Active>(state) || is<Retired>(state);
  const bool around = is<PreActive>(state) || is<PostActive>(state);
  if (key.role != Role::zsk) {
    use.signs_keys = use.published;
    use.signs_cds = use.published || around;
    use.wants_ds = is<Ready>(state) || is<Active>(state);
  }
  if (key.role == Role::ksk) return use;
  use.signs_zone = around || is<Ready>(state) || is<Active>(state);
  if (key.role == Role::csk && !use.signs_zone && use.published) {
    // One of two CSKs signs the zone; one that is alone with its algorithm must.
    use.signs_zone = std::ranges::none_of(keys_, [&](const Key& other) {
      return other.role == Role::csk && other.record.algorithm == key.record.algorithm &&
             (is<PreActive>(other.state) || is<Ready>(other.state) || is<Active>(other.state));
    });
  }
  return use;
}

Result<void> KeySet::check() const {
  std::set<std::uint8_t> published, sign_keys, sign_zone;
  for (const auto& key : keys_) {
    const auto algorithm = key.record.algorithm;
    const auto used = use(key);
    if (used.published) published.insert(algorithm);
    if (used.signs_keys) sign_keys.insert(algorithm);
    if (used.signs_zone) sign_zone.insert(algorithm);
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
    if (use(key).published) set.rdatas.push_back(key.record.rdata());
  set.normalise();
  return set;
}

wire::RRset KeySet::ds_set(std::uint32_t ttl_s, std::span<const DsDigest> digests) const {
  wire::RRset set{zone_, wire::RRType::DS, ttl_s, {}, {}};
  for (const auto& key : keys_) {
    if (!use(key).wants_ds) continue;
    for (auto digest : digests) set.rdatas.push_back(ds_rdata(zone_, key.record, digest));
  }
  set.normalise();
  return set;
}

wire::RRset KeySet::cds_set(std::uint32_t ttl_s, std::span<const DsDigest> digests) const {
  auto set = ds_set(ttl_s, digests);
  set.type = wire::RRType::CDS;
  return set;
}

wire::RRset KeySet::cdnskey_set(std::uint32_t ttl_s) const {
  wire::RRset set{zone_, wire::RRType::CDNSKEY, ttl_s, {}, {}};
  for (const auto& key : keys_)
    if (use(key).wants_ds) set.rdatas.push_back(key.record.rdata());
  set.normalise();
  return set;
}

bool KeySet::ds_is_changing() const {
  return std::ranges::any_of(keys_, [](const Key& key) {
    if (key.role == Role::zsk) return false;
    return is<key_state::Ready>(key.state) || is<key_state::Retired>(key.state);
  });
}

Result<KeySet> generate_keys(wire::Name zone, KeyLayout layout, crypto::Algorithm algorithm, Time now,
                             Rng& rng) {
  crypto::SipKey spread{};
  rng.fill(spread);
  KeySet keys(std::move(zone), spread);
  if (layout == KeyLayout::csk) {
    ONOMA_TRY_VOID(keys.add_generated(Role::csk, algorithm, key_state::Ready{now}));
  } else {
    ONOMA_TRY_VOID(keys.add_generated(Role::ksk, algorithm, key_state::Ready{now}));
    ONOMA_TRY_VOID(keys.add_generated(Role::zsk, algorithm, key_state::Active{now}));
  }
  return keys;
}

Bytes ds_rdata(wire::NameView owner, const wire::Dnskey& key, DsDigest digest) {
  const auto rdata = key.rdata();
  Bytes input;
  append(input, wire::Name(owner).lower().wire());
  append(input, rdata);
  Bytes out;
  ByteWriter writer(out);
  writer.u16(wire::key_tag(rdata));
  writer.u8(key.algorithm);
  writer.u8(static_cast<std::uint8_t>(digest));
  switch (digest) {
    case DsDigest::sha256:
      writer.bytes(crypto::sha256(input));
      break;
    case DsDigest::sha384:
      writer.bytes(crypto::sha384(input));
      break;
    case DsDigest::sm3:
      writer.bytes(crypto::sm3(input));
      break;
  }
  return out;
}

}  // namespace onoma::sign
