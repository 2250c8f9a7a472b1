// Traps in record data: sizes near 2^16, data that are not what their type says. Whatever the octets, they
// print, in the generic form if need be, and what prints parses back to the same octets.
#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "wire/message_reader.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::wire {
namespace {

void expect_prints(RRType type, const Bytes& data) {
  const auto text = rdata_text(type, data);
  ASSERT_FALSE(text.empty());
  ASSERT_TRUE(std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; })) << type_text(type);
  const bool valid = rdata_valid(type, data);
  if (!valid) {
    EXPECT_TRUE(text.starts_with("\\# "))
        << type_text(type) << " " << hex(data).substr(0, 200) << ": " << text;
  }
}

Bytes octets(std::string_view digits) {
  return *from_hex(digits);
}

// Data of an SVCB record of so many octets: one parameter, or many.
Bytes svcb(std::size_t size, bool many) {
  Bytes out;
  ByteWriter w(out);
  w.u16(1);
  w.u8(0);
  std::uint16_t key = 65280;
  while (out.size() < size) {
    const auto left = size - out.size();
    if (left < 4) {
      out.resize(size);
      break;
    }
    const auto value = many ? std::min<std::size_t>(left - 4, 1000) : left - 4;
    w.u16(key++);
    w.u16(static_cast<std::uint16_t>(value));
    for (std::size_t i = 0; i < value; ++i) w.u8(static_cast<std::uint8_t>(i));
  }
  return out;
}

TEST(TrapSixteenBitWrap, SvcbOfEverySizeNearTheLimit) {
  for (const bool many : {false, true})
    for (const std::size_t size : {65511U, 65512U, 65513U, 65535U}) {
      const auto data = svcb(size, many);
      ASSERT_EQ(data.size(), size);
      expect_prints(RRType::SVCB, data);
      expect_prints(RRType::HTTPS, data);
    }
}

TEST(TrapSixteenBitWrap, EveryTypeOfTheTableAtTheLargestSize) {
  std::mt19937 random(7);
  Bytes noise(65535);
  for (auto& octet : noise) octet = static_cast<std::uint8_t>(random());
  for (std::uint32_t number = 1; number < 270; number += number == 70 ? 30 : number == 110 ? 140 : 1) {
    const auto type = *parse_type("TYPE" + std::to_string(number));
    expect_prints(type, noise);
    for (const std::size_t size : {255U, 256U, 300U})
      for (const int filler : {0, 1, 2, 0x3f, 0xff})
        expect_prints(type, Bytes(size, static_cast<std::uint8_t>(filler)));
  }
}

// Records of a message whose lengths speak of more than there is, or of less than their data need.
TEST(TrapSixteenBitWrap, LengthsThatLieInMessages) {
  for (std::uint32_t number = 1; number < 300; ++number) {
    for (const std::uint32_t length : {0U, 1U, 2U, 65535U, 65512U, 20U, 21U}) {
      Bytes message = {0, 1, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
      ByteWriter w(message);
      w.u16(static_cast<std::uint16_t>(number));
      w.u16(1);
      w.u32(0);
      w.u16(static_cast<std::uint16_t>(length));
      message.resize(message.size() + 20, 0xc0);
      const auto read = read_message(message);
      if (read && length != 20) ADD_FAILURE() << number << " with length " << length << " was read";
    }
  }
}

struct Hostile {
  const char* type;
  const char* what;
  const char* digits;
};

// Each of these made a name server stop or print nonsense, or is next to what did.
TEST(TrapPrinting, HostileDataFallBackToTheGenericForm) {
  const Hostile cases[] = {
      {"APL", "more address octets than IPv4 has", "000120050102030405"},
      {"APL", "prefix longer than the address", "00012104c0000201"},
      {"APL", "unknown family", "7fff1004c0000201"},
      {"APL", "length beyond the end", "0001187f0a"},
      {"APL", "trailing zero octet", "000118030a0000"},
      {"APL", "half an item", "0001"},
      {"HIP", "key length beyond the end", "0402ffff01020304"},
      {"HIP", "no hit", "00020000"},
      {"HIP", "damaged server name", "0102000101ff3f61"},
      {"NXT", "no bitmap", "0161"},
      {"NXT", "name that ends early", "3f61"},
      {"NXT", "bitmap of 17 octets", "00ffffffffffffffffffffffffffffffffff"},
      {"BRID", "nothing", ""},
      {"HHIT", "nothing", ""},
      {"HHIT", "one octet", "ff"},
      {"NSEC", "window twice", "0000014000014000"},
      {"NSEC", "empty window", "000000"},
      {"NSEC", "window of 33 octets",
       "000021ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
      {"NSEC3", "salt beyond the end", "01000000ff01"},
      {"NSEC3", "hash beyond the end", "0100000000ff01"},
      {"LOC", "version 1", "01000000000000000000000000000000"},
      {"LOC", "size with digit 10", "00af0000800000008000000080000000"},
      {"CAA", "tag beyond the end", "00ff6973"},
      {"CAA", "empty tag", "000061"},
      {"TXT", "string beyond the end", "05616263"},
      {"TXT", "nothing", ""},
      {"SOA", "short", "000000000001"},
      {"SVCB", "keys out of order", "000100000400040a0000010003000201bb"},
      {"SVCB", "key twice", "000100000300020035000300020035"},
      {"SVCB", "value beyond the end", "0001000003ffff0035"},
      {"IPSECKEY", "gateway type 4", "0a040200"},
      {"RRSIG", "signer beyond the end", "000105020000003c0000000000000000000105"},
      {"TYPE249", "three octets", "00ffff"},
      {"A", "five octets", "c000020101"},
      {"NS", "compression pointer", "c00c"},
      {"MX", "nothing behind the preference", "0001"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(std::string(one.type) + ": " + one.what);
    const auto type = parse_type(one.type);
    ASSERT_TRUE(type.has_value());
    expect_prints(*type, octets(one.digits));
  }
}

}  // namespace
}  // namespace onoma::wire
