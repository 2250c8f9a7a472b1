#include "serve/quick.h"

#include <algorithm>
#include <cstring>

namespace onoma::serve {

namespace {

constexpr std::size_t kOptOctets = 11;
constexpr std::uint16_t kAuthoritative = 0x0400, kNxdomain = 3;

void write_opt(std::uint8_t* opt, const QuickParts& parts) {
  opt[0] = 0;
  store_u16(opt + 1, wire::number(wire::RRType::OPT));
  store_u16(opt + 3, parts.udp_size);
  store_u32(opt + 5, parts.dnssec_ok ? 0x8000U : 0);
  store_u16(opt + 9, static_cast<std::uint16_t>(parts.options.size()));
  if (!parts.options.empty()) std::memcpy(opt + kOptOctets, parts.options.data(), parts.options.size());
}

}  // namespace

std::size_t write_quick(ByteView packet, const wire::Query& query, const zone::Snapshot& zone,
                        const zone::Quick& quick, const QuickParts& parts, zone::NodeScratch& scratch,
                        MutableBytes out, std::size_t limit) {
  const auto question = query.question_end;
  const auto opt_octets = parts.with_opt ? kOptOctets + parts.options.size() : 0;
  const auto room = std::min(limit, out.size());
  if (room < question + opt_octets) return 0;
  const auto written = zone.write_quick(quick, {.out = out.subspan(question, room - question - opt_octets),
                                                .offset = question,
                                                .name = query.qname(),
                                                .dnssec = parts.dnssec_ok,
                                                .scratch = &scratch});
  if (!written) return 0;

  auto* at = out.data();
  const bool referral = quick.kind == zone::Quick::Kind::referral;
  const auto flags = referral ? parts.flags : parts.flags | kAuthoritative | kNxdomain;
  store_u16(at, query.header.id);
  store_u16(at + 2, static_cast<std::uint16_t>(flags));
  store_u32(at + 4, 1U << 16);  // one question, no answer
  store_u16(at + 8, written->authority);
  store_u16(at + 10, static_cast<std::uint16_t>(written->additional + parts.with_opt));
  std::memcpy(at + wire::kHeaderOctets, packet.data() + wire::kHeaderOctets, question - wire::kHeaderOctets);
  const auto end = question + written->octets;
  if (parts.with_opt) write_opt(at + end, parts);
  return end + opt_octets;
}

}  // namespace onoma::serve
