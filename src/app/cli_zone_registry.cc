// onoma zone import and export: zones of the registry of a running server.
#include <cstdio>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "app/object_requests.h"
#include "app/output.h"
#include "app/progress.h"
#include "app/zone_import.h"
#include "app/zone_tools.h"
#include "model/json.h"

namespace onoma::app {
namespace {

namespace json = boost::json;

void print_report(const Globals& globals, const Name& zone, const ImportReport& report, double seconds) {
  if (globals.json) {
    json::object left_out;
    for (const auto& [why, count] : report.left_out) left_out[why] = count;
    json::array notes;
    for (const auto& [reason, note] : report.totals.notes)
      notes.push_back(json::object{{"reason", reason}, {"count", note.count}, {"example", note.example}});
    json::object out{{"zone", model::name_text(zone)},
                     {"file_serial", report.serial},
                     {"records", report.records},
                     {"delegations", report.delegations},
                     {"hosts", report.hosts},
                     {"ds_sets", report.ds_sets},
                     {"tld_created", report.tld_created},
                     {"tld_changed", report.tld_changed},
                     {"sent", report.sent},
                     {"removed_delegations", report.removed_delegations},
                     {"removed_hosts", report.removed_hosts},
                     {"batches", report.totals.batches},
                     {"changed_batches", report.totals.changed_batches},
                     {"last_event", report.totals.last_seq},
                     {"visibility", report.visibility},
                     {"registered_seconds", report.registered_s},
                     {"seconds", seconds}};
    out["left_out"] = std::move(left_out);
    out["notes"] = std::move(notes);
    if (auto served = read_object(report.zone_json)) out["served"] = *std::move(served);
    fmt::print("{}\n", json::serialize(out));
    return;
  }
  fmt::print("{}: {} delegations ({} with DS) and {} hosts in the file, serial {}\n", zone.text(),
             report.delegations, report.ds_sets, report.hosts, report.serial);
  if (report.tld_created) fmt::print("zone created\n");
  if (report.tld_changed) fmt::print("zone's own records changed\n");
  fmt::print("{} objects sent in {} batches, {} of which changed something; registered in {:.1f} s\n",
             report.sent, report.totals.batches, report.totals.changed_batches, report.registered_s);
  if (report.removed_delegations + report.removed_hosts != 0)
    fmt::print("removed: {} delegations, {} hosts\n", report.removed_delegations, report.removed_hosts);
  for (const auto& [why, count] : report.left_out) fmt::print("left out: {} records: {}\n", count, why);
  for (const auto& [reason, note] : report.totals.notes)
    fmt::print("today's policy would refuse {} times: {} (such as {})\n", note.count, reason, note.example);
  const auto served = read_object(report.zone_json);
  const auto member = [&](std::string_view name) {
    return served ? member_text(*served, name) : std::string{};
  };
  if (report.visibility == "visible")
    fmt::print("{}\n",
               coloured(Colour::good,
                        fmt::format("visible in DNS: zone {} serial {}, {} delegations, after {:.1f} s",
                                    zone.text(), member("serial"), member("delegations"), seconds)));
  else if (report.visibility == "held")
    fmt::print("{}\n", coloured(Colour::bad, fmt::format("not in DNS: zone {} is held: {}", zone.text(),
                                                         member("reason"))));
  else if (report.visibility == "unchanged")
    fmt::print("nothing changed\n");
  else
    fmt::print("not in DNS yet; follow it with `onoma status`\n");
}

void add_import(CLI::App& zone, Globals& globals) {
  struct Arguments {
    ImportOptions options;
    std::string zone;
    bool resume = false;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command =
      zone.add_subcommand("import", "take a zone file over into the registry of a running server");
  auto& options = arguments->options;
  command->add_option("FILE", options.file, "the zone file; - for standard input")->required();
  command->add_option("--zone", arguments->zone, "the zone's name")->required();
  command->add_flag("--diff", options.diff,
                    "the file is the next version: send only what changed, removals too");
  command->add_flag("--resume", arguments->resume,
                    "go on after an import that broke off: what is there already stays as it is");
  command->add_flag("--allow-mass-removal", options.allow_mass_removal,
                    "with --diff: let the file remove more than half of the delegations");
  for (const auto& [flag, word] : {std::pair{"--nsec", "nsec"},
                                   {"--nsec3", "nsec3"},
                                   {"--opt-out", "nsec3_opt_out"},
                                   {"--unsigned", "unsigned"}})
    command->add_flag_callback(
        flag, [arguments, text = word] { arguments->options.denial = text; },
        "how the zone is signed; else as in the file");
  command->footer(
      "Examples:\n  onoma zone import gov.zone --zone gov\n  onoma zone import gov-next.zone --zone gov "
      "--diff");
  command->callback([&globals, arguments] {
    const auto name = zone_name(arguments->zone);
    if (!name) return void(globals.exit_status = report(globals, name.error()));
    arguments->options.zone = *name;
    const auto access = find_access(globals);
    if (!access) return void(globals.exit_status = report(globals, access.error()));
    const auto begin = std::chrono::steady_clock::now();
    auto done = [&] {
      Progress progress;
      return import_zone(*access, arguments->options, [&](std::size_t sent, std::size_t all) {
        progress([&] { return fmt::format("{} of {} objects sent", sent, all); });
      });
    }();
    if (!done) return void(globals.exit_status = report(globals, done.error()));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    print_report(globals, *name, *done, took.count());
    globals.exit_status = done->visibility == "held" ? 3 : 0;
  });
}

// A file that is written whole or not at all.
Result<int> export_to_file(Client& client, const std::string& target, const std::string& path) {
  const auto part = path + ".part";
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(part.c_str(), "wb"), std::fclose);
  if (!file) return fail(Code::io, fmt::format("cannot write {}", part));
  auto reply = client.send("GET", target, {}, {.sink = [&](std::string_view piece) -> Result<void> {
                             if (std::fwrite(piece.data(), 1, piece.size(), file.get()) == piece.size())
                               return {};
                             return fail(Code::io, fmt::format("cannot write {}: no space left?", part));
                           }});
  const bool closed = std::fclose(file.release()) == 0;
  std::error_code error;
  if (reply && closed) {
    std::filesystem::rename(part, path, error);
    if (!error) return 0;
  }
  std::error_code ignored;
  std::filesystem::remove(part, ignored);
  if (!reply) return std::unexpected(std::move(reply).error());
  return fail(Code::io, fmt::format("cannot write {}", path));
}

void add_export(CLI::App& zone, Globals& globals) {
  struct Arguments {
    std::string zone, output;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command =
      zone.add_subcommand("export", "the version of a zone that a running server serves, as a zone file");
  command->add_option("NAME", arguments->zone, "the zone")->required();
  command->add_option("--output", arguments->output, "file to write; else standard output");
  command->footer("Example:\n  onoma zone export test --output test.zone");
  command->callback([&globals, arguments] {
    with_client(globals, [&](Client& client) -> Result<int> {
      const auto target = fmt::format("/v1/zones/{}/export", encoded(arguments->zone));
      if (!arguments->output.empty()) {
        ONOMA_TRY(const int status, export_to_file(client, target, arguments->output));
        if (globals.json)
          fmt::print("{}\n",
                     json::serialize(json::object{{"zone", arguments->zone}, {"output", arguments->output}}));
        return status;
      }
      std::string all;  // with --json: one document
      ONOMA_TRY(const auto reply,
                client.send("GET", target, {}, {.sink = [&](std::string_view piece) -> Result<void> {
                              if (globals.json)
                                all += piece;
                              else if (std::fwrite(piece.data(), 1, piece.size(), stdout) != piece.size())
                                return fail(Code::io, "cannot write to standard output");
                              return {};
                            }}));
      if (globals.json)
        fmt::print("{}\n", json::serialize(json::object{{"zone", arguments->zone}, {"text", all}}));
      return 0;
    });
  });
}

}  // namespace

void add_zone_registry_commands(CLI::App& zone, Globals& globals) {
  add_import(zone, globals);
  add_export(zone, globals);
}

}  // namespace onoma::app
