#include "front/rest/http_client.h"

#include <algorithm>
#include <array>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

namespace onoma::front {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {
constexpr auto kPatience = std::chrono::seconds{30};
constexpr std::size_t kBodyMax = 64U << 20;
constexpr std::size_t kPieceOctets = 64U << 10;
}  // namespace

struct HttpClient::State {
  std::string base_url, host, port, prefix;
  asio::io_context io;
  std::optional<beast::tcp_stream> stream;
  beast::flat_buffer buffer;

  // Runs one asynchronous operation to its end: that is how a blocking call gets a time limit.
  template <class Start>
  error_code run(Start start) {
    error_code result;
    stream->expires_after(kPatience);
    start([&result](error_code error, auto&&...) { result = error; });
    io.restart();
    io.run();
    return result;
  }
  std::unexpected<Error> unreachable(const error_code& error) const {
    return fail(Code::unavailable, error == beast::error::timeout
                                       ? fmt::format("the server at {} does not answer", base_url)
                                       : fmt::format("no server at {} ({})", base_url, error.message()));
  }
  Result<void> connect();
  error_code write(const http::request<http::string_body>& request);
  // nullopt: the connection was closed before the answer began.
  Result<std::optional<HttpReply>> read(bool head, const Sink& sink);
};

Result<void> HttpClient::State::connect() {
  if (stream) return {};
  tcp::resolver resolver(io);
  error_code error;
  const auto found = resolver.resolve(host, port, error);
  if (error) return unreachable(error);
  stream.emplace(io);
  buffer.clear();
  error = run([&](auto done) { stream->async_connect(found, done); });
  if (!error) return {};
  stream.reset();
  return unreachable(error);
}

error_code HttpClient::State::write(const http::request<http::string_body>& request) {
  return run([&](auto done) { http::async_write(*stream, request, done); });
}

Result<std::optional<HttpReply>> HttpClient::State::read(bool head, const Sink& sink) {
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  parser.header_limit(64U << 10);
  parser.skip(head);
  auto error = run([&](auto done) { http::async_read_header(*stream, buffer, parser, done); });
  if (error == http::error::end_of_stream || error == asio::error::connection_reset)
    return std::optional<HttpReply>{};
  if (error) return unreachable(error);
  HttpReply reply{.status = static_cast<int>(parser.get().result_int())};
  for (const auto& field : parser.get()) {
    std::string name(field.name_string());
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    reply.headers.insert_or_assign(std::move(name), std::string(field.value()));
  }
  const bool streamed = sink && reply.status >= 200 && reply.status < 300;
  std::vector<char> piece(kPieceOctets);
  while (!parser.is_done()) {
    parser.get().body() = {piece.data(), piece.size(), true};
    error = run([&](auto done) { http::async_read(*stream, buffer, parser, done); });
    if (error == http::error::need_buffer) error = {};
    if (error)
      return fail(Code::unavailable,
                  fmt::format("the answer of {} broke off ({})", base_url, error.message()));
    const std::string_view got(piece.data(), piece.size() - parser.get().body().size);
    if (streamed) {
      ONOMA_TRY_VOID(sink(got));
    } else if (reply.body.size() + got.size() > kBodyMax) {
      return fail(Code::too_large, "the answer is larger than 64 MiB");
    } else {
      reply.body += got;
    }
  }
  if (!parser.keep_alive()) stream.reset();
  return std::optional<HttpReply>(std::move(reply));
}

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::open(std::string_view base_url) {
  constexpr std::string_view kScheme = "http://";
  const auto bad = [&] {
    return fail(Code::bad_syntax,
                fmt::format("\"{}\" is no server address; write it as http://127.0.0.1:8080", base_url));
  };
  if (!base_url.starts_with(kScheme)) return bad();
  auto rest = base_url.substr(kScheme.size());
  auto state = std::make_unique<State>();
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos) state->prefix = std::string(rest.substr(slash));
  while (state->prefix.ends_with('/')) state->prefix.pop_back();
  rest = rest.substr(0, slash);
  // The port stands behind the last colon that is not inside the brackets of an IPv6 address.
  const auto bracket = rest.find(']');
  const auto colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  state->port = colon == std::string_view::npos ? "80" : std::string(rest.substr(colon + 1));
  auto host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  state->host = std::string(host);
  const bool digits =
      !state->port.empty() && std::ranges::all_of(state->port, [](char c) { return c >= '0' && c <= '9'; });
  if (state->host.empty() || !digits || rest.find('@') != std::string_view::npos) return bad();
  state->base_url = std::string(base_url);
  while (state->base_url.ends_with('/')) state->base_url.pop_back();
  return HttpClient(std::move(state));
}

const std::string& HttpClient::base_url() const {
  return state_->base_url;
}

Result<HttpReply> HttpClient::send(std::string_view method, std::string_view target, const Headers& headers,
                                   std::string_view body, const Sink& sink) {
  http::request<http::string_body> request(http::verb::unknown, state_->prefix + std::string(target), 11);
  request.method_string(std::string(method));
  request.set(http::field::host, state_->host + ":" + state_->port);
  request.set(http::field::user_agent, "onoma");
  bool repeatable = method == "GET" || method == "HEAD";
  for (const auto& [name, value] : headers) {
    request.set(name, value);
    if (name == "Idempotency-Key") repeatable = true;
  }
  if (!body.empty() || (method != "GET" && method != "HEAD")) {
    request.body() = std::string(body);
    request.prepare_payload();
  }
  for (int turn = 0;; ++turn) {
    const bool kept = state_->stream.has_value();
    ONOMA_TRY_VOID(state_->connect());
    const auto written = state_->write(request);
    // A server that refuses a large body closes while it is sent: its answer is there to be read.
    auto reply = state_->read(method == "HEAD", sink);
    if (reply && *reply) return **std::move(reply);
    state_->stream.reset();
    if (!reply) return std::unexpected(std::move(reply).error());
    if (turn == 0 && kept && repeatable) continue;
    return fail(Code::unavailable,
                fmt::format("the server at {} closed the connection without an answer{}", state_->base_url,
                            written ? fmt::format(" ({})", written.message()) : std::string{}));
  }
}

}  // namespace onoma::front
