// The signer: zone::Signer with keys and a policy. This is what the rest of the program uses.
//
// One signer belongs to one zone. Its calls come from one serial queue, as stages.h says; inside, work is
// spread over the job pool. It holds no version of the zone, only a bounded list of what must be signed again
// next.
//
// What it makes is a function of (content, keys, policy), signature octets and signature times aside: sign()
// gives what sign_all() of the same content gives. It owns the types RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY,
// CDS, CDNSKEY and ZONEMD: in content and diffs from outside they are dropped and made anew from keys and
// policy. With ZONEMD every version costs a walk over the zone.
//
// What is signed (RFC 4035 §2): every RRset that the zone has authority for, which leaves out glue, NS at
// delegations and what lies below a delegation or a DNAME. Owners and RRset data keep their case; names in
// NSEC are lower case.
#pragma once

#include <chrono>
#include <memory>

#include "os/job_pool.h"
#include "sign/key_manager.h"
#include "sign/keys.h"
#include "sign/policy.h"
#include "zone/stages.h"

namespace onoma::sign {

// `pool` may be null: then everything runs on the calling thread; else it must outlive the signer.
// Errors: policy_refused, unavailable (the keys cannot sign the zone).
//
// Errors of the signer's own calls: corrupt (the diff does not fit `before`, or `before` has a broken chain),
// bad_request (content without exactly one SOA at the apex, or outside the zone), internal (a key did not
// sign), unavailable (the clock cannot be right).
Result<std::unique_ptr<zone::Signer>> make_signer(KeySet keys, SigningPolicy policy,
                                                  os::JobPool* pool = nullptr);

// A signer whose keys are replaced when their time comes: next_refresh() and refresh() carry that out too.
// The manager may be shared with whoever serves operators. `earliest`: no clock that is right shows less.
Result<std::unique_ptr<zone::Signer>> make_signer(std::shared_ptr<KeyManager> manager, SigningPolicy policy,
                                                  os::JobPool* pool = nullptr, Time earliest = {});

// A clock that is wrong makes signatures that nobody accepts, or that end before they should. Refuses a time
// before `earliest`, and one before the newest signature of the zone begins (null: there is no version yet)
// by more than kClockSkew. Error: unavailable.
inline constexpr std::chrono::minutes kClockSkew{5};
Result<void> check_clock(Time now, const zone::Snapshot* newest, Time earliest);
// When this program was built, to the day.
Time build_date();

}  // namespace onoma::sign
