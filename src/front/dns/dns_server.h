// DnsServer: DNS over UDP and TCP on the same addresses, answered by serve. One UDP worker and one TCP loop
// for each of `workers`, each with an Answerer of its own. open() binds, start() answers; both from one
// thread. Counters may be read from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.h"
#include "front/dns/dnstap.h"
#include "os/address.h"
#include "os/prefix.h"
#include "os/stream_quota.h"
#include "os/xdp_server.h"
#include "serve/limiter.h"
#include "serve/options.h"
#include "serve/zones.h"

namespace onoma::serve {
class Statistics;
}
namespace onoma::transfer {
class Service;
}

namespace onoma::front {

struct DnsOptions {
  std::vector<os::Endpoint> listen;  // port 0: the system chooses one, the same for UDP and TCP
  std::size_t workers = 1;
  bool pin = false;  // worker i to core i
  // Connections over TCP. How long one may be idle is what serve.tcp_keepalive tells clients.
  std::size_t tcp_connections = 1024;
  std::chrono::seconds tcp_lifetime{3600};
  std::uint64_t tcp_messages = 1'000'000;  // of one connection
  os::StreamQuotaLimits tcp_quota;         // connections of one network
  os::PrefixList proxy_from;               // peers that must, and alone may, begin with a PROXY v2 header
  // Interfaces whose UDP requests come past the kernel's network code (AF_XDP), beside the sockets. What
  // cannot be opened is a warning in the log, and the sockets get everything.
  std::vector<os::XdpPlace> xdp;
  serve::ServeOptions serve;
  serve::Statistics* statistics = nullptr;  // counts what is answered; must outlive the server
  std::optional<DnstapOptions> dnstap;      // a stream of what is asked and answered
  // Transfers, NOTIFY and signed requests go there; without it they are refused. Must outlive the server.
  transfer::Service* transfer = nullptr;
};

struct DnsCounters {
  std::uint64_t udp_received = 0, udp_replied = 0, udp_failed = 0;
  std::uint64_t udp_malformed = 0;                  // from proxies, without a right header
  std::uint64_t xdp_received = 0, xdp_replied = 0;  // of the udp_ counts above
  std::uint64_t tcp_accepted = 0, tcp_messages = 0, tcp_open = 0;
  std::uint64_t tcp_refused = 0;  // connections closed at once: no room, or too many from one network
  std::uint64_t tcp_expired = 0;  // connections closed for silence, age, memory, or a missing PROXY header
};

class DnsServer {
 public:
  // `zones` must outlive the server. A port in use is Code::io with a message that names the address.
  static Result<std::unique_ptr<DnsServer>> open(const DnsOptions& options, serve::ZoneTable& zones);
  ~DnsServer();  // stop()
  void start();
  // Another process answers on the same sockets now: reads no more packets, takes no new connections, and
  // answers those that are open until each is silent, but no longer than `grace`.
  void drain(std::chrono::milliseconds grace);
  void stop();
  const std::vector<os::Endpoint>& bound() const;
  DnsCounters counters() const;
  // Of the UDP workers; none when answers are not limited. They live as long as the server.
  std::vector<const serve::Limiter*> limiters() const;

 private:
  struct State;
  explicit DnsServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace onoma::front
