#include "os/stream_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/log.h"
#include "os/thread.h"

namespace onoma::os {
namespace {

constexpr std::size_t kReadSize = 64 * 1024;
// What an epoll event belongs to: a connection's id counts up from 0, the others are far above.
constexpr std::uint64_t kWake = std::uint64_t{1} << 63;
constexpr std::uint64_t kListener = std::uint64_t{1} << 62;
constexpr int kLastTurns = 64;  // of accept_from(), when the listening sockets are left to others
// What a connection that the server has closed may still send before it is cut.
constexpr std::size_t kLingerMax = std::size_t{1} << 20;
// After so many lifetimes a connection is cut even if it still takes what it is owed.
constexpr int kLifetimesMax = 4;

void release_capacity(Bytes& bytes) {
  if (bytes.capacity() > 4096) Bytes().swap(bytes);
}

}  // namespace

void StreamMailbox::leave(Item item) {
  bool first = false;
  {
    std::scoped_lock lock(mutex);
    first = items.empty();
    items.push_back(std::move(item));
  }
  if (first) os::wake(wake);
}

class StreamLoop::Reply final : public StreamReply {
 public:
  Reply(StreamLoop& loop, Connection& connection) : loop_(loop), connection_(connection) {}
  void send(ByteView message) override { loop_.put(connection_, message); }
  void pull(MessageSource source) override { connection_.sources.push_back(std::move(source)); }
  DeferredReply defer() override {
    ++connection_.deferred;
    return {loop_.mailbox_, connection_.id};
  }
  void close() override { connection_.finished = connection_.ending = true; }

 private:
  StreamLoop& loop_;
  Connection& connection_;
};

Result<void> StreamLoop::prepare() {
  mailbox_ = std::make_shared<StreamMailbox>();
  ONOMA_TRY(mailbox_->wake, make_wake_fd());
  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return io_failure("cannot make an epoll set", errno);
  reserve_ = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  scratch_.resize(kReadSize);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWake;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, mailbox_->wake.get(), &event) != 0)
    return io_failure("cannot watch an eventfd", errno);
  for (std::size_t i = 0; i < shared_.listeners.size(); ++i) {
    event.events = EPOLLIN | EPOLLEXCLUSIVE;  // one of several loops wakes up, not all
    event.data.u64 = kListener + i;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, shared_.listeners[i].get(), &event) != 0)
      return io_failure("cannot watch a listening socket", errno);
  }
  return {};
}

void StreamLoop::start() {
  CHECK(!thread_.joinable() && !stopping_.load());
  thread_ = start_thread({.name = "tcp", .cpu = -1, .nice = 0}, [this] { run(); });
}

void StreamLoop::drain() {
  draining_.store(true);
  wake(mailbox_->wake);
}

// What came before is ours: with an exclusive wait nobody else may have been told of it.
void StreamLoop::leave_listeners() {
  listening_ = false;
  for (std::size_t i = 0; i < shared_.listeners.size(); ++i) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, shared_.listeners[i].get(), nullptr);
    for (int turn = 0; turn < kLastTurns && accept_from(i); ++turn) {
    }
  }
}

void StreamLoop::stop() {
  stopping_.store(true);
  if (!thread_.joinable()) return;
  wake(mailbox_->wake);
  thread_.join();
}

void StreamLoop::run() {
  std::array<epoll_event, 64> events{};
  bool idle = false;
  while (!stopping_.load(std::memory_order_relaxed)) {
    if (listening_ && draining_.load(std::memory_order_relaxed)) leave_listeners();
    const int due = expire();
    // The first wait is short and the handler keeps what it holds; only a longer silence makes it let go.
    const int patience = due < 0 ? kStreamIdleMs : std::min(due, kStreamIdleMs);
    const int ready =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), idle ? due : patience);
    if (ready == 0 && !idle) {
      handler_.idle();
      idle = true;
    }
    if (ready > 0) idle = false;
    for (int i = 0; i < ready; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == kWake)
        take_mail();
      else if (event.data.u64 >= kListener)
        accept_from(static_cast<std::size_t>(event.data.u64 - kListener));
      else if (Connection* connection = find(event.data.u64))
        attend(*connection, event.events);
    }
    relieve();
  }
  while (!connections_.empty()) drop(connections_.begin()->first);
  handler_.idle();
}

StreamLoop::Connection* StreamLoop::find(std::uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void StreamLoop::touch(Connection& connection) {
  connection.active = std::chrono::steady_clock::now();
  by_age_.splice(by_age_.end(), by_age_, connection.place);
}

void StreamLoop::drop(std::uint64_t id) {
  const auto found = connections_.find(id);
  const Connection& connection = *found->second;
  (connection.lingering ? by_linger_ : by_age_).erase(connection.place);
  if (connection.charged) shared_.quota.give_back(connection.peer.address_bytes());
  if (connection.held != 0) shared_.held.fetch_sub(connection.held, std::memory_order_relaxed);
  connections_.erase(found);
  shared_.open.fetch_sub(1, std::memory_order_relaxed);
}

// Closes what has been idle too long; returns the milliseconds until the next may be, -1 if there is none.
int StreamLoop::expire() {
  const Moment now = std::chrono::steady_clock::now();
  const auto idle = listening_ ? shared_.options.idle : shared_.options.drain_idle;
  auto next = Moment::max();
  while (!by_linger_.empty()) {
    next = find(by_linger_.front())->active + kStreamLinger;
    if (next > now) break;
    drop(by_linger_.front());
    next = Moment::max();
  }
  for (std::size_t left = by_age_.size(); left > 0; --left) {
    Connection& oldest = *find(by_age_.front());
    const auto due = oldest.active + idle;
    if (due > now) break;
    if (oldest.deferred > 0 && oldest.owed() == 0) {
      touch(oldest);
      continue;
    }
    shared_.expired.fetch_add(1, std::memory_order_relaxed);
    drop(oldest.id);
  }
  if (!by_age_.empty()) next = std::min(next, find(by_age_.front())->active + idle);
  if (next == Moment::max()) return -1;
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(next - now).count()) + 1;
}

// Keeps what StreamShared::held says of this connection true.
void StreamLoop::account(Connection& connection) {
  const std::size_t holds = connection.in.buffered() + connection.owed();
  if (holds == connection.held) return;
  shared_.held.fetch_add(holds - connection.held, std::memory_order_relaxed);  // wraps around as it must
  connection.held = holds;
}

// Too much memory in all connections together: those that hold some and have stood still longest go.
void StreamLoop::relieve() {
  if (shared_.held.load(std::memory_order_relaxed) <= shared_.options.memory_max) return;
  for (auto at = by_age_.begin(); at != by_age_.end();) {
    const std::uint64_t id = *at++;
    if (find(id)->held == 0) continue;
    shared_.pressed.fetch_add(1, std::memory_order_relaxed);
    drop(id);
    if (shared_.held.load(std::memory_order_relaxed) <= shared_.options.memory_max) return;
  }
}

bool StreamLoop::paused(const Connection& connection) const {
  return connection.owed() >= shared_.options.output_limit ||
         connection.deferred + connection.sources.size() >= shared_.options.in_flight_max;
}

void StreamLoop::attend(Connection& connection, std::uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    drop(connection.id);  // both directions are gone
    return;
  }
  if (connection.lingering) {
    linger(connection);
    return;
  }
  if ((events & EPOLLOUT) != 0) write(connection);
  if ((events & EPOLLIN) != 0 && !connection.finished && !paused(connection)) read(connection);
  settle(connection);
}

void StreamLoop::read(Connection& connection) {
  const auto got = ::recv(connection.fd.get(), scratch_.data(), scratch_.size(), 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) connection.broken = true;
    return;
  }
  if (got == 0) {
    connection.finished = connection.gone = true;
    return;
  }
  connection.in.add(ByteView(scratch_).first(static_cast<std::size_t>(got)));
}

// True if there was a message to handle.
bool StreamLoop::handle_messages(Connection& connection) {
  if (connection.header_due && !take_header(connection)) return false;
  std::uint64_t handled = 0;
  bool ended = false;
  while (!connection.ending && !connection.broken && !paused(connection)) {
    const auto message = connection.in.next();
    if (!message) break;
    Reply reply(*this, connection);
    handler_.handle(*message, connection.peer, reply);
    ++handled;
    if (++connection.messages < shared_.options.messages_max) continue;
    ended = true;
    break;
  }
  if (handled == 0) return false;
  shared_.messages.fetch_add(handled, std::memory_order_relaxed);
  touch(connection);
  if (ended || connection.active - connection.born >= shared_.options.lifetime) {
    if (!connection.ending) shared_.ended.fetch_add(1, std::memory_order_relaxed);
    connection.finished = connection.ending = true;
  }
  if (connection.ending)
    connection.in.drop();
  else
    connection.in.settle();
  return true;
}

void StreamLoop::put(Connection& connection, ByteView message) {
  CHECK(message.size() <= kStreamMessageMax);
  ByteWriter out(connection.out);
  out.u16(static_cast<std::uint16_t>(message.size()));
  out.bytes(message);
}

// Asks the sources for messages while there is room for their output. True if one of them came to its end.
bool StreamLoop::fill(Connection& connection) {
  bool ended = false;
  while (!connection.sources.empty() && connection.owed() < shared_.options.output_limit) {
    pulled_.clear();
    if (!connection.sources.front()(pulled_)) {
      connection.sources.pop_front();
      ended = true;
      continue;
    }
    if (pulled_.size() > kStreamMessageMax) {
      log::error("os", "a source made a message of more than 65535 octets; its connection is closed");
      connection.broken = true;
      return ended;
    }
    put(connection, pulled_);
  }
  return ended;
}

void StreamLoop::write(Connection& connection) {
  while (connection.owed() > 0) {
    const auto sent = ::send(connection.fd.get(), connection.out.data() + connection.out_at,
                             connection.owed(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) connection.broken = true;
      break;
    }
    connection.out_at += static_cast<std::size_t>(sent);
    connection.progress += static_cast<std::size_t>(sent);
    if (connection.owed() > 0 && connection.progress < kStreamProgress) continue;
    connection.progress = 0;
    touch(connection);
    if (connection.active - connection.born >= kLifetimesMax * shared_.options.lifetime)
      connection.broken = connection.owed() > 0;
  }
  if (connection.owed() == 0) {
    connection.out.clear();
    connection.out_at = 0;
    release_capacity(connection.out);
  } else if (connection.out_at >= connection.out.size() / 2) {
    connection.out.erase(connection.out.begin(),
                         connection.out.begin() + static_cast<std::ptrdiff_t>(connection.out_at));
    connection.out_at = 0;
  }
}

// Brings a connection to rest: handles, draws and writes until one of them must wait for the peer, then asks
// epoll for what it waits for. May destroy the connection.
void StreamLoop::settle(Connection& connection) {
  while (!connection.broken) {
    const bool handled = handle_messages(connection);
    const bool ended = fill(connection);  // a source that ends makes room for messages that had to wait
    if (connection.broken) break;
    if (connection.owed() == 0) {
      if (handled || ended) continue;
      break;
    }
    write(connection);
    if (connection.owed() > 0) break;  // the kernel takes no more
    // A client that takes as fast as a source gives must not keep the others waiting: epoll brings us back.
    if (!connection.sources.empty()) break;
  }
  if (connection.broken || (connection.finished && !connection.busy())) {
    if (connection.broken || connection.gone)
      drop(connection.id);
    else
      begin_linger(connection);
    return;
  }
  account(connection);
  std::uint32_t wanted = 0;
  if (!connection.finished && !paused(connection)) wanted |= EPOLLIN;
  if (connection.owed() > 0 || !connection.sources.empty()) wanted |= EPOLLOUT;
  watch(connection, wanted);
}

// May destroy the connection.
void StreamLoop::watch(Connection& connection, std::uint32_t wanted) {
  if (wanted == connection.watched) return;
  epoll_event event{};
  event.events = wanted;
  event.data.u64 = connection.id;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event) != 0) {
    drop(connection.id);
    return;
  }
  connection.watched = wanted;
}

// Everything is sent and the server wants no more. Closing now would answer what the client has sent
// meanwhile with a reset, and a reset can destroy answers on their way (RFC 1122 §4.2.2.13).
void StreamLoop::begin_linger(Connection& connection) {
  ::shutdown(connection.fd.get(), SHUT_WR);
  connection.in.drop();
  account(connection);
  connection.lingering = true;
  connection.active = std::chrono::steady_clock::now();
  by_linger_.splice(by_linger_.end(), by_age_, connection.place);
  watch(connection, EPOLLIN);
}

void StreamLoop::linger(Connection& connection) {
  const auto got = ::recv(connection.fd.get(), scratch_.data(), scratch_.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0) connection.wasted += static_cast<std::size_t>(got);
  if (got <= 0 || connection.wasted > kLingerMax) drop(connection.id);
}

void StreamLoop::take_mail() {
  clear_wake(mailbox_->wake);
  std::vector<StreamMailbox::Item> items;
  {
    std::scoped_lock lock(mailbox_->mutex);
    items.swap(mailbox_->items);
  }
  for (auto& item : items) {
    Connection* connection = find(item.connection);
    if (connection == nullptr) continue;
    if (item.last)
      --connection->deferred;
    else
      put(*connection, item.message);
    settle(*connection);
  }
}

DeferredReply::DeferredReply(std::shared_ptr<StreamMailbox> mailbox, std::uint64_t connection)
    : mailbox_(std::move(mailbox)), connection_(connection) {}
DeferredReply::DeferredReply(DeferredReply&& other) noexcept
    : mailbox_(std::move(other.mailbox_)), connection_(other.connection_) {}
DeferredReply& DeferredReply::operator=(DeferredReply&& other) noexcept {
  if (this != &other) {
    DeferredReply old(std::move(*this));
    mailbox_ = std::move(other.mailbox_);
    connection_ = other.connection_;
  }
  return *this;
}
DeferredReply::~DeferredReply() {
  if (mailbox_) mailbox_->leave({.connection = connection_, .message = {}, .last = true});
}
void DeferredReply::send(Bytes message) {
  CHECK(message.size() <= kStreamMessageMax);
  if (mailbox_) mailbox_->leave({.connection = connection_, .message = std::move(message), .last = false});
}

}  // namespace onoma::os
