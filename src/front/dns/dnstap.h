// Dnstap: what the server is asked and answers, as a stream of dnstap messages in Frame Streams, over a UNIX
// socket on which a reader listens, or into a file.
//
// A worker hands frames to a queue of its own and never waits: a thread of the library writes them. A frame
// for which the queue has no room is dropped and counted (onoma_dnstap_dropped_total); while no reader is
// connected, the library takes frames and throws them away. tap() allocates nothing; frames lie in a ring of
// fixed size that the writing thread gives back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "front/dns/dnstap_anonymise.h"
#include "front/dns/dnstap_message.h"

namespace onoma::front {

struct DnstapOptions {
  std::string socket;  // path of a UNIX socket on which the reader listens
  std::string file;    // or a file, written anew; one of the two
  std::string identity, version;
  std::uint32_t sample = 1;  // one query of so many, and its answer
  bool queries = true, responses = true;
  Anonymity anonymity = Anonymity::none;
  std::optional<crypto::SipKey> key;   // of Anonymity::permuted; absent: drawn at every start
  std::size_t queue_octets = 1 << 20;  // of each worker
};

// One packet and its answer.
struct DnstapExchange {
  serve::Transport transport = serve::Transport::udp;
  ByteView peer;  // 4 or 16 octets
  std::uint16_t peer_port = 0;
  ByteView local;  // empty: unknown
  std::uint16_t local_port = 0;
  Time received, sent;
  ByteView query, answer;  // answer empty: there was none
  ByteView zone;           // in wire form; empty: none
};

// One worker's end. tap() is called by its worker only.
class DnstapTap {
 public:
  ~DnstapTap();
  // True for the exchanges that are sampled: asked first, so that the others cost one comparison.
  bool wants() noexcept {
    if (--until_ != 0) return false;
    until_ = sample_;
    return true;
  }
  void tap(const DnstapExchange& exchange) noexcept;

 private:
  friend class Dnstap;
  struct Ring;
  DnstapTap(class Dnstap& owner, void* queue);
  void submit(DnstapMessage& message) noexcept;

  Dnstap& owner_;
  void* queue_;
  std::uint32_t sample_, until_ = 1;
  Anonymiser anonymiser_;
  std::unique_ptr<Ring> ring_;
};

class Dnstap {
 public:
  // Opens the writing thread with a queue for each of `workers`. A socket without a reader is no error: it is
  // tried again every few seconds. A file that cannot be written, or both or neither of socket and file, is.
  static Result<std::unique_ptr<Dnstap>> open(DnstapOptions options, std::size_t workers, Rng& rng);
  // Writes what is queued. The workers must have stopped.
  ~Dnstap();

  DnstapTap& tap(std::size_t worker) { return *taps_[worker]; }
  std::uint64_t dropped() const;  // any thread

 private:
  friend class DnstapTap;
  struct Writer;
  explicit Dnstap(DnstapOptions options);
  DnstapOptions options_;
  std::vector<std::unique_ptr<DnstapTap>> taps_;  // outlives the writer: it gives frames back
  std::unique_ptr<Writer> writer_;
};

}  // namespace onoma::front
