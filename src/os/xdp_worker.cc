#include "os/xdp_worker.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>

#include "base/check.h"
#include "base/log.h"
#include "base/rng.h"
#include "os/proxy_header.h"
#include "os/thread.h"

namespace onoma::os {
namespace {

// How soon frames that the interface did not take are offered again.
constexpr int kRetryMs = 1;

// An odd number of cache lines, see DatagramWorker.
constexpr std::size_t stride_of(std::size_t size) {
  return ((size + 63) / 64 | 1) * 64;
}

}  // namespace

XdpWorker::XdpWorker(XdpSocket socket, DatagramHandler& handler, const PrefixList& proxy_from,
                     std::size_t slot, int cpu)
    : socket_(std::move(socket)),
      handler_(handler),
      proxy_from_(proxy_from),
      cpu_(cpu),
      replies_(kDatagramBatchMax * stride_of(slot)),
      arena_(replies_.data(), slot, stride_of(slot)) {}

Result<std::unique_ptr<XdpWorker>> XdpWorker::open(XdpSocket socket, DatagramHandler& handler,
                                                   const PrefixList& proxy_from, std::size_t slot, int cpu) {
  std::unique_ptr<XdpWorker> worker(new XdpWorker(std::move(socket), handler, proxy_from, slot, cpu));
  ONOMA_TRY(worker->wake_, make_wake_fd());
  SystemRng rng;
  worker->id_state_ = rng.u64() | 1;
  return worker;
}

void XdpWorker::start() {
  CHECK(!thread_.joinable() && !stopping_.load());
  thread_ = start_thread({.name = "xdp", .cpu = cpu_, .nice = 0}, [this] { run(); });
}

void XdpWorker::stop() {
  stopping_.store(true);
  if (!thread_.joinable()) return;
  wake(wake_);
  thread_.join();
}

XdpCounters XdpWorker::counters() const {
  const auto read = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  return {.received = read(received_),
          .replied = read(replied_),
          .malformed = read(malformed_),
          .send_failed = read(send_failed_),
          .dropped = socket_.statistics().dropped,
          .batches = read(batches_)};
}

void XdpWorker::run() {
  bool idle = false;
  while (!stopping_.load(std::memory_order_relaxed)) {
    if (serve_once() > 0) {
      idle = false;
      continue;
    }
    if (!wait(idle)) break;
  }
  handler_.idle();
}

// Sleeps until something comes. The first sleep is short and the handler keeps what it holds; only a longer
// silence makes it let go. False: the interface is gone.
bool XdpWorker::wait(bool& idle) {
  std::array<pollfd, 2> fds{pollfd{socket_.fd(), POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
  const bool unsent = socket_.unsent() > 0;
  const int ready = ::poll(fds.data(), fds.size(), unsent ? kRetryMs : idle ? -1 : kDatagramIdleMs);
  if (unsent) socket_.flush();
  if (ready == 0 && !idle && !unsent) {
    handler_.idle();
    idle = true;
  }
  if (ready > 0 && (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
    log::warning("xdp", "an interface is gone; its packets come through the UDP sockets if it returns");
    return false;
  }
  return true;
}

// One batch. Returns how many packets came.
std::uint32_t XdpWorker::serve_once() {
  socket_.recycle();
  const std::uint32_t arrived = socket_.arrived(kDatagramBatchMax);
  if (arrived == 0) return 0;
  std::size_t shown = 0;
  for (std::uint32_t i = 0; i < arrived; ++i) {
    const XdpFrame& frame = socket_.frame(i);
    if (show(frame, shown)) {
      ++shown;
    } else {
      count(malformed_, 1);
      socket_.give_back(frame.address);
    }
  }
  socket_.release(arrived);
  if (shown == 0) return arrived;
  count(received_, shown);
  count(batches_, 1);
  arena_.clear(shown);
  handler_.handle({datagrams_.data(), shown}, arena_);
  for (std::size_t i = 0; i < shown; ++i) reply(i);
  socket_.flush();
  return arrived;
}

bool XdpWorker::show(const XdpFrame& frame, std::size_t index) {
  const auto packet = read_xdp_packet({socket_.at(frame.address), frame.length});
  if (!packet) return false;
  frames_[index] = frame;
  v6_[index] = packet->v6;
  peers_[index] = packet->peer;
  datagrams_[index] =
      Datagram{.payload = packet->payload, .peer = &peers_[index], .socket = 0, .v6 = packet->v6};
  return proxy_from_.empty() || take_proxy_header(proxy_from_, datagrams_[index], peers_[index]);
}

// The reply goes into the frame of its request, which is in the cache still.
void XdpWorker::reply(std::size_t index) {
  const std::size_t length = arena_.length(index);
  XdpFrame frame = frames_[index];
  if (length == 0) {
    socket_.give_back(frame.address);
    return;
  }
  const std::size_t headers = v6_[index] ? kXdpHeaders6 : kXdpHeaders4;
  const MutableBytes room{socket_.at(frame.address), XdpSocket::room_behind(frame.address)};
  std::ranges::copy(arena_.slot(index).first(length), room.begin() + static_cast<std::ptrdiff_t>(headers));
  frame.length = static_cast<std::uint32_t>(turn_xdp_packet(room, v6_[index], length, next_id()));
  frame.options = 0;
  if (socket_.send(frame)) {
    count(replied_, 1);
    return;
  }
  count(send_failed_, 1);
  socket_.give_back(frame.address);
}

// xorshift64*: from a secret start, and only its upper bits are seen.
std::uint16_t XdpWorker::next_id() {
  id_state_ ^= id_state_ >> 12;
  id_state_ ^= id_state_ << 25;
  id_state_ ^= id_state_ >> 27;
  return static_cast<std::uint16_t>(id_state_ * 0x2545f4914f6cdd1dU >> 48);
}

}  // namespace onoma::os
