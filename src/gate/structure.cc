// Checks that need no keys: forms, sizes, what may stand together and where.
#include <algorithm>

#include <fmt/format.h>

#include "gate/check.h"
#include "wire/rdata.h"

namespace onoma::gate {
namespace {

// A response to a query for the set must be possible over TCP: header, question, OPT, owners compressed to 2
// octets.
std::size_t message_octets(NameView owner, const RRsetView& set) {
  std::size_t size = 12 + owner.size() + 4 + 11;
  for (auto data : set.rdatas()) size += 12 + data.size();
  for (auto data : set.signatures()) size += 12 + data.size();
  return size;
}

void check_set(Check& check, NameView owner, const RRsetView& set) {
  auto& findings = check.findings;
  const auto type = set.type();
  if (type == RRType::RRSIG) return;  // reported with the signatures
  if (wire::is_meta_type(type) || wire::number(type) == 0) {
    findings.fatal(owner, fmt::format("{} is a type that exists in messages only", subject(owner, type)));
    return;
  }
  if (set.rdatas().empty()) findings.fatal(owner, fmt::format("{} has no records", subject(owner, type)));
  if (set.ttl() > check.options.max_ttl_s)
    findings.fatal(owner, fmt::format("{} has the TTL {}, more than the limit {}", subject(owner, type),
                                      set.ttl(), check.options.max_ttl_s));
  if (const auto size = message_octets(owner, set); size > 65535)
    findings.fatal(
        owner, fmt::format("{} needs a message of {} octets; 65535 is the most", subject(owner, type), size));
  Bytes before;
  bool first = true;
  for (auto data : set.rdatas()) {
    if (!wire::rdata_valid(type, data))
      findings.fatal(owner,
                     fmt::format("{} has data that do not have the form of the type", subject(owner, type)));
    auto canonical = canonical_data(type, data);
    if (!first && !(before < canonical))
      findings.fatal(owner, fmt::format("{} has records that are double or not in canonical order",
                                        subject(owner, type)));
    before = std::move(canonical);
    first = false;
  }
}

void check_company(Check& check, const NodeView& node, const Place& place) {
  auto& findings = check.findings;
  const auto owner = node.owner();
  const bool apex = same_name(owner, check.apex);
  const bool lenient = check.options.foreign;
  auto single = [&](RRType type) {
    if (const auto set = node.find(type); set && set->size() > 1)
      findings.fatal(owner,
                     fmt::format("{} has {} records; one is the most", subject(owner, type), set->size()));
  };
  single(RRType::CNAME);
  single(RRType::DNAME);
  if (node.has(RRType::CNAME))
    for (std::size_t i = 0; i < node.size(); ++i) {
      const auto type = node.at(i).type();
      // 25 is KEY, which may stand there too (RFC 3007 §1.5).
      if (type != RRType::CNAME && type != RRType::RRSIG && type != RRType::NSEC && wire::number(type) != 25)
        findings.fatal(owner, fmt::format("{} has a CNAME and {} beside it (RFC 1034 §3.6.2)", owner.text(),
                                          wire::type_text(type)));
    }
  if (node.has(RRType::SOA) && !apex)
    findings.fatal(owner,
                   fmt::format("{} is below the apex {}", subject(owner, RRType::SOA), check.apex.text()));
  if (owner.is_wildcard())
    for (auto type : {RRType::NS, RRType::DNAME})
      if (node.has(type))
        findings.report(
            !lenient, owner,
            fmt::format("{} is at a wildcard, which has no meaning (RFC 4592 §4)", subject(owner, type)));
  if (node.has(RRType::DNAME) && node.has(RRType::NS) && !apex)
    findings.report(!lenient, owner, fmt::format("{} owns both DNAME and NS (RFC 6672 §2.3)", owner.text()));
  if (node.has(RRType::DS) && place.standing != Standing::occluded) {
    if (apex)
      findings.report(
          !lenient, owner,
          fmt::format("{} is at the apex; it belongs into the parent zone", subject(owner, RRType::DS)));
    else if (!node.has(RRType::NS))
      findings.report(!lenient, owner, fmt::format("{} has no NS beside it", subject(owner, RRType::DS)));
  }
  for (auto type : {RRType::NSEC3PARAM, RRType::ZONEMD})
    if (node.has(type) && !apex)
      findings.warning(owner, fmt::format("{} has a meaning only at the apex", subject(owner, type)));
  if (node.has(RRType::NSEC3))
    findings.fatal(
        owner, fmt::format("{} has an owner that is no hash below the apex", subject(owner, RRType::NSEC3)));
  if (place.standing == Standing::occluded && place.covered)
    for (std::size_t i = 0; i < node.size(); ++i) {
      const auto type = node.at(i).type();
      const bool by_dname = !place.covered->has(RRType::NS);
      if (!by_dname && (type == RRType::A || type == RRType::AAAA)) continue;
      findings.warning(owner, fmt::format("{} is hidden by {} of {} and never answered", subject(owner, type),
                                          by_dname ? "DNAME" : "NS", place.covered->owner().text()));
    }
}

bool has_address(const NodeView& node) {
  return node.has(RRType::A) || node.has(RRType::AAAA);
}

}  // namespace

std::string subject(NameView owner, RRType type) {
  return owner.text() + ' ' + wire::type_text(type);
}

void check_node(Check& check, const NodeView& node, const Place& place) {
  const auto owner = node.owner();
  if (!owner.is_at_or_below(check.apex))
    check.findings.fatal(owner, fmt::format("{} is outside the zone {}", owner.text(), check.apex.text()));
  for (std::size_t i = 0; i < node.size(); ++i) check_set(check, owner, node.at(i));
  check_company(check, node, place);
}

void check_apex(Check& check) {
  auto& findings = check.findings;
  const auto apex = check.zone.apex();
  const auto& facts = check.zone.facts();
  if (!apex.has(RRType::NS))
    findings.fatal(check.apex, fmt::format("{} has no NS at its apex", check.apex.text()));
  const auto soa_set = apex.find(RRType::SOA);
  if (!soa_set || soa_set->size() != 1) {
    findings.fatal(check.apex, fmt::format("{} has {} SOA records at its apex instead of one",
                                           check.apex.text(), soa_set ? soa_set->size() : 0));
    return;
  }
  const auto soa = wire::Soa::read(soa_set->rdatas().front());
  if (!soa) {
    findings.fatal(check.apex, fmt::format("the SOA of {} cannot be read", check.apex.text()));
    return;
  }
  if (facts.serial != soa->serial)
    findings.fatal(check.apex,
                   fmt::format("the version says serial {}, its SOA says {}", facts.serial, soa->serial));
  if (const auto negative = std::min(soa_set->ttl(), soa->minimum_s); facts.negative_ttl_s != negative)
    findings.fatal(check.apex, fmt::format("the version says negative TTL {}, its SOA says {}",
                                           facts.negative_ttl_s, negative));
  // Whoever serves the zone pays for the iterations with every name that does not exist, signed or not.
  if (!check.dnssec() && facts.denial == zone::Denial::nsec3 &&
      facts.nsec3_iterations > check.options.max_nsec3_iterations)
    findings.fatal(check.apex,
                   fmt::format("NSEC3PARAM of {} has {} iterations; {} is the most", check.apex.text(),
                               facts.nsec3_iterations, check.options.max_nsec3_iterations));
  if (const auto zonemd = apex.find(RRType::ZONEMD))
    for (auto data : zonemd->rdatas())
      if (data.size() < 6 || load_u32(data.data()) != soa->serial)
        findings.report(!check.options.foreign, check.apex,
                        fmt::format("ZONEMD of {} is for serial {}, the SOA has {}", check.apex.text(),
                                    data.size() < 4 ? 0 : load_u32(data.data()), soa->serial));
}

void check_name_servers(Check& check, const NodeView& node) {
  const auto owner = node.owner();
  const auto set = node.find(RRType::NS);
  if (!set) return;
  for (auto data : set->rdatas()) {
    if (name_octets(data) != data.size()) continue;
    const auto target = NameView::trusted(data);
    if (!target.is_at_or_below(check.apex)) continue;
    const auto place = place_of(check.zone, check.apex, target);
    if (place.node && place.node->has(RRType::CNAME)) {
      check.findings.warning(owner, fmt::format("{}: the name server {} is an alias (RFC 2181 §10.3)",
                                                subject(owner, RRType::NS), target.text()));
      continue;
    }
    // Own addresses can come only from here: below the cut they are glue, above it data of this zone.
    const bool ours = target.is_at_or_below(owner) || place.standing != Standing::occluded;
    if (!ours || (place.node && has_address(*place.node))) continue;
    // A name server below another, nearer delegation gets its addresses from there.
    if (same_name(owner, check.apex) &&
        (place.standing == Standing::occluded || place.standing == Standing::cut))
      continue;
    // The wildcard that would answer for the name.
    if (!target.is_at_or_below(owner) || same_name(owner, check.apex)) {
      bool by_wildcard = false;
      for (auto count = target.label_count(); count-- > check.apex.label_count() && !by_wildcard;)
        if (const auto wildcard = wire::Name::wildcard_of(target.ancestor(count)))
          if (const auto found = check.zone.node(wire::sort_key(*wildcard)))
            by_wildcard = has_address(*found);
      if (by_wildcard) continue;
    }
    check.findings.warning(owner, fmt::format("{}: the name server {} has no address in the zone",
                                              subject(owner, RRType::NS), target.text()));
  }
}

}  // namespace onoma::gate
