// Are the signatures over an RRset good? Checked with the zone's own DNSKEY set, not believed. Whether the
// zone's keys are trusted from above is the parent's business: the DS records to compare with are given here.
// Immutable after making; usable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "crypto/verify.h"
#include "wire/rrset.h"
#include "zone/snapshot.h"

namespace onoma::resolve {

// Ordered from good to bad.
enum class SignatureStatus : std::uint8_t {
  verified,       // a signature by a key of the zone is good at this time
  unsigned_zone,  // the zone has no keys
  unsupported,    // only algorithms that are not checked here
  not_yet_valid,  // good, but its time has not begun
  expired,        // good, but its time is over
  missing,        // the zone has keys, the set has no signature
  bogus,          // no signature fits
};
std::string_view text(SignatureStatus status);   // "signed, verified here", for people
std::string_view token(SignatureStatus status);  // "verified", for programs

class ZoneKeys {
 public:
  explicit ZoneKeys(const zone::Snapshot& snapshot);

  bool is_signed() const { return !keys_.empty(); }
  // The status of the DNSKEY set itself, which a key with the SEP flag must have signed.
  SignatureStatus own_status(Time now) const;
  // REQUIRES: `set` is authoritative data of the zone (not glue, not NS of a delegation).
  SignatureStatus check(const wire::RRset& set, Time now) const;
  // What the parent's DS records for the SEP keys would be (SHA-256, RFC 4509): "12345 13 2 0A1B…".
  const std::vector<std::string>& ds_texts() const { return ds_texts_; }

 private:
  struct Key {
    std::uint16_t tag = 0, flags = 0;
    std::uint8_t algorithm = 0;
    std::optional<crypto::PublicKey> key;  // absent: unsupported or unreadable
  };
  SignatureStatus check_one(const wire::RRset& set, ByteView signature, Time now, bool sep_only) const;
  SignatureStatus best(const wire::RRset& set, Time now, bool sep_only) const;

  wire::Name apex_;
  std::vector<Key> keys_;
  std::optional<wire::RRset> dnskeys_;
  std::vector<std::string> ds_texts_;
};

}  // namespace onoma::resolve
