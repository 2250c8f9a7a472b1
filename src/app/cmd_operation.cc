// onoma status, onoma upgrade: how a running server is, and replacing its program.
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/client.h"
#include "app/commands.h"
#include "app/control.h"
#include "app/object_requests.h"
#include "app/output.h"

namespace onoma::app {
namespace {

namespace json = boost::json;

void print_floods(const json::object& all) {
  const auto* floods = all.if_contains("floods");
  if (floods == nullptr || !floods->is_array()) return;
  const bool dry = member_text(all, "limits") == "dry-run";
  for (const auto& one : floods->as_array())
    if (one.is_object())
      fmt::print("flood of random names below {}: {} new ones a second, {} answers {}\n",
                 member_text(one.as_object(), "below"), member_text(one.as_object(), "names_per_s"),
                 member_text(one.as_object(), "withheld"), dry ? "would have been withheld" : "withheld");
}

// A check that runs every second must not wait for long.
constexpr std::chrono::milliseconds kHealthPatience{2'000};

struct StatusArguments {
  std::string zone, control;
  std::optional<std::int64_t> max_age_s;
  bool exit_code = false;
};

std::optional<std::int64_t> seconds_of(const json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<std::int64_t>();
}

// "ok", or why not.
struct Judgement {
  bool good = true;
  std::string line;
};

Judgement judge_zone(const json::object& zone, const std::optional<std::int64_t>& max_age_s) {
  const auto name = member_text(zone, "zone");
  const auto status = member_text(zone, "status");
  const auto age = seconds_of(zone, "age_s");
  auto line = fmt::format("{} {} serial {}", status, name, member_text(zone, "serial"));
  if (age) line += fmt::format(", age {} s", *age);
  if (const auto left = seconds_of(zone, "signatures_expire_in_s"))
    line += fmt::format(", signatures expire in {} s", *left);
  if (const auto left = seconds_of(zone, "expires_in_s")) line += fmt::format(", expires in {} s", *left);
  if (const auto reason = member_text(zone, "reason"); !reason.empty()) line += ": " + reason;
  if (status == "ok" && max_age_s && age && *age > *max_age_s)
    return {false, fmt::format("too old: {}, allowed are {} s", line, *max_age_s)};
  return {status == "ok", line};
}

Judgement judge_all(const json::object& all, const std::optional<std::int64_t>& max_age_s) {
  const auto zones = seconds_of(all, "zones").value_or(0);
  const auto bad = seconds_of(all, "not_ok").value_or(0);
  const auto age = seconds_of(all, "oldest_age_s");
  if (zones == 0) return {false, "no zone is served"};
  if (bad != 0) {
    auto line = fmt::format("{} of {} zones are not ok", bad, zones);
    if (const auto* problems = all.if_contains("problems"); problems != nullptr && problems->is_array())
      for (const auto& one : problems->as_array())
        if (one.is_object()) return {false, line + "; " + judge_zone(one.as_object(), {}).line};
    return {false, line};
  }
  auto line = fmt::format("ok {} zones", zones);
  if (age) line += fmt::format(", the oldest {} s", *age);
  if (max_age_s && age && *age > *max_age_s)
    return {false, fmt::format("too old: {}, allowed are {} s", line, *max_age_s)};
  return {true, line};
}

Result<int> status_by_control(const Globals& globals, const StatusArguments& arguments) {
  json::object request{{"command", "health"}};
  if (!arguments.zone.empty()) request["zone"] = arguments.zone;
  const auto text =
      control_request(control_path(globals, arguments.control), json::serialize(request), kHealthPatience);
  if (!text) {
    if (text.error().code != Code::not_found) return std::unexpected(text.error());
    // Not served is an answer: no health there.
    if (globals.json)
      fmt::print("{}\n", json::serialize(json::object{{"zone", arguments.zone}, {"status", "not_served"}}));
    else
      fmt::print("not_served {}: {}\n", arguments.zone, text.error().message);
    return 1;
  }
  ONOMA_TRY(const auto object, read_object(*text));
  const auto judged = arguments.zone.empty() ? judge_all(object, arguments.max_age_s)
                                             : judge_zone(object, arguments.max_age_s);
  fmt::print("{}\n", globals.json ? *text : judged.line);
  if (!globals.json && !arguments.exit_code) print_floods(object);
  return arguments.exit_code && !judged.good ? 1 : 0;
}

Result<int> status_by_rest(const Globals& globals, Client& client) {
  ONOMA_TRY(const auto reply, client.get("/v1/status"));
  ONOMA_TRY(const auto zones_reply, client.get("/v1/zones"));
  ONOMA_TRY(auto status, read_object(reply.body));
  ONOMA_TRY(const auto zones, read_page(zones_reply.body));
  if (globals.json) {
    fmt::print("{}\n", json::serialize(status));
    return 0;
  }
  status.erase("zones");
  const auto floods = status;
  status.erase("floods");
  print_object(status);
  print_floods(floods);
  if (!zones.items.empty()) fmt::print("\n");
  print_table(zones.items, {"zone", "state", "serial", "denial", "delegations", "records", "signatures",
                            "last_event", "reason"});
  return 0;
}

// The REST door tells more; a server of zone files has none.
bool wants_control(const Globals& globals, const StatusArguments& arguments) {
  if (!arguments.control.empty() || !arguments.zone.empty() || arguments.exit_code || arguments.max_age_s)
    return true;
  std::error_code ignored;
  const bool rest = !globals.server.empty() ||
                    std::getenv("ONOMA_SERVER") != nullptr ||  // NOLINT(concurrency-mt-unsafe)
                    std::filesystem::exists(globals.data + "/client.toml", ignored);
  return !rest && std::filesystem::exists(control_path(globals, {}), ignored);
}

void finish(Globals& globals, const Result<int>& done) {
  globals.exit_status = done ? *done : report(globals, done.error());
}

void add_status(CLI::App& root, Globals& globals) {
  auto* command = root.add_subcommand("status", "how the running server is, and its zones");
  auto arguments = std::make_shared<StatusArguments>();
  command->add_flag("--exit-code", arguments->exit_code,
                    "status 0 healthy, 1 not, 4 no answer, and one line that says why: for health checks");
  command->add_option("--zone", arguments->zone, "only this zone");
  command
      ->add_option("--max-age", arguments->max_age_s,
                   "not healthy when a zone was not found to be the newest for so many seconds")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--control", arguments->control, "the server's control socket; else DATA/control.sock");
  command->footer(
      "With one of these options, or where there is no REST door, the control socket is asked.\n"
      "A zone is ok, stale (newer data was not taken), expired, not_loaded or failed_audit.\n"
      "Examples:\n  onoma status --json\n  onoma status --exit-code --zone example.org --max-age 3600");
  command->callback([arguments, &globals] {
    if (wants_control(globals, *arguments)) return finish(globals, status_by_control(globals, *arguments));
    with_client(globals, [&](Client& client) { return status_by_rest(globals, client); });
  });
}

struct UpgradeArguments {
  std::string program, control;
  std::int64_t timeout_s = 300;
  bool force = false;
};

Result<int> upgrade(const Globals& globals, const UpgradeArguments& arguments) {
  json::object request{
      {"command", "upgrade"}, {"timeout_s", arguments.timeout_s}, {"force", arguments.force}};
  if (!arguments.program.empty()) {
    // The server has another working directory.
    std::error_code error;
    request["program"] = std::filesystem::absolute(arguments.program, error).string();
  }
  const std::chrono::seconds patience{arguments.timeout_s + 10};
  ONOMA_TRY(const auto text, control_request(control_path(globals, arguments.control),
                                             json::serialize(request), patience, [&](std::string_view line) {
                                               if (!globals.json) fmt::print(stderr, "{}\n", line);
                                             }));
  if (globals.json) {
    fmt::print("{}\n", text);
    return 0;
  }
  ONOMA_TRY(const auto object, read_object(text));
  fmt::print("process {} answers now; {} finishes its connections and ends\n", member_text(object, "pid"),
             member_text(object, "former_pid"));
  return 0;
}

void add_upgrade(CLI::App& root, Globals& globals) {
  auto* command = root.add_subcommand(
      "upgrade", "replace the program of a running `onoma authority` without losing a query");
  auto arguments = std::make_shared<UpgradeArguments>();
  command->add_option("--program", arguments->program,
                      "the new program; else the file that the running one was started from");
  command->add_option("--timeout", arguments->timeout_s, "seconds until the new program must be ready")
      ->capture_default_str()
      ->check(CLI::Range(1, 86400));
  command->add_flag("--force", arguments->force, "although changes of `onoma zone apply` would be lost");
  command->add_option("--control", arguments->control, "the server's control socket; else DATA/control.sock");
  command->footer(
      "The new program is started with the same arguments, takes over the sockets, loads the zones and "
      "answers;\n"
      "then the old one stops reading, finishes its TCP connections and ends. If the new one does not get "
      "ready,\n"
      "the old one goes on and nothing has changed.\n"
      "Examples:\n  onoma upgrade\n  onoma upgrade --program /opt/onoma-2/bin/onoma --control "
      "/run/onoma/control.sock");
  command->callback([arguments, &globals] { finish(globals, upgrade(globals, *arguments)); });
}

}  // namespace

void add_operation_commands(CLI::App& root, Globals& globals) {
  add_status(root, globals);
  add_upgrade(root, globals);
}

}  // namespace onoma::app
