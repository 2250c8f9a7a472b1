#include "zone/referral.h"

#include <vector>

#include "zone/image_layout.h"

namespace onoma::zone {

namespace {

constexpr std::size_t kMostOctets = 2000;
constexpr std::size_t kRecordHead = 12;  // pointer, type, class, TTL, length

class SectionMaker {
 public:
  explicit SectionMaker(wire::NameView apex) : apex_(apex) {}

  void add(wire::RRType type, std::uint32_t ttl, ByteView rdata) {
    auto& out = made_.octets;
    const auto start = out.size();
    out.resize(start + kRecordHead);
    store_u16(&out[start + 2], wire::number(type));
    store_u16(&out[start + 4], 1);
    store_u32(&out[start + 6], ttl);
    std::size_t names = type == wire::RRType::SOA ? 2 : type == wire::RRType::NS ? 1 : 0;
    while (names-- > 0) {
      std::size_t size = 0;
      while (rdata[size] != 0) size += 1U + rdata[size];
      put(wire::NameView::trusted(rdata.first(size + 1)));
      rdata = rdata.subspan(size + 1);
    }
    append(out, rdata);
    store_u16(&out[start + 10], static_cast<std::uint16_t>(out.size() - start - kRecordHead));
  }
  MadeSection take() { return std::move(made_); }
  std::size_t size() const { return made_.octets.size(); }

 private:
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
  void point(std::uint16_t target) {
    layout::put_fixed(made_.patches, static_cast<std::uint16_t>(made_.octets.size()));
    layout::put_fixed(made_.patches, target);
    made_.octets.resize(made_.octets.size() + 2);
  }

  wire::NameView apex_;
  MadeSection made_;
  std::vector<std::pair<Bytes, std::uint16_t>> written_;
};

}  // namespace

std::optional<MadeSection> make_section(wire::RRType type, std::uint32_t ttl,
                                        const std::vector<ByteView>& rdatas, wire::NameView apex) {
  SectionMaker maker(apex);
  for (auto data : rdatas) {
    maker.add(type, ttl, data);
    if (maker.size() > kMostOctets) return std::nullopt;
  }
  return maker.take();
}

bool write_section(std::uint8_t* out, std::size_t offset, ByteView octets, ByteView patches,
                   std::uint16_t owner_offset, std::uint16_t apex_offset, std::uint32_t ttl) {
  const auto size = octets.size();
  std::memcpy(out, octets.data(), size);
  const auto owner = static_cast<std::uint16_t>(0xc000U | owner_offset);
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
    const auto to = target & kToApex ? apex_offset + (target & ~std::size_t{kToApex}) : offset + target;
    store_u16(out + place, static_cast<std::uint16_t>(0xc000U | to));
  }
  return true;
}

}  // namespace onoma::zone
