// Internal to sign: makes and judges the signatures of single RRsets, and runs loops on the job pool.
// Immutable; used from the signer's queue, with its loops on the pool's threads.
#pragma once

#include <functional>
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

  // Are these the signatures that the set should have, by the keys that sign now, each with more than the
  // refresh lead left? Does not check them cryptographically.
  bool acceptable(wire::RRType type, std::uint32_t ttl, const zone::DataRange& signatures, Time now) const;
  bool acceptable(const wire::RRset& set, Time now) const;
  // When the signatures must be replaced, as the earliest expiration in Unix seconds; 0 when they are not by
  // the keys that sign now.
  std::uint32_t earliest_expiration(wire::RRType type, std::uint32_t ttl,
                                    const zone::DataRange& signatures) const;

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
  };
  const std::vector<Slot>& slots(wire::RRType type) const;
  Result<void> sign_one(wire::RRset& set, Time now) const;
  template <class Signatures>
  std::uint32_t earliest(wire::RRType type, std::uint32_t ttl, const Signatures& signatures) const;

  KeySet keys_;
  SigningPolicy policy_;
  os::JobPool* pool_;
  std::vector<Slot> key_slots_, zone_slots_;  // who signs DNSKEY, CDS, CDNSKEY; who signs the rest
};

}  // namespace onoma::sign
