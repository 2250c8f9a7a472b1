#include "wire/tsig.h"

#include <optional>

#include "base/check.h"
#include "wire/types.h"

namespace onoma::wire {
namespace {

constexpr std::size_t kMaxMessageOctets = 65535;
// Behind the owner: type, class, TTL, length of data.
constexpr std::size_t kFixedOctets = 10;
// In the data, the algorithm, MAC and other data aside: time 6, fudge 2, MAC size 2, id 2, error 2, other
// size 2.
constexpr std::size_t kDataOctets = 16;

// Moves `at` behind the possibly compressed name there, without following its pointer.
bool pass_name(ByteView message, std::size_t& at) {
  for (std::size_t p = at; p < message.size() && p - at <= kMaxNameOctets;) {
    const std::uint8_t head = message[p];
    if (head >= 0xC0) {
      if (message.size() - p < 2) return false;
      at = p + 2;
      return true;
    }
    if (head > kMaxLabelOctets) return false;
    p += 1U + head;
    if (head == 0) {
      at = p;
      return true;
    }
  }
  return false;
}

struct Place {
  TsigSearch search = TsigSearch::none;
  std::size_t start = 0, data = 0, data_size = 0;
};

Place place_of_tsig(ByteView message) {
  const auto header = Header::read(message);
  if (!header || header->arcount == 0) return {};
  std::size_t at = kHeaderOctets;
  for (unsigned i = 0; i < header->qdcount; ++i) {
    if (!pass_name(message, at) || message.size() - at < 4) return {};
    at += 4;
  }
  const std::size_t records = std::size_t{header->ancount} + header->nscount + header->arcount;
  for (std::size_t i = 0; i < records; ++i) {
    const std::size_t start = at;
    if (!pass_name(message, at) || message.size() - at < kFixedOctets) return {};
    const bool is_tsig = RRType{load_u16(&message[at])} == RRType::TSIG;
    const bool is_plain =
        RRClass{load_u16(&message[at + 2])} == RRClass::ANY && load_u32(&message[at + 4]) == 0;
    const std::size_t size = load_u16(&message[at + 8]);
    at += kFixedOctets;
    if (message.size() - at < size) return {};
    at += size;
    if (!is_tsig) continue;
    const bool is_last = i + 1 == records && at == message.size();
    return {is_last && is_plain ? TsigSearch::found : TsigSearch::bad, start, at - size, size};
  }
  return {};
}

std::optional<Name> name_in(ByteView message, std::size_t& at) {
  std::uint8_t octets[kMaxNameOctets];
  const auto size = read_name(message, at, octets);
  if (!size) return std::nullopt;
  return Name(NameView::trusted({octets, *size}));
}

// All of the record's data, to the last octet.
bool read_data(ByteView message, const Place& place, Tsig& out) {
  std::size_t owner = place.start, at = place.data;
  auto key = name_in(message, owner);
  // The algorithm is never compressed (RFC 8945 §4.2), so it ends inside the data.
  auto algorithm = name_in(message.first(place.data + place.data_size), at);
  if (!key || !algorithm || at - place.data != algorithm->size()) return false;
  ByteReader data(message.subspan(at, place.data + place.data_size - at));
  const auto high = data.u16();
  const auto low = data.u32();
  const auto fudge = data.u16();
  const auto mac_size = data.u16();
  const auto mac = data.bytes(mac_size.value_or(0));
  const auto id = data.u16();
  const auto error = data.u16();
  const auto other_size = data.u16();
  const auto other = data.bytes(other_size.value_or(0));
  if (!high || !low || !fudge || !mac_size || !mac || !id || !error || !other_size || !other || !data.done())
    return false;
  out = {.key = *std::move(key),
         .algorithm = *std::move(algorithm),
         .time_s = std::uint64_t{*high} << 32 | *low,
         .fudge_s = *fudge,
         .mac = Bytes(mac->begin(), mac->end()),
         .original_id = *id,
         .error = TsigError{*error},
         .other = Bytes(other->begin(), other->end())};
  return true;
}

void put_time(ByteWriter& out, std::uint64_t seconds) {
  out.u16(static_cast<std::uint16_t>(seconds >> 32));
  out.u32(static_cast<std::uint32_t>(seconds));
}

}  // namespace

TsigSearch find_tsig(ByteView message, Tsig& out, std::size_t& start) {
  const auto place = place_of_tsig(message);
  if (place.search != TsigSearch::found) return place.search;
  if (!read_data(message, place, out)) return TsigSearch::bad;
  start = place.start;
  return TsigSearch::found;
}

bool carries_tsig(ByteView message) {
  return place_of_tsig(message).search != TsigSearch::none;
}

std::size_t tsig_size(NameView key, NameView algorithm, std::size_t mac_octets, std::size_t other_octets) {
  return key.size() + kFixedOctets + algorithm.size() + kDataOctets + mac_octets + other_octets;
}

bool append_tsig(Bytes& message, const Tsig& tsig) {
  CHECK(message.size() >= kHeaderOctets);
  const std::size_t size = tsig_size(tsig.key, tsig.algorithm, tsig.mac.size(), tsig.other.size());
  const std::uint16_t count = load_u16(&message[10]);
  if (count == 0xFFFF || message.size() + size > kMaxMessageOctets) return false;
  store_u16(&message[10], static_cast<std::uint16_t>(count + 1));
  message.reserve(message.size() + size);
  ByteWriter out(message);
  out.bytes(tsig.key.wire());
  out.u16(number(RRType::TSIG));
  out.u16(static_cast<std::uint16_t>(RRClass::ANY));
  out.u32(0);
  out.u16(static_cast<std::uint16_t>(size - tsig.key.size() - kFixedOctets));
  out.bytes(tsig.algorithm.wire());
  put_time(out, tsig.time_s);
  out.u16(tsig.fudge_s);
  out.u16(static_cast<std::uint16_t>(tsig.mac.size()));
  out.bytes(tsig.mac);
  out.u16(tsig.original_id);
  out.u16(static_cast<std::uint16_t>(tsig.error));
  out.u16(static_cast<std::uint16_t>(tsig.other.size()));
  out.bytes(tsig.other);
  return true;
}

Bytes tsig_prior_mac(ByteView mac) {
  Bytes octets;
  ByteWriter out(octets);
  out.u16(static_cast<std::uint16_t>(mac.size()));
  out.bytes(mac);
  return octets;
}

std::array<std::uint8_t, kHeaderOctets> tsig_header(ByteView message, std::uint16_t original_id,
                                                    bool carries) {
  CHECK(message.size() >= kHeaderOctets);
  std::array<std::uint8_t, kHeaderOctets> out;
  std::memcpy(out.data(), message.data(), out.size());
  store_u16(out.data(), original_id);
  if (carries) store_u16(&out[10], static_cast<std::uint16_t>(load_u16(&out[10]) - 1U));
  return out;
}

Bytes tsig_variables(const Tsig& tsig) {
  Bytes octets;
  ByteWriter out(octets);
  out.bytes(tsig.key.lower().wire());
  out.u16(static_cast<std::uint16_t>(RRClass::ANY));
  out.u32(0);
  out.bytes(tsig.algorithm.lower().wire());
  put_time(out, tsig.time_s);
  out.u16(tsig.fudge_s);
  out.u16(static_cast<std::uint16_t>(tsig.error));
  out.u16(static_cast<std::uint16_t>(tsig.other.size()));
  out.bytes(tsig.other);
  return octets;
}

Bytes tsig_timers(const Tsig& tsig) {
  Bytes octets;
  ByteWriter out(octets);
  put_time(out, tsig.time_s);
  out.u16(tsig.fudge_s);
  return octets;
}

Bytes tsig_time(std::uint64_t seconds) {
  Bytes octets;
  ByteWriter out(octets);
  put_time(out, seconds);
  return octets;
}

std::uint64_t tsig_time_of(ByteView other) {
  return other.size() == 6 ? std::uint64_t{load_u16(other.data())} << 32 | load_u32(&other[2]) : 0;
}

}  // namespace onoma::wire
