// Service: what a DNS door hands on: AXFR and IXFR requests, NOTIFY, and everything that is signed. It checks
// TSIG, asks the access rules, and makes the answer or the stream of answers. Any thread, but a Session
// belongs to one.
//
// Requests are answered in this order: form (FORMERR), signature (NOTAUTH with a TSIG error), access
// (REFUSED), zone (NOTAUTH, or SERVFAIL when it is not loaded), quota (SERVFAIL). AXFR over UDP is NOTIMP.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/bytes.h"
#include "base/time.h"
#include "os/address.h"
#include "os/stream_server.h"
#include "transfer/access.h"
#include "transfer/history.h"
#include "transfer/notify_in.h"
#include "transfer/tsig.h"
#include "wire/message.h"
#include "zone/snapshot.h"

namespace onoma::transfer {

class Outgoing;
struct OutgoingHead;

// A zone as it is served now.
struct ServedZone {
  enum class Status : std::uint8_t { unknown, not_loaded, loaded };
  Status status = Status::unknown;
  zone::SnapshotPtr snapshot;                 // set when loaded
  std::optional<std::uint32_t> expires_in_s;  // of a secondary (RFC 7314); absent: what the SOA says
};
using ZoneFinder = std::function<ServedZone(const wire::Name& apex)>;  // any thread

struct ServiceOptions {
  KeyRing keys;
  AccessList allow;  // who may have zones
  HistoryLimits history;
  std::size_t transfers_max = 64;  // at a time
  std::size_t transfers_per_connection = 4;
  std::uint16_t udp_limit = 1232;  // octets of the largest answer over UDP
};

struct ServiceCounts {
  std::uint64_t whole = 0, incremental = 0, up_to_date = 0;  // answered
  std::uint64_t refused = 0;                                 // by rules or for their signature
  std::uint64_t busy = 0;                                    // turned away by the quota
  std::uint64_t notifies = 0;                                // received
  std::uint64_t running = 0;                                 // transfers now
};

// A signed query of the ordinary kind: answer `packet`, then let answer() sign that.
class SignedQuery {
 public:
  SignedQuery(Bytes packet, const TsigCheck& check, std::size_t limit)
      : packet_(std::move(packet)), signer_(check), limit_(limit) {}
  const Bytes& packet() const { return packet_; }
  // Octets that the unsigned answer may have; at least 512, so that what comes may still be too much.
  std::size_t room() const;
  // The signed answer; cut to its question, with TC, where it would be too large.
  Bytes answer(ByteView unsigned_answer, Time now);

 private:
  Bytes packet_;
  TsigSigner signer_;
  std::size_t limit_;
};

// What becomes of a message. At most one member is set; none: it deserves no answer.
struct Handling {
  Bytes reply;
  os::MessageSource stream;  // over TCP: messages to be drawn
  std::optional<SignedQuery> query;
};

class Service {
 public:
  // The clock must outlive it.
  Service(ServiceOptions options, ZoneFinder find, const Clock& clock);
  ~Service();
  // Where NOTIFYs go; without it they are answered with NOTAUTH. Before anything is handled; must outlive
  // this.
  void notify_to(NotifyTarget& target) { notify_target_ = &target; }

  // A version is shown, or a zone is gone: for the history.
  void shown(const wire::Name& zone, const zone::Diff& diff) { history_.add(zone, diff); }
  void removed(const wire::Name& zone) { history_.forget(zone); }

  // Is this message for handle()? Cheap, and false for nearly all: plain queries.
  static bool concerns(ByteView message);

  // Transfers of the connections that one thread looks after.
  class Session {
   public:
    Session() : open_(std::make_shared<Open>()) {}

   private:
    friend class Service;
    using Open = std::unordered_map<os::Endpoint, std::size_t>;
    std::shared_ptr<Open> open_;
  };
  // REQUIRES: concerns(message). `session`: of the calling thread, for streams; null over UDP.
  Handling handle(ByteView message, const os::Endpoint& peer, Transport transport, Session* session);

  const KeyRing& keys() const { return options_.keys; }
  ServiceCounts counts() const;

 private:
  struct Request;
  struct Charge;
  struct Counters;
  Handling notify(const Request& request);
  Handling transfer(const Request& request, Session* session);
  Handling send(const Request& request, std::unique_ptr<Outgoing> outgoing, Session* session, bool whole,
                std::uint32_t serial);
  void tell_refused(const Request& request, std::string_view why);

  const ServiceOptions options_;
  const ZoneFinder find_;
  const Clock& clock_;
  NotifyTarget* notify_target_ = nullptr;
  History history_;
  std::shared_ptr<Counters> counters_;
  std::atomic<std::int64_t> told_at_{0};
};

}  // namespace onoma::transfer
