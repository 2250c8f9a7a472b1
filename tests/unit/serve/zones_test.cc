// ZoneTable: which zone answers, and that replaced versions die when nobody looks at them any more.
#include <thread>

#include "serve_support.h"

namespace onoma::serve::test {
namespace {

zone::SnapshotPtr tiny(const std::string& apex, unsigned serial = 1) {
  return load(apex, "@ 60 SOA ns. host. " + std::to_string(serial) + " 1 1 1 60\n@ 60 NS ns.\n");
}

const ZoneState* state_of(ZoneTable::Reader& reader, std::string_view qname) {
  return reader.find(name(qname));
}

TEST(ZoneTable, TheLongestNameAnswers) {
  ZoneTable table;
  ZoneTable::Reader reader(table);
  reader.enter();
  EXPECT_EQ(state_of(reader, "a.tld."), nullptr);
  table.set(tiny("tld."));
  table.set(tiny("B.tld."));
  table.set(tiny("x.y.b.tld."));
  const auto apex = [&](std::string_view qname) {
    const auto* state = state_of(reader, qname);
    return state ? state->snapshot->facts().apex.lower().text() : "none";
  };
  EXPECT_EQ(apex("tld."), "tld.");
  EXPECT_EQ(apex("A.TLD."), "tld.");
  EXPECT_EQ(apex("b.tld."), "b.tld.");
  EXPECT_EQ(apex("q.y.b.tld."), "b.tld.");
  EXPECT_EQ(apex("q.x.Y.b.tld."), "x.y.b.tld.");
  EXPECT_EQ(apex("bb.tld."), "tld.");
  EXPECT_EQ(apex("."), "none");
  table.set(tiny("."));
  EXPECT_EQ(apex("org."), ".");
  EXPECT_TRUE(table.remove(name("b.tld.")));
  EXPECT_FALSE(table.remove(name("b.tld.")));
  EXPECT_EQ(apex("b.tld."), "tld.");
  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(table.zones(), (std::vector<Name>{name("."), name("tld."), name("x.y.b.tld.")}));
  reader.leave();
}

TEST(ZoneTable, ParentAndChildServedHere) {
  Server server(load("tld.", kTld));
  server.table.set(load("sec.tld.", "@ 60 SOA ns1 h 1 1 1 1 60\n@ 60 NS ns1\nns1 60 A 192.0.2.5\n"));
  EXPECT_TRUE(server.ask("ns1.sec.tld.").header.aa());
  EXPECT_TRUE(server.ask("sec.tld.", RRType::NS).header.aa());
  const auto ds = server.ask("sec.tld.", RRType::DS);
  EXPECT_TRUE(ds.header.aa());
  EXPECT_EQ(ds.answer.size(), 1U);
}

TEST(ZoneTable, ManyZonesAreFound) {
  ZoneTable table;
  ZoneTable::Reader reader(table);
  for (int i = 0; i < 5000; ++i)
    table.set(name("zone" + std::to_string(i) + ".example."), ZoneStatus::not_loaded);
  reader.enter();
  for (int i = 0; i < 5000; ++i)
    EXPECT_NE(state_of(reader, "www.zone" + std::to_string(i) + ".example."), nullptr);
  EXPECT_EQ(state_of(reader, "zone5000.example."), nullptr);
  reader.leave();
  EXPECT_EQ(table.size(), 5000U);
}

TEST(ZoneTable, OldVersionsLiveUntilTheReaderLooksAway) {
  ZoneTable table;
  ZoneTable::Reader reader(table);
  auto first = tiny("tld.");
  std::weak_ptr<const zone::Snapshot> watch = first;
  table.set(std::move(first));
  reader.enter();
  const auto* seen = state_of(reader, "tld.");
  table.set(tiny("tld.", 2));
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(seen->snapshot->facts().serial, 1U);
  EXPECT_EQ(state_of(reader, "tld.")->snapshot->facts().serial, 2U);
  reader.enter();
  table.reclaim();
  EXPECT_TRUE(watch.expired());
  reader.leave();
  table.remove(name("tld."));
  EXPECT_EQ(table.waiting(), 0U);
}

TEST(ZoneTable, ReadersAndWritersAtOnce) {
  ZoneTable table;
  const auto one = tiny("tld.", 1), two = tiny("tld.", 2);
  table.set(one);
  std::atomic<bool> stop{false};
  std::vector<std::jthread> readers;
  for (int r = 0; r < 2; ++r)
    readers.emplace_back([&] {
      ZoneTable::Reader reader(table);
      const auto qname = name("www.tld."), other = name("z3.example.");
      while (!stop) {
        reader.enter();
        for (int i = 0; i < 20; ++i) {
          const auto* state = reader.find(qname);
          ASSERT_NE(state, nullptr);
          const auto serial = state->snapshot->facts().serial;
          ASSERT_TRUE(serial == 1 || serial == 2);
          const auto* changing = reader.find(other);
          ASSERT_TRUE(!changing || changing->status == ZoneStatus::not_loaded);
        }
        reader.leave();
      }
    });
  for (int i = 0; i < 3000; ++i) {
    table.set(i % 2 ? one : two);
    const auto apex = name("z" + std::to_string(i % 5) + ".example.");
    if (!table.remove(apex)) table.set(apex, ZoneStatus::not_loaded);
  }
  stop = true;
  readers.clear();
  table.reclaim();
  EXPECT_EQ(table.waiting(), 0U);
}

TEST(Answerer, LetsGoOnRelease) {
  auto zone = load("tld.", kTld);
  std::weak_ptr<const zone::Snapshot> watch = zone;
  Server server(std::move(zone));
  server.ask("www.tld.");
  server.table.remove(name("tld."));
  EXPECT_FALSE(watch.expired());
  server.answerer.release();
  server.table.reclaim();
  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(server.ask("www.tld.").rcode(), 5);
}

TEST(Additional, TargetsOfMxSrvSvcbAndNs) {
  const auto text = std::string(kTld) +
                    "mx MX 5 mail\nmx MX 6 ns1.child1\nmx MX 7 out.example.\nmail A 192.0.2.20\n"
                    "_s._tcp SRV 0 0 1 mail\nsvc HTTPS 1 .\nsvc A 192.0.2.21\nalias SVCB 0 mail\n";
  Server server(load("tld.", text));
  const Lines mail = {"mail.tld. A 192.0.2.20"};
  EXPECT_EQ(Reading::lines(server.ask("mx.tld.", RRType::MX).additional),
            mail);  // no glue with authoritative data
  EXPECT_EQ(Reading::lines(server.ask("_s._tcp.tld.", RRType::SRV).additional), mail);
  EXPECT_EQ(Reading::lines(server.ask("alias.tld.", RRType::SVCB).additional), mail);
  EXPECT_EQ(Reading::lines(server.ask("svc.tld.", RRType::HTTPS).additional), Lines{"svc.tld. A 192.0.2.21"});
  EXPECT_EQ(Reading::lines(server.ask("tld.", RRType::NS).additional), Lines{"ns1.tld. A 127.0.0.1"});
  EXPECT_TRUE(server.ask("mail.tld.").additional.empty());
}

TEST(Additional, AtMostThirteenTargets) {
  std::string text(kTld);
  for (int i = 0; i < 20; ++i)
    text += "mx MX 5 m" + std::to_string(i) + "\nm" + std::to_string(i) + " A 192.0.2." + std::to_string(i) +
            "\n";
  Server server(load("tld.", text));
  Ask ask;
  ask.qname = "mx.tld.";
  ask.qtype = RRType::MX;
  ask.udp = false;
  EXPECT_EQ(server.ask(ask).additional.size(), 13U);
}

TEST(Chains, EndAfterSixteenSteps) {
  std::string text(kTld);
  for (int i = 0; i < 40; ++i) text += "s" + std::to_string(i) + " CNAME s" + std::to_string(i + 1) + "\n";
  text += "grow DNAME a.grow\n";
  Server server(load("tld.", text));
  const auto got = server.ask("s0.tld.");
  EXPECT_EQ(got.rcode(), 0);
  EXPECT_EQ(got.answer.size(), 16U);
  const auto dname = server.ask("x.grow.tld.");
  EXPECT_LE(dname.answer.size(), 17U);
}

}  // namespace
}  // namespace onoma::serve::test
