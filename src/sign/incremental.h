// Internal to sign: the signed diff for an unsigned one.
//
// How it works. The unsigned change is applied to `before`, which gives a version `mid` that has the new
// content and the old signatures and chain. The names whose standing may have changed are the owners of the
// change, what lies below an owner that became or ceased to be a delegation or a DNAME, and with NSEC3 all
// ancestors of these (as empty non-terminals). For each of them the rules say from `mid` what it should have:
// which sets are signed, whether it is in the chain, with which types. The chain is then mended around the
// names that entered or left it or changed their types. Cost: the affected names, a few look-ups each. Only
// when the chain as a whole is another (denial method, opt-out, negative TTL) is the zone signed as a whole,
// keeping every signature that still fits. With opt-out, an empty non-terminal that loses a name of the chain
// is searched for another one below it.
#pragma once

#include "sign/set_signer.h"
#include "zone/snapshot.h"

namespace onoma::sign {

// Errors: corrupt, bad_request, internal; see signer.h.
Result<zone::Diff> sign_diff(const SetSigner& signer, const zone::Snapshot& before,
                             const zone::Diff& unsigned_diff, Time now);

}  // namespace onoma::sign
