// Where an event became visible.
#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "front/rest/door.h"
#include "model/json.h"

namespace onoma::front {
namespace {

// Longer waits are the client's: it asks again.
constexpr Duration kWaitMax = std::chrono::seconds{5};

std::string to_text(Time time) {
  return quoted(iso8601(time));
}

// One more member at the end of an object.
std::string with_member(std::string json, std::string_view name, std::string_view value) {
  json.pop_back();
  return json + fmt::format(R"(,"{}":{}}})", name, value);
}

std::string trace_json(const publish::VersionTrace& trace, Time committed) {
  auto out =
      fmt::format(R"({{"zone":{},"serial":{},"first_event":{},"last_event":{},"changes":{},"replayed":{})",
                  quoted(model::name_text(trace.zone)), trace.serial, trace.first_event, trace.last_event,
                  trace.changes, trace.replayed);
  if (!trace.replayed) {
    const auto after = std::max(Duration{}, trace.shown - committed);
    out += fmt::format(
        R"(,"collected":{},"signed":{},"checked":{},"durable":{},"visible":{},"visible_after_us":{})",
        to_text(trace.collected), to_text(trace.signed_at), to_text(trace.checked), to_text(trace.durable),
        to_text(trace.shown), after.count());
  }
  return out + "}";
}

// A version of a zone carries a run of events, those that concern other zones among them. Which zones did
// this change concern?
bool concerns(const model::Change& change, const wire::Name& zone) {
  using model::ObjectKind;
  if (change.kind == ObjectKind::registrar || change.kind == ObjectKind::contact) return false;
  if (change.kind == ObjectKind::tld || change.kind == ObjectKind::host) {
    const auto name = wire::Name::parse(change.key);
    return name && (change.kind == ObjectKind::tld ? *name == zone : name->is_at_or_below(zone));
  }
  const auto tld = wire::Name::parse(text_member(change.after.empty() ? change.before : change.after, "tld"));
  return tld && *tld == zone;
}

std::vector<publish::ZoneStatus> concerned_zones(std::vector<publish::ZoneStatus> zones,
                                                 const model::Event& event) {
  std::erase_if(zones, [&](const auto& zone) {
    return std::ranges::none_of(event.changes,
                                [&](const auto& change) { return concerns(change, zone.zone); });
  });
  return zones;
}

std::optional<model::Event> event_of(model::ReaderSource& readers, std::uint64_t seq) {
  auto reader = readers.open();
  if (!reader) return std::nullopt;
  auto event = (*reader)->event(seq);
  return event ? *std::move(event) : std::nullopt;
}

// Zones that could not show the event, and why.
std::string held_json(const std::vector<publish::ZoneStatus>& zones, std::uint64_t event) {
  using State = publish::Sequencer::State;
  std::vector<std::string> out;
  for (const auto& zone : zones)
    if ((zone.state == State::held || zone.state == State::failing) && zone.last_event < event)
      out.push_back(fmt::format(R"({{"zone":{},"reason":{}}})", quoted(model::name_text(zone.zone)),
                                quoted(zone.reason)));
  return out.empty() ? std::string{} : fmt::format("[{}]", fmt::join(out, ","));
}

}  // namespace

void Door::when_shown(std::uint64_t event, std::move_only_function<void(Shown)> then) {
  waiters.add(event, kWaitMax, [this, event, then = std::move(then)](bool worked_through) mutable {
    Shown shown;
    if (const auto read = event_of(services.readers, event)) {
      shown.published = published_json(*read);
      shown.held = held_json(concerned_zones(services.zones(), *read), event);
    }
    shown.visibility = !worked_through            ? "pending"
                       : !shown.published.empty() ? "visible"
                       : !shown.held.empty()      ? "held"
                                                  : "unchanged";
    then(std::move(shown));
  });
}

std::string Door::Shown::added_to(std::string json) const {
  json = with_member(std::move(json), "visibility", quoted(visibility));
  if (!published.empty()) json = with_member(std::move(json), "published", published);
  if (!held.empty()) json = with_member(std::move(json), "held", held);
  return json;
}

std::string Door::published_json(const model::Event& event) const {
  std::vector<std::string> out;
  for (const auto& zone : concerned_zones(services.zones(), event))
    if (const auto trace = services.trace_of(zone.zone, event.seq))
      out.push_back(trace_json(*trace, event.time));
  return out.empty() ? std::string{} : fmt::format("[{}]", fmt::join(out, ","));
}

std::string text_member(std::string_view json, std::string_view name) {
  const auto mark = fmt::format("\"{}\":\"", name);
  const auto at = json.find(mark);
  if (at == std::string_view::npos) return {};
  const auto begin = at + mark.size();
  return std::string(json.substr(begin, json.find('"', begin) - begin));
}

}  // namespace onoma::front
