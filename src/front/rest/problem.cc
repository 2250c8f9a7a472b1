#include "front/rest/problem.h"

#include <fmt/format.h>

#include "front/rest/text.h"

namespace onoma::front {

std::string problem_json(int status, std::string_view title, std::string_view detail, std::string_view code,
                         std::string_view field) {
  auto out = fmt::format(R"({{"type":"about:blank","title":{},"status":{},"detail":{},"code":{})",
                         quoted(title), status, quoted(detail), quoted(code));
  if (!field.empty()) out += fmt::format(R"(,"field":{})", quoted(field));
  return out + "}";
}

HttpResponse problem(const Error& error) {
  const auto& known = facts(error.code);
  HttpResponse response{.status = known.http_status};
  response.headers.emplace_back("Content-Type", "application/problem+json");
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"onoma\"");
  response.body = problem_json(known.http_status, known.meaning, error.message, known.name, error.field);
  return response;
}

}  // namespace onoma::front
