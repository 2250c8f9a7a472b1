#include "app/held_commands.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/output.h"
#include "app/zone_tools.h"
#include "gate/limits.h"
#include "zone/diff_text.h"

namespace onoma::app {

namespace json = boost::json;

namespace {

constexpr std::size_t kReasonMax = 1000;
constexpr std::int64_t kAnnounceMax_s = 7 * 86400;
// An answer has at most 16 MiB.
constexpr std::size_t kLinesMax = 12U << 20;

Result<json::object> object_of(std::string_view request) {
  boost::system::error_code error;
  auto document = json::parse(json::string_view(request.data(), request.size()), error);
  if (error || !document.is_object()) return fail(Code::bad_syntax, "not a JSON object");
  return std::move(document.as_object());
}

Result<std::string> text_of(const json::object& request, const char* field) {
  const auto* value = request.if_contains(field);
  if (value == nullptr || !value->is_string() || value->as_string().empty())
    return fail(Code::missing_field, fmt::format("the request needs the text \"{}\"", field), field);
  if (value->as_string().size() > kReasonMax)
    return fail(Code::too_large, fmt::format("\"{}\" has more than {} octets", field, kReasonMax), field);
  return std::string(value->as_string());
}

Result<std::uint64_t> number_of(const json::object& request, const char* field, std::uint64_t most) {
  const auto* value = request.if_contains(field);
  if (value == nullptr || !value->is_number())
    return fail(Code::missing_field, fmt::format("the request needs the number \"{}\"", field), field);
  boost::system::error_code error;
  const auto number = value->to_number<std::uint64_t>(error);
  if (error || number > most)
    return fail(Code::out_of_range, fmt::format("\"{}\" must be from 0 to {}", field, most), field);
  return number;
}

Result<wire::Name> zone_of(const json::object& request) {
  ONOMA_TRY(const auto text, text_of(request, "zone"));
  return zone_name(text);
}

Result<std::uint32_t> serial_of(const json::object& request, const char* field = "serial") {
  ONOMA_TRY(const auto number, number_of(request, field, 0xffffffffU));
  return static_cast<std::uint32_t>(number);
}

Result<publish::Decision> decision_of(const json::object& request) {
  publish::Decision out;
  ONOMA_TRY(out.who, text_of(request, "who"));
  ONOMA_TRY(out.reason, text_of(request, "reason"));
  return out;
}

json::object held_json(const publish::HeldFacts& held) {
  json::object out{{"zone", held.zone.text()},
                   {"serial", held.serial},
                   {"from_serial", held.from_serial},
                   {"state", std::string(publish::text(held.kind))},
                   {"at", iso8601(held.at)},
                   {"rrsets", held.rrsets},
                   {"reason", held.reason}};
  if (held.last_event != 0) {
    out["first_event"] = held.first_event;
    out["last_event"] = held.last_event;
  }
  return out;
}

Result<json::object> list(publish::HeldStore& store, const json::object& request) {
  json::array all;
  if (request.contains("zone")) {
    ONOMA_TRY(const auto zone, zone_of(request));
    for (const auto& held : store.list(zone)) all.push_back(held_json(held));
  } else {
    for (const auto& held : store.list()) all.push_back(held_json(held));
  }
  return json::object{{"held", std::move(all)}};
}

Result<json::object> diff(publish::HeldStore& store, const json::object& request) {
  ONOMA_TRY(const auto zone, zone_of(request));
  ONOMA_TRY(const auto serial, serial_of(request));
  ONOMA_TRY(const auto held, store.read(zone, serial));
  auto out = held_json(held);
  auto lines = zone::diff_text(held.diff);
  const bool cut = lines.size() > kLinesMax;
  if (cut) lines.resize(lines.rfind('\n', kLinesMax) + 1);
  out["to_serial"] = held.serial;
  out["signed"] = !held.unsigned_diff;
  out["complete"] = !cut && (held.rrsets == 0 || !held.diff.changes.empty());
  out["lines"] = lines;
  return out;
}

}  // namespace

ControlCommands held_commands(publish::HeldStore& store, HeldActions actions, const Clock& clock) {
  const auto command = [](auto run) {
    return
        [run = std::move(run)](std::string_view request, const os::ControlProgress&) -> Result<std::string> {
          ONOMA_TRY(const auto object, object_of(request));
          ONOMA_TRY(const auto answer, run(object));
          return json::serialize(answer);
        };
  };
  ControlCommands out;
  out["held"] = command([&store](const json::object& request) { return list(store, request); });
  out["held_diff"] = command([&store](const json::object& request) { return diff(store, request); });
  out["approve"] =
      command([approve = std::move(actions.approve)](const json::object& request) -> Result<json::object> {
        ONOMA_TRY(const auto zone, zone_of(request));
        ONOMA_TRY(const auto serial, serial_of(request));
        ONOMA_TRY(const auto decision, decision_of(request));
        ONOMA_TRY(const auto shown, approve(zone, serial, decision));
        return json::object{{"zone", zone.text()}, {"approved", serial}, {"serial", shown}};
      });
  out["reject"] =
      command([reject = std::move(actions.reject)](const json::object& request) -> Result<json::object> {
        ONOMA_TRY(const auto zone, zone_of(request));
        ONOMA_TRY(const auto serial, serial_of(request));
        ONOMA_TRY(const auto decision, decision_of(request));
        ONOMA_TRY_VOID(reject(zone, serial, decision));
        return json::object{{"zone", zone.text()}, {"rejected", serial}};
      });
  out["rollback"] =
      command([back = std::move(actions.roll_back)](const json::object& request) -> Result<json::object> {
        ONOMA_TRY(const auto zone, zone_of(request));
        ONOMA_TRY(const auto serial, serial_of(request, "to"));
        ONOMA_TRY(const auto decision, decision_of(request));
        ONOMA_TRY(const auto shown, back(zone, serial, decision));
        return json::object{{"zone", zone.text()}, {"rolled_back_to", serial}, {"serial", shown}};
      });
  out["announce"] = command(
      [announce = std::move(actions.announce), &clock](const json::object& request) -> Result<json::object> {
        ONOMA_TRY(const auto zone, zone_of(request));
        ONOMA_TRY(auto decision, decision_of(request));
        zone::Announcement announcement;
        ONOMA_TRY(announcement.adds, number_of(request, "adds", ~std::uint64_t{0} >> 1U));
        ONOMA_TRY(announcement.removes, number_of(request, "removes", ~std::uint64_t{0} >> 1U));
        ONOMA_TRY(const auto seconds, number_of(request, "for_s", kAnnounceMax_s));
        const auto* apex = request.if_contains("apex");
        announcement.apex_ns = announcement.apex_keys = apex != nullptr && apex->is_bool() && apex->as_bool();
        announcement.until = clock.now() + std::chrono::seconds{seconds};
        announcement.who = std::move(decision.who);
        announcement.reason = std::move(decision.reason);
        const auto until = announcement.until;
        ONOMA_TRY_VOID(announce(zone, std::move(announcement)));
        return json::object{{"zone", zone.text()}, {"until", iso8601(until)}};
      });
  return out;
}

Result<std::shared_ptr<const zone::ChangeLimits>> change_limits(const ChangeLimitSettings& settings) {
  if (!settings.change_limits) return nullptr;
  if (settings.change_percent < 0 || settings.change_percent > 100)
    return fail(Code::out_of_range, "gate.change_percent must be from 0 to 100");
  if (settings.change_least < 0) return fail(Code::out_of_range, "gate.change_least must not be negative");
  return gate::make_limits({.percent = static_cast<double>(settings.change_percent),
                            .least = static_cast<std::uint64_t>(settings.change_least),
                            .additions = settings.change_additions,
                            .apex = settings.change_apex});
}

}  // namespace onoma::app
