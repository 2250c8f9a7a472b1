// The limiter: which answers over UDP are not worth sending, decided after the look-up and before anything is
// proved, written or sent. It limits how often a source gets the same answer (limit_rate.h), finds floods of
// random names and answers only what is known below what they hit (limit_flood.h) or comes from sources that
// are known (limit_peers.h), and drops unread what comes from sources of which nearly everything is withheld
// (limit_shed.h).
//
// What always holds
// - One Limiter a worker, used by its thread only; reports() and counts() may be called from any thread.
// - No allocation after construction, no lock; memory is what the options give.
// - Answers over streams and to clients with a valid server cookie pass. Names that exist are never taken for
//   part of a flood.
// - What is withheld leaves as an empty answer with TC now and then (slip), so that a client behind the same
//   address gets through over TCP.
// - In a dry run everything is counted and nothing withheld.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/rng.h"
#include "base/time.h"
#include "serve/limit_options.h"

namespace onoma::serve {

struct LimitQuestion {
  ByteView peer;  // 4 or 16 octets of address; others pass
  bool udp = true;
  bool cookie_valid = false;
  ResponseClass what = ResponseClass::error;
  // Octets that are the same for the same name in any letter case, such as sort keys. `encloser`: the closest
  // encloser (nxdomain), the wildcard's parent, the cut (referral). Unused ones may be empty.
  ByteView name, encloser;
};

// The first `labels` labels of a sort key (wire/name.h), each of which ends with a zero octet.
inline ByteView limit_encloser(ByteView sort_key, std::size_t labels) {
  std::size_t size = 0;
  for (; labels > 0 && size < sort_key.size(); ++size) labels -= sort_key[size] == 0 ? 1 : 0;
  return sort_key.first(size);
}

enum class LimitAction : std::uint8_t {
  pass,
  drop,
  truncate,  // send header with TC, question and OPT
};

struct LimitCounts {
  std::uint64_t dropped = 0, truncated = 0;  // withheld answers, by what went out instead
  std::uint64_t flood = 0;    // of both and of `dry_run`: because of a flood; the rest: because of a rate
  std::uint64_t dry_run = 0;  // would have been withheld
  std::uint64_t shed = 0;     // packets dropped before the look-up
  std::uint64_t exempt = 0;   // had a valid cookie
  std::uint64_t floods = 0;   // that began
  LimitCounts& operator+=(const LimitCounts& more);
};

// A flood that is going on, as one Limiter sees it.
struct FloodReport {
  std::array<std::uint8_t, 512> encloser{};  // as the question gave it
  std::uint16_t size = 0;
  std::uint32_t names_per_s = 0;  // distinct ones, this worker's, in the last second; 0 in the first
  std::uint64_t withheld = 0;
  ByteView octets() const { return ByteView(encloser).first(size); }
};
inline constexpr std::size_t kFloodReports = 16;

class Limiter {
 public:
  // REQUIRES: options.workers > 0. The hash key is drawn from `rng`.
  Limiter(const LimitOptions& options, Rng& rng);
  ~Limiter();

  // Once a batch, with a clock that never goes back.
  void tick(Duration steady) noexcept;
  // Before the look-up, for packets over UDP without a valid cookie: drop it?
  bool early_drop(ByteView peer) noexcept { return (shedding_ || flooded_) && early_drop_slow(peer); }
  LimitAction judge(const LimitQuestion& question) noexcept;

  LimitCounts counts() const;
  // The floods of now, the first kFloodReports of them. Any thread.
  std::size_t reports(std::span<FloodReport> out) const;

 private:
  struct State;
  bool early_drop_slow(ByteView peer) noexcept;

  bool shedding_ = false, flooded_ = false;
  std::unique_ptr<State> state_;
};

}  // namespace onoma::serve
