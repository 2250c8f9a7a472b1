// Dispatch: hands the messages that are not plain queries (transfers, NOTIFY, signed requests) to transfer,
// and what transfer hands back (signed queries of the ordinary kind) to serve. One for each thread that
// answers.
#pragma once

#include <functional>

#include "base/bytes.h"
#include "base/time.h"
#include "os/address.h"
#include "os/stream_server.h"
#include "serve/answer.h"
#include "transfer/service.h"

namespace onoma::front {

class Dispatch {
 public:
  // Answers an ordinary request as the thread's Answerer does.
  using Ordinary = std::function<void(const serve::Request& request, serve::Reply& reply)>;

  // Null: there is nobody to hand anything to, and nothing concerns it. The service must outlive this.
  Dispatch(transfer::Service* service, Ordinary ordinary)
      : service_(service), ordinary_(std::move(ordinary)) {}

  bool concerns(ByteView message) const noexcept {
    return service_ != nullptr && transfer::Service::concerns(message);
  }
  // REQUIRES for both: concerns(message). The octets written to `out`; 0: no reply.
  std::size_t datagram(ByteView message, const os::Endpoint& peer, MutableBytes out) noexcept;
  // `buffer`: memory for 65,535 octets.
  void stream(ByteView message, const os::Endpoint& peer, transfer::Transport transport, MutableBytes buffer,
              os::StreamReply& reply) noexcept;

 private:
  Bytes answer(transfer::SignedQuery& query, const os::Endpoint& peer, transfer::Transport transport,
               MutableBytes buffer);

  transfer::Service* service_;
  Ordinary ordinary_;
  transfer::Service::Session session_;
  SystemClock clock_;
};

}  // namespace onoma::front
