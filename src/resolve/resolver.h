// "What is this?": any identifier or domain name → its records as served, what the registry knows, and the
// proof.
//
// A Resolver may be used from any number of threads when its sources may. It never asks the network: it reads
// the zones served here and the registry's objects. A delegation is followed one step: what this zone says
// about it is reported, its own answers are authoritative elsewhere.
//
// What always holds: nothing that only its holder may read leaves through a Resolution (values without public
// read, contacts); a DNSSEC status is the result of checking signatures, not of finding them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "ident/scheme.h"
#include "model/ports.h"
#include "resolve/absence.h"
#include "resolve/dnssec_check.h"
#include "zone/snapshot.h"

namespace onoma::resolve {

using wire::Name;
using wire::NameView;

// When a change went through which stage. Time{}: not known.
struct PublishTrace {
  Name zone;
  std::uint32_t serial = 0;
  Time committed{}, collected{}, signed_at{}, checked{}, durable{}, shown{};
};

struct Sources {
  // The deepest zone served here that holds the name; null: none.
  std::function<zone::SnapshotPtr(NameView)> zone_for;
  model::ReaderSource* registry = nullptr;  // null: a server without registry
  const Clock* clock = nullptr;             // required
  // How an event was published in a zone; may be empty, or answer nullopt for one that it does not remember.
  std::function<std::optional<PublishTrace>(NameView zone, std::uint64_t event_seq)> publish_trace;
};

struct Options {
  std::string scheme;        // empty: detected
  std::optional<Name> apex;  // where identifiers are published; absent: the registry's identifier apexes
};

enum class Outcome : std::uint8_t {
  found,      // the name has records
  delegated,  // authoritative elsewhere; `delegation` says where
  no_data,    // the name exists and has no records
  not_found,  // the name does not exist
  elsewhere,  // no zone served here holds the name
};
std::string_view token(Outcome outcome);  // "found", "delegated", "no-data", "not-found", "elsewhere"

struct FoundSet {
  wire::RRset set;
  SignatureStatus status = SignatureStatus::unsigned_zone;
};

struct Delegation {
  Name cut;
  wire::RRset name_servers;
  std::optional<FoundSet> ds;  // absent: an insecure delegation
  std::vector<wire::RRset> glue;
};

// A negative answer, or the absence of DS at a delegation.
struct DenialSummary {
  Absence absence;
  SignatureStatus status = SignatureStatus::unsigned_zone;  // the worst of its records
};

struct ChangeProof {
  std::uint64_t seq = 0;
  Id128 id;
  Time time{};
  std::string command;  // "domain.create"
};

struct Proof {
  std::optional<ChangeProof> change;  // what last changed the object
  Name zone;                          // root and serial 0 when no zone here holds the name
  std::uint32_t serial = 0;
  SignatureStatus dnssec = SignatureStatus::unsigned_zone;  // keys and everything found, the worst of them
  std::vector<std::string> ds;  // for the zone's KSKs, to compare with the parent's
  std::optional<PublishTrace> publish;
};

struct Step {
  std::string name, what;
  Duration took{};
};

struct Resolution {
  std::string query;
  ident::Identifier identifier;
  Name dns_name;
  std::string kind;  // for people: "DOI", "Handle prefix", "Domain name"
  Outcome outcome = Outcome::elsewhere;
  std::vector<FoundSet> records;
  std::optional<Name> from_wildcard;  // the records stand here and apply to the name
  std::optional<Name> redirected_by;  // the records are this DNAME
  std::optional<Delegation> delegation;
  std::optional<DenialSummary> denial;
  // What the registry holds; identifiers with public values only, domains without their registrant. The
  // domain may be an ancestor of the name.
  std::optional<model::Domain> domain;
  std::vector<model::Identifier> identifiers;
  std::optional<Name> operated_zone;  // the name is a zone that the registry operates
  std::uint64_t registry_seq = 0;     // what is said about the registry is as of this event
  Proof proof;
  std::vector<Step> steps;

  bool positive() const { return outcome == Outcome::found || outcome == Outcome::delegated; }
};

class Resolver {
 public:
  explicit Resolver(Sources sources);
  // Errors: those of ident::parse; unavailable when no apex for identifiers is known; what the registry's
  // reader says. A name that does not exist is a Resolution, not an error.
  Result<Resolution> resolve(std::string_view text, const Options& options = {}) const;

 private:
  Sources sources_;
};

// One JSON document, compact; field names are said in README.md of this room.
std::string resolution_json(const Resolution& resolution);

struct TextOptions {
  bool trace = false;  // adds the table of steps and, if known, of the stages of publishing
};
std::string resolution_text(const Resolution& resolution, const TextOptions& options = {});

}  // namespace onoma::resolve
