#include "front/rest/http_server.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include "base/metrics.h"
#include "front/rest/problem.h"
#include "os/socket.h"

namespace onoma::front {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {
constexpr std::uint32_t kHeaderMax = 16U << 10;
constexpr std::size_t kUrlMax = 8U << 10;
constexpr std::size_t kPieceOctets = 64U << 10;
constexpr int kBacklog = 1024;

class Connection;

// Lives until the last connection and the last Respond are gone: each holds a pointer to it.
struct ServerState : std::enable_shared_from_this<ServerState> {
  HttpOptions options;
  HttpHandler handler;
  std::vector<os::Endpoint> bound;
  asio::io_context io;
  std::vector<tcp::acceptor> acceptors;
  std::vector<std::thread> threads;
  // Open connections. Once `stopping`, nothing is posted to `io` any more, so that its threads come to an end
  // and no forgotten job keeps a connection alive.
  std::mutex mutex;
  bool stopping = false;
  std::map<Connection*, std::weak_ptr<Connection>> open;

  Result<void> listen();
  void accept(tcp::acceptor& acceptor);
  bool post_unless_stopping(const asio::any_io_executor& executor, std::function<void()> job) {
    std::scoped_lock lock(mutex);
    if (!stopping) asio::post(executor, std::move(job));
    return !stopping;
  }
};

// One connection: reads a request, hands it on, writes the answer, reads the next.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::shared_ptr<ServerState> server)
      : server_(std::move(server)), options_(server_->options), stream_(std::move(socket)) {
    error_code ignored;
    const auto peer = stream_.socket().remote_endpoint(ignored);
    if (!ignored) peer_ = peer.address().to_string();
    stream_.socket().set_option(tcp::no_delay(true), ignored);
  }
  ~Connection() {
    std::scoped_lock lock(server_->mutex);
    server_->open.erase(this);
  }

  // False: the server is full, or stopping.
  bool start() {
    {
      std::scoped_lock lock(server_->mutex);
      if (server_->stopping || server_->open.size() >= options_.connections_max) return false;
      server_->open.emplace(this, weak_from_this());
    }
    asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->wait(); });
    return true;
  }
  asio::any_io_executor executor() { return stream_.get_executor(); }
  void cut() { stream_.close(); }  // on the connection's strand

 private:
  // Waits, as long as an idle connection may, for the first octets of a request.
  void wait() {
    if (buffer_.size() != 0) return read();
    stream_.expires_after(options_.idle);
    stream_.async_read_some(buffer_.prepare(4096),
                            [self = shared_from_this()](error_code error, std::size_t size) {
                              if (error) return self->close();
                              self->buffer_.commit(size);
                              self->read();
                            });
  }

  // Then the whole header has to follow within `patience`.
  void read() {
    parser_.emplace();
    parser_->header_limit(kHeaderMax);
    parser_->body_limit(options_.body_max);
    stream_.expires_after(options_.patience);
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->header_read(error); });
  }

  void header_read(error_code error) {
    if (error) return refuse(error);
    if (parser_->get().target().size() > kUrlMax)
      return answer_and_close(414, "the request's URL is longer than 8 KiB");
    if (const auto length = parser_->content_length(); length && *length > options_.body_max)
      return refuse(http::error::body_limit);
    if (beast::iequals(parser_->get()[http::field::expect], "100-continue")) {
      continue_ = http::response<http::empty_body>(http::status::continue_, parser_->get().version());
      return http::async_write(stream_, continue_,
                               [self = shared_from_this()](error_code failed, std::size_t) {
                                 if (!failed) self->read_body();
                               });
    }
    read_body();
  }

  void read_body() {
    stream_.expires_after(options_.patience);
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->refuse(error);
      self->dispatch();
    });
  }

  void refuse(error_code error) {
    if (error == http::error::body_limit)
      return answer_and_close(413, fmt::format("the body is larger than {} octets", options_.body_max));
    if (error == http::error::header_limit) return answer_and_close(431, "the header is larger than 16 KiB");
    if (error == beast::error::timeout || error == http::error::end_of_stream ||
        error == asio::error::operation_aborted || error == asio::error::connection_reset ||
        error == http::error::partial_message)
      return close();
    answer_and_close(400, "this is not HTTP/1.1: " + error.message());
  }

  void answer_and_close(int status, const std::string& detail) {
    add(Metric::onoma_http_requests_total);
    keep_alive_ = false;
    version_ = 11;
    HttpResponse response{.status = status};
    response.headers.emplace_back("Content-Type", "application/problem+json");
    const std::string title(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status))));
    response.body =
        problem_json(status, title, detail, facts(status == 400 ? Code::bad_request : Code::too_large).name);
    write(std::move(response));
  }

  void dispatch() {
    add(Metric::onoma_http_requests_total);
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    version_ = message.version();
    head_ = message.method() == http::verb::head;
    HttpRequest request;
    request.method = std::string(message.method_string());
    const std::string target(message.target());
    const auto mark = target.find('?');
    request.path = target.substr(0, mark);
    if (mark != std::string::npos) request.query = target.substr(mark + 1);
    for (const auto& field : message) {
      std::string name(field.name_string());
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c); });
      auto& value = request.headers[name];
      if (!value.empty()) value += ", ";
      value += std::string(field.value());
    }
    request.body = std::move(message.body());
    request.peer = peer_;
    stream_.expires_never();
    server_->handler(std::move(request), make_respond());
  }

  // Answers 500 if the handler drops it.
  Respond make_respond() {
    struct Once {
      std::shared_ptr<Connection> connection;
      explicit Once(std::shared_ptr<Connection> to) : connection(std::move(to)) {}
      Once(Once&&) = default;
      Once& operator=(Once&&) = delete;
      ~Once() {
        if (connection)
          connection->post(problem({Code::internal, "the request was given up; please report this", {}}));
      }
      void operator()(HttpResponse response) {
        if (auto to = std::exchange(connection, nullptr)) to->post(std::move(response));
      }
    };
    return Once(shared_from_this());
  }

  void post(HttpResponse response) {
    auto shared = std::make_shared<HttpResponse>(std::move(response));
    server_->post_unless_stopping(stream_.get_executor(),
                                  [self = shared_from_this(), shared] { self->write(std::move(*shared)); });
  }

  void write(HttpResponse response) {
    if (response.status >= 400) add(Metric::onoma_http_errors_total);
    stream_.expires_after(options_.patience);
    if (response.source && version_ >= 11) return write_chunked(std::move(response));
    if (response.source) {  // HTTP/1.0 knows no chunks
      for (std::string piece; response.source(piece); piece.clear()) response.body += piece;
    }
    const bool no_body = response.status == 204 || response.status == 304;
    whole_ = http::response<http::string_body>(http::int_to_status(static_cast<unsigned>(response.status)),
                                               version_);
    for (const auto& [name, value] : response.headers) whole_.set(name, value);
    whole_.keep_alive(keep_alive_);
    if (!no_body) {
      whole_.content_length(response.body.size());
      if (!head_) whole_.body() = std::move(response.body);
    }
    serializer_.emplace(whole_);
    if (head_) serializer_->split(true);
    const auto done = [self = shared_from_this()](error_code error, std::size_t) { self->written(error); };
    if (head_)
      http::async_write_header(stream_, *serializer_, done);
    else
      http::async_write(stream_, *serializer_, done);
  }

  void write_chunked(HttpResponse response) {
    source_ = std::move(response.source);
    head_only_ = http::response<http::empty_body>(http::int_to_status(static_cast<unsigned>(response.status)),
                                                  version_);
    for (const auto& [name, value] : response.headers) head_only_.set(name, value);
    head_only_.keep_alive(keep_alive_);
    head_only_.chunked(true);
    head_serializer_.emplace(head_only_);
    http::async_write_header(stream_, *head_serializer_,
                             [self = shared_from_this()](error_code error, std::size_t) {
                               if (error) return self->close();
                               if (self->head_) return self->written(error);
                               self->write_next_chunk();
                             });
  }

  void write_next_chunk() {
    piece_.clear();
    bool more = true;
    while (more && piece_.size() < kPieceOctets) {
      std::string part;
      more = source_(part);
      piece_ += part;
    }
    stream_.expires_after(options_.patience);
    if (piece_.empty())
      return asio::async_write(
          stream_, http::make_chunk_last(),
          [self = shared_from_this()](error_code error, std::size_t) { self->written(error); });
    asio::async_write(stream_, http::make_chunk(asio::const_buffer(piece_.data(), piece_.size())),
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (error) return self->close();
                        self->write_next_chunk();
                      });
  }

  void written(error_code error) {
    source_ = nullptr;
    if (error || !keep_alive_) return close();
    wait();
  }

  // The client may still be sending a body that was refused: it gets to read the answer first.
  void close() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(std::chrono::seconds{2});
    drain();
  }
  void drain() {
    if (drained_ > (4U << 20)) return;
    rest_.resize(kPieceOctets);
    stream_.async_read_some(asio::buffer(rest_),
                            [self = shared_from_this()](error_code error, std::size_t size) {
                              if (error) return;
                              self->drained_ += size;
                              self->drain();
                            });
  }

  std::shared_ptr<ServerState> server_;  // first: what the stream runs on goes last
  const HttpOptions& options_;
  beast::tcp_stream stream_;
  std::string peer_;
  beast::flat_buffer buffer_{kHeaderMax * 4};
  std::optional<http::request_parser<http::string_body>> parser_;
  bool keep_alive_ = false, head_ = false;
  unsigned version_ = 11;
  http::response<http::empty_body> continue_;
  http::response<http::string_body> whole_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  http::response<http::empty_body> head_only_;
  std::optional<http::response_serializer<http::empty_body>> head_serializer_;
  BodySource source_;
  std::string piece_;
  std::vector<char> rest_;
  std::size_t drained_ = 0;
};

Result<void> ServerState::listen() {
  for (const auto& endpoint : options.listen) {
    ONOMA_TRY(auto socket, os::listen_tcp(endpoint, kBacklog));
    tcp::acceptor acceptor(asio::make_strand(io));
    error_code error;
    acceptor.assign(endpoint.is_v6() ? tcp::v6() : tcp::v4(), socket.fd.get(), error);
    if (error)
      return fail(Code::io, fmt::format("cannot listen on {}: {}", endpoint.text(), error.message()));
    static_cast<void>(socket.fd.release());  // the acceptor's now
    bound.push_back(socket.bound);
    acceptors.push_back(std::move(acceptor));
  }
  return {};
}

void ServerState::accept(tcp::acceptor& acceptor) {
  acceptor.async_accept(asio::make_strand(io), [self = shared_from_this(), &acceptor](error_code error,
                                                                                      tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    // Above the limit the newcomer is closed at once; those at work are not disturbed.
    if (!error) std::make_shared<Connection>(std::move(socket), self)->start();
    if (!error || error == asio::error::connection_aborted) return self->accept(acceptor);
    // Out of descriptors or memory: try again a little later instead of spinning.
    auto timer = std::make_shared<asio::steady_timer>(acceptor.get_executor(), std::chrono::milliseconds{50});
    timer->async_wait([self, &acceptor, timer](error_code cancelled) {
      if (!cancelled && acceptor.is_open()) self->accept(acceptor);
    });
  });
}

}  // namespace

struct HttpServer::State : ServerState {};

HttpServer::HttpServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpOptions options, HttpHandler handler) {
  auto state = std::make_shared<State>();
  state->options = std::move(options);
  state->handler = std::move(handler);
  ONOMA_TRY_VOID(state->listen());
  for (auto& acceptor : state->acceptors) state->accept(acceptor);
  const auto threads = std::max<std::size_t>(1, state->options.threads);
  for (std::size_t i = 0; i < threads; ++i)
    state->threads.emplace_back([raw = state.get()] { raw->io.run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

HttpServer::~HttpServer() {
  stop();
}

void HttpServer::stop() {
  std::vector<std::shared_ptr<Connection>> connections;
  {
    std::scoped_lock lock(state_->mutex);
    if (std::exchange(state_->stopping, true)) return;
    for (const auto& [raw, weak] : state_->open)
      if (auto connection = weak.lock()) connections.push_back(std::move(connection));
  }
  // The threads must not run out of work between two of these jobs.
  auto guard = asio::make_work_guard(state_->io);
  for (auto& acceptor : state_->acceptors)
    asio::post(acceptor.get_executor(), [&acceptor] { acceptor.close(); });
  for (auto& connection : connections)
    asio::post(connection->executor(), [connection] { connection->cut(); });
  connections.clear();
  guard.reset();
  for (auto& thread : state_->threads) thread.join();
  state_->acceptors.clear();
}

const std::vector<os::Endpoint>& HttpServer::bound() const {
  return state_->bound;
}

}  // namespace onoma::front
