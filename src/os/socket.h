// Opening sockets that listen: for the workers and servers of this room, and for doors that bring a loop of
// their own. A socket that a former process handed over (os/handover.h) is taken instead of a new one.
#pragma once

#include <string_view>

#include "base/error.h"
#include "os/address.h"
#include "os/fd.h"

namespace onoma::os {

struct BoundSocket {
  Fd fd;
  Endpoint bound;  // with the port the system chose
};

// Binds a UDP socket. Without `share` the port must be free of every other socket, even of one that would
// share it; afterwards it can be shared.
Result<BoundSocket> bind_udp(const Endpoint& endpoint, bool share, int buffer_octets);

// Binds a TCP socket and listens; non-blocking.
Result<BoundSocket> listen_tcp(const Endpoint& endpoint, int backlog);

}  // namespace onoma::os
