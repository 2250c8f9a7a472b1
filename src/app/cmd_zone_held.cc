// onoma zone held, approve, reject, rollback, announce: versions of a running server that wait for a person's
// word, over its control socket.
#include <chrono>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/control.h"
#include "app/output.h"

namespace onoma::app {
namespace {

namespace json = boost::json;

struct Arguments {
  std::string zone, control, reason, who;
  std::int64_t serial = 0, adds = 0, removes = 0, for_s = 3600;
  bool apex = false;
};

// Who says it, for the log: the user, unless another name is given.
std::string own_name() {
  const auto* entry = ::getpwuid(::getuid());  // NOLINT(concurrency-mt-unsafe): one thread
  return entry != nullptr ? std::string(entry->pw_name) : fmt::format("uid {}", ::getuid());
}

std::optional<json::object> ask(Globals& globals, const std::string& control, const json::object& request) {
  const auto text =
      control_request(control_path(globals, control), json::serialize(request), std::chrono::minutes{10});
  if (!text) {
    globals.exit_status = report(globals, text.error());
    return std::nullopt;
  }
  return json::parse(*text).as_object();
}

void list(Globals& globals, const Arguments& arguments) {
  json::object request{{"command", "held"}};
  if (!arguments.zone.empty()) request["zone"] = arguments.zone;
  const auto answer = ask(globals, arguments.control, request);
  if (!answer) return;
  if (globals.json) return fmt::print("{}\n", json::serialize(*answer));
  const auto& held = answer->at("held").as_array();
  if (held.empty()) fmt::print("nothing is held\n");
  for (const auto& one : held) {
    const auto& object = one.as_object();
    fmt::print("{} serial {} {} since {}, {} RRsets from serial {}\n  {}\n", member_text(object, "zone"),
               member_text(object, "serial"), member_text(object, "state"), member_text(object, "at"),
               member_text(object, "rrsets"), member_text(object, "from_serial"),
               member_text(object, "reason"));
  }
}

json::object decision(const char* command, const Arguments& arguments) {
  return {{"command", command},
          {"zone", arguments.zone},
          {"who", arguments.who.empty() ? own_name() : arguments.who},
          {"reason", arguments.reason}};
}

CLI::App* add_command(CLI::App& zone, const char* name, const char* help,
                      const std::shared_ptr<Arguments>& arguments) {
  auto* command = zone.add_subcommand(name, help);
  command->add_option("--control", arguments->control, "the server's control socket; else DATA/control.sock");
  return command;
}

CLI::App* add_decision(CLI::App& zone, const char* name, const char* help,
                       const std::shared_ptr<Arguments>& arguments) {
  auto* command = add_command(zone, name, help, arguments);
  command->add_option("ZONE", arguments->zone, "the zone")->required();
  command->add_option("--reason", arguments->reason, "why; it is written down")->required();
  command->add_option("--by", arguments->who, "who says so; else the user's name");
  return command;
}

void add_serial(CLI::App& command, const char* option, const char* help, std::int64_t& to) {
  command.add_option(option, to, help)
      ->required()
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{0xffffffff}));
}

}  // namespace

void held_diff(Globals& globals, const std::string& control, const std::string& zone,
               const std::string& serial) {
  std::uint32_t number = 0;
  if (!CLI::detail::lexical_cast(serial, number))
    return void(globals.exit_status =
                    report(globals,
                           Error{Code::bad_syntax,
                                 fmt::format("\"{}\" is no serial; with two files, --zone is needed", serial),
                                 {}}));
  const auto answer = ask(globals, control, {{"command", "held_diff"}, {"zone", zone}, {"serial", number}});
  if (!answer) return;
  if (globals.json) return fmt::print("{}\n", json::serialize(*answer));
  const auto& lines = answer->at("lines").as_string();
  fmt::print("; {} serial {} {}: {}\n{}", member_text(*answer, "zone"), member_text(*answer, "serial"),
             member_text(*answer, "state"), member_text(*answer, "reason"),
             std::string_view(lines.data(), lines.size()));
  if (member_text(*answer, "complete") != "true") fmt::print("; the rest is too long to be kept or shown\n");
}

void add_zone_held_commands(CLI::App& zone, Globals& globals) {
  auto arguments = std::make_shared<Arguments>();

  auto* held = add_command(zone, "held", "versions that a running server has not shown, and why", arguments);
  held->add_option("ZONE", arguments->zone, "only this zone");
  held->footer(
      "held: too large a change, may be approved; refused: wrong, may only be looked at; rolled back: shown, "
      "and "
      "what came since waits.\n"
      "Example:\n  onoma zone held gov");
  held->callback([arguments, &globals] { list(globals, *arguments); });

  auto* approve = add_decision(zone, "approve", "show a version that was held", arguments);
  add_serial(*approve, "SERIAL", "its serial, as `onoma zone held` lists it", arguments->serial);
  approve->footer(
      "Its content is checked once more, and gets a serial that is new now.\n"
      "Example:\n  onoma zone approve gov 1787383923 --reason \"clean-up of expired names, ticket 4711\"");
  approve->callback([arguments, &globals] {
    auto request = decision("approve", *arguments);
    request["serial"] = arguments->serial;
    const auto answer = ask(globals, arguments->control, request);
    if (!answer) return;
    if (globals.json) return fmt::print("{}\n", json::serialize(*answer));
    fmt::print("{} serial {} approved, shown as serial {}\n", member_text(*answer, "zone"),
               member_text(*answer, "approved"), member_text(*answer, "serial"));
  });

  auto* reject = add_decision(zone, "reject", "drop a version that was held or refused", arguments);
  add_serial(*reject, "SERIAL", "its serial, as `onoma zone held` lists it", arguments->serial);
  reject->footer(
      "A zone of the registry is worked out again from its objects: undo there first what is not wanted.\n"
      "Example:\n  onoma zone reject gov 1787383923 --reason \"the export was broken\"");
  reject->callback([arguments, &globals] {
    auto request = decision("reject", *arguments);
    request["serial"] = arguments->serial;
    const auto answer = ask(globals, arguments->control, request);
    if (!answer) return;
    if (globals.json) return fmt::print("{}\n", json::serialize(*answer));
    fmt::print("{} serial {} rejected\n", member_text(*answer, "zone"), member_text(*answer, "rejected"));
  });

  auto* back = add_decision(zone, "rollback", "show an earlier version's content again", arguments);
  add_serial(*back, "--to", "serial of the earlier version", arguments->serial);
  back->footer(
      "The content gets a new serial and passes the gate. In a zone of the registry, everything since waits "
      "until "
      "that serial is approved; a zone from a file is its file's again when that has a newer serial.\n"
      "Example:\n  onoma zone rollback gov --to 1787383922 --reason \"wrong delegations\"");
  back->callback([arguments, &globals] {
    auto request = decision("rollback", *arguments);
    request["to"] = arguments->serial;
    const auto answer = ask(globals, arguments->control, request);
    if (!answer) return;
    if (globals.json) return fmt::print("{}\n", json::serialize(*answer));
    fmt::print("{} has the content of serial {} again, as serial {}\n", member_text(*answer, "zone"),
               member_text(*answer, "rolled_back_to"), member_text(*answer, "serial"));
  });

  auto* announce =
      add_decision(zone, "announce", "say what a job is going to change, so that it is not held", arguments);
  announce->add_option("--adds", arguments->adds, "delegations that come, at most")
      ->check(CLI::NonNegativeNumber);
  announce->add_option("--removes", arguments->removes, "names that go or change, at most")
      ->check(CLI::NonNegativeNumber);
  announce->add_flag("--apex", arguments->apex, "the NS or DNSKEY set of the apex may change");
  announce->add_option("--for", arguments->for_s, "seconds that it holds")
      ->capture_default_str()
      ->check(CLI::Range(1, 604800));
  announce->footer("Example:\n  onoma zone announce gov --removes 900 --for 7200 --reason \"ticket 4711\"");
  announce->callback([arguments, &globals] {
    auto request = decision("announce", *arguments);
    request["adds"] = arguments->adds;
    request["removes"] = arguments->removes;
    request["for_s"] = arguments->for_s;
    request["apex"] = arguments->apex;
    const auto answer = ask(globals, arguments->control, request);
    if (!answer) return;
    if (globals.json) return fmt::print("{}\n", json::serialize(*answer));
    fmt::print("{}: announced until {}\n", member_text(*answer, "zone"), member_text(*answer, "until"));
  });
}

}  // namespace onoma::app
