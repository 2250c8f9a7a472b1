// StreamServer: messages over TCP, each behind a prefix of 2 octets that tells its length (RFC 1035 §4.2.2,
// RFC 7766). It knows nothing of what is in the messages. One loop and one thread for each handler; a
// connection stays with the loop that accepted it.
//
// What always holds
// - A handler is called by the thread of its own loop only, with whole messages, in the order they came.
// - All whole messages of one read are answered with one write. Length and message leave in one piece, and
// the pieces of one reply never mix with those of another.
// - Every connection is bounded: input by one message and one read, output by `output_limit` and one message
// more. Above the limit, or with `in_flight_max` replies owed, the server stops reading until the client has
// taken its answers. All connections together hold at most `memory_max` octets and what one step adds: above
// that the connection that has stood still longest is cut.
// - A connection on which no whole message arrives and no output leaves for `idle` is closed. Octets that
// trickle in do not count, nor do less than kStreamProgress octets taken of replies that wait. While only
// deferred replies are owed, the server itself is what is waited for and nothing is closed.
// - After `lifetime`, or with message number `messages_max`, a connection is closed once it has taken what it
// is owed; whatever it still owes its client after four lifetimes is dropped.
// - A client that has closed its half still gets the replies it is owed. A server that closes first shuts
// only its own half and reads on for kStreamLinger, so that no answer on its way is lost to a reset.
// - When `connections_max` is reached the connection that is idle longest makes room; if none is idle, the
// new one goes. A network over its quota is refused before it can push anybody out.
// - Peers in `proxy_from` must begin with a PROXY header (proxy_header.h); the address in it is the peer that
// the handler sees and that the quota counts. Nobody else's header is believed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "os/address.h"
#include "os/prefix.h"
#include "os/stream_quota.h"

namespace onoma::os {

inline constexpr std::size_t kStreamMessageMax = 65535;

// Asked for the next message when the output has room: fills `next` (handed over empty, its capacity kept)
// and returns true, or returns false at the end. Called by the loop's thread, destroyed with the connection.
// A message of more than kStreamMessageMax octets closes the connection.
using MessageSource = std::move_only_function<bool(Bytes& next)>;

struct StreamMailbox;

// A loop that waits keeps what its handler holds for at most this long.
inline constexpr int kStreamIdleMs = 10;

// A reply that is made later, by whichever thread. Counts as in flight until it is destroyed. Outliving the
// connection or the server is harmless: what is sent then goes nowhere.
class DeferredReply {
 public:
  DeferredReply() = default;
  DeferredReply(DeferredReply&& other) noexcept;
  DeferredReply& operator=(DeferredReply&& other) noexcept;
  ~DeferredReply();
  void send(Bytes message);  // any number of times

 private:
  friend class StreamLoop;
  DeferredReply(std::shared_ptr<StreamMailbox> mailbox, std::uint64_t connection);
  std::shared_ptr<StreamMailbox> mailbox_;
  std::uint64_t connection_ = 0;
};

// What a handler may do about a message. Valid during handle() only.
class StreamReply {
 public:
  virtual ~StreamReply() = default;
  // One message, copied. 0 to kStreamMessageMax octets.
  virtual void send(ByteView message) = 0;
  // Many messages, made as the client takes them; sources of one connection are drawn one after another.
  virtual void pull(MessageSource source) = 0;
  // An answer that is not ready yet.
  virtual DeferredReply defer() = 0;
  // Takes no further messages and closes once all that is owed has been sent.
  virtual void close() = 0;
};

class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  virtual void handle(ByteView message, const Endpoint& peer, StreamReply& reply) noexcept = 0;
  // Nothing has come for kStreamIdleMs and the loop is about to block without limit: let published values go.
  // Also called once when the loop ends. Same thread as handle().
  virtual void idle() noexcept {}
};

// Octets that a client must take of waiting replies within the idle time to count as alive.
inline constexpr std::size_t kStreamProgress = 4096;
// How long a connection that the server has closed is still read.
inline constexpr std::chrono::milliseconds kStreamLinger{1000};

struct StreamOptions {
  std::vector<Endpoint> listen;  // port 0: the system chooses (see bound())
  std::chrono::milliseconds idle{10'000};
  std::chrono::milliseconds lifetime{3'600'000};
  std::chrono::milliseconds drain_idle{1'000};  // the idle timeout after drain()
  std::uint64_t messages_max = 1'000'000;       // of one connection
  std::size_t connections_max = 1024;           // in all loops together
  std::size_t output_limit = 256 * 1024;  // octets of a connection's replies not yet taken by the kernel
  std::size_t memory_max = 64 << 20;      // octets of unhandled input and waiting output of all connections
  std::size_t in_flight_max = 64;         // deferred replies and sources of a connection
  StreamQuotaLimits quota;                // connections of one network
  PrefixList proxy_from;                  // peers that begin with a PROXY header
  int backlog = 1024;
};

struct StreamCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;    // closed at once: too many connections
  std::uint64_t limited = 0;    // closed at once: too many from one network
  std::uint64_t expired = 0;    // closed by the idle timeout
  std::uint64_t ended = 0;      // closed at the end of their lifetime or with their last message
  std::uint64_t pressed = 0;    // cut because all connections together held too much memory
  std::uint64_t malformed = 0;  // closed because a PROXY header was missing or wrong
  std::uint64_t messages = 0;
  std::uint64_t open = 0;  // now
};

class StreamLoop;

class StreamServer {
 public:
  // Binds and listens; connections wait in the backlog until start(). One loop for each handler (at least
  // one); handlers must outlive the server. A port in use is Code::io with a message that names the address.
  static Result<std::unique_ptr<StreamServer>> open(StreamOptions options,
                                                    std::span<StreamHandler* const> handlers);
  ~StreamServer();  // stops

  void start();  // once
  // Takes no new connections: the listening sockets belong to another process now. Open ones are answered as
  // before and close when they are silent for `drain_idle`; counters().open tells how many are left.
  void drain();
  // Closes every connection, whatever it still owes. Idempotent.
  void stop();

  const std::vector<Endpoint>& bound() const { return bound_; }
  StreamCounters counters() const;  // any thread

 private:
  StreamServer();
  std::vector<Endpoint> bound_;
  struct Shared;
  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<StreamLoop>> loops_;
};

}  // namespace onoma::os
