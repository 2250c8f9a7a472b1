// Hosts (registry reference §1.5). A host below one of our zones is internal: it belongs to the registered
// domain above it and may have addresses. Any other is external: anybody may name it, and it has none.
#include <algorithm>

#include <fmt/format.h>

#include "ident/idn.h"
#include "registry/checks.h"
#include "registry/hosts.h"
#include "registry/policy.h"

namespace onoma::registry {
namespace {

constexpr std::size_t kMaxNameServers = 13;

Result<model::Host> existing(Work& work, std::string_view text) {
  ONOMA_TRY(auto name, check_host_name(text, "name"));
  ONOMA_TRY(auto host, work.reader.host(name));
  if (!host)
    return fail(Code::not_found, fmt::format("there is no host \"{}\"", model::name_text(name)), "name");
  return *std::move(host);
}

}  // namespace

Result<Name> check_host_name(std::string_view text, std::string_view field) {
  auto idn = ident::idn_host(text);
  if (!idn) return fail(idn.error().code, idn.error().message, std::string(field));
  if (idn->ascii.label_count() == 0)
    return fail(Code::bad_syntax, "a host name has at least one label", std::string(field));
  auto top = idn->ascii.view().ancestor(1);
  if (as_text(top.first_label()) == "alt")
    return fail(Code::policy_refused, "names below .alt are not in the DNS (RFC 9476); name another host",
                std::string(field));
  return idn->ascii;
}

Result<model::Host> put_internal_host(Work& work, const Name& name, const model::Tld& zone,
                                      const model::Domain* domain, const std::vector<std::string>& addresses,
                                      std::string_view field) {
  ONOMA_TRY(auto checked, check_addresses(addresses, zone.test_zone, field));
  ONOMA_TRY(auto before, work.reader.host(name));
  if (before) ONOMA_TRY_VOID(check_not_prohibited(before->statuses, "Update"));
  model::Host host = before ? *before : model::Host{};
  host.name = name;
  if (before && checked.empty() && !before->addresses.empty()) {
    ONOMA_TRY(auto users, work.reader.domains_using(name, 1));
    if (!users.empty())
      return fail(Code::association_prohibits,
                  fmt::format("\"{}\" is a name server of \"{}\" and must keep an address",
                              model::name_text(name), model::name_text(users[0])),
                  std::string(field));
  }
  host.addresses = std::move(checked);
  if (!before && domain) host.origin.sponsor = domain->origin.sponsor;
  ONOMA_TRY_VOID(work.put(host, before ? &*before : nullptr));
  return host;
}

Result<std::vector<Name>> check_name_servers(Work& work, const std::vector<std::string>& names) {
  if (names.size() > kMaxNameServers)
    return fail(Code::policy_refused,
                fmt::format("a domain has at most {} name servers, not {}", kMaxNameServers, names.size()),
                "name_servers");
  std::vector<Name> out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto field = fmt::format("name_servers[{}]", i);
    ONOMA_TRY(auto name, check_host_name(names[i], field));
    if (std::ranges::find(out, name) != out.end())
      return fail(Code::bad_syntax, fmt::format("\"{}\" is there twice", model::name_text(name)), field);
    ONOMA_TRY(const auto* zone, internal_zone(work, name));
    if (zone) {
      ONOMA_TRY(auto host, work.reader.host(name));
      if (!host)
        return fail(
            Code::not_found,
            fmt::format(
                "there is no host \"{}\"; create it, or send its addresses as glue with its own domain",
                model::name_text(name)),
            field);
      if (host->addresses.empty())
        return fail(Code::policy_refused,
                    fmt::format("the host \"{}\" has no address, so that nobody could reach it",
                                model::name_text(name)),
                    field);
    } else {
      ONOMA_TRY(bool exists, work.reader.host_exists(name));
      if (!exists) {
        model::Host host;
        host.name = name;
        ONOMA_TRY_VOID(work.put<model::Host>(host, nullptr));
      }
    }
    out.push_back(std::move(name));
  }
  std::ranges::sort(out);
  return out;
}

Result<void> apply(Work& work, const model::HostCreate& command) {
  ONOMA_TRY(auto name, check_host_name(command.name, "name"));
  ONOMA_TRY(bool exists, work.reader.host_exists(name));
  if (exists)
    return fail(Code::exists, fmt::format("the host \"{}\" exists already", model::name_text(name)), "name");
  ONOMA_TRY_VOID(work.need_revision(nullptr));
  ONOMA_TRY(const auto* zone, internal_zone(work, name));
  if (!zone) {
    if (!command.addresses.empty())
      return fail(Code::out_of_range,
                  "a host that lies in none of this registry's zones has no addresses here", "addresses");
    model::Host host;
    host.name = name;
    ONOMA_TRY_VOID(work.put<model::Host>(host, nullptr));
    work.show(host);
    return {};
  }
  ONOMA_TRY(auto domain, superordinate(work, name));
  if (domain) {
    ONOMA_TRY_VOID(work.need_sponsor(domain->origin));
    for (const auto* status : {"serverUpdateProhibited", "pendingDelete"})
      if (domain->statuses.contains(status))
        return fail(Code::status_prohibits, fmt::format("the domain \"{}\" has the status {}",
                                                        model::name_text(domain->name), status));
  } else if (!work.is_operator()) {
    // An operator needs hosts beside all domains: for the name servers of the zone itself.
    return fail(
        Code::not_found,
        fmt::format("\"{}\" lies in no registered domain; register the domain first", model::name_text(name)),
        "name");
  }
  ONOMA_TRY(auto host, put_internal_host(work, name, *zone, domain ? &*domain : nullptr, command.addresses,
                                         "addresses"));
  work.show(host);
  return {};
}

Result<void> apply(Work& work, const model::HostUpdate& command) {
  ONOMA_TRY(auto before, existing(work, command.name));
  ONOMA_TRY_VOID(work.need_sponsor(before.origin));
  ONOMA_TRY_VOID(work.need_revision(&before.origin));
  auto host = before;
  if (command.statuses) {
    ONOMA_TRY(host.statuses, change_statuses(work, before.statuses, *command.statuses, kHostStatuses));
  }
  ONOMA_TRY(const auto* zone, internal_zone(work, before.name));
  std::vector<std::string> addresses;
  if (zone) {
    ONOMA_TRY(addresses, check_addresses(command.addresses, zone->test_zone, "addresses"));
  } else if (!command.addresses.empty()) {
    return fail(Code::out_of_range, "a host that lies in none of this registry's zones has no addresses here",
                "addresses");
  }
  // Under a prohibition only the prohibition itself may go.
  if (addresses != before.addresses || host.statuses.contains("clientUpdateProhibited") ||
      host.statuses.contains("serverUpdateProhibited"))
    ONOMA_TRY_VOID(check_not_prohibited(before.statuses, "Update"));
  if (addresses.empty() && !before.addresses.empty()) {
    ONOMA_TRY(auto users, work.reader.domains_using(before.name, 1));
    if (!users.empty())
      return fail(Code::association_prohibits,
                  fmt::format("the host is a name server of \"{}\" and must keep an address",
                              model::name_text(users[0])),
                  "addresses");
  }
  host.addresses = std::move(addresses);
  ONOMA_TRY_VOID(work.put(host, &before));
  work.show(host);
  return {};
}

Result<void> apply(Work& work, const model::HostDelete& command) {
  ONOMA_TRY(auto host, existing(work, command.name));
  ONOMA_TRY_VOID(work.need_sponsor(host.origin));
  ONOMA_TRY_VOID(work.need_revision(&host.origin));
  ONOMA_TRY_VOID(check_not_prohibited(host.statuses, "Delete"));
  ONOMA_TRY(auto users, work.reader.domains_using(host.name, 1));
  if (!users.empty())
    return fail(Code::association_prohibits,
                fmt::format("the host is a name server of \"{}\"", model::name_text(users[0])), "name");
  return work.erase(host);
}

}  // namespace onoma::registry
