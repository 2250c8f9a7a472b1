// Event and Outcome.
#include <fmt/format.h>

#include "model/codec.h"

namespace onoma::model {
namespace {

constexpr std::string_view kKinds[] = {"tld", "registrar", "contact", "host", "domain", "identifier"};
// A bulk command's event holds up to 1,000 objects twice.
constexpr std::size_t kMaxEventOctets = 64U << 20;
constexpr std::size_t kMaxChanges = 4'000;

void read_change(const boost::json::value& item, const std::string& path, Change& change, Problem& problem) {
  Fields fields(item, path, problem);
  fields.require("kind");
  fields.require("key");
  fields.enumeration("kind", change.kind, {kKinds[0], kKinds[1], kKinds[2], kKinds[3], kKinds[4], kKinds[5]});
  fields.text("key", change.key);
  fields.object_text("before", change.before);
  fields.object_text("after", change.after);
  fields.finish();
}

}  // namespace

std::string to_json(const Event& event) {
  JsonWriter out;
  std::size_t size = 256;
  for (const auto& change : event.changes)
    size += change.key.size() + change.before.size() + change.after.size() + 64;
  out.reserve(size);
  out.open_object();
  out.member("seq", event.seq);
  out.member("id", event.id.text());
  out.member("time", event.time);
  out.member("actor", event.actor);
  out.member("command", event.command);
  out.key("changes");
  out.open_array();
  for (const auto& change : event.changes) {
    out.open_object();
    out.member("kind", kKinds[static_cast<std::size_t>(change.kind)]);
    out.member("key", change.key);
    if (!change.before.empty()) out.key("before"), out.raw(change.before);
    if (!change.after.empty()) out.key("after"), out.raw(change.after);
    out.close_object();
  }
  out.close_array();
  out.close_object();
  return out.take();
}

Result<Event> event_from_json(std::string_view text) {
  ONOMA_TRY(auto document, JsonDocument::parse(text, kMaxEventOctets));
  Problem problem;
  Event event;
  Fields fields(document.root(), {}, problem);
  if (problem) return std::unexpected(*std::move(problem));
  for (auto name : {"seq", "id", "time", "actor", "command", "changes"}) fields.require(name);
  fields.number("seq", event.seq);
  std::string id;
  if (fields.text("id", id, 64)) {
    if (auto parsed = Id128::parse(id))
      event.id = *parsed;
    else
      fields.set_problem(Code::bad_syntax, "an event id is 32 hexadecimal digits", "id");
  }
  fields.time("time", event.time);
  fields.text("actor", event.actor, 255);
  fields.text("command", event.command, 255);
  fields.array("changes", kMaxChanges, [&](const boost::json::value& item, const std::string& path) {
    read_change(item, path, event.changes.emplace_back(), problem);
  });
  fields.finish();
  if (problem) return std::unexpected(*std::move(problem));
  return event;
}

std::string to_json(const Outcome& outcome) {
  JsonWriter out;
  out.open_object();
  out.member("seq", outcome.seq);
  out.member("event", outcome.id.text());
  out.member("committed", outcome.committed);
  out.member("revision", outcome.revision);
  if (!outcome.object.empty()) out.key("object"), out.raw(outcome.object);
  if (outcome.repeated) out.member("repeated", true);
  if (!outcome.secret.empty()) out.member("secret", outcome.secret);
  if (!outcome.notes.empty()) out.list("notes", outcome.notes);
  out.close_object();
  return out.take();
}

Result<Outcome> outcome_from_json(std::string_view text) {
  ONOMA_TRY(auto document, JsonDocument::parse(text, kMaxEventOctets));
  Problem problem;
  Outcome outcome;
  Fields fields(document.root(), {}, problem);
  if (problem) return std::unexpected(*std::move(problem));
  fields.number<std::uint64_t>("seq", outcome.seq);
  std::string id;
  if (fields.text("event", id, 64)) {
    if (auto parsed = Id128::parse(id))
      outcome.id = *parsed;
    else
      fields.set_problem(Code::bad_syntax, "an event id is 32 hexadecimal digits", "event");
  }
  fields.time("committed", outcome.committed);
  fields.number<std::uint64_t>("revision", outcome.revision);
  fields.object_text("object", outcome.object);
  fields.boolean("repeated", outcome.repeated);
  fields.text("secret", outcome.secret, 255);
  fields.texts("notes", outcome.notes, 10'000);
  fields.finish();
  if (problem) return std::unexpected(*std::move(problem));
  return outcome;
}

}  // namespace onoma::model
