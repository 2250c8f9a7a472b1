#include "app/transports.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace onoma::app {

void add_transport_options(CLI::App& command, TransportArguments& arguments) {
  command.add_option("--tcp-connections", arguments.tcp_connections, "TCP connections open at a time")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command
      .add_option("--tcp-per-host", arguments.tcp_per_host,
                  "of them from one IPv4 address or IPv6 /64; 0: no limit")
      ->capture_default_str();
  command
      .add_option("--tcp-per-network", arguments.tcp_per_network,
                  "of them from one IPv4 /24 or IPv6 /48; 0: no limit")
      ->capture_default_str();
  command.add_option("--tcp-exempt", arguments.tcp_exempt,
                     "network without these two limits, such as 192.0.2.0/24; may be repeated");
  command.add_option(
      "--proxy-from", arguments.proxy_from,
      "network of proxies that begin each packet and connection with a PROXY v2 header; may be "
      "repeated");
  command.add_option(
      "--xdp", arguments.xdp,
      "INTERFACE or INTERFACE:QUEUE that takes UDP by AF_XDP beside the sockets; may be repeated");
}

Result<void> set_transports(const TransportArguments& arguments, front::DnsOptions& dns) {
  dns.tcp_connections = arguments.tcp_connections;
  dns.tcp_quota.per_host = arguments.tcp_per_host;
  dns.tcp_quota.per_network = arguments.tcp_per_network;
  ONOMA_TRY(dns.tcp_quota.exempt, os::PrefixList::parse(arguments.tcp_exempt));
  ONOMA_TRY(dns.proxy_from, os::PrefixList::parse(arguments.proxy_from));
  for (const auto& text : arguments.xdp) {
    ONOMA_TRY(auto place, os::XdpPlace::parse(text));
    dns.xdp.push_back(std::move(place));
  }
  return {};
}

}  // namespace onoma::app
