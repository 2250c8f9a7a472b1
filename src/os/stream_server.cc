#include "os/stream_server.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/check.h"
#include "os/socket.h"
#include "os/stream_loop.h"

namespace onoma::os {

namespace {

// Half of a connection's kernel buffer can be a client that never reads: what the kernel holds unsent is
// bounded like our own output.
constexpr int kNotSentMax = 128 * 1024;
constexpr int kFastOpenQueue = 256;

// What accepted connections inherit, and what saves clients a round trip (RFC 7413, recommended to DNS by
// RFC 7766 §10). TCP_DEFER_ACCEPT stays off: a client that connects and says nothing must be counted against
// its quota and the idle time, not hide in the kernel's queue and fill it. Refused options cost speed only.
void tune(const Fd& listener) {
  const int on = 1;
  ::setsockopt(listener.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(listener.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kNotSentMax, sizeof kNotSentMax);
  ::setsockopt(listener.get(), IPPROTO_TCP, TCP_FASTOPEN, &kFastOpenQueue, sizeof kFastOpenQueue);
}

}  // namespace

struct StreamServer::Shared : StreamShared {
  using StreamShared::StreamShared;
};

StreamServer::StreamServer() = default;

StreamServer::~StreamServer() {
  stop();
}

Result<std::unique_ptr<StreamServer>> StreamServer::open(StreamOptions options,
                                                         std::span<StreamHandler* const> handlers) {
  CHECK(!handlers.empty());
  if (options.listen.empty())
    return fail(Code::out_of_range, "a stream server needs an address to listen on");
  if (options.connections_max == 0 || options.in_flight_max == 0 || options.output_limit == 0 ||
      options.idle.count() <= 0 || options.lifetime.count() <= 0 || options.messages_max == 0 ||
      options.memory_max == 0)
    return fail(Code::out_of_range, "the limits of a stream server must be at least 1");
  std::unique_ptr<StreamServer> server(new StreamServer);
  server->shared_ = std::make_unique<Shared>(std::move(options));
  for (const Endpoint& endpoint : server->shared_->options.listen) {
    ONOMA_TRY(BoundSocket socket, listen_tcp(endpoint, server->shared_->options.backlog));
    tune(socket.fd);
    server->bound_.push_back(socket.bound);
    server->shared_->listeners.push_back(std::move(socket.fd));
  }
  for (StreamHandler* handler : handlers) {
    server->loops_.push_back(std::make_unique<StreamLoop>(*server->shared_, *handler));
    ONOMA_TRY_VOID(server->loops_.back()->prepare());
  }
  return server;
}

void StreamServer::start() {
  for (auto& loop : loops_) loop->start();
}

void StreamServer::drain() {
  for (auto& loop : loops_) loop->drain();
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
          .limited = read(shared_->limited),
          .expired = read(shared_->expired),
          .ended = read(shared_->ended),
          .pressed = read(shared_->pressed),
          .malformed = read(shared_->malformed),
          .messages = read(shared_->messages),
          .open = read(shared_->open)};
}

}  // namespace onoma::os
