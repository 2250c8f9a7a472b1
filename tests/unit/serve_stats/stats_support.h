// Packets and statistics for tests, in a world with a clock moved by hand.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "base/check.h"
#include "serve/stats_keeper.h"
#include "wire/name.h"

namespace onoma::serve::test {

inline Bytes wire_name(std::string_view text) {
  const auto name = wire::Name::parse(text);
  CHECK(name);
  return {name->wire().begin(), name->wire().end()};
}

// A query from 10.0.0.0 + `source`, in a zone of one label.
struct Packet {
  Bytes peer, name;
  PacketFacts facts;
  Packet(std::uint32_t source, const std::string& qname) : peer(4), name(wire_name(qname)) {
    store_u32(peer.data(), 0x0a000000 + source);
    facts.request_octets = 40;
    facts.reply_octets = 100;
  }
  PacketFacts view() {
    facts.peer = peer;
    facts.qname = name;
    std::size_t at = 0;
    while (name[at] != 0 && name[at + 1U + name[at]] != 0) at += 1U + name[at];
    facts.zone_octets = facts.encloser_octets = static_cast<std::uint8_t>(name.size() - at);
    return facts;
  }
};

inline const std::vector<std::string>& names() {
  static const std::vector<std::string> list{"a.tld.",     "b.tld.", "www.a.tld.",
                                             "x.y.c.tld.", "tld.",   "d.tld."};
  return list;
}

struct Fixture {
  explicit Fixture(StatisticsOptions options = {}, Time now = *from_iso8601("2026-09-25T10:00:00Z"))
      : clock(now), rng(1), statistics(std::move(options), clock, rng) {}
  ManualClock clock;
  SeededRng rng;
  Statistics statistics;
};

inline void ask(StatsRecorder& recorder, Packet packet) {
  recorder.begin(1);
  recorder.record(packet.view());
  recorder.end(1000);
}

}  // namespace onoma::serve::test
