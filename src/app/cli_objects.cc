// onoma tld|registrar|contact|host|domain|identifier create|info|update|delete|list: clients of the REST
// door.
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/client.h"
#include "app/object_requests.h"
#include "app/output.h"

namespace onoma::app {
namespace {

// What one kind of object is called, where it lives, and what a list of it shows.
struct Kind {
  std::string_view word;
  std::string_view collection;
  std::string_view key;  // name of the positional argument
  std::vector<std::string> columns;
  std::string_view example;
};

std::string path_of(const Kind& kind, std::string_view key) {
  return fmt::format("/v1/{}/{}", kind.collection, encoded(key));
}

// Everything that some command of some kind takes; a command adds the options it has.
using Arguments = std::shared_ptr<ObjectArguments>;

void print_one(const Globals& globals, const std::string& body) {
  boost::json::error_code wrong;
  const auto document = boost::json::parse(body, wrong);
  if (globals.json || wrong || !document.is_object())
    fmt::print("{}\n", body);
  else
    print_object(document.as_object());
}

CLI::App* add_kind(CLI::App& root, const Kind& kind, std::string_view description) {
  auto* command = root.add_subcommand(std::string(kind.word), std::string(description));
  command->require_subcommand(1);
  command->footer(fmt::format("Examples:\n  {}", kind.example));
  return command;
}

CLI::App* add_verb(CLI::App& parent, const Kind& kind, const Arguments& arguments, const std::string& verb,
                   const std::string& description, const std::string& example) {
  auto* command = parent.add_subcommand(verb, description);
  command->add_option(std::string(kind.key), arguments->key)->required();
  command->footer("Example:\n  onoma " + std::string(kind.word) + " " + verb + " " + example);
  return command;
}

void add_info(CLI::App& parent, Globals& globals, const Kind& kind, const std::string& example) {
  auto arguments = std::make_shared<ObjectArguments>();
  auto* command = add_verb(parent, kind, arguments, "info", fmt::format("show one {}", kind.word), example);
  if (kind.word == "identifier") command->add_option("--scheme", arguments->scheme, "read it as this scheme");
  command->callback([&globals, kind, arguments] {
    with_client(globals, [&](Client& client) -> Result<int> {
      auto target = path_of(kind, arguments->key);
      if (!arguments->scheme.empty()) target += "?scheme=" + encoded(arguments->scheme);
      ONOMA_TRY(const auto reply, client.get(target));
      print_one(globals, reply.body);
      return 0;
    });
  });
}

void add_delete(CLI::App& parent, Globals& globals, const Kind& kind, const std::string& example) {
  auto arguments = std::make_shared<ObjectArguments>();
  auto* command =
      add_verb(parent, kind, arguments, "delete", fmt::format("remove the {}", kind.word), example);
  if (kind.word == "identifier") command->add_option("--scheme", arguments->scheme, "read it as this scheme");
  command->callback([&globals, kind, arguments] {
    with_client(globals, [&](Client& client) -> Result<int> {
      auto target = path_of(kind, arguments->key) + "?wait=visible";
      if (!arguments->scheme.empty()) target += "&scheme=" + encoded(arguments->scheme);
      ONOMA_TRY(const auto reply, client.send("DELETE", target));
      print_outcome(globals, fmt::format("deleted {} {}", kind.word, arguments->key), reply.body);
      return 0;
    });
  });
}

// All pages, or as many as --limit asks for.
Result<std::vector<boost::json::object>> all_items(Client& client, const Kind& kind, std::size_t limit,
                                                   const std::string& after) {
  std::vector<boost::json::object> out;
  auto target = kind.word == "tld"
                    ? std::string("/v1/tlds")
                    : fmt::format("/v1/{}?limit={}", kind.collection, std::min<std::size_t>(limit, 1000));
  if (!after.empty()) target += "&after=" + encoded(after);
  while (!target.empty() && out.size() < limit) {
    ONOMA_TRY(const auto reply, client.get(target));
    ONOMA_TRY(auto page, read_page(reply.body));
    for (auto& item : page.items)
      if (out.size() < limit) out.push_back(std::move(item));
    target = std::move(page.next);
  }
  return out;
}

void add_list(CLI::App& parent, Globals& globals, const Kind& kind) {
  struct ListArguments {
    std::size_t limit = 1000;
    std::string after;
  };
  auto arguments = std::make_shared<ListArguments>();
  auto* command = parent.add_subcommand("list", fmt::format("list what there is of this kind"));
  if (kind.word != "tld") {
    command->add_option("--limit", arguments->limit, "at most so many")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    command->add_option("--after", arguments->after, "begin behind this one");
  }
  command->footer(fmt::format("Example:\n  onoma {} list", kind.word));
  command->callback([&globals, kind, arguments] {
    with_client(globals, [&](Client& client) -> Result<int> {
      ONOMA_TRY(auto items, all_items(client, kind, arguments->limit, arguments->after));
      if (globals.json) {
        boost::json::array all;
        for (auto& item : items) all.emplace_back(std::move(item));
        fmt::print("{}\n", boost::json::serialize(boost::json::object{{"items", std::move(all)}}));
      } else if (items.empty()) {
        fmt::print("none\n");
      } else {
        print_table(items, kind.columns);
      }
      return 0;
    });
  });
}

using MakeBody = Result<std::string> (*)(const ObjectArguments&, bool create);

void on_create(CLI::App& command, Globals& globals, const Kind& kind, const Arguments& arguments,
               MakeBody body) {
  command.callback([&globals, kind, arguments, body] {
    with_client(globals, [&](Client& client) -> Result<int> {
      ONOMA_TRY(const auto request, body(*arguments, true));
      ONOMA_TRY(const auto reply,
                client.send("POST", fmt::format("/v1/{}?wait=visible", kind.collection), request));
      print_outcome(globals, fmt::format("created {} {}", kind.word, arguments->key), reply.body);
      return 0;
    });
  });
}

// `merge`: the door replaces the whole object, so it is read first, changed here, and written back if nobody
// else changed it meanwhile.
using Merge = Result<std::string> (*)(const ObjectArguments&, const boost::json::object& present);
void on_update(CLI::App& command, Globals& globals, const Kind& kind, const Arguments& arguments,
               std::string_view method, MakeBody body, Merge merge = nullptr) {
  command.callback([&globals, kind, arguments, method, body, merge] {
    with_client(globals, [&](Client& client) -> Result<int> {
      const auto path = path_of(kind, arguments->key);
      const auto scheme = arguments->scheme.empty() ? std::string{} : "scheme=" + encoded(arguments->scheme);
      Client::Extra extra;
      if (!arguments->if_match.empty()) extra.if_match = fmt::format("\"{}\"", arguments->if_match);
      std::string request;
      if (merge) {
        ONOMA_TRY(const auto present, client.get(scheme.empty() ? path : path + "?" + scheme));
        ONOMA_TRY(const auto object, read_object(present.body));
        ONOMA_TRY(request, merge(*arguments, object));
        if (extra.if_match.empty()) extra.if_match = present.etag;
      } else {
        ONOMA_TRY(request, body(*arguments, false));
      }
      ONOMA_TRY(
          const auto reply,
          client.send(method, path + "?wait=visible" + (scheme.empty() ? "" : "&" + scheme), request, extra));
      print_outcome(globals, fmt::format("updated {} {}", kind.word, arguments->key), reply.body);
      return 0;
    });
  });
}

void add_if_match(CLI::App& command, const Arguments& arguments) {
  command.add_option("--if-revision", arguments->if_match,
                     "refuse unless the object still has this revision");
}

void add_tld_options(CLI::App& command, const Arguments& arguments) {
  auto& a = *arguments;
  command.add_option("--ns", a.name_servers, "name servers of the zone");
  command.add_option("--apex", a.apex, "another record at the apex: \"TYPE DATA\" or \"TYPE TTL DATA\"");
  const auto number = [&](const char* option, const char* member, const char* help) {
    command.add_option_function<std::uint32_t>(
        option, [&a, member](const std::uint32_t& value) { a.numbers[member] = value; }, help);
  };
  command.add_option("--mname", a.mname, "SOA: primary server; else the first --ns");
  command.add_option("--rname", a.rname, "SOA: mailbox as a name; else hostmaster.<zone>");
  number("--refresh", "refresh_s", "SOA: refresh, seconds");
  number("--retry", "retry_s", "SOA: retry, seconds");
  number("--expire", "expire_s", "SOA: expire, seconds");
  number("--minimum", "minimum_s", "SOA: negative TTL, seconds");
  number("--soa-ttl", "soa_ttl_s", "TTL of the SOA record");
  number("--ns-ttl", "ns_ttl_s", "TTL of delegations");
  number("--ds-ttl", "ds_ttl_s", "TTL of DS records");
  number("--address-ttl", "address_ttl_s", "TTL of glue addresses");
  number("--first-serial", "first_serial", "serials start above this one");
  number("--labels", "max_domain_labels", "labels that a name may have below the zone");
  number("--term", "term_years", "years of a registration that says nothing");
  const auto denial = [&](const char* flag, const char* word, const char* help) {
    command.add_flag_callback(flag, [&a, word] { a.denial = word; }, help);
  };
  denial("--nsec", "nsec", "sign with NSEC");
  denial("--nsec3", "nsec3", "sign with NSEC3");
  denial("--opt-out", "nsec3_opt_out", "sign with NSEC3 and opt-out (the default)");
  denial("--unsigned", "unsigned", "do not sign");
  command.add_option("--serial", a.serial, "serial policy")
      ->check(CLI::IsMember({"counter", "unixtime", "datecounter"}));
  command.add_option("--glue", a.glue_policy, "which glue is published")
      ->check(CLI::IsMember({"narrow", "wide"}));
  command.add_option("--identifier-apex", a.identifier_apex, "publish identifiers below this name");
  command.add_flag_callback(
      "--no-idn", [&a] { a.flags["allow_idn"] = false; }, "take no internationalised names");
  command.add_flag_callback(
      "--test-zone", [&a] { a.flags["test_zone"] = true; }, "permit documentation and loopback addresses");
}

void add_tlds(CLI::App& root, Globals& globals) {
  const Kind kind{"tld",
                  "tlds",
                  "NAME",
                  {"name", "denial", "serial", "identifier_apex", "revision"},
                  "onoma tld create example --ns ns1.example.net ns2.example.net --nsec"};
  auto* command = add_kind(root, kind, "zones that the registry operates");
  auto create_arguments = std::make_shared<ObjectArguments>();
  auto* create = add_verb(*command, kind, create_arguments, "create", "operate a new zone",
                          "example --ns ns1.example.net ns2.example.net --nsec");
  add_tld_options(*create, create_arguments);
  on_create(*create, globals, kind, create_arguments, tld_body);
  auto update_arguments = std::make_shared<ObjectArguments>();
  auto* update =
      add_verb(*command, kind, update_arguments, "update", "change policy or apex; what is not named stays",
               "example --ns ns1.example.net ns3.example.net");
  add_tld_options(*update, update_arguments);
  add_if_match(*update, update_arguments);
  on_update(*update, globals, kind, update_arguments, "PUT", nullptr, merge_tld);
  add_info(*command, globals, kind, "example");
  add_delete(*command, globals, kind, "example");
  add_list(*command, globals, kind);
}

void add_registrars(CLI::App& root, Globals& globals) {
  const Kind kind{"registrar",
                  "registrars",
                  "ID",
                  {"id", "name", "role", "tlds", "enabled", "revision"},
                  "onoma registrar create reg-a --name \"Registrar A\" --tld test"};
  auto* command = add_kind(root, kind, "who may register names");
  const auto options = [&](CLI::App& to, const Arguments& arguments) {
    auto& a = *arguments;
    to.add_option("--name", a.title, "name of the organisation");
    to.add_option("--role", a.role, "what it may do")->check(CLI::IsMember({"registrar", "operator"}));
    to.add_option("--tld", a.tlds, "zones it may register in");
    to.add_flag_callback("--disable", [&a] { a.flags["enabled"] = false; }, "refuse its token from now on");
    to.add_flag_callback("--enable", [&a] { a.flags["enabled"] = true; }, "take its token again");
  };
  auto create_arguments = std::make_shared<ObjectArguments>();
  auto* create =
      add_verb(*command, kind, create_arguments, "create", "admit a registrar; prints its token once",
               "reg-a --name \"Registrar A\" --tld test");
  options(*create, create_arguments);
  on_create(*create, globals, kind, create_arguments, registrar_body);
  auto update_arguments = std::make_shared<ObjectArguments>();
  auto* update = add_verb(*command, kind, update_arguments, "update",
                          "change a registrar; what is not named stays", "reg-a --new-token");
  options(*update, update_arguments);
  update->add_flag_callback(
      "--new-token", [update_arguments] { update_arguments->flags["new_token"] = true; },
      "make a new token; the old one ends");
  add_if_match(*update, update_arguments);
  on_update(*update, globals, kind, update_arguments, "PUT", nullptr, merge_registrar);
  add_info(*command, globals, kind, "reg-a");
  add_delete(*command, globals, kind, "reg-a");
  add_list(*command, globals, kind);
}

void add_contacts(CLI::App& root, Globals& globals) {
  const Kind kind{"contact",
                  "contacts",
                  "ID",
                  {"id", "erased", "sponsor", "revision"},
                  "onoma contact create c-17 --field name=\"Li Lei\" --field email=li@example.cn"};
  auto* command = add_kind(root, kind, "people and organisations behind names");
  const auto options = [](CLI::App& to, const Arguments& arguments) {
    to.add_option("--field", arguments->fields, "NAME=VALUE: name, org, street, city, cc, email, voice")
        ->required();
  };
  auto create_arguments = std::make_shared<ObjectArguments>();
  auto* create = add_verb(*command, kind, create_arguments, "create", "register a contact",
                          "c-17 --field name=\"Li Lei\" --field email=li@example.cn");
  options(*create, create_arguments);
  on_create(*create, globals, kind, create_arguments, contact_body);
  auto update_arguments = std::make_shared<ObjectArguments>();
  auto* update = add_verb(*command, kind, update_arguments, "update", "replace all fields of a contact",
                          "c-17 --field name=\"Li Lei\" --field email=lei@example.cn");
  options(*update, update_arguments);
  add_if_match(*update, update_arguments);
  on_update(*update, globals, kind, update_arguments, "PUT", contact_body);
  auto erase_arguments = std::make_shared<ObjectArguments>();
  auto* erase = add_verb(*command, kind, erase_arguments, "erase",
                         "destroy a contact's data for ever; its id stays", "c-17");
  erase->callback([&globals, kind, erase_arguments] {
    with_client(globals, [&](Client& client) -> Result<int> {
      ONOMA_TRY(const auto reply, client.send("POST", path_of(kind, erase_arguments->key) + "/erase"));
      print_outcome(globals, "erased contact " + erase_arguments->key, reply.body);
      return 0;
    });
  });
  add_info(*command, globals, kind, "c-17");
  add_delete(*command, globals, kind, "c-17");
  add_list(*command, globals, kind);
}

void add_hosts(CLI::App& root, Globals& globals) {
  const Kind kind{"host",
                  "hosts",
                  "NAME",
                  {"name", "addresses", "statuses", "sponsor", "revision"},
                  "onoma host create ns1.example.test --address 192.0.2.1 2001:db8::1"};
  auto* command = add_kind(root, kind, "name servers");
  const auto options = [](CLI::App& to, const Arguments& arguments) {
    to.add_option("--address", arguments->addresses, "IPv4 and IPv6 addresses, for hosts inside our zones");
  };
  auto create_arguments = std::make_shared<ObjectArguments>();
  auto* create = add_verb(*command, kind, create_arguments, "create", "register a name server",
                          "ns1.example.test --address 192.0.2.1 2001:db8::1");
  options(*create, create_arguments);
  on_create(*create, globals, kind, create_arguments, host_body);
  auto update_arguments = std::make_shared<ObjectArguments>();
  auto* update =
      add_verb(*command, kind, update_arguments, "update", "change a name server; what is not named stays",
               "ns1.example.test --address 192.0.2.7");
  options(*update, update_arguments);
  update->add_option("--status", update_arguments->statuses,
                     "the statuses it shall have, such as clientDeleteProhibited");
  add_if_match(*update, update_arguments);
  on_update(*update, globals, kind, update_arguments, "PUT", nullptr, merge_host);
  add_info(*command, globals, kind, "ns1.example.test");
  add_delete(*command, globals, kind, "ns1.example.test");
  add_list(*command, globals, kind);
}

void add_domains(CLI::App& root, Globals& globals) {
  const Kind kind{"domain",
                  "domains",
                  "NAME",
                  {"unicode", "name_servers", "statuses", "expires", "sponsor", "revision"},
                  "onoma domain create example.test --ns ns1.example.net ns2.example.net\n"
                  "  onoma domain create 名字.测试 --ns ns1.名字.测试 --glue ns1.名字.测试=192.0.2.1"};
  auto* command = add_kind(root, kind, "domain names");
  const auto options = [](CLI::App& to, const Arguments& arguments) {
    auto& a = *arguments;
    to.add_option("--ns", a.name_servers, "name servers");
    to.add_option("--glue", a.glue, "HOST=ADDRESS of a name server inside the domain");
    to.add_option("--ds", a.ds, "\"TAG ALGORITHM DIGEST-TYPE DIGEST\"");
    to.add_option("--registrant", a.registrant, "contact id");
  };
  auto create_arguments = std::make_shared<ObjectArguments>();
  auto* create = add_verb(*command, kind, create_arguments, "create", "register a domain",
                          "example.test --ns ns1.example.net ns2.example.net");
  options(*create, create_arguments);
  create->add_option_function<std::uint32_t>(
      "--years",
      [create_arguments](const std::uint32_t& years) { create_arguments->numbers["years"] = years; },
      "term of the registration");
  on_create(*create, globals, kind, create_arguments, domain_body);
  auto update_arguments = std::make_shared<ObjectArguments>();
  auto* update = add_verb(*command, kind, update_arguments, "update",
                          "change a domain; what is not named stays", "example.test --ns ns1.example.org");
  options(*update, update_arguments);
  update->add_option("--status", update_arguments->statuses,
                     "the statuses it shall have, such as clientHold");
  update->add_flag_callback(
      "--no-ns", [update_arguments] { update_arguments->cleared.insert("name_servers"); },
      "take all name servers away");
  update->add_flag_callback(
      "--no-ds", [update_arguments] { update_arguments->cleared.insert("ds"); }, "take all DS records away");
  update->add_flag_callback(
      "--no-status", [update_arguments] { update_arguments->cleared.insert("statuses"); },
      "take all statuses away");
  add_if_match(*update, update_arguments);
  on_update(*update, globals, kind, update_arguments, "PATCH", domain_body);
  add_info(*command, globals, kind, "example.test");
  add_delete(*command, globals, kind, "example.test");
  add_list(*command, globals, kind);
}

void add_identifiers(CLI::App& root, Globals& globals) {
  const Kind kind{
      "identifier",
      "identifiers",
      "ID",
      {"scheme", "canonical", "status", "dns_name", "sponsor", "revision"},
      "onoma identifier create 10.1000/182 --value URL=https://example.org/182 EMAIL=a@example.org"};
  auto* command =
      add_kind(root, kind, "identifiers: Handle, DOI, VAA, OID, and names with values of their own");
  const auto options = [](CLI::App& to, const Arguments& arguments) {
    to.add_option("--value", arguments->values, "TYPE=DATA, or INDEX:TYPE=DATA; indexes count from 1 else");
    to.add_option("--scheme", arguments->scheme, "read it as this scheme instead of detecting one");
  };
  auto create_arguments = std::make_shared<ObjectArguments>();
  auto* create = add_verb(*command, kind, create_arguments, "create", "register an identifier",
                          "10.1000/182 --value URL=https://example.org/182 EMAIL=a@example.org");
  options(*create, create_arguments);
  on_create(*create, globals, kind, create_arguments, identifier_body);
  auto update_arguments = std::make_shared<ObjectArguments>();
  auto* update = add_verb(*command, kind, update_arguments, "update",
                          "change an identifier; --value replaces all its values",
                          "10.1000/182 --value URL=https://example.org/new");
  options(*update, update_arguments);
  update->add_option("--status", update_arguments->status, "the status it shall have, such as deprecated");
  add_if_match(*update, update_arguments);
  on_update(*update, globals, kind, update_arguments, "PUT", nullptr, merge_identifier);
  add_info(*command, globals, kind, "10.1000/182");
  add_delete(*command, globals, kind, "10.1000/182");
  add_list(*command, globals, kind);
}

}  // namespace

void add_object_commands(CLI::App& root, Globals& globals) {
  add_tlds(root, globals);
  add_registrars(root, globals);
  add_contacts(root, globals);
  add_hosts(root, globals);
  add_domains(root, globals);
  add_identifiers(root, globals);
}

}  // namespace onoma::app
