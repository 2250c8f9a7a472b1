// A secondary and its primaries over real sockets on loopback.
#include "transfer/secondaries.h"

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/fd.h"
#include "transfer_messages.h"

namespace onoma::transfer {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of this folder

const std::string kBody = "example. 3600 NS ns1\nns1.example. 3600 A 192.0.2.1\n";

std::string version(std::uint32_t serial) {
  return soa(serial) + kBody + "v" + std::to_string(serial) + ".example. 60 A 192.0.2.9\n";
}

// Answers SOA and transfers as it is told, one connection after another.
class FakePrimary {
 public:
  FakePrimary() {
    udp_ = os::Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    tcp_ = os::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    wake_ = *os::make_wake_fd();
    for (int i = 0; i < 100; ++i) {
      endpoint_ = *os::Endpoint::parse("127.0.0.1:0");
      if (::bind(tcp_.get(), endpoint_.data(), endpoint_.size()) != 0) continue;
      socklen_t size = os::Endpoint::kCapacity;
      ::getsockname(tcp_.get(), endpoint_.buffer(), &size);
      if (::bind(udp_.get(), endpoint_.data(), endpoint_.size()) == 0) break;
      tcp_ = os::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    }
    ::listen(tcp_.get(), 16);
    thread_ = std::thread([this] { run(); });
  }
  ~FakePrimary() {
    stopping_.store(true);
    os::wake(wake_);
    thread_.join();
  }

  // `stream` makes the answer to AXFR or IXFR: messages, after which the connection is closed.
  void serve(std::uint32_t serial, std::function<std::vector<Bytes>(bool ixfr, std::uint16_t id)> stream) {
    std::scoped_lock lock(mutex_);
    serial_ = serial;
    stream_ = std::move(stream);
  }
  void serve_whole(std::uint32_t serial) {
    serve(serial, [serial](bool is_ixfr, std::uint16_t id) -> std::vector<Bytes> {
      MessageParts parts;
      parts.id = id;
      parts.type = is_ixfr ? wire::RRType::IXFR : wire::RRType::AXFR;
      return {message(records(version(serial)), parts), message(records(soa(serial)), parts)};
    });
  }
  const os::Endpoint& endpoint() const { return endpoint_; }
  unsigned transfers() const { return transfers_.load(); }

 private:
  Bytes soa_answer(ByteView query) {
    MessageParts parts;
    parts.id = load_u16(query.data());
    parts.type = wire::RRType::SOA;
    std::scoped_lock lock(mutex_);
    return message(records(soa(serial_)), parts);
  }
  void run() {
    for (;;) {
      pollfd fds[] = {{udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
      ::poll(fds, 3, -1);
      if (stopping_.load()) return;
      if (fds[0].revents != 0) {
        std::uint8_t buffer[4096];
        os::Endpoint peer;
        socklen_t size = os::Endpoint::kCapacity;
        const auto got = ::recvfrom(udp_.get(), buffer, sizeof buffer, 0, peer.buffer(), &size);
        if (got < 12) continue;
        const auto answer = soa_answer({buffer, static_cast<std::size_t>(got)});
        ::sendto(udp_.get(), answer.data(), answer.size(), 0, peer.data(), peer.size());
      }
      if (fds[1].revents != 0) transfer(os::Fd(::accept(tcp_.get(), nullptr, nullptr)));
    }
  }
  void transfer(const os::Fd& connection) {
    std::uint8_t buffer[4096];
    if (::recv(connection.get(), buffer, 2, MSG_WAITALL) != 2) return;
    const std::size_t size = load_u16(buffer);
    if (size < 17 || size > sizeof buffer ||
        ::recv(connection.get(), buffer, size, MSG_WAITALL) != static_cast<ssize_t>(size))
      return;
    std::function<std::vector<Bytes>(bool, std::uint16_t)> stream;
    {
      std::scoped_lock lock(mutex_);
      stream = stream_;
    }
    const bool is_ixfr = load_u16(buffer + 12 + 9) == wire::number(wire::RRType::IXFR);  // behind "example."
    transfers_.fetch_add(1);
    for (const auto& one : stream(is_ixfr, load_u16(buffer))) {
      std::uint8_t head[2];
      store_u16(head, static_cast<std::uint16_t>(one.size()));
      ::send(connection.get(), head, 2, MSG_NOSIGNAL);
      ::send(connection.get(), one.data(), one.size(), MSG_NOSIGNAL);
    }
  }

  os::Fd udp_, tcp_, wake_;
  os::Endpoint endpoint_;
  std::mutex mutex_;
  std::uint32_t serial_ = 1;
  std::function<std::vector<Bytes>(bool, std::uint16_t)> stream_;
  std::atomic<unsigned> transfers_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// Keeps one zone in memory.
class Memory final : public VersionStore {
 public:
  zone::SnapshotPtr current(const wire::Name&) const override {
    std::scoped_lock lock(mutex_);
    return current_;
  }
  void offer(const wire::Name&, zone::SnapshotPtr next, std::optional<zone::Diff> diff, Done done) override {
    {
      std::scoped_lock lock(mutex_);
      if (next->facts().serial == refuse) return done(fail(Code::gate_refused, "no"));
      current_ = std::move(next);
      by_diff_ += diff.has_value();
    }
    done({});
  }
  void confirmed(const wire::Name&, Time) override {
    std::scoped_lock lock(mutex_);
    ++confirmed_;
    changed_.notify_all();
  }
  void expired(const wire::Name&) override {}
  void note(const wire::Name&, const std::string& problem) override {
    std::scoped_lock lock(mutex_);
    problem_ = problem;
    changed_.notify_all();
  }

  bool wait_for_serial(std::uint32_t serial) {
    return wait([&] { return current_ && current_->facts().serial == serial && confirmed_ > 0; });
  }
  bool wait_for_problem(std::string_view part) {
    return wait([&] { return problem_.find(part) != std::string::npos; });
  }
  unsigned by_diff() {
    std::scoped_lock lock(mutex_);
    return by_diff_;
  }
  std::uint32_t refuse = 0;  // set before start

 private:
  bool wait(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds{20}, condition);
  }
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  zone::SnapshotPtr current_;
  unsigned confirmed_ = 0, by_diff_ = 0;
  std::string problem_;
};

class SecondariesTest : public testing::Test {
 protected:
  void start(std::vector<Primary> primaries) {
    ASSERT_TRUE(secondaries.start({{.zone = zone, .primaries = std::move(primaries)}}).has_value());
  }
  static SecondariesOptions options() {
    SecondariesOptions out;
    out.exchange.udp_wait = std::chrono::milliseconds{100};
    out.exchange.message_wait = std::chrono::milliseconds{300};
    return out;
  }
  const wire::Name zone = name("example.");
  SystemClock clock;
  SystemRng rng;
  os::JobPool pool{{.threads = 1, .name = "test"}};
  Memory store;
  FakePrimary primary;
  Secondaries secondaries{options(), store, pool, clock, rng};
};

TEST_F(SecondariesTest, TakesTheZoneAndItsChanges) {
  primary.serve_whole(5);
  start({{primary.endpoint(), nullptr}});
  ASSERT_TRUE(store.wait_for_serial(5));
  primary.serve(6, [](bool is_ixfr, std::uint16_t id) -> std::vector<Bytes> {
    EXPECT_TRUE(is_ixfr);
    MessageParts parts;
    parts.id = id;
    return {ixfr(
        soa(6) + soa(5) + "v5.example. 60 A 192.0.2.9\n" + soa(6) + "v6.example. 60 A 192.0.2.9\n" + soa(6),
        parts)};
  });
  EXPECT_EQ(secondaries.notify(zone, primary.endpoint().with_port(9), nullptr, 6), NotifyVerdict::accepted);
  ASSERT_TRUE(store.wait_for_serial(6));
  EXPECT_EQ(store.by_diff(), 1U);
  EXPECT_EQ(zone::zone_text(*store.current(zone)), zone::zone_text(*zone_of(version(6))));
}

TEST_F(SecondariesTest, BadChangesAreReplacedByTheWholeZone) {
  primary.serve_whole(5);
  start({{primary.endpoint(), nullptr}});
  ASSERT_TRUE(store.wait_for_serial(5));
  primary.serve(6, [](bool is_ixfr, std::uint16_t id) -> std::vector<Bytes> {
    MessageParts parts;
    parts.id = id;
    if (is_ixfr) return {ixfr(soa(6) + soa(5) + "no.example. 60 A 192.0.2.9\n" + soa(6) + soa(6), parts)};
    return {axfr(version(6) + soa(6), parts)};
  });
  secondaries.notify(zone, primary.endpoint(), nullptr, 6);
  ASSERT_TRUE(store.wait_for_serial(6));
  EXPECT_EQ(store.by_diff(), 0U);
}

TEST_F(SecondariesTest, WhatIsCutOffOrSilentIsNoVersionAndToldOnce) {
  primary.serve(5, [](bool, std::uint16_t id) -> std::vector<Bytes> {
    MessageParts parts;
    parts.id = id;
    return {axfr(version(5), parts)};
  });
  start({{primary.endpoint(), nullptr}});
  ASSERT_TRUE(store.wait_for_problem("closed"));
  EXPECT_EQ(store.current(zone), nullptr);
  EXPECT_NE(secondaries.status(zone)->problem.find(primary.endpoint().text()), std::string::npos);
  primary.serve_whole(6);
  EXPECT_TRUE(secondaries.check_now(zone));
  EXPECT_TRUE(store.wait_for_serial(6));
}

TEST_F(SecondariesTest, TheNextPrimaryHelps) {
  FakePrimary second;
  second.serve_whole(7);
  os::Fd nobody(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));  // bound, but nobody listens
  auto closed = *os::Endpoint::parse("127.0.0.1:0");
  ASSERT_EQ(::bind(nobody.get(), closed.data(), closed.size()), 0);
  socklen_t size = os::Endpoint::kCapacity;
  ::getsockname(nobody.get(), closed.buffer(), &size);
  start({{closed, nullptr}, {second.endpoint(), nullptr}});
  ASSERT_TRUE(store.wait_for_serial(7));
  EXPECT_EQ(primary.transfers(), 0U);
}

TEST_F(SecondariesTest, WhatTheStoreRefusesIsAProblem) {
  store.refuse = 5;
  primary.serve_whole(5);
  start({{primary.endpoint(), nullptr}});
  EXPECT_TRUE(store.wait_for_problem("no"));
  EXPECT_EQ(store.current(zone), nullptr);
}

TEST_F(SecondariesTest, AnAnswerWithoutTheKeysSignatureIsNotBelieved) {
  primary.serve_whole(5);
  const auto key =
      std::make_shared<const TsigKey>(name("key.test."), TsigAlgorithm::hmac_sha256, Bytes(32, 7));
  start({{primary.endpoint(), key}});
  EXPECT_TRUE(store.wait_for_problem("TSIG"));
  EXPECT_EQ(primary.transfers(), 0U);
  // And a NOTIFY must be signed with it.
  const auto other = name("other.test.");
  EXPECT_EQ(secondaries.notify(zone, primary.endpoint(), nullptr, 6), NotifyVerdict::refused);
  EXPECT_EQ(secondaries.notify(zone, primary.endpoint(), &other, 6), NotifyVerdict::refused);
  EXPECT_EQ(secondaries.notify(zone, primary.endpoint(), &key->name(), 6), NotifyVerdict::accepted);
}

TEST_F(SecondariesTest, NotifyIsForPrimariesOfTheZone) {
  primary.serve_whole(5);
  start({{primary.endpoint(), nullptr}});
  EXPECT_EQ(secondaries.notify(name("other."), primary.endpoint(), nullptr, 6), NotifyVerdict::not_secondary);
  EXPECT_EQ(secondaries.notify(zone, *os::Endpoint::parse("127.0.0.2:53"), nullptr, 6),
            NotifyVerdict::refused);
}

TEST_F(SecondariesTest, StopsWhileEverythingIsUnderWay) {
  primary.serve_whole(5);
  start({{primary.endpoint(), nullptr}});
  secondaries.stop();
  secondaries.stop();
  EXPECT_EQ(secondaries.notify(zone, primary.endpoint(), nullptr, 6), NotifyVerdict::accepted);
}

}  // namespace
}  // namespace onoma::transfer
