// The program's commands: each function adds subcommands to the command line. A command's callback does its
// work and stores the exit status (DESIGN: 0 done or found, 1 negative answer, 2 usage, 3 refused or bad
// input, 4 unreachable or internal). Called once each by main, from one thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace CLI {
class App;
}

namespace onoma::app {

// What every command shares.
struct Globals {
  bool json = false;                // one JSON document on stdout instead of text
  std::string data = "onoma-data";  // --data: the data directory
  std::string server;               // --server: base URL of the REST door
  std::string token_file;           // --token-file
  int exit_status = 0;
};

// Prints an error as text on stderr or as JSON on stdout, and returns its exit status.
int report(const Globals& globals, const Error& error);

// Servers.
void add_serve(CLI::App& root, Globals& globals);
void add_authority(CLI::App& root, Globals& globals);
// Work on zone files and on a running server over its control socket.
void add_zone_file_commands(CLI::App& zone, Globals& globals);
void add_zone_image_commands(CLI::App& zone, Globals& globals);  // compile, info
void add_zone_control_commands(CLI::App& zone, Globals& globals);
void add_zone_secondaries(CLI::App& zone, Globals& globals);
void add_zone_held_commands(CLI::App& zone, Globals& globals);  // held, approve, reject, rollback, announce
// Prints what a held version would change.
void held_diff(Globals& globals, const std::string& control, const std::string& zone,
               const std::string& serial);
void add_operation_commands(CLI::App& root, Globals& globals);  // status, upgrade
void add_stats(CLI::App& root, Globals& globals);
void add_key_commands(CLI::App& root, Globals& globals);
// Identifier text.
void add_ident(CLI::App& root, Globals& globals);

// Clients of the REST door.
void add_object_commands(CLI::App& root,
                         Globals& globals);  // tld, registrar, contact, host, domain, identifier
void add_lookup_commands(CLI::App& root, Globals& globals);         // resolve, watch
void add_zone_registry_commands(CLI::App& zone, Globals& globals);  // import, export

// The tables of docs/reference; hidden.
void add_reference(CLI::App& root, Globals& globals);

}  // namespace onoma::app
