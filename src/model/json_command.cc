// Requests of the REST door → commands.
#include <fmt/format.h>

#include "model/codec.h"

namespace onoma::model {
namespace {

// What a request's reader gets: its members, the key of the path, and where to put the first problem.
struct Request {
  Fields& fields;
  std::string key;
  Problem& problem;

  // The object's own name: from the path, or for a create from the body.
  bool own_name(std::string_view member, std::string& out, std::size_t max_octets) {
    if (!key.empty()) {
      out = key;
      return true;
    }
    fields.require(member);
    return fields.text(member, out, max_octets);
  }
  bool own_name(std::string_view member, Name& out) {
    if (key.empty()) {
      fields.require(member);
      return fields.name(member, out);
    }
    auto name = Name::parse(key);
    if (name)
      out = name->lower();
    else
      fields.set_problem(Code::bad_syntax,
                         fmt::format("\"{}\" is no domain name: {}", key, wire::describe(name.error())),
                         member);
    return name.has_value();
  }
  void glue(std::vector<Glue>& out) {
    fields.array("glue", 1'000, [&](const boost::json::value& item, const std::string& path) {
      auto& one = out.emplace_back();
      Fields members(item, path, problem);
      members.require("host");
      members.require("addresses");
      members.text("host", one.host, 1'024);
      members.texts("addresses", one.addresses, kMaxAddresses);
      members.finish();
    });
  }
  void contact_fields(ContactFields& out) {
    fields.require("fields");
    fields.object("fields", [&](const boost::json::value& object, const std::string& path) {
      Fields members(object, path, problem);
      members.each_text(
          [&](std::string_view name, std::string_view value) { out.fields.emplace(name, value); });
    });
  }
};

Command tld_create(Request r) {
  TldCreate out;
  r.own_name("name", out.tld.name);
  read_tld(r.fields, out.tld, r.problem);
  return out;
}
Command tld_update(Request r) {
  TldUpdate out;
  r.own_name("name", out.tld.name);
  read_tld(r.fields, out.tld, r.problem);
  return out;
}
Command tld_delete(Request r) {
  TldDelete out;
  r.own_name("name", out.name);
  return out;
}
Command registrar_create(Request r) {
  RegistrarCreate out;
  r.own_name("id", out.registrar.id, 255);
  read_registrar(r.fields, out.registrar);
  return out;
}
Command registrar_update(Request r) {
  RegistrarUpdate out;
  r.own_name("id", out.registrar.id, 255);
  read_registrar(r.fields, out.registrar);
  r.fields.boolean("new_token", out.new_token);
  return out;
}
template <class T>
Command contact_data(Request r) {
  T out;
  r.own_name("id", out.id, 255);
  r.contact_fields(out.data);
  return out;
}
template <class T>
Command by_id(Request r) {
  T out;
  r.own_name("id", out.id, 255);
  return out;
}
template <class T>
Command by_name(Request r) {
  T out;
  r.own_name("name", out.name, 1'024);
  return out;
}
Command host_create(Request r) {
  HostCreate out;
  r.own_name("name", out.name, 1'024);
  r.fields.texts("addresses", out.addresses, kMaxAddresses);
  return out;
}
Command host_update(Request r) {
  HostUpdate out;
  r.own_name("name", out.name, 1'024);
  r.fields.require("addresses");
  r.fields.texts("addresses", out.addresses, kMaxAddresses);
  if (std::set<std::string> statuses; r.fields.text_set("statuses", statuses, kMaxStatuses))
    out.statuses = std::move(statuses);
  return out;
}
Command domain_create(Request r) {
  DomainCreate out;
  r.own_name("name", out.name, 1'024);
  r.fields.texts("name_servers", out.name_servers, kMaxNameServers);
  r.glue(out.glue);
  read_ds(r.fields, out.ds, r.problem);
  r.fields.text("registrant", out.registrant, 255);
  r.fields.number("years", out.years);
  return out;
}
Command domain_update(Request r) {
  DomainUpdate out;
  r.own_name("name", out.name, 1'024);
  if (std::vector<std::string> hosts; r.fields.texts("name_servers", hosts, kMaxNameServers))
    out.name_servers = std::move(hosts);
  r.glue(out.glue);
  if (std::vector<DsData> ds; read_ds(r.fields, ds, r.problem)) out.ds = std::move(ds);
  if (std::string registrant; r.fields.text("registrant", registrant, 255))
    out.registrant = std::move(registrant);
  if (std::set<std::string> statuses; r.fields.text_set("statuses", statuses, kMaxStatuses))
    out.statuses = std::move(statuses);
  return out;
}
Command identifier_create(Request r) {
  IdentifierCreate out;
  r.own_name("identifier", out.identifier, 2'048);
  r.fields.text("scheme", out.scheme, 64);
  read_values(r.fields, out.values, r.problem, false);
  return out;
}
Command identifier_update(Request r) {
  IdentifierUpdate out;
  r.own_name("identifier", out.identifier, 2'048);
  r.fields.text("scheme", out.scheme, 64);
  r.fields.require("values");
  read_values(r.fields, out.values, r.problem, false);
  if (std::string status; r.fields.text("status", status, 64)) out.status = std::move(status);
  return out;
}
Command identifier_delete(Request r) {
  IdentifierDelete out;
  r.own_name("identifier", out.identifier, 2'048);
  r.fields.text("scheme", out.scheme, 64);
  return out;
}

void imported_host(Fields fields, ImportedHost& out) {
  fields.require("name");
  fields.name("name", out.name);
  fields.texts("addresses", out.addresses, kMaxAddresses);
  fields.number("a_ttl_s", out.a_ttl_s, 0, 0x7fffffff);
  fields.number("aaaa_ttl_s", out.aaaa_ttl_s, 0, 0x7fffffff);
  fields.boolean("remove", out.remove);
  fields.finish();
}
void imported_delegation(Fields fields, ImportedDelegation& out, Problem& problem) {
  fields.require("name");
  fields.name("name", out.name);
  fields.names("name_servers", out.name_servers, kMaxNameServers);
  fields.number("ns_ttl_s", out.ns_ttl_s, 0, 0x7fffffff);
  read_ds(fields, out.ds, problem);
  fields.number("ds_ttl_s", out.ds_ttl_s, 0, 0x7fffffff);
  fields.boolean("remove", out.remove);
  fields.finish();
}
Command import(Request r) {
  Import out;
  r.own_name("tld", out.tld);
  r.fields.array("hosts", 1'000, [&](const boost::json::value& item, const std::string& path) {
    imported_host({item, path, r.problem}, out.hosts.emplace_back());
  });
  r.fields.array("delegations", 1'000, [&](const boost::json::value& item, const std::string& path) {
    imported_delegation({item, path, r.problem}, out.delegations.emplace_back(), r.problem);
  });
  return out;
}

struct Row {
  std::string_view name;
  Command (*read)(Request);
};
constexpr Row kRows[] = {
    {"tld.create", tld_create},
    {"tld.update", tld_update},
    {"tld.delete", tld_delete},
    {"registrar.create", registrar_create},
    {"registrar.update", registrar_update},
    {"registrar.delete", by_id<RegistrarDelete>},
    {"contact.create", contact_data<ContactCreate>},
    {"contact.update", contact_data<ContactUpdate>},
    {"contact.erase", by_id<ContactErase>},
    {"contact.delete", by_id<ContactDelete>},
    {"host.create", host_create},
    {"host.update", host_update},
    {"host.delete", by_name<HostDelete>},
    {"domain.create", domain_create},
    {"domain.update", domain_update},
    {"domain.delete", by_name<DomainDelete>},
    {"identifier.create", identifier_create},
    {"identifier.update", identifier_update},
    {"identifier.delete", identifier_delete},
    {"import", import},
};
static_assert(std::size(kRows) == std::variant_size_v<Command>);

}  // namespace

Result<Command> command_from_json(std::string_view command_name, std::string_view key,
                                  std::string_view body) {
  for (const auto& row : kRows) {
    if (row.name != command_name) continue;
    // A delete comes without a body.
    ONOMA_TRY(auto document, JsonDocument::parse(body.empty() ? "{}" : body));
    Problem problem;
    Fields fields(document.root(), {}, problem);
    if (problem) return std::unexpected(*std::move(problem));
    auto command = row.read({fields, std::string(key), problem});
    if (!problem) fields.finish();
    if (problem) return std::unexpected(*std::move(problem));
    return command;
  }
  return fail(Code::bad_request, fmt::format("there is no command \"{}\"", command_name));
}

}  // namespace onoma::model
