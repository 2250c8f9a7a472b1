#include "crypto/seal.h"

#include "support.h"

namespace onoma::crypto {
namespace {

using test::ConstantRng;
using test::h;

TEST(Seal, KnowsTheExampleOfTheGcmSpecification) {
  // Test case 14: key, nonce and plain data are zero.
  ConstantRng zero(0);
  const auto key = SealKey::random(zero);
  EXPECT_EQ(hex(seal(key, Bytes(16, 0), {}, zero)),
            "000000000000000000000000"
            "cea7403d4d606b6e074ec5d3baf39d18"
            "d0d1c8a799996bf0265b98b5d48ab919");
}

TEST(Seal, OpensWhatItSealed) {
  SeededRng rng(3);
  const auto key = SealKey::random(rng);
  for (std::size_t size : {0u, 1u, 15u, 16u, 17u, 4096u}) {
    Bytes plain(size);
    rng.fill(plain);
    const auto sealed = seal(key, plain, as_bytes("contact 1/name"), rng);
    EXPECT_EQ(sealed.size(), size + kSealOverhead);
    auto opened = open(key, sealed, as_bytes("contact 1/name"));
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, plain);
  }
}

TEST(Seal, TwiceIsNeverTheSame) {
  SystemRng rng;
  const auto key = SealKey::random(rng);
  EXPECT_NE(seal(key, as_bytes("same"), {}, rng), seal(key, as_bytes("same"), {}, rng));
}

TEST(Seal, OpensNothingThatWasChangedCutOrMoved) {
  SeededRng rng(4);
  const auto key = SealKey::random(rng);
  const auto sealed = seal(key, as_bytes("a person"), as_bytes("contact 1"), rng);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    auto changed = sealed;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1 << bit % 8));
    auto opened = open(key, changed, as_bytes("contact 1"));
    ASSERT_FALSE(opened) << bit;
    EXPECT_EQ(opened.error().code, Code::corrupt);
  }
  for (std::size_t size = 0; size < sealed.size(); ++size)
    ASSERT_FALSE(open(key, ByteView(sealed).first(size), as_bytes("contact 1"))) << size;
  EXPECT_FALSE(open(key, sealed, as_bytes("contact 2")));
  EXPECT_FALSE(open(key, sealed, {}));
  EXPECT_FALSE(open(SealKey::random(rng), sealed, as_bytes("contact 1")));
}

TEST(SealKey, HasThirtyTwoOctetsAndComesBack) {
  SeededRng rng(5);
  const auto key = SealKey::random(rng);
  auto again = SealKey::from_bytes(key.bytes());
  ASSERT_TRUE(again);
  EXPECT_TRUE(open(*again, seal(key, as_bytes("x"), {}, rng), {}));
  for (std::size_t size : {0u, 16u, 31u, 33u}) EXPECT_FALSE(SealKey::from_bytes(Bytes(size, 1))) << size;
}

}  // namespace
}  // namespace onoma::crypto
