#include "app/transfers.h"

#include <algorithm>
#include <limits>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace onoma::app {

namespace {

constexpr std::int64_t kIntervalMax = 86'400'000;
constexpr std::int64_t kTransfersMax = 10'000;
constexpr std::int64_t kVersionsMax = 1'000'000;
constexpr std::int64_t kMibMax = 1'048'576;

Result<void> in_range(std::string_view key, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value >= least && value <= most) return {};
  return fail(Code::out_of_range, fmt::format("{} must be {} to {}", key, least, most), std::string(key));
}

transfer::ServedZone served(const serve::ZoneTable& table, const wire::Name& apex) {
  using Status = transfer::ServedZone::Status;
  auto state = table.state(apex);
  if (!state) return {};
  if (state->status != serve::ZoneStatus::loaded)
    return {.status = Status::not_loaded, .snapshot = nullptr, .expires_in_s = {}};
  return {.status = Status::loaded, .snapshot = std::move(state->snapshot), .expires_in_s = {}};
}

}  // namespace

void add_transfer_options(CLI::App& command, TransferSettings& settings) {
  command.add_option("--tsig-key-file", settings.transfer_keys,
                     "file of TSIG keys that only its owner may read; a line is NAME ALGORITHM BASE64");
  command.add_option(
      "--transfer", settings.transfer_allow,
      "who may have zones: \"ADDRESS[/BITS] [key=NAME] [over=tcp|udp|tls] [zone=NAME,…]\"; may be "
      "repeated; else nobody");
  command.add_option("--notify", settings.transfer_notify,
                     "secondary that is told of new versions: \"ADDRESS[:PORT] [key=NAME] [zone=NAME,…] "
                     "[from=ADDRESS]\"; may be repeated");
  command
      .add_option("--notify-interval", settings.notify_interval_ms,
                  "milliseconds between two NOTIFYs of a zone to a secondary")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{0}, kIntervalMax));
  command.add_option("--transfers-max", settings.transfer_max, "transfers at a time")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, kTransfersMax));
  command
      .add_option("--transfer-history", settings.transfer_history,
                  "changes of a zone kept for IXFR; 0: zones are always sent whole")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{0}, kVersionsMax));
  command
      .add_option("--transfer-history-mib", settings.transfer_history_mib,
                  "memory for the changes of all zones; one zone takes at most a quarter of it")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, kMibMax));
}

Result<std::unique_ptr<Transfers>> Transfers::make(const TransferSettings& settings,
                                                   const serve::ZoneTable& table, const Clock& clock,
                                                   bool always) {
  ONOMA_TRY_VOID(in_range("transfer.notify_interval_ms", settings.notify_interval_ms, 0, kIntervalMax));
  ONOMA_TRY_VOID(in_range("transfer.max", settings.transfer_max, 1, kTransfersMax));
  ONOMA_TRY_VOID(in_range("transfer.history", settings.transfer_history, 0, kVersionsMax));
  ONOMA_TRY_VOID(in_range("transfer.history_mib", settings.transfer_history_mib, 1, kMibMax));
  std::unique_ptr<Transfers> out(new Transfers(table, clock));
  transfer::ServiceOptions options;
  if (!settings.transfer_keys.empty()) {
    ONOMA_TRY(options.keys, transfer::KeyRing::load(settings.transfer_keys));
  }
  ONOMA_TRY(options.allow, transfer::AccessList::parse(settings.transfer_allow, options.keys));
  for (const auto& text : settings.transfer_notify) {
    ONOMA_TRY(auto destination, transfer::NotifyDestination::parse(text, options.keys));
    out->destinations_.push_back(std::move(destination));
  }
  out->times_.interval = std::chrono::milliseconds{settings.notify_interval_ms};
  if (options.keys.empty() && options.allow.empty() && !always) return out;
  const auto octets = static_cast<std::size_t>(settings.transfer_history_mib) << 20;
  options.history.versions = options.allow.empty() ? 0 : static_cast<std::size_t>(settings.transfer_history);
  options.history.octets_total = octets;
  options.history.octets = octets / 4;
  options.transfers_max = static_cast<std::size_t>(settings.transfer_max);
  out->service_ = std::make_unique<transfer::Service>(
      std::move(options),
      [self = out.get()](const wire::Name& apex) {
        auto zone = served(self->table_, apex);
        if (const auto until = self->expiry_ ? self->expiry_(apex) : std::nullopt)
          zone.expires_in_s = static_cast<std::uint32_t>(
              std::clamp<std::int64_t>(unix_seconds(*until) - unix_seconds(self->clock_.now()), 0,
                                       std::numeric_limits<std::uint32_t>::max()));
        return zone;
      },
      clock);
  return out;
}

Transfers::~Transfers() {
  stop();
}

void Transfers::shown(const zone::Version& version, const zone::SnapshotPtr& snapshot) {
  if (service_) service_->shown(version.zone, version.diff);
  if (auto* sender = sender_.load()) sender->shown(version.zone, *snapshot);
}

Result<void> Transfers::start() {
  if (destinations_.empty()) return {};
  ONOMA_TRY(owned_sender_, transfer::NotifySender::start(destinations_, times_, clock_, rng_));
  sender_.store(owned_sender_.get());
  for (const auto& zone : table_.zones())
    if (const auto snapshot = table_.snapshot(zone)) owned_sender_->shown(zone, *snapshot);
  return {};
}

// The sender stays, silent, for whoever still shows a version.
void Transfers::stop() {
  if (owned_sender_) owned_sender_->stop();
}

}  // namespace onoma::app
