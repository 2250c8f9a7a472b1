#include "front/rest/router.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "front/rest/problem.h"
#include "front/rest/schemas.h"

namespace onoma::front {
namespace {

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> out;
  if (!path.empty()) path.remove_prefix(1);
  while (true) {
    const auto end = path.find('/');
    out.push_back(path.substr(0, end));
    if (end == std::string_view::npos) return out;
    path.remove_prefix(end + 1);
  }
}

bool is_variable(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{';
}
bool takes_rest(std::string_view segment) {
  return is_variable(segment) && segment.ends_with("+}");
}
std::string variable_name(std::string_view segment) {
  return std::string(segment.substr(1, segment.size() - (takes_rest(segment) ? 3 : 2)));
}

// The still encoded values of the pattern's variables, or nothing when the path does not fit.
std::optional<std::map<std::string, std::string>> match(std::string_view pattern, std::string_view path) {
  const auto wanted = segments(pattern), given = segments(path);
  std::map<std::string, std::string> out;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (i >= given.size()) return std::nullopt;
    if (takes_rest(wanted[i])) {
      const auto rest = path.substr(static_cast<std::size_t>(given[i].data() - path.data()));
      if (rest.empty()) return std::nullopt;
      out.emplace(variable_name(wanted[i]), rest);
      return out;
    }
    if (is_variable(wanted[i])) {
      if (given[i].empty()) return std::nullopt;
      out.emplace(variable_name(wanted[i]), given[i]);
    } else if (wanted[i] != given[i]) {
      return std::nullopt;
    }
  }
  if (wanted.size() != given.size()) return std::nullopt;
  return out;
}

std::string template_of(std::string_view path) {
  std::string out(path);
  if (out.ends_with("+}")) out.erase(out.size() - 2, 1);
  return out;
}

std::string reference(std::string_view schema) {
  return fmt::format(R"({{"$ref":"#/components/schemas/{}"}})", schema);
}

std::string parameters_of(const Route& route) {
  std::vector<std::string> out;
  for (const auto segment : segments(route.path))
    if (is_variable(segment))
      out.push_back(fmt::format(R"({{"name":{},"in":"path","required":true,"schema":{{"type":"string"}}}})",
                                quoted(variable_name(segment))));
  for (const auto& one : route.query)
    out.push_back(fmt::format(R"({{"name":{},"in":"query","description":{},"schema":{{"type":"string"}}}})",
                              quoted(one.name), quoted(one.description)));
  return fmt::format("{}", fmt::join(out, ","));
}

std::string operation_of(const Route& route) {
  auto out = fmt::format(R"({{"summary":{},"parameters":[{}])", quoted(route.summary), parameters_of(route));
  if (route.access != Access::anybody) out += R"(,"security":[{"token":[]}])";
  if (!route.request.empty())
    out +=
        fmt::format(R"(,"requestBody":{{"required":true,"content":{{"application/json":{{"schema":{}}}}}}})",
                    reference(route.request));
  std::vector<std::string> responses;
  for (const int status : route.statuses) {
    if (status >= 300 || route.response.empty()) {
      responses.push_back(
          status < 300
              ? fmt::format(R"("{}":{{"description":"done","content":{{"{}":{{}}}}}})", status, route.media)
              : fmt::format(R"("{}":{{"description":"see the header fields"}})", status));
    } else {
      responses.push_back(fmt::format(R"("{}":{{"description":"done","content":{{"{}":{{"schema":{}}}}}}})",
                                      status, route.media, reference(route.response)));
    }
  }
  responses.push_back(
      R"("default":{"description":"refused","content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}})");
  return out + fmt::format(R"(,"responses":{{{}}}}})", fmt::join(responses, ","));
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

}  // namespace

std::string_view Call::argument(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return {};
}

bool Call::has_argument(std::string_view name) const {
  return std::ranges::any_of(query, [&](const auto& pair) { return pair.first == name; });
}

void Call::fail(const Error& error) {
  respond(problem(error));
}

void Call::json(int status, std::string body) {
  HttpResponse response{.status = status};
  response.headers.emplace_back("Content-Type", "application/json");
  response.body = std::move(body);
  respond(std::move(response));
}

void Router::add(Route route) {
  routes_.push_back(std::move(route));
}

const Route* Router::find(const HttpRequest& request, std::vector<std::string_view>& allowed,
                          std::map<std::string, std::string>& path, std::optional<Error>& problem) const {
  const std::string_view method =
      request.method == "HEAD" ? std::string_view{"GET"} : std::string_view{request.method};
  for (const auto& route : routes_) {
    auto found = match(route.path, request.path);
    if (!found) continue;
    if (route.method != method) {
      allowed.push_back(route.method);
      continue;
    }
    for (auto& [name, value] : *found) {
      auto decoded = percent_decode(value);
      if (!decoded || decoded->find('\0') != std::string::npos) {
        problem = Error{Code::bad_syntax,
                        fmt::format("\"{}\" in the path is not percent-encoded UTF-8", value), name};
        return nullptr;
      }
      path[name] = *std::move(decoded);
    }
    return &route;
  }
  return nullptr;
}

Result<std::optional<model::Registrar>> Router::caller_of(const HttpRequest& request) const {
  const auto field = request.header("authorization");
  if (field.empty()) return std::optional<model::Registrar>{};
  if (field.size() < 8 || lower(field.substr(0, 7)) != "bearer ")
    return fail(Code::unauthenticated, "send the token as \"Authorization: Bearer TOKEN\"");
  ONOMA_TRY(auto caller, authenticate_(field.substr(7)));
  return std::optional<model::Registrar>(std::move(caller));
}

void Router::handle(HttpRequest request, Respond respond) const {
  std::vector<std::string_view> allowed;
  std::map<std::string, std::string> path;
  std::optional<Error> wrong;
  const auto* route = find(request, allowed, path, wrong);
  if (wrong) return respond(problem(*wrong));
  if (!route && !allowed.empty()) {
    auto response = problem(
        {Code::method_not_allowed, fmt::format("{} does not do {}", request.path, request.method), {}});
    if (std::ranges::find(allowed, "GET") != allowed.end()) allowed.push_back("HEAD");
    response.headers.emplace_back("Allow", fmt::format("{}", fmt::join(allowed, ", ")));
    return respond(std::move(response));
  }
  if (!route)
    return respond(problem(
        {Code::not_found, fmt::format("there is nothing at {}; see /v1/openapi.json", request.path), {}}));
  auto query = parse_query(request.query);
  if (!query) return respond(problem(query.error()));
  for (const auto& [name, value] : *query) {
    const auto known = [&](const Parameter& one) { return one.name == name; };
    if (std::ranges::none_of(route->query, known))
      return respond(
          problem({Code::unknown_field, fmt::format("there is no query parameter \"{}\" here", name), name}));
  }
  auto caller = caller_of(request);
  if (!caller) return respond(problem(caller.error()));
  if (route->access != Access::anybody && !*caller)
    return respond(
        problem({Code::unauthenticated, "this needs a token: \"Authorization: Bearer TOKEN\"", {}}));
  if (route->access == Access::operator_ && (*caller)->role != model::Role::operator_)
    return respond(problem({Code::forbidden, "only an operator may do this", {}}));
  route->handler(
      Call{std::move(request), std::move(path), *std::move(query), *std::move(caller), std::move(respond)});
}

std::string Router::openapi() const {
  std::vector<std::string> order;
  std::map<std::string, std::vector<std::string>> operations;
  for (const auto& route : routes_) {
    auto path = template_of(route.path);
    auto& here = operations[path];
    if (here.empty()) order.push_back(path);
    here.push_back(fmt::format("{}:{}", quoted(lower(route.method)), operation_of(route)));
  }
  std::vector<std::string> paths, schemas;
  for (const auto& path : order)
    paths.push_back(fmt::format("{}:{{{}}}", quoted(path), fmt::join(operations[path], ",")));
  for (const auto& schema : all_schemas())
    schemas.push_back(fmt::format("{}:{}", quoted(schema.name), schema.json));
  return fmt::format(
      R"({{"openapi":"3.1.0","info":{{"title":"Onoma","version":"1","description":"Register, publish and resolve names of every kind."}},)"
      R"("paths":{{{}}},"components":{{"securitySchemes":{{"token":{{"type":"http","scheme":"bearer"}}}},"schemas":{{{}}}}}}})",
      fmt::join(paths, ","), fmt::join(schemas, ","));
}

}  // namespace onoma::front
