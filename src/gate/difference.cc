// A diff against the two versions it stands between.
#include <map>

#include <fmt/format.h>

#include "base/encoding.h"
#include "gate/check.h"
#include "wire/rdata.h"

namespace onoma::gate {
namespace {

bool same_run(const DataRange& run, const std::vector<Bytes>& list) {
  if (run.size() != list.size()) return false;
  std::size_t i = 0;
  for (auto data : run)
    if (!equal(data, ByteView(list[i++]))) return false;
  return true;
}

bool same_run(const DataRange& a, const DataRange& b) {
  if (a.size() != b.size()) return false;
  auto at = b.begin();
  for (auto data : a) {
    if (!equal(data, *at)) return false;
    ++at;
  }
  return true;
}

using ChangeKeys = std::map<std::pair<std::string, std::uint16_t>, const zone::RRsetChange*>;

// Reports every set that differs between the two nodes and is not in the diff.
void compare_nodes(Check& check, const ChangeKeys& changes, std::string_view key,
                   const std::optional<NodeView>& before, const std::optional<NodeView>& after) {
  auto report = [&](NameView owner, RRType type) {
    if (changes.contains({std::string(key), wire::number(type)})) return;
    check.findings.fatal(owner,
                         fmt::format("{} changed, but the diff does not say so", subject(owner, type)));
  };
  if (before)
    for (std::size_t i = 0; i < before->size(); ++i) {
      const auto old = before->at(i);
      const auto now = after ? after->find(old.type()) : std::nullopt;
      if (!now || now->ttl() != old.ttl() || !same_run(now->rdatas(), old.rdatas()) ||
          !same_run(now->signatures(), old.signatures()))
        report(before->owner(), old.type());
    }
  if (after)
    for (std::size_t i = 0; i < after->size(); ++i)
      if (const auto type = after->at(i).type(); !before || !before->has(type)) report(after->owner(), type);
}

void compare_orders(Check& check, const ChangeKeys& changes, zone::Cursor before, zone::Cursor after) {
  while (before.valid() || after.valid()) {
    const int order = !before.valid() ? 1 : !after.valid() ? -1 : before.key().compare(after.key());
    const std::string key(order <= 0 ? before.key() : after.key());
    compare_nodes(check, changes, key, order <= 0 ? std::optional(before.node()) : std::nullopt,
                  order >= 0 ? std::optional(after.node()) : std::nullopt);
    if (order <= 0) before.next();
    if (order >= 0) after.next();
  }
}

}  // namespace

bool same_set(const std::optional<RRsetView>& view, const std::optional<zone::RRset>& set) {
  if (!view || !set) return !view && !set;
  return view->type() == set->type && view->ttl() == set->ttl && same_run(view->rdatas(), set->rdatas) &&
         same_run(view->signatures(), set->signatures);
}

std::optional<Bytes> hash_of_owner(NameView owner, NameView apex) {
  if (owner.is_root() || !same_name(owner.parent(), apex)) return std::nullopt;
  auto hash = from_base32hex(as_text(owner.first_label()));
  if (!hash || hash->size() != 20) return std::nullopt;
  return hash;
}

std::optional<RRsetView> find_set(const Snapshot& zone, NameView owner, RRType type) {
  std::optional<NodeView> node;
  if (type == RRType::NSEC3) {
    const auto hash = hash_of_owner(owner, zone.facts().apex);
    if (hash) node = zone.nsec3_match(as_text(*hash));
  } else {
    node = zone.node(wire::sort_key(owner));
  }
  return node ? node->find(type) : std::nullopt;
}

Counts check_diff(Check& check, const Snapshot& before, const zone::Diff& diff) {
  auto& findings = check.findings;
  const auto from = before.facts().serial, to = check.zone.facts().serial;
  if (!wire::serial_newer(to, from))
    findings.fatal(check.apex, fmt::format("serial {} of {} is not newer than {} (RFC 1982)", to,
                                           check.apex.text(), from));
  if (!same_name(diff.apex, check.apex) || !same_name(before.facts().apex, check.apex))
    findings.fatal(check.apex, fmt::format("the diff is for {}, the version for {}", diff.apex.text(),
                                           check.apex.text()));
  if (diff.from_serial != from || diff.to_serial != to)
    findings.fatal(check.apex,
                   fmt::format("the diff of {} leads from serial {} to {}, the versions from {} to {}",
                               check.apex.text(), diff.from_serial, diff.to_serial, from, to));
  auto counts = Counts::of(before, check.options.level == zone::GateLevel::registry || check.options.full);
  std::map<std::pair<std::string, std::uint16_t>, int> seen;
  for (const auto& change : diff.changes) {
    if (++seen[{wire::sort_key(change.owner), wire::number(change.type)}] > 1)
      findings.fatal(change.owner,
                     fmt::format("{} is in the diff twice", subject(change.owner, change.type)));
    if (!change.owner.is_at_or_below(check.apex)) {
      findings.fatal(change.owner, fmt::format("{} of the diff is outside the zone {}",
                                               subject(change.owner, change.type), check.apex.text()));
      continue;
    }
    if (!same_set(find_set(before, change.owner, change.type), change.before))
      findings.fatal(change.owner,
                     fmt::format("{}: the version before does not hold what the diff takes away",
                                 subject(change.owner, change.type)));
    if (!same_set(find_set(check.zone, change.owner, change.type), change.after))
      findings.fatal(change.owner, fmt::format("{}: the version does not hold what the diff says",
                                               subject(change.owner, change.type)));
    if (change.before) remove(counts, check.apex, *change.before);
    if (change.after) add(counts, check.apex, *change.after);
  }
  check_counts(check, counts);
  return counts;
}

void check_nothing_else(Check& check, const Snapshot& before, const zone::Diff& diff) {
  ChangeKeys names, hashes;
  for (const auto& change : diff.changes) {
    if (change.type == RRType::NSEC3) {
      if (const auto hash = hash_of_owner(change.owner, check.apex))
        hashes[{std::string(as_text(*hash)), wire::number(change.type)}] = &change;
    } else {
      names[{wire::sort_key(change.owner), wire::number(change.type)}] = &change;
    }
  }
  compare_orders(check, names, before.first(), check.zone.first());
  compare_orders(check, hashes, before.nsec3_first(), check.zone.nsec3_first());
}

}  // namespace onoma::gate
