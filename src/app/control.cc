#include "app/control.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/zone_tools.h"
#include "base/log.h"

namespace onoma::app {

namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds kPatience{600'000};

std::string error_text(const Error& error) {
  return json::serialize(
      json::object{{"error", std::string(facts(error.code).name)}, {"message", error.message}});
}

std::optional<Code> code_of(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Code::internal); ++i)
    if (facts(static_cast<Code>(i)).name == name) return static_cast<Code>(i);
  return std::nullopt;
}

Result<json::object> read_object(std::string_view text) {
  boost::system::error_code error;
  auto document = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !document.is_object()) return fail(Code::bad_syntax, "not a JSON object");
  return std::move(document.as_object());
}

std::string answer(const ControlCommands& commands, std::string_view request) {
  const auto object = read_object(request);
  if (!object) return error_text(object.error());
  const auto* name = object->if_contains("command");
  const auto found =
      name != nullptr && name->is_string() ? commands.find(std::string(name->as_string())) : commands.end();
  if (found == commands.end()) {
    std::string known;
    for (const auto& [key, command] : commands) known += (known.empty() ? "" : ", ") + key;
    return error_text({Code::bad_request, "this server has no such command; it has " + known, {}});
  }
  const auto result = found->second(request);
  return result ? *result : error_text(result.error());
}

Result<std::string> text_field(const json::object& request, const char* field) {
  const auto* value = request.if_contains(field);
  if (value == nullptr || !value->is_string())
    return fail(Code::missing_field, fmt::format("the request needs the text \"{}\"", field), field);
  return std::string(value->as_string());
}

std::string optional_text(const json::object& request, const char* field) {
  return text_field(request, field).value_or(std::string());
}

Result<wire::Name> zone_field(const json::object& request) {
  ONOMA_TRY(const auto text, text_field(request, "zone"));
  return zone_name(text);
}

}  // namespace

namespace {

json::object status_json(const publish::FileZoneStatus& status) {
  json::object out{{"zone", status.zone.text()},
                   {"file", status.file},
                   {"serial", status.serial},
                   {"names", status.names},
                   {"records", status.records}};
  if (status.earliest_expiry != 0)
    out["earliest_expiry"] = iso8601(from_unix_seconds(status.earliest_expiry));
  if (!status.problem.empty()) out["problem"] = status.problem;
  return out;
}

using ObjectCommand = Result<json::object> (*)(publish::FileZones& zones, const json::object& request);

Result<json::object> add_zone(publish::FileZones& zones, const json::object& request) {
  ONOMA_TRY(const auto zone, zone_field(request));
  ONOMA_TRY(const auto file, text_field(request, "file"));
  ONOMA_TRY(const auto status, zones.add(zone, file));
  return status_json(status);
}

Result<json::object> reload_zone(publish::FileZones& zones, const json::object& request) {
  if (request.contains("zone")) {
    ONOMA_TRY(const auto zone, zone_field(request));
    ONOMA_TRY(const auto status, zones.reload(zone, optional_text(request, "file")));
    return status_json(status);
  }
  json::array all;
  for (const auto& zone : zones.zones()) {
    const auto status = zones.reload(zone);
    if (status)
      all.push_back(status_json(*status));
    else
      all.push_back(json::object{{"zone", zone.text()}, {"problem", status.error().message}});
  }
  return json::object{{"zones", std::move(all)}};
}

Result<json::object> remove_zone(publish::FileZones& zones, const json::object& request) {
  ONOMA_TRY(const auto zone, zone_field(request));
  ONOMA_TRY_VOID(zones.remove(zone));
  return json::object{{"zone", zone.text()}, {"removed", true}};
}

Result<json::object> apply_change(publish::FileZones& zones, const json::object& request) {
  ONOMA_TRY(const auto zone, zone_field(request));
  ONOMA_TRY(const auto lines, text_field(request, "lines"));
  ONOMA_TRY(const auto status, zones.apply(zone, lines));
  return status_json(status);
}

Result<json::object> list_zones(publish::FileZones& zones, const json::object&) {
  json::array all;
  for (const auto& status : zones.status()) all.push_back(status_json(status));
  return json::object{{"zones", std::move(all)}};
}

}  // namespace

ControlCommands file_zone_commands(publish::FileZones& zones) {
  const auto command = [&zones](ObjectCommand run) {
    return [&zones, run](std::string_view request) -> Result<std::string> {
      ONOMA_TRY(const auto object, read_object(request));
      ONOMA_TRY(const auto result, run(zones, object));
      return json::serialize(result);
    };
  };
  return {{"add", command(add_zone)},
          {"reload", command(reload_zone)},
          {"remove", command(remove_zone)},
          {"apply", command(apply_change)},
          {"status", command(list_zones)}};
}

Result<std::unique_ptr<os::ControlServer>> serve_control(const std::string& path, ControlCommands commands) {
  return os::ControlServer::start(
      path, [commands = std::move(commands)](std::string_view request, const os::ControlProgress&) {
        // Libraries throw; a request that meets that must not end the server.
        try {
          return answer(commands, request);
        } catch (const std::exception& problem) {
          log::error("control", problem.what());
          return error_text({Code::internal, "the request met a fault of this program", {}});
        }
      });
}

Result<std::string> control_request(const std::string& path, std::string_view request) {
  ONOMA_TRY(auto text, os::control_call(path, request, kPatience));
  const auto object = read_object(text);
  if (!object) return fail(Code::internal, "the server's answer is not a JSON object");
  if (const auto* error = object->if_contains("error"); error != nullptr && error->is_string()) {
    const auto* message = object->if_contains("message");
    return fail(code_of(std::string_view(error->as_string())).value_or(Code::internal),
                message != nullptr && message->is_string() ? std::string(message->as_string()) : text);
  }
  return text;
}

}  // namespace onoma::app
