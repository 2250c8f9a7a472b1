// dnstap: every field of a message, hiding who asked, and frames through a file and a socket.
#include "front/dns/dnstap.h"

#include <chrono>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../os/temp_dir.h"
#include "dnstap_support.h"

namespace onoma::front {
namespace {

using onoma::test::TempDir;
using namespace test;

const Bytes kV4{198, 51, 100, 77};
const Bytes kV6{0x20, 1, 0x0d, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

DnstapExchange exchange(const Bytes& peer, const Bytes& question, const Bytes& answer) {
  return {.transport = serve::Transport::udp,
          .peer = peer,
          .peer_port = 40000,
          .received = *from_iso8601("2026-09-25T10:00:00.000250Z"),
          .sent = *from_iso8601("2026-09-25T10:00:01.500000Z"),
          .query = question,
          .answer = answer};
}

TEST(DnstapMessage, EveryFieldIsWhereItBelongs) {
  const auto question = query();
  const Bytes zone{3, 't', 'l', 'd', 0};
  DnstapMessage message{.identity = "ns1",
                        .version = "onoma",
                        .response = true,
                        .transport = serve::Transport::tls,
                        .query_address = kV6,
                        .response_address = kV6,
                        .query_port = 300,
                        .response_port = 853,
                        .query_time = *from_iso8601("2026-09-25T10:00:00.000250Z"),
                        .response_time = *from_iso8601("2026-09-25T10:00:01.500000Z"),
                        .dns = question,
                        .zone = zone};
  Bytes out(dnstap_size(message));
  ASSERT_EQ(encode_dnstap(message, out), out.size());
  auto outer = decode(out);
  EXPECT_EQ(outer.size(), 4U);
  EXPECT_EQ(outer[1].octets, to_bytes("ns1"));
  EXPECT_EQ(outer[2].octets, to_bytes("onoma"));
  EXPECT_EQ(outer[15].number, 1U);
  const Fields want{{1, {2, {}}},       {2, {2, {}}},    {3, {3, {}}},           {4, {0, kV6}},
                    {5, {0, kV6}},      {6, {300, {}}},  {7, {853, {}}},         {8, {1790330400, {}}},
                    {9, {250000, {}}},  {11, {0, zone}}, {12, {1790330401, {}}}, {13, {500000000, {}}},
                    {14, {0, question}}};
  EXPECT_EQ(decode(outer[14].octets), want);

  DnstapMessage plain{.transport = serve::Transport::udp,
                      .query_address = kV4,
                      .query_time = from_unix_seconds(5),
                      .dns = question};
  out.assign(dnstap_size(plain), 0);
  encode_dnstap(plain, out);
  outer = decode(out);
  EXPECT_EQ(outer.size(), 2U);
  const Fields bare{{1, {1, {}}}, {2, {1, {}}}, {3, {1, {}}},       {4, {0, kV4}},
                    {8, {5, {}}}, {9, {0, {}}}, {10, {0, question}}};
  EXPECT_EQ(decode(outer[14].octets), bare);
}

unsigned common_bits(ByteView a, ByteView b) {
  for (unsigned i = 0; i < a.size() * 8; ++i)
    if (((a[i / 8] ^ b[i / 8]) & 0x80U >> i % 8) != 0) return i;
  return static_cast<unsigned>(a.size() * 8);
}

TEST(Anonymiser, CutsAddresses) {
  Anonymiser anonymiser(Anonymity::cut, {});
  auto v4 = kV4, v6 = kV6;
  anonymiser.hide_address(v4);
  anonymiser.hide_address(v6);
  EXPECT_EQ(v4, (Bytes{198, 51, 100, 0}));
  EXPECT_EQ(v6, (Bytes{0x20, 1, 0x0d, 0xb8, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Anonymiser, PermutationKeepsPrefixesAndDependsOnTheKey) {
  crypto::SipKey key{1, 2, 3}, other{4};
  Anonymiser a(Anonymity::permuted, key), b(Anonymity::permuted, key), c(Anonymity::permuted, other);
  std::mt19937_64 random(1);
  for (const std::size_t size : {4U, 16U}) {
    int same = 0;
    for (int i = 0; i < 500; ++i) {
      Bytes x(size), y(size);
      for (auto& octet : x) octet = static_cast<std::uint8_t>(random());
      y = x;
      const auto bit = random() % (size * 8);
      y[bit / 8] ^= static_cast<std::uint8_t>(0x80U >> bit % 8);
      const auto shared = common_bits(x, y);
      auto x1 = x, y1 = y, x2 = x, x3 = x;
      a.hide_address(x1);
      a.hide_address(y1);
      b.hide_address(x2);
      c.hide_address(x3);
      EXPECT_EQ(common_bits(x1, y1), shared);
      EXPECT_EQ(x1, x2);
      same += x1 == x || x1 == x3;
    }
    EXPECT_LT(same, 3);
  }
}

TEST(Anonymiser, HidesSubnetsAndCookies) {
  Anonymiser anonymiser(Anonymity::cut, {});
  auto message = query();
  ASSERT_TRUE(anonymiser.hide_in_message(message));
  auto want = query();
  std::fill_n(want.begin() + 40, 8, std::uint8_t{0});
  EXPECT_EQ(message, want);  // a /24 is what is shown of addresses anyway
  Anonymiser permuting(Anonymity::permuted, {});
  message = query();
  ASSERT_TRUE(permuting.hide_in_message(message));
  Bytes subnet{203, 0, 113, 0};
  permuting.hide_address(subnet);
  EXPECT_EQ(Bytes(message.end() - 3, message.end()), Bytes(subnet.begin(), subnet.begin() + 3));
}

TEST(Anonymiser, WhatCannotBeReadIsNotShown) {
  Anonymiser anonymiser(Anonymity::cut, {});
  const auto good = query();
  for (std::size_t size = 0; size < good.size(); ++size) {
    Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(anonymiser.hide_in_message(cut)) << size;
  }
  std::mt19937_64 random(2);
  for (int i = 0; i < 20000; ++i) {
    auto bad = good;
    for (int j = 0; j < 3; ++j) bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
    const auto size = bad.size();
    (void)anonymiser.hide_in_message(bad);
    EXPECT_EQ(bad.size(), size);
  }
}

TEST(Dnstap, WritesAFileThatCanBeReadBack) {
  TempDir dir;
  SeededRng rng(1);
  const auto question = query();
  {
    auto tap = Dnstap::open({.file = dir.file("tap.fstrm"), .identity = "ns1"}, 2, rng);
    ASSERT_TRUE(tap) << tap.error().message;
    for (std::size_t worker = 0; worker < 2; ++worker) {
      ASSERT_TRUE((*tap)->tap(worker).wants());
      (*tap)->tap(worker).tap(exchange(worker == 0 ? kV4 : kV6, question, question));
    }
    (*tap)->tap(0).tap(exchange(kV4, question, {}));
  }
  const auto read = frames(dir.file("tap.fstrm"));
  ASSERT_EQ(read.size(), 5U);
  int queries = 0, responses = 0;
  for (const auto& frame : read) {
    auto outer = decode(frame);
    EXPECT_EQ(outer[1].octets, to_bytes("ns1"));
    auto inner = decode(outer[14].octets);
    EXPECT_EQ(inner[6].number, 40000U);
    EXPECT_EQ(inner[9].number, 250000U);
    const bool response = inner[1].number == 2;
    ++(response ? responses : queries);
    EXPECT_EQ(inner[response ? 14 : 10].octets, question);
  }
  EXPECT_EQ(queries, 3);
  EXPECT_EQ(responses, 2);
}

TEST(Dnstap, AnonymisedFramesShowNobody) {
  TempDir dir;
  SeededRng rng(1);
  const auto question = query();
  {
    auto tap =
        Dnstap::open({.file = dir.file("tap"), .responses = false, .anonymity = Anonymity::cut}, 1, rng);
    ASSERT_TRUE(tap);
    (*tap)->tap(0).tap(exchange(kV4, question, question));
    (*tap)->tap(0).tap(exchange(kV4, Bytes{1, 2, 3}, question));
  }
  const auto read = frames(dir.file("tap"));
  ASSERT_EQ(read.size(), 2U);
  auto first = decode(decode(read[0])[14].octets), second = decode(decode(read[1])[14].octets);
  EXPECT_EQ(first[4].octets, (Bytes{198, 51, 100, 0}));
  EXPECT_FALSE(first.contains(6));
  EXPECT_EQ(first[10].octets.size(), question.size());
  EXPECT_NE(first[10].octets, question);
  EXPECT_FALSE(second.contains(10));
}

TEST(Dnstap, SamplesOneOfMany) {
  TempDir dir;
  SeededRng rng(1);
  auto tap = Dnstap::open({.file = dir.file("tap"), .sample = 5}, 1, rng);
  ASSERT_TRUE(tap);
  int wanted = 0;
  for (int i = 0; i < 50; ++i) wanted += (*tap)->tap(0).wants() ? 1 : 0;
  EXPECT_EQ(wanted, 10);
}

// A reader that accepts and then reads nothing: frames are dropped and counted, and nobody waits.
TEST(Dnstap, DropsWhenTheReaderIsSlow) {
  TempDir dir;
  SeededRng rng(1);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(listener, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const auto path = dir.file("s");
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::copy(path.begin(), path.end(), std::begin(address.sun_path));
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  std::thread reader([&] {
    const int client = ::accept(listener, nullptr, nullptr);
    // ACCEPT with the content type, as the protocol's handshake wants.
    Bytes accept;
    ByteWriter writer(accept);
    const std::string type = "protobuf:dnstap.Dnstap";
    writer.u32(0);
    writer.u32(static_cast<std::uint32_t>(12 + type.size()));
    writer.u32(1);
    writer.u32(1);
    writer.block(as_bytes(type));
    (void)!::write(client, accept.data(), accept.size());
    ::shutdown(listener, SHUT_RDWR);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    ::close(client);
  });
  const auto question = query();
  const Bytes answer(1200, 0);
  {
    auto tap = Dnstap::open({.socket = path, .queue_octets = 1}, 1, rng);
    ASSERT_TRUE(tap) << tap.error().message;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 20000; ++i) (*tap)->tap(0).tap(exchange(kV4, question, answer));
    EXPECT_GT((*tap)->dropped(), 1000U);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
    reader.join();
  }
  ::close(listener);
}

TEST(Dnstap, RefusesWhatCannotWork) {
  SeededRng rng(1);
  EXPECT_EQ(Dnstap::open({}, 1, rng).error().code, Code::bad_request);
  EXPECT_EQ(Dnstap::open({.socket = "a", .file = "b"}, 1, rng).error().code, Code::bad_request);
  const auto bad = Dnstap::open({.file = "/nonexistent/folder/file"}, 1, rng);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::io);
  EXPECT_NE(bad.error().message.find("/nonexistent/folder/file"), std::string::npos);
}

}  // namespace
}  // namespace onoma::front
