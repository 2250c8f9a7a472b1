#include "app/settings.h"

#include <algorithm>
#include <map>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include "app/statistics.h"
#include "base/log.h"
#include "os/address.h"

namespace onoma::app {
namespace {

using Member = std::variant<std::string Settings::*, std::int64_t Settings::*, bool Settings::*,
                            std::vector<std::string> Settings::*>;

struct Row {
  std::string_view key;  // "table.name"
  Member member;
  std::string_view meaning;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table{
      {"data", &Settings::data, "data directory: registry, keys, journals, client.toml"},
      {"dns.listen", &Settings::dns_listen, "addresses for DNS over UDP and TCP"},
      {"dns.workers", &Settings::dns_workers, "UDP threads, 1 to 64; one per core that serves"},
      {"dns.identity", &Settings::dns_identity, "answer to id.server and NSID; empty: none is given"},
      {"dns.version", &Settings::dns_version, "answer to version.bind; empty: refused"},
      {"dns.tcp_connections", &Settings::dns_tcp_connections, "TCP connections open at a time"},
      {"dns.tcp_per_host", &Settings::dns_tcp_per_host,
       "of them from one IPv4 address or IPv6 /64; 0: no limit"},
      {"dns.tcp_per_network", &Settings::dns_tcp_per_network,
       "of them from one IPv4 /24 or IPv6 /48; 0: no limit"},
      {"dns.tcp_exempt", &Settings::dns_tcp_exempt, "networks without these two limits, as 192.0.2.0/24"},
      {"dns.proxy_from", &Settings::dns_proxy_from,
       "networks of proxies that begin each packet and connection with a PROXY v2 header"},
      {"dns.xdp", &Settings::dns_xdp,
       "interfaces, or INTERFACE:QUEUE, that take UDP by AF_XDP beside the sockets"},
      {"http.listen", &Settings::http_listen, "addresses for REST (/v1) and resolution (/r)"},
      {"admin.listen", &Settings::admin_listen, "addresses for /metrics and /health; a listener of its own"},
      {"limits.mode", &Settings::limit_mode,
       "withhold answers to floods and forged sources: off, dry-run (only count and report) or on"},
      {"limits.answers", &Settings::limit_answers, "the same answer to one address, a second; 0: no limit"},
      {"limits.errors", &Settings::limit_errors, "errors to one address, a second; 0: no limit"},
      {"limits.slip", &Settings::limit_slip,
       "one of so many withheld answers leaves empty with TC, so that resolvers come back over TCP; 0: none"},
      {"limits.flood_names", &Settings::limit_flood_names,
       "different missing names below one name in a second that are a flood; 0: floods are not looked for"},
      {"limits.flood_source", &Settings::limit_flood_source,
       "of them still answered to one address during a flood, a second"},
      {"limits.flood_slip", &Settings::limit_flood_slip, "limits.slip during a flood"},
      {"limits.shed", &Settings::limit_shed,
       "withheld answers to one address, a second, above which it is dropped unread; 0: none is"},
      {"stats.enabled", &Settings::stats_enabled, "count what is asked and answered"},
      {"stats.folder", &Settings::stats_folder,
       "folder for the daily files (RSSAC002) and for what a restart continues from; empty: none"},
      {"stats.service", &Settings::stats_service,
       "name of the service in the daily files, such as a.root-servers.net"},
      {"stats.zone", &Settings::stats_zone,
       "zone of load-time and zone-size in them; empty: all, when they are few"},
      {"stats.keep_days", &Settings::stats_keep_days, "remove files of older days; 0: never"},
      {"stats.top", &Settings::stats_top, "look for the most frequent names and sources"},
      {"stats.magnitude", &Settings::stats_magnitude,
       "count the clients of each domain (DNS magnitude); costs 20 to 25 ns a packet"},
      {"dnstap.socket", &Settings::dnstap_socket,
       "UNIX socket on which a reader of dnstap listens; empty: none"},
      {"dnstap.file", &Settings::dnstap_file, "or a file for dnstap, written anew at each start"},
      {"dnstap.sample", &Settings::dnstap_sample, "one query of so many, and its answer"},
      {"dnstap.queries", &Settings::dnstap_queries, "send queries"},
      {"dnstap.responses", &Settings::dnstap_responses, "send answers"},
      {"dnstap.anonymise", &Settings::dnstap_anonymise,
       "addresses of clients: none (as they are), cut (to /24 and /48) or permuted"},
      {"gate.change_limits", &Settings::change_limits,
       "hold versions that change more of a zone than the next settings allow, until they are approved"},
      {"gate.change_percent", &Settings::change_percent,
       "delegations that may change or go in one version, and in one hour, in percent of the zone's"},
      {"gate.change_least", &Settings::change_least, "or so many of them, where that is more"},
      {"gate.change_additions", &Settings::change_additions, "delegations that come count too"},
      {"gate.change_apex", &Settings::change_apex,
       "hold any change of the apex NS set, and of the DNSKEY set outside of the signer's plan"},
      {"gate.audit", &Settings::audit, "look through everything that is served, again and again"},
      {"gate.audit_rest_s", &Settings::audit_rest_s, "seconds between two rounds"},
      {"gate.audit_margin_s", &Settings::audit_margin_s,
       "signatures that expire within so many seconds are a problem"},
      {"keys.layout", &Settings::key_layout, "keys of a zone: ksk+zsk, or csk: one key for everything"},
      {"keys.algorithm", &Settings::key_algorithm,
       "of a zone's first keys: ECDSAP256SHA256, ECDSAP384SHA384, ED25519, ED448, RSASHA256, RSASHA512 or "
       "SM2SM3"},
      {"keys.ksk_lifetime", &Settings::ksk_lifetime,
       "how long a KSK or CSK is used, as 365d; never: until somebody asks for a roll-over"},
      {"keys.zsk_lifetime", &Settings::zsk_lifetime, "how long a ZSK is used, as 90d; never: as above"},
      {"keys.manual", &Settings::key_manual, "no roll-over begins by itself"},
      {"keys.standby", &Settings::key_standby,
       "none, ksk, zsk or both: published keys for a roll-over that cannot wait"},
      {"keys.re_sign", &Settings::key_re_sign,
       "time over which signatures follow a change of keys, evenly; 12d: each at its ordinary renewal"},
      {"keys.dnskey_ttl", &Settings::key_dnskey_ttl, "TTL of DNSKEY, CDS and CDNSKEY"},
      {"keys.propagation", &Settings::key_propagation, "until the slowest secondary serves a version"},
      {"keys.safety", &Settings::key_safety, "added to every wait of a roll-over"},
      {"keys.max_ttl", &Settings::key_max_ttl,
       "largest TTL that a zone may have had; a larger one that is there counts anyway"},
      {"keys.parent_propagation", &Settings::key_parent_propagation,
       "until the slowest server of the parent shows a new DS"},
      {"keys.parent_ds_ttl", &Settings::key_parent_ds_ttl, "TTL of the DS at the parent"},
      {"keys.cds", &Settings::key_cds,
       "CDS and CDNSKEY: always, roll-over (while the DS is to change) or never"},
      {"keys.ds_digests", &Settings::key_ds_digests, "digests of CDS: sha256, and sha384 or sm3 beside it"},
      {"transfer.key_file", &Settings::transfer_keys,
       "file of TSIG keys that only its owner may read, NAME ALGORITHM BASE64 a line; empty: none"},
      {"transfer.allow", &Settings::transfer_allow,
       "who may have zones, as \"192.0.2.0/24 key=transfer.example. over=tcp zone=example.\"; none: nobody"},
      {"transfer.notify", &Settings::transfer_notify,
       "secondaries that are told of new versions, as \"192.0.2.53:53 key=transfer.example.\""},
      {"transfer.notify_interval_ms", &Settings::notify_interval_ms,
       "milliseconds between two NOTIFYs of a zone to a secondary"},
      {"transfer.max", &Settings::transfer_max, "transfers at a time"},
      {"transfer.history", &Settings::transfer_history,
       "changes of a zone kept for IXFR; 0: zones are always sent whole"},
      {"transfer.history_mib", &Settings::transfer_history_mib,
       "memory for the changes of all zones; one zone takes at most a quarter of it"},
      {"log.level", &Settings::log_level, "debug, info, warning or error"},
      {"process.user", &Settings::process_user,
       "NAME or NAME:GROUP to go on as when the DNS addresses are bound; needs root; empty: no change"},
      {"jobs.threads", &Settings::job_threads, "threads for signing, checking and publishing, 1 to 256"},
      {"registry.operator", &Settings::operator_id,
       "id of the registrar that operates the registry, made at the first start"},
  };
  return table;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string value_text(const Settings& settings, const Member& member) {
  return std::visit(
      [&](auto pointer) -> std::string {
        const auto& value = settings.*pointer;
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) {
          return quoted(value);
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          return fmt::format("{}", value);
        } else if constexpr (std::is_same_v<T, bool>) {
          return value ? "true" : "false";
        } else {
          std::vector<std::string> parts;
          parts.reserve(value.size());
          for (const auto& part : value) parts.push_back(quoted(part));
          return fmt::format("[{}]", fmt::join(parts, ", "));
        }
      },
      member);
}

std::string place(const std::string& path, const toml::node& node) {
  return fmt::format("{}:{}", path, node.source().begin.line);
}

Result<void> assign(Settings& settings, const Row& row, const toml::node& node, const std::string& path) {
  const auto wrong = [&](std::string_view kind) {
    return fail(Code::bad_syntax, fmt::format("{}: {} must be {}", place(path, node), row.key, kind),
                std::string(row.key));
  };
  if (const auto* text = std::get_if<std::string Settings::*>(&row.member)) {
    const auto value = node.value_exact<std::string>();
    if (!value) return wrong("a text in quotes");
    settings.** text = *value;
  } else if (const auto* number = std::get_if<std::int64_t Settings::*>(&row.member)) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value) return wrong("a whole number");
    settings.** number = *value;
  } else if (const auto* flag = std::get_if<bool Settings::*>(&row.member)) {
    const auto value = node.value_exact<bool>();
    if (!value) return wrong("true or false");
    settings.** flag = *value;
  } else {
    const auto* array = node.as_array();
    if (array == nullptr) return wrong("a list of texts, such as [\"127.0.0.1:5300\"]");
    std::vector<std::string> values;
    for (const auto& element : *array) {
      const auto value = element.value_exact<std::string>();
      if (!value) return wrong("a list of texts, such as [\"127.0.0.1:5300\"]");
      values.push_back(*value);
    }
    settings.*std::get<std::vector<std::string> Settings::*>(row.member) = std::move(values);
  }
  return {};
}

Result<void> read_table(Settings& settings, const toml::table& table, const std::string& prefix,
                        const std::string& path) {
  for (const auto& [key, node] : table) {
    const auto full = prefix + std::string(key.str());
    if (const auto* inner = node.as_table()) {
      ONOMA_TRY_VOID(read_table(settings, *inner, full + ".", path));
      continue;
    }
    const auto row = std::find_if(rows().begin(), rows().end(), [&](const Row& r) { return r.key == full; });
    if (row == rows().end())
      return fail(Code::unknown_field,
                  fmt::format("{}: there is no setting {}; `onoma serve --print-config` shows them all",
                              place(path, node), full),
                  full);
    ONOMA_TRY_VOID(assign(settings, *row, node, path));
  }
  return {};
}

}  // namespace

Result<Settings> load_settings(const std::string& path) {
  Settings settings;
  try {
    const auto table = toml::parse_file(path);
    ONOMA_TRY_VOID(read_table(settings, table, "", path));
  } catch (const toml::parse_error& error) {
    return fail(Code::bad_syntax, fmt::format("{}:{}:{}: {}", path, error.source().begin.line,
                                              error.source().begin.column, error.description()));
  }
  ONOMA_TRY_VOID(check(settings));
  return settings;
}

Result<void> check(const Settings& settings) {
  if (settings.dns_workers < 1 || settings.dns_workers > 64)
    return fail(Code::out_of_range, "dns.workers must be 1 to 64", "dns.workers");
  if (settings.dns_tcp_connections < 1 || settings.dns_tcp_connections > 1'000'000)
    return fail(Code::out_of_range, "dns.tcp_connections must be 1 to 1000000", "dns.tcp_connections");
  if (settings.dns_tcp_per_host < 0 || settings.dns_tcp_per_network < 0)
    return fail(Code::out_of_range, "dns.tcp_per_host and dns.tcp_per_network must not be negative",
                "dns.tcp_per_host");
  if (settings.job_threads < 1 || settings.job_threads > 256)
    return fail(Code::out_of_range, "jobs.threads must be 1 to 256", "jobs.threads");
  static const std::vector<std::string> levels{"debug", "info", "warning", "error"};
  if (std::find(levels.begin(), levels.end(), settings.log_level) == levels.end())
    return fail(Code::out_of_range, "log.level must be debug, info, warning or error", "log.level");
  for (const auto* list : {&settings.dns_listen, &settings.http_listen, &settings.admin_listen})
    for (const auto& text : *list)
      if (const auto endpoint = os::Endpoint::parse(text); !endpoint)
        return std::unexpected(endpoint.error());
  if (settings.dns_listen.empty())
    return fail(Code::missing_field, "dns.listen needs at least one address", "dns.listen");
  if (settings.http_listen.empty())
    return fail(Code::missing_field, "http.listen needs at least one address", "http.listen");
  ONOMA_TRY_VOID(key_plan(settings));
  ONOMA_TRY_VOID(limit_options(settings));
  ONOMA_TRY_VOID(change_limits(settings));
  if (settings.audit_rest_s < 0 || settings.audit_rest_s > 86'400)
    return fail(Code::out_of_range, "gate.audit_rest_s must be 0 to 86400", "gate.audit_rest_s");
  if (settings.audit_margin_s < 0 || settings.audit_margin_s > 31'536'000)
    return fail(Code::out_of_range, "gate.audit_margin_s must be 0 to 31536000", "gate.audit_margin_s");
  ONOMA_TRY_VOID(statistics_options(settings));
  ONOMA_TRY_VOID(dnstap_options(settings, settings.dns_identity));
  return {};
}

std::string settings_text(const Settings& settings) {
  std::string out = "# Settings of `onoma serve`. What is left out has the value shown here.\n";
  std::string table;
  for (const auto& row : rows()) {
    const auto dot = row.key.find('.');
    const auto name = dot == std::string_view::npos ? row.key : row.key.substr(dot + 1);
    const auto mine = dot == std::string_view::npos ? std::string() : std::string(row.key.substr(0, dot));
    if (mine != table) {
      out += fmt::format("\n[{}]\n", mine);
      table = mine;
    }
    out += fmt::format("# {}\n{} = {}\n", row.meaning, name, value_text(settings, row.member));
  }
  return out;
}

std::string settings_markdown() {
  std::string out = "| setting | default | meaning |\n|---|---|---|\n";
  const Settings defaults;
  for (const auto& row : rows())
    out += fmt::format("| `{}` | `{}` | {} |\n", row.key, value_text(defaults, row.member), row.meaning);
  return out;
}

}  // namespace onoma::app
