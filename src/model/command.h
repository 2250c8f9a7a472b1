// Commands: the one model of change for every door (REST, CLI, EPP, Handle). Plain values. A door turns a
// request into a Command and a Context, adds no rules of its own, and shows the Outcome.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/id.h"
#include "model/objects.h"

namespace onoma::model {

struct Context {
  Id128 id;                     // of the event that may come of it; made by the door
  std::string actor;            // registrar id, authenticated
  std::string client_id;        // the client's own transaction id, or empty
  std::string idempotency_key;  // empty: none; at most 128 octets
  std::string request_digest;   // of the request, to tell a retry from another use of the same key
  std::optional<std::uint64_t> expected_revision;  // HTTP If-Match
};

struct Outcome {
  std::uint64_t seq = 0;  // of the event; 0 when nothing changed
  Id128 id;               // of the event
  Time committed{};
  std::uint64_t revision = 0;
  std::string object;     // the object after the change, JSON of model/json.h; empty after a delete
  bool repeated = false;  // an earlier command with this idempotency key was answered again
  std::string secret;     // shown once: the token of a registrar just made
  // Bulk commands: what policy would refuse today, and what was not carried out and why.
  std::vector<std::string> notes;
};

// Names come as the user wrote them: U-labels or A-labels, any case, with or without a final dot.
struct TldCreate {
  Tld tld;
};
struct TldUpdate {
  Tld tld;
};  // the whole object as it shall be
struct TldDelete {
  Name name;
};  // refused while domains or identifiers exist
struct RegistrarCreate {
  Registrar registrar;
};
struct RegistrarUpdate {
  Registrar registrar;
  bool new_token = false;
};
struct RegistrarDelete {
  std::string id;
};

// Contact fields in the clear; sealed before anything is written.
struct ContactFields {
  std::map<std::string, std::string> fields;
};  // name, org, street, city, cc, email, voice …
struct ContactCreate {
  std::string id;
  ContactFields data;
};
struct ContactUpdate {
  std::string id;
  ContactFields data;
};
struct ContactErase {
  std::string id;
};  // destroys the key; the object stays as erased
struct ContactDelete {
  std::string id;
};

struct HostCreate {
  std::string name;
  std::vector<std::string> addresses;
};
struct HostUpdate {
  std::string name;
  std::vector<std::string> addresses;
  std::optional<std::set<std::string>> statuses;
};
struct HostDelete {
  std::string name;
};

struct Glue {
  std::string host;
  std::vector<std::string> addresses;
};
struct DomainCreate {
  std::string name;
  std::vector<std::string> name_servers;
  std::vector<Glue> glue;  // hosts made or changed in the same command
  std::vector<DsData> ds;
  std::string registrant;
  std::optional<std::uint32_t> years;
};
// Absent fields stay as they are.
struct DomainUpdate {
  std::string name;
  std::optional<std::vector<std::string>> name_servers;
  std::vector<Glue> glue;
  std::optional<std::vector<DsData>> ds;
  std::optional<std::string> registrant;
  std::optional<std::set<std::string>> statuses;  // client… ones; an operator also server… ones
};
struct DomainDelete {
  std::string name;
};

struct IdentifierCreate {
  std::string identifier;  // any spelling its scheme accepts
  std::string scheme;      // empty: detected
  std::vector<Value> values;
};
struct IdentifierUpdate {
  std::string identifier;
  std::string scheme;
  std::vector<Value> values;
  std::optional<std::string> status;
};
struct IdentifierDelete {
  std::string identifier;
  std::string scheme;
};

// A delegation as found in a zone: kept whatever today's policy says, which is reported in the notes.
// Everything about one delegation is replaced. Existing equal objects are left alone and make no change, so
// that it can be repeated.
struct ImportedDelegation {
  Name name;
  std::vector<Name> name_servers;
  std::uint32_t ns_ttl_s = 0;
  std::vector<DsData> ds;
  std::uint32_t ds_ttl_s = 0;
  bool remove = false;  // the delegation is gone from the zone
};
struct ImportedHost {
  Name name;
  std::vector<std::string> addresses;
  std::uint32_t a_ttl_s = 0, aaaa_ttl_s = 0;
  bool remove = false;
};
// At most 1,000 objects, one event.
struct Import {
  Name tld;
  std::vector<ImportedHost> hosts;
  std::vector<ImportedDelegation> delegations;
};

using Command = std::variant<TldCreate, TldUpdate, TldDelete, RegistrarCreate, RegistrarUpdate,
                             RegistrarDelete, ContactCreate, ContactUpdate, ContactErase, ContactDelete,
                             HostCreate, HostUpdate, HostDelete, DomainCreate, DomainUpdate, DomainDelete,
                             IdentifierCreate, IdentifierUpdate, IdentifierDelete, Import>;

// "domain.create"
std::string_view command_name(const Command& command);

}  // namespace onoma::model
