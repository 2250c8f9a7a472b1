// onoma reference: the tables of docs/reference as Markdown, made from the program's own tables. Hidden from
// --help: it is for whoever changes a table; a test holds docs/reference to what is printed here.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/commands.h"
#include "app/settings.h"
#include "base/metrics.h"
#include "ident/scheme.h"
#include "serve/stats_report.h"

namespace onoma::app {
namespace {

std::string settings_page() {
  return "# Settings\n\nSettings of `onoma serve`, read once at the start from the file that `--config` "
         "names (TOML; "
         "the word before the dot is the table). What is left out has its default. `onoma serve "
         "--print-config` "
         "prints a complete commented file. `--data` on the command line goes before `data` in the file. "
         "`onoma authority` has no file; its options stand in [commands](commands.md#onoma-authority).\n\n"
         "An unknown key, a value of the wrong kind or out of range ends the start with status 3 and a "
         "message that "
         "names file, line and key.\n\n" +
         settings_markdown();
}

std::string metrics_page() {
  std::string out =
      "# Metrics\n\nServed at `/metrics` of the `admin.listen` address by `onoma serve`, and of `--admin` by "
      "`onoma authority`, in the text format of Prometheus. Counters begin at 0 with each start.\n\n"
      "| metric | kind | meaning |\n|---|---|---|\n";
#define X(name, type, help) out += fmt::format("| `{}` | {} | {} |\n", #name, #type, help);
  ONOMA_METRIC_TABLE(X)
#undef X
  out +=
      "\nWith labels, where statistics are kept (`stats.enabled`, `--stats`):\n\n"
      "| metric | kind | labels | meaning |\n|---|---|---|---|\n" +
      serve::stats_metrics_markdown();
  return out;
}

std::string errors_page() {
  std::string out =
      "# Errors\n\nEvery error has one of these codes. REST sends it as `code` in a problem document "
      "(RFC 9457) with the HTTP status; the command line prints it with `--json` as `error` and ends with "
      "the exit "
      "status; the control socket answers `{\"error\": CODE, \"message\": …}`. The columns EPP, RCODE and "
      "EDE say "
      "what the code means in those protocols, for doors that speak them.\n\n"
      "| code | meaning | HTTP | exit status | EPP | RCODE | EDE |\n|---|---|---|---|---|---|---|\n";
  for (int i = 0; i <= static_cast<int>(Code::internal); ++i) {
    const auto& one = facts(static_cast<Code>(i));
    out += fmt::format("| `{}` | {} | {} | {} | {} | {} | {} |\n", one.name, one.meaning, one.http_status,
                       one.exit_status, one.epp_result, one.rcode,
                       one.ede < 0 ? std::string("–") : fmt::format("{}", one.ede));
  }
  return out;
}

// What the field codes of rrtype_table.inc mean to somebody who writes a zone file.
std::string_view field_text(char code) {
  struct Field {
    char code;
    std::string_view text;
  };
  static constexpr auto kFields = std::to_array<Field>({
      {'1', "8 bits"},
      {'2', "16 bits"},
      {'4', "32 bits"},
      {'8', "64 bits"},
      {'T', "seconds"},
      {'t', "time"},
      {'a', "IPv4"},
      {'A', "IPv6"},
      {'Y', "type"},
      {'c', "algorithm"},
      {'N', "name"},
      {'l', "name"},
      {'L', "name"},
      {'n', "name"},
      {'s', "string"},
      {'u', "[string]"},
      {'S', "string..."},
      {'q', "text"},
      {'g', "tag"},
      {'z', "certificate type"},
      {'y', "scheme"},
      {'h', "hex"},
      {'Z', "hex"},
      {'D', "0x hex"},
      {'B', "base64"},
      {'o', "[base64]"},
      {'d', "base64 or -"},
      {'H', "salt"},
      {'b', "base32hex"},
      {'m', "types"},
      {'w', "types"},
      {'6', "64 bits as hex groups"},
      {'e', "EUI-48"},
      {'E', "EUI-64"},
      {'O', "location"},
      {'P', "prefixes"},
      {'V', "parameters"},
      {'W', "services"},
      {'I', "gateway and key"},
      {'R', "relay"},
      {'J', "host identity"},
      {'K', "address part and name"},
      {'?', "generic form only: `\\# LENGTH HEX`"},
      {'!', "in messages only"},
  });
  const auto found = std::ranges::find(kFields, code, &Field::code);
  return found == kFields.end() ? std::string_view{} : found->text;
}

std::string types_page() {
  std::string out =
      "# Record types\n\nTypes that Onoma reads and writes by name (IANA, \"Resource Record (RR) TYPEs\"), "
      "with their "
      "record data as it is written in a zone file. Any other type is carried as `TYPE<number>` in the "
      "generic form "
      "of RFC 3597, which is also understood for the types below. `RRSIG`, `NSEC`, `NSEC3`, `NSEC3PARAM`, "
      "`DNSKEY`, "
      "`CDS`, `CDNSKEY` and `ZONEMD` in a zone that Onoma signs are the signer's.\n\n"
      "| number | type | record data |\n|---|---|---|\n";
  const auto row = [&](int number, std::string_view mnemonic, std::string_view form) {
    std::vector<std::string_view> fields;
    for (const char code : form) fields.push_back(field_text(code));
    out += fmt::format("| {} | `{}` | {} |\n", number, mnemonic, fmt::join(fields, " · "));
  };
#define X(number, mnemonic, form) row(number, mnemonic, form);
#include "wire/rrtype_table.inc"
#undef X
  return out;
}

std::string schemes_page() {
  std::string out =
      "# Identifier schemes\n\nWhat `--scheme` and `?scheme=` take. The grammar and the DNS names stand in "
      "[identifiers](../guides/identifiers.md).\n\n| scheme | what | published |\n|---|---|---|\n";
  for (const auto& scheme : ident::schemes())
    out += fmt::format("| `{}` | {} | {} |\n", scheme.token, scheme.title,
                       scheme.domain_anchored ? "at the name itself" : "below a zone's identifier apex");
  return out;
}

// One command and those below it. Not App::help(), which shows the command that was just parsed instead.
void command_section(CLI::App& command, const std::string& name, std::string& out) {
  if (command.get_parent() != nullptr && command.get_group().empty()) return;  // hidden
  auto help = command.get_formatter()->make_help(&command, name, CLI::AppFormatMode::Normal);
  while (help.ends_with('\n')) help.pop_back();
  out += fmt::format("\n## {}\n```text\n{}\n```\n", name, help);
  for (auto* below : command.get_subcommands({}))
    command_section(*below, name + " " + below->get_name(), out);
}

std::string commands_page(CLI::App& root) {
  std::string out =
      "# Commands\n\nWhat `onoma COMMAND --help` prints, for every command. Options of `onoma` itself may "
      "stand "
      "anywhere on the line. Logs and progress go to stderr, results to stdout.\n\n"
      "| exit status | meaning |\n|---|---|\n"
      "| 0 | done, or found |\n| 1 | a negative answer: not found, or `zone diff` found a difference |\n"
      "| 2 | the command line is wrong |\n| 3 | refused by policy or by the gate, or bad input |\n"
      "| 4 | no server answers, or a fault of the program or the system |\n";
  command_section(root, "onoma", out);
  return out;
}

}  // namespace

void add_reference(CLI::App& root, Globals&) {
  auto* command = root.add_subcommand("reference", "print a page of docs/reference");
  command->group("");
  command->require_subcommand(1);
  const auto page = [&](const char* name, std::string (*make)()) {
    command->add_subcommand(name)->callback([make] { fmt::print("{}", make()); });
  };
  page("settings", settings_page);
  page("metrics", metrics_page);
  page("errors", errors_page);
  page("types", types_page);
  page("schemes", schemes_page);
  command->add_subcommand("commands")->callback([&root] { fmt::print("{}", commands_page(root)); });
}

}  // namespace onoma::app
