// onoma stats: what a running server was asked, over its control socket.
#include <memory>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/commands.h"
#include "app/control.h"
#include "app/object_requests.h"
#include "app/output.h"

namespace onoma::app {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kPatience{10'000};

struct Arguments {
  std::string control;
  bool top = false, magnitude = false;
  std::int64_t most = 20;
};

void print_magnitude(const json::object& answer) {
  fmt::print("{} (UTC), {} clients, {} queries\n", member_text(answer, "date"),
             member_text(answer, "totalUniqueClients"), member_text(answer, "totalQueryVolume"));
  std::vector<json::object> rows;
  const auto* data = answer.if_contains("magnitudeData");
  if (data == nullptr || !data->is_array()) return;
  for (const auto& one : data->as_array()) {
    if (!one.is_object()) continue;
    auto row = one.as_object();
    if (const auto* magnitude = row.if_contains("magnitude"); magnitude != nullptr && magnitude->is_number())
      row["magnitude"] = fmt::format("{:.2f}", magnitude->to_number<double>());
    rows.push_back(std::move(row));
  }
  print_table(rows, {"domain", "magnitude", "uniqueClients", "queryVolume"});
}

Result<void> stats(const Globals& globals, const Arguments& arguments) {
  const std::string_view show = arguments.magnitude ? "magnitude" : arguments.top ? "top" : "counters";
  const json::object request{
      {"command", "stats"}, {"show", show}, {"most", arguments.most}, {"text", !globals.json}};
  ONOMA_TRY(const auto text,
            control_request(control_path(globals, arguments.control), json::serialize(request), kPatience));
  if (globals.json) {
    fmt::print("{}\n", text);
    return {};
  }
  ONOMA_TRY(const auto answer, read_object(text));
  const auto* lines = answer.if_contains("text");
  if (lines != nullptr && lines->is_string())
    fmt::print("{}", std::string_view(lines->as_string()));
  else
    print_magnitude(answer);
  return {};
}

}  // namespace

void add_stats(CLI::App& root, Globals& globals) {
  auto* command = root.add_subcommand("stats", "what a running server is asked: numbers, names, sources");
  auto arguments = std::make_shared<Arguments>();
  auto* top = command->add_flag(
      "--top", arguments->top, "the most frequent names, closest enclosers, addresses and networks of today");
  command->add_flag("--magnitude", arguments->magnitude, "the domains of today by DNS magnitude")
      ->excludes(top);
  command->add_option("--most", arguments->most, "rows of each list")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--control", arguments->control, "the server's control socket; else DATA/control.sock");
  command->footer(
      "Counters are those since the start, names and sources those since 00:00 UTC. The same is served on\n"
      "/v1/stats, /v1/stats/top and /v1/stats/magnitude of the admin address.\n"
      "Examples:\n  onoma stats\n  onoma stats --top --most 10\n"
      "  onoma stats --magnitude --json --control /run/onoma/control.sock");
  command->callback([arguments, &globals] {
    if (const auto done = stats(globals, *arguments); !done)
      globals.exit_status = report(globals, done.error());
  });
}

}  // namespace onoma::app
