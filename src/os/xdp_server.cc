#include "os/xdp_server.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <net/if.h>

#include "os/xdp_filter.h"
#include "os/xdp_interface.h"
#include "os/xdp_worker.h"

namespace onoma::os {
namespace {

// A smaller reply slot could not even hold what every DNS client takes.
constexpr std::size_t kSlotMin = 512;

}  // namespace

Result<XdpPlace> XdpPlace::parse(std::string_view text) {
  XdpPlace out;
  const auto colon = text.rfind(':');
  out.interface = text.substr(0, colon);
  const auto refuse = [text](const char* why) -> Result<XdpPlace> {
    std::string shown;
    for (const char c : text.substr(0, 64)) shown += c > 0x20 && c < 0x7f ? c : '?';
    return fail(Code::bad_syntax,
                fmt::format("\"{}\" is no interface to take packets from: {}; write eth0, or eth0:3 for one "
                            "queue of it",
                            shown, why));
  };
  if (out.interface.empty() || out.interface.size() >= IFNAMSIZ)
    return refuse("an interface's name has 1 to 15 characters");
  for (const char c : out.interface)
    if (c <= 0x20 || c >= 0x7f || c == '/') return refuse("its name has a character that names do not have");
  if (colon == std::string_view::npos) return out;
  const auto number = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out.queue);
  if (error != std::errc{} || end != number.data() + number.size() || out.queue < 0 || out.queue > 255)
    return refuse("a queue is a number from 0 to 255");
  return out;
}

XdpServer::XdpServer() = default;
XdpServer::~XdpServer() {
  stop();
}

Result<std::unique_ptr<XdpServer>> XdpServer::open(const XdpOptions& options,
                                                   const std::function<DatagramHandler&()>& make_handler) {
  std::unique_ptr<XdpServer> server(new XdpServer);
  server->name_ = options.place.interface;
  server->proxy_from_ = options.proxy_from;
  ONOMA_TRY(server->interface_, XdpInterface::open(options.place.interface, options.listen));
  XdpInterface& interface = *server->interface_;
  constexpr std::size_t kHeaders = kXdpHeaders6;
  if (interface.mtu() + 14 < kHeaders + kSlotMin)
    return fail(Code::out_of_range, fmt::format("an MTU of {} octets is too small", interface.mtu()));
  const std::size_t slot =
      std::min<std::size_t>(interface.mtu() + 14, XdpSocket::kFrameSize - XdpSocket::kHeadroom) - kHeaders;

  const bool all = options.place.queue < 0;
  const unsigned first = all ? 0 : static_cast<unsigned>(options.place.queue);
  const unsigned end = all ? interface.queues() : first + 1;
  for (unsigned queue = first; queue < end; ++queue) {
    ONOMA_TRY(XdpSocket socket, XdpSocket::open(interface.index(), queue));
    ONOMA_TRY_VOID(interface.add(queue, socket.fd()));
    const int cpu = options.cpus.empty() ? -1 : options.cpus[(queue - first) % options.cpus.size()];
    ONOMA_TRY(auto worker,
              XdpWorker::open(std::move(socket), make_handler(), server->proxy_from_, slot, cpu));
    server->workers_.push_back(std::move(worker));
  }
  ONOMA_TRY_VOID(interface.attach());
  return server;
}

void XdpServer::start() {
  for (auto& worker : workers_) worker->start();
}

void XdpServer::stop() {
  if (interface_) interface_->detach();
  for (auto& worker : workers_) worker->stop();
}

XdpCounters XdpServer::counters() const {
  XdpCounters out;
  for (const auto& worker : workers_) {
    const auto counts = worker->counters();
    out.received += counts.received;
    out.replied += counts.replied;
    out.malformed += counts.malformed;
    out.send_failed += counts.send_failed;
    out.dropped += counts.dropped;
    out.batches += counts.batches;
  }
  return out;
}

std::string XdpServer::text() const {
  const bool zero_copy =
      std::ranges::all_of(workers_, [](const auto& worker) { return worker->socket().zero_copy(); });
  return fmt::format("{}: {} queue{}, {}, {}", name_, workers_.size(), workers_.size() == 1 ? "" : "s",
                     interface_->native() ? "in the driver" : "in the kernel's generic code",
                     zero_copy ? "without copies" : "with one copy");
}

}  // namespace onoma::os
