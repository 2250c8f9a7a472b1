// onoma ident parse, name, of: identifier text, no server involved.
#include <memory>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/commands.h"
#include "app/zone_tools.h"
#include "ident/idn.h"
#include "ident/scheme.h"

namespace onoma::app {
namespace {

namespace json = boost::json;

struct Arguments {
  std::string text, scheme, apex = "id.test";
};

json::object identifier_json(const ident::Identifier& identifier) {
  json::object parts;
  for (const auto& [name, value] : identifier.parts) parts[name] = value;
  json::object out{{"scheme", identifier.scheme},
                   {"canonical", identifier.canonical},
                   {"display", identifier.display},
                   {"prefix", identifier.prefix},
                   {"is_prefix", identifier.is_prefix}};
  out["parts"] = std::move(parts);
  json::array warnings;
  for (const auto& warning : identifier.warnings) warnings.emplace_back(warning);
  if (!warnings.empty()) out["warnings"] = std::move(warnings);
  return out;
}

void print(const Globals& globals, const ident::Identifier& identifier) {
  if (globals.json) {
    fmt::print("{}\n", json::serialize(identifier_json(identifier)));
    return;
  }
  fmt::print("scheme     {}\ncanonical  {}\n", identifier.scheme, identifier.canonical);
  if (!identifier.prefix.empty()) fmt::print("prefix     {}\n", identifier.prefix);
  for (const auto& [name, value] : identifier.parts) fmt::print("{:<10} {}\n", name, value);
  for (const auto& warning : identifier.warnings) fmt::print("warning    {}\n", warning);
}

}  // namespace

void add_ident(CLI::App& root, Globals& globals) {
  auto* ident_command =
      root.add_subcommand("ident", "identifiers as text: read them, map them to DNS names and back");
  ident_command->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();

  auto* parse = ident_command->add_subcommand("parse", "canonical form, scheme and parts of an identifier");
  parse->add_option("ID", arguments->text, "the identifier")->required();
  parse->add_option("--scheme", arguments->scheme, "read it as this scheme instead of detecting one");
  parse->footer("Example:\n  onoma ident parse doi:10.1000/182");
  parse->callback([arguments, &globals] {
    const auto identifier = ident::parse(arguments->text, arguments->scheme);
    if (!identifier) return void(globals.exit_status = report(globals, identifier.error()));
    print(globals, *identifier);
  });

  auto* name = ident_command->add_subcommand("name", "the DNS name at which an identifier is published");
  name->add_option("ID", arguments->text, "the identifier")->required();
  name->add_option("--scheme", arguments->scheme, "read it as this scheme instead of detecting one");
  name->add_option("--apex", arguments->apex, "the identifier service's apex")->capture_default_str();
  name->footer("Example:\n  onoma ident name 10.1000/182 --apex id.example");
  name->callback([arguments, &globals] {
    const auto identifier = ident::parse(arguments->text, arguments->scheme);
    if (!identifier) return void(globals.exit_status = report(globals, identifier.error()));
    const auto apex = zone_name(arguments->apex);
    if (!apex) return void(globals.exit_status = report(globals, apex.error()));
    const auto dns = ident::dns_name(*identifier, *apex);
    if (!dns) return void(globals.exit_status = report(globals, dns.error()));
    if (globals.json)
      fmt::print("{}\n", json::serialize(
                             json::object{{"canonical", identifier->canonical}, {"dns_name", dns->text()}}));
    else
      fmt::print("{}\n", dns->text());
  });

  auto* of = ident_command->add_subcommand("of", "the identifier behind a DNS name");
  of->add_option("NAME", arguments->text, "the DNS name")->required();
  of->add_option("--apex", arguments->apex, "the identifier service's apex")->capture_default_str();
  of->footer("Example:\n  onoma ident of 182._h.1000.10.hdl.id.example --apex id.example");
  of->callback([arguments, &globals] {
    const auto apex = zone_name(arguments->apex);
    if (!apex) return void(globals.exit_status = report(globals, apex.error()));
    const auto dns = wire::Name::parse(arguments->text);
    if (!dns)
      return void(
          globals.exit_status = report(
              globals, {Code::bad_syntax,
                        fmt::format("'{}' is no DNS name: {}", arguments->text, wire::describe(dns.error())),
                        {}}));
    const auto identifier = ident::identifier_of(*dns, *apex);
    if (!identifier) return void(globals.exit_status = report(globals, identifier.error()));
    print(globals, *identifier);
  });
}

}  // namespace onoma::app
