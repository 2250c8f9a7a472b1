#include "transfer/service.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/metrics.h"
#include "transfer/outgoing.h"
#include "wire/message_reader.h"
#include "wire/rdata.h"

namespace onoma::transfer {

using wire::Name;
using wire::Opcode;
using wire::Rcode;
using wire::RRClass;
using wire::RRType;

namespace {

constexpr std::uint16_t kFlagQr = 0x8000, kFlagAa = 0x0400, kFlagTc = 0x0200, kFlagRd = 0x0100,
                        kOpcodeBits = 0x7800;
constexpr std::uint16_t kOptionEde = 15, kOptionExpire = 9;
constexpr std::uint16_t kOurUdpSize = 1232;
constexpr std::size_t kMessageMax = 65535;
constexpr std::size_t kSmallest = 512;  // what every client of UDP takes
constexpr std::size_t kErrorOctets = 1024;

// EDE info codes (RFC 8914).
constexpr int kNoEde = -1, kNotReady = 14, kProhibited = 18, kNotAuthoritative = 20, kNotSupported = 21;

bool asks_expire(const std::optional<wire::Edns>& edns) {
  if (!edns) return false;
  ByteReader options(edns->options);
  while (!options.done()) {
    const auto code = options.u16();
    const auto size = options.u16();
    if (!code || !size || !options.bytes(*size)) return false;
    if (*code == kOptionExpire) return true;
  }
  return false;
}

// A complete OPT record.
Bytes opt_record(const wire::Edns& edns, ByteView options) {
  Bytes octets;
  ByteWriter out(octets);
  out.u8(0);
  out.u16(number(RRType::OPT));
  out.u16(kOurUdpSize);
  out.u32(edns.dnssec_ok ? 0x8000U : 0U);
  out.u16(static_cast<std::uint16_t>(options.size()));
  out.bytes(options);
  return octets;
}

std::string_view text_of(Transport transport) {
  switch (transport) {
    case Transport::udp:
      return "UDP";
    case Transport::tcp:
      return "TCP";
    case Transport::tls:
      return "TLS";
  }
  return "";
}

}  // namespace

// A message that was read.
struct Service::Request {
  const os::Endpoint& peer;
  Transport transport;
  ByteView message;
  wire::Query query;
  TsigCheck check;
  Time now;

  Requester requester() const {
    return {.address = peer.address_bytes(), .transport = transport, .key = check.key.get()};
  }
  std::size_t limit(std::size_t udp_limit) const {
    if (transport != Transport::udp) return kMessageMax;
    const std::size_t client = query.edns ? query.edns->udp_size : kSmallest;
    return std::min(std::max(kSmallest, client), udp_limit);
  }
  std::optional<TsigSigner> signer() const {
    using Verdict = TsigCheck::Verdict;
    if (check.verdict == Verdict::good || check.verdict == Verdict::refused) return TsigSigner(check);
    return std::nullopt;
  }

  Handling answer(Rcode rcode, int ede = kNoEde, std::uint16_t more_flags = 0) const {
    Handling out;
    out.reply.resize(kErrorOctets);
    wire::Writer writer(out.reply, kErrorOctets);
    const auto& header = query.header;
    writer.set_header(header.id, static_cast<std::uint16_t>(
                                     kFlagQr | (header.flags & (kOpcodeBits | kFlagRd)) | more_flags));
    writer.set_rcode(rcode);
    if (query.has_question) writer.add_question(query.qname(), query.qtype, query.qclass);
    if (query.edns) {
      Bytes options;
      ByteWriter option(options);
      if (ede != kNoEde) {
        option.u16(kOptionEde);
        option.u16(2);
        option.u16(static_cast<std::uint16_t>(ede));
      }
      writer.add_opt(kOurUdpSize, query.edns->dnssec_ok, rcode, options);
    }
    out.reply.resize(writer.finish().size());
    if (auto sign = signer(); sign && !sign->sign(out.reply, now)) out.reply.clear();
    return out;
  }
};

struct Service::Counters {
  std::atomic<std::uint64_t> whole{0}, incremental{0}, up_to_date{0}, refused{0}, busy{0}, notifies{0};
  std::atomic<std::size_t> running{0};
};

// A transfer's place among those that run at a time.
struct Service::Charge {
  std::shared_ptr<Counters> counters;
  std::shared_ptr<Session::Open> open;
  os::Endpoint peer;

  Charge(std::shared_ptr<Counters> all, std::shared_ptr<Session::Open> mine, const os::Endpoint& from)
      : counters(std::move(all)), open(std::move(mine)), peer(from) {
    counters->running.fetch_add(1, std::memory_order_relaxed);
    ++(*open)[peer];
  }
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;
  ~Charge() {
    counters->running.fetch_sub(1, std::memory_order_relaxed);
    if (const auto found = open->find(peer); found != open->end() && --found->second == 0) open->erase(found);
  }
};

std::size_t SignedQuery::room() const {
  return std::max(kSmallest, limit_ > signer_.octets() ? limit_ - signer_.octets() : 0);
}

Bytes SignedQuery::answer(ByteView unsigned_answer, Time now) {
  Bytes out(unsigned_answer.begin(), unsigned_answer.end());
  if (out.size() < wire::kHeaderOctets) return {};
  if (out.size() + signer_.octets() > limit_) {
    wire::Query question;
    static_cast<void>(wire::read_query(packet_, question));
    const auto flags = static_cast<std::uint16_t>(load_u16(&unsigned_answer[2]) | kFlagTc);
    out.resize(kErrorOctets);
    wire::Writer cut(out, kErrorOctets);
    cut.set_header(load_u16(unsigned_answer.data()), flags);
    if (question.has_question) cut.add_question(question.qname(), question.qtype, question.qclass);
    out.resize(cut.finish().size());
  }
  if (!signer_.sign(out, now)) return {};
  return out;
}

Service::Service(ServiceOptions options, ZoneFinder find, const Clock& clock)
    : options_(std::move(options)),
      find_(std::move(find)),
      clock_(clock),
      history_(options_.history),
      counters_(std::make_shared<Counters>()) {}
Service::~Service() = default;

bool Service::concerns(ByteView message) {
  const auto header = wire::Header::read(message);
  if (!header || header->qr()) return false;
  if (header->opcode() == Opcode::notify) return true;
  if (header->qdcount != 1) return wire::carries_tsig(message);
  std::size_t at = wire::kHeaderOctets;
  while (at < message.size() && message[at] != 0 && message[at] < 64) at += 1U + message[at];
  if (message.size() < at + 5 || message[at] != 0) return false;  // no question that could be answered
  const auto type = RRType{load_u16(&message[at + 1])};
  if (header->opcode() == Opcode::query && (type == RRType::AXFR || type == RRType::IXFR)) return true;
  if (header->arcount == 0) return false;
  // Nearly every query has an OPT behind the question, and nothing else.
  at += 5;
  if (header->arcount == 1 && header->ancount == 0 && header->nscount == 0 && message.size() >= at + 3 &&
      message[at] == 0 && RRType{load_u16(&message[at + 1])} == RRType::OPT)
    return false;
  return wire::carries_tsig(message);
}

void Service::tell_refused(const Request& request, std::string_view why) {
  counters_->refused.fetch_add(1, std::memory_order_relaxed);
  add(Metric::onoma_transfers_refused_total);
  // One line a second, whoever asks.
  const auto now = unix_seconds(request.now);
  if (told_at_.exchange(now, std::memory_order_relaxed) == now) return;
  const auto& query = request.query;
  log::warning("transfer", fmt::format("{}: {} over {} from {} refused: {}",
                                       query.has_question ? query.qname().text() : std::string("?"),
                                       query.header.opcode() == Opcode::notify ? "NOTIFY"
                                       : query.qtype == RRType::AXFR           ? "AXFR"
                                       : query.qtype == RRType::IXFR           ? "IXFR"
                                                                               : "signed request",
                                       text_of(request.transport), request.peer.text(), why));
}

Handling Service::handle(ByteView message, const os::Endpoint& peer, Transport transport, Session* session) {
  Request request{.peer = peer,
                  .transport = transport,
                  .message = message,
                  .query = {},
                  .check = {},
                  .now = clock_.now()};
  const auto error = wire::read_query(message, request.query);
  if (error == wire::WireError::bad_header || peer.port() == 0) return {};
  if (error) return request.answer(Rcode::formerr);
  request.check = check_request(message, options_.keys, request.now);
  switch (request.check.verdict) {
    case TsigCheck::Verdict::malformed:
      return request.answer(Rcode::formerr);
    case TsigCheck::Verdict::refused: {
      const auto wrong = request.check.tsig.error;
      tell_refused(request,
                   fmt::format("key {}: {}", request.check.tsig.key.text(),
                               wrong == wire::TsigError::badkey ? "unknown, or of another algorithm (BADKEY)"
                               : wrong == wire::TsigError::badsig  ? "the signature is wrong (BADSIG)"
                               : wrong == wire::TsigError::badtime ? "the clocks differ (BADTIME)"
                                                                   : "the MAC is cut short (BADTRUNC)"));
      return request.answer(Rcode::notauth);
    }
    default:
      break;
  }
  const auto& query = request.query;
  if (query.edns && query.edns->version > 0) return request.answer(Rcode::badvers);
  if (query.header.opcode() == Opcode::notify) return notify(request);
  if (query.header.opcode() == Opcode::query && (query.qtype == RRType::AXFR || query.qtype == RRType::IXFR))
    return transfer(request, session);
  if (request.check.verdict != TsigCheck::Verdict::good) return {};
  Handling out;
  Bytes packet(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(request.check.size));
  store_u16(&packet[10], static_cast<std::uint16_t>(query.header.arcount - 1));
  out.query.emplace(std::move(packet), request.check, request.limit(options_.udp_limit));
  return out;
}

Handling Service::notify(const Request& request) {
  const auto& query = request.query;
  counters_->notifies.fetch_add(1, std::memory_order_relaxed);
  if (query.qclass != RRClass::IN) return request.answer(Rcode::formerr);
  if (query.qtype != RRType::SOA) return request.answer(Rcode::notimp, kNotSupported);
  const auto whole = wire::read_message(request.message);
  if (!whole) return request.answer(Rcode::formerr);
  if (notify_target_ == nullptr) return request.answer(Rcode::notauth, kNotAuthoritative);
  std::optional<std::uint32_t> serial;
  for (const auto& record : whole->answers)
    if (record.type == RRType::SOA && record.rr_class == RRClass::IN &&
        equal(record.owner.view(), query.qname()))
      serial = wire::soa_serial(record.rdata);
  const auto* key = request.check.key ? &request.check.key->name() : nullptr;
  switch (notify_target_->notify(query.qname(), request.peer, key, serial)) {
    case NotifyVerdict::accepted:
      return request.answer(Rcode::noerror, kNoEde, kFlagAa);
    case NotifyVerdict::not_secondary:
      return request.answer(Rcode::notauth, kNotAuthoritative);
    case NotifyVerdict::refused:
      break;
  }
  tell_refused(request, "not from one of the zone's primaries, or not signed with its key");
  return request.answer(Rcode::refused, kProhibited);
}

Handling Service::transfer(const Request& request, Session* session) {
  const auto& query = request.query;
  const bool is_axfr = query.qtype == RRType::AXFR;
  if (query.qclass != RRClass::IN) return request.answer(Rcode::refused, kProhibited);
  if (is_axfr && request.transport == Transport::udp) return request.answer(Rcode::notimp, kNotSupported);
  const Name zone(query.qname());
  if (!options_.allow.allows(request.requester(), zone)) {
    tell_refused(request, request.check.key
                              ? fmt::format("no rule for key {}", request.check.key->name().text())
                              : std::string("no rule, and no key"));
    return request.answer(Rcode::refused, kProhibited);
  }
  std::optional<std::uint32_t> have;
  if (!is_axfr) {
    const auto whole = wire::read_message(request.message);
    if (!whole || whole->authority.size() != 1 || whole->authority.front().type != RRType::SOA ||
        whole->authority.front().owner != zone)
      return request.answer(Rcode::formerr);
    have = wire::soa_serial(whole->authority.front().rdata);
  }
  auto served = find_(zone);
  if (served.status == ServedZone::Status::unknown) return request.answer(Rcode::notauth, kNotAuthoritative);
  if (served.status != ServedZone::Status::loaded || !served.snapshot)
    return request.answer(Rcode::servfail, kNotReady);

  const auto& snapshot = served.snapshot;
  const auto serial = snapshot->facts().serial;
  OutgoingHead head{.id = query.header.id,
                    .zone = zone,
                    .type = query.qtype,
                    .recursion_desired = query.header.rd(),
                    .opt = {}};
  if (query.edns) {
    Bytes options;
    ByteWriter option(options);
    if (asks_expire(query.edns)) {
      auto expire = served.expires_in_s;
      if (const auto soa = snapshot->apex().find(RRType::SOA); !expire && soa && !soa->rdatas().empty())
        if (const auto read = wire::Soa::read(soa->rdatas().front())) expire = read->expire_s;
      option.u16(kOptionExpire);
      option.u16(expire ? 4 : 0);
      if (expire) option.u32(*expire);
    }
    head.opt = opt_record(*query.edns, options);
  }
  const auto outgoing = [&](std::unique_ptr<RecordStream> records) {
    return std::make_unique<Outgoing>(head, std::move(records), request.signer(), clock_);
  };
  const auto only_soa = [&]() -> Handling {
    Handling out;
    if (auto whole = outgoing(changes(snapshot, {}))->whole(kMessageMax)) out.reply = *std::move(whole);
    return out;
  };
  if (is_axfr) return send(request, outgoing(whole_zone(snapshot)), session, true, serial);
  if (!wire::serial_newer(serial, *have)) {
    counters_->up_to_date.fetch_add(1, std::memory_order_relaxed);
    return only_soa();
  }
  auto steps = history_.steps(zone, *have, *snapshot);
  if (request.transport == Transport::udp) {
    // What does not fit, or is the whole zone, is fetched over TCP: the SOA alone says so (RFC 1995 §2).
    if (!steps.empty())
      if (auto whole =
              outgoing(changes(snapshot, std::move(steps)))->whole(request.limit(options_.udp_limit))) {
        counters_->incremental.fetch_add(1, std::memory_order_relaxed);
        Handling out;
        out.reply = *std::move(whole);
        return out;
      }
    return only_soa();
  }
  if (steps.empty()) return send(request, outgoing(whole_zone(snapshot)), session, true, serial);
  return send(request, outgoing(changes(snapshot, std::move(steps))), session, false, serial);
}

Handling Service::send(const Request& request, std::unique_ptr<Outgoing> outgoing, Session* session,
                       bool whole, std::uint32_t serial) {
  if (session == nullptr) return {};
  const auto mine = session->open_->find(request.peer);
  if (counters_->running.load(std::memory_order_relaxed) >= options_.transfers_max ||
      (mine != session->open_->end() && mine->second >= options_.transfers_per_connection)) {
    counters_->busy.fetch_add(1, std::memory_order_relaxed);
    return request.answer(Rcode::servfail);
  }
  (whole ? counters_->whole : counters_->incremental).fetch_add(1, std::memory_order_relaxed);
  add(Metric::onoma_transfers_out_total);
  auto what = fmt::format(
      "{}: {}{} to {} over {}{}, serial {}", request.query.qname().text(),
      request.query.qtype == RRType::AXFR ? "AXFR" : "IXFR",
      whole && request.query.qtype == RRType::IXFR ? " (whole zone)" : "", request.peer.text(),
      text_of(request.transport),
      request.check.key ? fmt::format(", key {}", request.check.key->name().text()) : std::string(), serial);
  Handling out;
  out.stream = [outgoing = std::move(outgoing), what = std::move(what), begun = clock_.steady(),
                &clock = clock_,
                charge = std::make_unique<Charge>(counters_, session->open_, request.peer)](Bytes& next) {
    if (outgoing->next(next)) {
      add(Metric::onoma_transfers_out_octets_total, next.size());
      return true;
    }
    if (outgoing->failed())
      log::error("transfer",
                 fmt::format("{}: given up: the version cannot be read to its end, or a record fits into "
                             "no message; see `onoma zone verify`",
                             what));
    else
      log::info("transfer", fmt::format("{}: {} octets in {} messages, {} ms", what, outgoing->octets(),
                                        outgoing->messages(), (clock.steady() - begun).count() / 1000));
    return false;
  };
  return out;
}

ServiceCounts Service::counts() const {
  const auto& c = *counters_;
  return {.whole = c.whole.load(),
          .incremental = c.incremental.load(),
          .up_to_date = c.up_to_date.load(),
          .refused = c.refused.load(),
          .busy = c.busy.load(),
          .notifies = c.notifies.load(),
          .running = c.running.load()};
}

}  // namespace onoma::transfer
