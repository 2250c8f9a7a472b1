#include "app/node.h"

#include <filesystem>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <sys/stat.h>

#include "app/audit.h"
#include "app/authority.h"
#include "app/client.h"
#include "app/control.h"
#include "app/demo.h"
#include "app/held_commands.h"
#include "app/limits.h"
#include "app/resolution.h"
#include "app/statistics.h"
#include "app/transfers.h"
#include "app/transports.h"
#include "app/zone_keys.h"
#include "base/log.h"
#include "front/dns/dns_server.h"
#include "front/rest/http_server.h"
#include "front/rest/metrics_door.h"
#include "front/rest/rest_door.h"
#include "gate/gate.h"
#include "os/durable_file.h"
#include "os/job_pool.h"
#include "os/lock_file.h"
#include "os/privileges.h"
#include "publish/image_keeper.h"
#include "publish/publisher.h"
#include "registry/registry.h"
#include "sign/signer.h"

namespace onoma::app {

namespace json = boost::json;

namespace {

constexpr const char* kClientFile = "/client.toml";

sign::SigningPolicy signing_policy(const KeyPlan& plan, model::DenialPolicy denial) {
  auto policy = plan.signing;
  policy.denial = denial == model::DenialPolicy::nsec ? zone::Denial::nsec : zone::Denial::nsec3;
  policy.opt_out = denial == model::DenialPolicy::nsec3_opt_out;
  return policy;
}

std::string_view state_text(publish::Sequencer::State state) {
  using enum publish::Sequencer::State;
  switch (state) {
    case starting:
      return "starting";
    case idle:
      return "served";
    case held:
      return "held";
    case failing:
      return "failing";
  }
  return "unknown";
}

json::object zone_json(const publish::ZoneStatus& zone) {
  json::object out{{"zone", zone.zone.text()},
                   {"serial", zone.serial},
                   {"last_event", zone.last_event},
                   {"state", std::string(state_text(zone.state))}};
  if (!zone.reason.empty()) out["problem"] = zone.reason;
  if (!zone.current) return out;
  const auto& facts = zone.current->facts();
  out["records"] = facts.records;
  out["delegations"] = facts.delegations;
  out["signed"] = facts.denial != zone::Denial::none;
  return out;
}

}  // namespace

struct Node::State {
  explicit State(Settings given) : settings(std::move(given)) {}

  Result<void> open_watch();
  Result<void> open_data();
  Result<void> open_doors();
  Result<publish::ZoneParts> parts(const model::Tld& tld);
  front::RestServices services();
  Result<void> keep_operator_token();
  Result<void> write_client_file(const std::string& server, const std::string& token);
  Result<void> follow_address();
  std::string status_json() const;
  publish::HealthSource health_source() const;
  HeldActions held_actions();

  Settings settings;
  SystemClock clock;
  SystemRng rng;
  std::optional<os::LockFile> lock;
  std::optional<os::JobPool> pool;
  serve::ZoneTable table;
  std::unique_ptr<ServerWatch> watch;  // before what counts in it, behind the pool
  std::unique_ptr<Transfers> transfers;
  std::unique_ptr<ZoneTableSink> sink;
  std::optional<Reclaimer> reclaimer;
  std::optional<ZoneKeys> keys;
  std::unique_ptr<registry::Registry> registry;
  std::optional<publish::HeldStore> held;
  os::JobPool image_pool{{.threads = 1, .nice = 10, .name = "images"}};
  publish::ImageKeeper image_keeper{image_pool};
  std::unique_ptr<publish::Publisher> publisher;
  std::unique_ptr<publish::Auditor> auditor;  // before the publisher in stopping
  std::unique_ptr<Resolution> resolution;
  std::unique_ptr<front::DnsServer> dns;
  std::optional<front::RestDoor> rest;
  std::unique_ptr<front::HttpServer> http;
  std::unique_ptr<front::HttpServer> admin;
  std::unique_ptr<os::ControlServer> control;
  std::string control_path;
  Time started{};
};

Result<publish::ZoneParts> Node::State::parts(const model::Tld& tld) {
  if (tld.denial == model::DenialPolicy::unsigned_zone)
    return publish::ZoneParts{
        .gate = gate::make_gate({.level = zone::GateLevel::registry, .require_signed = false})};
  ONOMA_TRY(auto manager, keys->of(tld.name));
  ONOMA_TRY(auto signer, sign::make_signer(std::move(manager), signing_policy(keys->plan(), tld.denial),
                                           &*pool, sign::build_date()));
  return publish::ZoneParts{.signer = std::move(signer),
                            .gate = gate::make_gate({.level = zone::GateLevel::registry})};
}

Result<void> Node::State::open_watch() {
  ONOMA_TRY(const auto limits, limit_options(settings));
  ONOMA_TRY(auto statistics, statistics_options(settings));
  watch = std::make_unique<ServerWatch>(
      settings.stats_enabled ? std::optional(std::move(statistics)) : std::nullopt, limits.mode, clock);
  return {};
}

Result<void> Node::State::open_data() {
  std::error_code error;
  std::filesystem::create_directories(settings.data, error);
  if (error)
    return fail(Code::io,
                fmt::format("cannot make the data directory {}: {}", settings.data, error.message()));
  std::filesystem::permissions(settings.data, std::filesystem::perms::owner_all, error);
  ONOMA_TRY(lock, os::LockFile::take(settings.data));
  pool.emplace(os::JobPoolOptions{.threads = static_cast<std::size_t>(settings.job_threads)});
  ONOMA_TRY(registry,
            registry::Registry::open({.store = {.path = settings.data + "/registry.sqlite"}}, clock, rng));
  sink = std::make_unique<ZoneTableSink>(
      table, [this](const zone::Version& version, const zone::SnapshotPtr& snapshot) {
        watch->shown(version, snapshot);
        transfers->shown(version, snapshot);
      });
  reclaimer.emplace(*pool, table);
  held.emplace(settings.data + "/held");
  ONOMA_TRY_VOID(held->open());
  ONOMA_TRY(auto limits, change_limits(settings));
  publisher = std::make_unique<publish::Publisher>(
      publish::PublisherOptions{.folder = settings.data + "/zones",
                                .keeper = &image_keeper,
                                .limits = std::move(limits),
                                .held = &*held},
      *registry, [this](const model::Tld& tld) { return parts(tld); }, *sink, *pool, clock);
  if (settings.audit)
    auditor = make_auditor(
        [this](std::size_t& cursor) -> zone::SnapshotPtr {
          const auto all = publisher->status();
          while (cursor < all.size())
            if (const auto& zone = all[cursor++]; zone.current) return zone.current;
          cursor = 0;
          return nullptr;
        },
        {.level = zone::GateLevel::dnssec, .require_signed = false}, settings, image_pool, clock);
  ONOMA_TRY(auto plan, key_plan(settings));
  keys.emplace(settings.data + "/keys", std::move(plan), clock, rng);
  registry->set_commit_listener([this](std::uint64_t seq) { publisher->wake(seq); });
  resolution = std::make_unique<Resolution>(table, *registry, *publisher, clock);
  return {};
}

front::RestServices Node::State::services() {
  front::RestServices out{
      .commands = *registry, .authenticator = *registry, .readers = *registry, .clock = clock, .rng = rng};
  out.from_publisher(*publisher);
  out.contact_fields = [this](std::string_view id) -> Result<model::ContactFields> {
    ONOMA_TRY(const auto reader, registry->open());
    ONOMA_TRY(const auto contact, reader->contact(id));
    if (!contact) return fail(Code::not_found, fmt::format("there is no contact {}", id));
    return registry->open_contact(*contact);
  };
  out.resolve = [this](const front::ResolveRequest& request) { return resolution->resolve(request); };
  out.status_json = [this] { return status_json(); };
  return out;
}

Result<void> Node::State::open_doors() {
  ONOMA_TRY(auto dns_listen, endpoints(settings.dns_listen));
  front::DnsOptions options{.listen = std::move(dns_listen),
                            .workers = static_cast<std::size_t>(settings.dns_workers)};
  options.serve.nsid = settings.dns_identity;
  if (!settings.dns_identity.empty()) options.serve.identity = settings.dns_identity;
  if (!settings.dns_version.empty()) options.serve.version = settings.dns_version;
  options.serve.clock = &clock;
  ONOMA_TRY(options.serve.limit, limit_options(settings));
  options.statistics = watch->statistics();
  options.transfer = transfers->service();
  ONOMA_TRY(options.dnstap, dnstap_options(settings, settings.dns_identity));
  ONOMA_TRY_VOID(set_transports({.tcp_connections = static_cast<std::size_t>(settings.dns_tcp_connections),
                                 .tcp_per_host = static_cast<std::size_t>(settings.dns_tcp_per_host),
                                 .tcp_per_network = static_cast<std::size_t>(settings.dns_tcp_per_network),
                                 .tcp_exempt = settings.dns_tcp_exempt,
                                 .proxy_from = settings.dns_proxy_from,
                                 .xdp = settings.dns_xdp},
                                options));
  ONOMA_TRY(dns, front::DnsServer::open(options, table));
  watch->watch(*dns);
  control_path = settings.data + "/control.sock";
  return {};
}

Result<void> Node::State::write_client_file(const std::string& server, const std::string& token) {
  const auto text = fmt::format(
      "# How the command line reaches this server.\nserver = \"{}\"\ntoken = \"{}\"\n", server, token);
  return os::write_file_atomically(settings.data + kClientFile, as_bytes(text), 0600);
}

// The first operator's token is told once. It is written down before anything else may fail; where a start
// died before that, nobody has used the registry yet, and the next one makes another token.
Result<void> Node::State::keep_operator_token() {
  ONOMA_TRY(auto token, registry->bootstrap_operator(settings.operator_id));
  if (!token && !std::filesystem::exists(settings.data + kClientFile)) {
    ONOMA_TRY(const auto reader, registry->open());
    ONOMA_TRY(const auto registrars, reader->registrars({}, 1));
    if (reader->last_seq() == 1 && !registrars.items.empty()) {
      const auto& only = registrars.items.front();
      ONOMA_TRY(auto renewed, registry->run(model::RegistrarUpdate{.registrar = only, .new_token = true},
                                            {.id = Id128::make(clock.now(), rng), .actor = only.id}));
      token = std::move(renewed.secret);
    }
  }
  if (!token) return {};
  return write_client_file("http://" + settings.http_listen.front(), *token);
}

// Where the door listens may change from start to start; a name that an operator wrote there stays.
Result<void> Node::State::follow_address() {
  ONOMA_TRY(const auto known, read_client_file(settings.data + kClientFile));
  const auto server = "http://" + http->bound().front().text();
  constexpr std::string_view kScheme = "http://";
  if (known.token.empty() || known.server == server || !known.server.starts_with(kScheme) ||
      !os::Endpoint::parse(known.server.substr(kScheme.size())))
    return {};
  return write_client_file(server, known.token);
}

std::string Node::State::status_json() const {
  json::array zones;
  for (const auto& zone : publisher->status()) {
    auto object = zone_json(zone);
    if (auditor)
      if (auto problem = auditor->problem(zone.zone)) object["audit"] = *std::move(problem);
    zones.push_back(std::move(object));
  }
  const auto counters = dns->counters();
  json::object out{{"version", ONOMA_VERSION},
                   {"started", iso8601(started)},
                   {"dns", json::object{{"udp_received", counters.udp_received},
                                        {"udp_replied", counters.udp_replied},
                                        {"tcp_messages", counters.tcp_messages},
                                        {"tcp_open", counters.tcp_open}}},
                   {"limits", watch->limits_text()},
                   {"floods", floods_json(watch->floods())},
                   {"held", held->list().size()},
                   {"audit_rounds", auditor ? auditor->rounds() : 0},
                   {"zones", std::move(zones)}};
  return json::serialize(out);
}

publish::HealthSource Node::State::health_source() const {
  publish::HealthSource source{
      .zone = [this](const wire::Name& name) -> std::optional<publish::ZoneHealth> {
        for (const auto& zone : publisher->status())
          if (zone.zone == name) return publish::health_of(zone, clock.now());
        return std::nullopt;
      },
      .summary = [this] { return publish::summary_of(publisher->status(), clock.now()); }};
  return auditor ? publish::with_audit(source, *auditor) : source;
}

HeldActions Node::State::held_actions() {
  const auto serial = [](const Result<publish::VersionTrace>& shown) -> Result<std::uint32_t> {
    if (!shown) return std::unexpected(shown.error());
    return shown->serial;
  };
  return {.approve = [=, this](
                         const wire::Name& zone, std::uint32_t which,
                         const publish::Decision& by) { return serial(publisher->approve(zone, which, by)); },
          .reject = [this](const wire::Name& zone, std::uint32_t which,
                           const publish::Decision& by) { return publisher->reject(zone, which, by); },
          .roll_back =
              [=, this](const wire::Name& zone, std::uint32_t to, const publish::Decision& by) {
                return serial(publisher->roll_back(zone, to, by));
              },
          .announce =
              [this](const wire::Name& zone, zone::Announcement announcement) {
                return publisher->announce(zone, std::move(announcement));
              }};
}

Node::Node(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Node>> Node::open(const Settings& settings) {
  auto state = std::make_unique<State>(settings);
  ONOMA_TRY_VOID(state->open_watch());
  ONOMA_TRY(state->transfers, Transfers::make(settings, state->table, state->clock));
  if (settings.process_user.empty()) {
    ONOMA_TRY_VOID(state->open_data());
    ONOMA_TRY_VOID(state->open_doors());
  } else {
    // Addresses first, which may need root; everything that is written belongs to the user already.
    ONOMA_TRY(const auto identity, os::find_identity(settings.process_user));
    ONOMA_TRY_VOID(state->open_doors());
    ONOMA_TRY_VOID(os::become(identity));
    ONOMA_TRY_VOID(state->open_data());
  }
  return std::unique_ptr<Node>(new Node(std::move(state)));
}

Result<void> Node::start(bool demo) {
  auto& s = *state_;
  s.started = s.clock.now();
  ONOMA_TRY_VOID(s.watch->restore());
  // Before the HTTP door opens, so that nobody is refused for want of the first registrar.
  ONOMA_TRY_VOID(s.keep_operator_token());
  ONOMA_TRY_VOID(s.publisher->start());
  if (demo) {
    ONOMA_TRY_VOID(fill_demo(*s.registry, *s.registry, s.settings.operator_id, s.clock, s.rng));
    ONOMA_TRY(const auto reader, s.registry->open());
    s.publisher->wait_for(reader->last_seq(), std::chrono::seconds{10});
  }
  ONOMA_TRY(auto http_listen, endpoints(s.settings.http_listen));
  s.rest.emplace(s.services());
  ONOMA_TRY(s.http,
            front::HttpServer::start({.listen = std::move(http_listen), .threads = 2}, s.rest->handler()));
  ONOMA_TRY(auto admin_listen, endpoints(s.settings.admin_listen));
  ONOMA_TRY(s.admin,
            front::HttpServer::start({.listen = std::move(admin_listen)},
                                     s.watch->with_pages(front::metrics_handler(s.health_source()))));
  if (const auto followed = s.follow_address(); !followed) log::warning("serve", followed.error().message);
  auto commands = held_commands(*s.held, s.held_actions(), s.clock);
  commands["status"] = [&s](std::string_view, const os::ControlProgress&) -> Result<std::string> {
    return s.status_json();
  };
  commands["health"] = s.watch->with_floods(health_command(s.health_source()));
  commands["stats"] = s.watch->stats_command();
  commands.merge(s.keys->commands([&s] { s.publisher->wake(0); }));
  ONOMA_TRY(s.control, serve_control(s.control_path, std::move(commands)));
  s.watch->begin(*s.pool);
  s.dns->start();
  ONOMA_TRY_VOID(s.transfers->start());
  if (s.auditor) s.auditor->start();
  return {};
}

// Doors first, then what works behind them.
void Node::stop() {
  auto& s = *state_;
  s.control.reset();
  if (s.transfers) s.transfers->stop();
  if (s.dns) s.dns->stop();
  if (s.http) s.http->stop();
  if (s.admin) s.admin->stop();
  if (s.auditor) s.auditor->stop();
  s.image_keeper.stop();
  if (s.publisher) s.publisher->stop();
  s.watch->end(true);
}

Node::~Node() {
  stop();
  // The registry's thread calls the publisher and answers HTTP requests: it ends before both.
  state_->registry.reset();
  state_->rest.reset();
  state_->http.reset();
  state_->resolution.reset();
  state_->auditor.reset();
  state_->publisher.reset();
}

std::string Node::dns_address() const {
  return state_->dns->bound().front().text();
}
std::string Node::http_address() const {
  return state_->http->bound().front().text();
}

std::string Node::facts() const {
  const auto& s = *state_;
  return fmt::format("dns={} http={} admin={} control={} data={}", texts(s.dns->bound()),
                     texts(s.http->bound()), texts(s.admin->bound()), s.control_path, s.settings.data);
}

}  // namespace onoma::app
