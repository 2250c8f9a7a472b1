// StreamLoop: one epoll loop of a StreamServer. Inside this room only; everything but the mailbox belongs to
// its thread.
#pragma once

#include <chrono>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "os/fd.h"
#include "os/stream_framing.h"
#include "os/stream_server.h"

namespace onoma::os {

// Where deferred replies are left for the loop. Any thread.
struct StreamMailbox {
  struct Item {
    std::uint64_t connection;
    Bytes message;
    bool last;  // no message: the reply's owner is done
  };
  void leave(Item item);
  std::mutex mutex;
  std::vector<Item> items;
  Fd wake;
};

// What the loops of a server have in common.
struct StreamShared {
  explicit StreamShared(StreamOptions given) : options(std::move(given)), quota(options.quota) {}
  const StreamOptions options;
  StreamQuota quota;
  std::vector<Fd> listeners;
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> limited{0};
  std::atomic<std::uint64_t> expired{0};
  std::atomic<std::uint64_t> ended{0};
  std::atomic<std::uint64_t> pressed{0};
  std::atomic<std::uint64_t> malformed{0};
  std::atomic<std::uint64_t> messages{0};
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::size_t> held{0};  // octets of input and output in all connections
};

class StreamLoop {
 public:
  StreamLoop(StreamShared& shared, StreamHandler& handler) : shared_(shared), handler_(handler) {}
  ~StreamLoop() { stop(); }
  Result<void> prepare();
  void start();
  void drain();  // any thread
  void stop();

 private:
  using Moment = std::chrono::steady_clock::time_point;
  using Ids = std::list<std::uint64_t>;
  struct Connection {
    std::uint64_t id = 0;
    Fd fd;
    Endpoint peer;     // whom the handler sees
    StreamFraming in;  // octets read and not handled yet
    Bytes out;         // octets owed, from out_at
    std::size_t out_at = 0;
    std::deque<MessageSource> sources;
    std::size_t deferred = 0;
    std::uint64_t messages = 0;
    std::size_t held = 0;       // what of it StreamShared::held contains
    std::size_t progress = 0;   // octets taken since that last counted as activity
    bool header_due = false;    // a PROXY header comes first
    bool charged = false;       // to the quota
    bool finished = false;      // nothing more is read: the peer closed its half, or the server will
    bool ending = false;        // the server wants to close: what is in `in` is not handled either
    bool gone = false;          // the peer closed its half
    bool lingering = false;     // everything is sent and our half is shut; only the peer's end is waited for
    bool broken = false;        // to be closed now
    std::uint32_t watched = 0;  // epoll events asked for
    std::size_t wasted = 0;     // octets thrown away while lingering
    Moment born;
    Moment active;
    Ids::iterator place;  // in by_age_, or in by_linger_ if lingering

    std::size_t owed() const { return out.size() - out_at; }
    bool busy() const { return owed() > 0 || !sources.empty() || deferred > 0; }
  };
  class Reply;

  void run();
  void leave_listeners();
  bool accept_from(std::size_t listener);
  void admit(Fd fd, const Endpoint& peer);
  void refuse_one(int listener);
  bool make_room();
  bool take_header(Connection& connection);
  void attend(Connection& connection, std::uint32_t events);
  void read(Connection& connection);
  bool handle_messages(Connection& connection);
  bool fill(Connection& connection);
  void write(Connection& connection);
  void settle(Connection& connection);
  void watch(Connection& connection, std::uint32_t wanted);
  void begin_linger(Connection& connection);
  void linger(Connection& connection);
  void account(Connection& connection);
  void relieve();
  void put(Connection& connection, ByteView message);
  void touch(Connection& connection);
  void drop(std::uint64_t id);
  void take_mail();
  int expire();
  bool paused(const Connection& connection) const;
  Connection* find(std::uint64_t id);

  StreamShared& shared_;
  StreamHandler& handler_;
  Fd epoll_;
  Fd reserve_;  // given up for a moment to refuse a connection when descriptors have run out
  std::shared_ptr<StreamMailbox> mailbox_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> draining_{false};
  bool listening_ = true;
  std::uint64_t next_id_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  Ids by_age_;     // longest inactive first
  Ids by_linger_;  // longest lingering first
  Bytes scratch_;
  Bytes pulled_;
  std::thread thread_;
};

}  // namespace onoma::os
