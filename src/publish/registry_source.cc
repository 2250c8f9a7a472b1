#include "publish/registry_source.h"

#include <algorithm>
#include <array>
#include <map>

#include "model/json.h"
#include "publish/records.h"
#include "zone/set_digest.h"

namespace onoma::publish {

using model::ObjectKind;
using wire::Name;
using wire::RRset;
using wire::RRType;

namespace {

constexpr std::size_t kEventPage = 500;
// Domains looked at to see whether one of them publishes a host: nearly always the first does.
constexpr std::array<std::size_t, 3> kUsersLooked{16, 1024, std::size_t{1} << 32};

void count(zone::Expected& expected, const RRset& set, const Name& apex, bool comes) {
  if (!zone::is_content(set.type)) return;
  if (comes)
    expected.content.add(set);
  else
    expected.content.remove(set);
  const std::uint64_t step = comes ? 1 : ~std::uint64_t{0};
  if (set.type == RRType::NS && !(set.owner == apex)) expected.delegations += step;
  if (set.type == RRType::DS) expected.ds_sets += step;
}

zone::Expected expected_of(const zone::Snapshot& current) {
  return {.delegations = current.facts().delegations,
          .ds_sets = current.facts().ds_sets,
          .content = current.content_digest()};
}

Result<Name> name_of_key(const std::string& key) {
  auto name = Name::parse(key);
  if (!name) return onoma::fail(Code::corrupt, "an event names '" + key + "', which is no name");
  return *name;
}

// Sets of one name and type that come from different objects (a host and an identifier) are one set.
void unite(std::vector<RRset>& at_one_name, std::vector<RRset> more) {
  for (auto& set : more) {
    const auto same = std::ranges::find(at_one_name, set.type, &RRset::type);
    if (same == at_one_name.end()) {
      at_one_name.push_back(std::move(set));
      continue;
    }
    same->ttl = std::min(same->ttl, set.ttl);
    std::ranges::move(set.rdatas, std::back_inserter(same->rdatas));
    same->normalise();
  }
}

// Changes that turn what `current` holds at `owner` into `wanted` (content types only).
void compare(const zone::Snapshot& current, const Name& owner, std::vector<RRset> wanted, zone::Diff& diff) {
  std::map<RRType, RRset> after;
  for (auto& set : wanted) after.emplace(set.type, std::move(set));
  const auto node = current.node(wire::sort_key(owner));
  for (std::size_t i = 0; node && i < node->size(); ++i) {
    const auto view = node->at(i);
    const bool soa = view.type() == RRType::SOA;
    if (!zone::is_content(view.type()) && !soa) continue;
    auto before = view.copy(node->owner());
    before.signatures.clear();
    const auto found = after.find(view.type());
    if (found == after.end()) {
      if (!soa) diff.changes.push_back({owner, view.type(), std::move(before), std::nullopt});
      continue;
    }
    auto set = std::move(found->second);
    after.erase(found);
    if (soa) {  // the serial is the publisher's
      auto& rdata = set.rdatas.front();
      store_u32(&rdata[rdata.size() - 20], current.facts().serial);
    }
    if (!set.same_data(before))
      diff.changes.push_back({owner, view.type(), std::move(before), std::move(set)});
  }
  for (auto& [type, set] : after) diff.changes.push_back({owner, type, std::nullopt, std::move(set)});
}

// The owners that one batch may have changed.
struct Owners {
  const Name& apex;
  std::set<Name> names;
  void add(const Name& name) {
    if (name.is_at_or_below(apex)) names.insert(name);
  }
};

Result<void> add_domain(Owners& owners, const std::string& json) {
  if (json.empty()) return {};
  ONOMA_TRY(auto domain, model::domain_from_json(json));
  owners.add(domain.name);
  for (const auto& host : domain.name_servers) owners.add(host);
  return {};
}

Result<void> add_identifier(Owners& owners, const std::string& json) {
  if (json.empty()) return {};
  ONOMA_TRY(auto identifier, model::identifier_from_json(json));
  owners.add(identifier.dns_name);
  return {};
}

}  // namespace

struct RegistrySource::Touched {
  std::set<Name> owners;
  bool whole_zone = false;
  Time committed{};  // of the oldest event that touches the zone
  std::uint64_t first = 0;
};

RegistrySource::RegistrySource(Name tld, model::ReaderSource& readers, const Clock& clock)
    : tld_(std::move(tld)), readers_(readers), clock_(clock) {}

Result<RegistrySource::Touched> RegistrySource::touched_since(model::ObjectReader& reader,
                                                              std::uint64_t after, std::uint64_t last) {
  Touched touched;
  Owners owners{.apex = tld_, .names = {}};
  while (after < last) {
    ONOMA_TRY(const auto events, reader.events_after(after, kEventPage));
    if (events.empty()) break;
    for (const auto& event : events) {
      const auto size_before = owners.names.size();
      bool mine = false;
      for (const auto& change : event.changes) {
        switch (change.kind) {
          case ObjectKind::tld: {
            ONOMA_TRY(const auto name, name_of_key(change.key));
            if (name == tld_) mine = touched.whole_zone = true;
            break;
          }
          case ObjectKind::host: {
            ONOMA_TRY(const auto name, name_of_key(change.key));
            mine |= name.is_at_or_below(tld_);
            owners.add(name);
            break;
          }
          case ObjectKind::domain: {
            ONOMA_TRY(const auto name, name_of_key(change.key));
            if (!name.is_at_or_below(tld_)) break;  // only domains of the zone decide about its glue
            mine = true;
            ONOMA_TRY_VOID(add_domain(owners, change.before));
            ONOMA_TRY_VOID(add_domain(owners, change.after));
            break;
          }
          case ObjectKind::identifier:
            ONOMA_TRY_VOID(add_identifier(owners, change.before));
            ONOMA_TRY_VOID(add_identifier(owners, change.after));
            break;
          case ObjectKind::registrar:
          case ObjectKind::contact:
            break;
        }
      }
      mine |= owners.names.size() != size_before;
      if (mine && touched.first == 0) {
        touched.first = event.seq;
        touched.committed = event.time;
      }
    }
    after = events.back().seq;
  }
  touched.owners = std::move(owners.names);
  return touched;
}

Result<bool> RegistrySource::publishes_host(model::ObjectReader& reader, const model::Tld& tld,
                                            const Name& host) {
  if (tld.glue == model::GluePolicy::narrow) {
    for (auto labels = host.label_count(); labels > tld_.label_count(); --labels) {
      ONOMA_TRY(const auto domain, reader.domain(Name(host.view().ancestor(labels))));
      if (domain && domain->tld == tld_ && is_published(*domain) &&
          std::ranges::find(domain->name_servers, host) != domain->name_servers.end())
        return true;
    }
    return false;
  }
  const auto apex_ns = records_for(tld);
  for (const auto& set : apex_ns) {
    if (set.type != RRType::NS) continue;
    for (const auto& rdata : set.rdatas)
      if (equal(wire::NameView::trusted(rdata), host)) return true;
  }
  ONOMA_TRY(const bool used, reader.host_is_used(host, tld_));
  if (!used) return false;
  std::size_t seen = 0;
  for (const auto limit : kUsersLooked) {
    ONOMA_TRY(const auto users, reader.domains_using(host, limit));
    for (; seen < users.size(); ++seen) {
      ONOMA_TRY(const auto domain, reader.domain(users[seen]));
      if (domain && domain->tld == tld_ && is_published(*domain)) return true;
    }
    if (users.size() < limit) break;
  }
  return false;
}

Result<std::vector<RRset>> RegistrySource::content_at(model::ObjectReader& reader, const model::Tld& tld,
                                                      const Name& owner) {
  auto out = records_for(tld);
  std::erase_if(out, [&](const RRset& set) { return !(set.owner == owner); });
  ONOMA_TRY(const auto domain, reader.domain(owner));
  if (domain && domain->tld == tld_) unite(out, records_for(*domain, tld));
  ONOMA_TRY(const auto host, reader.host(owner));
  if (host && !host->addresses.empty()) {
    ONOMA_TRY(const bool published, publishes_host(reader, tld, owner));
    if (published) unite(out, records_for(*host, tld));
  }
  ONOMA_TRY(const auto identifiers, reader.identifiers_at(owner));
  if (!identifiers.empty() && identifiers.front().tld == tld_)
    unite(out, records_for(identifiers, clock_.now()));
  return out;
}

Result<std::vector<RRset>> RegistrySource::content(model::ObjectReader& reader, const model::Tld& tld) {
  // The names of the zone's own records and of identifiers, at which a domain or a host may stand as well.
  std::map<Name, std::vector<RRset>> shared;
  std::set<Name> hosts;
  for (auto& set : records_for(tld)) {
    for (const auto& rdata : set.rdatas) {
      if (set.type != RRType::NS || tld.glue != model::GluePolicy::wide) break;
      Name host{wire::NameView::trusted(rdata)};
      if (host.is_at_or_below(tld_)) hosts.insert(std::move(host));
    }
    shared[set.owner].push_back(std::move(set));
  }
  std::map<Name, std::vector<model::Identifier>> identifiers;
  ONOMA_TRY_VOID(reader.each_identifier(tld_, [&](model::Identifier&& identifier) -> Result<void> {
    auto name = identifier.dns_name;
    identifiers[std::move(name)].push_back(std::move(identifier));
    return {};
  }));
  for (const auto& [name, at_name] : identifiers) unite(shared[name], records_for(at_name, clock_.now()));
  identifiers.clear();

  std::vector<RRset> out;
  const auto take = [&](const Name& owner, std::vector<RRset> sets) {
    if (const auto found = shared.find(owner); found != shared.end())
      return unite(found->second, std::move(sets));
    std::ranges::move(sets, std::back_inserter(out));
  };
  ONOMA_TRY_VOID(reader.each_domain(tld_, [&](model::Domain&& domain) -> Result<void> {
    take(domain.name, records_for(domain, tld));
    if (!is_published(domain)) return {};
    for (const auto& host : domain.name_servers) {
      const auto& must_cover = tld.glue == model::GluePolicy::narrow ? domain.name : tld_;
      if (host.is_at_or_below(must_cover)) hosts.insert(host);
    }
    return {};
  }));
  for (const auto& name : hosts) {
    ONOMA_TRY(const auto host, reader.host(name));
    if (host) take(name, records_for(*host, tld));
  }
  for (auto& [name, sets] : shared) std::ranges::move(sets, std::back_inserter(out));
  return out;
}

Result<std::vector<RRset>> RegistrySource::full(std::uint64_t& last_event,
                                                std::optional<zone::Expected>& expected) {
  ONOMA_TRY(const auto reader, readers_.open());
  last_event = reader->last_seq();
  ONOMA_TRY(const auto tld, reader->tld(tld_));
  if (!tld) return onoma::fail(Code::not_found, "the registry no longer operates " + tld_.text());
  ONOMA_TRY(auto sets, content(*reader, *tld));
  zone::Expected sum;
  for (const auto& set : sets) count(sum, set, tld_, true);
  expected = sum;
  return sets;
}

Result<std::optional<zone::SourceBatch>> RegistrySource::next(const zone::Snapshot& current,
                                                              std::uint64_t after_event) {
  ONOMA_TRY(const auto reader, readers_.open());
  const auto last = reader->last_seq();
  // A restored store may be older than what was published: everything is compared.
  const bool gone_back = last < after_event;
  const auto after = gone_back ? 0 : std::max(after_event, std::min(seen_, last));
  if (!gone_back && last == after) return std::nullopt;
  ONOMA_TRY(const auto tld, reader->tld(tld_));
  if (!tld) return std::nullopt;
  ONOMA_TRY(auto touched, touched_since(*reader, after, last));

  zone::SourceBatch batch;
  batch.diff.apex = tld_;
  if (touched.whole_zone || gone_back) {
    ONOMA_TRY(auto sets, content(*reader, *tld));
    std::map<Name, std::vector<RRset>> by_owner;
    for (auto& set : sets) by_owner[set.owner].push_back(std::move(set));
    for (auto cursor = current.first(); cursor.valid(); cursor.next())
      by_owner.try_emplace(Name(cursor.node().owner()));
    for (auto& [owner, wanted] : by_owner) compare(current, owner, std::move(wanted), batch.diff);
  } else {
    for (const auto& owner : touched.owners) {
      ONOMA_TRY(auto wanted, content_at(*reader, *tld, owner));
      compare(current, owner, std::move(wanted), batch.diff);
    }
  }
  if (batch.diff.empty()) {
    seen_ = last;
    return std::nullopt;
  }
  batch.diff.sort();
  batch.first_event = touched.first == 0 ? last : touched.first;
  batch.last_event = last;
  batch.committed = touched.committed;
  auto expected = expected_of(current);
  for (const auto& change : batch.diff.changes) {
    if (change.before) count(expected, *change.before, tld_, false);
    if (change.after) count(expected, *change.after, tld_, true);
  }
  batch.expected = expected;
  return batch;
}

}  // namespace onoma::publish
