// Domains (registry reference §1.1, §1.4).
#include <algorithm>

#include <fmt/format.h>

#include "ident/idn.h"
#include "registry/checks.h"
#include "registry/hosts.h"
#include "registry/policy.h"

namespace onoma::registry {
namespace {

constexpr std::string_view kDomainStatuses[] = {"Hold", "UpdateProhibited", "DeleteProhibited",
                                                "RenewProhibited", "TransferProhibited"};
constexpr unsigned kMaxYears = 10;
constexpr std::size_t kMaxSubordinateHosts = 1'000;

Result<model::Domain> existing(Work& work, std::string_view text) {
  auto idn = ident::idn_lookup(text);
  if (!idn) return fail(idn.error().code, idn.error().message, "name");
  ONOMA_TRY(auto domain, work.reader.domain(idn->ascii.lower()));
  if (!domain) return fail(Code::not_found, fmt::format("the domain \"{}\" is not registered", text), "name");
  return *std::move(domain);
}

bool has_idn_label(const Name& name, const Name& zone) {
  for (auto at = name.view(); at.label_count() > zone.label_count(); at = at.parent())
    if (as_text(at.first_label()).starts_with("xn--")) return true;
  return false;
}

// May this name be registered in `zone`?
Result<void> check_place(Work& work, const Name& name, const model::Tld& zone) {
  auto labels = name.label_count() - zone.name.label_count();
  if (labels > zone.max_domain_labels)
    return fail(
        Code::policy_refused,
        fmt::format("\"{}\" has {} labels below \"{}\"; at most {} can be registered", model::name_text(name),
                    labels, model::name_text(zone.name), zone.max_domain_labels),
        "name");
  if (!zone.allow_idn && has_idn_label(name, zone.name))
    return fail(Code::policy_refused,
                fmt::format("the zone \"{}\" takes no internationalised names", model::name_text(zone.name)),
                "name");
  if (zone.identifier_apex && zone.identifier_apex != zone.name &&
      (name.is_at_or_below(*zone.identifier_apex) || zone.identifier_apex->is_at_or_below(name)))
    return fail(Code::policy_refused, fmt::format("\"{}\" is kept for identifiers", model::name_text(name)),
                "name");
  for (const auto& record : zone.apex)
    if (record.name && record.name->is_at_or_below(name))
      return fail(Code::policy_refused,
                  fmt::format("the zone has records of its own at \"{}\"", model::name_text(*record.name)),
                  "name");
  ONOMA_TRY(bool identifiers, work.reader.any_identifier_at_or_below(name));
  if (identifiers)
    return fail(Code::association_prohibits,
                fmt::format("identifiers are published below \"{}\"", model::name_text(name)), "name");
  // A name below a delegation would be hidden by it (occluded), and so would those below this one.
  for (Name at = name.parent(); at.label_count() > zone.name.label_count(); at = at.parent()) {
    ONOMA_TRY(auto above, work.reader.domain(at));
    if (above)
      return fail(Code::policy_refused,
                  fmt::format("\"{}\" is registered and contains this name", model::name_text(at)), "name");
  }
  if (zone.max_domain_labels > labels) {
    ONOMA_TRY(auto below, work.reader.any_domain_below(name));
    if (below && below->tld == zone.name)
      return fail(Code::policy_refused,
                  fmt::format("\"{}\" is registered and lies below this name", model::name_text(below->name)),
                  "name");
  }
  return {};
}

Result<void> check_registrant(Work& work, const std::string& id) {
  if (id.empty()) return {};
  ONOMA_TRY(auto contact, work.reader.contact(id));
  if (!contact) return fail(Code::not_found, fmt::format("there is no contact \"{}\"", id), "registrant");
  if (contact->erased)
    return fail(Code::gone, fmt::format("the contact \"{}\" was erased; name another", id), "registrant");
  if (auto ours = work.need_sponsor(contact->origin); !ours)
    return fail(Code::forbidden, fmt::format("the contact \"{}\" is sponsored by another registrar", id),
                "registrant");
  return {};
}

// Hosts of the domain itself, made or changed in the same command.
Result<void> put_glue(Work& work, const std::vector<model::Glue>& glue, const model::Domain& domain,
                      const model::Tld& zone) {
  for (std::size_t i = 0; i < glue.size(); ++i) {
    auto field = fmt::format("glue[{}]", i);
    ONOMA_TRY(auto name, check_host_name(glue[i].host, field + ".host"));
    if (!name.is_at_or_below(domain.name))
      return fail(Code::policy_refused,
                  fmt::format("\"{}\" does not lie in \"{}\"; glue is for the domain's own hosts",
                              model::name_text(name), model::name_text(domain.name)),
                  field + ".host");
    for (std::size_t j = 0; j < i; ++j)
      if (auto other = ident::idn_host(glue[j].host); other && other->ascii == name)
        return fail(Code::bad_syntax, fmt::format("\"{}\" is there twice", model::name_text(name)),
                    field + ".host");
    ONOMA_TRY(auto host,
              put_internal_host(work, name, zone, &domain, glue[i].addresses, field + ".addresses"));
  }
  return {};
}

}  // namespace

Result<void> apply(Work& work, const model::DomainCreate& command) {
  auto idn = ident::idn_register(command.name);
  if (!idn) return fail(idn.error().code, idn.error().message, "name");
  model::Domain domain;
  domain.name = idn->ascii;
  domain.unicode = idn->unicode;
  const auto* zone = work.zones.above(domain.name);
  if (!zone)
    return fail(
        Code::policy_refused,
        fmt::format("\"{}\" lies in none of the zones of this registry", model::name_text(domain.name)),
        "name");
  if (work.zones.find(domain.name))
    return fail(Code::policy_refused,
                fmt::format("\"{}\" is a zone of this registry", model::name_text(domain.name)), "name");
  ONOMA_TRY_VOID(work.need_grant(*zone));
  ONOMA_TRY(auto present, work.reader.domain(domain.name));
  if (present)
    return fail(Code::exists, fmt::format("\"{}\" is registered already", model::name_text(domain.name)),
                "name");
  ONOMA_TRY_VOID(work.need_revision(nullptr));
  domain.tld = zone->name;
  ONOMA_TRY_VOID(check_place(work, domain.name, *zone));

  auto years = command.years.value_or(zone->term_years);
  if (years < 1 || years > kMaxYears)
    return fail(Code::out_of_range, fmt::format("a name is registered for 1 to {} years", kMaxYears),
                "years");
  domain.expires = add_years(work.now, years);
  ONOMA_TRY(domain.ds, check_ds(command.ds));
  ONOMA_TRY_VOID(check_registrant(work, command.registrant));
  domain.registrant = command.registrant;
  // The hosts' sponsor is the domain's, which has none yet.
  domain.origin.sponsor = work.actor.id;
  ONOMA_TRY_VOID(put_glue(work, command.glue, domain, *zone));
  ONOMA_TRY(domain.name_servers, check_name_servers(work, command.name_servers));
  ONOMA_TRY_VOID(work.put<model::Domain>(domain, nullptr));
  work.show(domain);
  return {};
}

Result<void> apply(Work& work, const model::DomainUpdate& command) {
  ONOMA_TRY(auto before, existing(work, command.name));
  ONOMA_TRY_VOID(work.need_sponsor(before.origin));
  ONOMA_TRY_VOID(work.need_revision(&before.origin));
  const auto* zone = work.zones.find(before.tld);
  if (!zone) return fail(Code::corrupt, "the domain's zone is not in the store");
  auto domain = before;
  if (command.statuses) {
    ONOMA_TRY(domain.statuses, change_statuses(work, before.statuses, *command.statuses, kDomainStatuses));
  }
  // Under a prohibition only an update that removes the prohibition, and nothing else, is carried out.
  bool only_statuses = !command.name_servers && command.glue.empty() && !command.ds && !command.registrant;
  bool still = domain.statuses.contains("clientUpdateProhibited") ||
               domain.statuses.contains("serverUpdateProhibited");
  if (!only_statuses || still) ONOMA_TRY_VOID(check_not_prohibited(before.statuses, "Update"));

  if (command.ds) {
    ONOMA_TRY(domain.ds, check_ds(*command.ds));
  }
  if (command.registrant) {
    if (*command.registrant != before.registrant) ONOMA_TRY_VOID(check_registrant(work, *command.registrant));
    domain.registrant = *command.registrant;
  }
  ONOMA_TRY_VOID(put_glue(work, command.glue, domain, *zone));
  if (command.name_servers) {
    if (!command.name_servers->empty()) {
      // A delegation hides what is published below it (identifiers at the name).
      ONOMA_TRY(bool identifiers, work.reader.any_identifier_at_or_below(domain.name));
      if (identifiers)
        return fail(
            Code::association_prohibits,
            fmt::format(
                "identifiers are published at or below \"{}\"; delete them before delegating the name",
                model::name_text(domain.name)),
            "name_servers");
    }
    ONOMA_TRY(domain.name_servers, check_name_servers(work, *command.name_servers));
  }
  ONOMA_TRY_VOID(work.put(domain, &before));
  work.show(domain);
  return {};
}

Result<void> apply(Work& work, const model::DomainDelete& command) {
  ONOMA_TRY(auto domain, existing(work, command.name));
  ONOMA_TRY_VOID(work.need_sponsor(domain.origin));
  ONOMA_TRY_VOID(work.need_revision(&domain.origin));
  ONOMA_TRY_VOID(check_not_prohibited(domain.statuses, "Delete"));
  ONOMA_TRY(auto below, work.reader.any_domain_below(domain.name));
  if (below && below->tld == domain.tld)
    return fail(Code::association_prohibits,
                fmt::format("\"{}\" lies below it", model::name_text(below->name)), "name");
  ONOMA_TRY(bool identifiers, work.reader.any_identifier_at_or_below(domain.name));
  if (identifiers)
    return fail(Code::association_prohibits, "identifiers are published at or below the name", "name");
  ONOMA_TRY(auto hosts, work.reader.hosts_below(domain.name, kMaxSubordinateHosts + 1));
  if (hosts.size() > kMaxSubordinateHosts)
    return fail(Code::association_prohibits,
                fmt::format("the domain has more than {} hosts; delete hosts first", kMaxSubordinateHosts),
                "name");
  for (const auto& host : hosts) {
    ONOMA_TRY(auto users, work.reader.domains_using(host.name, 2));
    for (const auto& user : users)
      if (user != domain.name)
        return fail(Code::association_prohibits,
                    fmt::format("its host \"{}\" is a name server of \"{}\"", model::name_text(host.name),
                                model::name_text(user)),
                    "name");
  }
  ONOMA_TRY_VOID(work.erase(domain));
  for (const auto& host : hosts) ONOMA_TRY_VOID(work.erase(host));
  return {};
}

}  // namespace onoma::registry
