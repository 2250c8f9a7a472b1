// Settings of transfers to secondaries: values only, see transfers.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace onoma::app {

// Plain values; Transfers::make() checks them.
struct TransferSettings {
  std::string transfer_keys;
  std::vector<std::string> transfer_allow, transfer_notify;
  std::int64_t notify_interval_ms = 1000;
  std::int64_t transfer_max = 64, transfer_history = 1000, transfer_history_mib = 256;
};

}  // namespace onoma::app
