// Routes of looking up: status, identifier text, and the resolution of identifiers at /r.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "front/rest/door.h"
#include "ident/idn.h"
#include "model/json.h"

namespace onoma::front {
namespace {

std::string list_json(const std::vector<ident::Identifier>& identifiers) {
  std::vector<std::string> out;
  out.reserve(identifiers.size());
  for (const auto& identifier : identifiers) out.push_back(identifier_text_json(identifier));
  return fmt::format("[{}]", fmt::join(out, ","));
}

void detect(Door&, Call call) {
  auto found = ident::detect(call.argument("q"));
  if (!found) return call.fail(found.error());
  call.json(200, fmt::format(R"({{"best":{},"alternatives":{}}})", identifier_text_json(found->best),
                             list_json(found->alternatives)));
}

// The apex that identifiers are published below: the one named, else the first that the registry has.
Result<wire::Name> apex_of(Door& door, const Call& call) {
  if (call.has_argument("apex")) return name_of(call.argument("apex"));
  ONOMA_TRY(auto reader, door.read());
  ONOMA_TRY(const auto tlds, reader->tlds());
  for (const auto& tld : tlds)
    if (tld.identifier_apex) return *tld.identifier_apex;
  return fail(Code::missing_field, "no zone of this registry has an identifier apex; name one with `apex`",
              "apex");
}

void map(Door& door, Call call) {
  if (call.has_argument("q") == call.has_argument("name"))
    return call.fail({Code::missing_field, "give `q`, an identifier, or `name`, a DNS name", "q"});
  auto apex = apex_of(door, call);
  std::optional<ident::Identifier> identifier;
  std::optional<wire::Name> name;
  if (call.has_argument("q")) {
    auto read = ident::parse(call.argument("q"), call.argument("scheme"));
    if (!read) return call.fail(read.error());
    const auto* scheme = ident::find_scheme(read->scheme);
    if (!apex && !(scheme && scheme->domain_anchored)) return call.fail(apex.error());
    auto mapped = ident::dns_name(*read, apex ? apex->view() : wire::NameView{});
    if (!mapped) return call.fail(mapped.error());
    identifier = *std::move(read);
    name = *std::move(mapped);
  } else {
    auto read = name_of(call.argument("name"));
    if (!read) return call.fail(read.error());
    if (!apex) return call.fail(apex.error());
    auto mapped = ident::identifier_of(*read, *apex);
    if (!mapped) return call.fail(mapped.error());
    identifier = *std::move(mapped);
    name = *std::move(read);
  }
  auto out = fmt::format(R"({{"identifier":{},"dns_name":{})", identifier_text_json(*identifier),
                         quoted(model::name_text(*name)));
  if (apex) out += fmt::format(R"(,"apex":{})", quoted(model::name_text(*apex)));
  call.json(200, out + "}");
}

// 300: the text can be several identifiers. The candidates are told, none is guessed (identifiers.md §2).
void answer_ambiguous(Call call, const std::string& text, const Error& error) {
  auto response = problem(error);
  if (const auto found = ident::detect(text)) {
    std::vector<ident::Identifier> all{found->best};
    all.insert(all.end(), found->alternatives.begin(), found->alternatives.end());
    response.body.pop_back();
    response.body += fmt::format(R"(,"candidates":{}}})", list_json(all));
  }
  call.respond(std::move(response));
}

enum class Form : std::uint8_t { json, text, redirect };

// What the client wants: ?format= first, then the most specific wish of Accept. A browser asks for HTML and
// gets sent on.
Form form_of(const Call& call) {
  const auto format = call.argument("format");
  const auto accept = call.request.header("accept");
  if (format == "json") return Form::json;
  if (format == "text") return Form::text;
  if (has_token(accept, "text/html")) return Form::redirect;
  if (has_token(accept, "text/plain")) return Form::text;
  return Form::json;
}

// A negative answer still tells what was looked at and what proves it: as text, or as a member of the
// problem.
HttpResponse negative(const Error& error, Form form, Resolved found) {
  auto response = problem(error);
  if (form == Form::json) {
    response.body.pop_back();
    response.body += fmt::format(R"(,"resolution":{}}})", found.json);
  } else {
    response.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
    response.body = std::move(found.text);
  }
  return response;
}

// A value goes into a header field only as a URI does: printable ASCII.
bool is_header_safe(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

void resolve(Door& door, Call call) {
  ResolveRequest wanted{call.path["identifier"], std::string(call.argument("scheme")),
                        call.argument("trace") == "1"};
  if (call.has_argument("format") && call.argument("format") != "json" && call.argument("format") != "text")
    return call.fail({Code::not_acceptable, "`format` is json or text", "format"});
  auto found = door.services.resolve(wanted);
  if (!found && found.error().code == Code::ambiguous)
    return answer_ambiguous(std::move(call), wanted.text, found.error());
  if (!found) return call.fail(found.error());
  const auto form = form_of(call);
  HttpResponse response;
  if (found->gone || !found->found) {
    const Error error =
        found->gone ? Error{Code::gone, fmt::format("\"{}\" was retired", wanted.text), {}}
                    : Error{Code::not_found, fmt::format("\"{}\" is not registered here", wanted.text), {}};
    response = negative(error, form, *std::move(found));
  } else if (form == Form::redirect && !found->redirect.empty() && !wanted.trace &&
             is_header_safe(found->redirect)) {
    response.status = 307;
    response.headers.emplace_back("Location", found->redirect);
  } else {
    const bool json = form == Form::json;
    response.headers.emplace_back("Content-Type", json ? "application/json" : "text/plain; charset=utf-8");
    response.body = json ? std::move(found->json) : std::move(found->text);
  }
  response.headers.emplace_back("Vary", "Accept");
  call.respond(std::move(response));
}

}  // namespace

void add_lookup_routes(Door& door) {
  auto& router = door.router;
  const Parameter scheme{"scheme", "token of the identifier's scheme; detected when absent"};
  router.add({"GET",
              "/v1/status",
              "How the server is",
              Access::anybody,
              [&door](Call call) { call.json(200, door.services.status_json()); },
              {},
              "",
              "Status"});
  router.add({"GET",
              "/v1/ident/detect",
              "What kind of identifier a text is",
              Access::anybody,
              [&door](Call call) { detect(door, std::move(call)); },
              {{"q", "the text"}},
              "",
              "Detection"});
  router.add(
      {"GET",
       "/v1/ident/map",
       "The DNS name of an identifier, or the identifier behind a DNS name",
       Access::anybody,
       [&door](Call call) { map(door, std::move(call)); },
       {{"q", "an identifier"}, {"name", "a DNS name"}, {"apex", "the identifier service's apex"}, scheme},
       "",
       "Mapping"});
  router.add({"GET",
              "/r/{identifier+}",
              "Resolve an identifier or a name",
              Access::anybody,
              [&door](Call call) { resolve(door, std::move(call)); },
              {scheme, {"format", "json or text; else what Accept says"}, {"trace", "1: with every step"}},
              "",
              "Resolution",
              "application/json",
              {200, 300, 307}});
}

}  // namespace onoma::front
