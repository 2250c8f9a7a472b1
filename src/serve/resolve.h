// From a question and a zone to a Plan: RFC 1034 §4.3.2 with cuts, DNAME (RFC 6672), aliases, wildcards (RFC
// 4592) and, for DNSSEC, proofs of what is not there (RFC 4035 §3.1, RFC 5155 §7.2). Pure functions of an
// immutable snapshot.
#pragma once

#include "serve/plan.h"

namespace onoma::serve {

struct Question {
  wire::NameView name;
  wire::RRType type{};
  bool dnssec = false;  // DO
};

// Fills `plan`, which is reset and good until `scratch` is. `found` is the zone's look-up of the question's
// name, made with the same scratch. A damaged image gives SERVFAIL. REQUIRES: the name is at or below the
// zone's apex.
void resolve(const zone::Snapshot& zone, const Question& question, const zone::Lookup& found, Plan& plan,
             zone::NodeScratch& scratch);

inline Item item_of(wire::NameView owner, const zone::RRsetView& set) {
  return {owner, set.type(), set.ttl(), set.rdatas(), set.signatures()};
}

}  // namespace onoma::serve
