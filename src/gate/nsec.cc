// The chain of NSEC records (RFC 4034 §4, RFC 4035 §2.3).
#include <algorithm>

#include <fmt/format.h>

#include "gate/check.h"

namespace onoma::gate {
namespace {

bool needs_nsec(const Place& place) {
  return place.standing == Standing::authoritative || place.standing == Standing::cut;
}

// The next name that owns an NSEC record, behind `key`, the apex when there is none.
wire::Name successor(const Check& check, std::string_view key, const Place& place) {
  auto at = check.zone.seek(key);
  if (at.valid() && at.key() == key) {
    if (place.node && hides_below(*place.node, check.apex) && !key.empty())
      at = check.zone.seek(key_behind_subtree(key));
    else if (place.node && hides_below(*place.node, check.apex))
      return check.apex;  // a DNAME at the root hides everything
    else
      at.next();
  }
  while (at.valid() && !holds_data(at.node())) at.next();
  return at.valid() ? at.node().owner() : check.apex;
}

// The nearest name before `key` that owns an NSEC record: a cut stands for all that it hides.
std::optional<NodeView> predecessor(const Check& check, std::string_view key) {
  auto at = check.zone.seek_before(key);
  while (at.valid() && !holds_data(at.node())) at.prev();
  if (!at.valid()) return std::nullopt;
  const auto place = place_of(check.zone, check.apex, at.node().owner());
  return place.covered ? place.covered : at.node();
}

// The last name of the chain.
std::optional<NodeView> last_name(const Check& check) {
  if (check.apex.is_root()) {
    std::string behind(1, '\xff');
    return predecessor(check, behind);
  }
  return predecessor(check, key_behind_subtree(wire::sort_key(check.apex)));
}

std::optional<Nsec> nsec_of(const NodeView& node) {
  const auto set = node.find(RRType::NSEC);
  if (!set || set->size() != 1) return std::nullopt;
  return Nsec::read(set->rdatas().front());
}

}  // namespace

std::optional<Nsec> Nsec::read(ByteView data) {
  const auto size = name_octets(data);
  if (size == 0 || size >= data.size()) return std::nullopt;
  return Nsec{NameView::trusted(data.first(size)), data.subspan(size)};
}

void check_denial_ttl(Check& check, NameView owner, const RRsetView& set) {
  const auto expected = check.zone.facts().negative_ttl_s;
  if (set.ttl() == expected) return;
  // RFC 9077 came late: others still use the SOA's MINIMUM alone.
  check.findings.report(!check.options.foreign, owner,
                        fmt::format("{} has the TTL {} instead of {} (RFC 9077)", subject(owner, set.type()),
                                    set.ttl(), expected));
}

void check_nsec_here(Check& check, NameView owner, const Place& place) {
  auto& findings = check.findings;
  const auto set = place.node ? place.node->find(RRType::NSEC) : std::nullopt;
  if (!needs_nsec(place)) {
    if (set)
      findings.fatal(owner,
                     fmt::format("{} has an NSEC record, but the name {}: remove it", owner.text(),
                                 place.standing == Standing::occluded ? "is hidden by a delegation or DNAME"
                                                                      : "holds no data"));
    return;
  }
  if (!set) {
    findings.fatal(owner, fmt::format("{} has no NSEC record", owner.text()));
    return;
  }
  const auto nsec = set->size() == 1 ? Nsec::read(set->rdatas().front()) : std::nullopt;
  if (!nsec) {
    findings.fatal(owner, fmt::format("{} has not exactly one readable NSEC record", owner.text()));
    return;
  }
  const auto expected = encode_bitmap(types_to_show(place, false));
  if (!equal(nsec->bitmap, expected))
    findings.fatal(owner, fmt::format("NSEC of {} shows {} instead of {}", owner.text(),
                                      bitmap_text(nsec->bitmap), bitmap_text(expected)));
  check_denial_ttl(check, owner, *set);
}

void check_link(Check& check, NameView owner, NameView next, NameView expected) {
  if (same_name(next, expected)) return;
  check.findings.fatal(owner, fmt::format("NSEC of {} names {} as the next name instead of {}", owner.text(),
                                          next.text(), expected.text()));
}

void check_nsec_links(Check& check, NameView name, const Place& place) {
  // What a cut hides is passed over by the chain: the cut itself is among the names of the step, or did not
  // change.
  if (place.standing == Standing::occluded) return;
  const auto key = wire::sort_key(name);
  const auto next = successor(check, key, place);
  const bool in_chain = needs_nsec(place);
  if (in_chain) {
    if (!same_name(next, check.apex) && compare_names(name, next) >= 0)
      check.findings.fatal(name, fmt::format("the version holds {} before {}, against canonical order",
                                             name.text(), next.text()));
    if (const auto nsec = nsec_of(*place.node)) check_link(check, name, nsec->next, next);
  }
  auto before = same_name(name, check.apex) ? last_name(check) : predecessor(check, key);
  if (!before) return;
  if (const auto nsec = nsec_of(*before))
    check_link(check, before->owner(), nsec->next, in_chain ? name : next.view());
  else
    check.findings.fatal(before->owner(), fmt::format("{} has no NSEC record", before->owner().text()));
}

}  // namespace onoma::gate
