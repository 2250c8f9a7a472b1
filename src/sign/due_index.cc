#include "sign/due_index.h"

#include <algorithm>

#include "sign/rules.h"
#include "wire/rdata.h"

namespace onoma::sign {

using zone::NodeView;
using zone::Snapshot;

void DueIndex::follow(const Snapshot& current) {
  const auto serial = current.facts().serial;
  if (!follows(serial)) walk(current);
  serial_ = serial;
}

void DueIndex::walk(const Snapshot& current) {
  entries_.clear();
  complete_ = true;
  walked_ = true;
  serial_ = next_serial_ = current.facts().serial;
  const auto take = [&](const NodeView& node, std::string_view key) {
    for (std::size_t i = 0; i < node.size(); ++i) {
      const auto set = node.at(i);
      if (set.signatures().empty()) continue;
      max_ttl_s_ = std::max(max_ttl_s_, set.ttl());
      const auto renewal = signer_.renewal(set.type(), set.ttl(), set.signatures());
      if (!complete_ && renewal > horizon_) continue;
      keep({renewal, std::string(key), set.type(), serial_});
    }
  };
  for (auto cursor = current.first(); cursor.valid(); cursor.next()) take(cursor.node(), cursor.key());
  for (auto cursor = current.nsec3_first(); cursor.valid(); cursor.next()) take(cursor.node(), cursor.key());
}

void DueIndex::keep(Entry entry) {
  const auto serial = entry.serial;
  const auto [at, inserted] = entries_.insert(std::move(entry));
  if (!inserted) at->serial = serial;
  if (entries_.size() <= max_entries_) return;
  // The latest one goes. Others with the same renewal stay, and the horizon is just before it: what is at
  // or below the horizon is known completely.
  const auto last = std::prev(entries_.end());
  complete_ = false;
  horizon_ = last->renewal == 0 ? 0 : last->renewal - 1;
  entries_.erase(last);
}

void DueIndex::note(const Snapshot& current, const zone::Diff& diff) {
  walked_ = follows(current.facts().serial);
  if (!walked_) return;
  serial_ = current.facts().serial;
  next_serial_ = diff.to_serial;
  for (const auto& change : diff.changes) {
    if (!change.after || change.after->signatures.empty()) continue;
    max_ttl_s_ = std::max(max_ttl_s_, change.after->ttl);
    const auto renewal = signer_.renewal(*change.after);
    if (!complete_ && renewal > horizon_) continue;
    keep({renewal, change.type == RRType::NSEC3 ? hash_in_owner(change.owner) : wire::sort_key(change.owner),
          change.type, diff.to_serial});
  }
}

std::optional<NodeView> DueIndex::node(const Snapshot& snapshot, const Entry& entry) {
  return entry.type == RRType::NSEC3 ? snapshot.nsec3_match(entry.key) : snapshot.node(entry.key);
}

bool DueIndex::is_current(const Snapshot& current, const Entry& entry) const {
  const auto found = node(current, entry);
  const auto set = found ? found->find(entry.type) : std::nullopt;
  return set && !set->signatures().empty() &&
         signer_.renewal(set->type(), set->ttl(), set->signatures()) == entry.renewal;
}

template <class Visit>
void DueIndex::scan(const Snapshot& current, const Visit& visit) {
  const auto serial = current.facts().serial;
  for (int walks = 0;; ++walks) {
    for (auto at = entries_.begin(); at != entries_.end();) {
      if (is_current(current, *at)) {
        if (!visit(*at)) return;
        ++at;
      } else if (wire::serial_newer(at->serial, serial)) {
        ++at;  // of a version that is still on its way
      } else {
        at = entries_.erase(at);
      }
    }
    if (complete_ || walks == 1) return;
    walk(current);
  }
}

std::optional<std::uint32_t> DueIndex::earliest(const Snapshot& current) {
  std::optional<std::uint32_t> found;
  scan(current, [&](const Entry& entry) {
    found = entry.renewal;
    return false;
  });
  return found;
}

std::vector<DueIndex::Entry> DueIndex::due(const Snapshot& current, std::uint32_t until, std::size_t limit) {
  std::vector<Entry> out;
  if (limit == 0) return out;
  scan(current, [&](const Entry& entry) {
    if (entry.renewal > until) return false;
    out.push_back(entry);
    return out.size() < limit;
  });
  return out;
}

}  // namespace onoma::sign
