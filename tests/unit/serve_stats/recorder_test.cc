// A recorder counts what it is told, allocates nothing, and can be read while it is written.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "serve/stats_keeper.h"
#include "serve/stats_recorder.h"
#include "serve/stats_report.h"
#include "stats_support.h"
#include "support/counting_new.h"

namespace onoma::serve::test {
namespace {

using C = StatsCounts;

TEST(Recorder, CountsEachFact) {
  Fixture f;
  auto& recorder = f.statistics.add_recorder();
  Packet udp(1, "www.Example.TLD."), tcp(2, "example.tld."), lost(3, "x.tld.");
  udp.facts.edns = udp.facts.dnssec_ok = true;
  udp.facts.qtype = 1;
  udp.facts.request_octets = 47;
  udp.facts.reply_octets = 512;
  tcp.peer = Bytes(16, 1);
  tcp.facts.transport = Transport::tcp;
  tcp.facts.truncated = true;
  tcp.facts.qtype = 65000;
  tcp.facts.rcode = 3;
  tcp.facts.request_octets = 5000;
  tcp.facts.reply_octets = 65535;
  lost.facts.reply_octets = 0;
  lost.facts.rcode = 5;
  lost.facts.qtype = 28;
  recorder.begin(3);
  for (auto* packet : {&udp, &tcp, &lost}) recorder.record(packet->view());
  recorder.end(2000);
  const auto counts = f.statistics.counts();
  EXPECT_EQ(counts.packets(), 3U);
  EXPECT_EQ(counts.packets(C::kReplied), 2U);
  EXPECT_EQ(counts.packets(0, 0, 0), 2U);
  EXPECT_EQ(counts.packets(C::kReplied, 1, 1), 1U);
  EXPECT_EQ(counts.packets(C::kEdns | C::kDo), 1U);
  EXPECT_EQ(counts.packets(C::kTc), 1U);
  EXPECT_EQ(counts.rcode(0), 1U);
  EXPECT_EQ(counts.rcode(3), 1U);
  EXPECT_EQ(counts.rcode(5), 0U);
  EXPECT_EQ(counts.opcode(0), 2U);
  EXPECT_EQ(counts.cells[C::kQtypes + 1], 1U);
  EXPECT_EQ(counts.cells[C::kQtypes + 28], 1U);
  EXPECT_EQ(counts.cells[C::kQtypes + C::kTypes - 1], 1U);
  EXPECT_EQ(counts.cells[C::kRequests + 2], 2U);
  EXPECT_EQ(counts.cells[C::kRequests + 2 * C::kRequestClasses - 1], 1U);
  EXPECT_EQ(counts.cells[C::kResponses + 32], 1U);
  EXPECT_EQ(counts.cells[C::kResponses + 2 * C::kResponseClasses - 1], 1U);
  EXPECT_EQ(counts.cells[C::kResponseOctets], 512U + 65535U);
  EXPECT_EQ(counts.latency_count(), 3U);
  EXPECT_EQ(counts.cells[C::kLatencySum], 6000U);
  const auto today = f.statistics.today();
  EXPECT_EQ(today.domains.size(), 2U);
  EXPECT_EQ(today.domains.at(wire_name("example.tld.")).queries, 2U);
  EXPECT_EQ(today.domains.at(wire_name("x.tld.")).queries, 1U);
  const auto top = f.statistics.top(10);
  EXPECT_EQ(top.names.size(), 3U);
  EXPECT_EQ(top.enclosers.front().key, wire_name("tld."));
  EXPECT_EQ(top.enclosers.front().count, 3U);
  EXPECT_EQ(top.networks.front().key.size(), 3U);
}

TEST(Recorder, SeveralTogetherEqualOne) {
  Fixture several, one;
  std::vector<StatsRecorder*> recorders;
  recorders.reserve(3);
  for (int i = 0; i < 3; ++i) recorders.push_back(&several.statistics.add_recorder());
  auto& alone = one.statistics.add_recorder();
  std::mt19937_64 random(1);
  for (int i = 0; i < 3000; ++i) {
    Packet packet(static_cast<std::uint32_t>(random() % 50 * 77777), names().at(random() % names().size()));
    packet.facts.qtype = static_cast<std::uint16_t>(random() % 300);
    for (auto* recorder : {recorders[random() % 3], &alone}) {
      recorder->begin(1);
      recorder->record(packet.view());
      recorder->end(1000 + static_cast<std::uint64_t>(i));
    }
  }
  EXPECT_EQ(several.statistics.counts(), one.statistics.counts());
  const auto a = several.statistics.today(), b = one.statistics.today();
  EXPECT_EQ(a.v4, b.v4);
  EXPECT_EQ(a.clients, b.clients);
  ASSERT_EQ(a.domains.size(), b.domains.size());
  for (const auto& [name, domain] : a.domains) {
    EXPECT_EQ(domain.clients, b.domains.at(name).clients);
    EXPECT_EQ(domain.queries, b.domains.at(name).queries);
  }
  EXPECT_EQ(several.statistics.top(100).names, one.statistics.top(100).names);
  EXPECT_EQ(several.statistics.top(100).networks, one.statistics.top(100).networks);
}

// A busy server samples: the weights make up for it.
TEST(Recorder, SampledCountsAreRightInTheMean) {
  Fixture f;
  auto& recorder = f.statistics.add_recorder();
  Packet often(1, "often.tld."), seldom(0x01010101, "seldom.tld.");
  constexpr int kBatches = 2000;
  for (int batch = 0; batch < kBatches; ++batch) {
    recorder.begin(32);
    for (int i = 0; i < 32; ++i) recorder.record((i % 4 == 3 ? seldom : often).view());
    recorder.end(1000);
  }
  const auto names = f.statistics.top(10).names;
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(names[0].key, wire_name("often.tld."));
  EXPECT_NEAR(static_cast<double>(names[0].count), kBatches * 24.0, kBatches * 24 * 0.08);
  EXPECT_NEAR(static_cast<double>(names[1].count), kBatches * 8.0, kBatches * 8 * 0.12);
  EXPECT_EQ(f.statistics.counts().packets(), kBatches * 32U);
}

TEST(Recorder, OddNamesAndAddressesDoNoHarm) {
  Fixture f;
  auto& recorder = f.statistics.add_recorder();
  std::mt19937_64 random(2);
  recorder.begin(1);
  for (int i = 0; i < 20000; ++i) {
    Bytes name(random() % 300), peer(random() % 20);
    for (auto& octet : name) octet = static_cast<std::uint8_t>(random());
    PacketFacts facts{.peer = peer, .qname = name};
    facts.zone_octets = static_cast<std::uint8_t>(random());
    facts.encloser_octets = static_cast<std::uint8_t>(random());
    facts.opcode = static_cast<std::uint8_t>(random());
    facts.rcode = static_cast<std::uint16_t>(random());
    facts.reply_octets = static_cast<std::uint32_t>(random());
    facts.request_octets = static_cast<std::uint32_t>(random());
    recorder.record(facts);
    recorder.end(random());
  }
  EXPECT_EQ(f.statistics.counts().packets(), 20000U);
  EXPECT_FALSE(stats_json(f.statistics).empty());
  EXPECT_FALSE(top_json(f.statistics, 100).empty());
  EXPECT_FALSE(magnitude_json(f.statistics, 100).empty());
}

TEST(Recorder, AllocatesNothing) {
  if (!onoma::test::kCountsAllocations) GTEST_SKIP() << "the sanitizer has an operator new of its own";
  Fixture f;
  auto& recorder = f.statistics.add_recorder();
  std::vector<Packet> packets;
  packets.reserve(5000);
  for (std::uint32_t i = 0; i < 5000; ++i)
    packets.emplace_back(i * 7919, "n" + std::to_string(i % 3000) + ".tld.");
  const auto before = onoma::test::allocations();
  for (auto& packet : packets) {
    recorder.begin(1);
    recorder.record(packet.view());
    recorder.end(500);
  }
  recorder.idle();
  EXPECT_EQ(onoma::test::allocations(), before);
}

TEST(Recorder, CanBeReadWhileItIsWritten) {
  Fixture f;
  auto& recorder = f.statistics.add_recorder();
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    std::vector<Packet> packets;
    packets.reserve(6000);
    for (std::uint32_t i = 0; i < 6000; ++i)
      packets.emplace_back(i * 7919, "n" + std::to_string(i) + ".tld.");
    for (std::size_t i = 0; !stop.load(); ++i) {
      recorder.begin(1);
      recorder.record(packets[i % packets.size()].view());
      recorder.end(500);
      if (i % 100 == 0) recorder.idle();
    }
    recorder.idle();
  });
  std::uint64_t last = 0;
  for (int i = 0; i < 8; ++i) {
    const auto counts = f.statistics.counts();
    EXPECT_GE(counts.packets(), last);
    last = counts.packets();
    for (const auto& [name, domain] : f.statistics.today().domains)
      EXPECT_EQ(Bytes(name.end() - 5, name.end()), wire_name("tld.")) << i;
    for (const auto& entry : f.statistics.top(1000).names) {
      EXPECT_GE(entry.count, entry.error);
      EXPECT_EQ(Bytes(entry.key.end() - 5, entry.key.end()), wire_name("tld."));
    }
    f.clock.advance(std::chrono::hours(13));
    EXPECT_TRUE(f.statistics.tick());
  }
  stop = true;
  worker.join();
}

}  // namespace
}  // namespace onoma::serve::test
