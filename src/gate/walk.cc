// The whole zone, once, in slices: names in canonical order, then NSEC3 records in the order of hashes.
#include <algorithm>

#include <fmt/format.h>

#include "gate/check.h"

namespace onoma::gate {

class Walker::Inside {
 public:
  Inside(Check& check, const Walk& what, const ProgressFn& progress)
      : check_(check),
        what_(what),
        progress_(progress),
        apex_labels_(check.apex.label_count()),
        at_(check.zone.first()),
        explanation_(explained_.begin()) {
    counts_.digest = what.digest;
    state_.names_total = check_.zone.facts().names;
    if (what_.structure) check_apex(check_);
  }

  bool step(std::size_t names) {
    for (; !hashes_ && names > 0 && at_.valid(); --names) {
      visit(at_.node(), at_.key());
      ++names_;
      report_progress();
      at_.next();
    }
    if (!hashes_ && !at_.valid()) end_names();
    for (; hashes_ && names > 0 && at_.valid(); --names) {
      visit_nsec3(at_.node(), at_.key());
      report_progress();
      at_.next();
    }
    const bool more = !hashes_ || at_.valid();
    if (!more) end_hashes();
    check_.queue.run();
    return more;
  }

  Counts finish() {
    if (progress_) {
      state_.signatures = check_.queue.checked();
      progress_(state_);
    }
    return counts_;
  }

 private:
  void end_names() {
    const auto& facts = check_.zone.facts();
    close_empty({});
    if (denial() == zone::Denial::nsec && linked_)
      check_link(check_, linked_->owner, linked_->next, check_.apex);
    if (what_.counts && names_ != facts.names)
      check_.findings.fatal(check_.apex, fmt::format("the version of {} claims {} names, it should be {}",
                                                     check_.apex.text(), facts.names, names_));
    std::sort(explained_.begin(), explained_.end());
    if (std::adjacent_find(explained_.begin(), explained_.end()) != explained_.end())
      check_.findings.fatal(
          check_.apex,
          fmt::format("two names of {} have the same NSEC3 hash: choose another salt", check_.apex.text()));
    explanation_ = explained_.begin();
    hashes_ = true;
    at_ = check_.zone.nsec3_first();
  }

  // An empty non-terminal below which the walk is.
  struct Empty {
    std::string key;
    wire::Name name;
    bool required;
  };
  struct Link {
    wire::Name owner, next;
  };

  zone::Denial denial() const { return check_.dnssec() ? check_.chain.denial : zone::Denial::none; }

  void visit(const NodeView& node, std::string_view key) {
    const auto owner = node.owner();
    if (previous_ && compare_names(*previous_, owner) >= 0)
      check_.findings.fatal(owner, fmt::format("the version holds {} before {}, against canonical order",
                                               previous_->text(), owner.text()));
    const auto place = stand(node, key);
    if (what_.structure) {
      check_node(check_, node, place);
      if (place.standing == Standing::cut || node.has(RRType::SOA)) check_name_servers(check_, node);
    }
    if (what_.counts)
      for (std::size_t i = 0; i < node.size(); ++i) add(counts_, check_.apex, owner, node.at(i));
    if (check_.dnssec()) visit_signed(node, place, key);
    if (holds_data(node)) previous_ = owner;
  }

  Place stand(const NodeView& node, std::string_view key) {
    if (hiding_ && !key.starts_with(hiding_key_)) hiding_.reset();
    Place place;
    if (hiding_) {
      place.node = node;
      place.standing = Standing::occluded;
      place.covered = hiding_;
      return place;
    }
    if (!holds_data(node)) return place_of(check_.zone, check_.apex, node.owner());
    const bool cut = node.has(RRType::NS) && !same_name(node.owner(), check_.apex);
    place.node = node;
    place.standing = cut ? Standing::cut : Standing::authoritative;
    place.secure = cut && node.has(RRType::DS);
    if (hides_below(node, check_.apex)) {
      hiding_ = node;
      hiding_key_ = key;
    }
    return place;
  }

  void visit_signed(const NodeView& node, const Place& place, std::string_view key) {
    check_signed(check_, node, place, what_.octets ? nullptr : &no_types_);
    if (node.has(RRType::NSEC) && denial() != zone::Denial::nsec)
      check_.findings.fatal(node.owner(), fmt::format("{} stands in a zone that uses NSEC3",
                                                      subject(node.owner(), RRType::NSEC)));
    if (denial() == zone::Denial::nsec) {
      check_nsec_here(check_, node.owner(), place);
      link(node, place);
    } else if (denial() == zone::Denial::nsec3) {
      hash(node, place, key);
    }
  }

  void link(const NodeView& node, const Place& place) {
    if (place.standing != Standing::authoritative && place.standing != Standing::cut) return;
    if (linked_) check_link(check_, linked_->owner, linked_->next, node.owner());
    linked_.reset();
    const auto set = node.find(RRType::NSEC);
    const auto nsec = set && set->size() > 0 ? Nsec::read(set->rdatas().front()) : std::nullopt;
    if (nsec) linked_ = Link{node.owner(), nsec->next};
  }

  void hash(const NodeView& node, const Place& place, std::string_view key) {
    const auto need = nsec3_need(place);
    if (need == Need::forbidden || place.standing == Standing::empty) {
      // An empty non-terminal is visited when the walk leaves it; nothing else here may own an NSEC3 record,
      // and one that does is found among those that no name explains.
      return;
    }
    close_empty(key);
    open_empty(node.owner());
    if (need == Need::required)
      for (auto& above : empties_) above.required = true;
    match(node.owner(), place, need);
  }

  // Ancestors that come into being with this owner: those that it does not share with the name before.
  void open_empty(NameView owner) {
    const auto labels = owner.label_count();
    const auto shared = previous_ ? common_labels(*previous_, owner) : apex_labels_;
    for (auto count = std::max(shared, apex_labels_) + 1; count < labels; ++count)
      empties_.push_back({wire::sort_key(owner.ancestor(count)), owner.ancestor(count), false});
  }

  // Leaves all empty non-terminals that are not above `key`.
  void close_empty(std::string_view key) {
    while (!empties_.empty() && (key.empty() || !key.starts_with(empties_.back().key))) {
      const auto& done = empties_.back();
      Place place;
      place.standing = Standing::empty;
      match(done.name, place, done.required ? Need::required : Need::optional);
      empties_.pop_back();
    }
  }

  void match(NameView name, const Place& place, Need need) {
    const auto hash = check_.hash(name);
    if (check_nsec3_here(check_, name, place, need, hash)) explained_.push_back(hash);
  }

  void visit_nsec3(const NodeView& node, std::string_view key) {
    const std::string hash(key);
    if (what_.counts)
      for (std::size_t i = 0; i < node.size(); ++i) add(counts_, check_.apex, node.owner(), node.at(i));
    if (denial() == zone::Denial::nsec3) {
      check_nsec3_record(check_, hash, node, what_.octets);
      while (explanation_ != explained_.end() && text_of(*explanation_) < hash) ++explanation_;
      if (explanation_ == explained_.end() || text_of(*explanation_) != hash)
        check_.findings.fatal(
            node.owner(), fmt::format("{} is for no name of the zone", subject(node.owner(), RRType::NSEC3)));
      if (last_)
        check_nsec3_link(check_, *last_, hash);
      else
        first_hash_ = hash;
    }
    last_ = node;
  }

  void end_hashes() {
    if (last_ && denial() == zone::Denial::nsec3) check_nsec3_link(check_, *last_, first_hash_);
  }

  void report_progress() {
    if (++state_.names % 10000 != 0 || !progress_) return;
    state_.signatures = check_.queue.checked();
    progress_(state_);
  }

  Check& check_;
  const Walk what_;
  const ProgressFn& progress_;
  const std::size_t apex_labels_;
  const std::vector<RRType> no_types_;
  Progress state_;
  Counts counts_;
  std::uint64_t names_ = 0;
  std::optional<NodeView> hiding_;  // the cut or DNAME that the walk is below
  std::string hiding_key_;
  std::optional<wire::Name> previous_;  // owner before, in order
  std::optional<Link> linked_;          // the last NSEC record seen
  std::vector<Empty> empties_;
  std::vector<Hash> explained_;  // hashes that belong to names
  zone::Cursor at_;
  bool hashes_ = false;  // at_ is in the order of hashes
  std::vector<Hash>::const_iterator explanation_;
  std::optional<NodeView> last_;  // NSEC3 record seen
  std::string first_hash_;
};

Walker::Walker(Check& check, const Walk& what, const ProgressFn& progress)
    : inside_(std::make_unique<Inside>(check, what, progress)) {}
Walker::~Walker() = default;
bool Walker::step(std::size_t names) {
  return inside_->step(names);
}
Counts Walker::finish() {
  return inside_->finish();
}

Counts walk_zone(Check& check, const Walk& what, const ProgressFn& progress) {
  Walker walker(check, what, progress);
  while (walker.step(kWholeZone)) {
  }
  return walker.finish();
}

}  // namespace onoma::gate
