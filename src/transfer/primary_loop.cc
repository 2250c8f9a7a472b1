#include "transfer/primary_loop.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "os/stream_framing.h"
#include "os/thread.h"

namespace onoma::transfer {

namespace {

constexpr std::size_t kReadOctets = std::size_t{128} << 10;
constexpr Duration kLongest = std::chrono::minutes{1};  // without looking at the timer

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

// One thing under way. `over` is set with the call of a handler; the loop then lets it go.
class PrimaryLoop::Exchange {
 public:
  Exchange(PrimaryLoop& loop, const os::Endpoint& to, Bytes message, OnMessage on_message, OnEnd on_end)
      : loop_(loop),
        to_(to),
        message_(std::move(message)),
        on_message_(std::move(on_message)),
        on_end_(std::move(on_end)) {}
  virtual ~Exchange() = default;
  virtual void begin() = 0;
  virtual void ready(short events) = 0;
  virtual void late() = 0;

  bool over() const { return over_; }
  int fd() const { return fd_.get(); }
  short events() const { return events_; }
  Duration deadline() const { return deadline_; }

 protected:
  bool open(int type) {
    fd_ = os::Fd(::socket(to_.is_v6() ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd_) give_up(fmt::format("no socket: {}", os::errno_text(errno)));
    return static_cast<bool>(fd_);
  }
  void give_up(const std::string& why) {
    if (std::exchange(over_, true)) return;
    on_end_(why);
  }
  bool offer(ByteView message) {
    if (over_) return true;
    if (!on_message_(message)) return false;
    over_ = true;
    return true;
  }

  PrimaryLoop& loop_;
  const os::Endpoint to_;
  const Bytes message_;
  os::Fd fd_;
  short events_ = POLLIN;
  Duration deadline_{};

 private:
  OnMessage on_message_;
  OnEnd on_end_;
  bool over_ = false;
};

// A socket of its own for each question: its port is one that nobody can guess, and the kernel lets in what
// comes from the primary alone.
class PrimaryLoop::Udp final : public Exchange {
 public:
  using Exchange::Exchange;
  void begin() override {
    if (!open(SOCK_DGRAM)) return;
    if (::connect(fd_.get(), to_.data(), to_.size()) != 0)
      return give_up(fmt::format("cannot be reached: {}", os::errno_text(errno)));
    send();
  }
  void ready(short) override {
    std::uint8_t buffer[4096];
    for (;;) {
      const auto size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (size < 0 && would_block(errno)) return;
      if (size < 0) return give_up(fmt::format("cannot be reached over UDP: {}", os::errno_text(errno)));
      if (offer({buffer, static_cast<std::size_t>(size)})) return;
    }
  }
  void late() override {
    if (++tries_ >= loop_.limits_.udp_tries) return give_up("no answer over UDP");
    send();
  }

 private:
  void send() {
    deadline_ = loop_.now() + loop_.limits_.udp_wait * (1LL << tries_);
    if (::send(fd_.get(), message_.data(), message_.size(), MSG_NOSIGNAL) < 0 && !would_block(errno))
      give_up(fmt::format("cannot be reached over UDP: {}", os::errno_text(errno)));
  }
  unsigned tries_ = 0;
};

class PrimaryLoop::Stream final : public Exchange {
 public:
  using Exchange::Exchange;
  void begin() override {
    begun_ = loop_.now();
    if (!open(SOCK_STREAM)) return;
    const int on = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    deadline_ = begun_ + loop_.limits_.connect_wait;
    events_ = POLLOUT;
    out_.reserve(message_.size() + 2);
    ByteWriter writer(out_);
    writer.u16(static_cast<std::uint16_t>(message_.size()));
    writer.bytes(message_);
    if (::connect(fd_.get(), to_.data(), to_.size()) != 0 && errno != EINPROGRESS)
      give_up(fmt::format("cannot be reached over TCP: {}", os::errno_text(errno)));
  }
  void ready(short) override {
    if (events_ == POLLOUT) return write();
    read();
  }
  void late() override {
    if (!connected_) return give_up("no connection over TCP");
    if (loop_.now() >= begun_ + loop_.limits_.stream_wait)
      return give_up(
          fmt::format("not finished after {} s", loop_.limits_.stream_wait / std::chrono::seconds{1}));
    give_up(fmt::format("no whole message for {} s", loop_.limits_.message_wait / std::chrono::seconds{1}));
  }

 private:
  void expect_message() {
    deadline_ = std::min(loop_.now() + loop_.limits_.message_wait, begun_ + loop_.limits_.stream_wait);
  }
  void write() {
    if (!connected_) {
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return give_up(fmt::format("cannot be reached over TCP: {}", os::errno_text(error)));
      connected_ = true;
      expect_message();
    }
    const auto size = ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (size < 0) {
      if (!would_block(errno)) give_up(fmt::format("the connection broke: {}", os::errno_text(errno)));
      return;
    }
    sent_ += static_cast<std::size_t>(size);
    if (sent_ == out_.size()) events_ = POLLIN;
  }
  void read() {
    // A little at a time: other exchanges have a turn in between.
    static thread_local Bytes buffer(kReadOctets);
    const auto size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0) {
      if (!would_block(errno)) give_up(fmt::format("the connection broke: {}", os::errno_text(errno)));
      return;
    }
    if (size == 0)
      return give_up(in_.buffered() > 0 ? "the connection was closed within a message"
                                        : "the connection was closed");
    octets_ += static_cast<std::uint64_t>(size);
    in_.add(ByteView(buffer).first(static_cast<std::size_t>(size)));
    while (const auto message = in_.next()) {
      expect_message();
      if (offer(*message)) return;
    }
    in_.settle();
    const auto taken = loop_.now() - begun_;
    const auto seconds = static_cast<std::uint64_t>(taken / std::chrono::seconds{1});
    if (taken > loop_.limits_.rate_after && octets_ < seconds * loop_.limits_.rate_min)
      give_up(fmt::format("too slow: {} octets in {} s", octets_, seconds));
  }

  Duration begun_{};
  Bytes out_;
  std::size_t sent_ = 0;
  bool connected_ = false;
  os::StreamFraming in_;
  std::uint64_t octets_ = 0;
};

PrimaryLoop::PrimaryLoop(const Clock& clock, ExchangeLimits limits) : clock_(clock), limits_(limits) {}

PrimaryLoop::~PrimaryLoop() {
  stop();
}

Result<void> PrimaryLoop::start(Timer timer) {
  ONOMA_TRY(wake_, os::make_wake_fd());
  timer_ = std::move(timer);
  thread_ = os::start_thread({.name = "transfer"}, [this] { run(); });
  return {};
}

void PrimaryLoop::stop() {
  {
    std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  if (!thread_.joinable()) return;
  os::wake(wake_);
  thread_.join();
  exchanges_.clear();
  posted_.clear();
}

bool PrimaryLoop::post(Call call) {
  {
    std::scoped_lock lock(mutex_);
    if (stopping_) return false;
    posted_.push_back(std::move(call));
  }
  if (wake_) os::wake(wake_);
  return true;
}

void PrimaryLoop::ask_udp(const os::Endpoint& to, Bytes message, OnMessage on_message, OnEnd on_end) {
  exchanges_.push_back(
      std::make_unique<Udp>(*this, to, std::move(message), std::move(on_message), std::move(on_end)));
  exchanges_.back()->begin();
}

void PrimaryLoop::stream(const os::Endpoint& to, Bytes message, OnMessage on_message, OnEnd on_end) {
  exchanges_.push_back(
      std::make_unique<Stream>(*this, to, std::move(message), std::move(on_message), std::move(on_end)));
  exchanges_.back()->begin();
}

void PrimaryLoop::take_posted() {
  std::vector<Call> calls;
  {
    std::scoped_lock lock(mutex_);
    calls.swap(posted_);
  }
  for (auto& call : calls) call();
}

void PrimaryLoop::run() {
  std::vector<pollfd> polled;
  std::vector<Exchange*> whose;
  for (;;) {
    os::clear_wake(wake_);
    {
      std::scoped_lock lock(mutex_);
      if (stopping_) return;
    }
    take_posted();
    // Handlers may begin others, at the end of the list.
    for (auto& exchange : exchanges_)
      if (!exchange->over() && exchange->deadline() <= now()) exchange->late();
    auto until = now() + kLongest;
    if (const auto due = timer_ ? timer_(now()) : std::nullopt) until = std::min(until, *due);
    std::erase_if(exchanges_, [](const auto& exchange) { return exchange->over(); });
    polled.assign(1, {.fd = wake_.get(), .events = POLLIN, .revents = 0});
    whose.assign(1, nullptr);
    for (const auto& exchange : exchanges_) {
      until = std::min(until, exchange->deadline());
      polled.push_back({.fd = exchange->fd(), .events = exchange->events(), .revents = 0});
      whose.push_back(exchange.get());
    }
    const auto wait = std::max<std::int64_t>(0, (until - now()) / std::chrono::milliseconds{1} + 1);
    if (until <= now())
      ::poll(polled.data(), polled.size(), 0);
    else
      ::poll(polled.data(), polled.size(), static_cast<int>(wait));
    for (std::size_t i = 1; i < polled.size(); ++i)
      if (polled[i].revents != 0 && !whose[i]->over()) whose[i]->ready(polled[i].revents);
  }
}

}  // namespace onoma::transfer
