#include "base/bytes.h"

#include <gtest/gtest.h>

namespace onoma {
namespace {

const Bytes kSixteen{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

TEST(ByteReader, ReadsNetworkOrder) {
  ByteReader in(kSixteen);
  EXPECT_EQ(in.u8(), 0x00);
  EXPECT_EQ(in.u16(), 0x0102);
  EXPECT_EQ(in.u32(), 0x03040506U);
  EXPECT_EQ(in.u64(), 0x0708090a0b0c0d0eU);
  EXPECT_EQ(in.left(), 1U);
  EXPECT_EQ(in.position(), 15U);
  EXPECT_FALSE(in.done());
  EXPECT_EQ(in.u8(), 15);
  EXPECT_TRUE(in.done());
}

// Every read needs its full size; a failed one leaves the reader where it was.
TEST(ByteReader, FailedReadMovesNothing) {
  for (std::size_t size = 0; size < 8; ++size) {
    ByteReader in(ByteView(kSixteen).first(size));
    EXPECT_FALSE(in.u64());
    EXPECT_FALSE(in.bytes(size + 1));
    EXPECT_FALSE(in.bytes(static_cast<std::size_t>(-1)));
    EXPECT_EQ(in.u32().has_value(), size >= 4);
    EXPECT_EQ(in.left(), size >= 4 ? size - 4 : size);
  }
  ByteReader in(ByteView(kSixteen).first(1));
  EXPECT_FALSE(in.u16());
  EXPECT_EQ(in.position(), 0U);
  EXPECT_EQ(in.u8(), 0);
  EXPECT_FALSE(in.u8());
}

TEST(ByteReader, EmptyInputAndEmptyPieces) {
  ByteReader in(ByteView{});
  EXPECT_TRUE(in.done());
  EXPECT_FALSE(in.u8());
  ASSERT_TRUE(in.bytes(0));
  EXPECT_TRUE(in.bytes(0)->empty());
  EXPECT_TRUE(in.rest().empty());
}

TEST(ByteReader, BlockIsAllOrNothing) {
  const Bytes good{0, 0, 0, 2, 0xaa, 0xbb, 0xcc};
  ByteReader in(good);
  const auto block = in.block();
  ASSERT_TRUE(block);
  EXPECT_TRUE(equal(*block, Bytes{0xaa, 0xbb}));
  EXPECT_EQ(in.left(), 1U);
  EXPECT_FALSE(in.block());
  EXPECT_EQ(in.left(), 1U);

  const Bytes too_long{0xff, 0xff, 0xff, 0xff, 1};
  ByteReader lying(too_long);
  EXPECT_FALSE(lying.block());
  EXPECT_EQ(lying.position(), 0U);
}

TEST(ByteWriter, WhatIsWrittenIsRead) {
  Bytes out{0x55};  // appends, keeps what is there
  ByteWriter writer(out);
  writer.u8(0xfe);
  writer.u16(0xfedc);
  writer.u32(0xfedcba98);
  writer.u64(0xfedcba9876543210U);
  writer.block(as_bytes("abc"));
  writer.bytes(as_bytes("rest"));
  EXPECT_EQ(writer.size(), out.size());

  ByteReader in(out);
  EXPECT_EQ(in.u8(), 0x55);
  EXPECT_EQ(in.u8(), 0xfe);
  EXPECT_EQ(in.u16(), 0xfedc);
  EXPECT_EQ(in.u32(), 0xfedcba98U);
  EXPECT_EQ(in.u64(), 0xfedcba9876543210U);
  EXPECT_EQ(as_text(in.block().value()), "abc");
  EXPECT_EQ(as_text(in.rest()), "rest");
}

TEST(Bytes, StoreIsTheInverseOfLoad) {
  std::uint8_t at[4];
  store_u16(at, 0x80ff);
  EXPECT_EQ(at[0], 0x80);
  EXPECT_EQ(load_u16(at), 0x80ff);
  store_u32(at, 0xff000080);
  EXPECT_EQ(at[0], 0xff);
  EXPECT_EQ(load_u32(at), 0xff000080U);
}

TEST(Bytes, EqualComparesLengthAndContent) {
  EXPECT_TRUE(equal(ByteView{}, Bytes{}));
  EXPECT_TRUE(equal(to_bytes("ab"), as_bytes("ab")));
  EXPECT_FALSE(equal(to_bytes("ab"), as_bytes("abc")));
  EXPECT_FALSE(equal(to_bytes("ab"), as_bytes("ac")));
}

}  // namespace
}  // namespace onoma
