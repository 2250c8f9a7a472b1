// What `serve` and `authority` offer for versions that wait for a person, over the control socket: held,
// held_diff, approve, reject, rollback, announce.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "app/control.h"
#include "publish/held.h"
#include "zone/change_limits.h"

namespace onoma::app {

// How the server carries it out. The serial that came of it is returned.
struct HeldActions {
  std::function<Result<std::uint32_t>(const wire::Name&, std::uint32_t, const publish::Decision&)> approve;
  std::function<Result<void>(const wire::Name&, std::uint32_t, const publish::Decision&)> reject;
  std::function<Result<std::uint32_t>(const wire::Name&, std::uint32_t, const publish::Decision&)> roll_back;
  std::function<Result<void>(const wire::Name&, zone::Announcement)> announce;
};

// The store and the clock must outlive the commands.
ControlCommands held_commands(publish::HeldStore& store, HeldActions actions, const Clock& clock);

// Settings of the limits on change, as `serve` and `authority` take them.
struct ChangeLimitSettings {
  bool change_limits = true;
  std::int64_t change_percent = 1, change_least = 50;
  bool change_additions = false, change_apex = true;
};
// Null: off.
Result<std::shared_ptr<const zone::ChangeLimits>> change_limits(const ChangeLimitSettings& settings);

}  // namespace onoma::app
