#include "transfer/primary.h"

#include <utility>

#include <fmt/format.h>

#include "wire/message_reader.h"

namespace onoma::transfer {

using wire::RRClass;
using wire::RRType;

namespace {

constexpr std::uint16_t kUdpSize = 1232;
constexpr std::uint8_t kExpireEmpty[] = {0, 9, 0, 0};
constexpr std::uint16_t kExpireOption = 9;

std::string text_of(TsigFault fault, const TsigVerifier& verifier) {
  if (fault != TsigFault::peer_error) return fmt::format("TSIG: {}", describe(fault));
  switch (verifier.peer_error()) {
    case wire::TsigError::badsig:
      return "TSIG: the primary says BADSIG: it has another secret for this key";
    case wire::TsigError::badkey:
      return "TSIG: the primary says BADKEY: it does not know this key, or knows it with another algorithm";
    case wire::TsigError::badtime:
      return "TSIG: the primary says BADTIME: its clock and ours differ";
    default:
      return fmt::format("TSIG: the primary says error {}", static_cast<unsigned>(verifier.peer_error()));
  }
}

Asked question(const wire::Name& zone, RRType type, ByteView have, std::uint32_t have_ttl,
               const TsigKeyPtr& key, Rng& rng, Time now) {
  Asked out;
  out.id = static_cast<std::uint16_t>(rng.u64());
  Bytes buffer(2048);
  wire::Writer writer(buffer, buffer.size());
  writer.set_header(out.id, 0);
  writer.add_question(zone, type, RRClass::IN);
  if (!have.empty())
    writer.add_record(wire::Writer::Section::authority, zone, RRType::SOA, RRClass::IN, have_ttl, have);
  writer.add_opt(kUdpSize, false, wire::Rcode::noerror, kExpireEmpty);
  const auto message = writer.finish();
  out.message.assign(message.begin(), message.end());
  if (key) {
    TsigSigner signer(key);
    signer.sign(out.message, now);
    out.mac.assign(signer.mac().begin(), signer.mac().end());
  }
  return out;
}

std::optional<std::uint32_t> expire_of(const wire::Message& message) {
  const auto edns = wire::edns_of(message);
  if (!edns) return std::nullopt;
  ByteReader options(edns->options);
  while (!options.done()) {
    const auto code = options.u16();
    const auto size = options.u16();
    const auto value = size ? options.bytes(*size) : std::nullopt;
    if (!value) return std::nullopt;
    if (*code == kExpireOption && value->size() == 4) return load_u32(value->data());
  }
  return std::nullopt;
}

}  // namespace

Asked ask_soa(const wire::Name& zone, const TsigKeyPtr& key, Rng& rng, Time now) {
  return question(zone, RRType::SOA, {}, 0, key, rng, now);
}

Asked ask_transfer(const wire::Name& zone, TransferKind kind, ByteView have, std::uint32_t have_ttl,
                   const TsigKeyPtr& key, Rng& rng, Time now) {
  if (kind == TransferKind::axfr) return question(zone, RRType::AXFR, {}, 0, key, rng, now);
  return question(zone, RRType::IXFR, have, have_ttl, key, rng, now);
}

std::expected<SoaAnswer, TransferFault> read_soa_answer(ByteView message, const wire::Name& zone,
                                                        const Asked& asked, const TsigKeyPtr& key, Time now) {
  const auto header = wire::Header::read(message);
  if (!header || header->id != asked.id || !header->qr() || header->opcode() != wire::Opcode::query)
    return fault(FaultKind::mismatch, "a message that does not answer the question");
  if (key) {
    TsigVerifier verifier(key, asked.mac);
    if (const auto checked = verifier.add(message, now); !checked)
      return fault(FaultKind::not_authentic, text_of(checked.error(), verifier));
    if (!verifier.complete()) return fault(FaultKind::not_authentic, "TSIG: the answer is not signed");
  }
  const auto read = wire::read_message(message);
  if (!read)
    return fault(FaultKind::malformed, fmt::format("an answer with {}", wire::describe(read.error())));
  const auto& questions = read->questions;
  if (questions.size() != 1 || !(questions[0].name == zone) || questions[0].type != RRType::SOA ||
      questions[0].rr_class != RRClass::IN)
    return fault(FaultKind::mismatch, "an answer to another question");
  if (header->tc()) return fault(FaultKind::truncated, "the answer is truncated");
  const auto rcode = wire::rcode_of(*read);
  if (rcode != wire::Rcode::noerror)
    return fault(FaultKind::refused,
                 fmt::format("the primary answered RCODE {}{}", static_cast<unsigned>(rcode),
                             rcode == wire::Rcode::refused    ? " (REFUSED)"
                             : rcode == wire::Rcode::notauth  ? " (NOTAUTH)"
                             : rcode == wire::Rcode::servfail ? " (SERVFAIL)"
                                                              : ""));
  if (!header->aa()) return fault(FaultKind::refused, "the primary is not authoritative for the zone");
  std::optional<SoaAnswer> out;
  for (const auto& record : read->answers) {
    if (record.type != RRType::SOA) continue;
    if (out || !(record.owner == zone) || record.rr_class != RRClass::IN)
      return fault(FaultKind::contradictory, "an answer with a SOA record that is not the zone's");
    auto soa = wire::Soa::read(record.rdata);
    if (!soa) return fault(FaultKind::malformed, "a SOA record that cannot be read");
    out = SoaAnswer{.soa = std::move(*soa), .expire_s = std::nullopt};
  }
  if (!out) return fault(FaultKind::contradictory, "the primary has no SOA record for the zone");
  out->expire_s = expire_of(*read);
  return *std::move(out);
}

Result<bool> TsigStream::next(ByteView message) {
  const auto added = verifier_.add(message, clock_.now());
  if (!added) return onoma::fail(Code::unauthenticated, text_of(added.error(), verifier_));
  return verifier_.complete();
}

}  // namespace onoma::transfer
