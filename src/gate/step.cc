// One step from an accepted version to the next: only what changed, and what a change decides elsewhere.
//
// A change at a name decides: the name's own sets and signatures; its NSEC or NSEC3 record and those of its
// neighbours; whether its ancestors are empty non-terminals; and, where NS or DNAME comes or goes, everything
// below it.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "gate/check.h"

namespace onoma::gate {
namespace {

class Step {
 public:
  Step(Check& check, const Snapshot& before, const zone::Diff& diff)
      : check_(check), before_(before), diff_(diff), apex_labels_(check.apex.label_count()) {}

  Reach run() {
    collect();
    check_apex(check_);
    if (check_.dnssec()) look_at_keys();
    for (const auto& entry : touched_) visit(entry.second);
    for (const auto& cut : glue_of_) recheck_servers(cut);
    if (check_.dnssec() && check_.chain.denial == zone::Denial::nsec3) {
      visit_hashed();
      visit_nsec3_changes();
    }
    return reach_;
  }

 private:
  struct Touched {
    wire::Name name;
    std::vector<RRType> changed;  // types
    bool only_ancestor = true;    // touched because something below it was
  };
  // A name and what its NSEC3 record must be.
  struct Hashed {
    wire::Name name;
    Place place;
    Need need;
  };

  void collect() {
    for (const auto& change : diff_.changes) {
      if (change.type == RRType::NSEC3 || !change.owner.is_at_or_below(check_.apex)) continue;
      auto& touched = touch(change.owner);
      touched.changed.push_back(change.type);
    }
    // Names below a cut or DNAME that came or went.
    std::vector<wire::Name> roots;
    for (const auto& [key, touched] : touched_)
      if (std::ranges::any_of(touched.changed,
                              [](RRType type) { return type == RRType::NS || type == RRType::DNAME; }) &&
          hides(before_, key) != hides(check_.zone, key))
        roots.push_back(touched.name);
    for (const auto& root : roots) {
      const auto key = wire::sort_key(root);
      for (const auto* zone : {&before_, &check_.zone})
        for (auto at = zone->seek(key); at.valid() && at.key().starts_with(key); at.next())
          touch(at.node().owner());
    }
  }

  bool hides(const Snapshot& zone, const std::string& key) const {
    const auto node = zone.node(key);
    return node && hides_below(*node, check_.apex);
  }

  Touched& touch(NameView name) {
    auto& touched = touched_[wire::sort_key(name)];
    if (!touched.only_ancestor) return touched;
    touched.only_ancestor = false;
    touched.name = name;
    for (auto count = name.label_count(); count-- > apex_labels_ + 1;) {
      auto [at, fresh] = touched_.try_emplace(wire::sort_key(name.ancestor(count)));
      if (!fresh) break;  // and so are all above it
      at->second.name = name.ancestor(count);
    }
    return touched;
  }

  // What depends on every signature in the zone.
  void look_at_keys() {
    const auto old_keys = before_.apex().find(RRType::DNSKEY);
    const auto keys = old_keys ? KeySet(old_keys->rdatas()) : KeySet();
    if (keys.algorithms() != check_.keys.algorithms()) reach_.everything = true;
    for (const auto& key : keys.keys()) {
      const auto& now = check_.keys.keys();
      if (std::ranges::any_of(now, [&](const Key& other) { return other.data == key.data; })) continue;
      reach_.everything = true;
      // Another key under the same number: the fields of old signatures look right, their octets are not.
      if (!check_.keys.find(key.tag, key.algorithm).empty()) reach_.octets_too = true;
    }
    const auto& was = before_.facts();
    const auto& is = check_.zone.facts();
    if (was.denial != is.denial || was.nsec3_iterations != is.nsec3_iterations ||
        was.nsec3_salt != is.nsec3_salt || was.negative_ttl_s != is.negative_ttl_s)
      reach_.everything = true;
    const bool keys_touched = std::ranges::any_of(diff_.changes, [&](const auto& change) {
      return change.type == RRType::DNSKEY && same_name(change.owner, check_.apex);
    });
    if (keys_touched || !check_.options.parent_ds.empty()) check_keys(check_);
  }

  void visit(const Touched& touched) {
    const auto place = place_of(check_.zone, check_.apex, touched.name);
    if (!touched.only_ancestor) {
      if (place.node) {
        check_node(check_, *place.node, place);
        if (place.standing == Standing::cut || same_name(touched.name, check_.apex))
          check_name_servers(check_, *place.node);
      }
      if (place.standing == Standing::occluded && place.covered) note_glue(place.covered->owner());
    }
    if (!check_.dnssec()) return;
    if (!touched.only_ancestor && place.node) check_signed(check_, *place.node, place, &touched.changed);
    if (check_.chain.denial == zone::Denial::nsec) {
      if (touched.only_ancestor) return;
      check_nsec_here(check_, touched.name, place);
      check_nsec_links(check_, touched.name, place);
    } else if (check_.chain.denial == zone::Denial::nsec3) {
      if (place.node && place.node->has(RRType::NSEC))
        check_.findings.fatal(touched.name, fmt::format("{} stands in a zone that uses NSEC3",
                                                        subject(touched.name, RRType::NSEC)));
      const bool settled = touched.only_ancestor && place.standing != Standing::empty &&
                           place.standing != Standing::missing && place.standing != Standing::occluded;
      // An ancestor that holds data is what it was.
      if (!settled)
        hashed_.emplace(check_.hash(touched.name), Hashed{touched.name, place, nsec3_need(place)});
      if (nsec3_need(place) == Need::required && !settled)
        for (auto count = touched.name.label_count(); count-- > apex_labels_ + 1;)
          needed_.push_back(wire::sort_key(touched.name.view().ancestor(count)));
    }
  }

  void note_glue(NameView cut) {
    if (std::ranges::none_of(glue_of_, [&](NameView have) { return same_name(have, cut); }))
      glue_of_.push_back(cut);
  }

  void recheck_servers(NameView cut) {
    if (const auto node = check_.zone.node(wire::sort_key(cut))) check_name_servers(check_, *node);
  }

  void visit_hashed() {
    std::sort(needed_.begin(), needed_.end());
    for (auto& [hash, entry] : hashed_) {
      if (entry.place.standing == Standing::empty && entry.need == Need::optional &&
          empty_needs_record(hash, entry.name))
        entry.need = Need::required;
      check_nsec3_here(check_, entry.name, entry.place, entry.need, hash);
    }
  }

  // An empty non-terminal may go without a record only if everything below it is opted out (RFC 5155 §7.1).
  // That was so before unless it had a record, so that names which did not change matter only when a record
  // went away.
  bool empty_needs_record(const Hash& hash, const wire::Name& name) {
    const auto key = wire::sort_key(name);
    if (std::ranges::binary_search(needed_, key)) return true;
    if (check_.zone.nsec3_match(text_of(hash)) || !before_.nsec3_match(text_of(hash))) return false;
    for (auto at = check_.zone.seek(key); at.valid() && at.key().starts_with(key);) {
      const auto node = at.node();
      const bool cut = node.has(RRType::NS);
      if (holds_data(node) && (!cut || node.has(RRType::DS))) return true;
      if (cut)
        at = check_.zone.seek(key_behind_subtree(std::string(at.key())));
      else
        at.next();
    }
    return false;
  }

  void visit_nsec3_changes() {
    for (const auto& change : diff_.changes) {
      if (change.type != RRType::NSEC3) continue;
      const auto owner_hash = hash_of_owner(change.owner, check_.apex);
      if (!owner_hash) {
        check_.findings.fatal(change.owner, fmt::format("{} has an owner that is no hash below the apex",
                                                        subject(change.owner, change.type)));
        continue;
      }
      const std::string hash(as_text(*owner_hash));
      const auto node = check_.zone.nsec3_match(hash);
      if (node) {
        check_nsec3_record(check_, hash, *node, true);
        check_nsec3_link(check_, *node, hash_behind(hash));
      }
      if (!node || !change.before)
        if (const auto previous = record_before(hash))
          check_nsec3_link(check_, *previous, node ? std::string_view(hash) : hash_behind(hash));
      if (!explained(hash, change) || closes_opt_out(hash, node)) reach_.everything = true;
    }
  }

  std::string hash_behind(std::string_view hash) const {
    auto at = check_.zone.nsec3_seek(hash);
    if (at.valid() && at.key() == hash) at.next();
    if (!at.valid()) at = check_.zone.nsec3_first();
    return at.valid() ? std::string(at.key()) : std::string();
  }

  std::optional<NodeView> record_before(std::string_view hash) const {
    auto at = check_.zone.nsec3_seek(hash);
    if (at.valid()) at.prev();
    if (at.valid()) return at.node();
    return check_.zone.nsec3_at_or_before(std::string(20, '\xff'));  // the last one
  }

  // Is there a name in this step that the record belongs to, or is only its link new?
  bool explained(const std::string& hash, const zone::RRsetChange& change) const {
    Hash key;
    std::copy(hash.begin(), hash.end(), key.begin());
    if (hashed_.contains(key)) return true;
    if (!change.before || !change.after || change.before->rdatas.empty() || change.after->rdatas.empty())
      return false;
    const auto old_record = Nsec3::read(change.before->rdatas.front());
    const auto record = Nsec3::read(change.after->rdatas.front());
    return old_record && record && equal(old_record->bitmap, record->bitmap);
  }

  // Did the hashes behind this one lose their opt-out? Then delegations without a record, which the step does
  // not know, may have lost their proof.
  bool closes_opt_out(const std::string& hash, const std::optional<NodeView>& node) const {
    const auto old_cover = before_.nsec3_at_or_before(hash);
    const auto old_record = old_cover ? Nsec3::of(*old_cover) : std::nullopt;
    if (!old_record || !old_record->opt_out()) return false;
    const auto cover = node ? node : check_.zone.nsec3_at_or_before(hash);
    const auto record = cover ? Nsec3::of(*cover) : std::nullopt;
    return !record || !record->opt_out();
  }

  Check& check_;
  const Snapshot& before_;
  const zone::Diff& diff_;
  const std::size_t apex_labels_;
  Reach reach_;
  std::map<std::string, Touched> touched_;  // by sort key
  std::vector<wire::Name> glue_of_;         // cuts below which something changed
  std::map<Hash, Hashed> hashed_;
  std::vector<std::string> needed_;  // sort keys of names above something that needs an NSEC3 record
};

}  // namespace

Reach check_step(Check& check, const Snapshot& before, const zone::Diff& diff) {
  return Step(check, before, diff).run();
}

}  // namespace onoma::gate
