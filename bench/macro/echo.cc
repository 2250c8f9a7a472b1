// The floor of the authority benchmark: answers every UDP packet with its own header and question, made as
// long as told. It uses the same worker as the DNS server, so batch size and socket options are equal by
// construction. Usage: echo_server ADDRESS:PORT OCTETS. Prints "ready", ends on SIGTERM.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "os/datagram_worker.h"

namespace {

using onoma::MutableBytes;
namespace os = onoma::os;

class Echo final : public os::DatagramHandler {
 public:
  explicit Echo(std::size_t octets) : octets_(octets) {}
  void handle(std::span<const os::Datagram> in, os::ReplyArena& out) noexcept override {
    for (std::size_t i = 0; i < in.size(); ++i) {
      const auto request = in[i].payload;
      if (request.size() < 12) continue;
      MutableBytes slot = out.slot(i);
      const auto copied = std::min(request.size(), octets_);
      std::memcpy(slot.data(), request.data(), copied);
      std::fill(slot.begin() + static_cast<std::ptrdiff_t>(copied),
                slot.begin() + static_cast<std::ptrdiff_t>(octets_), std::uint8_t{0});
      slot[2] = static_cast<std::uint8_t>(slot[2] | 0x80U);
      out.reply(i, octets_);
    }
  }

 private:
  std::size_t octets_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto octets = argc == 3 ? std::strtoul(argv[2], nullptr, 10) : 0UL;
  if (octets < 12 || octets > 1232) {
    std::fprintf(stderr, "usage: echo_server ADDRESS:PORT OCTETS (12 to 1232)\n");
    return 2;
  }
  const auto endpoint = os::Endpoint::parse(argv[1]);
  if (!endpoint) {
    std::fprintf(stderr, "echo_server: %s\n", endpoint.error().message.c_str());
    return 2;
  }
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  Echo echo(octets);
  const auto worker = os::DatagramWorker::open({.listen = {*endpoint}}, echo);
  if (!worker) {
    std::fprintf(stderr, "echo_server: %s\n", worker.error().message.c_str());
    return 4;
  }
  (*worker)->start();
  std::puts("ready");
  std::fflush(stdout);
  int signal = 0;
  sigwait(&stop, &signal);
  (*worker)->stop();
  return 0;
}
