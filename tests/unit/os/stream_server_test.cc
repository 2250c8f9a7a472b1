#include "os/stream_server.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "client.h"

namespace onoma::os {
namespace {

using namespace std::chrono_literals;
using test::closed_by_peer;
using test::connect_to;
using test::endpoint;
using test::framed;
using test::receive_message;
using test::send_bytes;

// "count N SIZE": N messages of SIZE octets from a source; "defer": kept; "close": one reply and the end;
// "none": nothing; else the message comes back.
class Handler final : public StreamHandler {
 public:
  void handle(ByteView message, const Endpoint& peer, StreamReply& reply) noexcept override {
    const std::string text(as_text(message));
    if (text.starts_with("count ")) {
      const auto space = text.find(' ', 6);
      const std::size_t count = std::stoul(text.substr(6, space - 6));
      const std::size_t size = std::stoul(text.substr(space + 1));
      reply.pull([this, count, size, made = std::size_t{0}](Bytes& next) mutable {
        if (made == count) return false;
        next.assign(size, static_cast<std::uint8_t>('a' + made % 26));
        ++made;
        ++pulled;
        return true;
      });
    } else if (text == "defer") {
      std::scoped_lock lock(mutex);
      kept = reply.defer();
      changed.notify_all();
    } else if (text == "close") {
      reply.send(as_bytes("bye"));
      reply.close();
    } else if (text == "peer") {
      reply.send(as_bytes(peer.text()));
    } else if (text != "none") {
      reply.send(message);
    }
    ++handled;
  }
  DeferredReply take_kept() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return kept.has_value(); });
    DeferredReply reply = std::move(*kept);
    kept.reset();
    return reply;
  }
  std::atomic<std::size_t> handled{0};
  std::atomic<std::size_t> pulled{0};
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<DeferredReply> kept;
};

struct Running {
  explicit Running(StreamOptions options = {}, std::string_view listen = "127.0.0.1:0") {
    options.listen = {endpoint(listen)};
    std::array<StreamHandler*, 1> handlers{&handler};
    auto opened = StreamServer::open(options, handlers);
    if (!opened) {
      ADD_FAILURE() << opened.error().message;
      return;
    }
    server = std::move(*opened);
    server->start();
  }
  Fd connect() const { return connect_to(server->bound()[0], SOCK_STREAM); }
  Handler handler;
  std::unique_ptr<StreamServer> server;
};

TEST(StreamServer, PipelinedMessagesAreAnsweredInOrder) {
  Running running;
  Fd fd = running.connect();
  Bytes all;
  for (int i = 0; i < 500; ++i) append(all, framed(fmt::format("message {}", i)));
  append(all, framed(""));
  append(all, framed(std::string(65535, 'x')));
  std::thread sender([&] { EXPECT_TRUE(send_bytes(fd, all)); });
  for (int i = 0; i < 500; ++i) EXPECT_EQ(receive_message(fd), fmt::format("message {}", i));
  EXPECT_EQ(receive_message(fd), "");
  EXPECT_EQ(receive_message(fd), std::string(65535, 'x'));
  sender.join();
}

TEST(StreamServer, AMessageMayComeOctetByOctet) {
  Running running;
  Fd fd = running.connect();
  for (std::uint8_t octet : framed("slowly")) ASSERT_TRUE(send_bytes(fd, ByteView(&octet, 1)));
  EXPECT_EQ(receive_message(fd), "slowly");
}

TEST(StreamServer, Ipv6AndTheAddressOfThePeer) {
  Running running({}, "[::1]:0");
  Fd fd = running.connect();
  Endpoint local;
  socklen_t size = Endpoint::kCapacity;
  ASSERT_EQ(::getsockname(fd.get(), local.buffer(), &size), 0);
  ASSERT_TRUE(send_bytes(fd, framed("peer")));
  EXPECT_EQ(receive_message(fd), local.text());
}

TEST(StreamServer, HalfAMessageIsClosedAfterTheIdleTime) {
  Running running({.idle = 50ms});
  Fd fd = running.connect();
  ASSERT_TRUE(send_bytes(fd, framed("whole")));
  EXPECT_EQ(receive_message(fd), "whole");
  ASSERT_TRUE(send_bytes(fd, as_bytes(std::string_view("\0\x10half", 6))));
  EXPECT_TRUE(closed_by_peer(fd));
  EXPECT_EQ(running.server->counters().expired, 1U);
}

TEST(StreamServer, ASourceWaitsForAClientThatTakesNothingAndInTheEndItIsClosed) {
  Running running({.idle = 200ms, .output_limit = 10'000, .in_flight_max = 4});
  Fd fd = running.connect();
  ASSERT_TRUE(send_bytes(fd, framed("count 100000 60000")));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(send_bytes(fd, framed("count 1 1")));
  while (running.server->counters().expired == 0) std::this_thread::yield();
  EXPECT_LT(running.handler.pulled, 1000U) << "more than all the buffers of the system hold";
  EXPECT_LE(running.handler.handled, 4U);
}

TEST(StreamServer, AClientThatTakesNothingIsNotRead) {
  Running running({.idle = 200ms, .output_limit = 10'000});
  Fd fd = running.connect();
  const Bytes message = framed(std::string(60000, 'x'));
  std::size_t sent = 0;
  while (sent < 2000 && send_bytes(fd, message)) ++sent;
  EXPECT_LT(sent, 2000U) << "120 MB were taken although no answer was";
  EXPECT_EQ(running.server->counters().expired, 1U);
}

TEST(StreamServer, ASourceGivesManyMessagesAndLaterRepliesFollow) {
  Running running({.output_limit = 100'000, .in_flight_max = 1});
  Fd fd = running.connect();
  Bytes both = framed("count 300 40000");
  append(both, framed("count 0 1"));
  append(both, framed("after"));
  ASSERT_TRUE(send_bytes(fd, both));
  for (std::size_t i = 0; i < 300; ++i)
    ASSERT_EQ(receive_message(fd), std::string(40000, static_cast<char>('a' + i % 26))) << i;
  EXPECT_EQ(receive_message(fd), "after");
}

TEST(StreamServer, ADeferredReplyComesFromAnotherThreadAndBoundsWhatIsInFlight) {
  Running running({.idle = 30ms, .in_flight_max = 1});
  Fd fd = running.connect();
  ASSERT_TRUE(send_bytes(fd, framed("defer")));
  auto reply = std::make_optional(running.handler.take_kept());
  ASSERT_TRUE(send_bytes(fd, framed("next")));
  // Another connection passes twice the idle time in the meantime; this one must survive it.
  Fd other = running.connect();
  EXPECT_TRUE(closed_by_peer(other));
  Fd another = running.connect();
  EXPECT_TRUE(closed_by_peer(another));
  EXPECT_EQ(running.handler.handled, 1U) << "with one reply in flight nothing more is handled";
  std::thread([&] {
    reply->send(to_bytes("late"));
    reply->send(to_bytes("later"));
    reply.reset();
  }).join();
  EXPECT_EQ(receive_message(fd), "late");
  EXPECT_EQ(receive_message(fd), "later");
  EXPECT_EQ(receive_message(fd), "next");
}

TEST(StreamServer, ADeferredReplyMayOutliveConnectionAndServer) {
  std::optional<DeferredReply> reply;
  {
    Running running;
    Fd fd = running.connect();
    ASSERT_TRUE(send_bytes(fd, framed("defer")));
    reply = running.handler.take_kept();
  }
  reply->send(to_bytes("nobody hears this"));
  reply.reset();
}

TEST(StreamServer, AClientThatClosedItsHalfGetsItsReplies) {
  Running running;
  Fd fd = running.connect();
  Bytes both = framed("count 20 60000");
  append(both, framed("last"));
  ASSERT_TRUE(send_bytes(fd, both));
  ::shutdown(fd.get(), SHUT_WR);
  bool last = false;
  std::size_t large = 0;
  for (int i = 0; i < 21; ++i) {
    const auto message = receive_message(fd);
    ASSERT_TRUE(message);
    if (*message == "last")
      last = true;
    else
      large += message->size();
  }
  EXPECT_TRUE(last);
  EXPECT_EQ(large, 20U * 60000);
  EXPECT_TRUE(closed_by_peer(fd));
}

TEST(StreamServer, TheHandlerMayClose) {
  Running running;
  Fd fd = running.connect();
  Bytes both = framed("close");
  append(both, framed("not heard"));
  ASSERT_TRUE(send_bytes(fd, both));
  EXPECT_EQ(receive_message(fd), "bye");
  EXPECT_TRUE(closed_by_peer(fd));
  EXPECT_EQ(running.handler.handled, 1U);
}

TEST(StreamServer, WhenFullTheLongestIdleMakesRoomAndTheBusyStay) {
  Running running({.connections_max = 2});
  Fd busy = running.connect();
  ASSERT_TRUE(send_bytes(busy, framed("defer")));
  auto reply = std::make_optional(running.handler.take_kept());
  Fd idle = running.connect();
  ASSERT_TRUE(send_bytes(idle, framed("hello")));
  EXPECT_EQ(receive_message(idle), "hello");
  Fd third = running.connect();
  EXPECT_TRUE(closed_by_peer(idle));
  ASSERT_TRUE(send_bytes(third, framed("none")));
  ASSERT_TRUE(send_bytes(third, framed("defer")));
  auto second_reply = std::make_optional(running.handler.take_kept());
  Fd fourth = running.connect();
  EXPECT_TRUE(closed_by_peer(fourth));
  EXPECT_EQ(running.server->counters().refused, 1U);
  EXPECT_EQ(running.server->counters().open, 2U);
  reply->send(to_bytes("done"));
  EXPECT_EQ(receive_message(busy), "done");
}

TEST(StreamServer, APortInUseIsNamed) {
  Running running;
  StreamOptions options;
  options.listen = running.server->bound();
  std::array<StreamHandler*, 1> handlers{&running.handler};
  auto second = StreamServer::open(options, handlers);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::io);
  EXPECT_EQ(second.error().message,
            fmt::format("another program listens on {}; stop it or choose another --listen",
                        options.listen[0].text()));
}

TEST(StreamServer, SeveralLoopsAndManyConnections) {
  std::array<Handler, 2> loops;
  std::array<StreamHandler*, 2> handlers{&loops[0], &loops[1]};
  StreamOptions options;
  options.listen = {endpoint("127.0.0.1:0")};
  auto server = StreamServer::open(options, handlers);
  ASSERT_TRUE(server);
  (*server)->start();
  std::vector<Fd> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(connect_to((*server)->bound()[0], SOCK_STREAM));
  for (auto& client : clients) ASSERT_TRUE(send_bytes(client, framed("hello")));
  for (auto& client : clients) EXPECT_EQ(receive_message(client), "hello");
  (*server)->stop();
  EXPECT_EQ((*server)->counters().accepted, 100U);
  EXPECT_EQ((*server)->counters().messages, 100U);
  EXPECT_EQ((*server)->counters().open, 0U);
  EXPECT_TRUE(closed_by_peer(clients[0]));
}

}  // namespace
}  // namespace onoma::os
