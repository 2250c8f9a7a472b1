// Random names and random valid record data of any type, from a seed.
#pragma once

#include <random>
#include <string_view>

#include "base/bytes.h"
#include "wire/dnssec.h"
#include "wire/name.h"
#include "wire/rdata_fields.h"

namespace onoma::wire {

class RandomData {
 public:
  explicit RandomData(std::uint64_t seed) : engine_(seed) {}

  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_);
  }
  std::size_t between(std::size_t least, std::size_t most) { return least + below(most - least + 1); }
  bool chance(std::size_t one_in) { return below(one_in) == 0; }

  Bytes octets(std::size_t size) {
    Bytes out(size);
    for (auto& octet : out) octet = static_cast<std::uint8_t>(below(256));
    return out;
  }

  Bytes label() {
    const std::size_t size = chance(20) ? between(1, 63) : between(1, 8);
    Bytes out = octets(size);
    constexpr std::string_view kOften("abcdXYZ-_0129.\\\"\0\1@$();*", 24);
    if (!chance(3))  // mostly like the names of this world, with some octets that hurt
      for (auto& octet : out) octet = static_cast<std::uint8_t>(kOften[below(kOften.size())]);
    return out;
  }

  Name name() {
    Name out;
    const std::size_t labels = chance(20) ? 127 : below(6);
    for (std::size_t i = 0; i < labels; ++i) {
      auto longer = Name::prepend(labels == 127 ? octets(1) : label(), out);
      if (!longer) break;
      out = *longer;
    }
    return out;
  }

  Bytes rdata(RRType type) {
    Bytes out;
    for (const char code : detail::type_info(type).form) field(out, code);
    return out;
  }

 private:
  void counted(Bytes& out, std::size_t size) {
    out.push_back(static_cast<std::uint8_t>(size));
    append(out, octets(size));
  }

  std::vector<RRType> types(std::size_t limit) {
    std::vector<RRType> out;
    for (std::size_t i = below(8); i > 0; --i)
      out.push_back(RRType{static_cast<std::uint16_t>(between(1, limit))});
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  void field(Bytes& out, char code) {
    ByteWriter writer(out);
    switch (code) {
      case '1':
      case 'c':
      case 'y':
        append(out, octets(1));
        break;
      case '2':
      case 'Y':
      case 'z':
        append(out, octets(2));
        break;
      case '4':
      case 'T':
      case 't':
      case 'a':
        append(out, octets(4));
        break;
      case '8':
      case '6':
      case 'E':
        append(out, octets(8));
        break;
      case 'e':
        append(out, octets(6));
        break;
      case 'A': {
        Bytes address = octets(16);
        for (std::size_t i = below(8) * 2, end = std::min<std::size_t>(16, i + 2 * below(8)); i < end; ++i)
          address[i] = 0;
        append(out, address);
        break;
      }
      case 'N':
      case 'l':
      case 'L':
      case 'n':
        append(out, name().wire());
        break;
      case 's':
        counted(out, between(0, 255));
        break;
      case 'u':
        if (chance(2)) counted(out, between(0, 20));
        break;
      case 'S':
        for (std::size_t i = between(1, 4); i > 0; --i) counted(out, between(0, 255));
        break;
      case 'q':
      case 'o':
      case 'd':
      case '?':
      case '!':
        append(out, octets(below(600)));
        break;
      case 'h':
      case 'B':
      case 'D':
        append(out, octets(between(1, 600)));
        break;
      case 'Z':
        append(out, octets(between(12, 64)));
        break;
      case 'H':
        counted(out, below(256));
        break;
      case 'b':
        counted(out, between(1, 255));
        break;
      case 'g':
        out.push_back(static_cast<std::uint8_t>(between(1, 15)));
        for (std::size_t i = out.back(); i > 0; --i)
          out.push_back(static_cast<std::uint8_t>("azAZ09"[below(6)]));
        break;
      case 'm':
        append(out, type_bitmap(types(65535)));
        break;
      case 'w': {
        Bytes map = octets(between(1, 16));
        map[0] &= 0x7F;
        map.back() |= 1;
        append(out, map);
        break;
      }
      default:
        special(out, code);
    }
  }

  void gateway(Bytes& out, std::size_t kind) {
    if (kind == 1) append(out, octets(4));
    if (kind == 2) append(out, octets(16));
    if (kind == 3) append(out, name().wire());
  }

  void special(Bytes& out, char code) {
    ByteWriter writer(out);
    switch (code) {
      case 'O':
        writer.u8(0);
        for (int i = 0; i < 3; ++i)
          writer.u8(static_cast<std::uint8_t>(chance(5) ? 0 : between(1, 9) << 4 | below(10)));
        writer.u32(static_cast<std::uint32_t>(0x80000000U - 324'000'000U + below(648'000'001)));
        writer.u32(static_cast<std::uint32_t>(0x80000000U - 648'000'000U + below(1'296'000'001)));
        append(out, octets(4));
        break;
      case 'P':
        for (std::size_t i = below(4); i > 0; --i) {
          const bool v4 = chance(2);
          Bytes address = octets(below(v4 ? 5 : 17));
          if (!address.empty()) address.back() |= 1;
          writer.u16(v4 ? 1 : 2);
          writer.u8(static_cast<std::uint8_t>(below(v4 ? 33 : 129)));
          writer.u8(static_cast<std::uint8_t>(address.size() | (chance(2) ? 0x80U : 0U)));
          append(out, address);
        }
        break;
      case 'V':
        service_parameters(out);
        break;
      case 'W': {
        Bytes map = octets(below(200));
        if (!map.empty()) map.back() |= 1;
        append(out, octets(1));
        append(out, map);
        break;
      }
      case 'I': {
        const std::size_t kind = below(4);
        writer.u8(static_cast<std::uint8_t>(kind));
        append(out, octets(1));
        gateway(out, kind);
        append(out, octets(below(64)));
        break;
      }
      case 'R': {
        const std::size_t kind = below(4);
        writer.u8(static_cast<std::uint8_t>(kind | (chance(2) ? 0x80U : 0U)));
        gateway(out, kind);
        break;
      }
      case 'J': {
        const std::size_t tag = between(1, 255), key = between(1, 500);
        writer.u8(static_cast<std::uint8_t>(tag));
        append(out, octets(1));
        writer.u16(static_cast<std::uint16_t>(key));
        append(out, octets(tag + key));
        for (std::size_t i = below(4); i > 0; --i) append(out, name().wire());
        break;
      }
      case 'K': {
        const std::size_t prefix = below(129), size = (128 - prefix + 7) / 8;
        Bytes suffix = octets(size);
        if (prefix % 8 != 0) suffix[0] &= static_cast<std::uint8_t>(0xFFU >> prefix % 8);
        writer.u8(static_cast<std::uint8_t>(prefix));
        append(out, suffix);
        if (prefix > 0) append(out, name().wire());
        break;
      }
      default:
        break;
    }
  }

  void service_parameters(Bytes& out) {
    std::vector<std::pair<std::uint16_t, Bytes>> params;
    std::vector<std::uint16_t> keys;
    for (std::uint16_t key = 1; key < 12; ++key)
      if (chance(2)) keys.push_back(key);
    if (chance(2)) keys.push_back(static_cast<std::uint16_t>(between(12, 65535)));
    Bytes mandatory;
    for (const auto key : keys) {
      if (chance(3)) ByteWriter(mandatory).u16(key);
      Bytes value;
      switch (key) {
        case 1:
          for (std::size_t i = between(1, 4); i > 0; --i) counted(value, between(1, 255));
          break;
        case 2:
        case 8:
          break;
        case 3:
          value = octets(2);
          break;
        case 4:
          value = octets(4 * between(1, 4));
          break;
        case 5:
          value = octets(between(1, 100));
          break;
        case 6:
          value = octets(16 * between(1, 4));
          break;
        case 9:
          value = octets(2 * between(1, 4));
          break;
        default:
          value = octets(below(80));
      }
      params.emplace_back(key, value);
    }
    if (!mandatory.empty()) params.insert(params.begin(), {std::uint16_t{0}, mandatory});
    ByteWriter writer(out);
    for (const auto& [key, value] : params) {
      writer.u16(key);
      writer.u16(static_cast<std::uint16_t>(value.size()));
      writer.bytes(value);
    }
  }

  std::mt19937_64 engine_;
};

inline std::vector<RRType> all_types() {
  std::vector<RRType> out;
  for (unsigned n = 0; n < 65536; ++n)
    if (!detail::type_info(RRType{static_cast<std::uint16_t>(n)}).mnemonic.empty())
      out.push_back(RRType{static_cast<std::uint16_t>(n)});
  return out;
}

}  // namespace onoma::wire
