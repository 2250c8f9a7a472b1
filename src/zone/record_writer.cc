#include "zone/record_writer.h"

#include <cstring>

namespace onoma::zone {

namespace {
constexpr std::size_t kFixed = 10;  // type, class, TTL, length
constexpr std::size_t kHashLabel = 32;
}  // namespace

void put_hash_label(std::string_view hash, bool upper, std::uint8_t* out) {
  static constexpr char kDigits[2][33] = {"0123456789abcdefghijklmnopqrstuv",
                                          "0123456789ABCDEFGHIJKLMNOPQRSTUV"};
  const auto* digits = kDigits[upper ? 1 : 0];
  const auto octets = as_bytes(hash);
  for (std::size_t at = 0; at < 20; at += 5) {
    auto bits = std::uint64_t{load_u32(&octets[at])} << 8 | octets[at + 4];
    for (std::size_t i = 8; i > 0; bits >>= 5) out[--i] = static_cast<std::uint8_t>(digits[bits & 31]);
    out += 8;
  }
}

std::uint8_t* RecordWriter::take(std::size_t octets) {
  if (!at_ || octets > static_cast<std::size_t>(end_ - at_)) {
    at_ = nullptr;
    return nullptr;
  }
  auto* here = at_;
  at_ += octets;
  ++records_;
  return here;
}

std::uint8_t* RecordWriter::fixed(std::uint8_t* at, wire::RRType type, std::uint32_t ttl,
                                  std::size_t octets) {
  store_u16(at, wire::number(type));
  store_u16(at + 2, 1);
  store_u32(at + 4, ttl);
  store_u16(at + 8, static_cast<std::uint16_t>(octets));
  return at + kFixed;
}

std::uint8_t* RecordWriter::record(std::uint16_t owner, wire::RRType type, std::uint32_t ttl,
                                   std::size_t octets) {
  auto* at = take(2 + kFixed + octets);
  if (!at) return nullptr;
  store_u16(at, static_cast<std::uint16_t>(0xc000U | owner));
  return fixed(at + 2, type, ttl, octets);
}

void RecordWriter::set(std::uint16_t owner, const EncodedSet& set, bool signatures) {
  for (const auto data : data_range(set))
    if (auto* at = record(owner, set.type, set.ttl, data.size())) std::memcpy(at, data.data(), data.size());
  if (!signatures) return;
  for (const auto data : signature_range(set))
    if (auto* at = record(owner, RRType::RRSIG, set.ttl, data.size()))
      std::memcpy(at, data.data(), data.size());
}

void RecordWriter::set(std::uint16_t owner, const PackedSet& set) {
  layout::Reader in(set.data.data(), set.data.data() + set.data.size());
  for (std::uint16_t i = 0; i < set.count && ok(); ++i) {
    const auto* size = in.take(2);
    const auto data = in.bytes(size ? load_u16(size) : 0);
    if (!in.ok()) return fail();
    if (auto* at = record(owner, set.type, set.ttl, data.size()); at && !data.empty())
      std::memcpy(at, data.data(), data.size());
  }
}

void RecordWriter::signatures(std::uint16_t owner, const PackedSet& set, const PackedReader& reader) {
  auto in = reader.signatures_of(set);
  PackedSignature one;
  for (std::uint16_t i = 0; i < set.signature_count && ok(); ++i) {
    if (!reader.signature(in, one)) return fail();
    if (auto* at = record(owner, RRType::RRSIG, set.ttl, one.octets())) one.write(set.type, at);
  }
}

std::uint8_t* RecordWriter::hashed_record(ByteView label, std::uint16_t apex, std::uint32_t ttl,
                                          std::size_t octets) {
  auto* at = take(1 + label.size() + 2 + kFixed + octets);
  if (!at) return nullptr;
  *at++ = static_cast<std::uint8_t>(label.size());
  std::memcpy(at, label.data(), label.size());
  at += label.size();
  store_u16(at, static_cast<std::uint16_t>(0xc000U | apex));
  return fixed(at + 2, RRType::NSEC3, ttl, octets);
}

void RecordWriter::nsec3(std::string_view hash, bool upper, std::uint16_t apex, const PackedSet& set,
                         const PackedNsec3& data, const PackedReader& reader) {
  if (!ok()) return;
  const auto owner = place();
  std::uint8_t label[kHashLabel];
  put_hash_label(hash, upper, label);
  auto* at = hashed_record(label, apex, set.ttl, data.octets());
  if (!at) return;
  data.write(at);
  signatures(owner, set, reader);
}

void RecordWriter::nsec3(NameView owner, std::uint16_t apex, const EncodedSet& encoded) {
  if (!ok() || encoded.count != 1) return fail();
  const auto here = place();
  const auto data = *data_range(encoded).begin();
  auto* at = hashed_record(owner.first_label(), apex, encoded.ttl, data.size());
  if (!at) return;
  std::memcpy(at, data.data(), data.size());
  for (const auto signature : signature_range(encoded))
    if (auto* out = record(here, RRType::RRSIG, encoded.ttl, signature.size()))
      std::memcpy(out, signature.data(), signature.size());
}

}  // namespace onoma::zone
