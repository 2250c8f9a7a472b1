// packet_storm: bent packets over UDP and TCP against a running server, and good questions in between that
// must be answered rightly and soon. Exit status 0: every probe was; 1: one was not, or a reply was not a DNS
// message within its limit; 2: usage.
//
//   packet_storm --server 127.0.0.1:5300 --questions FILE --probes FILE [--raw FILE...] [--packets N] [--tcp
//   N]
//                [--seed N] [--patience-ms N] [--udp-limit N]
//
// questions: lines NAME TYPE (a number). probes: lines NAME TYPE RCODE AA ANSWERS AUTHORITIES; the first
// answer to each, before the storm, is checked against that, and all later ones must equal it to the octet. A
// probe goes behind every batch on the same flow, so its answer also says that the batch was taken in: no
// packet counts that the kernel dropped.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "soak/packet_bender.h"

namespace onoma::soak {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kFlows = 16;      // UDP sockets: enough for every worker to get some
constexpr std::size_t kMostUdp = 9000;  // octets of a bent datagram
constexpr std::size_t kReply = 65536;

struct Arguments {
  sockaddr_in server{};
  std::string questions, probes;
  std::vector<std::string> raw;
  std::uint64_t packets = 100'000, tcp = 5'000, seed = 1;
  std::size_t udp_limit = 1232;
  int patience_ms = 1000;
};

struct Probe {
  Question question;
  unsigned rcode = 0, authoritative = 0, answers = 0, authorities = 0;
  Octets query, reply;
};

std::size_t get16(const std::uint8_t* at) {
  return std::size_t{at[0]} << 8 | at[1];
}

// Skips a name; false when it is none. Pointers must point back.
bool skip_name(std::span<const std::uint8_t> message, std::size_t& at) {
  for (;;) {
    if (at >= message.size()) return false;
    const auto length = message[at];
    if (length >= 0xc0) {
      if (at + 1 >= message.size() || (get16(&message[at]) & 0x3fff) >= at) return false;
      at += 2;
      return true;
    }
    if (length >= 0x40) return false;
    at += 1U + length;
    if (length == 0) return true;
  }
}

// Why octets are no reply of a server; null when they are one.
const char* fault_of(std::span<const std::uint8_t> reply, std::size_t limit) {
  if (reply.size() < 12) return "shorter than a header";
  if (reply.size() > limit) return "longer than the limit";
  if ((reply[2] & 0x80) == 0) return "QR is not set";
  if ((reply[3] & 0xe0) != 0) return "RA, Z or AD is set";
  if (get16(&reply[4]) > 1) return "more than one question";
  std::size_t at = 12;
  if (get16(&reply[4]) == 1) {
    if (!skip_name(reply, at) || at + 4 > reply.size()) return "a damaged question";
    at += 4;
  }
  const auto records = get16(&reply[6]) + get16(&reply[8]) + get16(&reply[10]);
  for (std::size_t i = 0; i < records; ++i) {
    if (!skip_name(reply, at) || at + 10 > reply.size()) return "a damaged record";
    at += 10 + get16(&reply[at + 8]);
    if (at > reply.size()) return "data beyond the end";
  }
  return at == reply.size() ? nullptr : "octets after the last record";
}

void print_packet(const char* what, std::span<const std::uint8_t> packet) {
  std::printf("%s (%zu octets): ", what, packet.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(packet.size(), 600); ++i) std::printf("%02x", packet[i]);
  std::printf("\n");
}

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  // Readable within so many milliseconds?
  bool wait(int timeout_ms, short events = POLLIN) const {
    pollfd entry{fd_, events, 0};
    return ::poll(&entry, 1, timeout_ms) > 0;
  }

 private:
  int fd_;
};

std::unique_ptr<Socket> connect_to(const sockaddr_in& server, int type) {
  auto made = std::make_unique<Socket>(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  if (made->fd() < 0) return nullptr;
  const int room = 4 << 20;
  if (type == SOCK_DGRAM) ::setsockopt(made->fd(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (::connect(made->fd(), reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) return nullptr;
  return made;
}

// Both halves of the storm report here; one failure ends both.
struct Outcome {
  std::atomic<bool> failed{false};
  std::atomic<std::uint64_t> packets{0}, replies{0}, probes{0}, connections{0};
  std::atomic<int> slowest_ms{0};

  bool fail(const char* what) {
    std::printf("FAILED: %s\n", what);
    std::fflush(stdout);
    failed = true;
    return false;
  }
  void took(SteadyClock::duration time) {
    const auto now = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
    auto seen = slowest_ms.load();
    while (now > seen && !slowest_ms.compare_exchange_weak(seen, now)) {
    }
    ++probes;
  }
};

class UdpStorm {
 public:
  UdpStorm(const Arguments& arguments, std::vector<Probe>& probes, Bender bender, Outcome& outcome)
      : arguments_(arguments), probes_(probes), bender_(std::move(bender)), outcome_(outcome) {
    for (std::size_t i = 0; i < kFlows; ++i) flows_.push_back(connect_to(arguments.server, SOCK_DGRAM));
    buffer_.resize(kReply);
    packets_.resize(kBatch);
  }

  // Before the storm: each probe's answer, held against what is known of it.
  bool learn() {
    for (auto& probe : probes_) {
      ident_ = static_cast<std::uint16_t>(bender_.dice().next());
      if (!send_probe(*flows_[0], probe) || !await(*flows_[0], probe, true)) return false;
      const auto* head = probe.reply.data();
      if ((head[3] & 15U) != probe.rcode || (head[2] >> 2 & 1U) != probe.authoritative ||
          get16(head + 6) != probe.answers || get16(head + 8) != probe.authorities) {
        print_packet("the query", probe.query);
        print_packet("the answer", probe.reply);
        return outcome_.fail("an answer before the storm is not what is known");
      }
    }
    return true;
  }

  void run() {
    auto told = SteadyClock::now();
    for (std::uint64_t done = 0; done < arguments_.packets && !outcome_.failed;) {
      const auto n = std::min<std::uint64_t>(kBatch, arguments_.packets - done);
      const auto& flow = *flows_[bender_.dice().below(kFlows)];
      const auto& probe = probes_[bender_.dice().below(probes_.size())];
      if (!send_batch(flow, n) || !send_probe(flow, probe)) return;
      if (!await(flow, probe, false)) return;
      done += n;
      outcome_.packets += n;
      if (SteadyClock::now() - told > std::chrono::seconds{10}) {
        told = SteadyClock::now();
        std::printf("%llu packets, %llu replies, %llu probes answered, slowest %d ms\n",
                    static_cast<unsigned long long>(outcome_.packets),
                    static_cast<unsigned long long>(outcome_.replies),
                    static_cast<unsigned long long>(outcome_.probes), outcome_.slowest_ms.load());
        std::fflush(stdout);
      }
    }
  }

 private:
  bool send_batch(const Socket& flow, std::size_t n) {
    std::array<mmsghdr, kBatch> messages{};
    std::array<iovec, kBatch> pieces{};
    for (std::size_t i = 0; i < n; ++i) {
      bender_.make(packets_[i], kMostUdp);
      pieces[i] = {packets_[i].data(), packets_[i].size()};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (std::size_t sent = 0; sent < n;) {
      const int count = ::sendmmsg(flow.fd(), &messages[sent], static_cast<unsigned>(n - sent), 0);
      if (count <= 0) {
        if (count < 0 && errno == EINTR) continue;
        return outcome_.fail(std::generic_category().message(errno).c_str());
      }
      sent += static_cast<std::size_t>(count);
    }
    return true;
  }

  bool send_probe(const Socket& flow, const Probe& probe) {
    query_ = probe.query;
    ident_ = static_cast<std::uint16_t>(ident_ + 1);
    query_[0] = static_cast<std::uint8_t>(ident_ >> 8);
    query_[1] = static_cast<std::uint8_t>(ident_);
    sent_ = SteadyClock::now();
    if (::send(flow.fd(), query_.data(), query_.size(), 0) < 0)
      return outcome_.fail(std::generic_category().message(errno).c_str());
    return true;
  }

  // Takes replies in until the probe's has come.
  template <class SomeProbe>
  bool await(const Socket& flow, SomeProbe& probe, bool learn) {
    for (;;) {
      const auto left =
          arguments_.patience_ms -
          static_cast<int>(
              std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - sent_).count());
      if (left <= 0 || !flow.wait(left)) {
        for (const auto& packet : packets_) print_packet("of the last batch", packet);
        return outcome_.fail("a probe over UDP had no answer in time");
      }
      const auto got = ::recv(flow.fd(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (got < 0) {
        if (errno == EAGAIN || errno == EINTR) continue;
        return outcome_.fail(std::generic_category().message(errno).c_str());
      }
      const std::span reply(buffer_.data(), static_cast<std::size_t>(got));
      ++outcome_.replies;
      if (const auto* fault = fault_of(reply, arguments_.udp_limit)) {
        print_packet("the reply", reply);
        return outcome_.fail(fault);
      }
      if (get16(reply.data()) != ident_ || !same_question(reply, probe)) continue;
      outcome_.took(SteadyClock::now() - sent_);
      if constexpr (!std::is_const_v<SomeProbe>) {
        if (learn) probe.reply.assign(reply.begin(), reply.end());
      }
      if (std::equal(reply.begin() + 2, reply.end(), probe.reply.begin() + 2, probe.reply.end())) return true;
      print_packet("the query", query_);
      print_packet("the answer now", reply);
      print_packet("the answer before", probe.reply);
      return outcome_.fail("a probe's answer has changed");
    }
  }

  // Bent packets may carry the probe's identifier by chance; the question tells them apart.
  static bool same_question(std::span<const std::uint8_t> reply, const Probe& probe) {
    const auto end = static_cast<std::ptrdiff_t>(12 + probe.question.name.size() + 4);
    return static_cast<std::ptrdiff_t>(reply.size()) >= end && get16(&reply[4]) == 1 &&
           std::equal(probe.query.begin() + 12, probe.query.begin() + end, reply.begin() + 12);
  }

  const Arguments& arguments_;
  std::vector<Probe>& probes_;
  Bender bender_;
  Outcome& outcome_;
  std::vector<std::unique_ptr<Socket>> flows_;
  std::vector<Octets> packets_;
  Octets buffer_, query_;
  std::uint16_t ident_ = 0;
  SteadyClock::time_point sent_;
};

// Connections of every bad manner, with a well-behaved one after each few.
class TcpStorm {
 public:
  TcpStorm(const Arguments& arguments, const std::vector<Probe>& probes, Bender bender, Outcome& outcome)
      : arguments_(arguments), probes_(probes), bender_(std::move(bender)), outcome_(outcome) {}

  void run() {
    for (std::uint64_t done = 0; done < arguments_.tcp && !outcome_.failed;) {
      const auto sent = bad_connection(std::min<std::uint64_t>(arguments_.tcp - done, 64));
      done += sent;
      outcome_.packets += sent;
      if (bender_.dice().one_in(3) && !good_connection()) return;
    }
    if (!outcome_.failed) good_connection();
  }

 private:
  // Returns how many messages it carried.
  std::uint64_t bad_connection(std::uint64_t most) {
    auto& dice = bender_.dice();
    const auto tcp = connect_to(arguments_.server, SOCK_STREAM);
    ++outcome_.connections;
    if (!tcp) {
      outcome_.fail("no connection");
      return 1;
    }
    const int on = 1;
    ::setsockopt(tcp->fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Octets stream, message;
    const auto messages = 1 + dice.below(most);
    for (std::size_t i = 0; i < messages; ++i) {
      bender_.make(message, dice.one_in(50) ? 65535 : 2000);
      auto length = message.size();
      if (dice.one_in(40)) length = dice.below(65536);  // from here on nothing is where it should be
      stream.push_back(static_cast<std::uint8_t>(length >> 8));
      stream.push_back(static_cast<std::uint8_t>(length));
      stream.insert(stream.end(), message.begin(), message.end());
    }
    const bool reads = !dice.one_in(4);
    const auto piece_most = dice.one_in(4)   ? 1 + dice.below(7)
                            : dice.one_in(2) ? 1 + dice.below(600)
                                             : stream.size();
    std::size_t at = 0, pieces = 0;
    const auto stop_at = dice.one_in(4) ? dice.below(stream.size()) : stream.size();
    while (at < stop_at && ++pieces < 4000) {
      const auto size = std::min(stop_at - at, 1 + dice.below(piece_most));
      const auto sent = ::send(tcp->fd(), &stream[at], size, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN) break;  // closed by the server: it may
      if (sent > 0) at += static_cast<std::size_t>(sent);
      if (reads && !drain(*tcp, sent <= 0 ? 5 : 0)) break;
      if (!reads && sent <= 0) break;
    }
    if (dice.one_in(2)) {
      ::shutdown(tcp->fd(), SHUT_WR);
      if (reads) drain(*tcp, 20);
    }
    if (!dice.one_in(8)) {  // mostly a reset, which leaves no port waiting
      const linger abrupt{1, 0};
      ::setsockopt(tcp->fd(), SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
    }
    return messages;
  }

  // False when the server has closed.
  bool drain(const Socket& tcp, int wait_ms) {
    if (wait_ms > 0) tcp.wait(wait_ms);
    std::array<std::uint8_t, 16384> buffer;
    for (;;) {
      const auto got = ::recv(tcp.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got > 0) continue;
      return got < 0 && errno == EAGAIN;
    }
  }

  bool good_connection() {
    auto& dice = bender_.dice();
    const auto begun = SteadyClock::now();
    const auto tcp = connect_to(arguments_.server, SOCK_STREAM);
    if (!tcp) return outcome_.fail("no connection for a probe");
    ++outcome_.connections;
    const auto many = 1 + dice.below(8);  // pipelined
    std::vector<const Probe*> asked;
    Octets stream;
    for (std::size_t i = 0; i < many; ++i) {
      asked.push_back(&probes_[dice.below(probes_.size())]);
      const auto& query = asked.back()->query;
      stream.push_back(static_cast<std::uint8_t>(query.size() >> 8));
      stream.push_back(static_cast<std::uint8_t>(query.size()));
      stream.insert(stream.end(), query.begin(), query.end());
      stream[stream.size() - query.size()] = 0;
      stream[stream.size() - query.size() + 1] = static_cast<std::uint8_t>(i);
    }
    const auto piece = dice.one_in(3) ? 1 + dice.below(9) : stream.size();
    for (std::size_t at = 0; at < stream.size(); at += piece)
      if (::send(tcp->fd(), &stream[at], std::min(piece, stream.size() - at), MSG_NOSIGNAL) < 0)
        return outcome_.fail("a probe over TCP could not be sent");
    Octets got;
    std::size_t at = 0;
    for (std::size_t left = many; left > 0;) {
      while (got.size() - at < 2 || got.size() - at - 2 < get16(&got[at])) {
        const auto rest =
            arguments_.patience_ms -
            static_cast<int>(
                std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - begun).count());
        if (rest <= 0 || !tcp->wait(rest)) return outcome_.fail("a probe over TCP had no answer in time");
        std::array<std::uint8_t, 16384> buffer;
        const auto size = ::recv(tcp->fd(), buffer.data(), buffer.size(), 0);
        if (size <= 0) return outcome_.fail("the server closed a connection on a probe");
        got.insert(got.end(), buffer.begin(), buffer.begin() + size);
      }
      const std::span reply(&got[at + 2], get16(&got[at]));
      at += 2 + reply.size();
      --left;
      if (const auto* fault = fault_of(reply, 65535)) return outcome_.fail(fault);
      const auto index = get16(reply.data());
      if (index >= many || !std::equal(reply.begin() + 2, reply.end(), asked[index]->reply.begin() + 2,
                                       asked[index]->reply.end())) {
        print_packet("the answer over TCP", reply);
        return outcome_.fail("a probe's answer over TCP is not the one over UDP");
      }
      outcome_.took(SteadyClock::now() - begun);
    }
    return true;
  }

  const Arguments& arguments_;
  const std::vector<Probe>& probes_;
  Bender bender_;
  Outcome& outcome_;
};

std::optional<Arguments> parse(int count, char** words) {
  Arguments out;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string word = words[i], value = words[i + 1];
    const auto number = [&] { return std::strtoull(value.c_str(), nullptr, 10); };
    if (word == "--server") {
      const auto colon = value.rfind(':');
      if (colon == std::string::npos) return {};
      out.server.sin_family = AF_INET;
      out.server.sin_port = htons(static_cast<std::uint16_t>(std::atoi(value.c_str() + colon + 1)));
      if (::inet_pton(AF_INET, value.substr(0, colon).c_str(), &out.server.sin_addr) != 1) return {};
    } else if (word == "--questions") {
      out.questions = value;
    } else if (word == "--probes") {
      out.probes = value;
    } else if (word == "--raw") {
      out.raw.push_back(value);
    } else if (word == "--packets") {
      out.packets = number();
    } else if (word == "--tcp") {
      out.tcp = number();
    } else if (word == "--seed") {
      out.seed = number();
    } else if (word == "--patience-ms") {
      out.patience_ms = static_cast<int>(number());
    } else if (word == "--udp-limit") {
      out.udp_limit = number();
    } else {
      return {};
    }
  }
  if (out.server.sin_port == 0 || out.questions.empty() || out.probes.empty()) return {};
  return out;
}

Octets plain_query(const Question& question) {
  Octets out = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  out.insert(out.end(), question.name.begin(), question.name.end());
  for (const auto number : {question.type, std::uint16_t{1}}) {
    out.push_back(static_cast<std::uint8_t>(number >> 8));
    out.push_back(static_cast<std::uint8_t>(number));
  }
  return out;
}

int run(const Arguments& arguments) {
  std::vector<Question> questions;
  std::vector<Probe> probes;
  std::vector<Octets> raw;
  std::ifstream question_file(arguments.questions), probe_file(arguments.probes);
  for (std::string line; std::getline(question_file, line);)
    if (auto question = parse_question(line); !question.name.empty())
      questions.push_back(std::move(question));
  for (std::string line; std::getline(probe_file, line);) {
    Probe probe;
    probe.question = parse_question(line);
    std::istringstream words(line);
    std::string word;
    if (probe.question.name.empty() ||
        !(words >> word >> word >> probe.rcode >> probe.authoritative >> probe.answers >> probe.authorities))
      continue;
    probe.query = plain_query(probe.question);
    probes.push_back(std::move(probe));
  }
  for (const auto& path : arguments.raw) {
    std::ifstream file(path, std::ios::binary);
    raw.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  if (questions.empty() || probes.empty()) {
    std::printf("no questions or no probes\n");
    return 2;
  }
  Outcome outcome;
  const auto begun = SteadyClock::now();
  UdpStorm udp(arguments, probes, Bender(questions, raw, arguments.seed), outcome);
  if (!udp.learn()) return 1;
  TcpStorm tcp(arguments, probes, Bender(questions, raw, arguments.seed + 1), outcome);
  {
    const std::jthread other([&] { tcp.run(); });
    udp.run();
  }
  const auto took_s = std::chrono::duration<double>(SteadyClock::now() - begun).count();
  std::printf(
      "%llu packets (%llu over TCP, %llu connections), %llu replies over UDP, %llu probes answered, "
      "slowest %d ms; seed %llu, %.1f s\n",
      static_cast<unsigned long long>(outcome.packets), static_cast<unsigned long long>(arguments.tcp),
      static_cast<unsigned long long>(outcome.connections), static_cast<unsigned long long>(outcome.replies),
      static_cast<unsigned long long>(outcome.probes), outcome.slowest_ms.load(),
      static_cast<unsigned long long>(arguments.seed), took_s);
  return outcome.failed ? 1 : 0;
}

}  // namespace
}  // namespace onoma::soak

int main(int count, char** words) {
  const auto arguments = onoma::soak::parse(count, words);
  if (!arguments) {
    std::fprintf(stderr,
                 "usage: packet_storm --server ADDRESS:PORT --questions FILE --probes FILE [--raw FILE] "
                 "[--packets N] [--tcp N] [--seed N] [--patience-ms N] [--udp-limit N]\n");
    return 2;
  }
  return onoma::soak::run(*arguments);
}
