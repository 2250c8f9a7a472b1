#include "app/secondaries.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/zone_tools.h"
#include "os/durable_file.h"

namespace onoma::app {

namespace json = boost::json;

namespace {

constexpr std::uint64_t kListMax = std::uint64_t{64} << 20;
constexpr std::uint16_t kDnsPort = 53;

Result<os::Endpoint> primary_endpoint(const std::string& text) {
  if (auto whole = os::Endpoint::parse(text)) return whole;
  // Without a port: 192.0.2.1, 2001:db8::1, [2001:db8::1].
  const bool bare_v6 = std::ranges::count(text, ':') > 1 && !text.starts_with('[');
  const auto address = bare_v6 ? fmt::format("[{}]", text) : text;
  if (auto with_port = os::Endpoint::parse(fmt::format("{}:{}", address, kDnsPort))) return with_port;
  return fail(Code::bad_syntax,
              fmt::format("'{}' is no address; write 192.0.2.1, 192.0.2.1:5300 or [2001:db8::1]:53", text));
}

Result<transfer::Primary> primary_of(const std::string& text, const transfer::KeyRing& keys) {
  const auto comma = text.find(',');
  transfer::Primary out;
  ONOMA_TRY(out.endpoint, primary_endpoint(text.substr(0, comma)));
  if (comma == std::string::npos) return out;
  const auto key_text = text.substr(comma + 1);
  const auto name = wire::Name::parse(key_text);
  if (!name) return fail(Code::bad_syntax, fmt::format("'{}' is no name of a key", key_text));
  out.key = keys.find(*name);
  if (!out.key)
    return fail(Code::bad_request,
                fmt::format("there is no TSIG key {}; give the file that has it", name->text()));
  if (!transfer::may_begin(out.key->algorithm()))
    return fail(Code::bad_request,
                fmt::format("the TSIG key {} is for {}, which is only understood, not used; make "
                            "one for hmac-sha256",
                            name->text(), transfer::text_of(out.key->algorithm())));
  return out;
}

class Collector {
 public:
  explicit Collector(const transfer::KeyRing& keys) : keys_(keys) {}
  Result<void> add(const std::string& name_text, const std::string& primary_text) {
    ONOMA_TRY(const auto name, zone_name(name_text));
    ONOMA_TRY(auto primary, primary_of(primary_text, keys_));
    const auto [at, fresh] = places_.try_emplace(name, zones_.size());
    if (fresh) zones_.push_back({.zone = name, .primaries = {}});
    zones_[at->second].primaries.push_back(std::move(primary));
    return {};
  }
  std::vector<transfer::SecondaryZone> take() { return std::move(zones_); }

 private:
  const transfer::KeyRing& keys_;
  std::vector<transfer::SecondaryZone> zones_;
  std::map<wire::Name, std::size_t> places_;
};

Result<void> add_list(const std::string& path, Collector& collector) {
  auto octets = os::read_file(path, kListMax);
  if (!octets) return fail(Code::bad_request, octets.error().message);
  std::istringstream lines{std::string(as_text(*octets))};
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line);
    std::string name;
    if (!(words >> name) || name.starts_with('#')) continue;
    bool any = false;
    for (std::string primary; words >> primary; any = true)
      if (auto added = collector.add(name, primary); !added)
        return fail(added.error().code, fmt::format("{}:{}: {}", path, number, added.error().message));
    if (!any)
      return fail(Code::bad_syntax,
                  fmt::format("{}:{}: expected NAME ADDRESS[:PORT][,KEY]...", path, number));
  }
  return {};
}

class GateAt final : public zone::Gate {
 public:
  GateAt(std::unique_ptr<zone::Gate> gate, Time at) : gate_(std::move(gate)), at_(at) {}
  zone::Verdict check(const zone::Snapshot* before, const zone::Diff& diff, const zone::Snapshot& after,
                      const std::optional<zone::Expected>& expected, Time) override {
    return gate_->check(before, diff, after, expected, at_);
  }

 private:
  std::unique_ptr<zone::Gate> gate_;
  Time at_;
};

std::string_view text_of(transfer::ZoneRefresh::State state) {
  switch (state) {
    case transfer::ZoneRefresh::State::asking:
      return "asking";
    case transfer::ZoneRefresh::State::transferring:
      return "transferring";
    case transfer::ZoneRefresh::State::idle:
      break;
  }
  return "idle";
}

json::object status_json(const transfer::SecondaryStatus& status) {
  json::object out{{"zone", status.zone.text()}, {"state", text_of(status.state)}};
  json::array primaries;
  for (const auto& primary : status.primaries) primaries.emplace_back(primary);
  out["primaries"] = std::move(primaries);
  if (status.serial) out["serial"] = *status.serial;
  if (status.expires) out["expires"] = iso8601(*status.expires);
  if (status.confirmed) out["confirmed"] = iso8601(*status.confirmed);
  if (status.next_check) out["next_check"] = iso8601(*status.next_check);
  if (status.expired) out["expired"] = true;
  if (!status.last_transfer.empty()) out["last_transfer"] = status.last_transfer;
  if (!status.problem.empty()) out["problem"] = status.problem;
  return out;
}

}  // namespace

void add_secondary_options(CLI::App& command, SecondarySettings& settings) {
  command.add_option(
      "--secondary", settings.zones,
      "NAME=ADDRESS[:PORT][,KEY]: a zone that is transferred from this primary, signed with that TSIG "
      "key; may be repeated, also for more primaries of a zone");
  command.add_option("--secondary-list", settings.list,
                     "file with lines NAME ADDRESS[:PORT][,KEY]...; read at the start");
  command.add_option("--secondary-transfers", settings.transfers, "transfers from primaries at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
}

Result<std::vector<transfer::SecondaryZone>> secondary_zones(const SecondarySettings& settings,
                                                             const transfer::KeyRing& keys) {
  Collector collector(keys);
  for (const auto& text : settings.zones) {
    const auto sign = text.find('=');
    if (sign == std::string::npos || sign == 0)
      return fail(Code::bad_syntax, fmt::format("--secondary {}: expected NAME=ADDRESS[:PORT][,KEY], such as "
                                                "example.com=192.0.2.1",
                                                text));
    if (auto added = collector.add(text.substr(0, sign), text.substr(sign + 1)); !added)
      return fail(added.error().code, fmt::format("--secondary {}: {}", text, added.error().message));
  }
  if (!settings.list.empty()) ONOMA_TRY_VOID(add_list(settings.list, collector));
  return collector.take();
}

publish::GateFactory gate_at(publish::GateFactory gate, Time at) {
  return [gate = std::move(gate), at] { return std::make_unique<GateAt>(gate(), at); };
}

// Rooms that do not know each other meet here.
class SecondaryServer::Store final : public transfer::VersionStore {
 public:
  explicit Store(publish::SecondaryZones& zones) : zones_(zones) {}
  zone::SnapshotPtr current(const wire::Name& zone) const override { return zones_.current(zone); }
  void offer(const wire::Name& zone, zone::SnapshotPtr next, std::optional<zone::Diff> diff,
             Done done) override {
    zones_.offer(zone, std::move(next), std::move(diff), std::move(done));
  }
  void confirmed(const wire::Name& zone, Time expires) override { zones_.confirmed(zone, expires); }
  void expired(const wire::Name& zone) override { zones_.expired(zone); }
  void note(const wire::Name& zone, const std::string& problem) override { zones_.note(zone, problem); }

 private:
  publish::SecondaryZones& zones_;
};

SecondaryServer::SecondaryServer(std::vector<transfer::SecondaryZone> zones, const Clock& clock,
                                 std::size_t transfers)
    : zones_(std::move(zones)),
      clock_(clock),
      transfers_(transfers),
      pool_({.threads = 2, .name = "secondary"}) {}

SecondaryServer::~SecondaryServer() {
  pause();
  if (keeper_ != nullptr) keeper_->stop();  // zones that it works on go with their threads
}

Result<std::unique_ptr<SecondaryServer>> SecondaryServer::open(std::vector<transfer::SecondaryZone> zones,
                                                               std::string folder, publish::GateFactory gate,
                                                               publish::ZoneSink& sink,
                                                               publish::ImageKeeper& keeper,
                                                               const Clock& clock, std::size_t transfers) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return fail(Code::io, fmt::format("cannot make the folder {}: {}", folder, failed.message()));
  std::unique_ptr<SecondaryServer> out(new SecondaryServer(std::move(zones), clock, transfers));
  out->kept_ =
      std::make_unique<publish::SecondaryZones>(std::move(folder), std::move(gate), sink, out->pool_, clock);
  out->keeper_ = &keeper;
  out->kept_->use_images(keeper);
  out->store_ = std::make_unique<Store>(*out->kept_);
  for (auto& zone : out->zones_) {
    ONOMA_TRY(zone.expires, out->kept_->open(zone.zone));
  }
  return out;
}

Result<void> SecondaryServer::start() {
  std::scoped_lock lock(mutex_);
  if (asking_) return {};
  for (const auto& status : kept_->status())
    for (auto& zone : zones_)
      if (zone.zone == status.zone) zone.expires = status.expires;
  auto fresh = std::make_shared<transfer::Secondaries>(
      transfer::SecondariesOptions{.transfers_max = transfers_, .parallel = os::on_threads()}, *store_, pool_,
      clock_, rng_);
  ONOMA_TRY_VOID(fresh->start(zones_));
  asking_ = std::move(fresh);
  return {};
}

void SecondaryServer::pause() {
  std::shared_ptr<transfer::Secondaries> old;
  {
    std::scoped_lock lock(mutex_);
    old = std::exchange(asking_, nullptr);
  }
  if (old) old->stop();
  for (const auto& zone : zones_)
    if (kept_->knows(zone.zone)) kept_->settle(zone.zone);
}

transfer::NotifyVerdict SecondaryServer::notify(wire::NameView zone, const os::Endpoint& from,
                                                const wire::Name* key, std::optional<std::uint32_t> serial) {
  std::shared_ptr<transfer::Secondaries> asking;
  {
    std::scoped_lock lock(mutex_);
    asking = asking_;
  }
  return asking ? asking->notify(zone, from, key, serial) : transfer::NotifyVerdict::not_secondary;
}

std::optional<Time> SecondaryServer::expires(const wire::Name& zone) const {
  return kept_->knows(zone) ? kept_->expires(zone) : std::nullopt;
}

publish::HealthSource SecondaryServer::with(publish::HealthSource others) const {
  return {.zone =
              [this, of_others = std::move(others.zone)](const wire::Name& name) {
                auto mine = kept_->health(name);
                return mine ? mine : of_others(name);
              },
          .summary =
              [this, of_others = std::move(others.summary)] {
                return publish::together(of_others(), kept_->summary());
              }};
}

Result<std::string> SecondaryServer::list(std::string_view request) {
  std::shared_ptr<transfer::Secondaries> asking;
  {
    std::scoped_lock lock(mutex_);
    asking = asking_;
  }
  if (!asking) return fail(Code::unavailable, "an upgrade is under way; primaries are not asked");
  json::error_code wrong;
  const auto document = json::parse(json::string_view(request.data(), request.size()), wrong);
  if (wrong || !document.is_object()) return fail(Code::bad_syntax, "not a JSON object");
  const auto& object = document.as_object();
  json::array all;
  if (const auto* text = object.if_contains("zone"); text != nullptr && text->is_string()) {
    ONOMA_TRY(const auto zone, zone_name(std::string(text->as_string())));
    const auto* refresh = object.if_contains("refresh");
    if (refresh != nullptr && refresh->is_bool() && refresh->as_bool()) asking->check_now(zone);
    const auto status = asking->status(zone);
    if (!status) return fail(Code::not_found, fmt::format("zone {} is not a secondary here", zone.text()));
    all.push_back(status_json(*status));
  } else {
    for (const auto& status : asking->status()) all.push_back(status_json(status));
  }
  return json::serialize(json::object{{"zones", std::move(all)}});
}

ControlCommand SecondaryServer::command() {
  return [this](std::string_view request, const os::ControlProgress&) { return list(request); };
}

}  // namespace onoma::app
