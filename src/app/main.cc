// The program: one binary, one command line. No logic here: each command is in a file of its own.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "app/authority.h"
#include "app/commands.h"
#include "os/handover.h"
#include "os/signals.h"

namespace {

void describe(CLI::App& root, onoma::app::Globals& globals) {
  root.description("Onoma: register, sign, serve and resolve every kind of name");
  root.set_version_flag("--version", "onoma " ONOMA_VERSION);
  root.require_subcommand(1);
  root.fallthrough();
  root.add_flag("--json", globals.json, "print one JSON document");
  root.add_option("--data", globals.data, "data directory")->capture_default_str();
  root.add_option("--server", globals.server,
                  "REST door of a running server; else ONOMA_SERVER, else DATA/client.toml");
  root.add_option("--token-file", globals.token_file,
                  "file with the access token; else ONOMA_TOKEN, else DATA/client.toml");
  root.footer(
      "Exit status: 0 done or found, 1 a negative answer, 2 usage, 3 refused or bad input, 4 no server or a "
      "fault.\n"
      "Start here:  onoma serve --demo");
}

}  // namespace

int main(int argc, char** argv) {
  onoma::os::ignore_sigpipe();
  if (const auto adopted = onoma::os::adopt_handover(argc, argv); !adopted) {
    std::fprintf(stderr, "onoma: %s\n", adopted.error().message.c_str());
    return onoma::facts(adopted.error().code).exit_status;
  }
  onoma::app::prepare_images();
  onoma::app::Globals globals;
  CLI::App root;
  describe(root, globals);
  onoma::app::add_serve(root, globals);
  onoma::app::add_authority(root, globals);
  onoma::app::add_object_commands(root, globals);
  onoma::app::add_lookup_commands(root, globals);
  onoma::app::add_operation_commands(root, globals);
  onoma::app::add_stats(root, globals);
  onoma::app::add_key_commands(root, globals);
  onoma::app::add_ident(root, globals);
  auto* zone = root.add_subcommand("zone", "zones: in files, of a running server, of the registry");
  zone->require_subcommand(1);
  onoma::app::add_zone_file_commands(*zone, globals);
  onoma::app::add_zone_image_commands(*zone, globals);
  onoma::app::add_zone_control_commands(*zone, globals);
  onoma::app::add_zone_secondaries(*zone, globals);
  onoma::app::add_zone_held_commands(*zone, globals);
  onoma::app::add_zone_registry_commands(*zone, globals);
  onoma::app::add_reference(root, globals);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = root.exit(error);
    return status == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "onoma: %s\n", error.what());
    return 4;
  }
  return globals.exit_status;
}
