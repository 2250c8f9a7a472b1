// Options about how queries reach the DNS server: connections, proxies, AF_XDP. For the commands that start
// one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "front/dns/dns_server.h"

namespace CLI {
class App;
}

namespace onoma::app {

struct TransportArguments {
  std::size_t tcp_connections = 1024, tcp_per_host = 128, tcp_per_network = 512;
  std::vector<std::string> tcp_exempt, proxy_from, xdp;
};

// `arguments` must outlive the command.
void add_transport_options(CLI::App& command, TransportArguments& arguments);
Result<void> set_transports(const TransportArguments& arguments, front::DnsOptions& dns);

}  // namespace onoma::app
