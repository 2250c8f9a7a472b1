#include "zone/referral.h"

#include <cstring>
#include <vector>

#include "zone/image_layout.h"

namespace onoma::zone {

namespace {

constexpr std::size_t kMostOctets = 2000, kMostPatches = 255;
constexpr std::size_t kRecordHead = 12;  // pointer, type, class, TTL, length

class SectionMaker {
 public:
  explicit SectionMaker(wire::NameView apex) : apex_(apex) {}

  void begin(wire::RRType type) {
    ++made_.records;
    start_ = made_.octets.size();
    made_.octets.resize(start_ + kRecordHead);
    store_u16(&made_.octets[start_ + 2], wire::number(type));
    store_u16(&made_.octets[start_ + 4], 1);
  }
  void put(wire::NameView name) {
    auto& out = made_.octets;
    for (; !name.is_root(); name = name.parent()) {
      if (wire::equal(name, apex_)) return point(kToApex);
      for (const auto& [ending, place] : written_)
        if (equal(ending, name.wire())) return point(place);
      written_.emplace_back(Bytes(name.wire().begin(), name.wire().end()),
                            static_cast<std::uint16_t>(out.size()));
      out.push_back(static_cast<std::uint8_t>(name.first_label().size()));
      append(out, name.first_label());
    }
    out.push_back(0);
  }
  void put_below_owner(ByteView label) {
    layout::put_fixed(made_.own, static_cast<std::uint16_t>(made_.octets.size()));
    append(made_.octets, label);
    point(kToOwner);
  }
  void put(ByteView octets) { append(made_.octets, octets); }
  void end() {
    store_u16(&made_.octets[start_ + 10],
              static_cast<std::uint16_t>(made_.octets.size() - start_ - kRecordHead));
  }
  bool too_large() const {
    return made_.octets.size() > kMostOctets || made_.patches.size() / 4 > kMostPatches;
  }
  MadeSection take() { return std::move(made_); }

 private:
  void point(std::uint16_t target) {
    layout::put_fixed(made_.patches, static_cast<std::uint16_t>(made_.octets.size()));
    layout::put_fixed(made_.patches, target);
    made_.octets.resize(made_.octets.size() + 2);
  }

  wire::NameView apex_;
  MadeSection made_;
  std::size_t start_ = 0;
  std::vector<std::pair<Bytes, std::uint16_t>> written_;
};

// The name that `octets` begin with, which they lose.
wire::NameView take_name(ByteView& octets) {
  std::size_t size = 0;
  while (octets[size] != 0) size += 1U + octets[size];
  const auto name = wire::NameView::trusted(octets.first(size + 1));
  octets = octets.subspan(size + 1);
  return name;
}

}  // namespace

MadeSection make_soa_section(ByteView soa, std::span<const ByteView> signatures, wire::NameView apex) {
  SectionMaker maker(apex);
  maker.begin(wire::RRType::SOA);
  maker.put(take_name(soa));
  maker.put(take_name(soa));
  maker.put(soa);
  maker.end();
  for (const auto signature : signatures) {
    maker.begin(wire::RRType::RRSIG);
    maker.put(signature);
    maker.end();
  }
  return maker.take();
}

std::optional<MadeSection> make_ns_section(std::span<const ServerName> servers, wire::NameView apex) {
  SectionMaker maker(apex);
  for (const auto& server : servers) {
    maker.begin(wire::RRType::NS);
    if (server.below_owner)
      maker.put_below_owner(server.octets);
    else
      maker.put(wire::NameView::trusted(server.octets));
    maker.end();
    if (maker.too_large()) return std::nullopt;
  }
  return maker.take();
}

bool write_section(std::uint8_t* out, ByteView octets, ByteView patches, const MessagePlaces& places,
                   std::uint32_t ttl) {
  const auto size = octets.size();
  std::memcpy(out, octets.data(), size);
  const auto owner = static_cast<std::uint16_t>(0xc000U | places.owner);
  for (std::size_t at = 0; at < size;) {
    if (size - at < kRecordHead) return false;
    store_u16(out + at, owner);
    store_u32(out + at + 6, ttl);
    at += kRecordHead + load_u16(out + at + 10);
    if (at > size) return false;
  }
  for (std::size_t i = 0; i + 4 <= patches.size(); i += 4) {
    const auto place = layout::load<std::uint16_t>(&patches[i]);
    const auto target = layout::load<std::uint16_t>(&patches[i + 2]);
    if (place + std::size_t{2} > size) return false;
    const auto to = target == kToApex    ? places.apex
                    : target == kToOwner ? places.owner
                                         : places.section + std::size_t{target};
    store_u16(out + place, static_cast<std::uint16_t>(0xc000U | to));
  }
  return true;
}

}  // namespace onoma::zone
