// Internal to sign: makes and judges the signatures of single RRsets, and runs loops on the job pool.
// Immutable; used from the signer's queue, with its loops on the pool's threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "os/job_pool.h"
#include "sign/keys.h"
#include "sign/policy.h"
#include "zone/snapshot.h"

namespace onoma::sign {

class SetSigner {
 public:
  // REQUIRES: keys.check() and check(policy) are content. `pool` may be null.
  SetSigner(KeySet keys, SigningPolicy policy, os::JobPool* pool);

  const KeySet& keys() const { return keys_; }
  const SigningPolicy& policy() const { return policy_; }
  const wire::Name& apex() const { return keys_.zone(); }

  // Replaces the signatures of every set by new ones, in parallel. After an error some sets have none.
  Result<void> sign(std::span<wire::RRset* const> sets, Time now) const;

  // Are these the signatures that the set should have at `now`? Does not check them cryptographically.
  bool acceptable(wire::RRType type, std::uint32_t ttl, const zone::DataRange& signatures, Time now) const;
  bool acceptable(const wire::RRset& set, Time now) const;
  // When the signatures must be replaced, in Unix seconds: the refresh lead before the earliest expiration. 0
  // (at once) when they are not by the keys that sign now. After a change of keys old signatures are good for
  // a while, and new ones may be missing: the time left until a set's ordinary renewal is shortened to its
  // share of `resign_over`, so that the work is spread as evenly as renewals are, and nothing about it is
  // stored.
  std::uint32_t renewal(wire::RRType type, std::uint32_t ttl, const zone::DataRange& signatures) const;
  std::uint32_t renewal(const wire::RRset& set) const;
  // The longest time from a change of keys to the last renewal for its sake.
  std::chrono::seconds resign_time() const;

  // The largest allowed expiration for a signature made now: allowed are (k + φ)·P for whole k, with the
  // period P = validity − refresh lead and a phase φ that depends on owner, type and algorithm only.
  // Signatures thus expire evenly over time, and a set that changes twice within a period keeps its
  // expiration.
  std::uint32_t expiration(wire::NameView owner, wire::RRType type, std::uint8_t algorithm, Time now) const;

  // The sets at the apex that keys and policy make: DNSKEY, CDS, CDNSKEY, NSEC3PARAM; unsigned.
  std::vector<wire::RRset> apex_sets() const;

  // body(0) … body(count − 1), in any order and on any thread.
  void parallel(std::size_t count, std::size_t grain, const std::function<void(std::size_t)>& body) const;

 private:
  struct Slot {
    std::uint8_t algorithm = 0;
    std::uint16_t tag = 0;
    std::shared_ptr<const RawSigner> signer;
    std::optional<std::int64_t> missing_since{};  // its signatures are being added since then
  };
  // A key that signed the zone until `since`.
  struct Former {
    std::uint8_t algorithm = 0;
    std::uint16_t tag = 0;
    std::int64_t since = 0;
    bool without_successor = false;  // its signatures are dropped, not replaced
  };
  const std::vector<Slot>& slots(wire::RRType type) const;
  const Former* former(std::uint8_t algorithm, std::uint16_t tag) const;
  std::int64_t spread(std::int64_t since, std::int64_t renewal) const;
  Result<void> sign_one(wire::RRset& set, Time now) const;
  template <class Signatures>
  std::int64_t renewal_of(wire::RRType type, std::uint32_t ttl, const Signatures& signatures) const;

  KeySet keys_;
  SigningPolicy policy_;
  os::JobPool* pool_;
  std::vector<Slot> key_slots_, cds_slots_, zone_slots_;  // who signs DNSKEY; CDS and CDNSKEY; the rest
  std::vector<Former> former_;
};

}  // namespace onoma::sign
