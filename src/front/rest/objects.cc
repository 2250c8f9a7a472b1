// Routes of the registry's objects: tlds, registrars, contacts, hosts, domains, identifiers.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "front/rest/door.h"
#include "model/json.h"

namespace onoma::front {
namespace {

using model::ObjectReader;

const std::vector<int> kCreated{201};

Error absent(std::string_view kind, std::string_view key) {
  return {Code::not_found, fmt::format("there is no {} \"{}\"", kind, key), {}};
}

Door::Location location_by(std::string_view collection, std::string_view member) {
  return [=](const model::Outcome& outcome) {
    return fmt::format("/v1/{}/{}", collection, percent_encode(text_member(outcome.object, member)));
  };
}

std::string page_json(const Call& call, const std::vector<std::string>& items, const std::string& next,
                      std::size_t limit) {
  auto out = fmt::format(R"({{"items":[{}])", fmt::join(items, ","));
  if (!next.empty())
    out += fmt::format(R"(,"next":{})", quoted(fmt::format("{}?after={}&limit={}", call.request.path,
                                                           percent_encode(next), limit)));
  return out + "}";
}

// A page of objects: an operator sees all, a registrar what it sponsors. `show` makes the JSON.
template <class T, class Show>
void list(Door& door, Call call, Result<model::Page<T>> (ObjectReader::*page)(std::string_view, std::size_t),
          Show show) {
  auto limit = limit_of(call);
  if (!limit) return call.fail(limit.error());
  auto reader = door.read();
  if (!reader) return call.fail(reader.error());
  auto found = ((**reader).*page)(call.argument("after"), *limit);
  if (!found) return call.fail(found.error());
  std::vector<std::string> items;
  for (const auto& item : found->items)
    if (call.may_see(item.origin.sponsor)) items.push_back(show(item));
  call.json(200, page_json(call, items, found->next, *limit));
}

// The contact's JSON with `instead` in place of the sealed octets.
std::string without_sealed(model::Contact contact, const std::string& instead) {
  contact.sealed.clear();
  auto json = model::to_json(contact);
  constexpr std::string_view kSealed = R"("sealed":"",)";
  if (const auto at = json.find(kSealed); at != std::string::npos) json.replace(at, kSealed.size(), instead);
  return json;
}

// Personal data are opened only for whom they are shown.
Result<std::string> contact_json(Door& door, const model::Contact& contact) {
  std::vector<std::string> fields;
  if (!contact.erased && door.services.contact_fields) {
    ONOMA_TRY(auto clear, door.services.contact_fields(contact.id));
    for (const auto& [name, value] : clear.fields) fields.push_back(quoted(name) + ":" + quoted(value));
  }
  return without_sealed(contact, fmt::format(R"("fields":{{{}}},)", fmt::join(fields, ",")));
}

// Values that not everybody may read are for the holder's registrar.
std::string identifier_json(const Call& call, model::Identifier identifier) {
  if (!call.may_see(identifier.origin.sponsor))
    std::erase_if(identifier.values, [](const model::Value& value) { return !value.publicly_readable(); });
  return model::to_json(identifier);
}

void get_tld(Door& door, Call call) {
  auto name = name_of(call.path["name"]);
  if (!name) return call.fail(name.error());
  auto reader = door.read();
  if (!reader) return call.fail(reader.error());
  auto tld = (*reader)->tld(*name);
  if (!tld) return call.fail(tld.error());
  if (!*tld) return call.fail(absent("tld", call.path["name"]));
  answer_object(std::move(call), (*tld)->origin.revision, model::to_json(**tld));
}

void list_tlds(Door& door, Call call) {
  auto reader = door.read();
  if (!reader) return call.fail(reader.error());
  auto found = (*reader)->tlds();
  if (!found) return call.fail(found.error());
  std::vector<std::string> items;
  for (const auto& tld : *found) items.push_back(model::to_json(tld));
  call.json(200, page_json(call, items, {}, 0));
}

// A command whose key is a zone's name: U-labels in the path become A-labels.
void write_tld(Door& door, Call call, std::string_view command) {
  auto name = name_of(call.path["name"]);
  if (!name) return call.fail(name.error());
  door.write(std::move(call), command, name->text());
}

void get_registrar(Door& door, Call call) {
  const auto id = call.path["id"];
  if (!call.is_operator() && call.caller->id != id)
    return call.fail({Code::forbidden, "a registrar may look at itself only", {}});
  auto reader = door.read();
  if (!reader) return call.fail(reader.error());
  auto found = (*reader)->registrar(id);
  if (!found) return call.fail(found.error());
  if (!*found) return call.fail(absent("registrar", id));
  answer_object(std::move(call), (*found)->origin.revision, model::to_json(**found));
}

void get_contact(Door& door, Call call) {
  const auto id = call.path["id"];
  auto reader = door.read();
  if (!reader) return call.fail(reader.error());
  auto found = (*reader)->contact(id);
  if (!found) return call.fail(found.error());
  if (!*found) return call.fail(absent("contact", id));
  const auto& contact = **found;
  if (!call.may_see(contact.origin.sponsor))
    return call.fail({Code::forbidden, "a contact is shown to its sponsor and to operators only", {}});
  auto json = contact_json(door, contact);
  if (!json) return call.fail(json.error());
  answer_object(std::move(call), contact.origin.revision, *std::move(json));
}

void list_contacts(Door& door, Call call) {
  list(door, std::move(call), &ObjectReader::contacts, [](const model::Contact& contact) {
    return without_sealed(contact, {});  // a list names contacts; the fields are shown one by one
  });
}

void get_host(Door& door, Call call) {
  auto name = name_of(call.path["name"]);
  if (!name) return call.fail(name.error());
  auto reader = door.read();
  if (!reader) return call.fail(reader.error());
  auto found = (*reader)->host(*name);
  if (!found) return call.fail(found.error());
  if (!*found) return call.fail(absent("host", call.path["name"]));
  answer_object(std::move(call), (*found)->origin.revision, model::to_json(**found));
}

void get_domain(Door& door, Call call) {
  auto name = name_of(call.path["name"]);
  if (!name) return call.fail(name.error());
  auto reader = door.read();
  if (!reader) return call.fail(reader.error());
  auto found = (*reader)->domain(*name);
  if (!found) return call.fail(found.error());
  if (!*found) return call.fail(absent("domain", call.path["name"]));
  answer_object(std::move(call), (*found)->origin.revision, model::to_json(**found));
}

void get_identifier(Door& door, Call call) {
  auto identifier = ident::parse(call.path["identifier"], call.argument("scheme"));
  if (!identifier) return call.fail(identifier.error());
  auto reader = door.read();
  if (!reader) return call.fail(reader.error());
  auto found = (*reader)->identifier(identifier->scheme, identifier->canonical);
  if (!found) return call.fail(found.error());
  if (!*found) return call.fail(absent("identifier", identifier->canonical));
  const auto revision = (*found)->origin.revision;
  auto json = identifier_json(call, **std::move(found));
  answer_object(std::move(call), revision, std::move(json));
}

// ?scheme= is a convenience for commands whose scheme stands in the body.
void write_identifier(Door& door, Call call, std::string_view command_name) {
  auto command = model::command_from_json(command_name, call.path["identifier"], call.request.body);
  if (!command) return call.fail(command.error());
  const std::string scheme(call.argument("scheme"));
  const auto set = [&](auto& change) {
    if (change.scheme.empty()) change.scheme = scheme;
    return change.scheme == scheme || scheme.empty();
  };
  bool agreed = true;
  if (auto* update = std::get_if<model::IdentifierUpdate>(&*command)) agreed = set(*update);
  if (auto* removal = std::get_if<model::IdentifierDelete>(&*command)) agreed = set(*removal);
  if (!agreed)
    return call.fail({Code::bad_request, "the scheme in the query and the one in the body differ", "scheme"});
  door.write(std::move(call), *std::move(command));
}

std::string identifier_location(const model::Outcome& outcome) {
  auto identifier = model::identifier_from_json(outcome.object);
  if (!identifier) return "/v1/identifiers";
  return fmt::format("/v1/identifiers/{}?scheme={}", percent_encode(identifier->canonical),
                     percent_encode(identifier->scheme));
}

void add_tlds(Door& door) {
  auto& router = door.router;
  router.add({"GET",
              "/v1/tlds",
              "Zones that the registry operates",
              Access::anybody,
              [&door](Call call) { list_tlds(door, std::move(call)); },
              {},
              "",
              "TldList"});
  router.add(
      {"POST",
       "/v1/tlds",
       "Operate a new zone",
       Access::operator_,
       [&door](Call call) { door.write(std::move(call), "tld.create", "", location_by("tlds", "name")); },
       {kWait},
       "TldCreate",
       "Outcome",
       "application/json",
       kCreated});
  router.add({"GET",
              "/v1/tlds/{name}",
              "A zone's policy and apex",
              Access::anybody,
              [&door](Call call) { get_tld(door, std::move(call)); },
              {},
              "",
              "Tld"});
  router.add({"PUT",
              "/v1/tlds/{name}",
              "Replace a zone's policy and apex",
              Access::operator_,
              [&door](Call call) { write_tld(door, std::move(call), "tld.update"); },
              {kWait},
              "TldUpdate",
              "Outcome"});
  router.add({"DELETE",
              "/v1/tlds/{name}",
              "Operate a zone no longer",
              Access::operator_,
              [&door](Call call) { write_tld(door, std::move(call), "tld.delete"); },
              {kWait},
              "",
              "Outcome"});
}

void add_registrars(Door& door) {
  auto& router = door.router;
  router.add({"GET",
              "/v1/registrars",
              "Registrars",
              Access::operator_,
              [&door](Call call) {
                list(door, std::move(call), &ObjectReader::registrars,
                     [](const auto& one) { return model::to_json(one); });
              },
              {kLimit, kAfter},
              "",
              "RegistrarList"});
  router.add({"POST",
              "/v1/registrars",
              "Admit a registrar; its token is shown once",
              Access::operator_,
              [&door](Call call) {
                door.write(std::move(call), "registrar.create", "", location_by("registrars", "id"));
              },
              {kWait},
              "RegistrarCreate",
              "Outcome",
              "application/json",
              kCreated});
  router.add({"GET",
              "/v1/registrars/{id}",
              "One registrar",
              Access::token,
              [&door](Call call) { get_registrar(door, std::move(call)); },
              {},
              "",
              "Registrar"});
  router.add({"PUT",
              "/v1/registrars/{id}",
              "Replace a registrar's data, or make it a new token",
              Access::operator_,
              [&door](Call call) {
                const auto id = call.path["id"];
                door.write(std::move(call), "registrar.update", id);
              },
              {kWait},
              "RegistrarUpdate",
              "Outcome"});
  router.add({"DELETE",
              "/v1/registrars/{id}",
              "Dismiss a registrar",
              Access::operator_,
              [&door](Call call) {
                const auto id = call.path["id"];
                door.write(std::move(call), "registrar.delete", id);
              },
              {kWait},
              "",
              "Outcome"});
}

// PUT or PATCH, and DELETE, of objects whose key is one path segment handed on as it is.
void add_changes(Door& door, std::string_view path, std::string_view key, std::string_view update_method,
                 std::string_view update, std::string_view remove, std::string_view schema) {
  door.router.add({update_method,
                   path,
                   "Change it",
                   Access::token,
                   [&door, key = std::string(key), update](Call call) {
                     const auto value = call.path[key];
                     door.write(std::move(call), update, value);
                   },
                   {kWait},
                   schema,
                   "Outcome"});
  door.router.add({"DELETE",
                   path,
                   "Remove it",
                   Access::token,
                   [&door, key = std::string(key), remove](Call call) {
                     const auto value = call.path[key];
                     door.write(std::move(call), remove, value);
                   },
                   {kWait},
                   "",
                   "Outcome"});
}

void add_contacts(Door& door) {
  auto& router = door.router;
  router.add({"GET",
              "/v1/contacts",
              "Contacts: an operator sees all, a registrar its own; without their fields",
              Access::token,
              [&door](Call call) { list_contacts(door, std::move(call)); },
              {kLimit, kAfter},
              "",
              "ContactList"});
  router.add({"POST",
              "/v1/contacts",
              "Register a contact",
              Access::token,
              [&door](Call call) {
                door.write(std::move(call), "contact.create", "", location_by("contacts", "id"));
              },
              {kWait},
              "ContactCreate",
              "Outcome",
              "application/json",
              kCreated});
  router.add({"GET",
              "/v1/contacts/{id}",
              "One contact, for its sponsor",
              Access::token,
              [&door](Call call) { get_contact(door, std::move(call)); },
              {},
              "",
              "Contact"});
  add_changes(door, "/v1/contacts/{id}", "id", "PUT", "contact.update", "contact.delete", "ContactUpdate");
  router.add({"POST",
              "/v1/contacts/{id}/erase",
              "Erase a contact's data for ever",
              Access::token,
              [&door](Call call) {
                const auto id = call.path["id"];
                door.write(std::move(call), "contact.erase", id);
              },
              {kWait},
              "",
              "Outcome"});
}

void add_hosts(Door& door) {
  auto& router = door.router;
  router.add({"GET",
              "/v1/hosts",
              "Name servers: an operator sees all, a registrar its own",
              Access::token,
              [&door](Call call) {
                list(door, std::move(call), &ObjectReader::hosts,
                     [](const auto& one) { return model::to_json(one); });
              },
              {kLimit, kAfter},
              "",
              "HostList"});
  router.add(
      {"POST",
       "/v1/hosts",
       "Register a name server",
       Access::token,
       [&door](Call call) { door.write(std::move(call), "host.create", "", location_by("hosts", "name")); },
       {kWait},
       "HostCreate",
       "Outcome",
       "application/json",
       kCreated});
  router.add({"GET",
              "/v1/hosts/{name}",
              "One name server",
              Access::anybody,
              [&door](Call call) { get_host(door, std::move(call)); },
              {},
              "",
              "Host"});
  add_changes(door, "/v1/hosts/{name}", "name", "PUT", "host.update", "host.delete", "HostUpdate");
}

void add_domains(Door& door) {
  auto& router = door.router;
  router.add({"GET",
              "/v1/domains",
              "Domains: an operator sees all, a registrar its own",
              Access::token,
              [&door](Call call) {
                list(door, std::move(call), &ObjectReader::domains,
                     [](const auto& one) { return model::to_json(one); });
              },
              {kLimit, kAfter},
              "",
              "DomainList"});
  router.add({"POST",
              "/v1/domains",
              "Register a domain",
              Access::token,
              [&door](Call call) {
                door.write(std::move(call), "domain.create", "", location_by("domains", "name"));
              },
              {kWait},
              "DomainCreate",
              "Outcome",
              "application/json",
              kCreated});
  router.add({"GET",
              "/v1/domains/{name}",
              "One domain",
              Access::anybody,
              [&door](Call call) { get_domain(door, std::move(call)); },
              {},
              "",
              "Domain"});
  add_changes(door, "/v1/domains/{name}", "name", "PATCH", "domain.update", "domain.delete", "DomainUpdate");
}

void add_identifiers(Door& door) {
  auto& router = door.router;
  const Parameter scheme{"scheme", "token of the identifier's scheme; detected when absent"};
  router.add({"GET",
              "/v1/identifiers",
              "Identifiers: an operator sees all, a registrar its own",
              Access::token,
              [&door](Call call) {
                list(door, std::move(call), &ObjectReader::identifiers,
                     [](const auto& one) { return model::to_json(one); });
              },
              {kLimit, kAfter},
              "",
              "IdentifierList"});
  router.add(
      {"POST",
       "/v1/identifiers",
       "Register an identifier",
       Access::token,
       [&door](Call call) { door.write(std::move(call), "identifier.create", "", identifier_location); },
       {kWait},
       "IdentifierCreate",
       "Outcome",
       "application/json",
       kCreated});
  constexpr std::string_view kPath = "/v1/identifiers/{identifier+}";
  router.add({"GET",
              kPath,
              "One identifier, percent-encoded in any spelling",
              Access::anybody,
              [&door](Call call) { get_identifier(door, std::move(call)); },
              {scheme},
              "",
              "Identifier"});
  router.add({"PUT",
              kPath,
              "Replace an identifier's values",
              Access::token,
              [&door](Call call) { write_identifier(door, std::move(call), "identifier.update"); },
              {scheme, kWait},
              "IdentifierUpdate",
              "Outcome"});
  router.add({"DELETE",
              kPath,
              "Retire an identifier",
              Access::token,
              [&door](Call call) { write_identifier(door, std::move(call), "identifier.delete"); },
              {scheme, kWait},
              "",
              "Outcome"});
}

}  // namespace

void add_object_routes(Door& door) {
  add_tlds(door);
  add_registrars(door);
  add_contacts(door);
  add_hosts(door);
  add_domains(door);
  add_identifiers(door);
}

}  // namespace onoma::front
