#include "crypto/mac.h"

#include "support.h"

namespace onoma::crypto {
namespace {

using test::h;
using test::hex_of;

TEST(Hmac, KnowsTheExamplesOfRfc2202AndRfc4231) {
  const Bytes key(20, 0x0b);
  const auto hi = as_bytes("Hi There");
  EXPECT_EQ(hex_of(hmac_sha1(key, hi)), "b617318655057264e28bc0b6fb378c8ef146be00");
  EXPECT_EQ(hex_of(hmac_sha256(key, hi)), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(
      hex_of(hmac_sha384(key, hi)),
      "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6");
  EXPECT_EQ(hex_of(hmac_sha512(key, hi)),
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4"
            "be9d914eeb"
            "61f1702e696c203a126854");
  EXPECT_EQ(hex_of(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Hmac, HashesKeysLongerThanABlock) {
  const Bytes key(131, 0xaa);
  const auto text = as_bytes("Test Using Larger Than Block-Size Key - Hash Key First");
  EXPECT_EQ(hex_of(hmac_sha256(key, text)),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hmac_sha256(key, text), hmac_sha256(sha256(key), text));
  EXPECT_EQ(hex_of(hmac_sha512(key, text)),
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e52"
            "95e64f73f6"
            "3f0aec8b915a985d786598");
}

TEST(Hmac, InPartsAndFromAKeptCopyIsTheSame) {
  const HmacSha384 kept(as_bytes("key"));
  for (int i = 0; i < 2; ++i) {
    auto hmac = kept;
    hmac.update(as_bytes("mess"));
    hmac.update(as_bytes("age"));
    EXPECT_EQ(hmac.finish(), hmac_sha384(as_bytes("key"), as_bytes("message")));
  }
}

TEST(SipHash, KnowsThePapersExampleAndItsReferenceOutputs) {
  SipKey key;
  Bytes data;
  for (std::uint8_t i = 0; i < 16; ++i) key[i] = i;
  for (std::uint8_t i = 0; i < 15; ++i) data.push_back(i);
  EXPECT_EQ(siphash24(key, data), 0xa129ca6149be45e5u);
  EXPECT_EQ(siphash24(key, {}), 0x726fdb47dd0e0e31u);
  EXPECT_EQ(siphash24(key, ByteView(data).first(1)), 0x74f839c593dc67fdu);
  EXPECT_EQ(siphash24(key, ByteView(data).first(8)), 0x93f5f5799a932462u);
}

}  // namespace
}  // namespace onoma::crypto
