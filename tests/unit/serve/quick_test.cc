// Answers written from parts known ahead say what the look-up, the plan and its composition say.
#include <random>

#include <fmt/format.h>

#include "serve/compose.h"
#include "serve/resolve.h"
#include "serve_support.h"
#include "zone/diff.h"

namespace onoma::serve::test {
namespace {

std::string pick(std::mt19937& random, std::initializer_list<const char*> from) {
  return *(from.begin() + random() % from.size());
}

// Delegations of every kind: servers elsewhere, directly and further below, under siblings, the name itself,
// with and without addresses, in any spelling.
std::string random_zone(std::mt19937& random) {
  std::string out =
      "$ORIGIN tld.\n$TTL 3600\n@ SOA ns1 hostmaster " + std::to_string(1 + random() % 1000000) +
      " 1800 900 604800 300\n@ NS ns1\nns1 A 127.0.0.1\nhost A 192.0.2.77\na.b.ent A 192.0.2.9\n";
  for (unsigned i = 0; i < 40; ++i) {
    if (random() % 4 == 0) continue;
    const auto cut = pick(random, {"d", "D", "d-"}) + std::to_string(i) + (random() % 8 == 0 ? ".ent" : "");
    for (auto count = 1 + random() % 3; count > 0; --count) {
      const auto target = pick(random, {"ns1.@", "ns1.@", "NS2.@", "ns3.@", "a.ns.@", "@", "ns.example.",
                                        "ns2.example.net.", "ns1.d7", "ns1"});
      auto server = target;
      if (const auto at = server.find('@'); at != std::string::npos) server.replace(at, 1, cut);
      out += fmt::format("{} NS {}\n", cut, server);
    }
    if (random() % 3 == 0) out += cut + " DS 1 13 2 " + std::string(64, 'A') + "\n";
    for (const auto* host : {"ns1.", "ns2.", "ns3.", "a.ns.", "other.", ""}) {
      if (random() % 2) out += host + cut + " 600 A 192.0.2." + std::to_string(random() % 3) + "\n";
      if (random() % 3 == 0) out += host + cut + " AAAA 2001:db8::" + std::to_string(random() % 3) + "\n";
      if (random() % 9 == 0) out += host + cut + " TXT unseen\n";
    }
  }
  return out;
}

// Names in lower case: how much of a name comes from the question differs.
Lines with_ttl(const std::vector<Record>& records) {
  Lines out;
  for (const auto& record : records) out.push_back(std::to_string(record.ttl) + " " + record.text());
  for (auto& line : out) std::ranges::transform(line, line.begin(), wire::ascii_lower);
  std::ranges::sort(out);
  return out;
}

// The same question, always by way of a plan.
Reading by_plan(const zone::Snapshot& zone, const Name& qname, bool dnssec) {
  Bytes buffer(65535);
  wire::Writer writer(buffer, buffer.size());
  zone::NodeScratch scratch;
  zone::LookupKey key;
  zone::LookupKey::make(qname, key);
  Plan plan;
  writer.add_question(qname, RRType::A, wire::RRClass::IN);
  resolve(zone, {qname, RRType::A, dnssec}, zone.find(key, &scratch), plan, scratch);
  writer.set_rcode(plan.rcode);
  if (plan.authoritative) writer.or_flags(0x0400);
  compose(writer, zone, plan, dnssec, key, scratch);
  return read(writer.finish());
}

void expect_same_answers(const zone::SnapshotPtr& zone, std::mt19937& random, const std::string& what) {
  Server server(zone);
  for (int i = 0; i < 120; ++i) {
    auto text = pick(random, {"", "", "www.", "ns1.", "x.y."}) + pick(random, {"d", "D", "d-", "n"}) +
                std::to_string(random() % 45) + pick(random, {".tld.", ".TLD.", ".ent.tld."});
    Ask ask;
    ask.qname = text;
    ask.dnssec = random() % 2 != 0;
    ask.edns_size = 4096;
    ask.udp = false;
    const auto quick = server.ask(ask);
    const auto whole = by_plan(*zone, name(text), ask.dnssec);
    const auto where = fmt::format("{} {}{}", what, text, ask.dnssec ? " DO" : "");
    ASSERT_TRUE(whole.readable) << where;
    EXPECT_EQ(quick.rcode(), whole.rcode()) << where;
    EXPECT_EQ(quick.header.aa(), whole.header.aa()) << where;
    EXPECT_EQ(with_ttl(quick.answer), with_ttl(whole.answer)) << where;
    EXPECT_EQ(with_ttl(quick.authority), with_ttl(whole.authority)) << where;
    EXPECT_EQ(with_ttl(quick.additional), with_ttl(whole.additional)) << where;
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Quick, SaysWhatThePlanSays) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    std::mt19937 random(seed);
    const auto before = load("tld.", random_zone(random)), after = load("tld.", random_zone(random));
    ASSERT_TRUE(before && after);
    const std::pair<const char*, std::optional<Signing>> kinds[] = {
        {"unsigned", {}}, {"NSEC", Signing::nsec}, {"NSEC3", Signing::nsec3}, {"opt-out", Signing::opt_out}};
    for (const auto& [what, how] : kinds) {
      const auto first = how ? sign(*before, *how) : before, second = how ? sign(*after, *how) : after;
      const auto id = std::string(what) + " " + std::to_string(seed);
      expect_same_answers(first, random, id);
      const auto changed = first->apply(zone::difference(*first, *second));
      ASSERT_TRUE(changed.has_value()) << changed.error().message;
      expect_same_answers(*changed, random, id + " changed");
      expect_same_answers(*zone::snapshot_of(*zone::compact(**changed)), random, id + " merged");
      if (HasFailure()) return;
    }
  }
}

// An answer that does not fit is made the long way, which knows what may be left out.
TEST(Quick, LeavesWhatDoesNotFitToThePlan) {
  std::string text(kTld);
  for (int i = 0; i < 13; ++i) {
    text += fmt::format("wide NS {0}\n{0} A 192.0.2.1\n{0} AAAA 2001:db8::1\n",
                        fmt::format("ns{}{}.wide", i, std::string(40, 'x')));
  }
  Server server(load("tld.", text));
  Ask ask;
  ask.qname = "www.wide.tld.";
  ask.edns_size = 512;
  const auto cut = server.ask(ask);
  EXPECT_TRUE(cut.header.tc());
  EXPECT_LE(cut.size, 512U);
  ask.udp = false;
  const auto whole = server.ask(ask);
  EXPECT_FALSE(whole.header.tc());
  EXPECT_EQ(whole.authority.size(), 13U);
  EXPECT_EQ(whole.additional.size(), 26U);
}

}  // namespace
}  // namespace onoma::serve::test
