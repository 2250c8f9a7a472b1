#include "front/dns/dns_server.h"

#include <algorithm>
#include <chrono>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "os/fd.h"

namespace onoma::front {
namespace {

using namespace std::chrono_literals;

os::Endpoint loopback() {
  return os::Endpoint::parse("127.0.0.1:0").value_or(os::Endpoint());
}

// A question for a zone that is not served, asking how long a connection may be idle (RFC 7828), framed.
Bytes framed_question() {
  Bytes message;
  ByteWriter out(message);
  out.u32(0x1234'0000);
  out.u32(0x0001'0000);
  out.u32(0x0000'0001);
  out.bytes(as_bytes(std::string_view("\7example\3org\0", 13)));
  out.u32(0x0001'0001);
  out.u8(0);
  out.u16(41);
  out.u16(1232);
  out.u32(0);
  out.u16(4);
  out.u16(11);
  out.u16(0);
  Bytes framed;
  ByteWriter frame(framed);
  frame.u16(static_cast<std::uint16_t>(message.size()));
  frame.bytes(message);
  return framed;
}

os::Fd connect_to(const os::Endpoint& to) {
  os::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  EXPECT_EQ(::connect(fd.get(), to.data(), to.size()), 0);
  return fd;
}

// The answer to one question, without the length before it.
Bytes ask(const os::Fd& fd) {
  const Bytes question = framed_question();
  EXPECT_EQ(::send(fd.get(), question.data(), question.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(question.size()));
  Bytes answer(65537);
  const auto got = ::recv(fd.get(), answer.data(), answer.size(), 0);
  EXPECT_GT(got, 14);
  answer.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 2)));
  return {answer.begin() + 2, answer.end()};
}

TEST(DnsServer, AConnectionMayBeIdleAsLongAsItsClientWasTold) {
  serve::ZoneTable zones;
  DnsOptions options{.listen = {loopback()}};
  options.serve.tcp_keepalive = 3;  // 300 ms
  auto server = DnsServer::open(options, zones);
  ASSERT_TRUE(server) << server.error().message;
  (*server)->start();
  const os::Fd fd = connect_to((*server)->bound()[0]);
  const Bytes answer = ask(fd);
  const Bytes told = {0, 11, 0, 2, 0, 3};
  EXPECT_TRUE(std::ranges::search(answer, told)) << "the answer tells 3 units of 100 ms";
  const auto start = std::chrono::steady_clock::now();
  std::uint8_t octet = 0;
  EXPECT_EQ(::recv(fd.get(), &octet, 1, 0), 0) << "closed in the end";
  const auto idle = std::chrono::steady_clock::now() - start;
  EXPECT_GE(idle, 300ms);
  EXPECT_LT(idle, 4s);
  EXPECT_EQ((*server)->counters().tcp_expired, 1U);
}

TEST(DnsServer, CountsWhatItRefuses) {
  serve::ZoneTable zones;
  DnsOptions options{.listen = {loopback()}};
  options.tcp_quota.per_host = 1;
  auto server = DnsServer::open(options, zones);
  ASSERT_TRUE(server) << server.error().message;
  (*server)->start();
  const os::Fd first = connect_to((*server)->bound()[0]);
  EXPECT_EQ(ask(first)[3] & 15, 5) << "REFUSED, for nothing is served";
  const os::Fd second = connect_to((*server)->bound()[0]);
  std::uint8_t octet = 0;
  EXPECT_LE(::recv(second.get(), &octet, 1, 0), 0);
  const auto counters = (*server)->counters();
  EXPECT_EQ(counters.tcp_refused, 1U);
  EXPECT_EQ(counters.tcp_accepted, 1U);
  EXPECT_EQ(counters.tcp_messages, 1U);
}

TEST(DnsServer, WithoutItsInterfaceTheSocketsAnswer) {
  serve::ZoneTable zones;
  DnsOptions options{.listen = {loopback()}};
  options.xdp = {{.interface = "no-such-thing"}};
  auto server = DnsServer::open(options, zones);
  ASSERT_TRUE(server) << server.error().message;
  (*server)->start();
  const os::Fd fd = connect_to((*server)->bound()[0]);
  EXPECT_EQ(ask(fd)[3] & 15, 5);
  EXPECT_EQ((*server)->counters().xdp_received, 0U);
}

}  // namespace
}  // namespace onoma::front
