// Packets that are not proper queries: each has one right treatment.
#include "serve_support.h"

namespace onoma::serve::test {
namespace {

class Malformed : public testing::Test {
 protected:
  static Bytes good() {
    Ask ask;
    ask.qname = "www.tld.";
    return packet(ask);
  }
  // Header only: 12 octets, all counts zero.
  void expect_bare(const Bytes& request, Rcode rcode, bool opt = false) {
    const auto reply = server.raw(request);
    ASSERT_GE(reply.size(), 12U) << hex(request);
    const auto got = read(reply);
    EXPECT_TRUE(got.readable);
    EXPECT_EQ(got.rcode(), static_cast<int>(rcode)) << hex(request);
    EXPECT_EQ(got.header.qdcount, 0);
    EXPECT_EQ(got.has_opt, opt);
    EXPECT_EQ(reply.size() == 12, !opt);
    EXPECT_TRUE(got.answer.empty() && got.authority.empty() && got.additional.empty());
    EXPECT_FALSE(got.header.aa());
    EXPECT_EQ(got.header.flags & 0x00f0, 0);  // RA, Z, AD, CD
  }
  void expect_plain(const Ask& ask, Rcode rcode, int ede = -1) {
    const auto got = server.ask(ask);
    EXPECT_EQ(got.rcode(), static_cast<int>(rcode)) << ask.qname;
    EXPECT_FALSE(got.question.empty());
    EXPECT_TRUE(got.answer.empty() && got.authority.empty() && got.additional.empty());
    EXPECT_FALSE(got.header.aa());
    EXPECT_EQ(got.ede(), ede) << ask.qname;
  }
  Server server{load("tld.", kTld)};
};

TEST_F(Malformed, DroppedWithoutAWord) {
  for (std::size_t size = 0; size < 12; ++size) EXPECT_TRUE(server.raw(Bytes(size, 0)).empty());
  auto response = good();
  response[2] |= 0x80;
  EXPECT_TRUE(server.raw(response).empty());
  EXPECT_TRUE(server.raw(good(), true, false, 0).empty());
  const auto counts = server.answerer.counts();
  EXPECT_EQ(counts.dropped, 14U);
  EXPECT_EQ(counts.queries, 14U);
}

TEST_F(Malformed, QuestionsThatAreNone) {
  Bytes header = {0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  expect_bare(header, Rcode::formerr);
  header[5] = 0;
  expect_bare(header, Rcode::formerr);
  auto two = good();
  two[5] = 2;
  expect_bare(two, Rcode::formerr);
  auto label = good();
  label[12] = 0x80;
  expect_bare(label, Rcode::formerr);
  auto loop = good();
  loop[12] = 0xc0;
  loop[13] = 12;
  expect_bare(loop, Rcode::formerr);
}

TEST_F(Malformed, RecordsThatDoNotAddUp) {
  for (std::size_t at : {7U, 9U}) {  // ANCOUNT, NSCOUNT
    auto lying = good();
    lying[at] = 1;
    lying[11] = 0;
    lying.resize(lying.size() - 11);
    expect_bare(lying, Rcode::formerr);
    auto misplaced = good();
    std::swap(misplaced[at], misplaced[11]);
    expect_bare(misplaced, Rcode::formerr);
  }
  auto twice = good();
  twice[11] = 2;
  append(twice, Bytes{0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0});
  expect_bare(twice, Rcode::formerr);
  auto owned = good();
  owned.resize(owned.size() - 11);
  append(owned, Bytes{1, 'x', 0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0});
  expect_bare(owned, Rcode::formerr);
  auto trailing = good();
  trailing.push_back(0);
  expect_bare(trailing, Rcode::formerr);
  auto overrun = good();
  overrun[overrun.size() - 1] = 4;
  append(overrun, Bytes{0, 3, 0, 1});
  expect_bare(overrun, Rcode::formerr);
}

TEST_F(Malformed, EveryCutOfAQueryIsFormErr) {
  const auto whole = good();
  for (std::size_t size = 12; size < whole.size(); ++size)
    expect_bare(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)), Rcode::formerr);
}

TEST_F(Malformed, OtherOpcodesAreNotImplemented) {
  for (unsigned opcode = 1; opcode < 16; ++opcode) {
    auto request = good();
    request[2] = static_cast<std::uint8_t>(opcode << 3 | 0x07);  // AA, TC, RD
    request[3] = 0xff;
    expect_bare(request, Rcode::notimp, true);
    const auto reply = server.raw(request);
    EXPECT_EQ(load_u16(&reply[2]), 0x8000 | opcode << 11 | 4);
    request.resize(12);
    request[11] = 0;
    expect_bare(request, Rcode::notimp, false);
  }
}

TEST_F(Malformed, TypesAndClasses) {
  Ask ask;
  ask.qname = "www.tld.";
  for (int type : {0, 41, 249, 250}) {
    ask.qtype = static_cast<RRType>(type);
    expect_plain(ask, Rcode::formerr);
  }
  ask.qtype = RRType{128};
  expect_plain(ask, Rcode::formerr, 30);
  for (auto type : {RRType::MAILA, RRType::MAILB}) {
    ask.qtype = type;
    expect_plain(ask, Rcode::notimp);
  }
  for (auto type : {RRType::AXFR, RRType::IXFR}) {
    ask.qtype = type;
    ask.udp = true;
    expect_plain(ask, Rcode::notimp, 21);
    ask.udp = false;
    expect_plain(ask, Rcode::refused, 18);
  }
  ask.udp = true;
  ask.qtype = RRType::A;
  for (int rr_class : {254, 255}) {
    ask.qclass = static_cast<std::uint16_t>(rr_class);
    expect_plain(ask, Rcode::formerr);
  }
  for (int rr_class : {0, 4, 1000}) {
    ask.qclass = static_cast<std::uint16_t>(rr_class);
    expect_plain(ask, Rcode::refused);
  }
}

TEST_F(Malformed, FlagsOfTheQueryAreIgnoredOrCopied) {
  Ask ask;
  ask.qname = "www.tld.";
  ask.flags = 0x07f0;  // AA, TC, RD, RA, Z, AD, CD
  EXPECT_EQ(server.ask(ask).header.flags, 0x8500);
  ServeOptions options;
  options.echo_cd = true;
  Server echo(load("tld.", kTld), options);
  EXPECT_EQ(echo.ask(ask).header.flags, 0x8510);
}

TEST_F(Malformed, ZonesWithoutAVersion) {
  server.table.set(name("tld."), ZoneStatus::not_loaded);
  Ask ask;
  ask.qname = "www.tld.";
  expect_plain(ask, Rcode::servfail, 14);
  server.table.set(name("tld."), ZoneStatus::expired);
  expect_plain(ask, Rcode::servfail, 24);
  ask.edns_size.reset();
  EXPECT_FALSE(server.ask(ask).has_opt);
}

}  // namespace
}  // namespace onoma::serve::test
