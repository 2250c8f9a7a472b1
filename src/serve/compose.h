// From a Plan to the octets of an answer: order of sections, what is whole or not at all, what sets TC,
// additional data. Inside of the room `serve`.
#pragma once

#include "serve/plan.h"
#include "wire/message.h"

namespace onoma::serve {

struct Composed {
  bool truncated = false;
};

// Writes answer, authority and additional sections into `writer`, whose limit has room reserved for what
// follows. An RRset goes in whole with its signatures or not at all (RFC 2181 §9). `truncated` when the
// answer, the authority section or addresses of name servers below the cut (RFC 9471) did not fit; other
// additional data just stay away. `key` is room for look-ups, `scratch` for what they find.
Composed compose(wire::Writer& writer, const zone::Snapshot& zone, const Plan& plan, bool dnssec,
                 zone::LookupKey& key, zone::NodeScratch& scratch);

}  // namespace onoma::serve
