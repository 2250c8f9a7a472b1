// read_xdp_packet and turn_xdp_packet: what is read lies inside the frame; the answer to it is a packet that
// reads back, and the answer to the answer has the first one's sender.
#include <vector>

#include "base/check.h"
#include "os/xdp_packet.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace onoma;
  Bytes frame(data, data + size);
  const auto packet = os::read_xdp_packet(frame);
  if (!packet) return 0;
  const std::size_t headers = packet->v6 ? os::kXdpHeaders6 : os::kXdpHeaders4;
  CHECK(packet->payload.data() == frame.data() + headers);
  CHECK(headers + packet->payload.size() <= size);
  CHECK(packet->peer.is_v6() == packet->v6);
  const auto sender = packet->peer;
  const bool v6 = packet->v6;
  const std::size_t length = packet->payload.size();
  CHECK(os::turn_xdp_packet(frame, v6, length, 1) == headers + length);
  const auto answer = os::read_xdp_packet(frame);
  // Only its new sender may be one that nobody can be: the filter has compared it with our addresses, not we.
  if (!answer) return 0;
  CHECK(answer->payload.size() == length);
  CHECK(os::turn_xdp_packet(frame, v6, length, 2) == headers + length);
  const auto again = os::read_xdp_packet(frame);
  CHECK(again && again->peer == sender);
  return 0;
}
