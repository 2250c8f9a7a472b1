// onoma zone secondaries: the zones that a running server has from primaries, over its control socket.
#include <memory>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/commands.h"
#include "app/control.h"

namespace onoma::app {
namespace {

namespace json = boost::json;

struct Arguments {
  std::string zone, control;
  bool refresh = false;
};

void print(const json::object& zone) {
  const auto text = [&](const char* key) {
    const auto* value = zone.if_contains(key);
    if (value == nullptr) return std::string("-");
    return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
  };
  fmt::print("{} serial {} {} expires {} next check {}\n", text("zone"), text("serial"),
             zone.contains("expired") ? "EXPIRED" : text("state"), text("expires"), text("next_check"));
  if (const auto* primaries = zone.if_contains("primaries"); primaries != nullptr && primaries->is_array()) {
    std::string all;
    for (const auto& one : primaries->as_array())
      if (one.is_string()) all += (all.empty() ? "" : ", ") + std::string(one.as_string());
    fmt::print("  primaries: {}\n", all);
  }
  if (zone.contains("last_transfer")) fmt::print("  last transfer: {}\n", text("last_transfer"));
  if (zone.contains("problem")) fmt::print("  problem: {}\n", text("problem"));
}

void run(Globals& globals, const Arguments& arguments) {
  json::object request{{"command", "secondaries"}};
  if (!arguments.zone.empty()) request["zone"] = arguments.zone;
  if (arguments.refresh) request["refresh"] = true;
  const auto answer = control_request(control_path(globals, arguments.control), json::serialize(request));
  if (!answer) {
    globals.exit_status = report(globals, answer.error());
    return;
  }
  const auto document = json::parse(*answer);
  if (globals.json) fmt::print("{}\n", *answer);
  for (const auto& zone : document.at("zones").as_array()) {
    if (!globals.json) print(zone.as_object());
    if (zone.as_object().contains("problem") || zone.as_object().contains("expired")) globals.exit_status = 3;
  }
}

}  // namespace

void add_zone_secondaries(CLI::App& zone, Globals& globals) {
  auto* command = zone.add_subcommand("secondaries", "zones that a running server has from primaries");
  auto arguments = std::make_shared<Arguments>();
  auto* name = command->add_option("ZONE", arguments->zone, "only this zone");
  command->add_flag("--refresh", arguments->refresh, "ask its primaries now")->needs(name);
  command->add_option("--control", arguments->control, "the server's control socket; else DATA/control.sock");
  command->footer(
      "Ends with status 3 when a zone has expired or its primaries cannot be used.\n"
      "Examples:\n  onoma zone secondaries\n  onoma zone secondaries example.com --refresh");
  command->callback([arguments, &globals] { run(globals, *arguments); });
}

}  // namespace onoma::app
