// onoma key list, ds, roll, ds-seen: the keys of a running server over its control socket, or of a key
// directory.
#include <cstdlib>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/commands.h"
#include "app/control.h"
#include "app/zone_keys.h"
#include "app/zone_tools.h"
#include "sign/key_store.h"

namespace onoma::app {
namespace {

namespace json = boost::json;

struct Arguments {
  std::string zone, control, keys, role, algorithm, digest = "sha256";
  std::uint16_t tag = 0;
};

std::string member(const json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr) return {};
  return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
}

// Seconds are enough for people.
std::string short_time(const std::string& time) {
  const auto point = time.find('.');
  return point == std::string::npos ? time : time.substr(0, point) + "Z";
}

Result<json::object> ask(const Globals& globals, const Arguments& arguments, json::object request) {
  request["zone"] = arguments.zone;
  ONOMA_TRY(const auto text,
            control_request(control_path(globals, arguments.control), json::serialize(request)));
  return json::parse(text).as_object();
}

// From a directory that no server uses: what its list says, without what comes next.
Result<json::object> read_directory(const Arguments& arguments) {
  ONOMA_TRY(const auto zone, zone_name(arguments.zone));
  ONOMA_TRY(auto keys, sign::load_keys(arguments.keys, zone));
  return json::parse(keys_json(sign::report_of(keys, {}))).as_object();
}

void print_ds(const json::object& answer, std::string_view digest_type) {
  const auto* all = answer.if_contains("ds");
  if (all == nullptr || !all->is_array()) return;
  for (const auto& one : all->as_array()) {
    const auto& ds = one.as_object();
    if (digest_type.empty() || member(ds, "digest_type") == digest_type)
      fmt::print("{} IN DS {}\n", member(answer, "zone"), member(ds, "text"));
  }
}

void print_keys(const json::object& answer) {
  for (const auto& one : answer.at("keys").as_array()) {
    const auto& key = one.as_object();
    fmt::print("{} {} {} {} since {}: {}\n", member(key, "role"), member(key, "tag"), member(key, "mnemonic"),
               member(key, "state"), short_time(member(key, "since")), member(key, "doing"));
    if (!key.contains("next")) continue;
    if (key.contains("next_at"))
      fmt::print("  at {}: {}; {}\n", short_time(member(key, "next_at")), member(key, "next"),
                 member(key, "why"));
    else
      fmt::print("  waits: {}\n", member(key, "why"));
  }
  print_ds(answer, "2");
}

std::shared_ptr<Arguments> add_arguments(CLI::App& command, bool offline) {
  auto arguments = std::make_shared<Arguments>();
  command.add_option("ZONE", arguments->zone, "the zone")->required();
  auto* control = command.add_option("--control", arguments->control,
                                     "the server's control socket; else DATA/control.sock");
  if (offline)
    command.add_option("--keys", arguments->keys, "read this key directory instead of asking a server")
        ->excludes(control);
  return arguments;
}

template <class Print>
void show(Globals& globals, const Result<json::object>& answer, const Print& print) {
  if (!answer) return void(globals.exit_status = report(globals, answer.error()));
  if (globals.json) return fmt::print("{}\n", json::serialize(*answer));
  print(*answer);
}

void add_list(CLI::App& key, Globals& globals) {
  auto* command = key.add_subcommand(
      "list", "a zone's keys: what each does, what comes next, when and why; and its DS records");
  auto arguments = add_arguments(*command, true);
  command->footer("Example:\n  onoma key list test");
  command->callback([arguments, &globals] {
    show(globals,
         arguments->keys.empty() ? ask(globals, *arguments, {{"command", "keys"}})
                                 : read_directory(*arguments),
         print_keys);
  });
}

void add_ds(CLI::App& key, Globals& globals) {
  auto* command = key.add_subcommand("ds", "the DS records that a zone's parent should have");
  auto arguments = add_arguments(*command, true);
  command->add_option("--digest", arguments->digest, "sha256, sha384, sm3 or all")->capture_default_str();
  command->footer("Example:\n  onoma key ds test --digest all");
  command->callback([arguments, &globals] {
    std::string type;
    if (arguments->digest != "all") {
      const auto digest = sign::parse_digest(arguments->digest);
      if (!digest) return void(globals.exit_status = report(globals, digest.error()));
      type = std::to_string(static_cast<unsigned>(*digest));
    }
    show(globals,
         arguments->keys.empty() ? ask(globals, *arguments, {{"command", "keys"}})
                                 : read_directory(*arguments),
         [&](const json::object& answer) { print_ds(answer, type); });
  });
}

void add_roll(CLI::App& key, Globals& globals) {
  auto* command = key.add_subcommand("roll", "begin to replace a zone's keys");
  auto arguments = add_arguments(*command, false);
  auto* role =
      command->add_option("--role", arguments->role, "which key: ksk (also of a zone with one key) or zsk");
  command->add_option("--algorithm", arguments->algorithm, "all keys, by keys of this algorithm")
      ->excludes(role);
  command->footer("Examples:\n  onoma key roll test --role zsk\n  onoma key roll test --algorithm ED25519");
  command->callback([arguments, &globals] {
    json::object request{{"command", "key_roll"}};
    if (!arguments->role.empty()) request["role"] = arguments->role;
    if (!arguments->algorithm.empty()) request["algorithm"] = arguments->algorithm;
    show(globals, ask(globals, *arguments, std::move(request)), print_keys);
  });
}

void add_ds_seen(CLI::App& key, Globals& globals) {
  auto* command = key.add_subcommand(
      "ds-seen", "say that all servers of the parent show the DS of a key that waits for it");
  auto arguments = add_arguments(*command, false);
  command->add_option("TAG", arguments->tag, "the key's tag")->required();
  command->footer("Example:\n  onoma key ds-seen test 46079");
  command->callback([arguments, &globals] {
    show(globals, ask(globals, *arguments, {{"command", "key_ds_seen"}, {"tag", arguments->tag}}),
         print_keys);
  });
}

}  // namespace

void add_key_commands(CLI::App& root, Globals& globals) {
  auto* key = root.add_subcommand("key", "DNSSEC keys of the zones that a server signs");
  key->require_subcommand(1);
  add_list(*key, globals);
  add_ds(*key, globals);
  add_roll(*key, globals);
  add_ds_seen(*key, globals);
}

}  // namespace onoma::app
