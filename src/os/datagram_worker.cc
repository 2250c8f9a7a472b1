#include "os/datagram_worker.h"

#include <cerrno>
#include <cstring>
#include <optional>

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "os/proxy_header.h"
#include "os/socket.h"
#include "os/thread.h"

namespace onoma::os {
namespace {

// Batches taken from one socket before the others get their turn.
constexpr int kTurn = 16;

// Slots lie an odd number of cache lines apart: at a power of two their first lines would all fall into the
// same few sets of the first-level cache and push each other out.
constexpr std::size_t stride_of(std::size_t size) {
  const std::size_t lines = (size + 63) / 64;
  return (lines | 1) * 64;
}

// Turns what the kernel said about an arrived packet into what it should do with the reply: same local
// address, and whatever interface the routes say (but for link-local addresses, which mean nothing without
// their interface).
void turn_around(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      info.ipi_ifindex = 0;
      std::memcpy(CMSG_DATA(part), &info, sizeof info);
    } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
      std::memcpy(CMSG_DATA(part), &info, sizeof info);
    }
  }
}

}  // namespace

bool take_proxy_header(const PrefixList& proxies, Datagram& datagram, Endpoint& source) noexcept {
  if (!proxies.contains(datagram.peer->address_bytes())) return true;
  const auto header = read_proxy_header(datagram.payload);
  if (!header) return false;
  datagram.payload = datagram.payload.subspan(header->size);
  if (!header->source) return true;
  // Port 0 means "forged" to handlers; here it is a proxy that does not tell, and the reply goes to it.
  const std::uint16_t port = datagram.peer->port();
  source = header->source->port() == 0 ? header->source->with_port(port) : *header->source;
  datagram.peer = &source;
  return true;
}

struct DatagramWorker::Socket {
  Fd fd;
  std::uint16_t index = 0;
  bool v6 = false;
  bool wildcard = false;
};

struct DatagramWorker::Buffers {
  // Large enough for one in6_pktinfo with its header, aligned as a header must be.
  struct alignas(cmsghdr) Control {
    std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo))> octets;
  };
  Buffers(std::size_t batch, std::size_t request_max, std::size_t reply_max)
      : request_stride(stride_of(request_max)),
        reply_stride(stride_of(reply_max)),
        requests(batch * request_stride + 64),
        replies(batch * reply_stride + 64),
        arena(aligned(replies), reply_max, reply_stride) {
    std::uint8_t* first = aligned(requests);
    for (std::size_t i = 0; i < batch; ++i) {
      in_parts[i] = iovec{first + i * request_stride, request_max};
      msghdr& in = in_messages[i].msg_hdr;
      in.msg_name = peers[i].buffer();
      in.msg_iov = &in_parts[i];
      in.msg_iovlen = 1;
      out_messages[i].msg_hdr.msg_iov = &out_parts[i];
      out_messages[i].msg_hdr.msg_iovlen = 1;
    }
  }
  static std::uint8_t* aligned(Bytes& bytes) {
    const auto at = reinterpret_cast<std::uintptr_t>(bytes.data());
    return bytes.data() + (64 - at % 64) % 64;
  }

  std::size_t request_stride;
  std::size_t reply_stride;
  Bytes requests;
  Bytes replies;
  ReplyArena arena;
  std::array<Endpoint, kDatagramBatchMax> peers{};    // who sent it
  std::array<Endpoint, kDatagramBatchMax> sources{};  // for whom, if that is somebody else
  std::array<Control, kDatagramBatchMax> controls{};
  std::array<iovec, kDatagramBatchMax> in_parts{};
  std::array<iovec, kDatagramBatchMax> out_parts{};
  std::array<mmsghdr, kDatagramBatchMax> in_messages{};
  std::array<mmsghdr, kDatagramBatchMax> out_messages{};
  std::array<Datagram, kDatagramBatchMax> datagrams{};
  std::array<std::uint16_t, kDatagramBatchMax> origin{};  // message that datagram i came in
};

DatagramWorker::DatagramWorker(DatagramOptions options, DatagramHandler& handler)
    : options_(std::move(options)), handler_(handler) {}

DatagramWorker::~DatagramWorker() {
  stop();
}

Result<std::unique_ptr<DatagramWorker>> DatagramWorker::open(DatagramOptions options,
                                                             DatagramHandler& handler) {
  if (options.listen.empty() || options.listen.size() > 1024)
    return fail(Code::out_of_range,
                fmt::format("a worker listens on 1 to 1024 addresses, not {}", options.listen.size()));
  if (options.batch == 0 || options.batch > kDatagramBatchMax)
    return fail(Code::out_of_range,
                fmt::format("a batch holds 1 to {} packets, not {}", kDatagramBatchMax, options.batch));
  if (options.request_max == 0 || options.request_max > 65535 || options.reply_max == 0 ||
      options.reply_max > 65535)
    return fail(Code::out_of_range, "a packet holds 1 to 65535 octets");

  std::unique_ptr<DatagramWorker> worker(new DatagramWorker(std::move(options), handler));
  const DatagramOptions& given = worker->options_;
  ONOMA_TRY(worker->wake_, make_wake_fd());
  worker->epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!worker->epoll_) return io_failure("cannot make an epoll set", errno);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = given.listen.size();
  if (::epoll_ctl(worker->epoll_.get(), EPOLL_CTL_ADD, worker->wake_.get(), &event) != 0)
    return io_failure("cannot watch an eventfd", errno);
  for (const Endpoint& endpoint : given.listen) {
    ONOMA_TRY(BoundSocket socket, bind_udp(endpoint, given.shares_port, given.socket_buffer));
    const auto index = worker->sockets_.size();
    event.data.u64 = index;
    if (::epoll_ctl(worker->epoll_.get(), EPOLL_CTL_ADD, socket.fd.get(), &event) != 0)
      return io_failure(fmt::format("cannot watch {}", endpoint.text()), errno);
    worker->bound_.push_back(socket.bound);
    worker->sockets_.push_back(Socket{.fd = std::move(socket.fd),
                                      .index = static_cast<std::uint16_t>(index),
                                      .v6 = endpoint.is_v6(),
                                      .wildcard = endpoint.is_wildcard()});
  }
  worker->buffers_ = std::make_unique<Buffers>(given.batch, given.request_max, given.reply_max);
  return worker;
}

void DatagramWorker::start() {
  CHECK(!thread_.joinable() && !stopping_.load());
  thread_ = start_thread({.name = "udp", .cpu = options_.cpu, .nice = 0}, [this] { run(); });
}

void DatagramWorker::stop() {
  stopping_.store(true);
  if (!thread_.joinable()) return;
  wake(wake_);
  thread_.join();
}

DatagramCounters DatagramWorker::counters() const {
  const auto read = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  return {.received = read(received_),
          .replied = read(replied_),
          .too_long = read(too_long_),
          .send_failed = read(send_failed_),
          .malformed = read(malformed_),
          .batches = read(batches_)};
}

void DatagramWorker::run() {
  std::array<epoll_event, 64> events{};
  bool idle = false;
  while (!stopping_.load(std::memory_order_relaxed)) {
    // The first wait is short and the handler keeps what it holds; only a longer silence makes it let go. So
    // a worker with a steady trickle of packets pays neither a second system call nor a new look at published
    // values.
    const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   idle ? -1 : kDatagramIdleMs);
    if (ready == 0) {
      handler_.idle();
      idle = true;
      continue;
    }
    if (ready < 0) {
      CHECK(errno == EINTR);
      continue;
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(ready); ++i) {
      const auto index = events[i].data.u64;
      if (index >= sockets_.size()) continue;  // the wake-up call: stopping_ is looked at above
      idle = false;
      // A batch at least a quarter full promises more; a smaller one says that the queue is empty now.
      for (int turn = 0; turn < kTurn && !stopping_.load(std::memory_order_relaxed); ++turn)
        if (serve_once(sockets_[index]) * 4 < options_.batch || options_.batch < 4) break;
    }
  }
  handler_.idle();
}

// Returns how many packets came.
std::size_t DatagramWorker::serve_once(Socket& socket) {
  Buffers& buffers = *buffers_;
  for (std::size_t i = 0; i < options_.batch; ++i) {
    msghdr& in = buffers.in_messages[i].msg_hdr;
    in.msg_namelen = Endpoint::kCapacity;
    in.msg_control = socket.wildcard ? buffers.controls[i].octets.data() : nullptr;
    in.msg_controllen = socket.wildcard ? buffers.controls[i].octets.size() : 0;
  }
  const int got = ::recvmmsg(socket.fd.get(), buffers.in_messages.data(),
                             static_cast<unsigned>(options_.batch), MSG_DONTWAIT, nullptr);
  if (got <= 0) return 0;  // nothing there, or a passing shortage of memory: epoll says when to try again
  const auto arrived = static_cast<std::size_t>(got);

  std::size_t shown = 0;
  for (std::size_t i = 0; i < arrived; ++i) {
    const mmsghdr& in = buffers.in_messages[i];
    if ((in.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      count(too_long_, 1);
      continue;
    }
    buffers.datagrams[shown] =
        Datagram{.payload = {static_cast<const std::uint8_t*>(buffers.in_parts[i].iov_base), in.msg_len},
                 .peer = &buffers.peers[i],
                 .socket = socket.index,
                 .v6 = socket.v6};
    if (!options_.proxy_from.empty() &&
        !take_proxy_header(options_.proxy_from, buffers.datagrams[shown], buffers.sources[i])) {
      count(malformed_, 1);
      continue;
    }
    buffers.origin[shown++] = static_cast<std::uint16_t>(i);
  }
  if (shown == 0) return arrived;
  count(received_, shown);
  count(batches_, 1);
  buffers.arena.clear(shown);
  handler_.handle({buffers.datagrams.data(), shown}, buffers.arena);
  send_replies(socket, shown);
  return arrived;
}

void DatagramWorker::send_replies(Socket& socket, std::size_t count_in) {
  Buffers& buffers = *buffers_;
  std::size_t replies = 0;
  for (std::size_t i = 0; i < count_in; ++i) {
    const auto length = buffers.arena.length(i);
    if (length == 0) continue;
    msghdr& in = buffers.in_messages[buffers.origin[i]].msg_hdr;
    msghdr& out = buffers.out_messages[replies].msg_hdr;
    buffers.out_parts[replies] = iovec{buffers.arena.slot(i).data(), length};
    out.msg_name = in.msg_name;
    out.msg_namelen = in.msg_namelen;
    if (socket.wildcard) turn_around(in);
    out.msg_control = in.msg_controllen != 0 ? in.msg_control : nullptr;
    out.msg_controllen = in.msg_controllen;
    ++replies;
  }
  std::size_t at = 0;
  while (at < replies) {
    const int sent =
        ::sendmmsg(socket.fd.get(), &buffers.out_messages[at], static_cast<unsigned>(replies - at), 0);
    if (sent > 0) {
      count(replied_, static_cast<std::uint64_t>(sent));
      at += static_cast<std::size_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN ||
        errno == ENOBUFS) {  // the way out is blocked: the rest of the batch would wait as long
      count(send_failed_, replies - at);
      return;
    }
    count(send_failed_, 1);  // this one cannot be sent (an impossible peer, no route); the next one may
    ++at;
  }
}

Result<std::vector<std::unique_ptr<DatagramWorker>>> open_datagram_workers(
    DatagramOptions options, std::span<DatagramHandler* const> handlers, std::span<const int> cpus) {
  std::vector<std::unique_ptr<DatagramWorker>> workers;
  for (std::size_t i = 0; i < handlers.size(); ++i) {
    if (!cpus.empty()) options.cpu = cpus[i % cpus.size()];
    ONOMA_TRY(auto worker, DatagramWorker::open(options, *handlers[i]));
    options.listen = worker->bound();
    options.shares_port = true;
    workers.push_back(std::move(worker));
  }
  return workers;
}

}  // namespace onoma::os
