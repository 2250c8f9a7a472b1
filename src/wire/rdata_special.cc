// The record data whose presentation fits no general pattern: LOC, APL, WKS, gateways, HIP, A6.
#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "wire/rdata_fields.h"
#include "wire/rdata_words.h"
#include "wire/text.h"

namespace onoma::wire::detail {
namespace {

using Maybe = std::optional<Problem>;

// --- LOC (RFC 1876 §3) ---

constexpr std::int64_t kEquator = std::int64_t{1} << 31;
constexpr std::int64_t kAltitudeBase_cm = 10'000'000;

void append_metres(std::string& out, std::uint64_t centimetres) {
  append_number(out, centimetres / 100);
  out.push_back('.');
  out.push_back(static_cast<char>('0' + centimetres / 10 % 10));
  out.push_back(static_cast<char>('0' + centimetres % 10));
  out.push_back('m');
}

void append_angle(std::string& out, std::uint32_t value, char positive, char negative) {
  const std::int64_t signed_ms = static_cast<std::int64_t>(value) - kEquator;
  const auto ms = static_cast<std::uint64_t>(std::abs(signed_ms));
  append_number(out, ms / 3'600'000);
  out.push_back(' ');
  append_number(out, ms / 60'000 % 60);
  out.push_back(' ');
  append_number(out, ms / 1000 % 60);
  out.push_back('.');
  for (const std::uint64_t scale : {100U, 10U, 1U})
    out.push_back(static_cast<char>('0' + ms % 1000 / scale % 10));
  out.push_back(' ');
  out.push_back(signed_ms < 0 ? negative : positive);
}

void append_loc(std::string& out, ByteView field) {
  append_angle(out, load_u32(&field[4]), 'N', 'S');
  out.push_back(' ');
  append_angle(out, load_u32(&field[8]), 'E', 'W');
  out.push_back(' ');
  const std::int64_t altitude_cm = static_cast<std::int64_t>(load_u32(&field[12])) - kAltitudeBase_cm;
  if (altitude_cm < 0) out.push_back('-');
  append_metres(out, static_cast<std::uint64_t>(std::abs(altitude_cm)));
  for (std::size_t i = 1; i < 4; ++i) {
    std::uint64_t value_cm = field[i] >> 4;
    for (int exponent = field[i] & 0xF; exponent > 0; --exponent) value_cm *= 10;
    out.push_back(' ');
    append_metres(out, value_cm);
  }
}

// A decimal number with up to `places` digits behind the point, as a whole number of its smallest unit.
std::optional<std::uint64_t> parse_fixed(std::string_view text, std::size_t places, std::uint64_t max) {
  const auto point = text.find('.');
  auto whole = parse_number(text.substr(0, point), max);
  if (!whole) return std::nullopt;
  const auto fraction = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  if (fraction.size() > places) return std::nullopt;
  std::uint64_t value = *whole;
  for (std::size_t i = 0; i < places; ++i) {
    if (i < fraction.size() && !is_digit(fraction[i])) return std::nullopt;
    value = value * 10 + (i < fraction.size() ? static_cast<std::uint64_t>(fraction[i] - '0') : 0);
  }
  if (value > max) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_metres(std::string_view text, std::uint64_t max_cm) {
  if (text.ends_with('m') || text.ends_with('M')) text.remove_suffix(1);
  return parse_fixed(text, 2, max_cm);
}

Maybe angle(FieldInput& in, std::uint64_t max_degrees, char positive, char negative,
            std::string_view expected) {
  std::uint64_t ms = 0;
  const std::uint64_t scales[] = {3'600'000, 60'000, 1};
  for (std::size_t part = 0;; ++part) {
    if (in.done()) return in.bad(expected);
    const auto text = in.tokens[in.at].text;
    const char side = text.size() == 1 ? static_cast<char>(text[0] & ~0x20) : '\0';
    if (part > 0 && (side == positive || side == negative)) {
      if (ms > max_degrees * 3'600'000) return in.bad(expected);
      const std::int64_t value = kEquator + (side == positive ? 1 : -1) * static_cast<std::int64_t>(ms);
      ByteWriter(in.out).u32(static_cast<std::uint32_t>(value));
      ++in.at;
      return std::nullopt;
    }
    if (part == 3) return in.bad(expected);
    auto value = part == 2 ? parse_fixed(text, 3, 59'999) : parse_number(text, part == 0 ? max_degrees : 59);
    if (!value) return in.bad(expected);
    ms += *value * scales[part];
    ++in.at;
  }
}

Maybe parse_loc(FieldInput& in) {
  const std::size_t start = in.out.size();
  append(in.out, std::to_array<std::uint8_t>({0x00, 0x12, 0x16, 0x13}));  // 1 m, 10 km, 10 m
  if (auto problem = angle(in, 90, 'N', 'S', "a latitude such as 52 22 23.000 N")) return problem;
  if (auto problem = angle(in, 180, 'E', 'W', "a longitude such as 4 53 32.000 E")) return problem;
  constexpr std::string_view kAltitude = "an altitude such as -2.00m";
  if (in.done()) return in.bad(kAltitude);
  auto text = in.tokens[in.at].text;
  const bool below = text.starts_with('-');
  if (below) text.remove_prefix(1);
  auto altitude_cm = parse_metres(text, below ? kAltitudeBase_cm : UINT32_MAX - kAltitudeBase_cm);
  if (!altitude_cm) return in.bad(kAltitude);
  const std::int64_t signed_cm = (below ? -1 : 1) * static_cast<std::int64_t>(*altitude_cm);
  ByteWriter(in.out).u32(static_cast<std::uint32_t>(signed_cm + kAltitudeBase_cm));
  ++in.at;
  for (std::size_t i = 1; i < 4 && !in.done(); ++i, ++in.at) {
    auto value = parse_metres(in.tokens[in.at].text, 9'000'000'000);
    if (!value) return in.bad("a size or precision up to 90000000.00m");
    unsigned exponent = 0;
    for (; *value >= 10; *value /= 10) ++exponent;
    in.out[start + i] = static_cast<std::uint8_t>(*value << 4 | (*value == 0 ? 0 : exponent));
  }
  return std::nullopt;
}

// --- APL (RFC 3123 §5) ---

void append_apl(std::string& out, ByteView rest) {
  for (bool first = true; !rest.empty(); first = false) {
    const std::size_t size = rest[3] & 0x7FU;
    std::uint8_t address[16] = {};
    std::copy_n(rest.begin() + 4, size, address);
    if (!first) out.push_back(' ');
    if ((rest[3] & 0x80) != 0) out.push_back('!');
    append_number(out, load_u16(rest.data()));
    out.push_back(':');
    if (load_u16(rest.data()) == 1)
      append_ipv4(out, address);
    else
      append_ipv6(out, address);
    out.push_back('/');
    append_number(out, rest[2]);
    rest = rest.subspan(4 + size);
  }
}

Maybe parse_apl(FieldInput& in) {
  for (; !in.done(); ++in.at) {
    constexpr std::string_view kExpected = "an address prefix such as 1:192.0.2.0/24 or !2:2001:db8::/32";
    auto text = in.tokens[in.at].text;
    const bool negated = text.starts_with('!');
    if (negated) text.remove_prefix(1);
    const auto slash = text.find('/');
    if (slash == std::string_view::npos || text.size() < 2 || text[1] != ':') return in.bad(kExpected);
    const bool v4 = text[0] == '1';
    std::uint8_t address[16] = {};
    const auto address_text = text.substr(2, slash < 2 ? 0 : slash - 2);
    const bool good =
        v4 ? parse_ipv4(address_text, address) : text[0] == '2' && parse_ipv6(address_text, address);
    auto prefix = parse_number(text.substr(slash + 1), v4 ? 32 : 128);
    if (!good || !prefix) return in.bad(kExpected);
    std::size_t size = v4 ? 4 : 16;
    while (size > 0 && address[size - 1] == 0) --size;
    ByteWriter writer(in.out);
    writer.u16(v4 ? 1 : 2);
    writer.u8(static_cast<std::uint8_t>(*prefix));
    writer.u8(static_cast<std::uint8_t>(size | (negated ? 0x80U : 0U)));
    writer.bytes({address, size});
  }
  return std::nullopt;
}

// --- WKS (RFC 1035 §3.4.2) ---

void append_wks(std::string& out, ByteView field) {
  append_number(out, field[0]);
  const auto map = field.subspan(1);
  for (std::size_t port = 0; port < map.size() * 8; ++port) {
    if ((map[port / 8] & (0x80U >> port % 8)) == 0) continue;
    out.push_back(' ');
    append_number(out, port);
  }
}

Maybe parse_wks(FieldInput& in) {
  if (in.done()) return in.bad("a protocol, such as tcp or 6");
  auto protocol = parse_word(in.tokens[in.at].text, kProtocols, 0xFF);
  if (!protocol) return in.bad("a protocol, such as tcp or 6");
  in.out.push_back(static_cast<std::uint8_t>(*protocol));
  const std::size_t start = in.out.size();
  for (++in.at; !in.done(); ++in.at) {
    auto port = parse_word(in.tokens[in.at].text, kPorts, 0xFFFF);
    if (!port) return in.bad("a port, such as smtp or 25", WireError::bad_number);
    if (in.out.size() < start + *port / 8U + 1) in.out.resize(start + *port / 8U + 1, 0);
    in.out[start + *port / 8U] |= static_cast<std::uint8_t>(0x80U >> *port % 8U);
  }
  return std::nullopt;
}

// --- gateways: IPSECKEY (RFC 4025 §3.1), AMTRELAY (RFC 8777 §4.3.1) ---

void append_gateway(std::string& out, unsigned kind, ByteView octets) {
  switch (kind) {
    case 0:
      out.push_back('.');
      break;
    case 1:
      append_ipv4(out, octets.data());
      break;
    case 2:
      append_ipv6(out, octets.data());
      break;
    default:
      append_name(out, NameView::trusted(octets.first(name_size(octets))));
  }
}

Maybe parse_gateway(FieldInput& in, std::uint64_t kind) {
  if (in.done()) return in.bad("a gateway");
  const auto text = in.tokens[in.at].text;
  std::uint8_t address[16];
  switch (kind) {
    case 0:
      if (text != ".") return in.bad("a dot for no gateway");
      break;
    case 1:
      if (!parse_ipv4(text, address)) return in.bad("an IPv4 address such as 192.0.2.1");
      append(in.out, ByteView(address).first(4));
      break;
    case 2:
      if (!parse_ipv6(text, address)) return in.bad("an IPv6 address such as 2001:db8::1");
      append(in.out, address);
      break;
    default:
      return parse_name_field(in);
  }
  ++in.at;
  return std::nullopt;
}

std::size_t gateway_octets(unsigned kind, ByteView rest) {
  return kind == 0 ? 0 : kind == 1 ? 4 : kind == 2 ? 16 : name_size(rest);
}

void append_ipseckey(std::string& out, ByteView field) {
  append_number(out, field[0]);
  out.push_back(' ');
  append_number(out, field[1]);
  out.push_back(' ');
  const auto rest = field.subspan(2);
  append_gateway(out, field[0], rest);
  const auto key = rest.subspan(gateway_octets(field[0], rest));
  if (key.empty()) return;
  out.push_back(' ');
  out += base64(key);
}

Maybe parse_ipseckey(FieldInput& in) {
  auto kind = in.done() ? std::nullopt : parse_number(in.tokens[in.at].text, 3);
  if (!kind) return in.bad("a gateway type from 0 to 3", WireError::bad_number);
  in.out.push_back(static_cast<std::uint8_t>(*kind));
  ++in.at;
  auto algorithm = in.done() ? std::nullopt : parse_number(in.tokens[in.at].text, 0xFF);
  if (!algorithm) return in.bad("an IPSECKEY algorithm, a number from 0 to 255", WireError::bad_number);
  in.out.push_back(static_cast<std::uint8_t>(*algorithm));
  ++in.at;
  if (auto problem = parse_gateway(in, *kind)) return problem;
  return parse_base64_rest(in, true);
}

void append_amtrelay(std::string& out, ByteView field) {
  append_number(out, field[0] >> 7);
  out.push_back(' ');
  append_number(out, field[0] & 0x7FU);
  out.push_back(' ');
  append_gateway(out, field[0] & 0x7FU, field.subspan(1));
}

Maybe parse_amtrelay(FieldInput& in) {
  auto discovery = in.done() ? std::nullopt : parse_number(in.tokens[in.at].text, 1);
  if (!discovery) return in.bad("the discovery bit, 0 or 1", WireError::bad_number);
  ++in.at;
  auto kind = in.done() ? std::nullopt : parse_number(in.tokens[in.at].text, 3);
  if (!kind) return in.bad("a relay type from 0 to 3", WireError::bad_number);
  ++in.at;
  in.out.push_back(static_cast<std::uint8_t>(*discovery << 7 | *kind));
  return parse_gateway(in, *kind);
}

// --- HIP (RFC 8005 §6) ---

void append_hip(std::string& out, ByteView field) {
  append_number(out, field[1]);
  out.push_back(' ');
  append_hex(out, field.subspan(4, field[0]));
  out.push_back(' ');
  const std::size_t key_size = load_u16(&field[2]);
  out += base64(field.subspan(4U + field[0], key_size));
  for (auto rest = field.subspan(4U + field[0] + key_size); !rest.empty();) {
    const std::size_t size = name_size(rest);
    out.push_back(' ');
    append_name(out, NameView::trusted(rest.first(size)));
    rest = rest.subspan(size);
  }
}

Maybe parse_hip(FieldInput& in) {
  auto algorithm = in.done() ? std::nullopt : parse_number(in.tokens[in.at].text, 0xFF);
  if (!algorithm) return in.bad("a HIP algorithm, a number from 0 to 255", WireError::bad_number);
  ++in.at;
  Bytes hit;
  if (in.done() || !append_from_hex(hit, in.tokens[in.at].text) || hit.empty() || hit.size() > 255)
    return in.bad("a host identity tag of 1 to 255 octets in hex");
  ++in.at;
  auto key = in.done() ? std::nullopt : from_base64(in.tokens[in.at].text);
  if (!key || key->empty() || key->size() > 0xFFFF) return in.bad("a public key in base64, in one piece");
  ++in.at;
  ByteWriter writer(in.out);
  writer.u8(static_cast<std::uint8_t>(hit.size()));
  writer.u8(static_cast<std::uint8_t>(*algorithm));
  writer.u16(static_cast<std::uint16_t>(key->size()));
  writer.bytes(hit);
  writer.bytes(*key);
  while (!in.done())
    if (auto problem = parse_name_field(in)) return problem;
  return std::nullopt;
}

// --- A6 (RFC 2874 §3.2) ---

void append_a6(std::string& out, ByteView field) {
  const std::size_t suffix = (128U - field[0] + 7) / 8;
  append_number(out, field[0]);
  if (field[0] < 128) {
    std::uint8_t address[16] = {};
    std::copy_n(field.begin() + 1, suffix, address + 16 - suffix);
    out.push_back(' ');
    append_ipv6(out, address);
  }
  if (field[0] > 0) {
    out.push_back(' ');
    append_name(out, NameView::trusted(field.subspan(1 + suffix)));
  }
}

Maybe parse_a6(FieldInput& in) {
  auto prefix = in.done() ? std::nullopt : parse_number(in.tokens[in.at].text, 128);
  if (!prefix) return in.bad("a prefix length from 0 to 128", WireError::bad_number);
  ++in.at;
  in.out.push_back(static_cast<std::uint8_t>(*prefix));
  if (*prefix < 128) {
    std::uint8_t address[16];
    if (in.done() || !parse_ipv6(in.tokens[in.at].text, address))
      return in.bad("an IPv6 address such as ::1");
    const std::size_t suffix = (128 - *prefix + 7) / 8;
    if (*prefix % 8 != 0) address[16 - suffix] &= static_cast<std::uint8_t>(0xFFU >> (*prefix % 8));
    append(in.out, {address + 16 - suffix, suffix});
    ++in.at;
  }
  if (*prefix == 0) return std::nullopt;
  if (in.done()) return in.bad("a domain name");
  return parse_name_field(in);
}

}  // namespace

void append_special(std::string& out, char code, ByteView field) {
  switch (code) {
    case 'O':
      append_loc(out, field);
      break;
    case 'P':
      append_apl(out, field);
      break;
    case 'V':
      append_svc_params(out, field);
      break;
    case 'W':
      append_wks(out, field);
      break;
    case 'I':
      append_ipseckey(out, field);
      break;
    case 'R':
      append_amtrelay(out, field);
      break;
    case 'J':
      append_hip(out, field);
      break;
    case 'K':
      append_a6(out, field);
      break;
    default:
      break;
  }
}

Maybe parse_special(char code, FieldInput& in) {
  switch (code) {
    case 'O':
      return parse_loc(in);
    case 'P':
      return parse_apl(in);
    case 'V':
      return parse_svc_params(in);
    case 'W':
      return parse_wks(in);
    case 'I':
      return parse_ipseckey(in);
    case 'R':
      return parse_amtrelay(in);
    case 'J':
      return parse_hip(in);
    case 'K':
      return parse_a6(in);
    default:
      return in.bad("generic data such as \\# 4 0A000001");
  }
}

}  // namespace onoma::wire::detail
