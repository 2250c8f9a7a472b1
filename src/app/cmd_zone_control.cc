// onoma zone reload, apply, add, remove, list: zones of a running server, over its control socket.
#include <chrono>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/commands.h"
#include "app/control.h"
#include "os/durable_file.h"

namespace onoma::app {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kDiffMaxOctets = 12U << 20;

struct Arguments {
  std::string zone, file, control;
  bool all = false, force = false;
};

void print_zone(const json::object& zone) {
  const auto text = [&](const char* key) {
    const auto* value = zone.if_contains(key);
    if (value == nullptr) return std::string("-");
    return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
  };
  fmt::print("{} serial {} records {} {}\n", text("zone"), text("serial"), text("records"), text("file"));
  if (zone.contains("problem")) fmt::print("  problem: {}\n", text("problem"));
}

std::optional<json::object> ask(Globals& globals, const std::string& control, const json::object& request) {
  const auto text = control_request(control_path(globals, control), json::serialize(request),
                                    std::chrono::minutes{10}, [&](std::string_view line) {
                                      if (!globals.json) fmt::print(stderr, "{}\n", line);
                                    });
  if (!text) {
    globals.exit_status = report(globals, text.error());
    return std::nullopt;
  }
  return json::parse(*text).as_object();
}

void send(Globals& globals, const std::string& control, const json::object& request) {
  const auto answer = ask(globals, control, request);
  if (!answer) return;
  if (globals.json) return fmt::print("{}\n", json::serialize(*answer));
  if (answer->contains("removed"))
    fmt::print("{} removed\n", std::string(answer->at("zone").as_string()));
  else
    print_zone(*answer);
}

// Many zones come in pages; to whoever asks they are one list.
void list_zones(Globals& globals, const std::string& control, json::object request) {
  json::array all;
  for (bool more = true; more;) {
    auto answer = ask(globals, control, request);
    if (!answer) return;
    const auto* next = answer->if_contains("next");
    more = next != nullptr;
    if (more) request["after"] = *next;
    auto* zones = answer->if_contains("zones");
    if (zones == nullptr || !zones->is_array()) break;
    for (auto& zone : zones->as_array()) {
      if (!zone.is_object()) continue;
      if (zone.as_object().contains("problem")) globals.exit_status = 3;
      if (globals.json)
        all.push_back(std::move(zone));
      else
        print_zone(zone.as_object());
    }
  }
  if (globals.json) fmt::print("{}\n", json::serialize(json::object{{"zones", std::move(all)}}));
}

void reload_all(Globals& globals, const std::string& control, bool force) {
  const auto answer = ask(globals, control, {{"command", "reload"}, {"force", force}});
  if (!answer) return;
  const auto* failed = answer->if_contains("failed");
  if (failed != nullptr && failed->is_number() && failed->to_number<std::uint64_t>() != 0)
    globals.exit_status = 3;
  if (globals.json) return fmt::print("{}\n", json::serialize(*answer));
  fmt::print("{} added, {} removed, {} reloaded, {} unchanged, {} failed\n",
             json::serialize(answer->at("added")), json::serialize(answer->at("removed")),
             json::serialize(answer->at("reloaded")), json::serialize(answer->at("unchanged")),
             json::serialize(answer->at("failed")));
  for (const auto& zone : answer->at("problems").as_array()) print_zone(zone.as_object());
}

CLI::App* add_command(CLI::App& zone, const char* name, const char* help,
                      const std::shared_ptr<Arguments>& arguments) {
  auto* command = zone.add_subcommand(name, help);
  command->add_option("--control", arguments->control, "the server's control socket; else DATA/control.sock");
  return command;
}

}  // namespace

void add_zone_control_commands(CLI::App& zone, Globals& globals) {
  auto arguments = std::make_shared<Arguments>();

  auto* list = add_command(zone, "list", "the zones a running server serves", arguments);
  list->add_option("ZONE", arguments->zone, "only this zone");
  list->footer(
      "Ends with status 3 when the newest file of a zone is not served.\n"
      "Example:\n  onoma zone list --control /run/onoma/control.sock");
  list->callback([arguments, &globals] {
    json::object request{{"command", "status"}};
    if (!arguments->zone.empty()) request["zone"] = arguments->zone;
    list_zones(globals, arguments->control, std::move(request));
  });

  auto* reload = add_command(zone, "reload", "read a zone's file again, or all that have changed", arguments);
  auto* name = reload->add_option("ZONE", arguments->zone, "the zone");
  reload->add_option("--file", arguments->file, "take this file from now on")->needs(name);
  reload
      ->add_flag(
          "--all", arguments->all,
          "without a zone: read the zone list again, add what is new there, remove what is gone, reload "
          "files that have changed")
      ->excludes(name);
  reload->add_flag("--force", arguments->force, "with --all: read the unchanged files too")->excludes(name);
  reload->footer("Examples:\n  onoma zone reload example.com\n  onoma zone reload --all");
  reload->callback([arguments, &globals] {
    if (arguments->zone.empty()) return reload_all(globals, arguments->control, arguments->force);
    json::object request{{"command", "reload"}, {"zone", arguments->zone}};
    if (!arguments->file.empty()) request["file"] = arguments->file;
    send(globals, arguments->control, request);
  });

  auto* add = add_command(zone, "add", "serve one more zone from a file", arguments);
  add->add_option("ZONE", arguments->zone, "the zone")->required();
  add->add_option("FILE", arguments->file, "its file")->required();
  add->footer("Example:\n  onoma zone add example.com example.com.zone");
  add->callback([arguments, &globals] {
    send(globals, arguments->control,
         {{"command", "add"}, {"zone", arguments->zone}, {"file", arguments->file}});
  });

  auto* remove = add_command(zone, "remove", "serve a zone no longer", arguments);
  remove->add_option("ZONE", arguments->zone, "the zone")->required();
  remove->footer("Example:\n  onoma zone remove example.com");
  remove->callback([arguments, &globals] {
    send(globals, arguments->control, {{"command", "remove"}, {"zone", arguments->zone}});
  });

  auto* apply = add_command(zone, "apply", "apply a change (lines + and -) to what is served", arguments);
  apply->add_option("FILE", arguments->file, "the change, as `onoma zone diff` prints it")->required();
  apply->add_option("--zone", arguments->zone, "the zone")->required();
  apply->footer(
      "Example:\n  onoma zone diff old.zone new.zone --zone gov > change\n  onoma zone apply change --zone "
      "gov");
  apply->callback([arguments, &globals] {
    const auto octets = os::read_file(arguments->file, kDiffMaxOctets);
    if (!octets) return void(globals.exit_status = report(globals, octets.error()));
    send(globals, arguments->control,
         {{"command", "apply"}, {"zone", arguments->zone}, {"lines", std::string(as_text(*octets))}});
  });
}

}  // namespace onoma::app
