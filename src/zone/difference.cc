// difference(): walks two snapshots side by side, once in name order and once in hash order. copy_sets().
#include "zone/node.h"
#include "zone/snapshot.h"

namespace onoma::zone {

namespace {

void compare_nodes(const std::optional<NodeView>& from, const std::optional<NodeView>& to, Diff& out) {
  const Name owner(from ? from->owner() : to->owner());
  const std::size_t n = from ? from->size() : 0, m = to ? to->size() : 0;
  for (std::size_t i = 0, j = 0; i < n || j < m;) {
    std::optional<RRsetView> before, after;
    if (i < n) before = from->at(i);
    if (j < m) after = to->at(j);
    if (before && after && before->type() != after->type()) {
      if (before->type() < after->type())
        after.reset();
      else
        before.reset();
    }
    i += before.has_value();
    j += after.has_value();
    RRsetChange change;
    change.owner = owner;
    change.type = before ? before->type() : after->type();
    if (before) change.before = before->copy(owner);
    if (after) {
      change.after = after->copy(owner);
      if (before && *change.before == *change.after) continue;
    }
    out.changes.push_back(std::move(change));
  }
}

bool same_octets(const NodeView& a, const NodeView& b) {
  const auto size = load_u32(a.encoded() + 4);
  return a.encoded() == b.encoded() ||
         (size == load_u32(b.encoded() + 4) && std::memcmp(a.encoded(), b.encoded(), size) == 0);
}

void walk(Cursor from, Cursor to, Diff& out) {
  while (from.valid() || to.valid()) {
    const int order = !from.valid() ? 1 : !to.valid() ? -1 : from.key().compare(to.key());
    std::optional<NodeView> before, after;
    if (order <= 0) before = from.node();
    if (order >= 0) after = to.node();
    if (!before || !after || !same_octets(*before, *after)) compare_nodes(before, after, out);
    if (order <= 0) from.next();
    if (order >= 0) to.next();
  }
}

}  // namespace

Diff difference(const Snapshot& from, const Snapshot& to) {
  Diff diff;
  diff.apex = from.facts().apex;
  diff.from_serial = from.facts().serial;
  diff.to_serial = to.facts().serial;
  walk(from.first(), to.first(), diff);
  walk(from.nsec3_first(), to.nsec3_first(), diff);
  diff.sort();
  return diff;
}

std::vector<RRset> copy_sets(const Snapshot& snapshot) {
  std::vector<RRset> out;
  out.reserve(snapshot.facts().rrsets);
  for (auto cursor : {snapshot.first(), snapshot.nsec3_first()})
    for (; cursor.valid(); cursor.next()) {
      const auto node = cursor.node();
      for (std::size_t i = 0, n = node.size(); i < n; ++i) out.push_back(node.at(i).copy(node.owner()));
    }
  return out;
}

}  // namespace onoma::zone
