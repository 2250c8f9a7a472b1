// Traps: names as long as they get, names that are no text, NSEC3 chains with odd owners and parameters,
// compression.
#include "serve_support.h"

namespace onoma::serve::test {
namespace {

constexpr std::string_view kApex = "@ 60 SOA ns1 h 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n";

// Below "tld.", so many octets in all; the first label starts with `c`.
std::string long_name(std::size_t octets, char c) {
  std::string out;
  auto left = octets - name("tld.").wire().size();
  while (left > 0) {
    auto size = std::min<std::size_t>(left - 1, 63);
    if (left - 1 - size == 1) --size;  // a label takes two octets at least
    out += std::string(size, c) + ".";
    left -= size + 1;
  }
  return out + "tld.";
}

TEST(TrapLongNames, EveryLengthUpTo255IsAnswered) {
  for (const auto signing :
       {std::optional<Signing>{}, {Signing::nsec}, {Signing::nsec3}, {Signing::opt_out}}) {
    std::string text(kApex);
    for (std::size_t octets = 218; octets <= 255; octets += 3)
      text += long_name(octets, 'a') + " 60 A 192.0.2.2\n";
    text += "*.w 60 A 192.0.2.3\nd 60 NS ns.d\n";
    auto zone = load("tld.", text);
    if (signing) zone = sign(*zone, *signing);
    Server server(zone);
    for (std::size_t octets = 218; octets <= 255; ++octets) {
      SCOPED_TRACE(octets);
      ASSERT_EQ(name(long_name(octets, 'a')).wire().size(), octets);
      const bool there = (octets - 218) % 3 == 0;
      Ask ask;
      ask.qname = long_name(octets, 'a');
      ask.dnssec = true;
      ask.udp = false;
      const auto got = server.ask(ask);
      EXPECT_EQ(got.count(got.answer, RRType::A), there ? 1U : 0U);
      EXPECT_TRUE(there || got.rcode() == 3 || got.rcode() == 0);
      ask.qname = long_name(octets, 'b');
      EXPECT_EQ(server.ask(ask).rcode(), 3);
      ask.qname = long_name(octets - 4, 'c').substr(0, octets - 8) + "w.tld.";
      if (name(ask.qname).wire().size() <= 255) server.ask(ask);
    }
  }
}

TEST(TrapLongNames, WildcardAndDnameUpToTheLimit) {
  Server server(load("tld.", std::string(kApex) + "*.w 60 A 192.0.2.3\nd 60 DNAME dd\ndd 60 A 192.0.2.9\n"));
  const auto below = [](std::size_t octets, const std::string& suffix) {
    auto out = long_name(octets - (name(suffix).wire().size() - name("tld.").wire().size()), 'q');
    return out.substr(0, out.size() - 4) + suffix;
  };
  Ask ask;
  ask.udp = false;
  ask.qname = below(255, "w.tld.");
  ASSERT_EQ(name(ask.qname).wire().size(), 255U);
  EXPECT_EQ(server.ask(ask).answer.size(), 1U);
  ask.qname = below(254, "d.tld.");
  EXPECT_EQ(server.ask(ask).rcode(), 3) << "the target has just 255 octets";
  ask.qname = below(255, "d.tld.");
  const auto got = server.ask(ask);
  EXPECT_EQ(got.rcode(), 6);
  EXPECT_EQ(got.count(got.answer, RRType::CNAME), 0U);
  EXPECT_EQ(got.count(got.answer, RRType::DNAME), 1U);
}

TEST(TrapLongNames, A127LabelNameIsAnswered) {
  std::string qname;
  for (int i = 0; i < 125; ++i) qname += "a.";
  Server server(sign(*load("tld.", std::string(kApex) + qname + "tld. 60 A 192.0.2.2\n"), Signing::nsec3));
  EXPECT_EQ(server.ask(qname + "tld.").answer.size(), 1U);
  for (std::size_t cut = 0; cut < 125; ++cut) {
    const auto got = server.ask(qname.substr(2 * cut) + "tld.", RRType::TXT, true);
    EXPECT_EQ(got.rcode(), 0) << cut;
    EXPECT_EQ(got.count(got.authority, RRType::NSEC3), 1U) << cut;
  }
}

// Names are data: every octet may stand in a label and in an answer, and is compared without regard to ASCII
// case only.
TEST(TrapHostileNames, EveryOctetInALabel) {
  std::string text(kApex);
  for (int c = 0; c < 256; ++c) {
    if (c >= 'A' && c <= 'Z') continue;
    const auto digits = std::to_string(1000 + c).substr(1);
    text += "x\\" + digits + "y 60 A 192.0.2." + std::to_string(c) + "\n";
  }
  Server server(sign(*load("tld.", text), Signing::nsec));
  for (int c = 0; c < 256; ++c) {
    auto expected = c;
    if (c >= 'A' && c <= 'Z') expected = c + 32;
    const auto got = server.ask("x\\" + std::to_string(1000 + c).substr(1) + "y.tld.");
    ASSERT_EQ(got.answer.size(), 1U) << c;
    EXPECT_EQ(got.answer[0].rdata.back(), expected);
  }
}

std::string with_chain(std::string_view parameters, std::string_view owner, std::string_view next) {
  return std::string(kApex) + "@ 60 NSEC3PARAM 1 0 " + std::string(parameters) + "\n" + std::string(owner) +
         " 60 NSEC3 1 0 " + std::string(parameters) + " " + std::string(next) + " A\n";
}

// The gate refuses such chains; a server that meets one all the same answers, and the odd records are no
// names.
TEST(TrapNsec3, OwnersThatAreNoHashesDoNoHarm) {
  constexpr std::string_view kNext = "00000000000000000000000000000000";
  for (const auto* owner : {"w0000000000000000000000000000000", "0000", "000000000000000000000000000000000",
                            "@", "00000000000000000000000000000000.b", "-0000000000000000000000000000000",
                            "0000000000000000000000000000000V"}) {
    Server server(load("tld.", with_chain("0 -", owner, kNext)));
    for (const auto* qname : {"nope.tld.", "tld.", "a.b.c.d.tld.", "ns1.tld.", "b.tld."})
      for (auto qtype : {RRType::A, RRType::DS, RRType::NSEC3, RRType::ANY}) {
        const auto got = server.ask(qname, qtype, true);
        EXPECT_TRUE(got.rcode() == 0 || got.rcode() == 2 || got.rcode() == 3) << owner << " " << qname;
      }
  }
}

// Answers compress, and every pointer in them points back; read() follows pointers with limits and sees any
// other.
TEST(TrapCompression, AnswersOfManySharedSuffixesReadBack) {
  std::string text(kApex);
  for (int i = 0; i < 200; ++i) {
    const auto host = "h" + std::to_string(i) + (i % 2 ? ".a.b.c.d" : ".b.c.d");
    text.append("many 60 MX 1 ").append(host).append("\n").append(host).append(" 60 AAAA 2001:db8::1\n");
  }
  Server server(load("tld.", text));
  Ask ask;
  ask.qname = "MANY.tld.";
  ask.qtype = RRType::MX;
  ask.udp = false;
  const auto got = server.ask(ask);
  EXPECT_EQ(got.answer.size(), 200U);
  EXPECT_LT(got.size, 200U * 24) << "names are compressed";
}

// Offsets beyond 16,383 cannot be pointed at: names there are written out.
TEST(TrapCompression, FarOffsetsAreNotPointedAt) {
  std::string text(kApex);
  for (int i = 0; i < 1200; ++i)
    text +=
        "far 60 MX 1 " + std::to_string(i) + std::string(20, 'm') + ".zone" + std::to_string(i / 300) + "\n";
  Server server(load("tld.", text));
  Ask ask;
  ask.qname = "far.tld.";
  ask.qtype = RRType::MX;
  ask.udp = false;
  const auto got = server.ask(ask);
  EXPECT_EQ(got.answer.size(), 1200U);
  EXPECT_GT(got.size, 20000U);
}

}  // namespace
}  // namespace onoma::serve::test
