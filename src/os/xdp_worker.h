// XdpWorker: the thread of one queue of an XdpServer. Inside this room only.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <thread>

#include "os/datagram_worker.h"
#include "os/xdp_packet.h"
#include "os/xdp_server.h"
#include "os/xdp_socket.h"

namespace onoma::os {

class XdpWorker {
 public:
  // `slot` octets a reply. `handler` and `proxy_from` must outlive the worker.
  static Result<std::unique_ptr<XdpWorker>> open(XdpSocket socket, DatagramHandler& handler,
                                                 const PrefixList& proxy_from, std::size_t slot, int cpu);
  ~XdpWorker() { stop(); }
  void start();
  void stop();
  XdpCounters counters() const;
  const XdpSocket& socket() const { return socket_; }

 private:
  XdpWorker(XdpSocket socket, DatagramHandler& handler, const PrefixList& proxy_from, std::size_t slot,
            int cpu);
  void run();
  bool wait(bool& idle);
  std::uint32_t serve_once();
  bool show(const XdpFrame& frame, std::size_t index);
  void reply(std::size_t index);
  void count(std::atomic<std::uint64_t>& counter, std::uint64_t by) {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  std::uint16_t next_id();

  XdpSocket socket_;
  DatagramHandler& handler_;
  const PrefixList& proxy_from_;
  const int cpu_;
  Fd wake_;
  Bytes replies_;
  ReplyArena arena_;
  // One place for each request of a batch.
  std::array<Datagram, kDatagramBatchMax> datagrams_{};
  std::array<Endpoint, kDatagramBatchMax> peers_{};
  std::array<XdpFrame, kDatagramBatchMax> frames_{};
  std::array<bool, kDatagramBatchMax> v6_{};
  std::uint64_t id_state_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
  // Written by the worker's thread only.
  std::atomic<std::uint64_t> received_{0}, replied_{0}, malformed_{0}, send_failed_{0}, batches_{0};
};

}  // namespace onoma::os
