// Settings of `onoma serve`: one table, from which come the TOML file's keys, --print-config and the
// documentation. Read once at the start; a plain value afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/audit.h"
#include "app/held_commands.h"
#include "app/limits.h"
#include "app/statistics_settings.h"
#include "app/transfer_settings.h"
#include "app/zone_keys.h"
#include "base/error.h"

namespace onoma::app {

struct Settings : LimitSettings,
                  StatisticsSettings,
                  ChangeLimitSettings,
                  AuditSettings,
                  KeySettings,
                  TransferSettings {
  std::string data = "onoma-data";
  std::vector<std::string> dns_listen{"127.0.0.1:5300", "[::1]:5300"};
  std::int64_t dns_workers = 1;
  std::string dns_identity;
  std::string dns_version = "onoma";
  std::int64_t dns_tcp_connections = 1024, dns_tcp_per_host = 128, dns_tcp_per_network = 512;
  std::vector<std::string> dns_tcp_exempt, dns_proxy_from, dns_xdp;
  std::vector<std::string> http_listen{"127.0.0.1:8080"};
  std::vector<std::string> admin_listen{"127.0.0.1:9153"};
  std::string log_level = "info";
  std::string process_user;
  std::int64_t job_threads = 2;
  std::string operator_id = "operator";
};

// The file's settings over the defaults. An unknown key, a value of the wrong kind or out of range is an
// error that names the key and the line.
Result<Settings> load_settings(const std::string& path);
Result<void> check(const Settings& settings);
// A complete commented TOML file with the values of `settings`.
std::string settings_text(const Settings& settings);
// Markdown table of all settings, for docs/reference.
std::string settings_markdown();

}  // namespace onoma::app
