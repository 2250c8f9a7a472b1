#include "sign/set_signer.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <optional>

#include "base/guarded.h"
#include "base/metrics.h"
#include "crypto/mac.h"
#include "wire/dnssec.h"

namespace onoma::sign {

namespace {

using wire::RRType;

constexpr std::size_t kSignGrain = 64;  // sets a chunk; about 1 ms of P-256

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
    : keys_(std::move(keys)), policy_(policy), pool_(pool) {
  for (const auto& key : keys_.keys()) {
    if (!key.is_signing()) continue;
    const Slot slot{key.record.algorithm, key.tag(), key.signer};
    if (key.signs_keys()) key_slots_.push_back(slot);
    if (key.signs_zone()) zone_slots_.push_back(slot);
  }
}

const std::vector<SetSigner::Slot>& SetSigner::slots(RRType type) const {
  return by_key_signers(type) ? key_slots_ : zone_slots_;
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
  std::atomic<std::uint64_t> made = 0;
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
    made.fetch_add(count, std::memory_order_relaxed);
  });
  add(Metric::onoma_signatures_made_total, made.load());
  return first_error.with([](auto& error) -> Result<void> {
    if (error) return std::unexpected(std::move(*error));
    return {};
  });
}

template <class Signatures>
std::uint32_t SetSigner::earliest(RRType type, std::uint32_t ttl, const Signatures& signatures) const {
  const auto& signers = slots(type);
  if (signatures.size() != signers.size()) return 0;
  auto smallest = std::numeric_limits<std::uint32_t>::max();
  for (ByteView signature : signatures) {
    const auto head = read_head(signature);
    if (!head || head->original_ttl != ttl) return 0;
    const auto known = std::ranges::any_of(signers, [&](const Slot& slot) {
      return slot.algorithm == head->algorithm && slot.tag == head->tag;
    });
    if (!known) return 0;
    smallest = std::min(smallest, head->expiration);
  }
  return smallest;
}

std::uint32_t SetSigner::earliest_expiration(RRType type, std::uint32_t ttl,
                                             const zone::DataRange& signatures) const {
  return earliest(type, ttl, signatures);
}

bool SetSigner::acceptable(RRType type, std::uint32_t ttl, const zone::DataRange& signatures,
                           Time now) const {
  return std::int64_t{earliest(type, ttl, signatures)} - unix_seconds(now) > policy_.refresh_lead.count();
}

bool SetSigner::acceptable(const wire::RRset& set, Time now) const {
  return std::int64_t{earliest(set.type, set.ttl, set.signatures)} - unix_seconds(now) >
         policy_.refresh_lead.count();
}

std::vector<wire::RRset> SetSigner::apex_sets() const {
  std::vector<wire::RRset> sets;
  sets.push_back(keys_.dnskey_set(policy_.dnskey_ttl_s));
  if (policy_.publish_cds) {
    sets.push_back(keys_.cds_set(policy_.dnskey_ttl_s));
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
