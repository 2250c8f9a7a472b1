#include "os/control_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/handover.h"
#include "os/thread.h"

namespace onoma::os {
namespace {

using Steady = std::chrono::steady_clock;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path || path.find('\0') != std::string::npos)
    return fail(
        Code::out_of_range,
        fmt::format("the path of a control socket has 1 to {} octets, \"{}\" has {}; choose a shorter --data",
                    sizeof address.sun_path - 1, path, path.size()));
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* plain(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// Waits for `events` until `deadline`: 1 ready, 0 too late, -1 error in errno.
int await(const Fd& fd, short events, Steady::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
    pollfd waiting{.fd = fd.get(), .events = events, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(left + 1, 0, 3'600'000)));
    if (ready >= 0 || errno != EINTR) return ready;
  }
}

std::string one_line(std::string_view text) {
  std::string line(text);
  std::ranges::replace(line, '\n', ' ');
  line += '\n';
  return line;
}

// 0, or the errno value that stopped it (ETIMEDOUT after `patience` without progress).
int send_all(const Fd& fd, std::string_view text, std::chrono::milliseconds patience) {
  while (!text.empty()) {
    const auto sent = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return errno;
    const int ready = await(fd, POLLOUT, Steady::now() + patience);
    if (ready == 0) return ETIMEDOUT;
    if (ready < 0) return errno;
  }
  return 0;
}

// Lines of a stream, with a limit on their length.
class LineReader {
 public:
  explicit LineReader(const Fd& fd) : fd_(fd) {}

  // 0 and the next line (without its newline); or an errno value: EMSGSIZE a line too long, ECONNRESET the
  // end came first, ETIMEDOUT.
  int next(std::string& line, Steady::time_point deadline) {
    for (;;) {
      const auto end = buffer_.find('\n', searched_);
      if (end != std::string::npos) {
        line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        searched_ = 0;
        return 0;
      }
      searched_ = buffer_.size();
      if (buffer_.size() > kControlDocumentMax) return EMSGSIZE;
      const int ready = await(fd_, POLLIN, deadline);
      if (ready == 0) return ETIMEDOUT;
      if (ready < 0) return errno;
      std::array<char, 16384> part;
      const auto got = ::recv(fd_.get(), part.data(), part.size(), MSG_DONTWAIT);
      if (got == 0) return ECONNRESET;
      if (got < 0) {
        if (errno == EINTR || errno == EAGAIN) continue;
        return errno;
      }
      buffer_.append(part.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  const Fd& fd_;
  std::string buffer_;
  std::size_t searched_ = 0;
};

bool same_user(const Fd& fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

// Removes what a server left behind that died; an error if it still lives, or if the file is none of ours.
Result<void> clear_stale(const std::string& path, const sockaddr_un& address) {
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return {};
    return io_failure(fmt::format("cannot look at {}", path), errno);
  }
  if (!S_ISSOCK(facts.st_mode))
    return fail(Code::exists,
                fmt::format("{} exists and is no socket; remove it or choose another --data", path));
  Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return io_failure("cannot make a socket", errno);
  if (::connect(probe.get(), plain(address), sizeof address) == 0 || errno != ECONNREFUSED)
    return fail(Code::unavailable,
                fmt::format("another server answers on {}; stop it or choose another --data", path));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return io_failure(fmt::format("cannot remove {}", path), errno);
  return {};
}

Result<Fd> listen_on(const std::string& path, const sockaddr_un& address) {
  ONOMA_TRY_VOID(clear_stale(path, address));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return io_failure("cannot make a socket", errno);
  // The file that bind makes takes its mode from the socket, so there is no moment at which others could
  // connect.
  if (::fchmod(fd.get(), 0600) != 0 || ::bind(fd.get(), plain(address), sizeof address) != 0)
    return io_failure(fmt::format("cannot make the control socket {}", path), errno);
  if (::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), 64) != 0) {
    const auto failed = io_failure(fmt::format("cannot listen on the control socket {}", path), errno);
    ::unlink(path.c_str());
    return failed;
  }
  return fd;
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(const std::string& path, ControlHandler handler,
                                                            ControlOptions options) {
  ONOMA_TRY(const sockaddr_un address, address_of(path));
  std::unique_ptr<ControlServer> server(new ControlServer);
  server->handler_ = std::move(handler);
  server->options_ = options;
  ONOMA_TRY(server->wake_, make_wake_fd());
  if (auto inherited = take_inherited(SocketKind::unix_stream, path)) {
    server->listener_ = std::move(*inherited);
  } else {
    ONOMA_TRY(server->listener_, listen_on(path, address));
  }
  server->path_ = path;
  server->thread_ =
      start_thread({.name = "control", .cpu = -1, .nice = 0}, [self = server.get()] { self->run(); });
  return server;
}

ControlServer::~ControlServer() {
  {
    std::scoped_lock lock(mutex_);
    stopping_ = true;
    for (Session& session : sessions_) ::shutdown(session.fd.get(), SHUT_RD);
  }
  if (thread_.joinable()) {
    wake(wake_);
    thread_.join();
  }
  for (Session& session : sessions_)
    if (session.thread.joinable()) session.thread.join();
  if (!path_.empty() && !left_) ::unlink(path_.c_str());
}

void ControlServer::pause(bool paused) {
  {
    std::scoped_lock lock(mutex_);
    paused_ = paused;
  }
  wake(wake_);
}

void ControlServer::leave() {
  {
    std::scoped_lock lock(mutex_);
    paused_ = left_ = true;
  }
  wake(wake_);
}

// Joins what has ended; returns how many are still at work.
std::size_t ControlServer::collect_done() {
  std::list<Session> ended;
  std::scoped_lock lock(mutex_);
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    const auto next = std::next(it);
    if (it->done) ended.splice(ended.end(), sessions_, it);
    it = next;
  }
  for (Session& session : ended) session.thread.join();
  return sessions_.size();
}

void ControlServer::run() {
  for (;;) {
    clear_wake(wake_);
    bool deaf = collect_done() >= options_.connections_max;
    {
      std::scoped_lock lock(mutex_);
      if (stopping_) return;
      deaf = deaf || paused_;
    }
    std::array<pollfd, 2> waiting{{{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                                   {.fd = listener_.get(), .events = POLLIN, .revents = 0}}};
    if (::poll(waiting.data(), deaf ? 1 : 2, -1) < 0 || waiting[1].revents == 0) continue;
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd || !same_user(fd)) {
      // Out of descriptors: poll would come back at once, so wait for a session to end, or a moment.
      if (!fd && (errno == EMFILE || errno == ENFILE)) ::poll(waiting.data(), 1, 100);
      continue;
    }
    std::scoped_lock lock(mutex_);
    if (stopping_) return;
    Session& session = sessions_.emplace_back();
    session.fd = std::move(fd);
    session.thread =
        start_thread({.name = "control", .cpu = -1, .nice = 0}, [this, &session] { serve(session); });
  }
}

void ControlServer::serve(Session& session) {
  std::string request;
  const int error = LineReader(session.fd).next(request, Steady::now() + options_.patience);
  if (error == 0) {
    std::mutex sending;
    bool gone = false;
    const ControlProgress progress = [&](std::string_view text) {
      std::scoped_lock lock(sending);
      if (!gone) gone = send_all(session.fd, one_line(fmt::format("# {}", text)), options_.patience) != 0;
    };
    const std::string answer = handler_(request, progress);
    std::scoped_lock lock(sending);
    if (!gone) send_all(session.fd, one_line(answer), options_.patience);
  } else if (error == EMSGSIZE) {
    send_all(session.fd, "{\"error\":\"too_large\",\"message\":\"the request is larger than 16 MiB\"}\n",
             options_.patience);
  }
  ::shutdown(session.fd.get(), SHUT_RDWR);
  std::scoped_lock lock(mutex_);
  session.done = true;
  wake(wake_);
}

Result<std::string> control_call(const std::string& path, std::string_view request,
                                 std::chrono::milliseconds timeout, const ControlProgress& progress) {
  if (request.size() > kControlDocumentMax)
    return fail(Code::too_large, fmt::format("the request has {} octets, the limit is {}", request.size(),
                                             kControlDocumentMax));
  ONOMA_TRY(const sockaddr_un address, address_of(path));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return io_failure("cannot make a socket", errno);
  // connect waits while the backlog is full; for a Unix-domain socket the time limit for sending bounds that.
  const timeval limit{.tv_sec = timeout.count() / 1000, .tv_usec = timeout.count() % 1000 * 1000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd.get(), plain(address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED)
      return fail(Code::unavailable,
                  fmt::format("no server answers on {}; is it running, and with this --data?", path));
    if (errno == EACCES)
      return fail(Code::forbidden, fmt::format("not permitted to use {}: run as the server's user", path));
    return fail_in(fmt::format("cannot reach {}", path), Error{Code::unavailable, errno_text(errno), {}});
  }
  const auto failed = [&](int error) -> std::unexpected<Error> {
    if (error == EMSGSIZE)
      return fail(Code::too_large, fmt::format("the answer from {} is larger than 16 MiB", path));
    if (error == ETIMEDOUT)
      return fail(Code::unavailable, fmt::format("no answer from {} within {} ms", path, timeout.count()));
    if (error == ECONNRESET || error == EPIPE)
      return fail(Code::unavailable,
                  fmt::format("the server on {} closed the connection without an answer", path));
    return io_failure(fmt::format("cannot talk to {}", path), error);
  };
  if (int error = send_all(fd, one_line(request), timeout); error != 0) return failed(error);
  LineReader reader(fd);
  for (std::string line;;) {
    if (int error = reader.next(line, Steady::now() + timeout); error != 0) return failed(error);
    if (!line.starts_with('#')) return line;
    if (progress) progress(std::string_view(line).substr(std::min<std::size_t>(2, line.size())));
  }
}

}  // namespace onoma::os
