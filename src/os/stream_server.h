// StreamServer: messages over TCP, each behind a prefix of 2 octets that tells its length (RFC 1035 §4.2.2,
// RFC 7766). It knows nothing of what is in the messages. One loop and one thread for each handler; a
// connection stays with the loop that accepted it.
//
// What always holds
// - A handler is called by the thread of its own loop only, with whole messages, in the order they came.
// - Length and message leave in one piece, and the pieces of one reply never mix with those of another.
// - Every connection is bounded: input by one message, output by `output_limit` and one message more. Above
// the limit,
//   or with `in_flight_max` replies owed, the server stops reading until the client has taken its answers.
// - A connection on which no whole message arrives and no output leaves for `idle` is closed; octets that
// trickle in do
//   not count. While only deferred replies are owed, the server itself is what is waited for and nothing is
//   closed.
// - A client that has closed its half still gets the replies it is owed.
// - When `connections_max` is reached the connection that is idle longest makes room; if none is idle, the
// new one goes.
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

namespace onoma::os {

inline constexpr std::size_t kStreamMessageMax = 65535;

// Asked for the next message when the output has room: fills `next` (handed over empty, its capacity kept)
// and returns true, or returns false at the end. Called by the loop's thread, destroyed with the connection.
// A message of more than kStreamMessageMax octets closes the connection.
using MessageSource = std::move_only_function<bool(Bytes& next)>;

struct StreamMailbox;

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
  // The loop is about to block: let published values go. Same thread as handle().
  virtual void idle() noexcept {}
};

struct StreamOptions {
  std::vector<Endpoint> listen;  // port 0: the system chooses (see bound())
  std::chrono::milliseconds idle{10'000};
  std::size_t connections_max = 1024;     // in all loops together
  std::size_t output_limit = 256 * 1024;  // octets of a connection's replies not yet taken by the kernel
  std::size_t in_flight_max = 64;         // deferred replies and sources of a connection
  int backlog = 1024;
};

struct StreamCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;  // closed at once: too many connections
  std::uint64_t expired = 0;  // closed by the idle timeout
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
