// Traps: chains of CNAME and DNAME without an end, work per answer, answers that grow.
#include "serve_support.h"

namespace onoma::serve::test {
namespace {

std::string apex_records() {
  return "@ 60 SOA ns1 h 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n";
}

TEST(TrapUnboundedChain, StopsAfterSixteenAliases) {
  std::string text = apex_records();
  for (int i = 0; i < 40; ++i) text += "c" + std::to_string(i) + " 60 CNAME c" + std::to_string(i + 1) + "\n";
  text += "c40 60 A 192.0.2.1\n";
  Server server(load("tld.", text));
  auto got = server.ask("c0.tld.");
  EXPECT_EQ(got.rcode(), 0);
  EXPECT_EQ(got.count(got.answer, RRType::CNAME), 16U);
  EXPECT_TRUE(got.authority.empty());
  got = server.ask("c26.tld.");
  EXPECT_EQ(got.count(got.answer, RRType::A), 1U);
}

TEST(TrapUnboundedChain, WildcardThatPointsBelowItself) {
  Server server(load("tld.", apex_records() + "*.b 60 CNAME *.x.y.b\n"));
  const auto got = server.ask("q.b.tld.");
  EXPECT_EQ(got.rcode(), 0);
  EXPECT_LE(got.answer.size(), 16U);
  EXPECT_GE(got.answer.size(), 2U);
}

TEST(TrapUnboundedChain, DnameThatGrowsTheNameEndsWithYxdomain) {
  Server server(load("tld.", apex_records() + "d 60 DNAME " + std::string(40, 'x') + ".y.d\n"));
  Ask ask;
  ask.qname = "a.d.tld.";
  ask.udp = false;
  const auto got = server.ask(ask);
  EXPECT_EQ(got.rcode(), 6);
  EXPECT_LE(got.answer.size(), 32U);
  EXPECT_EQ(got.ede(), 0);
}

TEST(TrapLoops, EndWithWhatWasCollectedOnce) {
  Server server(load("tld.", apex_records() +
                                 "a 60 CNAME b\nb 60 CNAME c\nc 60 CNAME a\nself 60 CNAME self\n"
                                 "dn 60 DNAME dn\n*.w 60 CNAME z.w\nback 60 DNAME over\nover 60 DNAME "
                                 "back\n"));
  for (const auto& [qname, records] : std::vector<std::pair<std::string, std::size_t>>{
           {"a.tld.", 3}, {"self.tld.", 1}, {"x.dn.tld.", 2}, {"q.w.tld.", 2}, {"x.back.tld.", 4}}) {
    const auto got = server.ask(qname);
    EXPECT_EQ(got.rcode(), 0) << qname;
    EXPECT_EQ(got.answer.size(), records) << qname;
    EXPECT_TRUE(got.authority.empty()) << qname;
  }
}

// A DNAME that rewrites to its own owner, asked for DNAME: the record is there once.
TEST(TrapLoops, NoRecordIsInAnAnswerTwice) {
  Server server(load("tld.", apex_records() + "a 60 DNAME @\nb 60 DNAME d.ns\n*.d.ns 60 CNAME b\n"));
  for (const auto* qname : {"a.a.tld.", "*.b.tld.", "a.a.a.tld."}) {
    const auto got = server.ask(qname, RRType::DNAME);
    auto lines = Reading::lines(got.answer);
    EXPECT_EQ(std::ranges::adjacent_find(lines), lines.end()) << qname;
    EXPECT_GE(got.count(got.answer, RRType::DNAME), 1U) << qname;
  }
}

// A wildcard above an empty non-terminal that opt-out left without a record: nothing can prove that it does
// not apply.
TEST(TrapDenial, WildcardAboveAnEmptyNonTerminalWithoutRecord) {
  const std::string text = apex_records() + "* 60 A 192.0.2.7\nx.a 60 NS ns.x.a\nns.x.a 60 A 192.0.2.8\n";
  Server server(sign(*load("tld.", text), Signing::opt_out));
  const auto got = server.ask("q.a.tld.", RRType::A, true);
  EXPECT_EQ(got.rcode(), 3);
  EXPECT_TRUE(got.header.aa());
  EXPECT_EQ(got.count(got.authority, RRType::SOA), 1U);
  EXPECT_GE(got.count(got.authority, RRType::NSEC3), 2U);
}

TEST(TrapAdditionalWork, AtMostThirteenTargetsAreLookedUp) {
  std::string text = apex_records();
  for (int i = 0; i < 100; ++i) {
    const auto number = std::to_string(i);
    text.append("many 60 MX 1 m")
        .append(number)
        .append("\nm")
        .append(number)
        .append(" 60 A 192.0.2.")
        .append(number);
    text.append("\n");
    text += "_s._tcp 60 SRV 0 0 1 m" + number + "\n";
    text += "far 60 NS m" + number + "\n";
  }
  Server server(load("tld.", text));
  Ask ask;
  ask.udp = false;
  for (const auto& [qname, qtype] : std::vector<std::pair<std::string, RRType>>{
           {"many.tld.", RRType::MX}, {"_s._tcp.tld.", RRType::SRV}, {"far.tld.", RRType::A}}) {
    ask.qname = qname;
    ask.qtype = qtype;
    const auto got = server.ask(ask);
    EXPECT_EQ(got.answer.size() + got.authority.size(), 100U) << qname;
    EXPECT_EQ(got.additional.size(), 13U) << qname;
  }
}

TEST(TrapLargeSets, HundredsOfRecordsAreAnsweredWholeOrNotAtAll) {
  std::string text = apex_records();
  for (int i = 0; i < 700; ++i) text += "big 60 TXT \"" + std::to_string(i) + std::string(60, 'x') + "\"\n";
  Server server(load("tld.", text));
  Ask ask;
  ask.qname = "big.tld.";
  ask.qtype = RRType::TXT;
  auto got = server.ask(ask);
  EXPECT_TRUE(got.header.tc());
  EXPECT_TRUE(got.answer.empty());
  ask.udp = false;
  got = server.ask(ask);
  EXPECT_FALSE(got.header.tc());
  EXPECT_EQ(got.answer.size(), 700U);
}

}  // namespace
}  // namespace onoma::serve::test
