// Sizes: what must be whole, what sets TC, and that batches change nothing.
#include "serve_support.h"

namespace onoma::serve::test {
namespace {

std::string delegation(bool in_domain, int servers) {
  std::string text(kTld);
  text += "other NS ns.other\nns.other A 192.0.2.1\n";
  for (int i = 0; i < servers; ++i) {
    const auto host = "server" + std::to_string(i) + (in_domain ? ".big" : ".other");
    text += "big NS " + host + "\n" + host + " A 192.0.2." + std::to_string(i) + "\n" + host +
            " AAAA 2001:db8::" + std::to_string(i) + "\n";
  }
  return text;
}

TEST(Truncation, InDomainGlueIsMandatorySiblingGlueIsNot) {
  for (int size : {900, 1232}) {
    Ask ask;
    ask.qname = "www.big.tld.";
    ask.edns_size = static_cast<std::uint16_t>(size);
    Server in_domain(load("tld.", delegation(true, 20)));
    const auto got = in_domain.ask(ask);
    EXPECT_TRUE(got.header.tc());
    EXPECT_LE(got.size, static_cast<std::size_t>(size));
    // One address per server before the second of any.
    EXPECT_EQ(got.count(got.authority, RRType::NS), 20U);
    EXPECT_GE(got.count(got.additional, RRType::A), got.count(got.additional, RRType::AAAA));
    Server sibling(load("tld.", delegation(false, 20)));
    EXPECT_FALSE(sibling.ask(ask).header.tc());
    ask.udp = false;
    const auto whole = in_domain.ask(ask);
    EXPECT_FALSE(whole.header.tc());
    EXPECT_EQ(whole.additional.size(), 40U);
  }
}

TEST(Truncation, LimitsOfUdp) {
  std::string text(kTld);
  for (int i = 0; i < 80; ++i) text += "many A 192.0.2." + std::to_string(i) + "\n";
  Server server(load("tld.", text));
  Ask ask;
  ask.qname = "many.tld.";
  for (auto size : {std::optional<std::uint16_t>{}, {0}, {511}, {512}, {1000}, {1232}, {4096}, {65535}}) {
    ask.edns_size = size;
    const auto got = server.ask(ask);
    EXPECT_EQ(got.header.tc(), true);
    EXPECT_TRUE(got.answer.empty());
    EXPECT_EQ(got.has_opt, size.has_value());
  }
  ServeOptions options;
  options.udp_limit = 1400;
  Server larger(load("tld.", text), options);
  EXPECT_EQ(larger.ask(ask).answer.size(), 80U);
  EXPECT_EQ(server.answerer.counts().truncated, 8U);
}

std::string random_zone(std::mt19937& random) {
  std::string text(kTld);
  const auto label = [&] { return std::string(1 + random() % 20, static_cast<char>('a' + random() % 4)); };
  for (int i = 0; i < 40; ++i) {
    const auto owner = random() % 3 ? label() + "1" : label() + "2." + label() + "1";
    const auto many = 1 + random() % 30;
    for (unsigned k = 0; k < many; ++k) {
      switch (i % 5) {
        case 0:
          text += "d" + owner + " NS ns" + std::to_string(k) + ".d" + owner + "\n";
          break;
        case 1:
          text += "ns" + std::to_string(k) + ".d" + owner + " A 192.0.2." + std::to_string(k) + "\n";
          break;
        case 2:
          text += "t" + owner + " TXT " + label() + std::to_string(k) + " " + label() + label() + "\n";
          break;
        case 3:
          text +=
              "m" + owner + " MX " + std::to_string(k) + " ns" + std::to_string(k) + ".d" + label() + "1\n";
          break;
        default:
          text += "*.q" + owner + " AAAA 2001:db8::" + std::to_string(k) + "\n";
      }
    }
  }
  return text;
}

std::vector<std::string> owners_of(const zone::Snapshot& zone) {
  std::vector<std::string> owners = {"nope.tld.", "x.child1.tld.", "a.b.c.tld.", "tld."};
  for (auto at = zone.first(); at.valid(); at.next()) {
    owners.push_back(at.node().owner().text());
    owners.push_back("x." + at.node().owner().text());
  }
  return owners;
}

// Records grouped as (owner, type or covered type): complete in `large` means complete or absent in `small`.
using Groups = std::map<std::string, std::multiset<std::string>>;
Groups groups(const std::vector<Record>& records) {
  Groups out;
  for (const auto& record : records) {
    const auto type =
        record.type == RRType::RRSIG ? static_cast<RRType>(load_u16(record.rdata.data())) : record.type;
    out[record.owner + " " + wire::type_text(type)].insert(record.text());
  }
  return out;
}

TEST(Truncation, WholeSetsOnlyAndTcExactlyWhenSomethingNeededIsMissing) {
  std::mt19937 random(11);
  for (int turn = 0; turn < 6; ++turn) {
    auto zone = load("tld.", random_zone(random));
    if (turn % 3 != 0) zone = sign(*zone, turn % 3 == 1 ? Signing::nsec : Signing::opt_out);
    Server server(zone);
    for (const auto& owner : owners_of(*zone)) {
      for (auto qtype : {RRType::A, RRType::MX, RRType::TXT}) {
        Ask ask;
        ask.qname = owner;
        ask.qtype = qtype;
        ask.dnssec = random() % 2 == 0;
        ask.udp = false;
        const auto large = server.ask(ask);
        EXPECT_FALSE(large.header.tc());
        ask.udp = true;
        ask.edns_size = static_cast<std::uint16_t>(512 + random() % 900);
        const auto small = server.ask(ask);
        EXPECT_LE(small.size, std::min<std::size_t>(*ask.edns_size, 1232));
        EXPECT_EQ(small.rcode(), large.rcode());
        bool missing = false;
        const std::array<std::pair<Groups, Groups>, 3> sections = {
            std::pair{groups(small.answer), groups(large.answer)},
            {groups(small.authority), groups(large.authority)},
            {groups(small.additional), groups(large.additional)}};
        for (std::size_t section = 0; section < sections.size(); ++section) {
          const auto& [has, all] = sections[section];
          for (const auto& [key, records] : has) {
            const auto at = all.find(key);
            ASSERT_TRUE(at != all.end() && at->second == records) << owner << ": part of " << key;
          }
          for (const auto& [key, records] : all) {
            const auto host = key.substr(0, key.find(' '));
            const bool glue = section == 2 && !large.header.aa() &&
                              large.count(large.authority, RRType::NS) > 0 &&
                              name(host).is_at_or_below(name(large.authority[0].owner));
            if (section < 2 || glue) missing |= !has.contains(key);
          }
        }
        EXPECT_EQ(small.header.tc(), missing) << owner;
      }
    }
  }
}

TEST(Batches, AnswerAsTheirRequestsWouldAlone) {
  std::mt19937 random(3);
  const auto zone = sign(*load("tld.", random_zone(random)), Signing::nsec3);
  Server batch(zone), alone(zone);
  const auto owners = owners_of(*zone);
  std::vector<Bytes> packets;
  for (int i = 0; i < 500; ++i) {
    Ask ask;
    ask.qname = owners[random() % owners.size()];
    ask.qtype = std::array{RRType::A, RRType::NS, RRType::DS, RRType::ANY, RRType::TXT}[random() % 5];
    ask.dnssec = random() % 2;
    auto octets = packet(ask);
    // Some of them bent.
    if (random() % 4 == 0) octets[random() % octets.size()] = static_cast<std::uint8_t>(random());
    if (random() % 16 == 0) octets.resize(random() % octets.size());
    packets.push_back(octets);
  }
  std::vector<Bytes> buffers(packets.size(), Bytes(2048));
  std::vector<Request> in;
  std::vector<Reply> out;
  static constexpr std::array<std::uint8_t, 4> kPeer = {192, 0, 2, 200};
  for (std::size_t i = 0; i < packets.size(); ++i) {
    in.push_back({packets[i], i % 3 != 0, false, kPeer, 5000});
    out.push_back({buffers[i], 7});
  }
  batch.answerer.answer(in, out);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    Bytes buffer(2048);
    Reply single{buffer, 0};
    alone.answerer.answer({&in[i], 1}, {&single, 1});
    ASSERT_EQ(single.size, out[i].size) << i;
    EXPECT_TRUE(equal(ByteView(buffer).first(single.size), ByteView(buffers[i]).first(out[i].size))) << i;
  }
  auto sum = batch.answerer.counts();
  EXPECT_EQ(sum.queries, 500U);
  EXPECT_EQ(sum.by_rcode, alone.answerer.counts().by_rcode);
  sum += alone.answerer.counts();
  EXPECT_EQ(sum.queries, 1000U);
}

}  // namespace
}  // namespace onoma::serve::test
