// Which octets are a field of which code: the check half of the record-data engine.
#include "wire/rdata_fields.h"

#include <algorithm>

#include "wire/type_bitmap.h"

namespace onoma::wire::detail {
namespace {

std::size_t at_least(ByteView rest, std::size_t size) {
  return rest.size() >= size ? size : kBad;
}
std::size_t whole_if(bool good, ByteView rest) {
  return good ? rest.size() : kBad;
}

// A field with its length in the first octet.
std::size_t counted(ByteView rest, std::size_t least) {
  if (rest.empty() || rest[0] < least) return kBad;
  return at_least(rest, 1U + rest[0]);
}

std::size_t strings_to_end(ByteView rest) {
  std::size_t at = 0;
  while (at < rest.size()) at += 1U + rest[at];
  return at == rest.size() && at > 0 ? at : kBad;
}

std::size_t caa_tag(ByteView rest) {
  const std::size_t size = counted(rest, 1);
  if (size == kBad) return kBad;
  for (const auto octet : rest.subspan(1, size - 1))
    if (!(octet >= '0' && octet <= '9') && !(ascii_lower(octet) >= 'a' && ascii_lower(octet) <= 'z'))
      return kBad;
  return size;
}

// RFC 1876 §2. A power of ten with mantissa 0 has no text of its own.
bool loc_valid(ByteView field) {
  if (field[0] != 0) return false;
  for (std::size_t i = 1; i < 4; ++i) {
    const int mantissa = field[i] >> 4, exponent = field[i] & 0xF;
    if (mantissa > 9 || exponent > 9 || (mantissa == 0 && exponent != 0)) return false;
  }
  const auto within = [&](std::size_t at, std::uint32_t degrees) {
    const std::int64_t value = static_cast<std::int64_t>(load_u32(&field[at])) - (std::int64_t{1} << 31);
    return std::abs(value) <= std::int64_t{degrees} * 3'600'000;
  };
  return within(4, 90) && within(8, 180);
}

// RFC 3123 §4.
bool apl_valid(ByteView rest) {
  while (!rest.empty()) {
    if (rest.size() < 4) return false;
    const std::uint16_t family = load_u16(rest.data());
    const std::size_t size = rest[3] & 0x7FU;
    if (family != 1 && family != 2) return false;
    if (rest[2] > (family == 1 ? 32 : 128) || size > (family == 1 ? 4U : 16U)) return false;
    if (rest.size() < 4 + size || (size > 0 && rest[3 + size] == 0)) return false;
    rest = rest.subspan(4 + size);
  }
  return true;
}

// A gateway (RFC 4025 §2.3, RFC 8777 §4.2.3): its size by its kind.
std::size_t gateway_size(unsigned kind, ByteView rest) {
  switch (kind) {
    case 0:
      return 0;
    case 1:
      return at_least(rest, 4);
    case 2:
      return at_least(rest, 16);
    case 3:
      return name_size(rest);
    default:
      return kBad;
  }
}

bool hip_valid(ByteView rest) {
  if (rest.size() < 4) return false;
  const std::size_t keys = 4U + rest[0] + load_u16(&rest[2]);
  if (rest[0] == 0 || load_u16(&rest[2]) == 0 || rest.size() < keys) return false;
  for (rest = rest.subspan(keys); !rest.empty();) {
    const std::size_t size = name_size(rest);
    if (size == kBad) return false;
    rest = rest.subspan(size);
  }
  return true;
}

// RFC 2874 §3.1: prefix length, the address bits behind the prefix, the prefix name if there is a prefix.
bool a6_valid(ByteView rest) {
  if (rest.empty() || rest[0] > 128) return false;
  const std::size_t suffix = (128U - rest[0] + 7) / 8;
  if (rest.size() < 1 + suffix) return false;
  const unsigned pad = rest[0] % 8U;
  if (pad != 0 && suffix > 0 && (rest[1] >> (8 - pad)) != 0) return false;
  if (rest[0] == 0) return rest.size() == 1 + suffix;
  return name_size(rest.subspan(1 + suffix)) == rest.size() - 1 - suffix;
}

}  // namespace

std::size_t name_size(ByteView octets) {
  std::size_t at = 0;
  for (;;) {
    if (at >= octets.size() || octets[at] > kMaxLabelOctets) return kBad;
    const std::size_t step = 1U + octets[at];
    at += step;
    if (at > kMaxNameOctets) return kBad;
    if (step == 1) return at;
  }
}

std::size_t special_size(char code, ByteView rest) {
  switch (code) {
    case 'O':
      return rest.size() >= 16 && loc_valid(rest) ? 16 : kBad;
    case 'P':
      return whole_if(apl_valid(rest), rest);
    case 'V':
      return whole_if(svc_params_valid(rest), rest);
    case 'W':  // protocol, bit map of ports without zero octets at its end
      return whole_if(rest.size() >= 1 && rest.size() <= 8193 && (rest.size() == 1 || rest.back() != 0),
                      rest);
    case 'I': {
      if (rest.size() < 2) return kBad;
      return whole_if(gateway_size(rest[0], rest.subspan(2)) != kBad, rest);
    }
    case 'R': {
      if (rest.empty()) return kBad;
      const std::size_t size = gateway_size(rest[0] & 0x7FU, rest.subspan(1));
      return size == kBad ? kBad : 1 + size;
    }
    case 'J':
      return whole_if(hip_valid(rest), rest);
    case 'K':
      return whole_if(a6_valid(rest), rest);
    default:
      return kBad;
  }
}

std::size_t field_size(char code, ByteView rest) {
  switch (code) {
    case '1':
    case 'c':
    case 'y':
      return at_least(rest, 1);
    case '2':
    case 'Y':
    case 'z':
      return at_least(rest, 2);
    case '4':
    case 'T':
    case 't':
    case 'a':
      return at_least(rest, 4);
    case 'e':
      return at_least(rest, 6);
    case '8':
    case '6':
    case 'E':
      return at_least(rest, 8);
    case 'A':
      return at_least(rest, 16);
    case 'N':
    case 'l':
    case 'L':
    case 'n':
      return name_size(rest);
    case 's':
    case 'H':
      return counted(rest, 0);
    case 'b':
      return counted(rest, 1);
    case 'u':
      return rest.empty() ? 0 : counted(rest, 0);
    case 'g':
      return caa_tag(rest);
    case 'S':
      return strings_to_end(rest);
    case 'h':
    case 'B':
    case 'D':
      return whole_if(!rest.empty(), rest);
    case 'Z':
      return whole_if(rest.size() >= 12, rest);
    case 'q':
    case 'o':
    case 'd':
    case '?':
    case '!':
      return rest.size();
    case 'm':
      return whole_if(bitmap_valid(rest), rest);
    case 'w':
      return whole_if(!rest.empty() && rest.size() <= 16 && rest[0] < 0x80 && rest.back() != 0, rest);
    default:
      return special_size(code, rest);
  }
}

void special_names(char code, ByteView field, std::vector<std::size_t>& offsets) {
  switch (code) {
    case 'I':
      if (field[0] == 3) offsets.push_back(2);
      break;
    case 'R':
      if ((field[0] & 0x7F) == 3) offsets.push_back(1);
      break;
    case 'J':
      for (std::size_t at = 4U + field[0] + load_u16(&field[2]); at < field.size();
           at += name_size(field.subspan(at)))
        offsets.push_back(at);
      break;
    case 'K':
      if (field[0] != 0) offsets.push_back(1U + (128U - field[0] + 7) / 8);
      break;
    default:
      break;
  }
}

}  // namespace onoma::wire::detail
