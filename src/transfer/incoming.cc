#include "transfer/incoming.h"

#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "wire/message.h"
#include "wire/rrtype.h"

namespace onoma::transfer {

using wire::RRClass;
using wire::RRType;

namespace {

constexpr std::size_t kRecordHeadOctets = 10;  // type, class, TTL, length
constexpr std::uint16_t kExpireOption = 9;     // RFC 7314

RRType type_of(TransferKind kind) {
  return kind == TransferKind::axfr ? RRType::AXFR : RRType::IXFR;
}

std::string rcode_text(unsigned rcode) {
  static constexpr std::string_view kNames[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                                "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                                "NXRRSET", "NOTAUTH", "NOTZONE"};
  return rcode < std::size(kNames) ? std::string(kNames[rcode]) : fmt::format("RCODE {}", rcode);
}

}  // namespace

Incoming::Incoming(TransferQuestion question, IncomingLimits limits, StreamCheck* check)
    : question_(std::move(question)), limits_(limits), check_(check) {
  CHECK(question_.kind == TransferKind::axfr || question_.have);
}

std::string Incoming::here() const {
  return fmt::format("{} {}: ", owner().text(), wire::type_text(type_));
}

std::expected<Incoming::Progress, TransferFault> Incoming::take(ByteView message) {
  CHECK(state_ != State::done && state_ != State::failed);
  if (auto step = read(message); !step) {
    state_ = State::failed;
    outcome_ = {};
    return std::unexpected(std::move(step).error());
  }
  return state_ == State::done ? Progress::done : Progress::more;
}

std::expected<void, TransferFault> Incoming::end() const {
  if (state_ == State::done) return {};
  if (outcome_.messages == 0)
    return fault(FaultKind::truncated, "the connection was closed without an answer");
  return fault(FaultKind::truncated,
               fmt::format("the stream ended after {} messages and {} records, before the closing SOA record",
                           outcome_.messages, outcome_.records));
}

Incoming::Step Incoming::read(ByteView message) {
  ++outcome_.messages;
  outcome_.octets += message.size();
  if (outcome_.octets > limits_.octets_max)
    return fault(
        FaultKind::too_large,
        fmt::format("more than {} octets; raise the limit if the zone is that large", limits_.octets_max));
  bool vouched = true;
  if (check_ != nullptr) {
    auto checked = check_->next(message);
    if (!checked) return fault(FaultKind::not_authentic, std::move(checked).error().message);
    vouched = *checked;
  }
  const auto header = wire::Header::read(message);
  if (!header) return fault(FaultKind::malformed, "a message of less than 12 octets");
  if (header->id != question_.id)
    return fault(FaultKind::mismatch, "a message with an id that was not asked with");
  if (!header->qr() || header->opcode() != wire::Opcode::query)
    return fault(FaultKind::mismatch, "a message that is no answer to a query");
  if (header->rcode() != 0)
    return fault(FaultKind::refused, fmt::format("the primary answered {}", rcode_text(header->rcode())));
  if (header->tc()) return fault(FaultKind::malformed, "a truncated message (TC) in a stream");
  auto at = wire::kHeaderOctets;
  if (auto step = question(message, at, header->qdcount); !step) return step;
  if (header->ancount == 0) return fault(FaultKind::contradictory, "a message without records in a transfer");
  for (unsigned i = 0; i < header->ancount; ++i) {
    if (state_ == State::done)
      return fault(FaultKind::contradictory, "records behind the closing SOA record");
    if (auto step = answer(message, at); !step) return step;
  }
  if (auto step = rest(message, at, unsigned{header->nscount} + header->arcount); !step) return step;
  // RFC 1995 §4: one SOA that is no newer than ours is the whole answer.
  if (state_ == State::opened && header->ancount == 1 && outcome_.messages == 1 &&
      !wire::serial_newer(outcome_.soa.serial, *question_.have)) {
    outcome_.kind = IncomingOutcome::Kind::up_to_date;
    state_ = State::done;
  }
  if (state_ == State::done && !vouched)
    return fault(FaultKind::not_authentic, "the last message of the transfer is not signed");
  return {};
}

// The first message repeats what was asked, later ones may (RFC 5936 §2.2.2).
Incoming::Step Incoming::question(ByteView message, std::size_t& at, std::uint16_t count) {
  if (count == 0 && outcome_.messages > 1) return {};
  if (count != 1) return fault(FaultKind::mismatch, fmt::format("a message with {} questions", count));
  const auto size = wire::read_name(message, at, owner_octets_);
  if (!size || message.size() - at < 4) return fault(FaultKind::malformed, "a question that cannot be read");
  owner_size_ = *size;
  const auto type = static_cast<RRType>(load_u16(&message[at]));
  const auto rr_class = static_cast<RRClass>(load_u16(&message[at + 2]));
  at += 4;
  if (!wire::equal(owner(), question_.zone) || type != type_of(question_.kind) || rr_class != RRClass::IN)
    return fault(FaultKind::mismatch,
                 fmt::format("an answer to another question: {} {}", owner().text(), wire::type_text(type)));
  return {};
}

std::expected<Incoming::Head, TransferFault> Incoming::head(ByteView message, std::size_t& at) {
  const auto size = wire::read_name(message, at, owner_octets_);
  if (!size || message.size() - at < kRecordHeadOctets)
    return fault(FaultKind::malformed, "a record that cannot be read");
  owner_size_ = *size;
  Head out{.type = static_cast<RRType>(load_u16(&message[at])),
           .ttl = load_u32(&message[at + 4]),
           .data_at = at + kRecordHeadOctets,
           .data_size = load_u16(&message[at + 8])};
  type_ = out.type;
  if (message.size() - out.data_at < out.data_size)
    return fault(FaultKind::malformed, here() + "the data end behind the message");
  at = out.data_at + out.data_size;
  return out;
}

Incoming::Step Incoming::answer(ByteView message, std::size_t& at) {
  if (++outcome_.records > limits_.records_max)
    return fault(
        FaultKind::too_large,
        fmt::format("more than {} records; raise the limit if the zone is that large", limits_.records_max));
  const auto found = head(message, at);
  if (!found) return std::unexpected(found.error());
  const auto rr_class = static_cast<RRClass>(load_u16(&message[found->data_at - kRecordHeadOctets + 2]));
  if (rr_class != RRClass::IN)
    return fault(FaultKind::contradictory,
                 fmt::format("{}a record of class {}", here(), static_cast<unsigned>(rr_class)));
  if (wire::is_meta_type(found->type))
    return fault(FaultKind::contradictory, here() + "a type that exists in messages only");
  if (!owner().is_at_or_below(question_.zone))
    return fault(FaultKind::contradictory, here() + "this name is outside the zone");
  auto data = wire::read_rdata(message, found->data_at, found->data_size, found->type);
  if (!data) return fault(FaultKind::malformed, here() + "the data do not have the form of this type");
  return record(*found, std::move(*data));
}

// Authority and additional say nothing about a zone (RFC 5936 §2.2.5); they must be well-formed.
Incoming::Step Incoming::rest(ByteView message, std::size_t& at, unsigned records) {
  for (unsigned i = 0; i < records; ++i) {
    const auto found = head(message, at);
    if (!found) return std::unexpected(found.error());
    if (found->type != RRType::OPT) continue;
    ByteReader options(message.subspan(found->data_at, found->data_size));
    while (!options.done()) {
      const auto code = options.u16();
      const auto size = options.u16();
      const auto value = size ? options.bytes(*size) : std::nullopt;
      if (!value) return fault(FaultKind::malformed, "EDNS options that cannot be read");
      if (*code == kExpireOption && value->size() == 4) outcome_.expire_s = load_u32(value->data());
    }
  }
  if (at != message.size()) return fault(FaultKind::malformed, "octets behind the last record of a message");
  return {};
}

Incoming::Step Incoming::record(const Head& head, Bytes data) {
  if (head.type == RRType::SOA) return soa(head, data);
  switch (state_) {
    case State::opening:
      return fault(FaultKind::contradictory, here() + "a transfer must begin with the zone's SOA record");
    case State::opened:  // the whole zone as an answer to IXFR
      if (!wire::serial_newer(outcome_.soa.serial, *question_.have))
        return fault(FaultKind::not_newer, fmt::format("a whole zone of serial {}, and {} is served here",
                                                       outcome_.soa.serial, *question_.have));
      state_ = State::whole;
      [[fallthrough]];
    case State::whole:
      return keep(head, data);
    case State::removing:
    case State::adding: {
      auto& step = outcome_.steps.back();
      auto& to = state_ == State::removing ? step.removed : step.added;
      to.push_back({.owner = wire::Name(owner()),
                    .type = head.type,
                    .rr_class = RRClass::IN,
                    .ttl = head.ttl,
                    .rdata = std::move(data)});
      return {};
    }
    case State::done:
    case State::failed:
      break;
  }
  return fault(FaultKind::contradictory, here() + "a record behind the end");
}

Incoming::Step Incoming::keep(const Head& head, ByteView data) {
  auto& chunks = outcome_.chunks;
  if (chunks.empty()) {
    // The SOA that opened the transfer; the one that closes it is the same.
    chunks.emplace_back(question_.zone);
    if (auto put = chunks.back().put_valid(question_.zone, RRType::SOA, opening_ttl_, opening_); !put)
      return fault(FaultKind::contradictory, std::move(put).error().message);
  }
  if (chunks.back().records() >= limits_.chunk_records) chunks.emplace_back(question_.zone);
  if (auto put = chunks.back().put_valid(owner(), head.type, head.ttl, data); !put)
    return fault(FaultKind::contradictory, std::move(put).error().message);
  return {};
}

Incoming::Step Incoming::opening_soa(const Head& head, const Bytes& data) {
  auto read = wire::Soa::read(data);
  if (!read) return fault(FaultKind::malformed, here() + "the data do not have the form of this type");
  outcome_.soa = std::move(*read);
  opening_ = data;
  opening_ttl_ = head.ttl;
  const bool incremental = question_.kind == TransferKind::ixfr;
  if (!incremental && question_.have && !wire::serial_newer(outcome_.soa.serial, *question_.have))
    return fault(FaultKind::not_newer, fmt::format("a whole zone of serial {}, and {} is served here",
                                                   outcome_.soa.serial, *question_.have));
  outcome_.kind = IncomingOutcome::Kind::whole;
  state_ = incremental ? State::opened : State::whole;
  return {};
}

Incoming::Step Incoming::begin_step(const wire::Soa& from, std::uint32_t ttl) {
  if (outcome_.steps.empty()) {
    if (from.serial != *question_.have)
      return fault(FaultKind::contradictory, fmt::format("changes from serial {}, and {} is served here",
                                                         from.serial, *question_.have));
    if (!wire::serial_newer(outcome_.soa.serial, from.serial))
      return fault(FaultKind::not_newer, fmt::format("changes from serial {} to {}, which is no newer",
                                                     from.serial, outcome_.soa.serial));
  } else if (from.serial != outcome_.steps.back().to.serial) {
    return fault(FaultKind::contradictory, fmt::format("changes from serial {} behind those that lead to {}",
                                                       from.serial, outcome_.steps.back().to.serial));
  }
  outcome_.kind = IncomingOutcome::Kind::steps;
  outcome_.steps.push_back(
      {.from = from, .to = {}, .from_ttl = ttl, .to_ttl = 0, .removed = {}, .added = {}});
  state_ = State::removing;
  return {};
}

Incoming::Step Incoming::soa(const Head& head, const Bytes& data) {
  if (!wire::equal(owner(), question_.zone))
    return fault(FaultKind::contradictory, here() + "a SOA record below the zone's own name");
  if (state_ == State::opening) return opening_soa(head, data);
  if (state_ == State::whole) {
    if (data != opening_ || head.ttl != opening_ttl_)
      return fault(FaultKind::contradictory,
                   "the SOA record that closes the transfer is not the one that opened it");
    if (outcome_.chunks.empty()) return fault(FaultKind::contradictory, "a zone of nothing but a SOA record");
    state_ = State::done;
    return {};
  }
  auto read = wire::Soa::read(data);
  if (!read) return fault(FaultKind::malformed, here() + "the data do not have the form of this type");
  if (state_ == State::opened) return begin_step(*read, head.ttl);
  auto& step = outcome_.steps.back();
  if (state_ == State::removing) {
    if (!wire::serial_newer(read->serial, step.from.serial))
      return fault(FaultKind::contradictory, fmt::format("changes from serial {} to {}, which is no newer",
                                                         step.from.serial, read->serial));
    step.to = std::move(*read);
    step.to_ttl = head.ttl;
    state_ = State::adding;
    return {};
  }
  if (step.to.serial != outcome_.soa.serial) return begin_step(*read, head.ttl);
  if (data != opening_ || step.to.rdata() != outcome_.soa.rdata())
    return fault(FaultKind::contradictory,
                 "the SOA record that closes the transfer is not the one that opened it");
  state_ = State::done;
  return {};
}

}  // namespace onoma::transfer
