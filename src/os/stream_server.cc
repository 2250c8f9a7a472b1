#include "os/stream_server.h"

#include <fmt/format.h>

#include "base/check.h"
#include "os/socket.h"
#include "os/stream_loop.h"

namespace onoma::os {

struct StreamServer::Shared : StreamShared {};

StreamServer::StreamServer() : shared_(std::make_unique<Shared>()) {}

StreamServer::~StreamServer() {
  stop();
}

Result<std::unique_ptr<StreamServer>> StreamServer::open(StreamOptions options,
                                                         std::span<StreamHandler* const> handlers) {
  CHECK(!handlers.empty());
  if (options.listen.empty())
    return fail(Code::out_of_range, "a stream server needs an address to listen on");
  if (options.connections_max == 0 || options.in_flight_max == 0 || options.output_limit == 0 ||
      options.idle.count() <= 0)
    return fail(Code::out_of_range, "the limits of a stream server must be at least 1");
  std::unique_ptr<StreamServer> server(new StreamServer);
  for (const Endpoint& endpoint : options.listen) {
    ONOMA_TRY(BoundSocket socket, listen_tcp(endpoint, options.backlog));
    server->bound_.push_back(socket.bound);
    server->shared_->listeners.push_back(std::move(socket.fd));
  }
  server->shared_->options = std::move(options);
  for (StreamHandler* handler : handlers) {
    server->loops_.push_back(std::make_unique<StreamLoop>(*server->shared_, *handler));
    ONOMA_TRY_VOID(server->loops_.back()->prepare());
  }
  return server;
}

void StreamServer::start() {
  for (auto& loop : loops_) loop->start();
}

void StreamServer::stop() {
  for (auto& loop : loops_) loop->stop();
}

StreamCounters StreamServer::counters() const {
  const auto read = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  return {.accepted = read(shared_->accepted),
          .refused = read(shared_->refused),
          .expired = read(shared_->expired),
          .messages = read(shared_->messages),
          .open = read(shared_->open)};
}

}  // namespace onoma::os
