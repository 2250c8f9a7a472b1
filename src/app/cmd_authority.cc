// onoma authority: the DNS server alone, any number of zones from files.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <sstream>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "app/audit.h"
#include "app/authority.h"
#include "app/commands.h"
#include "app/control.h"
#include "app/held_commands.h"
#include "app/limits.h"
#include "app/secondaries.h"
#include "app/statistics.h"
#include "app/transfers.h"
#include "app/transports.h"
#include "app/upgrade.h"
#include "app/zone_list.h"
#include "app/zone_tools.h"
#include "base/encoding.h"
#include "base/log.h"
#include "front/dns/dns_server.h"
#include "front/rest/http_server.h"
#include "front/rest/metrics_door.h"
#include "gate/gate.h"
#include "os/durable_file.h"
#include "os/handover.h"
#include "os/job_pool.h"
#include "os/privileges.h"
#include "publish/file_zones.h"
#include "publish/image_keeper.h"

namespace onoma::app {
namespace {

struct Arguments {
  std::vector<std::string> listen, zones;
  std::string list, control, level = "structure", time, identity, version, cookie_secrets;
  std::size_t workers = 1;
  std::int64_t drain_s = 30;
  std::vector<std::string> admin;
  std::string user, pid_file;
  bool pin = false, echo_cd = false;
  TransportArguments transports;
  LimitSettings limits;
  StatisticsSettings statistics;
  TransferSettings transfers;
  SecondarySettings secondary;
  std::int64_t change_percent = 1, change_least = 50;
  bool no_change_limits = false, change_additions = false;
  AuditSettings audit{.audit_margin_s = 86'400};
  bool no_audit = false;
  std::string stats;  // on, off; empty: on where somebody can look
};

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

// How far a load is, on stderr: every second on a terminal, else when it takes more than 5 s.
class ProgressLines {
 public:
  void operator()(std::size_t done, std::size_t all) {
    const auto now = std::chrono::steady_clock::now();
    const bool terminal = ::isatty(STDERR_FILENO) != 0;
    if (now - last_ < std::chrono::seconds{1} || (!terminal && now - begun_ < std::chrono::seconds{5}))
      return;
    last_ = now;
    const auto seconds = std::chrono::duration<double>(now - begun_).count();
    log::info("zone", fmt::format("{} of {} zones loaded, {:.0f} a second", done, all,
                                  static_cast<double>(done) / seconds));
  }

 private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now(), last_ = begun_;
};

// Every core: while it loads, the server does nothing else. Later reloads leave the workers their cores.
std::size_t load_threads() {
  return std::max(1U, std::thread::hardware_concurrency());
}

Result<ZoneList> wanted_zones(const Arguments& arguments) {
  ZoneList out;
  for (const auto& text : arguments.zones) ONOMA_TRY_VOID(out.add_argument(text));
  if (!arguments.list.empty()) ONOMA_TRY_VOID(out.add_file(arguments.list));
  return out;
}

Result<void> load_all(publish::FileZones& zones, const Arguments& arguments) {
  ZoneList wanted;
  // A successor serves what its predecessor served, zones of commands included.
  if (auto state = os::inherited_state(); !state.empty()) {
    ONOMA_TRY_VOID(wanted.add_state(std::move(state)));
  } else {
    ONOMA_TRY(wanted, wanted_zones(arguments));
  }
  ProgressLines lines;
  const auto loaded = zones.load(
      wanted.zones(),
      {.threads = load_threads(), .progress = [&](std::size_t done, std::size_t all) { lines(done, all); }});
  std::size_t any = 0;
  if (loaded.failed > 0 && loaded.failed == wanted.zones().size() && !zones.next_served(any))
    return fail(Code::bad_syntax, "no zone could be loaded; see the messages above");
  return {};
}

// SIGHUP, and `onoma zone reload --all`.
Result<publish::FileZonesChange> look_again(publish::FileZones& zones, const Arguments& arguments, bool force,
                                            const publish::LoadProgress& progress) {
  const publish::LoadOptions options{.threads = load_threads(), .progress = progress};
  if (arguments.list.empty()) return zones.refresh(force, options);
  ZoneList list;
  ONOMA_TRY_VOID(list.add_file(arguments.list));
  return zones.follow(list.zones(), force, options);
}

void look_again_and_log(publish::FileZones& zones, const Arguments& arguments) {
  if (const auto change = look_again(zones, arguments, false, {}))
    log::info("zone", fmt::format("reload: {}", text_of(*change)));
  else
    log::error("zone", fmt::format("{}; the zones stay as they were", change.error().message));
}

// Before anything is done: a name that is not there is told first.
Result<void> identity_exists(const Arguments& arguments) {
  if (arguments.user.empty()) return {};
  ONOMA_TRY_VOID(os::find_identity(arguments.user));
  return {};
}

Result<void> give_up_root(const Arguments& arguments) {
  if (arguments.user.empty()) return {};
  ONOMA_TRY(const auto identity, os::find_identity(arguments.user));
  return os::become(identity);
}

Result<void> write_pid_file(const std::string& path) {
  if (path.empty()) return {};
  const auto text = fmt::format("{}\n", ::getpid());
  return os::write_file_atomically(path, as_bytes(text), 0644);
}

bool wants_statistics(const Arguments& arguments) {
  if (!arguments.stats.empty()) return arguments.stats == "on";
  return !arguments.admin.empty() || !arguments.statistics.stats_folder.empty();
}

Result<std::shared_ptr<const zone::ChangeLimits>> limits_of(const Arguments& arguments,
                                                            zone::GateLevel level) {
  // What stands at the apex of an operator's own unsigned file is the operator's business.
  return change_limits({.change_limits = !arguments.no_change_limits,
                        .change_percent = arguments.change_percent,
                        .change_least = arguments.change_least,
                        .change_additions = arguments.change_additions,
                        .change_apex = level != zone::GateLevel::structure});
}

HeldActions held_actions(publish::FileZones& zones) {
  const auto serial = [](const Result<publish::FileZoneStatus>& shown) -> Result<std::uint32_t> {
    if (!shown) return std::unexpected(shown.error());
    return shown->serial;
  };
  return {
      .approve = [=, &zones](const wire::Name& zone, std::uint32_t which,
                             const publish::Decision& by) { return serial(zones.approve(zone, which, by)); },
      .reject = [&zones](const wire::Name& zone, std::uint32_t which,
                         const publish::Decision& by) { return zones.reject(zone, which, by); },
      .roll_back = [=, &zones](const wire::Name& zone, std::uint32_t to,
                               const publish::Decision& by) { return serial(zones.roll_back(zone, to, by)); },
      .announce =
          [&zones](const wire::Name& zone, zone::Announcement announcement) {
            return zones.announce(zone, std::move(announcement));
          }};
}

// Null: there are no secondary zones.
Result<std::unique_ptr<SecondaryServer>> open_secondaries(const Globals& globals, const Arguments& arguments,
                                                          Transfers& transfers, publish::FileZones& files,
                                                          publish::ZoneSink& sink,
                                                          publish::ImageKeeper& keeper, Time at,
                                                          const Clock& clock) {
  if (!wants_secondaries(arguments.secondary)) return nullptr;
  ONOMA_TRY(auto zones, secondary_zones(arguments.secondary, transfers.service()->keys()));
  for (const auto& zone : zones)
    if (files.status(zone.zone))
      return fail(Code::bad_request,
                  fmt::format("zone {} is given with a file and as a secondary", zone.zone.text()));
  // Whoever is signed must be signed well; others need only be zones.
  publish::GateFactory gate = [] {
    return gate::make_gate({.level = zone::GateLevel::dnssec,
                            .foreign = true,
                            .require_signed = false,
                            .max_ttl_s = 0x7fffffff});
  };
  if (!arguments.time.empty()) gate = gate_at(std::move(gate), at);
  ONOMA_TRY(auto secondaries,
            SecondaryServer::open(std::move(zones), globals.data + "/secondary", std::move(gate), sink,
                                  keeper, clock, arguments.secondary.transfers));
  transfers.service()->notify_to(*secondaries);
  transfers.expiry_from([kept = secondaries.get()](const wire::Name& zone) { return kept->expires(zone); });
  return secondaries;
}

Result<void> serve_zones(const Globals& globals, const Arguments& arguments) {
  ONOMA_TRY(const auto listen, endpoints(arguments.listen));
  ONOMA_TRY_VOID(identity_exists(arguments));
  ONOMA_TRY(const auto admin_listen, endpoints(arguments.admin));
  ONOMA_TRY(const auto level, parse_level(arguments.level));
  ONOMA_TRY(const auto at, parse_time(arguments.time));
  const auto clock = gate_clock(arguments.time, at);

  const SystemClock system_clock;
  ONOMA_TRY(auto limits, limit_options(arguments.limits));
  ONOMA_TRY(auto statistics, statistics_options(arguments.statistics));
  ServerWatch watch(wants_statistics(arguments) ? std::optional(std::move(statistics)) : std::nullopt,
                    limits.mode, system_clock);
  serve::ZoneTable table;
  ONOMA_TRY(const auto transfers, Transfers::make(arguments.transfers, table, system_clock,
                                                  wants_secondaries(arguments.secondary)));
  ZoneTableSink sink(table, [&](const zone::Version& version, const zone::SnapshotPtr& snapshot) {
    watch.shown(version, snapshot);
    transfers->shown(version, snapshot);
  });
  // Signatures that have expired in the operator's own file are a loud warning, not a refusal.
  const gate::GateOptions gate_options{
      .level = level, .expired_is_fatal = false, .foreign = true, .require_signed = false};
  publish::HeldStore held(globals.data + "/held");
  ONOMA_TRY_VOID(held.open());
  ONOMA_TRY(auto change_limit, limits_of(arguments, level));
  publish::FileZones zones([&] { return gate::make_gate(gate_options); }, sink, *clock);
  os::JobPool image_pool({.threads = 1, .nice = 10, .name = "images"});
  publish::ImageKeeper image_keeper(image_pool);
  zones.use_images(image_keeper, level);
  zones.use_limits(std::move(change_limit), &held);
  ONOMA_TRY(const auto stop, StopSignal::make());
  front::DnsOptions dns{.listen = listen, .workers = arguments.workers, .pin = arguments.pin};
  ONOMA_TRY_VOID(set_transports(arguments.transports, dns));
  dns.serve.nsid = arguments.identity;
  if (!arguments.identity.empty()) dns.serve.identity = arguments.identity;
  if (!arguments.version.empty()) dns.serve.version = arguments.version;
  dns.serve.echo_cd = arguments.echo_cd;
  dns.serve.clock = &system_clock;
  dns.serve.limit = limits;
  dns.statistics = watch.statistics();
  dns.transfer = transfers->service();
  ONOMA_TRY(dns.dnstap, dnstap_options(arguments.statistics, arguments.identity));
  if (!arguments.cookie_secrets.empty()) {
    ONOMA_TRY(dns.serve.cookies, cookie_keys(arguments.cookie_secrets));
  }
  std::unique_ptr<SecondaryServer> secondaries;  // ends after the server that hands NOTIFYs to it
  ONOMA_TRY(const auto server, front::DnsServer::open(dns, table));
  watch.watch(*server);
  ONOMA_TRY_VOID(give_up_root(arguments));
  ONOMA_TRY_VOID(load_all(zones, arguments));
  ONOMA_TRY(secondaries,
            open_secondaries(globals, arguments, *transfers, zones, sink, image_keeper, at, system_clock));
  // As late as can be: what a predecessor has saved meanwhile is among it.
  ONOMA_TRY_VOID(watch.restore());

  std::error_code ignored;  // what cannot be made, the socket's message tells
  if (arguments.control.empty()) std::filesystem::create_directories(globals.data, ignored);
  const auto control_at = control_path(globals, arguments.control);
  Upgrade upgrade(zones, *stop);
  const auto auditor = make_auditor([&](std::size_t& cursor) { return zones.next_served(cursor); },
                                    gate_options, arguments.audit, image_pool, *clock);
  auto health = publish::with_audit({.zone = [&](const wire::Name& name) { return zones.health(name); },
                                     .summary = [&] { return zones.summary(); }},
                                    *auditor);
  if (secondaries) health = secondaries->with(std::move(health));
  auto commands = file_zone_commands(zones, [&](bool force, const publish::LoadProgress& progress) {
    return look_again(zones, arguments, force, progress);
  });
  commands.merge(held_commands(held, held_actions(zones), *clock));
  commands["health"] = watch.with_floods(health_command(health));
  commands["stats"] = watch.stats_command();
  if (secondaries) commands["secondaries"] = secondaries->command();
  // The successor writes what is kept of secondary zones from its start on.
  const auto hand_over = [&watch, &secondaries](const auto& run) {
    watch.save();
    if (secondaries) secondaries->pause();
    auto done = run();
    if (!done && secondaries)
      if (auto resumed = secondaries->start(); !resumed) log::error("transfer", resumed.error().message);
    return done;
  };
  commands["upgrade"] = [&hand_over, run = upgrade.command()](std::string_view request,
                                                              const os::ControlProgress& progress) {
    return hand_over([&] { return run(request, progress); });
  };
  ONOMA_TRY(const auto control, serve_control(control_at, std::move(commands)));
  upgrade.pauses(*control);
  std::unique_ptr<front::HttpServer> admin;
  if (!admin_listen.empty()) {
    ONOMA_TRY(admin, front::HttpServer::start({.listen = admin_listen},
                                              watch.with_pages(front::metrics_handler(health))));
  }
  os::JobPool upkeep({.threads = 2, .name = "upkeep"});
  const Reclaimer reclaimer(upkeep, table);
  os::SerialQueue reloads(upkeep);
  watch.begin(upkeep);
  const std::unique_ptr<ServerWatch, void (*)(ServerWatch*)> watching(
      &watch, [](ServerWatch* one) { one->end(false); });  // on every way out, before pool and server
  server->start();
  ONOMA_TRY_VOID(transfers->start());
  if (secondaries) ONOMA_TRY_VOID(secondaries->start());
  if (!arguments.no_audit) auditor->start();
  ONOMA_TRY_VOID(write_pid_file(arguments.pid_file));
  for (const auto& address : os::report_ready())
    log::warning("authority",
                 fmt::format("{} was listened on before the upgrade, and is no longer", address));
  os::notify_service_manager("READY=1");
  stop->act(
      {.reload =
           [&] {
             upgrade.reload_asked();
             reloads.post([&] { look_again_and_log(zones, arguments); });
           },
       .upgrade =
           [&] { reloads.post([&] { static_cast<void>(hand_over([&] { return upgrade.run({}); })); }); }});
  fmt::print("ready dns={} zones={} control={}{}\n", texts(server->bound()), table.size(), control_at,
             admin ? " admin=" + texts(admin->bound()) : std::string());
  std::fflush(stdout);
  const auto cause = stop->wait();
  if (secondaries) secondaries->pause();
  transfers->stop();
  if (cause == StopSignal::Cause::successor) {
    watch.end(false);  // the statistics are the successor's
    server->drain(std::chrono::seconds{arguments.drain_s});
  } else {
    os::notify_service_manager("STOPPING=1");
    upgrade.cancel();
    server->stop();
    watch.end(true);
  }
  stop->act({});
  reloads.stop();
  return {};
}

Result<void> run(const Globals& globals, const Arguments& arguments) {
  auto done = serve_zones(globals, arguments);
  if (!done) os::report_failure(done.error().message);
  return done;
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
  add_transport_options(*command, arguments->transports);
  command->add_option("--zone", arguments->zones, "NAME=FILE; may be repeated");
  command->add_option("--zone-list", arguments->list,
                      "file with lines NAME FILE; read again at SIGHUP and `onoma zone reload --all`");
  command->add_option("--admin", arguments->admin,
                      "ADDRESS:PORT for /health and /metrics over HTTP, such as 127.0.0.1:9153; else none");
  command->add_option("--user", arguments->user,
                      "NAME or NAME:GROUP to go on as when the addresses are bound; needs root");
  command->add_option("--pid-file", arguments->pid_file, "write the process id there when it answers");
  command
      ->add_option("--drain", arguments->drain_s,
                   "seconds that open TCP connections may go on after `onoma upgrade`")
      ->capture_default_str()
      ->check(CLI::Range(0, 3600));
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
  add_limit_options(*command, arguments->limits);
  command
      ->add_option(
          "--change-percent", arguments->change_percent,
          "hold a version that changes or drops more of a zone's delegations, or of its names, in one "
          "step or one hour, until `onoma zone approve`")
      ->capture_default_str()
      ->check(CLI::Range(0, 100));
  command->add_option("--change-least", arguments->change_least, "or so many of them, where that is more")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--change-additions", arguments->change_additions, "delegations that come count too");
  command->add_flag("--no-change-limits", arguments->no_change_limits, "hold nothing for its size");
  command
      ->add_option("--stats", arguments->stats,
                   "count what is asked: on or off; else on with --admin or --stats-folder")
      ->check(CLI::IsMember({"on", "off"}));
  add_statistics_options(*command, arguments->statistics);
  add_transfer_options(*command, arguments->transfers);
  add_secondary_options(*command, arguments->secondary);
  command->add_flag("--no-audit", arguments->no_audit,
                    "do not look through what is served in the background");
  command
      ->add_option("--audit-rest", arguments->audit.audit_rest_s, "seconds between two rounds of the audit")
      ->capture_default_str()
      ->check(CLI::Range(0, 86400));
  command
      ->add_option("--audit-margin", arguments->audit.audit_margin_s,
                   "signatures that expire within so many seconds are a problem")
      ->capture_default_str()
      ->check(CLI::Range(0, 31536000));
  command->add_flag("--echo-cd", arguments->echo_cd, "copy the CD bit of queries into answers");
  command->footer(
      "Prints one line on stdout when it answers: ready dns=… zones=… control=…\n"
      "SIGHUP reads the list again and reloads the files that have changed; a bad file keeps the zone that "
      "was "
      "there.\n"
      "SIGUSR2 replaces the program as `onoma upgrade` does.\n"
      "Examples:\n  onoma authority --listen 127.0.0.1:5300 --zone gov=gov.zone\n"
      "  dig @127.0.0.1 -p 5300 cisa.gov NS\n"
      "  onoma authority --listen 192.0.2.53:53 --user onoma --zone-list zones.list --admin 127.0.0.1:9153 "
      "--limit on");
  command->callback([arguments, &globals] {
    if (const auto done = run(globals, *arguments); !done)
      globals.exit_status = report(globals, done.error());
  });
}

}  // namespace onoma::app
