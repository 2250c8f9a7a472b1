// onoma serve: all of it in one process.
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/authority.h"
#include "app/commands.h"
#include "app/demo.h"
#include "app/node.h"
#include "app/settings.h"
#include "base/log.h"

namespace onoma::app {
namespace {

struct Arguments {
  std::string config;
  bool demo = false, print_config = false;
};

log::Level level_of(const std::string& text) {
  if (text == "debug") return log::Level::debug;
  if (text == "warning") return log::Level::warning;
  if (text == "error") return log::Level::error;
  return log::Level::info;
}

Result<void> run(const Globals& globals, const Arguments& arguments, bool data_given) {
  Settings settings;
  if (!arguments.config.empty()) {
    ONOMA_TRY(settings, load_settings(arguments.config));
  }
  if (data_given || arguments.config.empty()) settings.data = globals.data;
  if (arguments.print_config) {
    fmt::print("{}", settings_text(settings));
    return {};
  }
  log::set_level(level_of(settings.log_level));
  ONOMA_TRY(const auto stop, StopSignal::make());
  ONOMA_TRY(const auto node, Node::open(settings));
  ONOMA_TRY_VOID(node->start(arguments.demo));
  fmt::print("ready {}\n", node->facts());
  std::fflush(stdout);
  if (arguments.demo) fmt::print(stderr, "{}", demo_hints(node->dns_address(), node->http_address()));
  stop->act({});
  stop->wait();
  log::info("serve", "stopping");
  node->stop();
  return {};
}

}  // namespace

void add_serve(CLI::App& root, Globals& globals) {
  auto* command = root.add_subcommand("serve", "registry, signer and servers in one process");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("--config", arguments->config, "settings (TOML)");
  command->add_flag("--demo", arguments->demo, "operate test. and 测试. with a few objects of every kind");
  command->add_flag("--print-config", arguments->print_config,
                    "print every setting with its meaning, and stop");
  command->footer(
      "Prints one line on stdout when every socket answers: ready dns=… http=… admin=… control=… data=…\n"
      "Example:\n  onoma serve --demo");
  command->callback([arguments, &root, &globals] {
    const bool data_given = root.get_option("--data")->count() > 0;
    if (const auto done = run(globals, *arguments, data_given); !done)
      globals.exit_status = report(globals, done.error());
  });
}

}  // namespace onoma::app
