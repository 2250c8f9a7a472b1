// DatagramWorker: one thread that receives UDP packets in batches, hands each batch to a handler and sends
// the replies back in batches. It knows nothing of what is in the packets: DNS and Handle use the same
// worker.
//
// What always holds
// - A handler is called by one thread only: that of its worker. Several workers have one handler each and
// share their
//   ports (SO_REUSEPORT), so that the kernel spreads the clients over them.
// - Between start() and stop() the worker takes no lock and allocates nothing.
// - A reply leaves from the address its request came to, also when the socket is bound to a wildcard address.
// - Requests longer than `request_max` are counted and dropped, never shown cut.
// - A packet from a peer in `proxy_from` begins with a PROXY header (proxy_header.h) or is dropped: the
// handler sees the address in it and what stands behind it, the reply goes to the sender. Nobody else's
// header is believed.
// - Large replies are fragmented as the interface's MTU demands; what ICMP says about the path's MTU is not
// believed.
// - A reply that the kernel does not take within 100 ms is dropped and counted: one full queue stops no
// worker.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "os/address.h"
#include "os/fd.h"
#include "os/prefix.h"

namespace onoma::os {

inline constexpr std::size_t kDatagramBatchMax = 64;

// One request. Everything it points to is good until handle() returns.
struct Datagram {
  ByteView payload;
  const Endpoint* peer = nullptr;  // never null; may claim port 0, then no reply can be sent
  std::uint16_t socket = 0;        // index into DatagramOptions::listen
  bool v6 = false;
};

// One slot of fixed size for the reply to each request of a batch. Holds no memory of its own.
class ReplyArena {
 public:
  // `storage` must hold `count` slots of `slot_size` octets that start `stride` octets apart.
  ReplyArena(std::uint8_t* storage, std::size_t slot_size, std::size_t stride) noexcept
      : storage_(storage), slot_size_(slot_size), stride_(stride) {}

  std::size_t slot_size() const noexcept { return slot_size_; }
  // Where the reply to request `index` may be written. What it holds before is unspecified.
  MutableBytes slot(std::size_t index) noexcept {
    CHECK(index < kDatagramBatchMax);
    return {storage_ + index * stride_, slot_size_};
  }
  // The first `length` octets of that slot are the reply. A request for which this is not called, or with 0,
  // gets none.
  void reply(std::size_t index, std::size_t length) noexcept {
    CHECK(index < kDatagramBatchMax && length <= slot_size_);
    lengths_[index] = static_cast<std::uint32_t>(length);
  }

  // For the worker, and for tests that call a handler themselves.
  std::size_t length(std::size_t index) const noexcept { return lengths_[index]; }
  void clear(std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) lengths_[i] = 0;
  }

 private:
  std::uint8_t* storage_;
  std::size_t slot_size_;
  std::size_t stride_;
  std::array<std::uint32_t, kDatagramBatchMax> lengths_{};
};

// If the datagram comes from one of the proxies, takes its PROXY header off: the payload is what stands
// behind it and the peer, kept in `source`, whom it speaks for. False: the header is missing or wrong. For
// workers.
bool take_proxy_header(const PrefixList& proxies, Datagram& datagram, Endpoint& source) noexcept;

class DatagramHandler {
 public:
  virtual ~DatagramHandler() = default;
  // 1 to kDatagramBatchMax requests, all from one socket. Must not block, lock or allocate in the steady
  // state.
  virtual void handle(std::span<const Datagram> in, ReplyArena& out) noexcept = 0;
  // Nothing has come for kDatagramIdleMs and the worker is about to block without limit: let published values
  // go. Also called once when the worker ends. Same thread as handle().
  virtual void idle() noexcept {}
};

// A worker that waits keeps what its handler holds for at most this long.
inline constexpr int kDatagramIdleMs = 10;

struct DatagramOptions {
  std::vector<Endpoint> listen;    // one socket each; port 0: the system chooses (see bound())
  std::size_t batch = 64;          // 1..kDatagramBatchMax
  std::size_t request_max = 4096;  // octets, up to 65535
  std::size_t reply_max = 4096;    // octets of a reply slot, up to 65535
  int cpu = -1;                    // -1: not pinned
  int socket_buffer = 4 << 20;     // octets asked for in each direction; the system may grant fewer
  PrefixList proxy_from;           // peers whose packets begin with a PROXY header
  bool shares_port = false;        // true for the second and later workers on the same endpoints
};

struct DatagramCounters {
  std::uint64_t received = 0;     // requests shown to the handler
  std::uint64_t replied = 0;      // replies taken by the kernel
  std::uint64_t too_long = 0;     // requests longer than request_max
  std::uint64_t send_failed = 0;  // replies that the kernel refused
  std::uint64_t malformed = 0;    // packets of proxies without a right PROXY header
  std::uint64_t batches = 0;      // calls of handle()
};

class DatagramWorker {
 public:
  // Opens and binds the sockets; nothing is received before start(), but the kernel already queues. `handler`
  // must outlive the worker. A port that another program uses is Code::io with a message that names the
  // address; programs that share ports by themselves are detected too, unless `shares_port` is set.
  static Result<std::unique_ptr<DatagramWorker>> open(DatagramOptions options, DatagramHandler& handler);

  ~DatagramWorker();  // stops
  DatagramWorker(const DatagramWorker&) = delete;
  DatagramWorker& operator=(const DatagramWorker&) = delete;

  void start();  // once
  // Ends the thread after the batch it is at; requests still queued in the kernel are dropped. Idempotent.
  void stop();

  // What the sockets are bound to, in the order of `listen`, with the ports the system chose.
  const std::vector<Endpoint>& bound() const { return bound_; }
  // Any thread.
  DatagramCounters counters() const;

 private:
  struct Socket;
  struct Buffers;
  DatagramWorker(DatagramOptions options, DatagramHandler& handler);
  void run();
  std::size_t serve_once(Socket& socket);
  void send_replies(Socket& socket, std::size_t count);
  void count(std::atomic<std::uint64_t>& counter, std::uint64_t by) {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  DatagramOptions options_;
  DatagramHandler& handler_;
  std::vector<Endpoint> bound_;
  std::vector<Socket> sockets_;
  std::unique_ptr<Buffers> buffers_;
  Fd epoll_;
  Fd wake_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
  // Written by the worker's thread only.
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::uint64_t> replied_{0};
  std::atomic<std::uint64_t> too_long_{0};
  std::atomic<std::uint64_t> send_failed_{0};
  std::atomic<std::uint64_t> malformed_{0};
  std::atomic<std::uint64_t> batches_{0};
};

// One worker for each handler, all on the same endpoints: the first binds (and finds free ports for port 0),
// the others share. `cpus` pins worker i to cpus[i % size]; empty: none is pinned, unless options.cpu says
// so. None is started.
Result<std::vector<std::unique_ptr<DatagramWorker>>> open_datagram_workers(
    DatagramOptions options, std::span<DatagramHandler* const> handlers, std::span<const int> cpus = {});

}  // namespace onoma::os
