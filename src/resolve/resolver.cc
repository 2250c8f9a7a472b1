#include "resolve/resolver.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/check.h"
#include "model/json.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::resolve {
namespace {

using model::name_text;
using model::ObjectKind;
using wire::RRset;
using wire::RRType;

constexpr std::array<std::string_view, 5> kOutcomes = {"found", "delegated", "no-data", "not-found",
                                                       "elsewhere"};

// Writes down what happened and how long it took since the step before.
class Trace {
 public:
  Trace(const Clock& clock, std::vector<Step>& steps) : clock_(clock), steps_(steps), last_(clock.steady()) {}
  void step(std::string name, std::string what) {
    const auto now = clock_.steady();
    steps_.push_back({std::move(name), std::move(what), now - last_});
    last_ = now;
  }

 private:
  const Clock& clock_;
  std::vector<Step>& steps_;
  Duration last_;
};

std::string kind_of(const ident::Identifier& identifier) {
  std::string kind;
  for (const auto& [name, value] : identifier.parts)
    if (name == "registry") {
      kind = value;
      for (char& c : kind) c = c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
    }
  if (kind.empty()) {
    const auto* row = ident::find_scheme(identifier.scheme);
    const auto title = row != nullptr ? row->title : std::string_view(identifier.scheme);
    kind = title.substr(0, title.find(','));
  }
  return identifier.is_prefix ? kind + " prefix" : kind;
}

// One resolution in the making.
class Work {
 public:
  Work(const Sources& sources, const Options& options, Resolution& out)
      : sources_(sources), options_(options), out_(out), trace_(*sources.clock, out.steps) {}

  Result<void> run(std::string_view text) {
    out_.query = text;
    ONOMA_TRY(out_.identifier, ident::parse(text, options_.scheme));
    out_.kind = kind_of(out_.identifier);
    trace_.step("identify", fmt::format("{}: {}", out_.identifier.scheme, out_.identifier.canonical));
    if (sources_.registry != nullptr) {
      ONOMA_TRY(reader_, sources_.registry->open());
      out_.registry_seq = reader_->last_seq();
    }
    ONOMA_TRY(out_.dns_name, find_name());
    trace_.step("map", fmt::format("published at {}", name_text(out_.dns_name)));
    ONOMA_TRY_VOID(read_registry());
    look_up();
    ONOMA_TRY_VOID(read_change());
    return {};
  }

 private:
  // --- where ---

  Result<std::vector<Name>> apexes() {
    if (options_.apex) return std::vector<Name>{*options_.apex};
    std::vector<Name> found;
    if (!reader_) return found;
    ONOMA_TRY(const auto tlds, reader_->tlds());
    for (const auto& tld : tlds)
      if (tld.identifier_apex) found.push_back(*tld.identifier_apex);
    return found;
  }

  Result<Name> find_name() {
    const auto& id = out_.identifier;
    if (const auto* row = ident::find_scheme(id.scheme); row != nullptr && row->domain_anchored)
      return ident::dns_name(id, Name{});
    if (reader_ && !options_.apex) {
      ONOMA_TRY(const auto known, reader_->identifier(id.scheme, id.canonical));
      if (known) return known->dns_name;
    }
    ONOMA_TRY(const auto candidates, apexes());
    if (candidates.empty())
      return fail(
          Code::unavailable,
          "this server publishes no identifiers: no zone of its registry has an identifier apex; name one");
    return ident::dns_name(id, candidates.front());
  }

  // --- the registry ---

  Result<void> read_registry() {
    if (!reader_) {
      trace_.step("registry", "none here");
      return {};
    }
    std::string what;
    const auto& id = out_.identifier;
    ONOMA_TRY(auto at_name, reader_->identifiers_at(out_.dns_name));
    for (auto& identifier : at_name) {
      std::erase_if(identifier.values, [](const auto& value) { return !value.publicly_readable(); });
      if (identifier.scheme == id.scheme && identifier.canonical == id.canonical) what = "registered";
      out_.identifiers.push_back(std::move(identifier));
    }
    ONOMA_TRY_VOID(read_domain());
    ONOMA_TRY(const auto tld, reader_->tld(out_.dns_name));
    if (tld) out_.operated_zone = tld->name;
    if (out_.domain)
      what = fmt::format("domain {}, sponsored by {}", name_text(out_.domain->name),
                         out_.domain->origin.sponsor);
    if (out_.operated_zone) what = "a zone that this registry operates";
    if (what.empty() && !out_.identifiers.empty())
      what = fmt::format("{} {}", out_.identifiers.front().scheme, out_.identifiers.front().canonical);
    trace_.step("registry", what.empty() ? "no object" : what);
    return {};
  }

  // The registered domain at or above the name.
  Result<void> read_domain() {
    for (NameView at = out_.dns_name; !at.is_root(); at = at.parent()) {
      ONOMA_TRY(auto domain, reader_->domain(at));
      if (!domain) continue;
      domain->registrant.clear();
      out_.domain = *std::move(domain);
      return {};
    }
    return {};
  }

  Result<void> read_change() {
    if (!reader_) return {};
    std::vector<std::pair<ObjectKind, std::string>> keys;
    const auto own = out_.identifier.scheme + ":" + out_.identifier.canonical;
    for (const auto& identifier : out_.identifiers)
      keys.emplace_back(ObjectKind::identifier, identifier.scheme + ":" + identifier.canonical);
    // Also for objects that are gone: their last event is the one that removed them.
    if (out_.identifiers.empty()) keys.emplace_back(ObjectKind::identifier, own);
    if (out_.domain)
      keys.emplace_back(ObjectKind::domain, name_text(out_.domain->name));
    else if (out_.identifier.scheme == "domain")
      keys.emplace_back(ObjectKind::domain, name_text(out_.dns_name));
    if (out_.operated_zone) keys.emplace_back(ObjectKind::tld, name_text(*out_.operated_zone));
    std::uint64_t newest = 0;
    for (const auto& [kind, key] : keys) {
      ONOMA_TRY(const auto seq, reader_->last_event_of(kind, key));
      newest = std::max(newest, seq.value_or(0));
    }
    if (newest == 0) {
      trace_.step("history", "no event");
      return {};
    }
    ONOMA_TRY(const auto event, reader_->event(newest));
    if (event) out_.proof.change = ChangeProof{event->seq, event->id, event->time, event->command};
    if (sources_.publish_trace && out_.outcome != Outcome::elsewhere)
      out_.proof.publish = sources_.publish_trace(out_.proof.zone, newest);
    trace_.step("history", fmt::format("event {}{}", newest, event ? " " + event->command : ""));
    return {};
  }

  // --- the zone ---

  void look_up() {
    const auto snapshot = sources_.zone_for ? sources_.zone_for(out_.dns_name) : nullptr;
    if (!snapshot || !out_.dns_name.is_at_or_below(snapshot->facts().apex)) {
      trace_.step("zone", "no zone served here holds the name");
      return;
    }
    const auto& facts = snapshot->facts();
    out_.proof.zone = facts.apex;
    out_.proof.serial = facts.serial;
    trace_.step("zone", fmt::format("{} serial {}", name_text(facts.apex), facts.serial));
    zone::LookupKey key;
    zone::LookupKey::make(out_.dns_name, key);
    classify(*snapshot, snapshot->find(key));
    trace_.step("look up", fmt::format("{}, {} RRsets", token(out_.outcome), out_.records.size()));
    verify(*snapshot);
    trace_.step("verify", std::string(text(out_.proof.dnssec)));
  }

  void classify(const zone::Snapshot& snapshot, const zone::Lookup& found) {
    const NameView name = out_.dns_name;
    if (found.cut) return delegate(snapshot, *found.cut);
    if (found.dname) {
      out_.outcome = Outcome::found;
      out_.redirected_by = Name(found.dname->owner());
      out_.records.push_back({found.dname->find(RRType::DNAME)->copy(found.dname->owner()), {}});
      return;
    }
    const auto node = found.exact ? found.exact : found.wildcard;
    if (node) {
      take_records(*node);
      if (!found.exact) out_.from_wildcard = Name(node->owner());
      if (!out_.records.empty()) {
        out_.outcome = Outcome::found;
        return;
      }
    }
    if (found.exists || node || found.wildcard_is_empty) {
      out_.outcome = Outcome::no_data;
      const auto at = node ? Name(node->owner()) : Name(name);
      out_.denial = DenialSummary{no_such_type(snapshot, at, RRType::TXT), {}};
      return;
    }
    out_.outcome = Outcome::not_found;
    out_.denial = DenialSummary{no_such_name(snapshot, name, name.ancestor(found.encloser_labels)), {}};
  }

  void take_records(const zone::NodeView& node) {
    for (std::size_t i = 0; i < node.size(); ++i) {
      const auto set = node.at(i);
      if (!wire::is_made_by_signer(set.type())) out_.records.push_back({set.copy(node.owner()), {}});
    }
  }

  void delegate(const zone::Snapshot& snapshot, const zone::NodeView& cut) {
    out_.outcome = Outcome::delegated;
    auto& delegation = out_.delegation.emplace();
    delegation.cut = cut.owner();
    const auto ns = cut.find(RRType::NS);
    delegation.name_servers = ns->copy(cut.owner());
    if (const auto ds = cut.find(RRType::DS))
      delegation.ds = FoundSet{ds->copy(cut.owner()), {}};
    else
      out_.denial = DenialSummary{no_such_type(snapshot, cut.owner(), RRType::DS), {}};
    for (const auto rdata : ns->rdatas()) {
      const auto host = wire::target_name(RRType::NS, rdata);
      if (!host.is_at_or_below(snapshot.facts().apex)) continue;
      const auto node = snapshot.node(wire::sort_key(host));
      if (!node) continue;
      for (auto type : {RRType::A, RRType::AAAA})
        if (const auto set = node->find(type)) delegation.glue.push_back(set->copy(node->owner()));
    }
  }

  void verify(const zone::Snapshot& snapshot) {
    const ZoneKeys keys(snapshot);
    const auto now = sources_.clock->now();
    auto& worst = out_.proof.dnssec;
    out_.proof.ds = keys.ds_texts();
    worst = keys.own_status(now);
    if (!keys.is_signed()) return;
    const auto check = [&](FoundSet& found) {
      found.status = keys.check(found.set, now);
      worst = std::max(worst, found.status);
    };
    for (auto& found : out_.records) check(found);
    if (out_.delegation && out_.delegation->ds) check(*out_.delegation->ds);
    if (!out_.denial) return;
    auto& denial = *out_.denial;
    denial.status = denial.absence.complete ? SignatureStatus::verified : SignatureStatus::missing;
    for (const auto& set : denial.absence.records)
      denial.status = std::max(denial.status, keys.check(set, now));
    worst = std::max(worst, denial.status);
  }

  const Sources& sources_;
  const Options& options_;
  Resolution& out_;
  Trace trace_;
  std::unique_ptr<model::ObjectReader> reader_;
};

}  // namespace

std::string_view token(Outcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)];
}

Resolver::Resolver(Sources sources) : sources_(std::move(sources)) {
  CHECK(sources_.clock != nullptr);
}

Result<Resolution> Resolver::resolve(std::string_view text, const Options& options) const {
  Resolution out;
  ONOMA_TRY_VOID(Work(sources_, options, out).run(text));
  return out;
}

}  // namespace onoma::resolve
