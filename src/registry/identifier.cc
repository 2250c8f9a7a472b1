// Identifiers: any scheme of ident's table, published at the name that the scheme's mapping gives.
#include <algorithm>

#include <fmt/format.h>

#include "ident/scheme.h"
#include "registry/checks.h"
#include "registry/policy.h"
#include "registry/values.h"

namespace onoma::registry {
namespace {

constexpr std::string_view kHolderStatuses[] = {"active", "deprecated", "clientHold", "tombstone"};
constexpr std::string_view kOperatorStatuses[] = {"pendingCreate", "pendingVerify", "serverHold", "lapsed"};

// Reads an identifier as a person or a path writes it; "scheme:canonical", the form of event keys, is
// understood too.
Result<ident::Identifier> read(const std::string& text, const std::string& scheme) {
  auto read_as = [](std::string_view what, std::string_view how) -> Result<ident::Identifier> {
    auto found = ident::parse(what, how);
    if (!found)
      return fail(found.error().code, found.error().message,
                  found.error().field.empty() ? "identifier" : found.error().field);
    return found;
  };
  if (!scheme.empty() && !ident::find_scheme(scheme))
    return fail(Code::bad_syntax, fmt::format("there is no scheme \"{}\"", scheme), "scheme");
  if (scheme.empty()) {
    auto colon = text.find(':');
    if (colon != std::string::npos && ident::find_scheme(std::string_view(text).substr(0, colon))) {
      auto rest = std::string_view(text).substr(colon + 1);
      auto found = ident::parse(rest, std::string_view(text).substr(0, colon));
      if (found && found->canonical == rest) return found;
    }
  }
  return read_as(text, scheme);
}

struct Place {
  Name dns_name;
  const model::Tld* zone = nullptr;
};

// A domain-anchored identifier lives at its own name, which must be a registered, undelegated name of ours.
Result<Place> anchored_place(Work& work, const ident::Identifier& identifier) {
  ONOMA_TRY(auto name, ident::dns_name(identifier, {}));
  Place place{name.lower(), nullptr};
  ONOMA_TRY(auto domain, superordinate(work, place.dns_name));
  if (!domain)
    return fail(
        Code::policy_refused,
        fmt::format("\"{}\" lies in no domain that is registered here", model::name_text(place.dns_name)),
        "identifier");
  if (auto ours = work.need_sponsor(domain->origin); !ours)
    return fail(
        Code::forbidden,
        fmt::format("the domain \"{}\" is sponsored by another registrar", model::name_text(domain->name)),
        "identifier");
  if (!domain->name_servers.empty())
    return fail(Code::policy_refused,
                fmt::format("\"{}\" is delegated to its own name servers; publish the records there",
                            model::name_text(domain->name)),
                "identifier");
  place.zone = work.zones.find(domain->tld);
  if (!place.zone) return fail(Code::corrupt, "the domain's zone is not in the store");
  return place;
}

// Any other is published below the identifier apex of a zone.
Result<Place> apex_place(Work& work, const ident::Identifier& identifier) {
  const auto* zone = work.zones.for_identifiers();
  if (!zone)
    return fail(Code::policy_refused,
                "no zone of this registry has an identifier apex; set one with tld update", "identifier");
  ONOMA_TRY_VOID(work.need_grant(*zone));
  ONOMA_TRY(auto name, ident::dns_name(identifier, *zone->identifier_apex));
  Place place{name.lower(), zone};
  ONOMA_TRY(auto domain, superordinate(work, place.dns_name));
  if (domain)
    return fail(Code::policy_refused,
                fmt::format("its name \"{}\" lies in the registered domain \"{}\"",
                            model::name_text(place.dns_name), model::name_text(domain->name)),
                "identifier");
  return place;
}

// Who holds a prefix decides what stands below it.
Result<void> check_prefix(Work& work, const ident::Identifier& identifier) {
  if (identifier.prefix.empty() || identifier.is_prefix) return {};
  auto parsed = ident::parse(identifier.prefix, identifier.scheme);
  if (!parsed) return {};  // a scheme whose prefixes are no identifiers themselves
  ONOMA_TRY(auto prefix, work.reader.identifier(parsed->scheme, parsed->canonical));
  if (!prefix) return {};
  if (auto ours = work.need_sponsor(prefix->origin); !ours)
    return fail(Code::forbidden,
                fmt::format("the prefix \"{}\" is held by another registrar", identifier.prefix),
                "identifier");
  return {};
}

Result<void> check_name_free(Work& work, const Name& name, const std::string& scheme, bool anchored) {
  ONOMA_TRY(auto others, work.reader.identifiers_at(name));
  for (const auto& other : others)
    if (!anchored || other.scheme == scheme)
      return fail(Code::exists,
                  fmt::format("{}:{} is published at the same name \"{}\"", other.scheme, other.canonical,
                              model::name_text(name)),
                  "identifier");
  return {};
}

Result<model::Identifier> existing(Work& work, const std::string& text, const std::string& scheme) {
  ONOMA_TRY(auto parsed, read(text, scheme));
  ONOMA_TRY(auto found, work.reader.identifier(parsed.scheme, parsed.canonical));
  if (!found)
    return fail(Code::not_found, fmt::format("{}:{} is not registered", parsed.scheme, parsed.canonical),
                "identifier");
  ONOMA_TRY_VOID(work.need_sponsor(found->origin));
  ONOMA_TRY_VOID(work.need_revision(&found->origin));
  return *std::move(found);
}

}  // namespace

Result<void> apply(Work& work, const model::IdentifierCreate& command) {
  ONOMA_TRY(auto parsed, read(command.identifier, command.scheme));
  ONOMA_TRY(auto present, work.reader.identifier(parsed.scheme, parsed.canonical));
  if (present && present->status == "tombstone")
    return fail(Code::gone,
                fmt::format("{}:{} was removed and is never given again", parsed.scheme, parsed.canonical),
                "identifier");
  if (present)
    return fail(Code::exists, fmt::format("{}:{} is registered already", parsed.scheme, parsed.canonical),
                "identifier");
  ONOMA_TRY_VOID(work.need_revision(nullptr));
  const auto* scheme = ident::find_scheme(parsed.scheme);
  bool anchored = scheme && scheme->domain_anchored;
  ONOMA_TRY(auto place, anchored ? anchored_place(work, parsed) : apex_place(work, parsed));
  ONOMA_TRY_VOID(check_prefix(work, parsed));
  ONOMA_TRY_VOID(check_name_free(work, place.dns_name, parsed.scheme, anchored));
  model::Identifier identifier;
  identifier.scheme = parsed.scheme;
  identifier.canonical = parsed.canonical;
  identifier.display = parsed.display;
  identifier.prefix = parsed.prefix;
  identifier.dns_name = place.dns_name;
  identifier.tld = place.zone->name;
  ONOMA_TRY(identifier.values, check_values(command.values, {}, work.now));
  ONOMA_TRY_VOID(work.put<model::Identifier>(identifier, nullptr));
  work.show(identifier);
  return {};
}

Result<void> apply(Work& work, const model::IdentifierUpdate& command) {
  ONOMA_TRY(auto before, existing(work, command.identifier, command.scheme));
  if (before.status == "tombstone")
    return fail(Code::gone, "the identifier was removed; it cannot be changed", "identifier");
  if (before.status == "serverHold" && !work.is_operator())
    return fail(Code::status_prohibits, "the status serverHold forbids this");
  auto identifier = before;
  ONOMA_TRY(identifier.values, check_values(command.values, before.values, work.now));
  if (command.status && *command.status != before.status) {
    bool holders = std::ranges::find(kHolderStatuses, *command.status) != std::end(kHolderStatuses);
    bool operators = std::ranges::find(kOperatorStatuses, *command.status) != std::end(kOperatorStatuses);
    if (!holders && !operators)
      return fail(Code::bad_syntax,
                  fmt::format("a status is one of: {}, {}", fmt::join(kHolderStatuses, ", "),
                              fmt::join(kOperatorStatuses, ", ")),
                  "status");
    bool was_operators = std::ranges::find(kOperatorStatuses, before.status) != std::end(kOperatorStatuses);
    if ((operators || was_operators) && !work.is_operator())
      return fail(Code::forbidden, "only an operator changes this status", "status");
    identifier.status = *command.status;
  }
  if (identifier.status == "tombstone") identifier.values.clear();
  ONOMA_TRY_VOID(work.put(identifier, &before));
  work.show(identifier);
  return {};
}

Result<void> apply(Work& work, const model::IdentifierDelete& command) {
  ONOMA_TRY(auto identifier, existing(work, command.identifier, command.scheme));
  if (identifier.status == "tombstone" && !work.is_operator())
    return fail(Code::gone, "the identifier was removed and its name stays unused", "identifier");
  return work.erase(identifier);
}

}  // namespace onoma::registry
