#include "transfer/packer.h"

#include <cstring>

#include "base/check.h"
#include "wire/message.h"

namespace onoma::transfer {

using wire::NameView;
using wire::RRType;

namespace {

constexpr std::size_t kMaxPointerOffset = 0x3FFF;
constexpr std::size_t kMaxLabels = 128;
constexpr std::size_t kFixedOctets = 10;  // type, class, TTL, length
constexpr std::uint16_t kIn = 1;

// Octets of the name at the front of valid data.
std::size_t name_octets(ByteView octets) {
  std::size_t at = 0;
  while (octets[at] != 0) at += 1U + octets[at];
  return at + 1;
}

}  // namespace

void Packer::begin(Bytes& out, std::uint16_t id, std::uint16_t flags, std::size_t wanted, std::size_t most) {
  CHECK(most <= 65535 && most >= wire::kHeaderOctets);
  out_ = &out;
  wanted_ = wanted;
  most_ = most;
  questions_ = records_ = 0;
  if (++message_ == 0) {
    slots_.fill({});
    message_ = 1;
  }
  out.assign(wire::kHeaderOctets, 0);
  out.resize(wanted + kFixedOctets);
  at_ = 0;
  put_u16(id);
  put_u16(flags);
  at_ = wire::kHeaderOctets;
}

void Packer::room(std::size_t octets) {
  if (at_ + octets > out_->size()) out_->resize(at_ + octets);
}

void Packer::put_octets(ByteView octets) {
  if (!octets.empty()) std::memcpy(out_->data() + at_, octets.data(), octets.size());
  at_ += octets.size();
}

void Packer::put_u16(std::uint16_t value) {
  store_u16(out_->data() + at_, value);
  at_ += 2;
}

bool Packer::same_name_at(std::size_t offset, const std::uint8_t* wanted) const {
  const std::uint8_t* const octets = out_->data();
  for (;;) {
    const std::uint8_t head = octets[offset];
    if (head >= 0xC0) {
      offset = load_u16(octets + offset) & kMaxPointerOffset;
      continue;
    }
    if (std::memcmp(octets + offset, wanted, 1U + head) != 0) return false;
    if (head == 0) return true;
    offset += 1U + head;
    wanted += 1U + head;
  }
}

// REQUIRES: room for the whole name.
void Packer::put_name(NameView name) {
  const auto wire = name.wire();
  std::array<std::uint8_t, kMaxLabels> labels;   // where each begins
  std::array<std::uint32_t, kMaxLabels> hashes;  // of the name from there on
  std::size_t count = 0;
  for (std::size_t at = 0; wire[at] != 0; at += 1U + wire[at])
    labels[count++] = static_cast<std::uint8_t>(at);
  std::uint32_t hash = 0x9e3779b9U;
  for (std::size_t i = count; i > 0; --i) {
    const std::size_t start = labels[i - 1];
    for (std::size_t at = start; at <= start + wire[start]; ++at) hash = (hash ^ wire[at]) * 0x01000193U;
    hashes[i - 1] = hash ^ hash >> 15;
  }
  std::size_t pointer = 0, kept = count;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& slot = slots_[hashes[i] % kSlots];
    if (slot.message != message_ || slot.tag != hashes[i] >> 16 ||
        !same_name_at(slot.offset, &wire[labels[i]]))
      continue;
    pointer = slot.offset;
    kept = i;
    break;
  }
  for (std::size_t i = 0; i < kept && at_ + labels[i] <= kMaxPointerOffset; ++i)
    slots_[hashes[i] % kSlots] = {.message = message_,
                                  .tag = static_cast<std::uint16_t>(hashes[i] >> 16),
                                  .offset = static_cast<std::uint16_t>(at_ + labels[i])};
  put_octets(wire.first(kept < count ? labels[kept] : wire.size() - 1));
  if (pointer != 0) {
    put_u16(static_cast<std::uint16_t>(0xC000U | pointer));
  } else {
    (*out_)[at_++] = 0;
  }
}

void Packer::put_data(RRType type, ByteView rdata) {
  std::size_t plain = 0;  // octets in front of the first name
  std::size_t names = 1;
  switch (type) {
    case RRType::NS:
    case RRType::CNAME:
    case RRType::PTR:
      break;
    case RRType::MX:
      plain = 2;
      break;
    case RRType::SOA:
      names = 2;
      break;
    default:
      names = 0;
  }
  put_octets(rdata.first(plain));
  auto rest = rdata.subspan(plain);
  for (; names > 0; --names) {
    const auto size = name_octets(rest);
    put_name(NameView::trusted(rest.first(size)));
    rest = rest.subspan(size);
  }
  put_octets(rest);
}

void Packer::question(NameView name, RRType type) {
  room(name.size() + 4);
  put_name(name);
  put_u16(wire::number(type));
  put_u16(kIn);
  ++questions_;
}

bool Packer::add(const RecordView& record) {
  const std::size_t size = record.owner.size() + kFixedOctets + record.rdata.size();
  if (at_ + size > (records_ == 0 ? most_ : wanted_) || at_ + size > most_ || records_ == 0xFFFF)
    return false;
  room(size);
  put_name(record.owner);
  put_u16(wire::number(record.type));
  put_u16(kIn);
  store_u32(out_->data() + at_, record.ttl);
  at_ += 4;
  const auto length_at = at_;
  at_ += 2;
  put_data(record.type, record.rdata);
  store_u16(out_->data() + length_at, static_cast<std::uint16_t>(at_ - length_at - 2));
  ++records_;
  return true;
}

void Packer::finish(ByteView opt) {
  room(opt.size());
  put_octets(opt);
  out_->resize(at_);
  store_u16(out_->data() + 4, questions_);
  store_u16(out_->data() + 6, records_);
  store_u16(out_->data() + 10, opt.empty() ? 0 : 1);
}

}  // namespace onoma::transfer
