// SigningPolicy: how a zone is signed. A plain value, given to make_signer().
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "crypto/verify.h"
#include "wire/rrset.h"
#include "zone/snapshot.h"

namespace onoma::sign {

// When the zone carries CDS and CDNSKEY (RFC 7344).
enum class CdsPolicy : std::uint8_t {
  always,     // they say what the parent should have
  roll_over,  // only while the parent has something to change
  never,
};
// Digests of a DS record, by IANA's numbers: RFC 4509, RFC 6605, RFC 9563.
enum class DsDigest : std::uint8_t { sha256 = 2, sha384 = 4, sm3 = 6 };

// Hash of the digest over the zone (RFC 8976 §5.3), by IANA's numbers.
enum class ZonemdHash : std::uint8_t { sha384 = 1, sha512 = 2 };

struct SigningPolicy {
  zone::Denial denial = zone::Denial::nsec;                     // never `none`
  bool opt_out = false;                                         // NSEC3 only (RFC 5155 §6)
  crypto::Algorithm algorithm = crypto::Algorithm::ecdsa_p256;  // of keys that are generated

  // A signature lives at most `validity` and is replaced when no more than `refresh_lead` is left of it.
  std::chrono::seconds validity = std::chrono::days{21};
  std::chrono::seconds refresh_lead = std::chrono::days{9};
  std::chrono::seconds dnskey_validity = std::chrono::days{28};   // for DNSKEY, CDS and CDNSKEY
  std::chrono::seconds inception_offset = std::chrono::hours{1};  // for validators whose clock is slow

  std::uint32_t dnskey_ttl_s = 3600;  // of DNSKEY, CDS and CDNSKEY
  CdsPolicy cds = CdsPolicy::always;
  std::vector<DsDigest> cds_digests{DsDigest::sha256};  // at least one

  // A digest over the zone in every version. It costs a walk over the whole zone each time.
  std::optional<ZonemdHash> zonemd;

  // After a change of keys, signatures are made anew over this time, an equal share every hour. At the
  // ordinary period (validity − refresh lead) and above, each waits for its ordinary renewal. 0: all at once.
  std::chrono::seconds resign_over = std::chrono::days{12};
};

// Does the policy make sense by itself and for a zone of this name? Error: policy_refused, with the setting's
// name as the field.
Result<void> check(const SigningPolicy& policy, wire::NameView apex);

// A warning for the operator, or an empty text: `refresh_lead` must exceed SOA expire + a day, or else a
// secondary that is cut off serves expired signatures before it gives up the zone.
std::string expiry_warning(const SigningPolicy& policy, std::uint32_t soa_expire_s);

}  // namespace onoma::sign
