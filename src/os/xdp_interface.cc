#include "os/xdp_interface.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/xdp_filter.h"

namespace onoma::os {
namespace {

constexpr unsigned kQueuesMax = 256;

// bpf(2) has no wrapper in the C library. Descriptors that it returns close on exec.
int bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

std::uint64_t pointer(const void* at) {
  return reinterpret_cast<std::uintptr_t>(at);
}

std::unexpected<Error> refused(std::string_view what, int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return fail(
          Code::io,
          fmt::format("{}: not permitted; it needs the capabilities CAP_NET_ADMIN and CAP_BPF", what));
    case EBUSY:
    case EEXIST:
      return fail(Code::io, fmt::format("{}: another XDP program is attached there", what));
    case ENOSYS:
      return fail(Code::io, fmt::format("{}: this kernel has no BPF", what));
    case EOPNOTSUPP:
      return fail(Code::io, fmt::format("{}: neither the driver nor this kernel can", what));
    default:
      return io_failure(what, error);
  }
}

// Queues to receive from, as the driver says; 1 if it has no opinion.
unsigned receiving_queues(const Fd& socket, ifreq request) {
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  request.ifr_data = reinterpret_cast<char*>(&channels);
  if (::ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return 1;
  return std::clamp(channels.combined_count + channels.rx_count, 1U, kQueuesMax);
}

}  // namespace

Result<std::vector<Endpoint>> xdp_endpoints(std::span<const Endpoint> listen) {
  std::vector<Endpoint> out;
  const auto take = [&out](const Endpoint& endpoint) {
    if (!endpoint.is_loopback() && std::ranges::find(out, endpoint) == out.end()) out.push_back(endpoint);
  };
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return io_failure("this machine's addresses cannot be listed", errno);
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  for (const Endpoint& endpoint : listen) {
    // The scope of a link-local address is not in the packet.
    if (!endpoint.is_wildcard()) {
      take(*Endpoint::from_bytes(endpoint.address_bytes(), endpoint.port()));
      continue;
    }
    for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
      if (at->ifa_addr == nullptr) continue;
      const auto size = at->ifa_addr->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
      const auto found = Endpoint::from_sockaddr(at->ifa_addr, static_cast<socklen_t>(size));
      if (found && found->is_v6() == endpoint.is_v6())
        take(*Endpoint::from_bytes(found->address_bytes(), endpoint.port()));
    }
  }
  if (out.empty())
    return fail(Code::not_found, "the server listens on no address that packets from outside can have");
  if (out.size() > kXdpEndpointsMax)
    return fail(Code::out_of_range,
                fmt::format("the server listens on more than {} addresses", kXdpEndpointsMax));
  return out;
}

Result<std::unique_ptr<XdpInterface>> XdpInterface::open(const std::string& name,
                                                         std::span<const Endpoint> listen) {
  std::unique_ptr<XdpInterface> out(new XdpInterface);
  out->index_ = ::if_nametoindex(name.c_str());
  if (out->index_ == 0) return fail(Code::not_found, "there is no such network interface");
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), std::min(name.size(), std::size_t{IFNAMSIZ - 1}));
  if (!socket || ::ioctl(socket.get(), SIOCGIFMTU, &request) != 0)
    return io_failure("its MTU cannot be read", errno);
  out->mtu_ = static_cast<unsigned>(request.ifr_mtu);
  out->queues_ = receiving_queues(socket, request);

  ONOMA_TRY(const auto endpoints, xdp_endpoints(listen));
  bpf_attr map{};
  map.map_type = BPF_MAP_TYPE_XSKMAP;
  map.key_size = map.value_size = sizeof(std::uint32_t);
  map.max_entries = kQueuesMax;
  out->map_ = Fd(bpf(BPF_MAP_CREATE, map));
  if (!out->map_) return refused("the table of sockets cannot be made", errno);

  const auto instructions = xdp_filter(endpoints, out->map_.get());
  bpf_attr program{};
  program.prog_type = BPF_PROG_TYPE_XDP;
  program.expected_attach_type = BPF_XDP;
  program.insns = pointer(instructions.data());
  program.insn_cnt = static_cast<std::uint32_t>(instructions.size());
  program.license = pointer("Apache-2.0");
  std::memcpy(program.prog_name, "onoma_dns", sizeof "onoma_dns");
  out->program_ = Fd(bpf(BPF_PROG_LOAD, program));
  if (!out->program_) return refused("the filter cannot be loaded", errno);
  return out;
}

Result<void> XdpInterface::add(unsigned queue, int socket) {
  const std::uint32_t key = queue;
  const std::uint32_t value = static_cast<std::uint32_t>(socket);
  bpf_attr element{};
  element.map_fd = static_cast<std::uint32_t>(map_.get());
  element.key = pointer(&key);
  element.value = pointer(&value);
  if (bpf(BPF_MAP_UPDATE_ELEM, element) != 0) return refused("a socket cannot be put into the table", errno);
  return {};
}

Result<void> XdpInterface::attach() {
  int error = 0;
  for (const bool native : {true, false}) {
    bpf_attr link{};
    link.link_create.prog_fd = static_cast<std::uint32_t>(program_.get());
    link.link_create.target_ifindex = index_;
    link.link_create.attach_type = BPF_XDP;
    link.link_create.flags = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
    link_ = Fd(bpf(BPF_LINK_CREATE, link));
    native_ = native;
    if (link_) return {};
    error = errno;
    if (error == EBUSY || error == EEXIST || error == EPERM) break;
  }
  return refused("the filter cannot be attached", error);
}

}  // namespace onoma::os
