// onoma zone compile, info: compiled images of zones.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/progress.h"
#include "app/zone_list.h"
#include "app/zone_tools.h"
#include "gate/gate.h"
#include "os/job_pool.h"
#include "publish/image_write.h"
#include "publish/zone_file.h"

namespace onoma::app {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

constexpr std::size_t kWarningsTold = 10;
constexpr std::size_t kZonesTold = 20;  // of a file with many

double seconds_since(steady_clock::time_point begun) {
  return std::chrono::duration<double>(steady_clock::now() - begun).count();
}

struct CompileArguments {
  std::string file, zone, list, output, level = "structure", time;
  bool allow_include = false;
};

// As `onoma authority` asks of an operator's own files.
Result<void> pass_gate(const LoadedZone& loaded, zone::GateLevel level, Time now, Progress& progress) {
  const auto name = loaded.snapshot->facts().apex.text();
  const gate::GateOptions options{.level = level,
                                  .expired_is_fatal = false,
                                  .foreign = true,
                                  .require_signed = false,
                                  .verify_threads = 2};
  const auto verdict = gate::verify_zone(*loaded.snapshot, options, now, [&](const gate::Progress& far) {
    progress([&] { return fmt::format("{}: {} names checked", name, far.names); });
  });
  std::size_t told = 0;
  for (const auto& finding : verdict.findings) {
    if (finding.fatal && !verdict.accepted())
      return fail(Code::gate_refused,
                  fmt::format("the zone {} does not pass the gate: {}{}{}; no image was written", name,
                              finding.owner, finding.owner.empty() ? "" : ": ", finding.what));
    if (++told <= kWarningsTold)
      fmt::print(stderr, "warning: {}: {}{}{}\n", name, finding.owner, finding.owner.empty() ? "" : ": ",
                 finding.what);
  }
  if (verdict.total > kWarningsTold)
    fmt::print(stderr, "warning: {}: {} more; `onoma zone verify` shows them\n", name,
               verdict.total - kWarningsTold);
  return {};
}

Result<std::vector<zone::SnapshotPtr>> load_one(const CompileArguments& arguments, zone::GateLevel level,
                                                Time now, Progress& progress) {
  ONOMA_TRY(const auto name, zone_name(arguments.zone));
  ONOMA_TRY(const auto loaded, load_zone(arguments.file, name, arguments.allow_include));
  for (const auto& warning : loaded.warnings) fmt::print(stderr, "warning: {}\n", warning);
  ONOMA_TRY_VOID(pass_gate(loaded, level, now, progress));
  return std::vector{loaded.snapshot};
}

Result<std::vector<zone::SnapshotPtr>> load_list(const CompileArguments& arguments, zone::GateLevel level,
                                                 Time now, Progress& progress) {
  ZoneList list;
  ONOMA_TRY_VOID(list.add_file(arguments.list));
  const auto wanted = list.zones();
  if (wanted.empty()) return fail(Code::bad_request, fmt::format("{}: no zone in it", arguments.list));
  std::vector<zone::SnapshotPtr> zones(wanted.size());
  std::mutex mutex;
  std::optional<Error> first;
  std::atomic<std::size_t> done{0};
  os::on_threads()(wanted.size(), [&](std::size_t i) {
    {
      std::scoped_lock lock(mutex);
      if (first) return;
    }
    const auto taken = [&]() -> Result<void> {
      ONOMA_TRY(const auto loaded,
                load_zone(std::string(wanted[i].file), wire::Name(wanted[i].zone), arguments.allow_include));
      ONOMA_TRY_VOID(pass_gate(loaded, level, now, progress));
      // An image lies in memory once only; one that was merged with changes has no others.
      zones[i] = loaded.snapshot;
      return {};
    }();
    ++done;
    progress([&] { return fmt::format("{} of {} zones read", done.load(), wanted.size()); });
    if (taken) return;
    std::scoped_lock lock(mutex);
    if (!first) first = taken.error();
  });
  if (first) return std::unexpected(*first);
  return zones;
}

json::object sizes_json(std::uint64_t octets, std::uint64_t names, std::uint64_t delegations) {
  json::object out{{"octets", octets}, {"names", names}, {"delegations", delegations}};
  if (names > 0) out["octets_per_name"] = static_cast<double>(octets) / static_cast<double>(names);
  if (delegations > 0)
    out["octets_per_delegation"] = static_cast<double>(octets) / static_cast<double>(delegations);
  return out;
}

Result<json::object> compile(const CompileArguments& arguments) {
  if (arguments.list.empty() && (arguments.file.empty() || arguments.zone.empty()))
    return fail(Code::bad_request, "give a zone's FILE and --zone NAME, or --zone-list LIST");
  if (!arguments.list.empty() && (!arguments.file.empty() || !arguments.zone.empty()))
    return fail(Code::bad_request, "--zone-list takes the place of FILE and --zone");
  const auto begun = steady_clock::now();
  ONOMA_TRY(const auto level, parse_level(arguments.level));
  ONOMA_TRY(const auto now, parse_time(arguments.time));
  Progress progress;
  ONOMA_TRY(const auto zones, arguments.list.empty() ? load_one(arguments, level, now, progress)
                                                     : load_list(arguments, level, now, progress));
  zone::ImageStamp stamp{.level = level, .made = SystemClock().now(), .earliest_expiry = 0};
  std::uint64_t names = 0, delegations = 0;
  for (const auto& zone : zones) {
    const auto& facts = zone->facts();
    names += facts.names;
    delegations += facts.delegations;
    if (facts.earliest_expiry != 0 &&
        (stamp.earliest_expiry == 0 || facts.earliest_expiry < stamp.earliest_expiry))
      stamp.earliest_expiry = facts.earliest_expiry;
  }
  ONOMA_TRY(const auto octets,
            publish::save_image_file(arguments.output, zones, stamp, [&](std::uint64_t written) {
              progress([&] { return fmt::format("{} octets written", written); });
            }));
  json::object out{{"output", arguments.output}, {"zones", zones.size()}};
  if (zones.size() == 1) {
    out["zone"] = zones.front()->facts().apex.text();
    out["serial"] = zones.front()->facts().serial;
  }
  for (auto& [key, value] : sizes_json(octets, names, delegations)) out[key] = value;
  out["gate"] = arguments.level;
  out["seconds"] = seconds_since(begun);
  return out;
}

void print_object(const json::object& object, std::size_t indent = 0) {
  for (const auto& [key, value] : object) {
    const std::string name(key);
    if (value.is_object()) {
      fmt::print("{:{}}{}\n", "", indent, name);
      print_object(value.as_object(), indent + 2);
    } else if (value.is_array()) {
      for (const auto& item : value.as_array()) {
        fmt::print("{:{}}{}\n", "", indent, name);
        if (item.is_object()) print_object(item.as_object(), indent + 2);
      }
    } else {
      const auto text = value.is_string()   ? std::string(value.as_string())
                        : value.is_double() ? fmt::format("{:.3g}", value.as_double())
                                            : json::serialize(value);
      fmt::print("{:{}}{:<{}} {}\n", "", indent, name, 22 - std::min<std::size_t>(indent, 20), text);
    }
  }
}

void add_compile(CLI::App& zone, Globals& globals) {
  auto* command =
      zone.add_subcommand("compile", "make an image of a zone, or of many, that a server opens at once");
  auto arguments = std::make_shared<CompileArguments>();
  command->add_option("FILE", arguments->file, "zone file or image; - reads standard input");
  command->add_option("--zone", arguments->zone, "the zone's name, such as example.com or 例子.中国");
  command->add_option("--zone-list", arguments->list,
                      "instead: a file with lines NAME FILE; all go into one image");
  command->add_option("--output", arguments->output, "the image; a file that is there is replaced at once")
      ->required();
  command
      ->add_option("--gate", arguments->level,
                   "what each zone must pass, structure or dnssec; the image says so to whoever opens it")
      ->capture_default_str();
  command->add_option("--at", arguments->time, "check signatures as of this time instead of now");
  command->add_flag("--allow-include", arguments->allow_include, "follow $INCLUDE lines");
  command->footer(
      "Examples:\n  onoma zone compile gov.zone --zone gov --output gov.image\n"
      "  onoma zone compile --zone-list zones.list --output all.image --gate dnssec\n"
      "  onoma authority --listen 127.0.0.1:5300 --zone gov=gov.image");
  command->callback([arguments, &globals] {
    const auto made = compile(*arguments);
    if (!made) return void(globals.exit_status = report(globals, made.error()));
    if (globals.json)
      fmt::print("{}\n", json::serialize(*made));
    else
      print_object(*made);
  });
}

struct InfoArguments {
  std::string file, zone;
  bool check = false, allow_include = false;
};

std::string level_text(zone::GateLevel level) {
  return level == zone::GateLevel::structure ? "structure"
         : level == zone::GateLevel::dnssec  ? "dnssec"
                                             : "registry";
}

json::object image_zone_json(const zone::Snapshot& zone) {
  auto out = facts_json(zone, false);
  const auto octets = zone::image_octets(zone).size();
  for (auto& [key, value] : sizes_json(octets, zone.facts().names, zone.facts().delegations))
    out[key] = value;
  json::object sections;
  for (const auto& part : zone::image_parts(zone)) sections[part.name] = part.octets;
  out["sections"] = std::move(sections);
  return out;
}

// Unfolds everything and counts it.
Result<void> walk(const zone::Snapshot& zone, Progress& progress) {
  const auto& facts = zone.facts();
  std::uint64_t names = 0, signatures = 0;
  const auto take = [&](const zone::NodeView& node) {
    for (std::size_t i = 0, n = node.size(); i < n; ++i) signatures += node.at(i).signatures().size();
  };
  for (auto at = zone.first(); at.valid(); at.next(), ++names) {
    take(at.node());
    if (names % 65536 == 0)
      progress([&] { return fmt::format("{}: {} of {} names read", facts.apex.text(), names, facts.names); });
  }
  for (auto at = zone.nsec3_first(); at.valid(); at.next()) take(at.node());
  if (!zone::image_is_damaged(zone) && names == facts.names && signatures == facts.signatures) return {};
  return fail(Code::corrupt,
              fmt::format("the image of {} does not hold what it says: {} names of {}, {} signatures of {}; "
                          "compile it again",
                          facts.apex.text(), names, facts.names, signatures, facts.signatures));
}

Result<json::object> image_info(const InfoArguments& arguments) {
  ONOMA_TRY(const auto image, publish::ImageMap::open(arguments.file));
  const auto& file = image->file();
  const auto& stamp = file.stamp();
  json::object out{{"file", arguments.file},           {"format", 1},
                   {"octets", image->octets().size()}, {"zones", file.size()},
                   {"made", iso8601(stamp.made)},      {"gate", level_text(stamp.level)}};
  if (stamp.earliest_expiry != 0) out["earliest_expiry"] = iso8601(from_unix_seconds(stamp.earliest_expiry));
  Progress progress;
  if (arguments.check) {
    ONOMA_TRY_VOID(image->verify([&](std::size_t block) {
      progress([&] { return fmt::format("{} of {} blocks checked", block, file.blocks()); });
    }));
    out["blocks_checked"] = file.blocks();
  }
  json::array zones;
  std::uint64_t names_checked = 0;
  const auto tell = [&](const wire::Name& name, bool told) -> Result<void> {
    ONOMA_TRY(const auto zone, image->zone(name));
    if (arguments.check) ONOMA_TRY_VOID(walk(*zone, progress));
    names_checked += zone->facts().names;
    if (told) zones.push_back(image_zone_json(*zone));
    return {};
  };
  if (!arguments.zone.empty()) {
    ONOMA_TRY(const auto name, zone_name(arguments.zone));
    ONOMA_TRY_VOID(tell(name, true));
  } else {
    for (std::size_t i = 0; i < file.size() && (arguments.check || i < kZonesTold); ++i) {
      ONOMA_TRY(const auto name, file.name(i));
      ONOMA_TRY_VOID(tell(name, i < kZonesTold));
    }
    if (file.size() > kZonesTold) out["zones_not_shown"] = file.size() - kZonesTold;
  }
  if (arguments.check) out["names_checked"] = names_checked;
  out["zone"] = std::move(zones);
  return out;
}

Result<json::object> info(const InfoArguments& arguments) {
  if (publish::is_image(arguments.file)) return image_info(arguments);
  if (arguments.zone.empty())
    return fail(
        Code::missing_field,
        fmt::format("{} is no compiled image; say with --zone whose zone file it is", arguments.file));
  if (arguments.check)
    return fail(Code::bad_request, "--check is for compiled images; `onoma zone check` reads text");
  ONOMA_TRY(const auto name, zone_name(arguments.zone));
  ONOMA_TRY(const auto loaded, load_zone(arguments.file, name, arguments.allow_include));
  return facts_json(*loaded.snapshot);
}

void add_info(CLI::App& zone, Globals& globals) {
  auto* command = zone.add_subcommand("info", "count what a zone file or a compiled image holds");
  auto arguments = std::make_shared<InfoArguments>();
  command->add_option("FILE", arguments->file, "zone file or image; - reads standard input")->required();
  command->add_option("--zone", arguments->zone, "the zone's name; of an image, one of its zones");
  command->add_flag("--check", arguments->check,
                    "of an image: compare every block with its checksum and read every name");
  command->add_flag("--allow-include", arguments->allow_include, "follow $INCLUDE lines");
  command->footer(
      "Examples:\n  onoma zone info gov.zone --zone gov --json\n  onoma zone info gov.image --check");
  command->callback([arguments, &globals] {
    const auto told = info(*arguments);
    if (!told) return void(globals.exit_status = report(globals, told.error()));
    if (globals.json)
      fmt::print("{}\n", json::serialize(*told));
    else
      print_object(*told);
  });
}

}  // namespace

void add_zone_image_commands(CLI::App& zone, Globals& globals) {
  add_compile(zone, globals);
  add_info(zone, globals);
}

}  // namespace onoma::app
