// What a StreamServer does to clients that want too much, and that it still serves the others meanwhile.
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include "os/stream_server.h"
#include "proxy_bytes.h"

namespace onoma::os {
namespace {

using namespace std::chrono_literals;
using test::closed_by_peer;
using test::connect_to;
using test::endpoint;
using test::framed;
using test::joined;
using test::proxied;
using test::proxy_header;
using test::receive_message;
using test::send_bytes;

// "peer": the peer's address; "flood": 64,000 octets; "close": the end; else the message comes back.
class Echo final : public StreamHandler {
 public:
  void handle(ByteView message, const Endpoint& peer, StreamReply& reply) noexcept override {
    const auto text = as_text(message);
    if (text == "peer") return reply.send(as_bytes(peer.text()));
    if (text == "flood") return reply.send(large_);
    if (text == "close") return reply.close();
    reply.send(message);
  }

 private:
  const Bytes large_ = Bytes(64000, 'x');
};

struct Running {
  explicit Running(StreamOptions options, std::string_view listen = "127.0.0.1:0") {
    options.listen = {endpoint(listen)};
    std::array<StreamHandler*, 1> handlers{&echo};
    auto opened = StreamServer::open(options, handlers);
    if (!opened) {
      ADD_FAILURE() << opened.error().message;
      return;
    }
    server = std::move(*opened);
    server->start();
  }
  Fd connect(std::string_view from = {}) const {
    const Endpoint& to = server->bound()[0];
    if (from.empty()) return connect_to(to, SOCK_STREAM);
    Fd fd(::socket(to.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto source = endpoint(from);
    const timeval limit{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::bind(fd.get(), source.data(), source.size()) != 0 || ::connect(fd.get(), to.data(), to.size()) != 0)
      return {};
    return fd;
  }
  StreamCounters counters() const { return server->counters(); }
  // Waits until a counter has the value expected: what the server notices, it notices soon.
  bool comes_to(std::uint64_t StreamCounters::* counter, std::uint64_t value) const {
    const auto end = std::chrono::steady_clock::now() + 5s;
    while (counters().*counter != value) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }
  Echo echo;
  std::unique_ptr<StreamServer> server;
};

bool answers(const Fd& fd, std::string_view text = "hello") {
  return send_bytes(fd, framed(text)) && receive_message(fd) == text;
}

void reset(Fd fd) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

// The end of the stream itself, not a reset.
bool ends(const Fd& fd) {
  char octet = 0;
  return ::recv(fd.get(), &octet, 1, 0) == 0;
}

TEST(StreamLimits, AConnectionEndsWithItsLifetimeAndLosesNoAnswer) {
  Running running({.lifetime = 30ms});
  Fd fd = running.connect();
  const auto start = std::chrono::steady_clock::now();
  std::size_t answered = 0;
  while (send_bytes(fd, framed("again"))) {
    const auto reply = receive_message(fd);
    if (!reply) break;
    EXPECT_EQ(*reply, "again");
    ++answered;
  }
  EXPECT_GE(answered, 1U);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
  EXPECT_EQ(running.counters().ended, 1U);
  fd.reset();
  EXPECT_TRUE(running.comes_to(&StreamCounters::open, 0));
}

TEST(StreamLimits, AConnectionEndsWithItsLastMessageWithoutAReset) {
  Running running({.messages_max = 3});
  Fd fd = running.connect();
  Bytes many;
  for (int i = 0; i < 5000; ++i) append(many, framed(fmt::format("message {}", i)));
  ASSERT_TRUE(send_bytes(fd, many));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(receive_message(fd), fmt::format("message {}", i));
  EXPECT_TRUE(ends(fd));
  EXPECT_EQ(running.counters().messages, 3U);
  EXPECT_EQ(running.counters().ended, 1U);
}

TEST(StreamLimits, AConnectionThatTheServerEndedIsCutIfTheClientStays) {
  Running running({.messages_max = 1});
  Fd fd = running.connect();
  ASSERT_TRUE(answers(fd));
  EXPECT_TRUE(ends(fd));
  EXPECT_EQ(running.counters().open, 1U) << "the client may still be sending";
  EXPECT_TRUE(running.comes_to(&StreamCounters::open, 0)) << "but not for ever";
}

TEST(StreamLimits, EveryHostAndNetworkHasItsQuota) {
  Running running({.quota = {.per_host = 2, .per_network = 3, .exempt = {}}});
  Fd first = running.connect();
  Fd second = running.connect();
  ASSERT_TRUE(answers(first) && answers(second));
  Fd third = running.connect();
  EXPECT_TRUE(closed_by_peer(third));
  EXPECT_EQ(running.counters().limited, 1U);
  Fd other = running.connect("127.0.0.2:0");
  EXPECT_TRUE(answers(other));
  Fd another = running.connect("127.0.0.3:0");
  EXPECT_TRUE(closed_by_peer(another)) << "a fourth of one /24";
  Fd elsewhere = running.connect("127.0.1.1:0");
  EXPECT_TRUE(answers(elsewhere));
  first.reset();
  ASSERT_TRUE(running.comes_to(&StreamCounters::open, 3));
  Fd again = running.connect();
  EXPECT_TRUE(answers(again)) << "what is closed is given back";
  EXPECT_TRUE(answers(second)) << "and nobody else was disturbed";
}

TEST(StreamLimits, ExemptNetworksHaveNoQuota) {
  auto exempt = PrefixList::parse({"127.0.0.0/8"});
  ASSERT_TRUE(exempt);
  Running running({.quota = {.per_host = 1, .per_network = 1, .exempt = *exempt}});
  std::array<Fd, 5> fds;
  for (Fd& fd : fds) fd = running.connect();
  for (const Fd& fd : fds) EXPECT_TRUE(answers(fd));
}

TEST(StreamLimits, TenThousandConnectionsOfOneHostLeaveRoomForOthers) {
  Running running({.connections_max = 100, .quota = {.per_host = 50, .per_network = 0, .exempt = {}}});
  Fd good = running.connect("127.0.0.2:0");
  ASSERT_TRUE(answers(good));
  std::array<Fd, 200> fds;  // so many are open at a time
  for (std::size_t i = 0; i < 10'000; ++i) fds[i % fds.size()] = running.connect();
  EXPECT_TRUE(answers(good));
  Fd late = running.connect("127.0.1.1:0");
  EXPECT_TRUE(answers(late));
  EXPECT_LE(running.counters().open, 52U);
  EXPECT_GE(running.counters().limited, 5'000U);
  EXPECT_EQ(running.counters().refused, 0U);
}

TEST(StreamLimits, AClientThatSendsOctetByOctetIsClosedAfterTheIdleTime) {
  Running running({.idle = 100ms});
  Fd fd = running.connect();
  const Bytes message = framed(std::string(1000, 'x'));
  std::size_t sent = 0;
  const auto start = std::chrono::steady_clock::now();
  while (sent < message.size() && send_bytes(fd, ByteView(message).subspan(sent, 1))) {
    ++sent;
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_LT(sent, message.size());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
  EXPECT_EQ(running.counters().expired, 1U);
}

TEST(StreamLimits, AClientThatTakesOctetByOctetIsClosedAfterTheIdleTime) {
  Running running({.idle = 100ms, .output_limit = 100'000});
  Fd fd = running.connect();
  const int small = 4096;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(send_bytes(fd, framed("flood")));
  const auto end = std::chrono::steady_clock::now() + 5s;
  char octet = 0;
  while (running.counters().expired == 0 && std::chrono::steady_clock::now() < end) {
    ::recv(fd.get(), &octet, 1, 0);
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_EQ(running.counters().expired, 1U);
}

TEST(StreamLimits, AResetAfterEveryOctetHarmsNobodyElse) {
  Running running({});
  Bytes conversation = framed("hello");
  append(conversation, framed("flood"));
  append(conversation, framed(""));
  for (std::size_t size = 0; size <= conversation.size(); ++size)
    for (const bool half : {false, true}) {
      Fd fd = running.connect();
      ASSERT_TRUE(send_bytes(fd, ByteView(conversation).first(size)));
      if (half) ::shutdown(fd.get(), SHUT_WR);
      reset(std::move(fd));
    }
  Fd good = running.connect();
  EXPECT_TRUE(answers(good));
  good.reset();
  EXPECT_TRUE(running.comes_to(&StreamCounters::open, 0));
}

TEST(StreamLimits, AHalfClosedClientGetsItsAnswersAtEveryOctet) {
  Running running({});
  const Bytes conversation = joined(framed("one"), framed("two"));
  for (std::size_t size = 0; size <= conversation.size(); ++size) {
    Fd fd = running.connect();
    ASSERT_TRUE(send_bytes(fd, ByteView(conversation).first(size)));
    ::shutdown(fd.get(), SHUT_WR);
    if (size >= 5) {
      EXPECT_EQ(receive_message(fd), "one");
    }
    if (size >= 10) {
      EXPECT_EQ(receive_message(fd), "two");
    }
    EXPECT_TRUE(ends(fd)) << size;
  }
}

TEST(StreamLimits, MemoryOfAllConnectionsTogetherIsBounded) {
  Running running({.idle = 10s, .output_limit = 400'000, .memory_max = 600'000});
  Fd good = running.connect();
  ASSERT_TRUE(answers(good));
  std::array<Fd, 8> greedy;
  const int small = 4096;
  Bytes requests;
  for (int i = 0; i < 100; ++i) append(requests, framed("flood"));
  for (Fd& fd : greedy) {
    fd = running.connect();
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    ASSERT_TRUE(send_bytes(fd, requests));
  }
  const auto end = std::chrono::steady_clock::now() + 5s;
  while (running.counters().pressed < 4 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_GE(running.counters().pressed, 4U) << "eight clients that wait for 6.4 MB each";
  EXPECT_TRUE(answers(good)) << "who takes the answers is not cut";
}

TEST(StreamLimits, AListedProxySpeaksForOthers) {
  auto proxies = PrefixList::parse({"127.0.0.1"});
  ASSERT_TRUE(proxies);
  Running running({.proxy_from = *proxies});
  Fd fd = running.connect();
  // Header and question come octet by octet, further questions at once.
  for (const std::uint8_t octet : joined(proxied("192.0.2.7:5353", "198.51.100.1:53", true), framed("peer")))
    ASSERT_TRUE(send_bytes(fd, ByteView(&octet, 1)));
  EXPECT_EQ(receive_message(fd), "192.0.2.7:5353");
  ASSERT_TRUE(send_bytes(fd, joined(framed("peer"), framed("hello"))));
  EXPECT_EQ(receive_message(fd), "192.0.2.7:5353");
  EXPECT_EQ(receive_message(fd), "hello");

  Fd six = running.connect();
  ASSERT_TRUE(
      send_bytes(six, joined(proxied("[2001:db8::7]:5353", "[2001:db8::1]:53", true), framed("peer"))));
  EXPECT_EQ(receive_message(six), "[2001:db8::7]:5353");
}

TEST(StreamLimits, TheProxysOwnQuestionsComeFromItself) {
  auto proxies = PrefixList::parse({"127.0.0.0/8"});
  ASSERT_TRUE(proxies);
  Running running({.proxy_from = *proxies});
  Fd fd = running.connect("127.0.0.9:0");
  ASSERT_TRUE(send_bytes(fd, joined(proxy_header(0x20, 0, {}), framed("peer"))));
  const auto reply = receive_message(fd);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->starts_with("127.0.0.9:")) << *reply;
}

TEST(StreamLimits, AListedProxyMustSendTheHeader) {
  auto proxies = PrefixList::parse({"127.0.0.1"});
  ASSERT_TRUE(proxies);
  Running running({.proxy_from = *proxies});
  Fd fd = running.connect();
  ASSERT_TRUE(send_bytes(fd, framed("hello")));
  EXPECT_TRUE(closed_by_peer(fd));
  EXPECT_EQ(running.counters().malformed, 1U);
  EXPECT_EQ(running.counters().messages, 0U);
}

// The first two octets of the signature are the length of a message like any other.
TEST(StreamLimits, NobodyElsesHeaderIsBelieved) {
  auto proxies = PrefixList::parse({"192.0.2.0/24"});
  ASSERT_TRUE(proxies);
  Running running({.idle = 50ms, .proxy_from = *proxies});
  Fd fd = running.connect();
  ASSERT_TRUE(send_bytes(fd, joined(proxied("192.0.2.7:5353", "198.51.100.1:53", true), framed("peer"))));
  EXPECT_TRUE(closed_by_peer(fd));
  EXPECT_EQ(running.counters().messages, 0U);
}

TEST(StreamLimits, TheQuotaCountsThoseBehindTheProxy) {
  auto proxies = PrefixList::parse({"127.0.0.1"});
  ASSERT_TRUE(proxies);
  Running running({.quota = {.per_host = 1, .per_network = 0, .exempt = {}}, .proxy_from = *proxies});
  const auto open = [&](std::string_view source) {
    Fd fd = running.connect();
    EXPECT_TRUE(send_bytes(fd, joined(proxied(source, "198.51.100.1:53", true), framed("hello"))));
    return fd;
  };
  Fd first = open("192.0.2.7:1");
  EXPECT_EQ(receive_message(first), "hello");
  Fd second = open("192.0.2.7:2");
  EXPECT_TRUE(closed_by_peer(second));
  Fd other = open("192.0.2.8:1");
  EXPECT_EQ(receive_message(other), "hello");
  EXPECT_EQ(running.counters().limited, 1U);
  first.reset();
  ASSERT_TRUE(running.comes_to(&StreamCounters::open, 1));
  Fd again = open("192.0.2.7:3");
  EXPECT_EQ(receive_message(again), "hello");
}

TEST(StreamLimits, ImpossibleLimitsAreRefused) {
  Echo echo;
  std::array<StreamHandler*, 1> handlers{&echo};
  const auto refused = [&](StreamOptions options) {
    options.listen = {endpoint("127.0.0.1:0")};
    const auto opened = StreamServer::open(options, handlers);
    return !opened && opened.error().code == Code::out_of_range;
  };
  EXPECT_TRUE(refused({.idle = 0ms}));
  EXPECT_TRUE(refused({.lifetime = 0ms}));
  EXPECT_TRUE(refused({.messages_max = 0}));
  EXPECT_TRUE(refused({.memory_max = 0}));
}

}  // namespace
}  // namespace onoma::os
