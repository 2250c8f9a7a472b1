// Outgoing: one transfer on its way to a secondary: AXFR (RFC 5936) or IXFR (RFC 1995), drawn message by
// message as the secondary takes them. It reads one immutable version from beginning to end, holds no lock
// and one message in memory. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "transfer/history.h"
#include "transfer/packer.h"
#include "transfer/tsig.h"
#include "zone/snapshot.h"

namespace onoma::transfer {

// Records in the order in which they are sent.
class RecordStream {
 public:
  virtual ~RecordStream() = default;
  // The next record, the same until advance(); null at the end.
  virtual const RecordView* peek() = 0;
  virtual void advance() = 0;
  // The end came too early: what was sent must not be believed.
  virtual bool failed() const { return false; }
};
// The SOA, every other record once in canonical order, NSEC3 chain and signatures included, and the SOA
// again.
std::unique_ptr<RecordStream> whole_zone(zone::SnapshotPtr snapshot);
// SOA(new), then of each step SOA(old), what is removed, SOA(next), what is added, and SOA(new). No steps:
// the one SOA that says "you are up to date".
std::unique_ptr<RecordStream> changes(zone::SnapshotPtr snapshot, std::vector<HistoryStepPtr> steps);

// What the answer repeats of its question.
struct OutgoingHead {
  std::uint16_t id = 0;
  wire::Name zone;
  wire::RRType type{};  // AXFR or IXFR
  bool recursion_desired = false;
  Bytes opt;  // complete record for the first message, or empty
};

inline constexpr std::size_t kTransferMessage =
    16'384;  // octets that a message aims at: all that pointers reach

class Outgoing {
 public:
  // `signer` is absent for requests without TSIG. The clock must outlive this.
  Outgoing(OutgoingHead head, std::unique_ptr<RecordStream> records, std::optional<TsigSigner> signer,
           const Clock& clock);

  // The next message of at most 65,535 octets; false at the end. A record that fits into no message, and a
  // version that cannot be read to its end, end the transfer with SERVFAIL.
  bool next(Bytes& message);
  // The whole answer in one message of at most `limit` octets, or nothing. Instead of next().
  std::optional<Bytes> whole(std::size_t limit);

  std::uint64_t messages() const { return messages_; }
  std::uint64_t octets() const { return octets_; }
  bool failed() const { return failed_; }

 private:
  void begin(Bytes& message, std::size_t wanted, std::size_t most);
  void finish(Bytes& message);

  OutgoingHead head_;
  std::unique_ptr<RecordStream> records_;
  std::optional<TsigSigner> signer_;
  const Clock& clock_;
  std::unique_ptr<Packer> packer_ = std::make_unique<Packer>();
  std::uint64_t messages_ = 0, octets_ = 0;
  bool failed_ = false;
};

}  // namespace onoma::transfer
