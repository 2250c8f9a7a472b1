// What the parts of one check share: the version looked at, what is wanted, and where findings go.
#pragma once

#include <memory>
#include <string>

#include "gate/canonical.h"
#include "gate/findings.h"
#include "gate/gate.h"
#include "gate/keys.h"
#include "gate/place.h"

namespace onoma::gate {

// How the zone says it proves what does not exist, read from the apex.
struct Chain {
  zone::Denial denial = zone::Denial::none;
  std::uint16_t iterations = 0;
  Bytes salt;
};

struct Check {
  const GateOptions& options;
  const Snapshot& zone;
  NameView apex;
  std::uint32_t now = 0;  // seconds, as RRSIGs count them (RFC 4034 §3.1.5)
  Findings& findings;
  KeySet keys;
  Chain chain;
  SignatureQueue queue;

  Check(const GateOptions& with, const Snapshot& what, Time at, Findings& to);
  bool dnssec() const { return options.level != zone::GateLevel::structure && !keys.empty(); }
  Hash hash(NameView name) const { return nsec3_owner_hash(name, chain.salt, chain.iterations); }
};

// "example.gov. DS"
std::string subject(NameView owner, RRType type);

// structure.cc
// One name's sets: forms, sizes, TTLs, which types may stand together, where they may stand.
void check_node(Check& check, const NodeView& node, const Place& place);
// The apex: SOA, NS, ZONEMD's serial, and that the facts of the snapshot say the same.
void check_apex(Check& check);
// Warnings for name servers that are aliases or lack addresses. REQUIRES: node has NS.
void check_name_servers(Check& check, const NodeView& node);

// signatures.cc
// The DNSKEY set: forms, self-signed, matching the parent's DS, how many keys share a tag.
void check_keys(Check& check);
// Which sets of the node must be signed and which must not, and each signature's fields. The signatures
// themselves are queued for checking for the types of `only`; null: for all.
void check_signed(Check& check, const NodeView& node, const Place& place, const std::vector<RRType>* only);
// One set that must be signed.
void check_signatures(Check& check, NameView owner, const RRsetView& set, bool octets);

// nsec.cc
struct Nsec {
  NameView next;
  ByteView bitmap;
  static std::optional<Nsec> read(ByteView data);
};
// Does this name need an NSEC record, has it one, with the right types? `next` and neighbours are checked
// elsewhere.
void check_nsec_here(Check& check, NameView owner, const Place& place);
// The record's TTL (RFC 9077).
void check_denial_ttl(Check& check, NameView owner, const RRsetView& set);
void check_link(Check& check, NameView owner, NameView next, NameView expected);
// The links around a name, for a step.
void check_nsec_links(Check& check, NameView name, const Place& place);

// nsec3.cc
struct Nsec3 {
  std::uint8_t hash_algorithm = 0, flags = 0;
  std::uint16_t iterations = 0;
  ByteView salt, next, bitmap;
  bool opt_out() const { return (flags & 1) != 0; }
  static std::optional<Nsec3> read(ByteView data);
  static std::optional<Nsec3> of(const NodeView& node);
};
// Reads NSEC3PARAM and decides what kind of denial the zone uses; reports what is not usable.
Chain read_chain(Check& check);
// Parameters, form, signatures of one NSEC3 record.
void check_nsec3_record(Check& check, std::string_view hash, const NodeView& node, bool octets);
// The record's next hash.
void check_nsec3_link(Check& check, const NodeView& node, std::string_view next);

enum class Need : std::uint8_t { forbidden, optional, required };
// What a name's standing says about its NSEC3 record. For an empty non-terminal: `optional`; whoever knows
// what is below decides.
Need nsec3_need(const Place& place);
// Presence and bitmap. Returns true if there is a record.
bool check_nsec3_here(Check& check, NameView name, const Place& place, Need need, const Hash& hash);

// zonemd.cc
void check_zonemd(Check& check);

// counts.cc
// What ZoneFacts counts, counted again.
struct Counts {
  std::uint64_t rrsets = 0, records = 0, delegations = 0, ds_sets = 0, signatures = 0;
  zone::SetDigest content;
  bool digest = true;                                   // false: `content` is not kept
  static Counts of(const Snapshot& zone, bool digest);  // as the snapshot claims them
};
void add(Counts& counts, NameView apex, const zone::RRset& set);
void add(Counts& counts, NameView apex, NameView owner, const RRsetView& set);
void remove(Counts& counts, NameView apex, const zone::RRset& set);
// Against what the version claims.
void check_counts(Check& check, const Counts& counted);
// Against what the source of the content says.
void check_expected(Check& check, const Counts& counted, const zone::Expected& expected);

// walk.cc
struct Walk {
  bool structure = true;
  bool octets = true;  // signatures themselves, not only their fields
  bool counts = true;
  bool digest = true;  // of the content, with the counts
};
// Everything in both orders, the whole chain, in slices. `check` and `progress` must outlive it.
class Walker {
 public:
  Walker(Check& check, const Walk& what, const ProgressFn& progress);
  ~Walker();
  // Goes on by so many names. True: there is more. Signatures found are checked before it returns.
  bool step(std::size_t names);
  Counts finish();  // REQUIRES: step() returned false

 private:
  class Inside;
  std::unique_ptr<Inside> inside_;
};
inline constexpr std::size_t kWholeZone = ~std::size_t{0};
// All of it. Returns what was counted.
Counts walk_zone(Check& check, const Walk& what, const ProgressFn& progress);

// step.cc
// Looks at what the diff touches, and at what that touches.
struct Reach {
  bool everything = false;  // the change may concern any name: walk_zone must look at the rest
  bool octets_too = false;  // at its signatures as well
};
Reach check_step(Check& check, const Snapshot& before, const zone::Diff& diff);

// difference.cc
// The diff's serials, and that each change leads from what `before` holds to what the version holds.
// Returns the counts that follow.
Counts check_diff(Check& check, const Snapshot& before, const zone::Diff& diff);
// Walks both: does the diff say all that changed?
void check_nothing_else(Check& check, const Snapshot& before, const zone::Diff& diff);
// Are these octet for octet the same set? Both absent: yes.
bool same_set(const std::optional<RRsetView>& view, const std::optional<zone::RRset>& set);
// The set in whichever order it stands.
std::optional<RRsetView> find_set(const Snapshot& zone, NameView owner, RRType type);
// The hash in an NSEC3 owner name, 20 octets; nullopt if it is none.
std::optional<Bytes> hash_of_owner(NameView owner, NameView apex);

}  // namespace onoma::gate
