// onoma zone reload, apply, add, remove, list: zones of a running server, over its control socket.
#include <memory>

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
};

std::string control_path(const Globals& globals, const std::string& given) {
  return given.empty() ? globals.data + "/control.sock" : given;
}

void print_zone(const json::object& zone) {
  const auto text = [&](const char* key) {
    const auto* value = zone.if_contains(key);
    if (value == nullptr) return std::string("-");
    return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
  };
  fmt::print("{} serial {} records {} {}\n", text("zone"), text("serial"), text("records"), text("file"));
  if (zone.contains("problem")) fmt::print("  problem: {}\n", text("problem"));
}

void send(Globals& globals, const std::string& control, const json::object& request) {
  const auto text = control_request(control_path(globals, control), json::serialize(request));
  if (!text) return void(globals.exit_status = report(globals, text.error()));
  if (globals.json) return fmt::print("{}\n", *text);
  const auto document = json::parse(*text);
  const auto* answer = &document.as_object();
  if (const auto* zones = answer->if_contains("zones"); zones != nullptr && zones->is_array()) {
    for (const auto& zone : zones->as_array()) {
      print_zone(zone.as_object());
      if (zone.as_object().contains("problem")) globals.exit_status = 3;
    }
  } else if (answer->contains("removed")) {
    fmt::print("{} removed\n", std::string(answer->at("zone").as_string()));
  } else {
    print_zone(*answer);
  }
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
  list->footer("Example:\n  onoma zone list --control /run/onoma/control.sock");
  list->callback([arguments, &globals] { send(globals, arguments->control, {{"command", "status"}}); });

  auto* reload =
      add_command(zone, "reload", "read a zone's file again; without a name, every zone's", arguments);
  reload->add_option("ZONE", arguments->zone, "the zone");
  reload->add_option("--file", arguments->file, "take this file from now on");
  reload->footer("Example:\n  onoma zone reload example.com");
  reload->callback([arguments, &globals] {
    json::object request{{"command", "reload"}};
    if (!arguments->zone.empty()) request["zone"] = arguments->zone;
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
