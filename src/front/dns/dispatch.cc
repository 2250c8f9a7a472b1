#include "front/dns/dispatch.h"

#include <algorithm>
#include <cstring>
#include <exception>

#include "base/log.h"

namespace onoma::front {

using transfer::Transport;

Bytes Dispatch::answer(transfer::SignedQuery& query, const os::Endpoint& peer, Transport transport,
                       MutableBytes buffer) {
  const serve::Request request{.packet = query.packet(),
                               .udp = transport == Transport::udp,
                               .encrypted = transport == Transport::tls,
                               .peer = peer.address_bytes(),
                               .peer_port = peer.port()};
  serve::Reply reply{.buffer = buffer.first(std::min(buffer.size(), query.room())), .size = 0};
  ordinary_(request, reply);
  return query.answer(ByteView(buffer).first(reply.size), clock_.now());
}

std::size_t Dispatch::datagram(ByteView message, const os::Endpoint& peer, MutableBytes out) noexcept try {
  auto handling = service_->handle(message, peer, Transport::udp, nullptr);
  if (handling.query) handling.reply = answer(*handling.query, peer, Transport::udp, out);
  if (handling.reply.empty() || handling.reply.size() > out.size()) return 0;
  std::memcpy(out.data(), handling.reply.data(), handling.reply.size());
  return handling.reply.size();
} catch (const std::exception& error) {  // no memory: as if the packet were lost
  log::error("transfer", error.what());
  return 0;
}

void Dispatch::stream(ByteView message, const os::Endpoint& peer, Transport transport, MutableBytes buffer,
                      os::StreamReply& reply) noexcept try {
  auto handling = service_->handle(message, peer, transport, &session_);
  if (handling.query) handling.reply = answer(*handling.query, peer, transport, buffer);
  if (handling.stream) return reply.pull(std::move(handling.stream));
  if (handling.reply.empty()) return reply.close();
  reply.send(handling.reply);
} catch (const std::exception& error) {
  log::error("transfer", error.what());
  reply.close();
}

}  // namespace onoma::front
