#include "os/handover.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "os/address.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): not every unistd.h has it

namespace onoma::os {
namespace {

constexpr const char* kVariable = "ONOMA_HANDOVER";
constexpr std::size_t kReportMax = 4096;
constexpr std::size_t kStateMax = std::size_t{1} << 32;

struct Listener {
  SocketKind kind;
  std::string address;
  Fd fd;
};

struct Inheritance {
  std::mutex mutex;
  CommandLine command;
  std::vector<Listener> listeners;
  Fd report, state;
};

Inheritance& inheritance() {
  static Inheritance one;
  return one;
}

constexpr std::array<std::pair<SocketKind, std::string_view>, 3> kKinds{
    {{SocketKind::udp, "udp"}, {SocketKind::tcp, "tcp"}, {SocketKind::unix_stream, "unix"}}};

std::string_view kind_text(SocketKind kind) {
  return std::ranges::find(kKinds, kind, &std::pair<SocketKind, std::string_view>::first)->second;
}

int option_of(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

// What a descriptor listens on, if it does. A UDP socket of this program that may be shared is one that
// answers: those that ask are not shared.
std::optional<Listener> listener_of(int fd) {
  const int domain = option_of(fd, SO_DOMAIN);
  const int type = option_of(fd, SO_TYPE);
  if (domain == AF_INET || domain == AF_INET6) {
    const bool udp = type == SOCK_DGRAM && option_of(fd, SO_REUSEPORT) == 1;
    const bool tcp = type == SOCK_STREAM && option_of(fd, SO_ACCEPTCONN) == 1;
    Endpoint bound;
    socklen_t size = Endpoint::kCapacity;
    if ((!udp && !tcp) || ::getsockname(fd, bound.buffer(), &size) != 0 || bound.port() == 0)
      return std::nullopt;
    return Listener{udp ? SocketKind::udp : SocketKind::tcp, bound.text(), Fd()};
  }
  if (domain != AF_UNIX || type != SOCK_STREAM || option_of(fd, SO_ACCEPTCONN) != 1) return std::nullopt;
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      size <= offsetof(sockaddr_un, sun_path) || address.sun_path[0] == '\0')
    return std::nullopt;
  const auto room = size - offsetof(sockaddr_un, sun_path);
  return Listener{SocketKind::unix_stream, {address.sun_path, ::strnlen(address.sun_path, room)}, Fd()};
}

// Duplicates of every listening socket of this process, in the order in which they were opened, with
// descriptors above those that the child's standard streams use.
std::vector<Listener> listeners_of_process() {
  std::vector<int> numbers;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    int number = -1;
    const auto text = entry.path().filename().string();
    std::from_chars(text.data(), text.data() + text.size(), number);
    numbers.push_back(number);
  }
  std::ranges::sort(numbers);
  std::vector<Listener> found;
  for (const int number : numbers) {
    auto listener = listener_of(number);
    if (!listener) continue;
    listener->fd = Fd(::fcntl(number, F_DUPFD_CLOEXEC, 3));
    if (listener->fd) found.push_back(std::move(*listener));
  }
  return found;
}

std::optional<int> number(std::string_view text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 3) return std::nullopt;
  return value;
}

Result<void> take_line(std::string_view line, Inheritance& into) {
  const auto first = line.find(' ');
  const auto kind = line.substr(0, first);
  const auto rest = first == std::string_view::npos ? std::string_view{} : line.substr(first + 1);
  const auto second = rest.find(' ');
  const auto fd = number(rest.substr(0, second));
  if (!fd || ::fcntl(*fd, F_SETFD, FD_CLOEXEC) != 0)
    return fail(Code::bad_syntax,
                fmt::format("{} is set by a running server for its successor, and \"{}\" is no line of it; "
                            "start the program without this variable",
                            kVariable, line));
  Fd owned(*fd);
  if (kind == "report") {
    into.report = std::move(owned);
    return {};
  }
  if (kind == "state") {
    into.state = std::move(owned);
    return {};
  }
  for (const auto& [value, text] : kKinds)
    if (text == kind && second != std::string_view::npos) {
      into.listeners.push_back({value, std::string(rest.substr(second + 1)), std::move(owned)});
      return {};
    }
  return fail(Code::bad_syntax, fmt::format("{}: \"{}\" is no line of it", kVariable, line));
}

bool matches(std::string_view bound, std::string_view wanted) {
  if (bound == wanted) return true;
  constexpr std::string_view kAnyPort = ":0";
  if (!wanted.ends_with(kAnyPort)) return false;
  return bound.starts_with(wanted.substr(0, wanted.size() - 1)) &&
         bound.find(':', wanted.size() - 1) == std::string_view::npos;
}

// An error of the child is told in one message; what does not fit is cut.
void report(std::string_view text) {
  auto& from = inheritance();
  std::scoped_lock lock(from.mutex);
  if (!from.report) return;
  text = text.substr(0, kReportMax - 1);
  const auto line = std::string(text) + '\n';
  [[maybe_unused]] const auto sent = ::write(from.report.get(), line.data(), line.size());
  from.report.reset();
}

struct SpawnParts {
  SpawnParts() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnParts() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnParts(const SpawnParts&) = delete;
  SpawnParts& operator=(const SpawnParts&) = delete;
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

// Starts the program with the descriptors open and nothing blocked or ignored: threads of ours block signals.
Result<pid_t> spawn(const std::string& program, const std::vector<int>& inherited,
                    const std::string& variable) {
  SpawnParts parts;
  for (const int fd : inherited)  // onto itself: takes close-on-exec off
    ::posix_spawn_file_actions_adddup2(&parts.actions, fd, fd);
  sigset_t none;
  sigset_t defaults;
  ::sigemptyset(&none);
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigmask(&parts.attributes, &none);
  ::posix_spawnattr_setsigdefault(&parts.attributes, &defaults);
  ::posix_spawnattr_setflags(&parts.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> words{program};
  words.insert(words.end(), command_line().arguments.begin(), command_line().arguments.end());
  std::vector<std::string> settings;
  for (char** one = environ; *one != nullptr; ++one)
    if (!std::string_view(*one).starts_with(fmt::format("{}=", kVariable))) settings.emplace_back(*one);
  settings.push_back(fmt::format("{}={}", kVariable, variable));
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> out;
    out.reserve(texts.size() + 1);
    for (auto& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
  };
  auto argv = pointers(words);
  auto envp = pointers(settings);
  pid_t child = -1;
  if (const int error =
          ::posix_spawn(&child, program.c_str(), &parts.actions, &parts.attributes, argv.data(), envp.data());
      error != 0)
    return fail(Code::bad_request,
                fmt::format("cannot start {}: {}; the running program goes on. Name another with --program",
                            program, errno_text(error)));
  return child;
}

Result<Fd> state_file(const Bytes& state) {
  Fd fd(::memfd_create("onoma-state", MFD_CLOEXEC));
  if (!fd) return io_failure("cannot make a file in memory", errno);
  for (std::size_t at = 0; at < state.size();) {
    const auto wrote = ::write(fd.get(), state.data() + at, state.size() - at);
    if (wrote < 0 && errno != EINTR) return io_failure("cannot write a file in memory", errno);
    if (wrote > 0) at += static_cast<std::size_t>(wrote);
  }
  return fd;
}

}  // namespace

const CommandLine& command_line() {
  return inheritance().command;
}

Result<void> adopt_handover(int argc, const char* const* argv) {
  auto& into = inheritance();
  std::array<char, PATH_MAX> path{};
  const auto length = ::readlink("/proc/self/exe", path.data(), path.size());
  into.command.program =
      length > 0 ? std::string(path.data(), static_cast<std::size_t>(length)) : std::string(argv[0]);
  into.command.arguments.assign(argv + 1, argv + argc);
  const char* variable = std::getenv(kVariable);  // NOLINT(concurrency-mt-unsafe): no other thread yet
  if (variable == nullptr) return {};
  const std::string text(variable);
  ::unsetenv(kVariable);  // NOLINT(concurrency-mt-unsafe): likewise
  for (std::string_view rest(text); !rest.empty();) {
    const auto end = rest.find('\n');
    if (end != 0) ONOMA_TRY_VOID(take_line(rest.substr(0, end), into));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return {};
}

bool is_successor() {
  auto& from = inheritance();
  std::scoped_lock lock(from.mutex);
  return static_cast<bool>(from.report);
}

std::optional<Fd> take_inherited(SocketKind kind, std::string_view address) {
  auto& from = inheritance();
  std::scoped_lock lock(from.mutex);
  const auto found = std::ranges::find_if(from.listeners, [&](const Listener& one) {
    return one.kind == kind &&
           (kind == SocketKind::unix_stream ? one.address == address : matches(one.address, address));
  });
  if (found == from.listeners.end()) return std::nullopt;
  auto fd = std::move(found->fd);
  from.listeners.erase(found);
  return fd;
}

Bytes inherited_state() {
  Fd state;
  {
    auto& from = inheritance();
    std::scoped_lock lock(from.mutex);
    state = std::move(from.state);
  }
  Bytes out;
  if (!state) return out;
  ::lseek(state.get(), 0, SEEK_SET);
  std::array<std::uint8_t, 65536> part{};
  while (out.size() < kStateMax) {
    const auto got = ::read(state.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    append(out, ByteView(part).first(static_cast<std::size_t>(got)));
  }
  return out;
}

std::vector<std::string> report_ready() {
  std::vector<std::string> left;
  auto& from = inheritance();
  {
    std::scoped_lock lock(from.mutex);
    for (const auto& one : from.listeners)
      left.push_back(fmt::format("{} {}", kind_text(one.kind), one.address));
    from.listeners.clear();
  }
  report("ready");
  return left;
}

void report_failure(std::string_view reason) {
  std::string line("failed ");
  line += reason;
  std::ranges::replace(line, '\n', ' ');
  report(line);
}

Handover::Handover() {
  if (auto made = make_wake_fd()) wake_ = std::move(*made);
}

void Handover::cancel() {
  cancelled_.store(true);
  if (wake_) wake(wake_);
}

Result<pid_t> Handover::start(const HandoverOptions& options) {
  if (cancelled_.load()) return fail(Code::unavailable, "the server is stopping");
  if (busy_.exchange(true))
    return fail(Code::unavailable, "another upgrade is at work; wait until it has ended");
  const auto run = [&]() -> Result<pid_t> {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return io_failure("cannot make a pipe", errno);
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    ONOMA_TRY(const Fd state, state_file(options.state));
    const auto listeners = listeners_of_process();
    std::vector<int> inherited{theirs.get(), state.get()};
    std::string variable = fmt::format("report {}\nstate {}\n", theirs.get(), state.get());
    for (const auto& one : listeners) {
      inherited.push_back(one.fd.get());
      variable += fmt::format("{} {} {}\n", kind_text(one.kind), one.fd.get(), one.address);
    }
    ONOMA_TRY(const auto child,
              spawn(options.program.empty() ? command_line().program : options.program, inherited, variable));
    theirs.reset();
    auto ready = wait_ready(child, ours, options.patience);
    if (ready) return ready;
    ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return ready;
  };
  auto result = run();
  busy_.store(false);
  return result;
}

Result<pid_t> Handover::wait_ready(pid_t child, const Fd& report, std::chrono::seconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string text;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now())
            .count();
    if (left <= 0)
      return fail(Code::unavailable, fmt::format("the new program was not ready within {} s and was ended; "
                                                 "the old one goes on. Give it longer with --timeout",
                                                 patience.count()));
    std::array<pollfd, 2> waiting{{{.fd = report.get(), .events = POLLIN, .revents = 0},
                                   {.fd = wake_.get(), .events = POLLIN, .revents = 0}}};
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000))) <= 0)
      continue;
    if (waiting[1].revents != 0) return fail(Code::unavailable, "the server is stopping");
    std::array<char, 1024> part{};
    const auto got = ::read(report.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(part.data(), static_cast<std::size_t>(got));
    if (text.find('\n') != std::string::npos || text.size() > kReportMax) break;
  }
  text = text.substr(0, text.find('\n'));
  if (text == "ready") return child;
  constexpr std::string_view kFailed = "failed ";
  if (text.starts_with(kFailed))
    return fail(Code::bad_request, fmt::format("the new program did not start: {}; the old one goes on",
                                               text.substr(kFailed.size())));
  return fail(Code::bad_request,
              "the new program ended before it was ready; its messages stand in the server's log. The old "
              "one goes on");
}

void notify_service_manager(std::string_view text) {
  const char* path = std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe): never changed here
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path == nullptr || path[0] == '\0' || ::strlen(path) >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, ::strlen(path));
  if (path[0] == '@') address.sun_path[0] = '\0';
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + ::strlen(path));
  [[maybe_unused]] const auto sent = ::sendto(fd.get(), text.data(), text.size(), MSG_NOSIGNAL,
                                              reinterpret_cast<const sockaddr*>(&address), size);
}

}  // namespace onoma::os
