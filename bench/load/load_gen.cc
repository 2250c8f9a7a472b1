// Asks a DNS server over UDP and records how long answers take. One thread, which never sleeps.
//
//   load_gen 127.0.0.1:5300 --queries mix=FILE --rate 100000 --seconds 10
//
// Two ways of asking
// - --rate: an open loop. Question k is due at start + k / rate, whatever the server does, and its time
// counts
//   from then: a server that stops for 5 ms is charged with every question that was due meanwhile.
// - --window: a closed loop that keeps so many questions outstanding. It shows what a server can do at most.
//   --once: one pass over the file.
// Several streams, each with a label, a weight and addresses to come from (all of 127.0.0.0/8 is this host),
// are mixed at random and counted apart. A stream of random names may send bursts from one address with one
// system call (UDP_SEGMENT); the server receives packets like any others, but one core can send far more of
// them.
//
// Questions of an open loop for which this program comes too late by more than 20 ms are not asked; they are
// counted as `skipped`, and `sent_per_s` tells how many were asked.
//
// A time in which this program itself did not run (more than --stall-us between two looks at the sockets) is
// a stall; questions that were due or outstanding during one are counted as `disturbed` and apart, since
// their times say nothing about the server.
//
// --transfer asks for the zone over TCP after some seconds and throws the answer away.
//
// Prints one JSON object; on stderr "started" when the first question leaves and "transferred" when a
// transfer is over. SIGTERM ends a run early: what was measured until then is printed.
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load/histogram.h"
#include "load/load_options.h"
#include "load/queries.h"

namespace onoma::bench {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kQueryMax = 320;
constexpr std::size_t kHeadOctets = 12;  // all that is read of an answer
constexpr std::size_t kRandomLetters = 12;
constexpr double kTooLate = 20'000'000;       // ns
constexpr std::int64_t kSlice = 100'000'000;  // ns, of the time line

volatile std::sig_atomic_t stop_asked = 0;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
std::int64_t ns_of(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e9);
}

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "load_gen: %s\n", what.c_str());
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): one thread
}
[[noreturn]] void give_up_errno(const std::string& what) {
  give_up(what + ": " + std::strerror(errno));  // NOLINT(concurrency-mt-unsafe): one thread
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U | 1) {}
  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ * 0x2545f4914f6cdd1dU;
  }
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((next() >> 32) * bound >> 32);
  }

 private:
  std::uint64_t state_;
};

struct Stream {
  StreamOptions options;
  Queries queries;
  std::vector<std::uint8_t> pattern;  // of random names
  std::size_t next = 0;
  // Of questions due after the warm-up.
  std::uint64_t sent = 0, noerror = 0, nxdomain = 0, truncated = 0, other = 0, lost = 0, octets = 0;
  Histogram latency, disturbed;
};

struct Slot {
  std::int64_t due = 0;
  std::uint32_t number = 0;  // tells uses of the slot apart
  std::uint8_t stream = 0;
  bool busy = false;
};

struct Outstanding {
  std::uint32_t socket_and_id, number;
};

class Transfer {
 public:
  Transfer(const LoadOptions& options) : options_(options) {}
  ~Transfer() {
    if (fd_ >= 0) close(fd_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void look(std::int64_t start, std::int64_t now) {
    if (options_.transfer.empty() || ended_ || now < start + ns_of(options_.transfer_at)) return;
    if (fd_ < 0) return begin(now);
    for (int i = 0; i < 4; ++i) {
      const auto got = recv(fd_, nullptr, 1 << 18, MSG_TRUNC | MSG_DONTWAIT);
      if (got > 0) {
        octets_ += static_cast<std::uint64_t>(got);
        last_ = now;
        continue;
      }
      // An end of the stream, an error, or silence for a second: it is over.
      ended_ = got == 0 || (errno != EAGAIN && errno != EINTR) || now - last_ > 1'000'000'000;
      if (ended_) std::fputs("transferred\n", stderr);
      return;
    }
  }
  std::string json(std::int64_t start) const {
    if (fd_ < 0) return "null";
    std::array<char, 128> out{};
    std::snprintf(out.data(), out.size(), "{\"octets\": %llu, \"begun_s\": %.4f, \"seconds\": %.4f}",
                  static_cast<unsigned long long>(octets_), static_cast<double>(begun_ - start) / 1e9,
                  static_cast<double>(last_ - begun_) / 1e9);
    return out.data();
  }

 private:
  void begin(std::int64_t now) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0 ||
        connect(fd_, reinterpret_cast<const sockaddr*>(&options_.server), sizeof options_.server) != 0)
      give_up_errno("connecting for the transfer");
    std::vector<std::uint8_t> query{0, 0};
    const auto* name = options_.transfer.data();
    append_query(name, name + options_.transfer.size(), 252, false, 1232, query);
    // Without the OPT record: old servers like transfers plain.
    query.resize(query.size() - 11);
    query[2 + 11] = 0;
    query[1] = static_cast<std::uint8_t>(query.size() - 2);
    if (send(fd_, query.data(), query.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(query.size()))
      give_up_errno("asking for the transfer");
    begun_ = last_ = now;
  }
  const LoadOptions& options_;
  int fd_ = -1;
  bool ended_ = false;
  std::int64_t begun_ = 0, last_ = 0;
  std::uint64_t octets_ = 0;
};

class Load {
 public:
  explicit Load(LoadOptions options)
      : options_(std::move(options)),
        random_(options_.seed),
        transfer_(options_),
        ring_(std::size_t{1} << 21) {
    for (const auto& one : options_.streams) {
      auto& stream = streams_.emplace_back();
      stream.options = one;
      std::string error;
      if (one.suffix.empty()) {
        stream.queries = Queries::load(one.file, {.dnssec = one.dnssec}, error);
        if (!error.empty()) give_up(error);
        stream.next = random_.below(static_cast<std::uint32_t>(options_.once ? 1 : stream.queries.size()));
      } else {
        const auto name = std::string(kRandomLetters, 'a') + "." + one.suffix;
        if (!append_query(name.data(), name.data() + name.size(), 1, one.dnssec, 1232, stream.pattern))
          give_up(one.suffix + " is not a name");
      }
      for (unsigned i = 0; i < one.weight / one.burst; ++i)
        choice_.push_back(static_cast<std::uint8_t>(streams_.size() - 1));
      with_sources_ = with_sources_ || one.sources.count > 0 || one.burst > 1;
    }
    open_sockets();
    prepare_messages();
  }

  int run() {
    interval_ = options_.rate > 0 ? 1e9 / options_.rate : 0;
    start_ = now_ns();
    warm_ = start_ + ns_of(options_.warmup);
    end_ = warm_ + ns_of(options_.seconds);
    slices_.resize(static_cast<std::size_t>((end_ - start_) / kSlice + 1));
    std::fputs("started\n", stderr);
    auto last = start_;
    std::int64_t limit = ns_of(options_.stall_us * 1e-6);
    for (;;) {
      const auto now = now_ns();
      if (now - last > limit) {
        stall_end_ = now;
        ++stalls_;
        stall_ns_ += now - last;
        stall_max_ = std::max(stall_max_, now - last);
      }
      last = now;
      expire(now);
      if (stop_asked != 0) end_ = std::min(end_, now);
      const bool over =
          stop_asked != 0 || (options_.once ? sent_ == streams_[0].queries.size() : now >= end_);
      if (over && outstanding_ == 0) break;  // expire() sees to it that this comes true
      if (!over) ask(now);
      for (auto& socket : sockets_)
        if (socket.busy > 0) receive(socket);
      transfer_.look(start_, now);
    }
    for (auto& socket : sockets_) close(socket.fd);
    slices_.resize(std::min(slices_.size(), static_cast<std::size_t>((end_ - start_) / kSlice + 1)));
    print();
    return 0;
  }

 private:
  struct Socket {
    int fd = -1;
    std::vector<Slot> slots = std::vector<Slot>(65536);
    std::uint16_t next = 0;
    std::size_t busy = 0;
  };

  void open_sockets() {
    sockets_.resize(options_.sockets);
    for (auto& one : sockets_) {
      one.fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      const int buffer = 8 << 20;
      sockaddr_in local{};
      local.sin_family = AF_INET;
      // Above net.core.rmem_max where we may; a generator that drops answers would blame the server.
      if (one.fd < 0 || (setsockopt(one.fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0 &&
                         setsockopt(one.fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) != 0))
        give_up_errno("opening a socket");
      if (bind(one.fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0)
        give_up_errno("binding a socket");
      // A connected socket has one source; unconnected ones are told with every packet.
      if (!with_sources_ &&
          connect(one.fd, reinterpret_cast<const sockaddr*>(&options_.server), sizeof options_.server) != 0)
        give_up_errno("connecting a socket");
    }
  }

  void prepare_messages() {
    for (std::size_t i = 0; i < kBatch; ++i) {
      out_io_[i] = {.iov_base = out_octets_[i].data(), .iov_len = 0};
      auto& out = out_messages_[i].msg_hdr;
      out = {};
      out.msg_iov = &out_io_[i];
      out.msg_iovlen = 1;
      if (with_sources_) {
        out.msg_name = &options_.server;
        out.msg_namelen = sizeof options_.server;
      }
      in_io_[i] = {.iov_base = in_octets_[i].data(), .iov_len = kHeadOctets};
      in_messages_[i].msg_hdr = {};
      in_messages_[i].msg_hdr.msg_iov = &in_io_[i];
      in_messages_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  template <class Value>
  void add_control(std::size_t index, int level, int type, const Value& value) {
    auto& out = out_messages_[index].msg_hdr;
    out.msg_control = controls_[index].octets;
    auto* head = reinterpret_cast<cmsghdr*>(controls_[index].octets + out.msg_controllen);
    head->cmsg_len = CMSG_LEN(sizeof value);
    head->cmsg_level = level;
    head->cmsg_type = type;
    std::memcpy(CMSG_DATA(head), &value, sizeof value);
    out.msg_controllen += CMSG_SPACE(sizeof value);
  }

  void set_controls(std::size_t index, const StreamOptions& stream, std::size_t question_octets) {
    auto& out = out_messages_[index].msg_hdr;
    out.msg_control = nullptr;
    out.msg_controllen = 0;
    if (const auto& sources = stream.sources; sources.count > 0) {
      // The first and last address of a network are hosts like any other here, but 127.x.255.255 is not sent
      // to.
      const auto host = sources.count > 2 ? 1 + random_.below(sources.count - 2) : 0;
      in_pktinfo info{};
      info.ipi_spec_dst.s_addr = htonl(sources.first + host * sources.step);
      add_control(index, IPPROTO_IP, IP_PKTINFO, info);
    }
    if (stream.burst > 1)
      add_control(index, SOL_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(question_octets));
  }

  // Writes a question of a stream; how long it is.
  std::size_t make(std::uint8_t* to, Stream& stream, std::uint16_t id) {
    std::size_t size = 0;
    if (stream.pattern.empty()) {
      const auto packet = stream.queries[stream.next];
      if (++stream.next == stream.queries.size()) stream.next = 0;
      size = std::min(packet.size(), kQueryMax);
      std::memcpy(to, packet.data(), size);
    } else {
      size = stream.pattern.size();
      std::memcpy(to, stream.pattern.data(), size);
      auto letters = random_.next();
      for (std::size_t i = 0; i < kRandomLetters; ++i, letters >>= 5)
        to[13 + i] = static_cast<std::uint8_t>("abcdefghijklmnopqrstuvwxyz234567"[letters & 31]);
    }
    to[0] = static_cast<std::uint8_t>(id >> 8);
    to[1] = static_cast<std::uint8_t>(id & 0xff);
    return size;
  }

  std::size_t due(std::int64_t now) {
    std::size_t count = 0;
    if (interval_ > 0) {
      const auto by_now = static_cast<std::uint64_t>(static_cast<double>(now - start_) / interval_) + 1;
      count = by_now > sent_ + skipped_ ? by_now - sent_ - skipped_ : 0;
      const auto most = std::max<std::size_t>(kBatch, static_cast<std::size_t>(kTooLate / interval_));
      if (count > most) skipped_ += count - most;
    } else {
      count = options_.window > outstanding_ ? options_.window - outstanding_ : 0;
      if (options_.once) count = std::min<std::size_t>(count, streams_[0].queries.size() - sent_);
    }
    return std::min(count, kBatch);
  }

  // One question, of which the answer is waited for from now on; its octets, at `to`.
  std::size_t ask_one(Socket& socket, std::size_t stream_index, std::int64_t question_due, std::uint8_t* to) {
    auto& stream = streams_[stream_index];
    const auto id = socket.next++;
    auto& slot = socket.slots[id];
    if (slot.busy) lose(socket, slot);
    slot = {.due = question_due,
            .number = slot.number + 1,
            .stream = static_cast<std::uint8_t>(stream_index),
            .busy = true};
    const auto socket_index = static_cast<std::uint32_t>(&socket - sockets_.data());
    ring_[ring_head_++ & (ring_.size() - 1)] = {.socket_and_id = socket_index << 16 | id,
                                                .number = slot.number};
    if (question_due >= warm_) ++stream.sent;
    ++socket.busy;
    ++outstanding_;
    ++sent_;
    return make(to, stream, id);
  }

  void ask(std::int64_t now) {
    const auto count = due(now);
    if (count == 0) return;
    auto& socket = sockets_[turn_++ % sockets_.size()];
    std::size_t messages = 0;
    // The last burst may ask a few before they are due.
    for (std::size_t asked = 0; asked < count; ++messages) {
      const auto stream_index = choice_.size() == 1
                                    ? choice_[0]
                                    : choice_[random_.below(static_cast<std::uint32_t>(choice_.size()))];
      const auto& options = streams_[stream_index].options;
      auto* const begin = out_octets_[messages].data();
      auto* to = begin;
      std::size_t octets = 0;
      for (unsigned i = 0; i < options.burst; ++i, ++asked, to += octets) {
        const auto question_due =
            interval_ > 0
                ? start_ + static_cast<std::int64_t>(static_cast<double>(sent_ + skipped_) * interval_)
                : now;
        octets = ask_one(socket, stream_index, question_due, to);
      }
      out_io_[messages].iov_len = static_cast<std::size_t>(to - begin);
      if (with_sources_) set_controls(messages, options, octets);
    }
    std::size_t gone = 0;
    while (gone < messages) {
      const auto done =
          sendmmsg(socket.fd, out_messages_.data() + gone, static_cast<unsigned>(messages - gone), 0);
      if (done > 0) {
        gone += static_cast<std::size_t>(done);
        refused_ = 0;
      } else if (errno == ECONNREFUSED || errno == EAGAIN || errno == ENOBUFS) {
        if (++refused_ > 10'000) give_up_errno("sending to " + options_.server_text);
      } else if (errno != EINTR) {
        give_up_errno("sending to " + options_.server_text);
      }
    }
  }

  void receive(Socket& socket) {
    const auto got = recvmmsg(socket.fd, in_messages_.data(), kBatch, MSG_DONTWAIT | MSG_TRUNC, nullptr);
    if (got <= 0) return;
    const auto now = now_ns();
    for (int i = 0; i < got; ++i) {
      const auto* head = in_octets_[static_cast<std::size_t>(i)].data();
      const auto size = in_messages_[static_cast<std::size_t>(i)].msg_len;
      auto& slot = socket.slots[static_cast<std::size_t>(head[0]) << 8 | head[1]];
      if (size < kHeadOctets || (head[2] & 0x80) == 0 || !slot.busy) {
        ++unexpected_;
        continue;
      }
      slot.busy = false;
      --socket.busy;
      --outstanding_;
      ++answers_;
      octets_ += size;
      auto& stream = streams_[slot.stream];
      if (slot.due < warm_) continue;
      const auto rcode = head[3] & 15;
      ++((head[2] & 2) != 0 ? stream.truncated
         : rcode == 0       ? stream.noerror
         : rcode == 3       ? stream.nxdomain
                            : stream.other);
      stream.octets += size;
      const auto took = now - slot.due;
      if (slot.due < stall_end_) {
        stream.disturbed.add(took);
        continue;
      }
      stream.latency.add(took);
      auto& slice =
          slices_[std::min(static_cast<std::size_t>((slot.due - start_) / kSlice), slices_.size() - 1)];
      slice = std::max(slice, took);
    }
  }

  void lose(Socket& socket, Slot& slot) {
    slot.busy = false;
    --socket.busy;
    --outstanding_;
    if (slot.due >= warm_) ++streams_[slot.stream].lost;
  }

  // Gives up questions that have waited too long.
  void expire(std::int64_t now) {
    const auto before = now - ns_of(options_.timeout_s);
    for (; ring_tail_ != ring_head_; ++ring_tail_) {
      const auto& one = ring_[ring_tail_ & (ring_.size() - 1)];
      auto& socket = sockets_[one.socket_and_id >> 16];
      auto& slot = socket.slots[one.socket_and_id & 0xffff];
      if (!slot.busy || slot.number != one.number) continue;
      if (slot.due > before && ring_head_ - ring_tail_ < ring_.size() - kBatch) return;
      lose(socket, slot);
    }
  }

  static double us(std::uint64_t ns) { return static_cast<double>(ns) / 1e3; }
  static void print_latency(const char* name, const Histogram& from) {
    std::printf(
        ", \"%s\": {\"count\": %llu, \"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p99.9\": %.1f, "
        "\"p99.99\": %.1f, \"max\": %.1f}",
        name, static_cast<unsigned long long>(from.count()), us(from.at(0.5)), us(from.at(0.9)),
        us(from.at(0.99)), us(from.at(0.999)), us(from.at(0.9999)), us(from.max()));
  }

  void print() const {
    const auto ull = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    const auto seconds = options_.once ? static_cast<double>(now_ns() - start_) / 1e9
                                       : static_cast<double>(std::max(end_ - warm_, std::int64_t{1})) / 1e9;
    std::uint64_t answered = 0;
    for (const auto& one : streams_) answered += one.noerror + one.nxdomain + one.truncated + one.other;
    std::printf(
        "{\"rate\": %.0f, \"window\": %zu, \"seconds\": %.3f, \"started\": %.6f, \"sent_all\": %llu, "
        "\"answers_all\": %llu, \"octets\": %.1f, \"per_s\": %.0f, \"sent_per_s\": %.0f, \"skipped\": "
        "%llu, \"unexpected\": %llu, "
        "\"stalls\": {\"count\": %llu, \"total_us\": %.0f, \"max_us\": %.0f}, \"transfer\": %s, \"streams\": "
        "{",
        options_.rate, options_.rate > 0 ? 0 : options_.window, seconds, static_cast<double>(start_) / 1e9,
        ull(sent_), ull(answers_),
        answers_ == 0 ? 0.0 : static_cast<double>(octets_) / static_cast<double>(answers_),
        static_cast<double>(answered) / seconds, static_cast<double>(sent_) / (seconds + options_.warmup),
        ull(skipped_), ull(unexpected_), ull(stalls_), static_cast<double>(stall_ns_) / 1e3,
        static_cast<double>(stall_max_) / 1e3, transfer_.json(start_).c_str());
    const char* separator = "";
    for (const auto& one : streams_) {
      std::printf(
          "%s\"%s\": {\"sent\": %llu, \"noerror\": %llu, \"nxdomain\": %llu, \"truncated\": %llu, \"other\": "
          "%llu, "
          "\"lost\": %llu",
          separator, one.options.label.c_str(), ull(one.sent), ull(one.noerror), ull(one.nxdomain),
          ull(one.truncated), ull(one.other), ull(one.lost));
      print_latency("us", one.latency);
      print_latency("disturbed_us", one.disturbed);
      std::printf("}");
      separator = ", ";
    }
    std::printf("}, \"slice_max_us\": [");
    separator = "";
    for (const auto one : slices_) {
      std::printf("%s%.0f", separator, static_cast<double>(one) / 1e3);
      separator = ", ";
    }
    std::printf("]}\n");
  }

  LoadOptions options_;
  Random random_;
  Transfer transfer_;
  std::vector<Stream> streams_;
  std::vector<std::uint8_t> choice_;  // each stream as often as its weight
  bool with_sources_ = false;
  std::vector<Socket> sockets_;
  std::size_t turn_ = 0;

  std::vector<Outstanding> ring_;  // in the order of asking
  std::size_t ring_head_ = 0, ring_tail_ = 0;
  std::size_t outstanding_ = 0, refused_ = 0;
  std::uint64_t sent_ = 0, skipped_ = 0, answers_ = 0, octets_ = 0, unexpected_ = 0;

  double interval_ = 0;
  std::int64_t start_ = 0, warm_ = 0, end_ = 0;
  std::int64_t stall_end_ = 0, stall_ns_ = 0, stall_max_ = 0;
  std::uint64_t stalls_ = 0;
  std::vector<std::int64_t> slices_;  // longest time of the questions due in each

  struct alignas(cmsghdr) Control {
    std::uint8_t octets[CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(std::uint16_t))];
  };
  std::array<std::array<std::uint8_t, kQueryMax * kBurstMax>, kBatch> out_octets_{};
  std::array<iovec, kBatch> out_io_{};
  std::array<mmsghdr, kBatch> out_messages_{};
  std::array<Control, kBatch> controls_{};
  std::array<std::array<std::uint8_t, kHeadOctets>, kBatch> in_octets_{};
  std::array<iovec, kBatch> in_io_{};
  std::array<mmsghdr, kBatch> in_messages_{};
};

}  // namespace
}  // namespace onoma::bench

int main(int argc, char** argv) {
  std::signal(SIGTERM, [](int) { onoma::bench::stop_asked = 1; });
  auto load = std::make_unique<onoma::bench::Load>(onoma::bench::parse_load_options(argc, argv));
  return load->run();
}
