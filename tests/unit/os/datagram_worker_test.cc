#include "os/datagram_worker.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "client.h"
#include "proxy_bytes.h"

namespace onoma::os {
namespace {

using test::connect_to;
using test::endpoint;
using test::receive_datagram;
using test::send_bytes;

// Answers with what it got, repeated as often as the first octet says if that is a digit; "drop…" gets
// nothing.
class Echo final : public DatagramHandler {
 public:
  void handle(std::span<const Datagram> in, ReplyArena& out) noexcept override {
    batches_max = std::max(batches_max.load(), in.size());
    for (std::size_t i = 0; i < in.size(); ++i) {
      const auto text = as_text(in[i].payload);
      if (text.starts_with("drop")) continue;
      if (in[i].v6) v6_seen = true;
      MutableBytes slot = out.slot(i);
      const std::size_t times =
          !text.empty() && text[0] > '0' && text[0] <= '9' ? static_cast<std::size_t>(text[0] - '0') : 1;
      std::size_t length = 0;
      for (std::size_t t = 0; t < times && length + text.size() <= slot.size(); ++t) {
        std::ranges::copy(in[i].payload, slot.begin() + static_cast<std::ptrdiff_t>(length));
        length += text.size();
      }
      out.reply(i, length);
    }
    std::scoped_lock lock(mutex);
    rests = false;
  }
  void idle() noexcept override {
    std::scoped_lock lock(mutex);
    rests = true;
    changed.notify_all();
  }
  void wait_for_idle() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return rests; });
  }
  std::atomic<std::size_t> batches_max{0};
  std::atomic<bool> v6_seen{false};
  std::mutex mutex;
  std::condition_variable changed;
  bool rests = false;  // idle() was the last call
};

std::unique_ptr<DatagramWorker> open_on(std::string_view text, DatagramHandler& handler,
                                        DatagramOptions options = {}) {
  options.listen = {endpoint(text)};
  auto worker = DatagramWorker::open(options, handler);
  if (!worker) {
    ADD_FAILURE() << worker.error().message;
    return nullptr;
  }
  return std::move(*worker);
}

std::optional<std::string> ask(const Endpoint& to, std::string_view text) {
  Fd fd = connect_to(to, SOCK_DGRAM);
  if (!send_bytes(fd, as_bytes(text))) return std::nullopt;
  return receive_datagram(fd);
}

TEST(DatagramWorker, EveryOneOfAThousandPacketsGetsItsReplyInBatches) {
  Echo echo;
  auto worker = open_on("127.0.0.1:0", echo);
  ASSERT_NE(worker, nullptr);
  EXPECT_NE(worker->bound()[0].port(), 0);
  // Sent before the worker starts, so that it finds a full queue and its batches are full too.
  std::vector<Fd> clients;
  for (int c = 0; c < 10; ++c) clients.push_back(connect_to(worker->bound()[0], SOCK_DGRAM));
  for (std::size_t i = 0; i < 1000; ++i)
    ASSERT_TRUE(send_bytes(clients[i % clients.size()], as_bytes(fmt::format("q{:04}", i))));
  worker->start();
  std::set<std::string> got;
  for (std::size_t i = 0; i < 1000; ++i) {
    auto reply = receive_datagram(clients[i % clients.size()]);
    ASSERT_TRUE(reply) << "after " << i;
    got.insert(*reply);
  }
  EXPECT_EQ(got.size(), 1000U);
  EXPECT_EQ(echo.batches_max, kDatagramBatchMax);
  worker->stop();
  const auto counters = worker->counters();
  EXPECT_EQ(counters.received, 1000U);
  EXPECT_EQ(counters.replied, 1000U);
  EXPECT_EQ(counters.batches, 16U);
  EXPECT_EQ(counters.send_failed, 0U);
}

TEST(DatagramWorker, ServesBothFamiliesAtOnce) {
  Echo echo;
  DatagramOptions options;
  options.listen = {endpoint("127.0.0.1:0"), endpoint("[::1]:0")};
  auto worker = DatagramWorker::open(options, echo);
  ASSERT_TRUE(worker) << worker.error().message;
  (*worker)->start();
  EXPECT_EQ(ask((*worker)->bound()[0], "four"), "four");
  EXPECT_FALSE(echo.v6_seen);
  EXPECT_EQ(ask((*worker)->bound()[1], "six"), "six");
  EXPECT_TRUE(echo.v6_seen);
}

// A connected client only hears the address it asked: the system would otherwise answer 127.0.0.2 from
// 127.0.0.1.
TEST(DatagramWorker, RepliesLeaveFromTheAddressAskedWhenBoundToAWildcard) {
  Echo echo;
  DatagramOptions options;
  options.listen = {endpoint("0.0.0.0:0"), endpoint("[::]:0")};
  auto worker = DatagramWorker::open(options, echo);
  ASSERT_TRUE(worker) << worker.error().message;
  (*worker)->start();
  const auto port = (*worker)->bound()[0].port();
  for (const char* address : {"127.0.0.1:0", "127.0.0.2:0", "127.77.0.1:0"})
    EXPECT_EQ(ask(endpoint(address).with_port(port), address), address);
  EXPECT_EQ(ask(endpoint("[::1]:0").with_port((*worker)->bound()[1].port()), "six"), "six");
}

TEST(DatagramWorker, AnIpv6WildcardLeavesTheIpv4PortFree) {
  Echo echo;
  auto six = open_on("[::]:0", echo);
  ASSERT_NE(six, nullptr);
  EXPECT_NE(open_on(fmt::format("0.0.0.0:{}", six->bound()[0].port()), echo), nullptr);
}

TEST(DatagramWorker, APortInUseIsNamedEvenIfItsOwnerWouldShare) {
  Echo echo;
  auto first = open_on("127.0.0.1:0", echo);
  ASSERT_NE(first, nullptr);
  DatagramOptions options;
  options.listen = first->bound();
  auto second = DatagramWorker::open(options, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::io);
  EXPECT_EQ(second.error().message,
            fmt::format("another program listens on {}; stop it or choose another --listen",
                        first->bound()[0].text()));
  options.listen = {endpoint("192.0.2.1:0")};
  auto elsewhere = DatagramWorker::open(options, echo);
  ASSERT_FALSE(elsewhere);
  EXPECT_NE(elsewhere.error().message.find("does not have that address"), std::string::npos);
}

TEST(DatagramWorker, SeveralWorkersShareTheirPorts) {
  std::array<Echo, 3> echoes;
  std::array<DatagramHandler*, 3> handlers{&echoes[0], &echoes[1], &echoes[2]};
  DatagramOptions options;
  options.listen = {endpoint("127.0.0.1:0")};
  const int cpus[] = {0};
  auto workers = open_datagram_workers(options, handlers, cpus);
  ASSERT_TRUE(workers) << workers.error().message;
  for (auto& worker : *workers) {
    EXPECT_EQ(worker->bound(), (*workers)[0]->bound());
    worker->start();
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ask((*workers)[0]->bound()[0], "hello"), "hello");
  std::size_t total = 0;
  for (std::size_t i = 0; i < workers->size(); ++i) {
    (*workers)[i]->stop();
    EXPECT_GT((*workers)[i]->counters().received, 0U) << "worker " << i << " of a hundred clients got none";
    total += (*workers)[i]->counters().received;
  }
  EXPECT_EQ(total, 100U);
}

TEST(DatagramWorker, DropsAreSilentAndOverlongRequestsNeverShown) {
  Echo echo;
  DatagramOptions options;
  options.request_max = 100;
  auto worker = open_on("127.0.0.1:0", echo, options);
  ASSERT_NE(worker, nullptr);
  Fd fd = connect_to(worker->bound()[0], SOCK_DGRAM);
  ASSERT_TRUE(send_bytes(fd, as_bytes("drop this")));
  ASSERT_TRUE(send_bytes(fd, as_bytes(std::string(101, 'x'))));
  ASSERT_TRUE(send_bytes(fd, as_bytes(std::string(100, 'y'))));
  worker->start();
  EXPECT_EQ(receive_datagram(fd), std::string(100, 'y'));
  worker->stop();
  EXPECT_EQ(worker->counters().received, 2U);
  EXPECT_EQ(worker->counters().too_long, 1U);
  EXPECT_EQ(worker->counters().replied, 1U);
}

TEST(DatagramWorker, RepliesMayBeAsLargeAsTheSlot) {
  Echo echo;
  DatagramOptions options;
  options.request_max = options.reply_max = 65000;
  auto worker = open_on("127.0.0.1:0", echo, options);
  ASSERT_NE(worker, nullptr);
  worker->start();
  const std::string large = "9" + std::string(7000, 'z');
  auto reply = ask(worker->bound()[0], large);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->size(), 9 * large.size());
}

TEST(DatagramWorker, TellsTheHandlerWhenItIsIdle) {
  Echo echo;
  auto worker = open_on("127.0.0.1:0", echo);
  ASSERT_NE(worker, nullptr);
  worker->start();
  EXPECT_EQ(ask(worker->bound()[0], "one"), "one");
  echo.wait_for_idle();
  EXPECT_EQ(ask(worker->bound()[0], "two"), "two");
  echo.wait_for_idle();
}

// Answers with the peer's address and what it was asked.
class Teller final : public DatagramHandler {
 public:
  void handle(std::span<const Datagram> in, ReplyArena& out) noexcept override {
    for (std::size_t i = 0; i < in.size(); ++i) {
      const std::string text = fmt::format("{} {}", in[i].peer->text(), as_text(in[i].payload));
      std::ranges::copy(as_bytes(text), out.slot(i).begin());
      out.reply(i, text.size());
    }
  }
};

TEST(DatagramWorker, AListedProxySpeaksForOthersAndGetsTheReplies) {
  Teller teller;
  DatagramOptions options;
  options.proxy_from = PrefixList::parse({"127.0.0.1"}).value_or(PrefixList());
  auto worker = open_on("127.0.0.1:0", teller, options);
  ASSERT_NE(worker, nullptr);
  Fd fd = connect_to(worker->bound()[0], SOCK_DGRAM);
  const auto send = [&](ByteView octets) { ASSERT_TRUE(send_bytes(fd, octets)); };
  // All in one batch, those without a right header between the others.
  send(test::joined(test::proxied("192.0.2.7:5353", "198.51.100.1:53", false), as_bytes("one")));
  send(as_bytes("no header"));
  send(test::joined(test::proxied("[2001:db8::7]:5353", "[2001:db8::1]:53", true), as_bytes("two")));
  send(ByteView(test::proxied("192.0.2.7:5353", "198.51.100.1:53", false)).first(20));
  send(test::joined(test::proxy_header(0x20, 0, {}), as_bytes("three")));
  send(test::joined(test::proxied("192.0.2.9:0", "198.51.100.1:53", false), as_bytes("four")));
  worker->start();
  Endpoint local;
  socklen_t size = Endpoint::kCapacity;
  ASSERT_EQ(::getsockname(fd.get(), local.buffer(), &size), 0);
  EXPECT_EQ(receive_datagram(fd), "192.0.2.7:5353 one");
  EXPECT_EQ(receive_datagram(fd), "[2001:db8::7]:5353 two");
  EXPECT_EQ(receive_datagram(fd), local.text() + " three");
  EXPECT_EQ(receive_datagram(fd), fmt::format("192.0.2.9:{} four", local.port()))
      << "a port that the proxy does not know is the proxy's own";
  worker->stop();
  EXPECT_EQ(worker->counters().malformed, 2U);
  EXPECT_EQ(worker->counters().received, 4U);
}

TEST(DatagramWorker, NobodyElsesProxyHeaderIsBelieved) {
  Teller teller;
  DatagramOptions options;
  options.proxy_from = PrefixList::parse({"192.0.2.0/24"}).value_or(PrefixList());
  auto worker = open_on("127.0.0.1:0", teller, options);
  ASSERT_NE(worker, nullptr);
  worker->start();
  const Bytes packet =
      test::joined(test::proxied("192.0.2.7:5353", "198.51.100.1:53", false), as_bytes("forged"));
  const auto reply = ask(worker->bound()[0], as_text(packet));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->starts_with("127.0.0.1:"));
  EXPECT_TRUE(reply->ends_with(as_text(packet))) << "the handler sees the packet as it came";
}

TEST(DatagramWorker, StopsWhileItSleepsAndBeforeItStarted) {
  Echo echo;
  auto worker = open_on("127.0.0.1:0", echo);
  worker->start();
  worker->stop();
  worker->stop();
  open_on("127.0.0.1:0", echo)->stop();
}

TEST(DatagramWorker, ImpossibleOptionsAreRefused) {
  Echo echo;
  DatagramOptions options;
  EXPECT_EQ(DatagramWorker::open(options, echo).error().code, Code::out_of_range);
  options.listen = {endpoint("127.0.0.1:0")};
  options.batch = 65;
  EXPECT_EQ(DatagramWorker::open(options, echo).error().code, Code::out_of_range);
  options.batch = 1;
  options.reply_max = 65536;
  EXPECT_EQ(DatagramWorker::open(options, echo).error().code, Code::out_of_range);
}

}  // namespace
}  // namespace onoma::os
