// The control protocol of a running server over its Unix socket: one JSON object {"command": NAME, …} in, one
// object out, {"error", "message"} when it failed. The same commands serve `authority` and `serve`.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "app/commands.h"
#include "base/error.h"
#include "os/control_socket.h"
#include "publish/file_zones.h"

namespace onoma::app {

// JSON object text in and out. `progress` tells the client how far it has got.
using ControlCommand =
    std::function<Result<std::string>(std::string_view request, const os::ControlProgress& progress)>;
using ControlCommands = std::map<std::string, ControlCommand>;

Result<std::unique_ptr<os::ControlServer>> serve_control(const std::string& path, ControlCommands commands);

// The answer's text, or the error that it carries.
Result<std::string> control_request(const std::string& path, std::string_view request,
                                    std::chrono::milliseconds patience = std::chrono::minutes{10},
                                    const os::ControlProgress& progress = {});
// DATA/control.sock unless another path is given.
std::string control_path(const Globals& globals, const std::string& given);

// Looks at every zone again, and at the list that they came from.
using RefreshZones =
    std::function<Result<publish::FileZonesChange>(bool force, const publish::LoadProgress& progress)>;

// reload, add, remove, apply, status of zones from files. What is passed must outlive the commands.
ControlCommands file_zone_commands(publish::FileZones& zones, RefreshZones refresh);
// health of one zone or of all.
ControlCommand health_command(publish::HealthSource source);

// "3 added, 1 removed, 20 reloaded, 5 unchanged, 1 failed"
std::string text_of(const publish::FileZonesChange& change);

}  // namespace onoma::app
