#include "serve/compose.h"

#include <algorithm>

#include "wire/rdata.h"

namespace onoma::serve {

namespace {

using wire::NameView;
using wire::RRType;
using Section = wire::Writer::Section;

constexpr std::size_t kMostTargets = 13;  // names looked up for additional data of one answer
constexpr std::size_t kRemembered = 32;   // name servers of a referral that are looked up once, not twice

bool put_set(wire::Writer& writer, Section section, const Item& item, bool dnssec) {
  const auto before = writer.mark();
  for (auto data : item.data)
    if (!writer.add_record(section, item.owner, item.type, wire::RRClass::IN, item.ttl, data)) {
      writer.rollback(before);
      return false;
    }
  if (!dnssec) return true;
  for (auto data : item.signatures)
    if (!writer.add_record(section, item.owner, RRType::RRSIG, wire::RRClass::IN, item.ttl, data)) {
      writer.rollback(before);
      return false;
    }
  return true;
}

class Additional {
 public:
  Additional(wire::Writer& writer, const zone::Snapshot& zone, bool dnssec, zone::LookupKey& key,
             zone::NodeScratch& scratch)
      : writer_(writer),
        zone_(zone),
        dnssec_(dnssec),
        key_(key),
        scratch_(scratch),
        apex_(zone.facts().apex) {}

  // Addresses of the servers below the cut; false when some did not fit. One per server before the second of
  // any, so that a truncated answer reaches as many servers as it can.
  bool mandatory(NameView cut, const zone::DataRange& servers) {
    bool all = true;
    std::array<const std::uint8_t*, kRemembered> nodes;  // of the first pass; null: nothing for the second
    for (const bool second : {false, true}) {
      std::size_t index = 0;
      for (auto data : servers) {
        const auto here = index++;
        const bool known = second && here < nodes.size();
        if (known && !nodes[here]) continue;
        const auto target = wire::target_name(RRType::NS, data);
        const auto node = known                        ? std::optional(zone::NodeView(nodes[here]))
                          : target.is_at_or_below(cut) ? exactly(target)
                                                       : std::nullopt;
        const auto v4 = node ? node->find(RRType::A) : std::nullopt;
        const auto v6 = node ? node->find(RRType::AAAA) : std::nullopt;
        if (here < nodes.size()) nodes[here] = v4 && v6 ? node->encoded() : nullptr;
        const auto& set = second ? (v4 && v6 ? v6 : std::nullopt) : (v4 ? v4 : v6);
        if (set) all &= put(target, *set, false);
      }
    }
    return all;
  }

  // Addresses of servers under other cuts of this zone, and of those that are data of the zone.
  void others(NameView cut, const zone::DataRange& servers) {
    for (auto data : servers) {
      const auto target = wire::target_name(RRType::NS, data);
      if (!target.is_at_or_below(cut)) addresses(target, true);
    }
  }

  // Targets of NS, MX, SRV, SVCB and HTTPS sets that were the answer.
  void of_answer(const Item& item) {
    switch (item.type) {
      case RRType::NS:
      case RRType::MX:
      case RRType::SRV:
      case RRType::SVCB:
      case RRType::HTTPS:
        break;
      default:
        return;
    }
    const bool service = item.type == RRType::SVCB || item.type == RRType::HTTPS;
    for (auto data : item.data) {
      auto target = wire::target_name(item.type, data);
      // In service form "." stands for the owner (RFC 9460 §2.5.2).
      if (service && target.is_root() && load_u16(data.data()) != 0) target = item.owner;
      // The zone's own servers may lie below one of its cuts, as those of the root do; who asks for them
      // needs their addresses (RFC 9609).
      if (!target.is_root()) addresses(target, item.type == RRType::NS);
    }
  }

 private:
  void addresses(NameView target, bool glue) {
    if (!target.is_at_or_below(apex_) || seen_count_ == kMostTargets) return;
    for (std::size_t i = 0; i < seen_count_; ++i)
      if (wire::equal(seen_[i], target)) return;
    zone::LookupKey::make(target, key_);
    auto found = zone_.find(key_, &scratch_);
    // Glue lies below a cut, where a look-up stops.
    if (found.cut && glue) found.exact = zone_.node(key_, &scratch_);
    if (found.dname || !found.exact || (found.cut && !glue)) return;
    seen_[seen_count_++] = target;
    for (auto type : {RRType::A, RRType::AAAA})
      if (const auto set = found.exact->find(type)) put(target, *set, dnssec_);
  }

  std::optional<zone::NodeView> exactly(NameView name) {
    zone::LookupKey::make(name, key_);
    return zone_.node(key_, &scratch_);
  }

  bool put(NameView owner, const zone::RRsetView& set, bool signatures) {
    return put_set(writer_, Section::additional,
                   {owner, set.type(), set.ttl(), set.rdatas(), set.signatures()}, signatures);
  }

  wire::Writer& writer_;
  const zone::Snapshot& zone_;
  bool dnssec_;
  zone::LookupKey& key_;
  zone::NodeScratch& scratch_;
  NameView apex_;
  std::array<NameView, kMostTargets> seen_;
  std::size_t seen_count_ = 0;
};

}  // namespace

Composed compose(wire::Writer& writer, const zone::Snapshot& zone, const Plan& plan, bool dnssec,
                 zone::LookupKey& key, zone::NodeScratch& scratch) {
  for (std::size_t i = 0; i < plan.answer_count; ++i)
    if (!put_set(writer, Section::answer, plan.answer[i], dnssec)) return {true};
  for (std::size_t i = 0; i < plan.authority_count; ++i)
    if (!put_set(writer, Section::authority, plan.authority[i], dnssec)) return {true};
  Additional additional(writer, zone, dnssec, key, scratch);
  if (plan.referral) {
    if (!additional.mandatory(plan.cut, plan.servers)) return {true};
    additional.others(plan.cut, plan.servers);
  } else if (plan.answer_count > 0) {
    additional.of_answer(plan.answer[plan.answer_count - 1]);
  }
  return {};
}

}  // namespace onoma::serve
