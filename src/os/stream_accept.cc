// Which connections come in, and which go to make room for them: the part of StreamLoop before the first
// message.
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "os/proxy_header.h"
#include "os/stream_loop.h"

namespace onoma::os {
namespace {

constexpr int kAcceptTurn = 64;

}  // namespace

// Closes a connection that only waits for its peer's end, or else the one that is idle longest. False if all
// are at work.
bool StreamLoop::make_room() {
  if (!by_linger_.empty()) {
    drop(by_linger_.front());
    return true;
  }
  for (const std::uint64_t id : by_age_) {
    if (find(id)->busy()) continue;
    drop(id);
    return true;
  }
  return false;
}

// Out of descriptors: the waiting connection would wake the loop for ever, so it is taken and closed.
void StreamLoop::refuse_one(int listener) {
  shared_.refused.fetch_add(1, std::memory_order_relaxed);
  if (!reserve_) return;
  reserve_.reset();
  Fd unwanted(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  unwanted.reset();
  reserve_ = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

// One turn. True if more may be waiting.
bool StreamLoop::accept_from(std::size_t listener) {
  const int from = shared_.listeners[listener].get();
  for (int turn = 0; turn < kAcceptTurn; ++turn) {
    Endpoint peer;
    socklen_t size = Endpoint::kCapacity;
    Fd fd(::accept4(from, peer.buffer(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      admit(std::move(fd), peer);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno != EMFILE && errno != ENFILE) return false;
    if (make_room()) continue;
    refuse_one(from);
    if (!reserve_) return false;
  }
  return true;
}

void StreamLoop::admit(Fd fd, const Endpoint& peer) {
  // A proxy speaks for many: its own address is not what is counted.
  const bool proxy = shared_.options.proxy_from.contains(peer.address_bytes());
  if (!proxy && !shared_.quota.take(peer.address_bytes())) {
    shared_.limited.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  // The count is taken before it is compared, so that several loops together keep the limit.
  const bool room =
      shared_.open.fetch_add(1, std::memory_order_relaxed) < shared_.options.connections_max || make_room();
  auto connection = std::make_unique<Connection>();
  connection->id = next_id_++;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = connection->id;
  if (!room || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
    shared_.open.fetch_sub(1, std::memory_order_relaxed);
    shared_.refused.fetch_add(1, std::memory_order_relaxed);
    if (!proxy) shared_.quota.give_back(peer.address_bytes());
    return;
  }
  shared_.accepted.fetch_add(1, std::memory_order_relaxed);
  connection->fd = std::move(fd);
  connection->peer = peer;
  connection->header_due = proxy;
  connection->charged = !proxy;
  connection->born = connection->active = std::chrono::steady_clock::now();
  connection->watched = EPOLLIN;
  connection->place = by_age_.insert(by_age_.end(), connection->id);
  connections_.emplace(connection->id, std::move(connection));
}

// Reads the PROXY header that a listed peer must send first. True once it is there.
bool StreamLoop::take_header(Connection& connection) {
  const auto header = read_proxy_header(connection.in.rest());
  if (!header) {
    if (header.error() == ProxyError::malformed) {
      shared_.malformed.fetch_add(1, std::memory_order_relaxed);
      connection.broken = true;
    }
    return false;
  }
  connection.in.skip(header->size);
  connection.header_due = false;
  if (!header->source) return true;  // the proxy's own question; it is not counted
  // A port is part of what clients are told apart by; a proxy that does not know it leaves 0.
  connection.peer =
      header->source->port() == 0 ? header->source->with_port(connection.peer.port()) : *header->source;
  if (!shared_.quota.take(connection.peer.address_bytes())) {
    shared_.limited.fetch_add(1, std::memory_order_relaxed);
    connection.broken = true;
    return false;
  }
  connection.charged = true;
  return true;
}

}  // namespace onoma::os
