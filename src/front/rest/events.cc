// Routes of events: what changed, in order, and where each change was published.
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "front/rest/door.h"
#include "model/json.h"

namespace onoma::front {
namespace {

// An event holds whole objects, values for few eyes among them: an operator sees all, a registrar what it did
// itself.
bool may_see(const Call& call, const model::Event& event) {
  return call.may_see(event.actor);
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || at != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string with_published(const Door& door, const model::Event& event) {
  auto json = model::to_json(event);
  const auto published = door.published_json(event);
  if (published.empty()) return json;
  json.pop_back();
  return json + fmt::format(R"(,"published":{}}})", published);
}

void list_events(Door& door, Call call) {
  auto limit = limit_of(call);
  if (!limit) return call.fail(limit.error());
  std::uint64_t after = 0;
  if (call.has_argument("after")) {
    const auto number = number_of(call.argument("after"));
    if (!number) return call.fail({Code::bad_syntax, "`after` is the seq of an event", "after"});
    after = *number;
  }
  auto reader = door.read();
  if (!reader) return call.fail(reader.error());
  auto events = (*reader)->events_after(after, *limit);
  if (!events) return call.fail(events.error());
  std::vector<std::string> items;
  for (const auto& event : *events) {
    after = event.seq;
    if (may_see(call, event)) items.push_back(with_published(door, event));
  }
  auto out = fmt::format(R"({{"items":[{}],"last":{},"newest":{})", fmt::join(items, ","), after,
                         (*reader)->last_seq());
  if (events->size() == *limit)
    out += fmt::format(R"(,"next":{})", quoted(fmt::format("/v1/events?after={}&limit={}", after, *limit)));
  call.json(200, out + "}");
}

void get_event(Door& door, Call call) {
  const auto& key = call.path["event"];
  auto reader = door.read();
  if (!reader) return call.fail(reader.error());
  // 32 hex digits are an id, also when all of them are decimal; a seq has at most 20.
  const auto id = Id128::parse(key);
  const auto seq = number_of(key);
  if (!id && !seq)
    return call.fail({Code::bad_syntax, "an event is named by its seq or its id of 32 hex digits", "event"});
  auto found = id ? (*reader)->event_by_id(*id) : (*reader)->event(*seq);
  if (!found) return call.fail(found.error());
  if (!*found) return call.fail({Code::not_found, fmt::format("there is no event {}", key), {}});
  if (!may_see(call, **found))
    return call.fail({Code::forbidden, "an event is shown to who caused it and to operators only", {}});
  if (!call.has_argument("wait")) return call.json(200, with_published(door, **found));
  if (call.argument("wait") != "visible")
    return call.fail({Code::bad_syntax, "`wait` is \"visible\" or absent", "wait"});
  const auto& event = **found;
  door.when_shown(event.seq,
                  [json = model::to_json(event), call = std::move(call)](const Door::Shown& shown) mutable {
                    call.json(200, shown.added_to(std::move(json)));
                  });
}

}  // namespace

void add_event_routes(Door& door) {
  auto& router = door.router;
  router.add({"GET",
              "/v1/events",
              "Changes in order: an operator sees all, a registrar its own",
              Access::token,
              [&door](Call call) { list_events(door, std::move(call)); },
              {{"after", "seq of the last event seen"}, kLimit},
              "",
              "EventList"});
  router.add({"GET",
              "/v1/events/{event}",
              "One event by seq or id, and where it was published",
              Access::token,
              [&door](Call call) { get_event(door, std::move(call)); },
              {kWait},
              "",
              "Event"});
}

}  // namespace onoma::front
