// Writes, and what the routes share.
#include "front/rest/door.h"

#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "ident/idn.h"
#include "model/json.h"

namespace onoma::front {
namespace {

// `"5"` → 5; `*`: any revision. A weak tag never fits a write (RFC 9110 §13.1.1).
Result<std::optional<std::uint64_t>> revision_of(std::string_view field) {
  if (field.empty() || field == "*") return std::optional<std::uint64_t>{};
  std::uint64_t revision = 0;
  if (field.size() > 2 && field.front() == '"' && field.back() == '"') {
    const auto* end = field.data() + field.size() - 1;
    const auto [at, error] = std::from_chars(field.data() + 1, end, revision);
    if (error == std::errc{} && at == end) return std::optional<std::uint64_t>(revision);
  }
  return fail(Code::revision_conflict,
              fmt::format("If-Match is {}; this server's tags look like \"3\"", field));
}

HttpResponse outcome_response(const model::Outcome& outcome, const std::string& location) {
  HttpResponse response{.status = location.empty() ? 200 : 201};
  auto& headers = response.headers;
  headers.emplace_back("Content-Type", "application/json");
  headers.emplace_back("Cache-Control", "no-store");
  if (outcome.seq != 0) {
    headers.emplace_back("Onoma-Event", outcome.id.text());
    headers.emplace_back("Onoma-Seq", std::to_string(outcome.seq));
  }
  if (!outcome.object.empty()) headers.emplace_back("ETag", fmt::format("\"{}\"", outcome.revision));
  if (!location.empty()) headers.emplace_back("Location", location);
  response.body = model::to_json(outcome);
  return response;
}

}  // namespace

void Door::write(Call call, std::string_view command_name, std::string_view key, Location location) {
  auto command = model::command_from_json(command_name, key, call.request.body);
  if (!command) return call.fail(command.error());
  write(std::move(call), *std::move(command), std::move(location));
}

void Door::write(Call call, model::Command command, Location location) {
  const auto wait = call.argument("wait");
  if (call.has_argument("wait") && wait != "visible")
    return call.fail({Code::bad_syntax, "`wait` is \"visible\" or absent", "wait"});
  const auto key = call.request.header("idempotency-key");
  if (key.size() > 128)
    return call.fail({Code::out_of_range, "an Idempotency-Key has at most 128 octets", {}});
  auto revision = revision_of(call.request.header("if-match"));
  if (!revision) return call.fail(revision.error());

  model::Context context;
  context.id = Id128::make(services.clock.now(), services.rng);
  context.actor = call.caller->id;
  context.client_id = std::string(call.request.header("onoma-client-id").substr(0, 64));
  context.idempotency_key = std::string(key);
  context.request_digest =
      hex(crypto::sha256(as_bytes(call.request.method + " " + call.request.path + "\n" + call.request.body)));
  context.expected_revision = *revision;

  const bool waits = wait == "visible" || has_token(call.request.header("prefer"), "wait=visible");
  const bool concerns_tokens = std::holds_alternative<model::RegistrarUpdate>(command) ||
                               std::holds_alternative<model::RegistrarDelete>(command);
  auto done = [this, waits, concerns_tokens, location = std::move(location),
               respond = std::move(call.respond)](Result<model::Outcome> result) mutable {
    if (concerns_tokens) tokens.forget();
    if (!result) return respond(problem(result.error()));
    auto response = outcome_response(*result, location ? location(*result) : std::string{});
    if (!waits || result->seq == 0) return respond(std::move(response));
    when_shown(result->seq,
               [response = std::move(response), respond = std::move(respond)](const Shown& shown) mutable {
                 response.body = shown.added_to(std::move(response.body));
                 response.headers.emplace_back("Onoma-Visibility", shown.visibility);
                 respond(std::move(response));
               });
  };
  services.commands.submit(std::move(command), std::move(context), std::move(done));
}

Result<wire::Name> name_of(std::string_view text) {
  ONOMA_TRY(auto name, ident::idn_lookup(text));
  return std::move(name.ascii);
}

void answer_object(Call call, std::uint64_t revision, std::string json) {
  const auto tag = fmt::format("\"{}\"", revision);
  HttpResponse response;
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Cache-Control", "no-cache");
  response.headers.emplace_back("Vary", "Authorization");
  const auto known = call.request.header("if-none-match");
  if (known == "*" || has_token(known, tag) || has_token(known, "W/" + tag)) {
    response.status = 304;
    return call.respond(std::move(response));
  }
  response.headers.emplace_back("Content-Type", "application/json");
  response.body = std::move(json);
  call.respond(std::move(response));
}

Result<std::size_t> limit_of(const Call& call) {
  if (!call.has_argument("limit")) return std::size_t{100};
  const auto text = call.argument("limit");
  std::size_t limit = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc{} || at != text.data() + text.size() || limit < 1 || limit > 1000)
    return fail(Code::out_of_range, "`limit` is a number from 1 to 1000", "limit");
  return limit;
}

std::string identifier_text_json(const ident::Identifier& identifier) {
  std::vector<std::string> parts, warnings;
  std::map<std::string, std::string> by_name;  // a name may occur more than once; a JSON object has each once
  for (const auto& [name, value] : identifier.parts) {
    auto& text = by_name[name];
    if (!text.empty()) text += " ";
    text += value;
  }
  for (const auto& [name, value] : by_name) parts.push_back(quoted(name) + ":" + quoted(value));
  for (const auto& warning : identifier.warnings) warnings.push_back(quoted(warning));
  return fmt::format(
      R"({{"scheme":{},"canonical":{},"display":{},"prefix":{},"suffix":{},"is_prefix":{},"parts":{{{}}},"warnings":[{}]}})",
      quoted(identifier.scheme), quoted(identifier.canonical), quoted(identifier.display),
      quoted(identifier.prefix), quoted(identifier.suffix), identifier.is_prefix, fmt::join(parts, ","),
      fmt::join(warnings, ","));
}

}  // namespace onoma::front
