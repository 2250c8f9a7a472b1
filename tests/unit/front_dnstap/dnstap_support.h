// What dnstap's tests share: a decoder of messages and of files, written from the formats' descriptions, and
// a query.
#pragma once

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace onoma::front::test {

// A decoder of protobuf's wire form, for fields that are not repeated.
struct Field {
  std::uint64_t number = 0;
  Bytes octets;
  friend bool operator==(const Field&, const Field&) = default;
};
using Fields = std::map<std::uint32_t, Field>;

inline std::uint64_t varint(ByteReader& in) {
  std::uint64_t out = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto octet = in.u8();
    if (!octet) ADD_FAILURE() << "a varint that ends early";
    out |= std::uint64_t{octet.value_or(0) & 0x7fU} << shift;
    if (octet.value_or(0) < 0x80) return out;
  }
  ADD_FAILURE() << "a varint without an end";
  return out;
}

inline Fields decode(ByteView data) {
  Fields out;
  ByteReader in(data);
  while (!in.done() && !testing::Test::HasFailure()) {
    const auto tag = varint(in);
    Field field;
    if (tag % 8 == 0) {
      field.number = varint(in);
    } else if (tag % 8 == 2) {
      const auto octets = in.bytes(varint(in));
      EXPECT_TRUE(octets);
      if (octets) field.octets.assign(octets->begin(), octets->end());
    } else if (tag % 8 == 5) {
      for (int shift = 0; shift < 32; shift += 8) field.number |= std::uint64_t{in.u8().value_or(0)} << shift;
    } else {
      ADD_FAILURE() << "wire type " << tag % 8;
    }
    EXPECT_TRUE(out.emplace(static_cast<std::uint32_t>(tag / 8), field).second)
        << "field " << tag / 8 << " twice";
  }
  return out;
}

// The data frames of a Frame Streams file, between its START and STOP.
inline std::vector<Bytes> frames(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  const auto all = to_bytes(content.str());
  ByteReader in(all);
  std::vector<Bytes> out;
  std::vector<std::uint32_t> controls;
  while (const auto size = in.u32()) {
    const bool control = *size == 0;
    const auto data = in.bytes(control ? in.u32().value_or(0) : *size);
    if (!data) {
      ADD_FAILURE() << "a frame that ends early";
      break;
    }
    if (control)
      controls.push_back(load_u32(data->data()));
    else
      out.emplace_back(data->begin(), data->end());
    const bool start = control && controls.back() == 2;
    EXPECT_TRUE(!start || as_text(*data).find("protobuf:dnstap.Dnstap") != std::string_view::npos);
  }
  EXPECT_EQ(controls, (std::vector<std::uint32_t>{2, 3}));
  return out;
}

// www.tld. A with an OPT that holds a cookie and a client subnet 203.0.113.0/24.
inline Bytes query() {
  return {0x12, 0x34, 1, 0, 0, 1, 0, 0,  0,    0,    0, 1, 3, 'w', 'w', 'w', 3,   't', 'l', 'd',
          0,    0,    1, 0, 1, 0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0,   0,   23,  0,   10,  0,   8,
          1,    2,    3, 4, 5, 6, 7, 8,  0,    8,    0, 7, 0, 1,   24,  0,   203, 0,   113};
}

}  // namespace onoma::front::test
