#include "app/statistics.h"

#include <algorithm>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/limits.h"
#include "app/object_requests.h"
#include "app/zone_tools.h"
#include "base/log.h"
#include "front/rest/stats_pages.h"
#include "serve/stats_report.h"
#include "zone/snapshot.h"

namespace onoma::app {

namespace json = boost::json;

namespace {

constexpr std::int64_t kKeepDaysMax = 36'500, kSampleMax = 1'000'000;
constexpr std::size_t kMost = 20, kMostMost = 10'000;
// Zones whose loads are noted while stats.zone names none; it is meant for servers of a few.
constexpr std::size_t kLoadZonesMax = 16;
constexpr std::size_t kFreshMax = 1000;
// The octets of a zone are counted by reading all of it: not for every version of a busy one.
constexpr std::chrono::minutes kCountEvery{1};

Result<front::Anonymity> anonymity_of(const std::string& text) {
  if (text == "none") return front::Anonymity::none;
  if (text == "cut") return front::Anonymity::cut;
  if (text == "permuted") return front::Anonymity::permuted;
  return fail(Code::out_of_range,
              fmt::format("dnstap.anonymise (--dnstap-anonymise) is \"{}\": it must be none, cut (to /24 and "
                          "/48) or permuted",
                          text),
              "dnstap.anonymise");
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

// Uncompressed, as a transfer would carry it: owner, type, class, TTL, length and data of each record.
std::uint64_t wire_octets(const zone::Snapshot& snapshot) {
  constexpr std::uint64_t kFixed = 8;  // a DataRange counts the length itself
  std::uint64_t sum = 0;
  const auto add = [&](zone::Cursor cursor) {
    for (; cursor.valid(); cursor.next()) {
      const auto node = cursor.node();
      const auto each = node.owner().wire().size() + kFixed;
      for (std::size_t i = 0; i < node.size(); ++i) {
        const auto set = node.at(i);
        sum += set.rdatas().octets() + set.rdatas().size() * each;
        sum += set.signatures().octets() + set.signatures().size() * each;
      }
    }
  };
  add(snapshot.first());
  add(snapshot.nsec3_first());
  return sum;
}

struct StatsRequest {
  std::string show = "counters";
  std::size_t most = kMost;
  bool text = false;
};

Result<StatsRequest> read_stats_request(std::string_view request) {
  StatsRequest out;
  ONOMA_TRY(const auto object, read_object(request));
  if (const auto* show = object.if_contains("show"); show != nullptr && show->is_string())
    out.show = std::string(show->as_string());
  if (const auto* text = object.if_contains("text"); text != nullptr && text->is_bool())
    out.text = text->as_bool();
  if (const auto* most = object.if_contains("most"); most != nullptr) {
    if (!most->is_int64() || most->as_int64() < 1 || most->as_int64() > static_cast<std::int64_t>(kMostMost))
      return fail(Code::out_of_range, fmt::format("most is 1 to {}", kMostMost), "most");
    out.most = static_cast<std::size_t>(most->as_int64());
  }
  return out;
}

std::string wrapped(const std::string& text) {
  return json::serialize(json::object{{"text", text}});
}

Result<std::string> show_stats(const serve::Statistics& statistics, std::string_view text) {
  ONOMA_TRY(const auto request, read_stats_request(text));
  const auto& kept = statistics.options().sketches;
  if (request.show == "counters")
    return request.text ? wrapped(serve::stats_text(statistics)) : serve::stats_json(statistics);
  if (request.show == "top") {
    if (!kept.top)
      return fail(Code::unsupported,
                  "frequent names and sources are not counted here: set stats.top = true (authority: leave "
                  "--no-stats-top out) and start again");
    return request.text ? wrapped(serve::top_text(statistics, request.most))
                        : serve::top_json(statistics, request.most);
  }
  if (request.show == "magnitude") {
    if (!kept.magnitude)
      return fail(Code::unsupported,
                  "DNS magnitude is not counted here: set stats.magnitude = true (authority: "
                  "--stats-magnitude) and start again");
    return serve::magnitude_json(statistics, request.most);
  }
  return fail(Code::out_of_range, "show is counters, top or magnitude", "show");
}

}  // namespace

void add_statistics_options(CLI::App& command, StatisticsSettings& settings) {
  command.add_option(
      "--stats-folder", settings.stats_folder,
      "folder for the daily files (RSSAC002) and for what a restart continues from; else none");
  command
      .add_option("--stats-service", settings.stats_service,
                  "name of the service in them, such as a.root-servers.net")
      ->capture_default_str();
  command.add_option("--stats-zone", settings.stats_zone,
                     "zone of load-time and zone-size in them; else of all, when they are few");
  command.add_option("--stats-keep-days", settings.stats_keep_days, "remove files of older days; 0: never")
      ->capture_default_str();
  command.add_flag("--stats-top,!--no-stats-top", settings.stats_top,
                   "look for the most frequent names and sources (on unless --no-stats-top)");
  command.add_flag("--stats-magnitude", settings.stats_magnitude,
                   "count clients of each domain (DNS magnitude); costs 20 to 25 ns a packet");
  command.add_option("--dnstap", settings.dnstap_socket,
                     "UNIX socket on which a reader of dnstap listens, such as fstrm_capture");
  command.add_option("--dnstap-file", settings.dnstap_file, "or a file for dnstap, written anew");
  command.add_option("--dnstap-sample", settings.dnstap_sample, "one query of so many, and its answer")
      ->capture_default_str();
  command.add_flag("--dnstap-queries,!--no-dnstap-queries", settings.dnstap_queries,
                   "send queries (unless --no-dnstap-queries)");
  command.add_flag("--dnstap-responses,!--no-dnstap-responses", settings.dnstap_responses,
                   "send answers (unless --no-dnstap-responses)");
  command
      .add_option("--dnstap-anonymise", settings.dnstap_anonymise,
                  "addresses of clients: none (as they are), cut (to /24 and /48) or permuted")
      ->check(CLI::IsMember({"none", "cut", "permuted"}))
      ->capture_default_str();
}

Result<serve::StatisticsOptions> statistics_options(const StatisticsSettings& settings) {
  serve::StatisticsOptions out;
  out.sketches.top = settings.stats_top;
  out.sketches.magnitude = settings.stats_magnitude;
  out.folder = settings.stats_folder;
  if (!is_host_name(settings.stats_service))
    return fail(Code::bad_syntax,
                fmt::format("stats.service (--stats-service) is \"{}\": it must be a name such as "
                            "a.root-servers.net, of letters, digits, - and .",
                            settings.stats_service),
                "stats.service");
  out.service = settings.stats_service;
  if (!settings.stats_zone.empty()) {
    const auto zone = zone_name(settings.stats_zone);
    if (!zone) return fail_in("stats.zone (--stats-zone)", zone.error());
    out.zone = zone->text();
  }
  if (settings.stats_keep_days < 0 || settings.stats_keep_days > kKeepDaysMax)
    return fail(
        Code::out_of_range,
        fmt::format("stats.keep_days (--stats-keep-days) is {}: it must be 1 to {}, or 0 (files stay)",
                    settings.stats_keep_days, kKeepDaysMax),
        "stats.keep_days");
  out.keep_days = settings.stats_keep_days;
  return out;
}

Result<std::optional<front::DnstapOptions>> dnstap_options(const StatisticsSettings& settings,
                                                           const std::string& identity) {
  front::DnstapOptions out{.socket = settings.dnstap_socket, .file = settings.dnstap_file};
  ONOMA_TRY(out.anonymity, anonymity_of(settings.dnstap_anonymise));
  if (settings.dnstap_sample < 1 || settings.dnstap_sample > kSampleMax)
    return fail(Code::out_of_range,
                fmt::format("dnstap.sample (--dnstap-sample) is {}: it must be 1 (every query) to {}",
                            settings.dnstap_sample, kSampleMax),
                "dnstap.sample");
  out.sample = static_cast<std::uint32_t>(settings.dnstap_sample);
  out.queries = settings.dnstap_queries;
  out.responses = settings.dnstap_responses;
  out.identity = identity;
  out.version = "onoma " ONOMA_VERSION;
  if (out.socket.empty() && out.file.empty()) return std::nullopt;
  if (!out.socket.empty() && !out.file.empty())
    return fail(Code::bad_request,
                "dnstap.socket (--dnstap) and dnstap.file (--dnstap-file) are both given: messages go to one "
                "of them",
                "dnstap.file");
  if (!out.queries && !out.responses)
    return fail(
        Code::bad_request,
        "dnstap.queries and dnstap.responses are both off: leave one on, or give neither a socket nor "
        "a file",
        "dnstap.queries");
  return out;
}

ServerWatch::ServerWatch(std::optional<serve::StatisticsOptions> statistics, serve::LimitMode limits,
                         const Clock& clock)
    : clock_(clock), mode_(limits) {
  if (statistics) statistics_ = std::make_unique<serve::Statistics>(std::move(*statistics), clock, rng_);
}
ServerWatch::~ServerWatch() {
  end(false);
}

Result<void> ServerWatch::restore() {
  if (!statistics_) return {};
  auto done = statistics_->restore();
  if (done || done.error().code == Code::io) return done;
  // Numbers of half a day are no reason to answer nobody; the file is kept for whoever wants to look.
  const auto file = (std::filesystem::path(statistics_->options().folder) / "statistics.state").string();
  std::error_code error;
  std::filesystem::rename(file, file + ".damaged", error);
  log::error("stats", fmt::format("{}; the day begins anew, and the file is now {}.damaged",
                                  done.error().message, file));
  return {};
}

void ServerWatch::begin(os::JobPool& pool) {
  queue_.emplace(pool);
  arm();
}

void ServerWatch::arm() {
  queue_->post_after(std::chrono::seconds{1}, [this] {
    look();
    arm();
  });
}

void ServerWatch::look() {
  if (limits_) limits_->poll(clock_.steady());
  if (!statistics_) return;
  note_loads();
  const auto done = statistics_->tick();
  const auto problem = done ? std::string() : done.error().message;
  if (!problem.empty() && problem != last_problem_)
    log::error("stats", fmt::format("{}; the counting goes on, and writing is tried again", problem));
  last_problem_ = problem;
}

void ServerWatch::end(bool save_too) {
  if (!queue_) return;
  queue_->stop();
  queue_.reset();
  look();
  if (save_too) save();
}

void ServerWatch::save() {
  if (!statistics_) return;
  if (const auto done = statistics_->save(); !done) log::error("stats", done.error().message);
}

void ServerWatch::shown(const zone::Version& version, const zone::SnapshotPtr& snapshot) {
  if (!statistics_ || statistics_->options().folder.empty()) return;
  // What was made before the start was loaded before it too.
  const bool dated = version.committed != Time{};
  if (dated && version.made < statistics_->started()) return;
  const auto name = version.zone.text();
  const auto& wanted = statistics_->options().zone;
  if (!wanted.empty() && wanted != name) return;
  const std::scoped_lock lock(loads_mutex_);
  if (!loads_.contains(name) && loads_.size() >= kLoadZonesMax) return;
  auto& loads = loads_[name];
  // Of zones from files nobody says when they changed.
  const auto took =
      dated ? std::chrono::duration_cast<Duration>(clock_.now() - version.committed) : Duration{0};
  if (loads.fresh.size() < kFreshMax) loads.fresh.emplace_back(version.serial, took);
  loads.newest = snapshot;
}

void ServerWatch::note_loads() {
  std::map<std::string, ZoneLoads> fresh;
  {
    const std::scoped_lock lock(loads_mutex_);
    for (auto& [name, loads] : loads_) {
      if (loads.fresh.empty()) continue;
      auto& taken = fresh[name];
      taken.fresh.swap(loads.fresh);
      taken.newest.swap(loads.newest);
      taken.octets = loads.octets;
      taken.counted_at = loads.counted_at;
    }
  }
  const auto now = clock_.steady();
  for (auto& [name, loads] : fresh) {
    if (!loads.counted_at || now - *loads.counted_at >= kCountEvery) {
      loads.octets = wire_octets(*loads.newest);
      loads.counted_at = now;
      const std::scoped_lock lock(loads_mutex_);
      loads_[name].octets = loads.octets;
      loads_[name].counted_at = now;
    }
    for (const auto& [serial, took] : loads.fresh) statistics_->zone_loaded(name, serial, took, loads.octets);
  }
}

std::vector<serve::Flood> ServerWatch::floods() const {
  return limits_ ? limits_->floods() : std::vector<serve::Flood>{};
}

std::string_view ServerWatch::limits_text() const {
  switch (mode_) {
    case serve::LimitMode::off:
      return "off";
    case serve::LimitMode::dry_run:
      return "dry-run";
    case serve::LimitMode::on:
      return "on";
  }
  return "unknown";
}

ControlCommand ServerWatch::with_floods(ControlCommand health) const {
  return [this, health = std::move(health)](std::string_view request,
                                            const os::ControlProgress& progress) -> Result<std::string> {
    ONOMA_TRY(auto text, health(request, progress));
    ONOMA_TRY(const auto asked, read_object(request));
    if (asked.contains("zone")) return text;
    ONOMA_TRY(auto answer, read_object(text));
    answer["limits"] = limits_text();
    answer["floods"] = floods_json(floods());
    return json::serialize(answer);
  };
}

ControlCommand ServerWatch::stats_command() const {
  return [this](std::string_view request, const os::ControlProgress&) -> Result<std::string> {
    if (!statistics_)
      return fail(Code::unsupported,
                  "this server keeps no statistics: start `authority` with --stats on, --admin or "
                  "--stats-folder, `serve` with stats.enabled = true");
    return show_stats(*statistics_, request);
  };
}

front::HttpHandler ServerWatch::with_pages(front::HttpHandler handler) const {
  return statistics_ ? front::with_stats_pages(std::move(handler), *statistics_) : std::move(handler);
}

}  // namespace onoma::app
