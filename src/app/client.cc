#include "app/client.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <toml++/toml.h>

#include "front/rest/text.h"

namespace onoma::app {
namespace {

namespace json = boost::json;

constexpr std::string_view kDefaultServer = "http://127.0.0.1:8080";
constexpr std::size_t kTokenFileMax = 4096;

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes the environment
  return value ? value : "";
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

Result<std::string> token_from_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::bad_request, fmt::format("cannot read the token file {}", path));
  std::string text(kTokenFileMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  auto token = trimmed(text);
  const bool plain = token.find_first_of(" \t\r\n") == std::string::npos;
  if (token.empty() || token.size() > kTokenFileMax || !plain)
    return fail(Code::bad_request,
                fmt::format("{} holds no token: one line with the token is expected", path));
  return token;
}

std::optional<Code> code_of(std::string_view name) {
#define X(code, ...) \
  if (name == #code) return Code::code;
  ONOMA_ERROR_TABLE(X)
#undef X
  return std::nullopt;
}

Code code_of_status(int status) {
  switch (status) {
    case 401:
      return Code::unauthenticated;
    case 403:
      return Code::forbidden;
    case 404:
      return Code::not_found;
    case 410:
      return Code::gone;
    case 413:
      return Code::too_large;
    default:
      return status >= 500 ? Code::internal : Code::bad_request;
  }
}

std::string member(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->as_string()) : std::string{};
}

// A problem document as the error it describes.
Error error_of(const front::HttpReply& reply) {
  json::error_code wrong;
  const auto document = json::parse(reply.body, wrong);
  if (wrong || !document.is_object())
    return {
        code_of_status(reply.status), fmt::format("the server answered {} and no reason", reply.status), {}};
  const auto& object = document.as_object();
  auto code = code_of(member(object, "code")).value_or(code_of_status(reply.status));
  auto message = member(object, "detail");
  if (message.empty()) message = member(object, "title");
  return {code, std::move(message), member(object, "field")};
}

}  // namespace

Result<Access> read_client_file(const std::string& path) {
  if (!std::filesystem::exists(path)) return Access{};
  // The error of toml++ is an exception.
  try {
    const auto table = toml::parse_file(path);
    return Access{table["server"].value_or(std::string{}), table["token"].value_or(std::string{})};
  } catch (const toml::parse_error& error) {
    return fail(Code::bad_request, fmt::format("cannot read {}: {}", path, error.description()));
  }
}

Result<Access> find_access(const Globals& globals) {
  ONOMA_TRY(const auto known, read_client_file(globals.data + "/client.toml"));
  Access out;
  out.server = !globals.server.empty() ? globals.server : from_environment("ONOMA_SERVER");
  if (out.server.empty()) out.server = known.server.empty() ? std::string(kDefaultServer) : known.server;
  if (!globals.token_file.empty()) {
    ONOMA_TRY(out.token, token_from_file(globals.token_file));
  } else {
    out.token = trimmed(from_environment("ONOMA_TOKEN"));
    if (out.token.empty() && out.server == known.server) out.token = known.token;
  }
  return out;
}

Client::Client(front::HttpClient http, std::string token)
    : http_(std::move(http)), token_(std::move(token)) {}

Result<Client> Client::open(const Access& access) {
  ONOMA_TRY(auto http, front::HttpClient::open(access.server));
  return Client(std::move(http), access.token);
}

Result<Client> Client::open(const Globals& globals) {
  ONOMA_TRY(const auto access, find_access(globals));
  return open(access);
}

Result<Reply> Client::send(std::string_view method, std::string_view target, std::string_view body,
                           const Extra& extra) {
  front::HttpClient::Headers headers;
  if (!token_.empty()) headers.emplace_back("Authorization", "Bearer " + token_);
  if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
  if (!extra.if_match.empty()) headers.emplace_back("If-Match", extra.if_match);
  if (!extra.accept.empty()) headers.emplace_back("Accept", extra.accept);
  if (!extra.idempotency_key.empty()) headers.emplace_back("Idempotency-Key", extra.idempotency_key);
  auto reply = http_.send(method, target, headers, body, extra.sink);
  if (!reply) {
    auto error = std::move(reply).error();
    if (error.code == Code::unavailable && error.message.starts_with("no server"))
      error.message = fmt::format("{}; start one with `onoma serve --demo`", error.message);
    return std::unexpected(std::move(error));
  }
  if (reply->status < 300 || reply->status == 304 || reply->status == 307 ||
      (extra.negative && (reply->status == 404 || reply->status == 410)))
    return Reply{reply->status, std::move(reply->body), reply->headers["etag"]};
  auto error = error_of(*reply);
  if (error.code == Code::unauthenticated && token_.empty())
    error.message +=
        "; give one with --token-file or ONOMA_TOKEN, or name the server's data directory with --data";
  return std::unexpected(std::move(error));
}

Result<Reply> Client::send(std::string_view method, std::string_view target, std::string_view body) {
  return send(method, target, body, Extra{});
}

void with_client(Globals& globals, const std::function<Result<int>(Client&)>& work) {
  auto client = Client::open(globals);
  if (!client) return void(globals.exit_status = report(globals, client.error()));
  auto status = work(*client);
  globals.exit_status = status ? *status : report(globals, status.error());
}

std::string encoded(std::string_view text) {
  return front::percent_encode(text);
}

}  // namespace onoma::app
