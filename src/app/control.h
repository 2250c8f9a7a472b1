// The control protocol of a running server over its Unix socket: one JSON object {"command": NAME, …} in, one
// object out, {"error", "message"} when it failed. The same commands serve `authority` and `serve`.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "os/control_socket.h"
#include "publish/file_zones.h"

namespace onoma::app {

// JSON object text in and out.
using ControlCommand = std::function<Result<std::string>(std::string_view request)>;
using ControlCommands = std::map<std::string, ControlCommand>;

Result<std::unique_ptr<os::ControlServer>> serve_control(const std::string& path, ControlCommands commands);

// The answer's text, or the error that it carries.
Result<std::string> control_request(const std::string& path, std::string_view request);

// reload, add, remove, apply, status of zones from files. `zones` must outlive the commands.
ControlCommands file_zone_commands(publish::FileZones& zones);

}  // namespace onoma::app
