#include "serve/quick.h"

#include <cstring>

#include "zone/referral.h"

namespace onoma::serve {

namespace {

constexpr std::size_t kOptOctets = 11;
constexpr std::uint16_t kAuthoritative = 0x0400, kNxdomain = 3;

}  // namespace

std::size_t write_quick(ByteView packet, const wire::Query& query, const zone::Snapshot& zone,
                        const zone::Quick& quick, const QuickParts& parts, MutableBytes out,
                        std::size_t limit) {
  const bool referral = quick.kind == zone::Quick::Kind::referral;
  const auto& soa = zone.made_soa();
  zone::QuickSection made{.records = 1, .wire = soa.octets, .patches = soa.patches};
  if (referral) {
    const auto servers = zone.section(quick);
    if (!servers) return 0;
    made = *servers;
  }
  const auto section = made.wire;
  const auto question = query.question_end;
  const auto size = question + section.size() + (parts.with_opt ? kOptOctets + parts.options.size() : 0);
  if (size > limit || size > out.size()) return 0;

  auto* at = out.data();
  const auto flags = referral ? parts.flags : parts.flags | kAuthoritative | kNxdomain;
  store_u16(at, query.header.id);
  store_u16(at + 2, static_cast<std::uint16_t>(flags));
  store_u32(at + 4, 1U << 16);  // one question, no answer
  store_u16(at + 8, made.records);
  store_u16(at + 10, parts.with_opt);
  std::memcpy(at + wire::kHeaderOctets, packet.data() + wire::kHeaderOctets, question - wire::kHeaderOctets);

  const auto& apex = zone.facts().apex;
  const auto name = query.qname();
  const auto apex_offset = wire::kHeaderOctets + name.size() - apex.size();
  auto owner_offset = apex_offset;
  if (referral) {
    auto labels = name.label_count();
    auto here = name;
    for (; labels > quick.labels; --labels) here = here.parent();
    owner_offset = wire::kHeaderOctets + name.size() - here.size();
  }
  if (!zone::write_section(at + question, question, section, made.patches,
                           static_cast<std::uint16_t>(owner_offset), static_cast<std::uint16_t>(apex_offset),
                           referral ? quick.ttl : zone.facts().negative_ttl_s))
    return 0;
  if (parts.with_opt) {
    auto* opt = at + question + section.size();
    opt[0] = 0;
    store_u16(opt + 1, wire::number(wire::RRType::OPT));
    store_u16(opt + 3, parts.udp_size);
    store_u32(opt + 5, parts.dnssec_ok ? 0x8000U : 0);
    store_u16(opt + 9, static_cast<std::uint16_t>(parts.options.size()));
    if (!parts.options.empty()) std::memcpy(opt + kOptOctets, parts.options.data(), parts.options.size());
  }
  return size;
}

}  // namespace onoma::serve
