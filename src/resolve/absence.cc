#include "resolve/absence.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "wire/dnssec.h"
#include "wire/rdata.h"
#include "zone/denial.h"

namespace onoma::resolve {
namespace {

using wire::Name;
using wire::NameView;
using wire::RRset;
using wire::RRType;
using zone::NodeView;
using zone::Snapshot;

void add(Absence& out, RRset set, std::string statement) {
  for (std::size_t i = 0; i < out.records.size(); ++i)
    if (out.records[i].owner == set.owner) {
      out.statements[i] += "; " + statement;
      return;
    }
  out.records.push_back(std::move(set));
  out.statements.push_back(std::move(statement));
}

struct NsecFields {
  Name next;
  std::vector<RRType> types;
};
std::optional<NsecFields> read_nsec(ByteView rdata) {
  std::optional<NsecFields> out;
  wire::for_each_name(RRType::NSEC, rdata, [&](std::size_t, NameView next) { out = NsecFields{next, {}}; });
  if (!out) return out;
  auto types = wire::read_type_bitmap(rdata.subspan(out->next.size()));
  if (!types) return std::nullopt;
  out->types = *std::move(types);
  return out;
}

bool has(const std::vector<RRType>& types, RRType type) {
  return std::ranges::find(types, type) != types.end();
}

// --- NSEC ---

struct NsecAt {
  RRset set;
  NsecFields fields;
};
std::optional<NsecAt> nsec_for(const Snapshot& snapshot, NameView name) {
  const auto node = snapshot.nsec_at_or_before(wire::sort_key(name));
  const auto set = node ? node->find(RRType::NSEC) : std::nullopt;
  if (!set || set->rdatas().empty()) return std::nullopt;
  auto fields = read_nsec(set->rdatas().front());
  if (!fields) return std::nullopt;
  return NsecAt{set->copy(node->owner()), *std::move(fields)};
}

bool nsec_covers(const NsecAt& nsec, NameView name, NameView apex) {
  return wire::canonical_compare(nsec.set.owner, name) < 0 &&
         (wire::canonical_compare(name, nsec.fields.next) < 0 || wire::equal(nsec.fields.next, apex));
}

bool nsec_deny_name(Absence& out, const Snapshot& snapshot, NameView name) {
  auto nsec = nsec_for(snapshot, name);
  if (!nsec || !nsec_covers(*nsec, name, snapshot.facts().apex)) return false;
  auto statement = fmt::format("nothing between {} and {}, so no {}", nsec->set.owner.text(),
                               nsec->fields.next.text(), name.text());
  add(out, std::move(nsec->set), std::move(statement));
  return true;
}

// --- NSEC3 ---

struct Nsec3At {
  RRset set;
  wire::Nsec3 fields;
  std::string hash;  // of the owner
};
std::optional<Nsec3At> read_nsec3(const std::optional<NodeView>& node) {
  const auto set = node ? node->find(RRType::NSEC3) : std::nullopt;
  if (!set || set->rdatas().empty()) return std::nullopt;
  auto fields = wire::Nsec3::read(set->rdatas().front());
  const auto hash = from_base32hex(as_text(node->owner().first_label()));
  if (!fields || !hash) return std::nullopt;
  return Nsec3At{set->copy(node->owner()), *std::move(fields), std::string(as_text(*hash))};
}

std::optional<Nsec3At> nsec3_match(const Snapshot& snapshot, NameView name) {
  return read_nsec3(snapshot.nsec3_match(zone::nsec3_hash(name, snapshot.facts()).view()));
}

bool nsec3_cover(Absence& out, const Snapshot& snapshot, NameView name) {
  const auto hash = zone::nsec3_hash(name, snapshot.facts());
  auto nsec3 = read_nsec3(snapshot.nsec3_at_or_before(hash.view()));
  if (!nsec3 || !zone::nsec3_covers(nsec3->hash, as_text(nsec3->fields.next_hash), hash.view())) return false;
  if ((nsec3->fields.flags & 1) != 0) out.opt_out = true;
  add(out, std::move(nsec3->set), fmt::format("the hash of {} falls into its gap", name.text()));
  return true;
}

// The closest ancestor whose existence a record proves; "matches", then "the name below it is not there".
std::optional<Name> nsec3_encloser(Absence& out, const Snapshot& snapshot, NameView name) {
  for (auto labels = name.label_count(); labels-- > snapshot.facts().apex.label_count();) {
    const auto ancestor = name.ancestor(labels);
    auto match = nsec3_match(snapshot, ancestor);
    if (!match) continue;
    add(out, std::move(match->set), fmt::format("{} exists", ancestor.text()));
    if (!nsec3_cover(out, snapshot, zone::next_closer(name, labels))) return std::nullopt;
    return Name(ancestor);
  }
  return std::nullopt;
}

}  // namespace

Absence no_such_name(const Snapshot& snapshot, NameView name, NameView encloser) {
  Absence out{snapshot.facts().denial, {}, {}, false, false};
  if (out.kind == zone::Denial::nsec) {
    const auto wildcard = Name::wildcard_of(encloser);
    out.complete =
        nsec_deny_name(out, snapshot, name) && wildcard && nsec_deny_name(out, snapshot, *wildcard);
  } else if (out.kind == zone::Denial::nsec3) {
    const auto proved = nsec3_encloser(out, snapshot, name);
    const auto wildcard = proved ? Name::wildcard_of(*proved) : Name::wildcard_of(encloser);
    out.complete = proved && wildcard && nsec3_cover(out, snapshot, *wildcard);
  }
  return out;
}

Absence no_such_type(const Snapshot& snapshot, NameView name, RRType type) {
  Absence out{snapshot.facts().denial, {}, {}, false, false};
  if (out.kind == zone::Denial::nsec) {
    auto nsec = nsec_for(snapshot, name);
    if (!nsec) return out;
    if (wire::equal(nsec->set.owner, name)) {
      out.complete = !has(nsec->fields.types, type) && !has(nsec->fields.types, RRType::CNAME);
      add(out, std::move(nsec->set),
          fmt::format("lists the types of {}, and this one is not among them", name.text()));
    } else {  // an empty non-terminal: what comes next lies below it
      out.complete =
          nsec_covers(*nsec, name, snapshot.facts().apex) && nsec->fields.next.is_at_or_below(name);
      auto text = fmt::format("{} is empty, with {} below it", name.text(), nsec->fields.next.text());
      add(out, std::move(nsec->set), std::move(text));
    }
  } else if (out.kind == zone::Denial::nsec3) {
    if (auto match = nsec3_match(snapshot, name)) {
      out.complete = !has(match->fields.types, type) && !has(match->fields.types, RRType::CNAME);
      add(out, std::move(match->set),
          fmt::format("lists the types of {}, and this one is not among them", name.text()));
    } else {  // a delegation without DS that opt-out left out of the chain
      out.complete = nsec3_encloser(out, snapshot, name).has_value() && out.opt_out;
    }
  }
  return out;
}

}  // namespace onoma::resolve
