// The signer: zone::Signer with keys and a policy. This is what the rest of the program uses.
//
// One signer belongs to one zone. Its calls come from one serial queue, as stages.h says; inside, work is
// spread over the job pool. It holds no version of the zone, only a bounded list of what must be signed again
// next.
//
// What it makes is a function of (content, keys, policy), signature octets and signature times aside: sign()
// gives what sign_all() of the same content gives. It owns the types RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY,
// CDS, CDNSKEY and ZONEMD: in content and diffs from outside they are dropped, and all but ZONEMD (whose
// digest over unsigned content means nothing in the signed zone) are made anew from keys and policy.
//
// What is signed (RFC 4035 §2): every RRset that the zone has authority for, which leaves out glue, NS at
// delegations and what lies below a delegation or a DNAME. Owners and RRset data keep their case; names in
// NSEC are lower case.
#pragma once

#include <memory>

#include "os/job_pool.h"
#include "sign/keys.h"
#include "sign/policy.h"
#include "zone/stages.h"

namespace onoma::sign {

// `pool` may be null: then everything runs on the calling thread; else it must outlive the signer.
// Errors: policy_refused, unavailable (the keys cannot sign the zone).
//
// Errors of the signer's own calls: corrupt (the diff does not fit `before`, or `before` has a broken chain),
// bad_request (content without exactly one SOA at the apex, or outside the zone), internal (a key did not
// sign).
Result<std::unique_ptr<zone::Signer>> make_signer(KeySet keys, SigningPolicy policy,
                                                  os::JobPool* pool = nullptr);

}  // namespace onoma::sign
