// Internal to sign: signs a whole zone.
#pragma once

#include <vector>

#include "sign/set_signer.h"
#include "zone/snapshot.h"

namespace onoma::sign {

// The signed zone. `content` may be in any order and may hold the signer's types, which are dropped. With
// `reuse`, sets that are the same there keep its signatures as far as they are acceptable. Errors:
// bad_request, internal; see signer.h.
Result<std::vector<wire::RRset>> sign_full(const SetSigner& signer, std::vector<wire::RRset> content,
                                           Time now, const zone::Snapshot* reuse = nullptr);

// What a version holds without the signer's types and signatures.
std::vector<wire::RRset> content_of(const zone::Snapshot& snapshot);

}  // namespace onoma::sign
