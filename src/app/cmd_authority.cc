// onoma authority: the DNS server alone, any number of zones from files.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/authority.h"
#include "app/commands.h"
#include "app/control.h"
#include "app/zone_tools.h"
#include "base/encoding.h"
#include "base/log.h"
#include "front/dns/dns_server.h"
#include "gate/gate.h"
#include "os/durable_file.h"
#include "os/job_pool.h"
#include "publish/file_zones.h"

namespace onoma::app {
namespace {

constexpr std::uint64_t kListMaxOctets = std::uint64_t{1} << 30;

struct Arguments {
  std::vector<std::string> listen, zones;
  std::string list, control, level = "structure", time, identity, version, cookie_secrets;
  std::size_t workers = 1;
  bool pin = false, echo_cd = false;
};

struct ZoneFile {
  wire::Name zone;
  std::string file;
};

Result<std::vector<ZoneFile>> zone_files(const Arguments& arguments) {
  std::vector<ZoneFile> out;
  for (const auto& text : arguments.zones) {
    const auto sign = text.find('=');
    if (sign == std::string::npos)
      return fail(Code::bad_syntax, fmt::format("--zone {}: expected NAME=FILE, such as gov=gov.zone", text));
    ONOMA_TRY(auto name, zone_name(text.substr(0, sign)));
    out.push_back({std::move(name), text.substr(sign + 1)});
  }
  if (arguments.list.empty()) return out;
  ONOMA_TRY(const auto octets, os::read_file(arguments.list, kListMaxOctets));
  std::istringstream lines{std::string(as_text(octets))};
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const auto start = line.find_first_not_of(" \t");
    if (start == std::string::npos || line[start] == '#') continue;
    std::istringstream words(line);
    std::string name, file, rest;
    if (!(words >> name >> file) || words >> rest)
      return fail(Code::bad_syntax, fmt::format("{}:{}: expected NAME FILE", arguments.list, number));
    ONOMA_TRY(auto zone, zone_name(name));
    out.push_back({std::move(zone), std::move(file)});
  }
  return out;
}

// Keys of a file with 32 hexadecimal digits a line: the first signs, a second one only verifies.
Result<serve::CookieKeys> cookie_keys(const std::string& file) {
  ONOMA_TRY(const auto octets, os::read_file(file, 1024));
  std::istringstream words{std::string(as_text(octets))};
  std::vector<crypto::SipKey> keys;
  for (std::string word; words >> word;) {
    const auto secret = from_hex(word);
    if (!secret || secret->size() != crypto::SipKey{}.size())
      return fail(Code::bad_syntax, fmt::format("{}: expected 32 hexadecimal digits a line", file));
    std::ranges::copy(*secret, keys.emplace_back().begin());
  }
  if (keys.empty() || keys.size() > 2)
    return fail(Code::bad_syntax,
                fmt::format("{}: expected one secret, or two of which the second only verifies", file));
  serve::CookieKeys out{.sign = keys[0]};
  if (keys.size() == 2) out.verify = keys[1];
  return out;
}

// Clock for the gate: the system's, or one that stands at a given time.
std::unique_ptr<Clock> gate_clock(const std::string& text, Time at) {
  if (text.empty()) return std::make_unique<SystemClock>();
  return std::make_unique<ManualClock>(at);
}

Result<void> load_all(publish::FileZones& zones, const std::vector<ZoneFile>& files) {
  os::JobPool pool({.threads = 1, .name = "load"});
  std::atomic<std::size_t> bad{0};
  os::parallel_for(pool, files.size(), [&](std::size_t i) {
    const auto added = zones.add(files[i].zone, files[i].file);
    if (added) return;
    ++bad;
    log::error("zone", fmt::format("{}: {}; answered with SERVFAIL until a reload succeeds",
                                   files[i].zone.text(), added.error().message));
  });
  if (bad > 0 && bad == files.size())
    return fail(Code::bad_syntax, "no zone could be loaded; see the messages above");
  return {};
}

Result<void> run(const Globals& globals, const Arguments& arguments) {
  ONOMA_TRY(const auto listen, endpoints(arguments.listen));
  ONOMA_TRY(const auto files, zone_files(arguments));
  ONOMA_TRY(const auto level, parse_level(arguments.level));
  ONOMA_TRY(const auto at, parse_time(arguments.time));
  const auto clock = gate_clock(arguments.time, at);

  serve::ZoneTable table;
  ZoneTableSink sink(table);
  // Signatures that have expired in the operator's own file are a loud warning, not a refusal.
  const gate::GateOptions gate_options{
      .level = level, .expired_is_fatal = false, .foreign = true, .require_signed = false};
  publish::FileZones zones([&] { return gate::make_gate(gate_options); }, sink, *clock);
  ONOMA_TRY(const auto stop, StopSignal::make([&] {
              for (const auto& zone : zones.zones())
                if (const auto reloaded = zones.reload(zone); !reloaded)
                  log::error("zone", fmt::format("{}: {}", zone.text(), reloaded.error().message));
            }));
  const auto system_clock = std::make_unique<SystemClock>();
  front::DnsOptions dns{.listen = listen, .workers = arguments.workers, .pin = arguments.pin};
  dns.serve.nsid = arguments.identity;
  if (!arguments.identity.empty()) dns.serve.identity = arguments.identity;
  if (!arguments.version.empty()) dns.serve.version = arguments.version;
  dns.serve.echo_cd = arguments.echo_cd;
  dns.serve.clock = system_clock.get();
  if (!arguments.cookie_secrets.empty()) {
    ONOMA_TRY(dns.serve.cookies, cookie_keys(arguments.cookie_secrets));
  }
  ONOMA_TRY(const auto server, front::DnsServer::open(dns, table));
  ONOMA_TRY_VOID(load_all(zones, files));

  std::error_code ignored;  // what cannot be made, the socket's message tells
  if (arguments.control.empty()) std::filesystem::create_directories(globals.data, ignored);
  const auto control_path = arguments.control.empty() ? globals.data + "/control.sock" : arguments.control;
  ONOMA_TRY(const auto control, serve_control(control_path, file_zone_commands(zones)));
  os::JobPool upkeep({.threads = 1, .name = "upkeep"});
  const Reclaimer reclaimer(upkeep, table);
  server->start();
  fmt::print("ready dns={} zones={} control={}\n", texts(server->bound()), table.size(), control_path);
  std::fflush(stdout);
  stop->wait();
  server->stop();
  return {};
}

}  // namespace

void add_authority(CLI::App& root, Globals& globals) {
  auto* command = root.add_subcommand("authority", "serve zone files over DNS, without a registry");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("--listen", arguments->listen, "ADDRESS:PORT for UDP and TCP; may be repeated")
      ->required();
  command->add_option("--workers", arguments->workers, "UDP threads, one per core that serves")
      ->capture_default_str();
  command->add_flag("--pin", arguments->pin, "pin worker i to core i");
  command->add_option("--zone", arguments->zones, "NAME=FILE; may be repeated");
  command->add_option("--zone-list", arguments->list, "file with lines NAME FILE");
  command->add_option("--control", arguments->control, "control socket; else DATA/control.sock");
  command->add_option("--gate", arguments->level, "what a zone must pass: structure or dnssec")
      ->capture_default_str();
  command->add_option("--at", arguments->time, "check signatures as of this time instead of now");
  command->add_option("--identity", arguments->identity, "answer to id.server and NSID");
  command->add_option("--version-text", arguments->version, "answer to version.bind; else refused");
  command->add_option(
      "--cookie-secrets", arguments->cookie_secrets,
      "file with 32 hexadecimal digits a line: the first secret signs DNS cookies (RFC 9018), "
      "a second one only verifies");
  command->add_flag("--echo-cd", arguments->echo_cd, "copy the CD bit of queries into answers");
  command->footer(
      "Prints one line on stdout when it answers: ready dns=… zones=… control=…\n"
      "SIGHUP reloads every zone; a bad file keeps the zone that was there.\n"
      "Example:\n  onoma authority --listen 127.0.0.1:5300 --zone gov=gov.zone\n"
      "  dig @127.0.0.1 -p 5300 cisa.gov NS");
  command->callback([arguments, &globals] {
    if (const auto done = run(globals, *arguments); !done)
      globals.exit_status = report(globals, done.error());
  });
}

}  // namespace onoma::app
