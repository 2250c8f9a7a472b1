// The answer engine: packets in, packets out (RFC 1034, 1035, 2181, 6891, 8906, 9471 and DNSSEC's serving
// rules). It answers QUERY and refuses every other opcode: NOTIFY, UPDATE and transfers are dispatched
// elsewhere before it.
//
// One Answerer per worker thread. answer() allocates nothing, takes no locks, never throws, and gives for a
// batch what it would give for each of its requests alone. Call release() before the thread blocks, so that
// replaced versions of zones can be freed.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "serve/options.h"
#include "serve/zones.h"
#include "wire/types.h"

namespace onoma::serve {

struct Request {
  ByteView packet;              // one DNS message, without the length that streams put in front
  bool udp = true;              // false: over a stream, where answers may have 65,535 octets
  bool encrypted = false;       // TLS, HTTPS, QUIC: padding is answered (RFC 8467)
  ByteView peer;                // 4 or 16 octets of address, for cookies
  std::uint16_t peer_port = 1;  // 0 is not answered: nobody can have sent that
};

struct Reply {
  MutableBytes buffer;   // at least 512 octets; 65,535 for streams
  std::size_t size = 0;  // set by answer(); 0: send nothing
};

struct ServeCounts {
  std::uint64_t queries = 0;  // packets looked at, dropped ones too
  std::uint64_t dropped = 0;
  std::uint64_t truncated = 0;               // TC set
  std::array<std::uint64_t, 24> by_rcode{};  // of answers; index 23 takes all above
  ServeCounts& operator+=(const ServeCounts& more);
};

class Limiter;
class StatsRecorder;

class Answerer {
 public:
  // Both must outlive it; `options` is copied.
  Answerer(ZoneTable& zones, const ServeOptions& options);
  ~Answerer();

  // REQUIRES: out.size() >= in.size(). Reply i belongs to request i.
  void answer(std::span<const Request> in, std::span<Reply> out) noexcept;
  // Lets go of all zones and adds what was counted to the program's metrics.
  void release() noexcept;

  // Every packet is noted there from now on, whose begin() and end() the caller calls; null: nowhere. The
  // recorder must outlive the Answerer.
  void note_with(StatsRecorder* recorder) noexcept;
  // Null when answers are not limited.
  const Limiter* limiter() const;

  ServeCounts counts() const;  // any thread; since this Answerer was made

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace onoma::serve
