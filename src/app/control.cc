#include "app/control.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/zone_tools.h"
#include "base/log.h"

namespace onoma::app {

namespace json = boost::json;

namespace {

constexpr std::size_t kPageMax = 10'000;  // zones in one answer
constexpr std::size_t kSortedMax = 10'000;

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

std::string answer(const ControlCommands& commands, std::string_view request,
                   const os::ControlProgress& progress) {
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
  const auto result = found->second(request, progress);
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
  if (status.applied) out["applied"] = true;
  if (!status.problem.empty()) out["problem"] = status.problem;
  return out;
}

json::object change_json(const publish::FileZonesChange& change) {
  json::array problems;
  for (const auto& status : change.problems) problems.push_back(status_json(status));
  return {{"added", change.added},         {"removed", change.removed}, {"reloaded", change.reloaded},
          {"unchanged", change.unchanged}, {"failed", change.failed},   {"problems", std::move(problems)}};
}

using ObjectCommand = Result<json::object> (*)(publish::FileZones& zones, const json::object& request);

Result<json::object> add_zone(publish::FileZones& zones, const json::object& request) {
  ONOMA_TRY(const auto zone, zone_field(request));
  ONOMA_TRY(const auto file, text_field(request, "file"));
  ONOMA_TRY(const auto status, zones.add(zone, file));
  return status_json(status);
}

Result<json::object> reload_zone(publish::FileZones& zones, const json::object& request) {
  ONOMA_TRY(const auto zone, zone_field(request));
  ONOMA_TRY(const auto status, zones.reload(zone, optional_text(request, "file")));
  return status_json(status);
}

bool flag(const json::object& request, const char* field) {
  const auto* value = request.if_contains(field);
  return value != nullptr && value->is_bool() && value->as_bool();
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

// Few zones come sorted and whole, many in pages: "next" of one answer is "after" of the next request.
Result<json::object> list_zones(publish::FileZones& zones, const json::object& request) {
  json::array all;
  if (request.contains("zone")) {
    ONOMA_TRY(const auto zone, zone_field(request));
    ONOMA_TRY(const auto status, zones.status(zone));
    all.push_back(status_json(status));
    return json::object{{"zones", std::move(all)}};
  }
  const auto* after = request.if_contains("after");
  std::size_t cursor = after != nullptr && after->is_number() ? after->to_number<std::size_t>() : 0;
  if (cursor == 0 && zones.size() <= kSortedMax) {
    for (const auto& status : zones.status()) all.push_back(status_json(status));
    return json::object{{"zones", std::move(all)}};
  }
  for (const auto& status : zones.page(cursor, kPageMax)) all.push_back(status_json(status));
  json::object out{{"zones", std::move(all)}, {"all", zones.size()}};
  if (cursor != 0) out["next"] = cursor;
  return out;
}

}  // namespace

ControlCommands file_zone_commands(publish::FileZones& zones, RefreshZones refresh) {
  const auto command = [&zones](ObjectCommand run) {
    return [&zones, run](std::string_view request, const os::ControlProgress&) -> Result<std::string> {
      ONOMA_TRY(const auto object, read_object(request));
      ONOMA_TRY(const auto result, run(zones, object));
      return json::serialize(result);
    };
  };
  const auto reload = [&zones, refresh = std::move(refresh)](
                          std::string_view request,
                          const os::ControlProgress& progress) -> Result<std::string> {
    ONOMA_TRY(const auto object, read_object(request));
    if (object.contains("zone")) {
      ONOMA_TRY(const auto result, reload_zone(zones, object));
      return json::serialize(result);
    }
    ONOMA_TRY(const auto change, refresh(flag(object, "force"), [&](std::size_t done, std::size_t all) {
                progress(fmt::format("{} of {} zones", done, all));
              }));
    return json::serialize(change_json(change));
  };
  return {{"add", command(add_zone)},
          {"reload", reload},
          {"remove", command(remove_zone)},
          {"apply", command(apply_change)},
          {"status", command(list_zones)}};
}

ControlCommand health_command(publish::HealthSource source) {
  return [source = std::move(source)](std::string_view request,
                                      const os::ControlProgress&) -> Result<std::string> {
    ONOMA_TRY(const auto object, read_object(request));
    if (!object.contains("zone")) return publish::health_json(source.summary());
    ONOMA_TRY(const auto zone, zone_field(object));
    const auto health = source.zone(zone);
    if (!health) return fail(Code::not_found, fmt::format("zone {} is not served here", zone.text()));
    return publish::health_json(*health);
  };
}

std::string text_of(const publish::FileZonesChange& change) {
  return fmt::format("{} added, {} removed, {} reloaded, {} unchanged, {} failed", change.added,
                     change.removed, change.reloaded, change.unchanged, change.failed);
}

std::string control_path(const Globals& globals, const std::string& given) {
  return given.empty() ? globals.data + "/control.sock" : given;
}

Result<std::unique_ptr<os::ControlServer>> serve_control(const std::string& path, ControlCommands commands) {
  return os::ControlServer::start(
      path, [commands = std::move(commands)](std::string_view request, const os::ControlProgress& progress) {
        // Libraries throw; a request that meets that must not end the server.
        try {
          return answer(commands, request, progress);
        } catch (const std::exception& problem) {
          log::error("control", problem.what());
          return error_text({Code::internal, "the request met a fault of this program", {}});
        }
      });
}

Result<std::string> control_request(const std::string& path, std::string_view request,
                                    std::chrono::milliseconds patience, const os::ControlProgress& progress) {
  ONOMA_TRY(auto text, os::control_call(path, request, patience, progress));
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
