// ZONEMD, scheme SIMPLE (RFC 8976 §3.3.1): a digest over the whole zone in canonical form.
#include <algorithm>
#include <variant>

#include <fmt/format.h>

#include "crypto/digest.h"
#include "gate/check.h"

namespace onoma::gate {
namespace {

// Feeds every record that the digest is over, in order, to `feed`.
template <class Feed>
void feed_zone(const Check& check, Feed&& feed) {
  Bytes record;
  auto feed_record = [&](NameView owner, RRType type, std::uint32_t ttl, ByteView data) {
    record.clear();
    append_lower(record, owner);
    ByteWriter writer(record);
    writer.u16(wire::number(type));
    writer.u16(1);
    writer.u32(ttl);
    writer.u16(static_cast<std::uint16_t>(data.size()));
    writer.bytes(data);
    feed(record);
  };
  auto feed_node = [&](const NodeView& node) {
    const bool apex = same_name(node.owner(), check.apex);
    struct Signature {
      Bytes data;
      std::uint32_t ttl;
    };
    std::vector<Signature> signatures;
    for (std::size_t i = 0; i < node.size(); ++i) {
      const auto set = node.at(i);
      if (apex && set.type() == RRType::ZONEMD) continue;
      for (auto data : set.signatures())
        signatures.push_back({canonical_data(RRType::RRSIG, data), set.ttl()});
    }
    std::ranges::sort(signatures, {}, &Signature::data);
    bool fed_signatures = false;
    auto feed_signatures = [&] {
      if (fed_signatures) return;
      fed_signatures = true;
      for (const auto& signature : signatures)
        feed_record(node.owner(), RRType::RRSIG, signature.ttl, signature.data);
    };
    for (std::size_t i = 0; i < node.size(); ++i) {
      const auto set = node.at(i);
      if (wire::number(set.type()) > wire::number(RRType::RRSIG)) feed_signatures();
      if (apex && set.type() == RRType::ZONEMD) continue;
      for (const auto& data : canonical_set(set.type(), set.rdatas()))
        feed_record(node.owner(), set.type(), set.ttl(), data);
    }
    feed_signatures();
  };

  // NSEC3 owners take their place among the names. Their order by hash is their order by name: base32hex
  // keeps it.
  auto names = check.zone.first();
  auto hashes = check.zone.nsec3_first();
  while (names.valid() || hashes.valid()) {
    const bool name_first =
        !hashes.valid() || (names.valid() && compare_names(names.node().owner(), hashes.node().owner()) < 0);
    if (name_first) {
      feed_node(names.node());
      names.next();
    } else {
      feed_node(hashes.node());
      hashes.next();
    }
  }
}

constexpr std::uint8_t kSimple = 1, kSha384 = 1, kSha512 = 2;

template <std::size_t kSize>
bool digest_is(const Check& check, ByteView expected) {
  crypto::ShaStream<kSize> stream;
  feed_zone(check, [&](const Bytes& record) { stream.update(record); });
  const auto digest = stream.finish();
  return equal(ByteView(digest), expected);
}

}  // namespace

void check_zonemd(Check& check) {
  const auto set = check.zone.apex().find(RRType::ZONEMD);
  const bool required = check.options.require_zonemd;
  if (!set) {
    if (required) check.findings.fatal(check.apex, fmt::format("{} has no ZONEMD record", check.apex.text()));
    return;
  }
  unsigned usable = 0, matching = 0;
  std::vector<std::uint16_t> kinds;
  for (auto data : set->rdatas()) {
    if (data.size() < 18 || load_u32(data.data()) != check.zone.facts().serial) continue;
    const auto kind = load_u16(&data[4]);
    if (std::ranges::find(kinds, kind) != kinds.end()) {
      check.findings.fatal(check.apex, fmt::format("two ZONEMD records of {} have the same scheme and hash",
                                                   check.apex.text()));
      return;
    }
    kinds.push_back(kind);
    const auto digest = data.subspan(6);
    if (data[4] != kSimple) continue;
    if (data[5] == kSha384 && digest.size() == 48) {
      ++usable;
      matching += digest_is<48>(check, digest) ? 1U : 0U;
    } else if (data[5] == kSha512 && digest.size() == 64) {
      ++usable;
      matching += digest_is<64>(check, digest) ? 1U : 0U;
    }
  }
  if (usable == 0)
    check.findings.report(
        required, check.apex,
        fmt::format("no ZONEMD record of {} is of a scheme and hash that can be checked", check.apex.text()));
  else if (matching < (check.options.foreign ? 1 : usable))
    check.findings.fatal(check.apex,
                         fmt::format("ZONEMD of {} is not the digest of the zone", check.apex.text()));
}

}  // namespace onoma::gate
