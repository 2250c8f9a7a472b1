// Incoming: the answer to AXFR or IXFR (RFC 5936, RFC 1995), message by message, as a state machine without
// sockets, clock or threads. The primary is hostile until its answer is whole: nothing of it is given out
// before the closing SOA was seen, and with a key not before the message that carries it was found to be
// signed.
//
// One caller at a time. take() is given whole messages in order of arrival; after an error, or once it has
// said `done`, it is not to be called again. What came is then in outcome().
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "wire/name.h"
#include "wire/rdata.h"
#include "wire/rrset.h"
#include "zone/record_chunk.h"

namespace onoma::transfer {

enum class FaultKind : std::uint8_t {
  unreachable,    // no connection, or silence
  truncated,      // the stream ended before the transfer did
  malformed,      // octets that are no message, or no record of their type
  mismatch,       // not the answer to what was asked
  refused,        // an RCODE other than NOERROR
  contradictory,  // what is said cannot be a zone, or a change of the one we have
  not_newer,      // a whole zone that is no newer than ours
  too_large,      // a limit was passed
  not_authentic,  // the signature is bad or missing
  not_accepted,   // whole, but the zone's gate refused it, or it could not be stored
};

// Why a transfer came to nothing; `what` is a sentence for people, without the primary's name.
struct TransferFault {
  FaultKind kind{};
  std::string what;
};
inline std::unexpected<TransferFault> fault(FaultKind kind, std::string what) {
  return std::unexpected(TransferFault{kind, std::move(what)});
}

struct IncomingLimits {
  std::uint64_t octets_max = std::uint64_t{8} << 30;  // of messages
  std::uint64_t records_max = 200'000'000;
  std::size_t set_records_max = 4'000;  // of one owner and type, and as many signatures
  std::size_t owner_types_max = 200;
  std::size_t chunk_records = 250'000;  // a zone comes in pieces of so many, to be sorted side by side
};

// Who vouches for the messages of a stream (TSIG, RFC 8945 §5.3.1).
class StreamCheck {
 public:
  virtual ~StreamCheck() = default;
  // True: this message and all before it are authentic. False: this one is not signed, a later one must vouch
  // for it. An error ends the transfer.
  virtual Result<bool> next(ByteView message) = 0;
};

enum class TransferKind : std::uint8_t { axfr, ixfr };

// What was asked.
struct TransferQuestion {
  wire::Name zone;
  TransferKind kind = TransferKind::axfr;
  std::uint16_t id = 0;
  // Serial of the version that we have: IXFR starts from it, and a whole zone must be newer. REQUIRES: set
  // for IXFR.
  std::optional<std::uint32_t> have;
};

// From one serial to the next; the SOA records are not among the records.
struct IxfrStep {
  wire::Soa from, to;
  std::uint32_t from_ttl = 0, to_ttl = 0;
  std::vector<wire::Record> removed, added;
};

struct IncomingOutcome {
  enum class Kind : std::uint8_t { up_to_date, whole, steps };
  Kind kind{};
  wire::Soa soa;                          // the newest
  std::vector<zone::RecordChunk> chunks;  // whole: not sorted, one SOA among them
  std::vector<IxfrStep> steps;            // steps: at least one, each from where the one before ends
  std::uint64_t records = 0, octets = 0, messages = 0;
  std::optional<std::uint32_t> expire_s;  // EDNS EXPIRE of the answer (RFC 7314)
};

class Incoming {
 public:
  enum class Progress : std::uint8_t { more, done };

  // `check` (null: nobody vouches) must outlive this.
  explicit Incoming(TransferQuestion question, IncomingLimits limits = {}, StreamCheck* check = nullptr);

  std::expected<Progress, TransferFault> take(ByteView message);
  // The stream has ended. An error unless the transfer is done.
  std::expected<void, TransferFault> end() const;
  bool done() const { return state_ == State::done; }
  // REQUIRES: done(). Moves out.
  IncomingOutcome outcome() { return std::move(outcome_); }

 private:
  enum class State : std::uint8_t {
    opening,   // nothing yet
    opened,    // IXFR: the first SOA was seen; the next record decides what this is
    whole,     // records of a zone
    removing,  // of an IxfrStep
    adding,
    done,
    failed,
  };
  struct Head {
    wire::RRType type{};
    std::uint32_t ttl = 0;
    std::size_t data_at = 0, data_size = 0;
  };
  using Step = std::expected<void, TransferFault>;

  Step read(ByteView message);
  Step question(ByteView message, std::size_t& at, std::uint16_t count);
  Step answer(ByteView message, std::size_t& at);
  std::expected<Head, TransferFault> head(ByteView message, std::size_t& at);
  Step record(const Head& head, Bytes data);
  Step soa(const Head& head, const Bytes& data);
  Step opening_soa(const Head& head, const Bytes& data);
  Step begin_step(const wire::Soa& from, std::uint32_t ttl);
  Step keep(const Head& head, ByteView data);
  Step rest(ByteView message, std::size_t& at, unsigned records);
  wire::NameView owner() const { return wire::NameView::trusted({owner_octets_, owner_size_}); }
  std::string here() const;  // "example. A: "

  const TransferQuestion question_;
  const IncomingLimits limits_;
  StreamCheck* const check_;
  State state_ = State::opening;
  Bytes opening_;  // data of the first SOA
  std::uint32_t opening_ttl_ = 0;
  IncomingOutcome outcome_;
  std::uint8_t owner_octets_[wire::kMaxNameOctets] = {};  // of the record being read
  std::size_t owner_size_ = 0;
  wire::RRType type_{};
};

}  // namespace onoma::transfer
