// XdpServer: UDP past the kernel's network code (AF_XDP), for one interface. Requests of its queues come to
// workers of their own, which call handlers as DatagramWorker does; whatever the filter (xdp_filter.h) does
// not take — fragments, options, VLANs, other ports, TCP — goes on to the ordinary sockets, which stay open
// beside.
//
// What always holds
// - A handler is called by one thread only: that of its queue. A batch may hold requests to several of the
// server's addresses and of both families; Datagram::socket is 0.
// - Between start() and stop() a worker takes no lock and allocates nothing.
// - A reply leaves by the interface and to the hardware address that its request came from, with the
// addresses turned around. Routes and packet filters of the kernel are not asked: this is not for machines
// whose answers must leave another way.
// - A reply fits into one packet: slots are as large as the MTU allows (IPv6 headers counted) or the shared
// memory does (1,730 octets), so the handler must cut its answer to the slot.
// - Packets with wrong lengths, checksums or impossible senders are counted and dropped, as the kernel would.
// - When the object goes, or the process dies, the filter goes with it and the sockets get everything.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "os/datagram_worker.h"

namespace onoma::os {

// Where to take packets: "eth0" for all queues of an interface, "eth0:3" for one of them.
struct XdpPlace {
  std::string interface;
  int queue = -1;  // -1: all
  static Result<XdpPlace> parse(std::string_view text);
};

struct XdpOptions {
  XdpPlace place;
  std::vector<Endpoint> listen;  // with their ports; a wildcard stands for the addresses the machine has now
  PrefixList proxy_from;         // as in DatagramOptions
  std::vector<int> cpus;         // worker i is pinned to cpus[i % size]; empty: none is pinned
};

struct XdpCounters {
  std::uint64_t received = 0;     // requests shown to the handlers
  std::uint64_t replied = 0;      // replies given to the kernel
  std::uint64_t malformed = 0;    // packets that nobody should have sent
  std::uint64_t send_failed = 0;  // replies for which there was no room
  std::uint64_t dropped = 0;      // packets that the workers were too slow for
  std::uint64_t batches = 0;
};

class XdpWorker;
class XdpInterface;

class XdpServer {
 public:
  // Opens the sockets and attaches the filter: from now on packets wait in the rings. `make_handler` is
  // called once for each queue; handlers must outlive the server. What the machine, the kernel or the
  // permissions refuse is an error that says so; nothing is left attached then.
  static Result<std::unique_ptr<XdpServer>> open(const XdpOptions& options,
                                                 const std::function<DatagramHandler&()>& make_handler);
  ~XdpServer();  // stop()

  void start();  // once
  // Detaches the filter, so that the sockets get what comes from now on, and ends the threads. Idempotent.
  void stop();

  XdpCounters counters() const;  // any thread
  std::string text() const;      // "eth0: 4 queues, in the driver, without copies"

 private:
  XdpServer();
  std::string name_;
  PrefixList proxy_from_;
  std::unique_ptr<XdpInterface> interface_;
  std::vector<std::unique_ptr<XdpWorker>> workers_;
};

}  // namespace onoma::os
