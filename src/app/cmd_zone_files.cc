// onoma zone check, sign, verify, diff: zones in files, no server involved.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/progress.h"
#include "app/zone_tools.h"
#include "base/metrics.h"
#include "gate/gate.h"
#include "os/durable_file.h"
#include "os/job_pool.h"
#include "sign/key_policy.h"
#include "sign/key_store.h"
#include "sign/signer.h"
#include "wire/rdata.h"
#include "wire/zonefile.h"
#include "zone/diff_text.h"
#include "zone/load.h"

namespace onoma::app {
namespace {

namespace json = boost::json;

unsigned cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

struct ZoneArguments {
  std::string file, zone;
  bool allow_include = false;
};

void add_zone_arguments(CLI::App& command, ZoneArguments& to) {
  command.add_option("FILE", to.file, "zone file or compiled image; - reads standard input")->required();
  command.add_option("--zone", to.zone, "the zone's name, such as example.com or 例子.中国")->required();
  command.add_flag("--allow-include", to.allow_include, "follow $INCLUDE lines");
}

Result<LoadedZone> load(const ZoneArguments& arguments) {
  ONOMA_TRY(const auto name, zone_name(arguments.zone));
  return load_zone(arguments.file, name, arguments.allow_include);
}

int print_verdict(const Globals& globals, const zone::Verdict& verdict,
                  const std::vector<std::string>& warnings, const zone::Snapshot& snapshot) {
  const bool good = verdict.accepted();
  if (globals.json) {
    json::array findings;
    for (const auto& finding : verdict.findings)
      findings.push_back(
          json::object{{"what", finding.what}, {"owner", finding.owner}, {"fatal", finding.fatal}});
    auto document = facts_json(snapshot);
    document["accepted"] = good;
    document["findings"] = std::move(findings);
    document["findings_total"] = verdict.total;
    json::array loader;
    for (const auto& warning : warnings) loader.emplace_back(warning);
    document["warnings"] = std::move(loader);
    fmt::print("{}\n", json::serialize(document));
  } else {
    for (const auto& warning : warnings) fmt::print(stderr, "warning: {}\n", warning);
    for (const auto& finding : verdict.findings)
      fmt::print(stderr, "{}: {}{}{}\n", finding.fatal ? "error" : "warning", finding.owner,
                 finding.owner.empty() ? "" : ": ", finding.what);
    if (verdict.total > verdict.findings.size())
      fmt::print(stderr, "{} more findings\n", verdict.total - verdict.findings.size());
    fmt::print("zone {} serial {}: {}\n", snapshot.facts().apex.text(), snapshot.facts().serial,
               good ? "ok" : "refused");
  }
  return good ? 0 : 3;
}

void add_check(CLI::App& zone, Globals& globals) {
  auto* command = zone.add_subcommand("check", "read a zone file and check its structure");
  auto arguments = std::make_shared<ZoneArguments>();
  add_zone_arguments(*command, *arguments);
  command->footer("Example:\n  onoma zone check gov.zone --zone gov");
  command->callback([arguments, &globals] {
    auto loaded = load(*arguments);
    if (!loaded) return void(globals.exit_status = report(globals, loaded.error()));
    const gate::GateOptions options{.level = zone::GateLevel::structure, .expired_is_fatal = false};
    const auto verdict = gate::verify_zone(*loaded->snapshot, options, SystemClock().now());
    globals.exit_status = print_verdict(globals, verdict, loaded->warnings, *loaded->snapshot);
  });
}

void add_verify(CLI::App& zone, Globals& globals) {
  struct Arguments : ZoneArguments {
    std::string time, level = "dnssec";
  };
  auto* command =
      zone.add_subcommand("verify", "check signatures, denial chain and structure: the gate, run by hand");
  auto arguments = std::make_shared<Arguments>();
  add_zone_arguments(*command, *arguments);
  command->add_option("--at", arguments->time, "check as of this time instead of now (20201025000000)");
  command->add_option("--gate", arguments->level, "level: structure or dnssec")->capture_default_str();
  command->footer("Example:\n  onoma zone verify root.zone --zone . --at 20201025000000");
  command->callback([arguments, &globals] {
    auto loaded = load(*arguments);
    if (!loaded) return void(globals.exit_status = report(globals, loaded.error()));
    const auto at = parse_time(arguments->time);
    if (!at) return void(globals.exit_status = report(globals, at.error()));
    const auto level = parse_level(arguments->level);
    if (!level) return void(globals.exit_status = report(globals, level.error()));
    const auto verdict = gate::verify_zone(
        *loaded->snapshot, {.level = *level, .foreign = true, .verify_threads = cores()}, *at);
    globals.exit_status = print_verdict(globals, verdict, loaded->warnings, *loaded->snapshot);
  });
}

struct SignArguments : ZoneArguments {
  std::string output, keys = "keys", time, serial, algorithm = "ECDSAP256SHA256";
  std::string zonemd;
  bool nsec3 = false, opt_out = false, csk = false;
};

// What was done, and how long each step took.
struct Signed {
  wire::RRset ds;
  std::uint64_t signatures = 0;
  double read_s = 0, sign_s = 0, check_s = 0, write_s = 0;
};

// Seconds since it was last asked.
class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

Result<std::optional<sign::ZonemdHash>> parse_zonemd(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text == "sha384") return sign::ZonemdHash::sha384;
  if (text == "sha512") return sign::ZonemdHash::sha512;
  return fail(Code::bad_syntax, fmt::format("'{}' is no hash for ZONEMD; write sha384 or sha512", text));
}

// Checks what was signed with the gate, which shares no code with the signer.
Result<void> pass_gate(const zone::Snapshot& zone, Time now) {
  Progress progress;
  const gate::GateOptions options{.verify_threads = cores()};
  const auto verdict = gate::verify_zone(zone, options, now, [&](const gate::Progress& far) {
    progress([&] { return fmt::format("{} of about {} names checked", far.names, far.names_total); });
  });
  if (verdict.accepted()) return {};
  return fail(Code::gate_refused, fmt::format("the signed zone did not pass the gate: {}: {}",
                                              verdict.findings.front().owner, verdict.findings.front().what));
}

Result<void> write_text(const std::string& file, const zone::Snapshot& zone) {
  return os::write_pieces_atomically(
      file,
      [&](const os::ByteSink& sink) {
        return zone::write_zone_text(zone, [&](std::string_view piece) { return sink(as_bytes(piece)); });
      },
      0644);
}

Result<Signed> sign_zone(const SignArguments& arguments) {
  Signed out;
  Stopwatch watch;
  ONOMA_TRY(const auto name, zone_name(arguments.zone));
  ONOMA_TRY(const auto now, parse_time(arguments.time));
  ONOMA_TRY(const auto algorithm, sign::parse_algorithm(arguments.algorithm));
  ONOMA_TRY(const auto zonemd, parse_zonemd(arguments.zonemd));
  // With --at, an operator answers for the time.
  if (arguments.time.empty()) ONOMA_TRY_VOID(sign::check_clock(now, nullptr, sign::build_date()));
  ONOMA_TRY(auto content, [&]() -> Result<std::vector<wire::RRset>> {
    ONOMA_TRY(const auto loaded, load_zone(arguments.file, name, arguments.allow_include));
    return zone::copy_sets(*loaded.snapshot);
  }());
  out.read_s = watch.lap();

  SystemRng rng;
  const auto layout = arguments.csk ? sign::KeyLayout::csk : sign::KeyLayout::ksk_and_zsk;
  ONOMA_TRY(auto keys, sign::load_or_generate_keys(arguments.keys, name, layout, algorithm, now, rng));
  out.ds = keys.ds_set(3600);
  const sign::SigningPolicy policy{
      .denial = arguments.nsec3 || arguments.opt_out ? zone::Denial::nsec3 : zone::Denial::nsec,
      .opt_out = arguments.opt_out,
      .zonemd = zonemd};
  os::JobPool pool({.threads = cores() - 1, .name = "sign"});  // and this thread
  ONOMA_TRY(const auto signer, sign::make_signer(std::move(keys), policy, cores() > 1 ? &pool : nullptr));
  const auto made = [] { return read(Metric::onoma_signatures_made_total); };
  zone::SnapshotPtr snapshot;
  {
    const ProgressWatch progress([&] { return fmt::format("{} signatures made", made()); });
    ONOMA_TRY(auto sets, signer->sign_all(name, std::move(content), now));
    zone::SnapshotBuilder builder(name);
    for (auto& set : sets) ONOMA_TRY_VOID(builder.add(std::move(set)));
    ONOMA_TRY(snapshot, builder.finish());
  }
  out.signatures = made();
  out.sign_s = watch.lap();
  ONOMA_TRY_VOID(pass_gate(*snapshot, now));
  out.check_s = watch.lap();
  ONOMA_TRY_VOID(write_text(arguments.output, *snapshot));
  out.write_s = watch.lap();
  return out;
}

void add_sign(CLI::App& zone, Globals& globals) {
  auto* command =
      zone.add_subcommand("sign", "sign a zone file; keys are made at the first use; prints the DS records");
  auto arguments = std::make_shared<SignArguments>();
  add_zone_arguments(*command, *arguments);
  command->add_option("--output", arguments->output, "file for the signed zone")->required();
  command->add_option("--keys", arguments->keys, "directory of the keys")->capture_default_str();
  command->add_option("--at", arguments->time, "sign as of this time instead of now");
  command->add_flag("--nsec3", arguments->nsec3, "NSEC3 instead of NSEC (no salt, no iterations)");
  command->add_flag("--opt-out", arguments->opt_out,
                    "NSEC3 with opt-out: insecure delegations get no record");
  command->add_option("--algorithm", arguments->algorithm, "of keys that are made, as ED25519 or 15")
      ->capture_default_str();
  command->add_option("--zonemd", arguments->zonemd,
                      "put a digest of the zone into it (RFC 8976): sha384 or sha512");
  command->add_flag("--csk", arguments->csk, "one key for everything instead of KSK and ZSK");
  command->footer("Example:\n  onoma zone sign gov.zone --zone gov --output gov.signed --nsec3 --opt-out");
  command->callback([arguments, &globals] {
    const auto done = sign_zone(*arguments);
    if (!done) return void(globals.exit_status = report(globals, done.error()));
    const auto ds = wire::rrset_lines(done->ds);
    if (globals.json) {
      fmt::print("{}\n", json::serialize(json::object{{"output", arguments->output},
                                                      {"ds", ds},
                                                      {"signatures", done->signatures},
                                                      {"read_seconds", done->read_s},
                                                      {"sign_seconds", done->sign_s},
                                                      {"check_seconds", done->check_s},
                                                      {"write_seconds", done->write_s}}));
    } else {
      fmt::print("{}", ds);
      if (::isatty(STDERR_FILENO) != 0)
        fmt::print(stderr, "{} signatures: signed in {:.1f} s, checked in {:.1f} s\n", done->signatures,
                   done->sign_s, done->check_s);
    }
  });
}

void add_diff(CLI::App& zone, Globals& globals) {
  struct Arguments : ZoneArguments {
    std::string other, control;
  };
  auto* command = zone.add_subcommand(
      "diff", "what changes from one zone file to another, or with a held version, as lines + and -");
  auto arguments = std::make_shared<Arguments>();
  add_zone_arguments(*command, *arguments);
  command->get_option("--zone")->required(false);
  command->add_option("OTHER", arguments->other, "the later zone file or image")->required();
  command->add_option("--control", arguments->control,
                      "without --zone: the server's control socket; else DATA/control.sock");
  command->footer(
      "Without --zone the two words are a zone's name and the serial of a version that a server holds.\n"
      "Examples:\n  onoma zone diff old.zone new.zone --zone gov > change\n  onoma zone apply change --zone "
      "gov\n  onoma zone diff gov 1787383923");
  command->callback([arguments, &globals] {
    if (arguments->zone.empty())
      return held_diff(globals, arguments->control, arguments->file, arguments->other);
    auto from = load(*arguments);
    if (!from) return void(globals.exit_status = report(globals, from.error()));
    auto to = load_zone(arguments->other, from->snapshot->facts().apex, arguments->allow_include);
    if (!to) return void(globals.exit_status = report(globals, to.error()));
    const auto diff = zone::difference(*from->snapshot, *to->snapshot);
    const auto text = zone::diff_text(diff);
    if (globals.json)
      fmt::print("{}\n", json::serialize(json::object{{"from_serial", diff.from_serial},
                                                      {"to_serial", diff.to_serial},
                                                      {"rrsets", diff.changes.size()},
                                                      {"lines", text}}));
    else
      fmt::print("{}", text);
    globals.exit_status = diff.empty() ? 0 : 1;
  });
}

}  // namespace

void add_zone_file_commands(CLI::App& zone, Globals& globals) {
  add_check(zone, globals);
  add_sign(zone, globals);
  add_verify(zone, globals);
  add_diff(zone, globals);
}

}  // namespace onoma::app
