// A simulated world around one signed zone: its versions, secondaries that lag, a parent that follows CDS,
// and every cache that could exist. After each version it asks whether any validating resolver, whatever it
// has cached as long as TTLs allow, would find something bogus.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gate/gate.h"
#include "sign/key_manager.h"
#include "sign/signer.h"
#include "unit/sign/support.h"

namespace onoma::sign::testing {

// What was to be had from a server between two times; `to` in the future: still is.
template <class T>
struct Span {
  Time from{}, to{};
  T what;
};

class World {
 public:
  struct Plan {
    KeyPolicy keys;
    SigningPolicy signing;
    std::string dump;  // folder for zone files at every change of keys
    std::chrono::seconds parent_delay = std::chrono::days{2};  // from a new CDS to a new DS
    std::chrono::seconds restart_every = std::chrono::days{50};
    std::chrono::seconds lag = std::chrono::hours{1};         // of the slowest secondary
    std::chrono::seconds parent_lag = std::chrono::hours{1};  // of the parent's slowest server
  };
  World(Plan plan, std::string directory, Time start);

  // Lets time pass, until nothing is left to do at `until`.
  void run(Time until);
  KeyManager& manager() { return *manager_; }
  Time now() const { return clock_.now(); }
  const zone::SnapshotPtr& current() const { return current_; }

  std::size_t versions = 0, key_changes = 0;
  std::map<std::string, int> seen;  // "zsk retired" → how many keys entered that state
  std::vector<std::string> wrong;   // what a resolver would have found

 private:
  static constexpr Time kOpen = Time::max();
  void restart();
  void show(zone::SnapshotPtr next);
  void note_keys();
  void follow_parent();
  void change_content();
  void check();
  void check_ds(const Span<RRset>& ds);
  void check_keys(const Span<RRset>& keys);
  bool verifies(const RRset& set, ByteView key, ByteView signature);
  void dump() const;
  bool cached(Time from, Time to, std::chrono::seconds ttl, std::chrono::seconds lag) const {
    return from <= now() && (to == kOpen || to + lag + ttl > now());
  }

  Plan plan_;
  std::string directory_;
  ManualClock clock_;
  SeededRng rng_{7};
  Name apex_ = name("example.");
  std::shared_ptr<KeyManager> manager_;
  std::unique_ptr<zone::Signer> signer_;
  zone::SnapshotPtr current_;
  std::vector<Span<RRset>> ds_;  // at the parent
  std::map<std::pair<std::string, RRType>, std::vector<Span<RRset>>> sets_;
  std::map<std::uint16_t, std::string> states_;
  std::map<Bytes, bool> verified_;
  std::optional<Time> parent_acts_, parent_shows_;
  Time next_restart_{}, next_change_{};
  int content_ = 0;
};

}  // namespace onoma::sign::testing
