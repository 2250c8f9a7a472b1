#include "serve/resolve.h"

#include <cstring>

#include "serve/prove.h"
#include "wire/rdata.h"

namespace onoma::serve {

namespace {

using wire::NameView;
using wire::RRType;
using zone::Lookup;
using zone::NodeView;
using zone::RRsetView;

// Octets a set takes in a message, near enough to choose the smallest.
std::size_t weight(const RRsetView& set) {
  return set.rdatas().octets() + 10 * set.size();
}

class Resolver {
 public:
  Resolver(const zone::Snapshot& zone, const Question& question, Plan& plan, zone::NodeScratch& scratch)
      : zone_(zone),
        question_(question),
        plan_(plan),
        scratch_(scratch),
        prover_(zone, plan, scratch),
        apex_(zone.facts().apex) {}

  void run(const Lookup& first) {
    auto name = question_.name;
    auto found = first;
    for (std::size_t step = 0;; ++step) {
      if (found.damaged) return plan_.fail(wire::Rcode::servfail, Ede::other, "zone data damaged");
      const auto target = answer_one(name, found, step == 0);
      if (!target || step == kMaxChain - 1 || !target->is_at_or_below(apex_)) break;
      name = *target;
      zone::LookupKey::make(name, key_);
      found = zone_.find(key_, &scratch_);
    }
    if (prover_.collided()) plan_.fail(wire::Rcode::servfail, Ede::other, "NSEC3 hash collision");
  }

 private:
  using Next = std::optional<NameView>;  // where the chain goes on

  Next answer_one(NameView name, const Lookup& found, bool first) {
    if (found.cut && !(question_.type == RRType::DS && wire::equal(found.cut->owner(), name))) {
      refer(*found.cut, first);
      return {};
    }
    if (found.dname) return rewrite(name, *found.dname);
    if (found.exact) return answer_node(name, *found.exact, nullptr);
    if (found.exists) {
      no_data();
      if (question_.dnssec) prover_.no_data(name);
    } else if (found.wildcard) {
      return answer_node(name, *found.wildcard, &found);
    } else if (found.wildcard_is_empty) {
      no_data();
      if (question_.dnssec) prover_.wildcard_no_data(name, found.encloser_labels);
    } else {
      plan_.rcode = wire::Rcode::nxdomain;
      add_soa();
      if (question_.dnssec) prover_.no_name(name, found.encloser_labels);
    }
    return {};
  }

  // `wildcard`: the look-up that led to a wildcard node, or null when the node is the name's own.
  Next answer_node(NameView name, const NodeView& node, const Lookup* wildcard) {
    const auto type = question_.type;
    if (type != RRType::CNAME && type != RRType::RRSIG && type != RRType::NSEC && type != RRType::ANY) {
      if (const auto alias = node.find(RRType::CNAME)) return follow(name, *alias, wildcard);
    }
    if (const auto item = choose(name, node)) {
      plan_.add_answer(*item);
      if (wildcard && question_.dnssec) prover_.no_closer(name, wildcard->encloser_labels);
      return {};
    }
    no_data();
    if (!question_.dnssec) return {};
    if (wildcard)
      prover_.wildcard_no_data(name, wildcard->encloser_labels);
    else
      prover_.no_data(name);
    return {};
  }

  std::optional<Item> choose(NameView name, const NodeView& node) const {
    std::optional<RRsetView> best;
    if (question_.type == RRType::ANY) {  // one set is enough (RFC 8482 §4.1)
      best = node.find(RRType::CNAME);
      for (std::size_t i = 0, n = node.size(); i < n && !(best && best->type() == RRType::CNAME); ++i) {
        const auto set = node.at(i);
        if (wire::is_made_by_signer(set.type())) continue;
        if (!best || weight(set) < weight(*best)) best = set;
      }
    } else if (question_.type == RRType::RRSIG) {
      for (std::size_t i = 0, n = node.size(); i < n; ++i) {
        const auto set = node.at(i);
        if (!set.signatures().empty()) return Item{name, RRType::RRSIG, set.ttl(), set.signatures(), {}};
      }
    } else {
      best = node.find(question_.type);
    }
    if (!best) return std::nullopt;
    return item_of(name, *best);
  }

  Next follow(NameView name, const RRsetView& alias, const Lookup* wildcard) {
    if (visited(name)) return {};  // a circle: what was collected is the answer
    plan_.add_answer(item_of(name, alias));
    if (wildcard && question_.dnssec) prover_.no_closer(name, wildcard->encloser_labels);
    return wire::target_name(RRType::CNAME, alias.rdatas().front());
  }

  // Every step of a chain leaves one CNAME, found or made. A wildcard may be used for more than one of them.
  bool visited(NameView name) const {
    for (std::size_t i = 0; i < plan_.answer_count; ++i)
      if (plan_.answer[i].type == RRType::CNAME && wire::equal(plan_.answer[i].owner, name)) return true;
    return false;
  }

  Next rewrite(NameView name, const NodeView& node) {
    const auto set = node.find(RRType::DNAME);
    const auto owner = node.owner();
    const auto target = wire::target_name(RRType::DNAME, set->rdatas().front());
    plan_.add_answer(item_of(owner, *set));
    const auto kept = name.size() - owner.size();  // octets in front of the DNAME's owner
    const auto size = kept + target.size();
    if (size > wire::kMaxNameOctets) {
      plan_.rcode = wire::Rcode::yxdomain;
      plan_.ede = Ede::other;
      plan_.ede_text = "name too long after DNAME";
      return {};
    }
    auto& octets = plan_.made[plan_.made_count++];
    store_u16(octets.data(), static_cast<std::uint16_t>(size));
    std::memcpy(&octets[2], name.wire().data(), kept);
    std::memcpy(&octets[2 + kept], target.wire().data(), target.size());
    const auto made = NameView::trusted(ByteView(octets).subspan(2, size));
    if (visited(name)) return {};
    plan_.add_answer({name, RRType::CNAME, set->ttl(), {octets.data(), octets.data() + 2 + size, 1}, {}});
    if (question_.type == RRType::CNAME || question_.type == RRType::ANY) return {};
    return made;
  }

  void refer(const NodeView& cut, bool first) {
    const auto owner = cut.owner();
    plan_.authoritative = !first;  // AA speaks of the first owner name
    plan_.referral = true;
    plan_.cut = owner;
    // Signatures never cover a delegation's NS set; it stands in front of what does carry them.
    auto servers = item_of(owner, *cut.find(RRType::NS));
    servers.signatures = {};
    plan_.servers = servers.data;
    plan_.add_authority(servers);
    if (!question_.dnssec) return;
    if (const auto ds = cut.find(RRType::DS))
      plan_.add_authority(item_of(owner, *ds));
    else
      prover_.no_data(owner);
  }

  void no_data() { add_soa(); }

  void add_soa() {
    const auto& apex = zone_.apex();
    auto soa = item_of(apex.owner(), *apex.find(RRType::SOA));
    soa.ttl = zone_.facts().negative_ttl_s;  // RFC 2308 §5; its signatures get the same
    plan_.add_authority(soa);
  }

  const zone::Snapshot& zone_;
  const Question& question_;
  Plan& plan_;
  zone::NodeScratch& scratch_;
  Prover prover_;
  NameView apex_;
  zone::LookupKey key_;
};

}  // namespace

void resolve(const zone::Snapshot& zone, const Question& question, const zone::Lookup& found, Plan& plan,
             zone::NodeScratch& scratch) {
  plan.reset();
  Resolver(zone, question, plan, scratch).run(found);
}

}  // namespace onoma::serve
