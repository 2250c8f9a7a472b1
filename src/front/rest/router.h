// Router: one table of routes. Dispatch, 404, 405 with Allow, who may call, and the OpenAPI document all come
// from it. Filled once before the first request; after that immutable and usable from any thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "front/rest/http_server.h"
#include "front/rest/text.h"
#include "model/objects.h"

namespace onoma::front {

// Who may call: everybody, holders of a token, operators. Handlers may refuse more.
enum class Access : std::uint8_t { anybody, token, operator_ };

// What a handler gets.
struct Call {
  HttpRequest request;
  std::map<std::string, std::string> path;  // the {…} of the route, percent-decoded once, UTF-8
  Query query;
  std::optional<model::Registrar> caller;  // set when a valid token came along, whatever the route needs
  Respond respond;

  std::string_view argument(std::string_view name) const;  // of the query; empty when absent
  bool has_argument(std::string_view name) const;
  bool is_operator() const { return caller && caller->role == model::Role::operator_; }
  // Is the caller an operator or this registrar?
  bool may_see(std::string_view sponsor) const { return is_operator() || (caller && caller->id == sponsor); }
  void fail(const Error& error);  // answers with the problem
  void json(int status, std::string body);
};
using RouteHandler = std::function<void(Call)>;

struct Parameter {
  std::string_view name;
  std::string_view description;
};

struct Route {
  std::string_view method;
  std::string_view path;  // "/v1/domains/{name}"; "{name+}" as last segment takes the rest of the path
  std::string_view summary;
  Access access = Access::anybody;
  RouteHandler handler;
  std::vector<Parameter> query = {};
  std::string_view request = {};   // names of schemas (schemas.h); empty: no body
  std::string_view response = {};  // empty: not JSON
  std::string_view media = "application/json";
  std::vector<int> statuses = {200};
};

class Router {
 public:
  // Finds out who holds a token; unauthenticated when nobody does.
  using Authenticate = std::function<Result<model::Registrar>(std::string_view token)>;
  explicit Router(Authenticate authenticate) : authenticate_(std::move(authenticate)) {}

  void add(Route route);
  // Answers the request or hands it to its route. Query parameters that the route does not list are refused.
  void handle(HttpRequest request, Respond respond) const;
  // The OpenAPI 3.1 document of everything added so far.
  std::string openapi() const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  const Route* find(const HttpRequest& request, std::vector<std::string_view>& allowed,
                    std::map<std::string, std::string>& path, std::optional<Error>& problem) const;
  Result<std::optional<model::Registrar>> caller_of(const HttpRequest& request) const;

  Authenticate authenticate_;
  std::vector<Route> routes_;
};

}  // namespace onoma::front
