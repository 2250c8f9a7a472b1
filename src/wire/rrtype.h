// The table of record types: IANA's registry "Resource Record (RR) TYPEs", each with its mnemonic and the
// form of its record data. Parsing, printing, compression, canonical form and checks of every type come from
// this one table (rrtype_table.inc). Unknown types are opaque (RFC 3597). Immutable, usable from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/types.h"

namespace onoma::wire {

// "A", "NSEC3", "TYPE65400".
std::string type_text(RRType type);
// A mnemonic in any case, or TYPE<n>.
std::optional<RRType> parse_type(std::string_view text);
// True for types that exist in messages only: OPT, TKEY, TSIG, and the query types 128–255 without records
// (RFC 6895 §3.1).
bool is_meta_type(RRType type);
bool is_known_type(RRType type);

std::string class_text(RRClass rr_class);  // "IN", "CLASS65280"
std::optional<RRClass> parse_class(std::string_view text);
std::string rcode_text(Rcode rcode);  // "NXDOMAIN"

}  // namespace onoma::wire
