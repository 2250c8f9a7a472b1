// Import: delegations and hosts as found in a zone. Kept whatever today's policy says; what it would refuse
// is noted. Repeating an import changes nothing. Order inside: hosts, delegations, removed delegations,
// removed hosts, so that nothing refers to what is not there.
#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "ident/idn.h"
#include "registry/checks.h"
#include "registry/policy.h"

namespace onoma::registry {
namespace {

constexpr std::size_t kMaxObjects = 1'000;
constexpr std::size_t kMaxNotes = 1'000;
// An event has at most 4,000 changes: the objects themselves and the external hosts that they bring along.
constexpr std::size_t kMaxChanges = 4'000;

class Importer {
 public:
  Importer(Work& work, const model::Tld& zone) : work_(work), zone_(zone) {}

  Result<void> host(const model::ImportedHost& imported, const std::string& field);
  Result<void> remove_host(const Name& name);
  Result<void> delegation(const model::ImportedDelegation& imported, const std::string& field);
  Result<void> remove_delegation(const Name& name);
  void finish();

 private:
  void note(std::string text) {
    if (++noted_ <= kMaxNotes) work_.outcome.notes.push_back(std::move(text));
  }
  Result<void> check_inside(const Name& name, const std::string& field) const;
  Result<void> name_servers(model::Domain& domain, const std::vector<Name>& names);
  void judge(const model::Domain& domain);

  Work& work_;
  const model::Tld& zone_;
  // Hosts that are known to be there: most delegations name the same few.
  std::unordered_set<Name> hosts_;
  std::size_t noted_ = 0;
};

Result<void> Importer::check_inside(const Name& name, const std::string& field) const {
  const auto* zone = work_.zones.above(name);
  if (zone && zone->name == zone_.name && !work_.zones.find(name)) return {};
  return fail(Code::policy_refused,
              fmt::format("\"{}\" is no name of the zone \"{}\"", model::name_text(name),
                          model::name_text(zone_.name)),
              field);
}

Result<void> Importer::host(const model::ImportedHost& imported, const std::string& field) {
  ONOMA_TRY_VOID(check_inside(imported.name, field + ".name"));
  model::Host host;
  ONOMA_TRY(auto before, work_.reader.host(imported.name));
  if (before) host = *before;
  host.name = imported.name;
  host.addresses.clear();
  bool v4 = false, v6 = false;
  for (std::size_t i = 0; i < imported.addresses.size(); ++i) {
    auto checked = check_address(imported.addresses[i]);
    if (!checked)
      return fail(Code::bad_syntax, fmt::format("\"{}\" is no IP address", imported.addresses[i]),
                  fmt::format("{}.addresses[{}]", field, i));
    if (!checked->reserved.empty() && !(checked->test_only && zone_.test_zone))
      note(fmt::format("host {}: {} is {}", model::name_text(host.name), checked->text, checked->reserved));
    (checked->is_v6 ? v6 : v4) = true;
    host.addresses.push_back(std::move(checked->text));
  }
  std::ranges::sort(host.addresses);
  host.addresses.erase(std::ranges::unique(host.addresses).begin(), host.addresses.end());
  if (host.addresses.size() > kMaxHostAddresses)
    note(fmt::format("host {}: {} addresses, more than {}", model::name_text(host.name),
                     host.addresses.size(), kMaxHostAddresses));
  host.a_ttl_s = v4 ? std::optional(imported.a_ttl_s) : std::nullopt;
  host.aaaa_ttl_s = v6 ? std::optional(imported.aaaa_ttl_s) : std::nullopt;
  hosts_.insert(host.name);
  return work_.put(host, before ? &*before : nullptr);
}

Result<void> Importer::name_servers(model::Domain& domain, const std::vector<Name>& names) {
  domain.name_servers.clear();
  domain.name_servers.reserve(names.size());
  for (const auto& name : names) domain.name_servers.push_back(name.lower());
  std::ranges::sort(domain.name_servers);
  domain.name_servers.erase(std::ranges::unique(domain.name_servers).begin(), domain.name_servers.end());
  for (const auto& name : domain.name_servers) {
    if (hosts_.contains(name)) continue;
    ONOMA_TRY(bool exists, work_.reader.host_exists(name));
    if (!exists) {
      if (work_.event.changes.size() >= kMaxChanges - kMaxObjects)
        return fail(Code::too_large,
                    "the import brings along too many hosts; send fewer delegations at a time",
                    "delegations");
      if (name.is_at_or_below(zone_.name) && work_.zones.containing(name)->name == zone_.name)
        note(fmt::format("domain {}: its name server {} lies in the zone and has no address there",
                         model::name_text(domain.name), model::name_text(name)));
      model::Host host;
      host.name = name;
      ONOMA_TRY_VOID(work_.put<model::Host>(host, nullptr));
    }
    hosts_.insert(name);
  }
  return {};
}

// What today's policy has against the domain.
void Importer::judge(const model::Domain& domain) {
  auto name = [&] { return model::name_text(domain.name); };
  auto labels = domain.name.label_count() - zone_.name.label_count();
  if (labels > zone_.max_domain_labels)
    note(fmt::format("domain {}: {} labels below the zone, more than {}", name(), labels,
                     zone_.max_domain_labels));
  if (domain.name_servers.empty()) note(fmt::format("domain {}: no name servers", name()));
  if (domain.ds.size() > kMaxDsRecords)
    note(fmt::format("domain {}: {} DS records, more than {}", name(), domain.ds.size(), kMaxDsRecords));
  for (const auto& ds : domain.ds)
    if (auto problem = ds_problem(ds); !problem.empty())
      note(fmt::format("domain {}: DS {} {} {}: {}", name(), ds.key_tag, ds.algorithm, ds.digest_type,
                       problem));
}

Result<void> Importer::delegation(const model::ImportedDelegation& imported, const std::string& field) {
  ONOMA_TRY_VOID(check_inside(imported.name, field + ".name"));
  ONOMA_TRY(auto before, work_.reader.domain(imported.name));
  model::Domain domain;
  if (before) {
    domain = *before;
  } else {
    domain.name = imported.name.lower();
    domain.tld = zone_.name;
    domain.expires = add_years(work_.now, zone_.term_years);
    auto text = model::name_text(domain.name);
    domain.unicode = text;
    if (text.find("xn--") != std::string::npos) {
      if (auto idn = ident::idn_register(text))
        domain.unicode = idn->unicode;
      else
        note(fmt::format("domain {}: {}", text, idn.error().message));
    }
  }
  domain.ds = imported.ds;
  std::ranges::sort(domain.ds);
  domain.ds.erase(std::ranges::unique(domain.ds).begin(), domain.ds.end());
  domain.ns_ttl_s = imported.ns_ttl_s;
  domain.ds_ttl_s = domain.ds.empty() ? std::nullopt : std::optional(imported.ds_ttl_s);
  ONOMA_TRY_VOID(name_servers(domain, imported.name_servers));
  judge(domain);
  return work_.put(domain, before ? &*before : nullptr);
}

Result<void> Importer::remove_delegation(const Name& name) {
  ONOMA_TRY(auto domain, work_.reader.domain(name));
  if (!domain || domain->tld != zone_.name) return {};
  return work_.erase(*domain);
}

Result<void> Importer::remove_host(const Name& name) {
  const auto* zone = work_.zones.containing(name);
  ONOMA_TRY(auto host, work_.reader.host(name));
  if (!host || !zone || zone->name != zone_.name) return {};
  ONOMA_TRY(auto users, work_.reader.domains_using(name, 1));
  if (users.empty()) return work_.erase(*host);
  // Still named: it stays without addresses, as the zone has none.
  note(fmt::format("host {}: not removed, it is a name server of {}", model::name_text(name),
                   model::name_text(users[0])));
  auto bare = *host;
  bare.addresses.clear();
  bare.a_ttl_s = bare.aaaa_ttl_s = std::nullopt;
  return work_.put(bare, &*host);
}

void Importer::finish() {
  if (noted_ > kMaxNotes) work_.outcome.notes.push_back(fmt::format("and {} more", noted_ - kMaxNotes));
}

}  // namespace

Result<void> apply(Work& work, const model::Import& command) {
  ONOMA_TRY_VOID(work.need_operator());
  const auto* zone = work.zones.find(command.tld);
  if (!zone)
    return fail(Code::not_found, fmt::format("there is no zone \"{}\"", model::name_text(command.tld)),
                "tld");
  if (command.hosts.size() + command.delegations.size() > kMaxObjects)
    return fail(Code::too_large, fmt::format("an import has at most {} objects; send several", kMaxObjects));
  std::unordered_set<Name> seen;
  for (std::size_t i = 0; i < command.delegations.size(); ++i)
    if (!seen.insert(command.delegations[i].name).second)
      return fail(Code::bad_request,
                  fmt::format("\"{}\" is there twice", model::name_text(command.delegations[i].name)),
                  fmt::format("delegations[{}].name", i));
  seen.clear();
  for (std::size_t i = 0; i < command.hosts.size(); ++i)
    if (!seen.insert(command.hosts[i].name).second)
      return fail(Code::bad_request,
                  fmt::format("\"{}\" is there twice", model::name_text(command.hosts[i].name)),
                  fmt::format("hosts[{}].name", i));

  Importer importer(work, *zone);
  for (std::size_t i = 0; i < command.hosts.size(); ++i)
    if (!command.hosts[i].remove)
      ONOMA_TRY_VOID(importer.host(command.hosts[i], fmt::format("hosts[{}]", i)));
  for (std::size_t i = 0; i < command.delegations.size(); ++i)
    if (!command.delegations[i].remove)
      ONOMA_TRY_VOID(importer.delegation(command.delegations[i], fmt::format("delegations[{}]", i)));
  for (const auto& delegation : command.delegations)
    if (delegation.remove) ONOMA_TRY_VOID(importer.remove_delegation(delegation.name));
  for (const auto& host : command.hosts)
    if (host.remove) ONOMA_TRY_VOID(importer.remove_host(host.name));
  importer.finish();
  return {};
}

}  // namespace onoma::registry
