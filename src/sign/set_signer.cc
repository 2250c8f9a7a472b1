#include "sign/set_signer.h"

#include <algorithm>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/guarded.h"
#include "base/metrics.h"
#include "crypto/mac.h"
#include "wire/dnssec.h"

namespace onoma::sign {

namespace {

using wire::RRType;

constexpr std::size_t kSignersMax = 128;  // a list of keys has at most 100
constexpr std::size_t kSignGrain = 64;    // sets a chunk; about 1 ms of P-256

bool by_key_signers(RRType type) {
  return type == RRType::DNSKEY || type == RRType::CDS || type == RRType::CDNSKEY;
}

// The fixed fields of RRSIG data (RFC 4034 §3.1), read in place.
struct RrsigHead {
  std::uint8_t algorithm;
  std::uint32_t original_ttl, expiration;
  std::uint16_t tag;
};
std::optional<RrsigHead> read_head(ByteView rdata) {
  if (rdata.size() < 19) return std::nullopt;
  const auto* at = rdata.data();
  return RrsigHead{at[2], load_u32(at + 4), load_u32(at + 8), load_u16(at + 16)};
}

}  // namespace

SetSigner::SetSigner(KeySet keys, SigningPolicy policy, os::JobPool* pool)
    : keys_(std::move(keys)), policy_(std::move(policy)), pool_(pool) {
  for (const auto& key : keys_.keys()) {
    const auto use = keys_.use(key);
    const Slot slot{key.record.algorithm, key.tag(), key.signer, {}};
    if (use.signs_keys) key_slots_.push_back(slot);
    if (use.signs_cds) cds_slots_.push_back(slot);
    if (use.signs_zone) {
      zone_slots_.push_back(slot);
      if (is<key_state::PreActive>(key.state))
        zone_slots_.back().missing_since = unix_seconds(state_since(key.state));
    } else if (key.role != Role::ksk && is<key_state::Retired>(key.state)) {
      former_.push_back({slot.algorithm, slot.tag, unix_seconds(state_since(key.state)), false});
    }
  }
  for (const auto& key : keys_.former()) {
    if (key.role == Role::ksk) continue;
    const bool succeeded =
        std::ranges::any_of(zone_slots_, [&](const Slot& slot) { return slot.algorithm == key.algorithm; });
    if (!succeeded) former_.push_back({key.algorithm, key.tag, unix_seconds(key.removed), true});
  }
}

const std::vector<SetSigner::Slot>& SetSigner::slots(RRType type) const {
  if (type == RRType::DNSKEY) return key_slots_;
  return by_key_signers(type) ? cds_slots_ : zone_slots_;
}

const SetSigner::Former* SetSigner::former(std::uint8_t algorithm, std::uint16_t tag) const {
  const auto found = std::ranges::find_if(
      former_, [&](const Former& key) { return key.algorithm == algorithm && key.tag == tag; });
  return found == former_.end() ? nullptr : &*found;
}

std::uint32_t SetSigner::expiration(wire::NameView owner, RRType type, std::uint8_t algorithm,
                                    Time now) const {
  Bytes input;
  input.reserve(owner.size() + 3);
  for (auto octet : owner.wire()) input.push_back(wire::ascii_lower(octet));
  ByteWriter writer(input);
  writer.u16(wire::number(type));
  writer.u8(algorithm);
  const auto hash = crypto::siphash24(keys_.spread(), input);

  const auto validity = (by_key_signers(type) ? policy_.dnskey_validity : policy_.validity).count();
  const auto period = validity - policy_.refresh_lead.count();
  // 32 bits of the hash are finer than seconds, and the product stays within 64.
  const auto phase = static_cast<std::int64_t>((hash >> 32) * static_cast<std::uint64_t>(period) >> 32);
  const auto latest = unix_seconds(now) + validity;
  const auto expires = (latest - phase) / period * period + phase;
  return static_cast<std::uint32_t>(expires);
}

Result<void> SetSigner::sign_one(wire::RRset& set, Time now) const {
  set.signatures.clear();
  const auto& signers = slots(set.type);
  set.signatures.reserve(signers.size());
  for (const auto& slot : signers) {
    wire::Rrsig rrsig;
    rrsig.covered = set.type;
    rrsig.algorithm = slot.algorithm;
    rrsig.labels = wire::rrsig_labels(set.owner);
    rrsig.original_ttl = set.ttl;
    rrsig.expiration = expiration(set.owner, set.type, slot.algorithm, now);
    rrsig.inception = static_cast<std::uint32_t>(unix_seconds(now) - policy_.inception_offset.count());
    rrsig.key_tag = slot.tag;
    rrsig.signer = apex();
    ONOMA_TRY(rrsig.signature, slot.signer->sign(wire::signature_input(rrsig, set)));
    set.signatures.push_back(rrsig.rdata());
  }
  std::ranges::sort(set.signatures);
  return {};
}

Result<void> SetSigner::sign(std::span<wire::RRset* const> sets, Time now) const {
  Guarded<std::optional<Error>> first_error;
  std::atomic<bool> failed = false;
  const auto chunks = (sets.size() + kSignGrain - 1) / kSignGrain;
  parallel(chunks, 1, [&](std::size_t chunk) {
    const auto part =
        sets.subspan(chunk * kSignGrain, std::min(kSignGrain, sets.size() - chunk * kSignGrain));
    std::uint64_t count = 0;
    for (auto* set : part) {
      if (failed.load(std::memory_order_relaxed)) return;
      if (auto signed_set = sign_one(*set, now); !signed_set) {
        first_error.with([&](auto& error) {
          if (!error) error = std::move(signed_set).error();
        });
        failed.store(true, std::memory_order_relaxed);
        return;
      }
      count += set->signatures.size();
    }
    add(Metric::onoma_signatures_made_total, count);
  });
  return first_error.with([](auto& error) -> Result<void> {
    if (error) return std::unexpected(std::move(*error));
    return {};
  });
}

std::chrono::seconds SetSigner::resign_time() const {
  return std::min(policy_.resign_over, policy_.validity - policy_.refresh_lead);
}

std::int64_t SetSigner::spread(std::int64_t since, std::int64_t renewal) const {
  const auto period = (policy_.validity - policy_.refresh_lead).count();
  const auto left = std::clamp<std::int64_t>(renewal - since, 0, period);
  return since + left * resign_time().count() / period;
}

template <class Signatures>
std::int64_t SetSigner::renewal_of(RRType type, std::uint32_t ttl, const Signatures& signatures) const {
  const auto& signers = slots(type);
  const bool of_zone = &signers == &zone_slots_;
  struct Extra {
    const Former* key;
    std::int64_t renewal;
  };
  std::vector<Extra> extra;
  std::bitset<kSignersMax> covered;
  if (signers.size() > covered.size()) return 0;
  auto ordinary = std::numeric_limits<std::int64_t>::max();
  for (ByteView signature : signatures) {
    const auto head = read_head(signature);
    if (!head || head->original_ttl != ttl) return 0;
    const auto own = std::int64_t{head->expiration} - policy_.refresh_lead.count();
    ordinary = std::min(ordinary, own);
    const auto slot = std::ranges::find_if(
        signers, [&](const Slot& s) { return s.algorithm == head->algorithm && s.tag == head->tag; });
    if (slot != signers.end()) {
      const auto index = static_cast<std::size_t>(slot - signers.begin());
      if (covered.test(index)) return 0;
      covered.set(index);
      continue;
    }
    const auto* old = of_zone ? former(head->algorithm, head->tag) : nullptr;
    if (old == nullptr || std::ranges::find(extra, old, &Extra::key) != extra.end()) return 0;
    extra.push_back({old, own});
  }
  if (signatures.size() == 0) return 0;
  auto due = ordinary;
  for (std::size_t i = 0; i < signers.size(); ++i) {
    if (covered.test(i)) continue;
    const auto old = std::ranges::find_if(extra, [&](const Extra& e) {
      return e.key->algorithm == signers[i].algorithm && !e.key->without_successor;
    });
    if (old != extra.end()) {
      due = std::min(due, spread(old->key->since, old->renewal));
      extra.erase(old);
    } else if (signers[i].missing_since) {
      due = std::min(due, spread(*signers[i].missing_since, ordinary));
    } else {
      return 0;
    }
  }
  for (const auto& old : extra) {
    if (!old.key->without_successor) return 0;
    due = std::min(due, spread(old.key->since, old.renewal));
  }
  return std::max<std::int64_t>(due, 0);
}

std::uint32_t SetSigner::renewal(RRType type, std::uint32_t ttl, const zone::DataRange& signatures) const {
  return static_cast<std::uint32_t>(renewal_of(type, ttl, signatures));
}

std::uint32_t SetSigner::renewal(const wire::RRset& set) const {
  return static_cast<std::uint32_t>(renewal_of(set.type, set.ttl, set.signatures));
}

bool SetSigner::acceptable(RRType type, std::uint32_t ttl, const zone::DataRange& signatures,
                           Time now) const {
  return renewal_of(type, ttl, signatures) > unix_seconds(now);
}

bool SetSigner::acceptable(const wire::RRset& set, Time now) const {
  return renewal_of(set.type, set.ttl, set.signatures) > unix_seconds(now);
}

std::vector<wire::RRset> SetSigner::apex_sets() const {
  std::vector<wire::RRset> sets;
  sets.push_back(keys_.dnskey_set(policy_.dnskey_ttl_s));
  if (policy_.cds == CdsPolicy::always || (policy_.cds == CdsPolicy::roll_over && keys_.ds_is_changing())) {
    sets.push_back(keys_.cds_set(policy_.dnskey_ttl_s, policy_.cds_digests));
    sets.push_back(keys_.cdnskey_set(policy_.dnskey_ttl_s));
  }
  if (policy_.denial == zone::Denial::nsec3) {
    // Only authoritative servers use this record, so it gains nothing from caches: TTL 0.
    wire::RRset parameters{apex(), RRType::NSEC3PARAM, 0, {}, {}};
    parameters.rdatas.push_back(wire::Nsec3param{}.rdata());
    sets.push_back(std::move(parameters));
  }
  std::erase_if(sets, [](const wire::RRset& set) { return set.rdatas.empty(); });
  return sets;
}

void SetSigner::parallel(std::size_t count, std::size_t grain,
                         const std::function<void(std::size_t)>& body) const {
  if (pool_ != nullptr && count > grain) {
    os::parallel_for(*pool_, count, body, grain);
    return;
  }
  for (std::size_t i = 0; i < count; ++i) body(i);
}

}  // namespace onoma::sign
