// From the registry's objects to DNS records: pure functions, no reader, no clock but the time passed in.
// What stands here decides what is published; the registry decides what exists.
#pragma once

#include <vector>

#include "base/time.h"
#include "model/objects.h"
#include "wire/rrset.h"

namespace onoma::publish {

// Is the delegation in the zone? Name servers, no hold, not pendingCreate, not pendingDelete (registry.md
// §1.1).
bool is_published(const model::Domain& domain);

// NS and DS at the domain's name; nothing when it is not published. Domains without name servers have no DS.
std::vector<wire::RRset> records_for(const model::Domain& domain, const model::Tld& tld);
// A and AAAA at the host's name. Whether they are published at all is decided by who uses the host.
std::vector<wire::RRset> records_for(const model::Host& host, const model::Tld& tld);
// SOA (serial 0) and the zone's own records, at the apex and below it. The texts were checked when the TLD
// was written; one that cannot be read is left out.
std::vector<wire::RRset> records_for(const model::Tld& tld);

// The DNS view of all identifiers that share one name (identifiers.md §1.4): for each a pointer TXT
// "v=onid1;s=…;st=…;n=…;d=…;i=…", URI for values of type URL, and the records of DNS.<TYPE> values. Only
// values that everybody may read count. A set above 4,096 octets is left out (the pointer stays).
std::vector<wire::RRset> records_for(const std::vector<model::Identifier>& at_one_name, Time now);

// The record digest d (identifiers.md §1.2): SHA-256 over the public values in Handle encoding.
Bytes record_digest(const model::Identifier& identifier);
// One value in Handle encoding (identifiers.md §5.4).
Bytes handle_value(const model::Value& value);

}  // namespace onoma::publish
