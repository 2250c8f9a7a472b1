// The registry's objects as plain values. Names are A-labels in lower case. Times are UTC. No object holds a
// secret: tokens live in the store as salted hashes, personal data as sealed octets (see Contact). Every
// object has `revision`, which starts at 1 and grows by one with every change: optimistic locking (HTTP
// ETag).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "wire/name.h"
#include "wire/types.h"

namespace onoma::model {

using wire::Name;

// What every object carries. Set by the registry, never by a client.
struct Origin {
  std::string roid;     // repository object id: "D17-ONOMA"
  std::string sponsor;  // registrar id
  std::string created_by, updated_by;
  Time created{}, updated{};
  std::uint64_t revision = 0;
};

// A record of the zone itself, kept as found: presentation text, absolute names. It stands at the apex, or at
// a name below it that no object has (_dmarc and the like).
struct ApexRecord {
  wire::RRType type{};
  std::uint32_t ttl_s = 0;
  std::string data;
  std::optional<Name> name;  // absent: the apex
  bool operator==(const ApexRecord&) const = default;
};

enum class GluePolicy : std::uint8_t { narrow, wide };
enum class SerialPolicy : std::uint8_t { counter, unixtime, datecounter };
enum class DenialPolicy : std::uint8_t { unsigned_zone, nsec, nsec3, nsec3_opt_out };

// A zone that the registry operates.
struct Tld {
  Name name;  // "test.", "xn--0zwm56d.", or the root
  Origin origin;
  Name mname, rname;  // SOA values; the serial is the publisher's
  std::uint32_t refresh_s = 1800, retry_s = 900, expire_s = 604800, minimum_s = 300;
  std::uint32_t soa_ttl_s = 3600;
  std::vector<ApexRecord> apex;  // NS and whatever else is the zone's own, the SOA aside
  std::uint32_t ns_ttl_s = 3600, ds_ttl_s = 3600, address_ttl_s = 3600;  // where an object says nothing
  GluePolicy glue = GluePolicy::wide;
  SerialPolicy serial = SerialPolicy::unixtime;
  std::uint32_t first_serial = 0;  // the zone's serial starts above this one (imports)
  DenialPolicy denial = DenialPolicy::nsec3_opt_out;
  std::optional<Name>
      identifier_apex;  // identifiers are published below it (identifiers.md §4); at or below `name`
  std::uint32_t max_domain_labels = 1;  // labels a registered name may have below `name`
  bool allow_idn = true;
  std::uint32_t term_years = 1;  // when a create names no period
  bool test_zone = false;        // permits documentation and loopback addresses as glue
};

enum class Role : std::uint8_t { registrar, operator_ };
struct Registrar {
  std::string id;  // 3–16 of [A-Za-z0-9-]
  std::string name;
  Origin origin;
  Role role = Role::registrar;
  std::set<std::string> tlds;  // may register below these ("test"); an operator everywhere
  bool enabled = true;
};

// Personal data: JSON text, sealed (AES-256-GCM) under a key of this contact's own, which is kept in a table
// of its own and never leaves the store. Without the key the octets stay, unreadable for ever.
struct Contact {
  std::string id;  // 3–16
  Origin origin;
  Bytes sealed;  // nonce, ciphertext, tag
  bool erased = false;
};

struct Host {
  Name name;
  Origin origin;
  std::vector<std::string>
      addresses;  // canonical IPv4 or RFC 5952 text, sorted; only for hosts below our zones
  std::optional<std::uint32_t> a_ttl_s, aaaa_ttl_s;
  std::set<std::string> statuses;  // without "ok" and "linked", which are derived
};

struct DsData {
  std::uint16_t key_tag = 0;
  std::uint8_t algorithm = 0;
  std::uint8_t digest_type = 0;
  Bytes digest;
  auto operator<=>(const DsData&) const = default;
};

struct Domain {
  Name name;            // A-labels
  std::string unicode;  // U-label form of the whole name; equal to the A-form for ASCII names
  Name tld;             // the zone it is published in
  Origin origin;
  Time expires{};
  std::vector<Name> name_servers;  // canonical order, unique
  std::vector<DsData> ds;          // sorted, unique
  std::optional<std::uint32_t> ns_ttl_s, ds_ttl_s;
  std::string registrant;          // contact id, or empty
  std::set<std::string> statuses;  // without "ok" and "inactive", which are derived
};

// A typed value of an identifier (identifiers.md §1.1; the shape is RFC 3651 §3.1's).
struct Value {
  std::uint32_t index = 0;  // 1 … 2^31-1
  std::string type;         // "URL", "DNS.TXT", "EMAIL" …; 1–255 octets of UTF-8
  Bytes data;
  bool ttl_absolute = false;
  std::uint32_t ttl_s = 86400;      // seconds, or Unix time when absolute (below 2^31)
  std::uint8_t permissions = 0x0E;  // PW 1, PR 2, AW 4, AR 8
  struct Reference {
    std::string identifier;
    std::uint32_t index = 0;
    bool operator==(const Reference&) const = default;
  };
  std::vector<Reference> references;
  std::uint32_t timestamp = 0;  // Unix time of the last change, set by the registry
  bool operator==(const Value&) const = default;
  bool publicly_readable() const { return (permissions & 2) != 0; }
};

struct Identifier {
  std::string scheme;     // token of the scheme table: "hdl", "oid", "domain"
  std::string canonical;  // with scheme the primary key
  std::string display;    // as registered
  std::string prefix;     // holder's delegation: "10.1000"; empty for domain-anchored schemes
  Name dns_name;          // where it is published
  Name tld;               // the zone that dns_name lies in
  Origin origin;
  std::vector<Value> values;  // by index, unique
  std::string status = "active";
};

}  // namespace onoma::model
