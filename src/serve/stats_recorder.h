// StatsRecorder: what one worker notes of the packets it answered. Its worker alone calls begin(), record(),
// end() and idle(); none of them locks, allocates or waits. Everybody else reads through Statistics, which
// makes recorders and owns them.
//
//   recorder.begin(n);                       // a batch of n packets
//   for (...) recorder.record(facts);        // the views in `facts` stay valid until end()
//   recorder.end(ns);                        // how long the batch took, receive to send
//
// Counters see every packet; so do the sketches of sources and of domains. The sketches of the most frequent
// names and sources see one packet of 16 in large batches, of 4 in batches up to 16, every packet in batches
// up to 4, each with the weight that this gives it: a busy server looks less closely.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "serve/stats_counts.h"
#include "serve/stats_hll.h"
#include "serve/stats_magnitude.h"
#include "serve/stats_top.h"

namespace onoma::serve {

// One packet and its answer.
struct PacketFacts {
  ByteView peer;   // 4 or 16 octets
  ByteView qname;  // wire form, any case; empty: there is no readable question
  // Of the zone that answered and of the closest encloser: the octets that its name has at the end of qname,
  // root label included. 0: none.
  std::uint8_t zone_octets = 0;
  std::uint8_t encloser_octets = 0;
  Transport transport = Transport::udp;
  bool edns = false, dnssec_ok = false, truncated = false;
  std::uint8_t opcode = 0;
  std::uint16_t qtype = 0, rcode = 0;
  std::uint32_t request_octets = 0;
  std::uint32_t reply_octets = 0;  // 0: it was not answered
};

struct StatsOptions {
  bool top = true;        // sketches of frequent names and sources
  bool magnitude = true;  // sketches of domains and their clients
  // Domains of more than kFewClients clients that a recorder can follow at once, 16 KiB each when in use.
  std::size_t magnitude_sketches = 256;
};

// What is counted for one day, apart from StatsCells.
struct StatsBank {
  explicit StatsBank(const StatsOptions& options);
  HllCells v4, v6, v6_networks, clients;  // sources; their /64; and what DNS magnitude counts
  std::unique_ptr<TopSketch> names, enclosers, addresses, networks;
  std::unique_ptr<DomainSketch> domains;
};

class StatsRecorder {
 public:
  StatsRecorder(const StatsOptions& options, std::uint64_t seed);

  // The worker.
  void begin(std::size_t packets) noexcept;
  void record(const PacketFacts& facts) noexcept;
  void end(std::uint64_t batch_ns) noexcept;
  void idle() noexcept;  // before the worker blocks for long

  // Statistics only, one thread at a time: the bank that is written from the next begin() on, and whether the
  // worker has left the one before.
  const StatsBank& bank() const { return *bank_owned_; }
  std::unique_ptr<StatsBank> replace_bank(std::unique_ptr<StatsBank> next);
  bool has_left_old_bank() const;
  const StatsCells& cells() const { return cells_; }

 private:
  static constexpr std::size_t kPending = 64;
  struct Pending {
    std::uint64_t domain;  // hash; 0: none
    std::uint64_t client;
    const std::uint8_t* name;
    std::uint8_t name_octets;
  };
  std::uint64_t note_source(ByteView peer) noexcept;
  void note_domain(const PacketFacts& facts, std::uint64_t client) noexcept;
  void note_top(const PacketFacts& facts) noexcept;
  void apply_pending() noexcept;
  std::uint32_t random() noexcept;

  StatsCells cells_;
  StatsBank* bank_;
  std::uint64_t seed_;
  std::uint64_t random_;
  std::uint32_t period_ = 1, until_sample_ = 1, until_admission_ = 1;
  std::uint32_t recorded_ = 0;
  bool is_idle_ = true;
  std::size_t pending_count_ = 0;
  std::array<Pending, kPending> pending_;

  std::unique_ptr<StatsBank> bank_owned_;
  std::atomic<StatsBank*> wanted_;
  std::atomic<StatsBank*> active_;
  std::atomic<bool> idle_{true};
};

}  // namespace onoma::serve
