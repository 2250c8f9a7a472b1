// Published keys and signatures, tampering, and keys that nobody should publish.
#include "crypto/verify.h"

#include "support.h"

namespace onoma::crypto {
namespace {

using test::b64;
using test::h;

struct Vector {
  const char* what;
  Algorithm algorithm;
  Bytes key, message, signature;
};

// RRSIG data without signature, then the record it covers, in canonical form (RFC 4034 §3.1.8.1).
Bytes signed_a_record(std::uint8_t algorithm, std::uint16_t key_tag) {
  Bytes out;
  ByteWriter to(out);
  const auto zone = h("07 6578616d706c65 03 6e6574 00");
  auto owner = h("03 777777");
  append(owner, zone);
  to.u16(1);
  to.u8(algorithm);
  to.u8(3);
  to.u32(3600);
  to.u32(1893456000);  // 2030-01-01
  to.u32(946684800);   // 2000-01-01
  to.u16(key_tag);
  to.bytes(zone);
  to.bytes(owner);
  to.u16(1);
  to.u16(1);
  to.u32(3600);
  to.u16(4);
  to.bytes(h("c000025b"));
  return out;
}

Bytes signed_mx_record() {
  Bytes out;
  ByteWriter to(out);
  const auto zone = h("07 6578616d706c65 03 636f6d 00");
  to.u16(15);
  to.u8(15);
  to.u8(2);
  to.u32(3600);
  to.u32(1440021600);
  to.u32(1438207200);
  to.u16(3613);
  to.bytes(zone);
  to.bytes(zone);
  to.u16(15);
  to.u16(1);
  to.u32(3600);
  to.u16(20);
  to.u16(10);
  to.bytes(h("04 6d61696c"));
  to.bytes(zone);
  return out;
}

// example. 3600 SOA ns1.example. root.example. 1 3600 300 3600000 3600
Bytes signed_soa_record() {
  Bytes out;
  ByteWriter to(out);
  const auto zone = h("07 6578616d706c65 00");
  to.u16(6);
  to.u8(17);
  to.u8(1);
  to.u32(3600);
  to.u32(1693526400);  // 2023-09-01
  to.u32(1661990400);  // 2022-09-01
  to.u16(28517);
  to.bytes(zone);
  to.bytes(zone);
  to.u16(6);
  to.u16(1);
  to.u32(3600);
  to.u16(13 + 14 + 20);
  to.bytes(h("03 6e7331"));
  to.bytes(zone);
  to.bytes(h("04 726f6f74"));
  to.bytes(zone);
  for (std::uint32_t number : {1U, 3600U, 300U, 3600000U, 3600U}) to.u32(number);
  return out;
}

std::vector<Vector> vectors() {
  return {
      {"RFC 5702 §6.1", Algorithm::rsasha256,
       b64("AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8PkxUdp6p/DlUmObdk="),
       signed_a_record(8, 9033),
       b64("kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4teYp5VE9RncriShZNz85mwlMgNEacFYK/lPtPiVYP4bwg==")},
      {"RFC 5702 §6.2", Algorithm::rsasha512,
       b64("AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/AyhqFDxj13tOnD9u/"
           "1kTg7cV6rklMrZDtJCQ5PCl/"
           "D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12ZTSncorffcGmhOL"),
       signed_a_record(10, 3740),
       b64("tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBWm/"
           "zpq+9fOuagYJRfDqf"
           "ReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXIbNl1MBGk0fthPgxdDLw=")},
      {"RFC 6979 §A.2.5", Algorithm::ecdsa_p256,
       h("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
         "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
       to_bytes("sample"),
       h("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
         "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")},
      {"RFC 6979 §A.2.6", Algorithm::ecdsa_p384,
       h("ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"
         "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720"),
       to_bytes("sample"),
       h("94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
         "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8")},
      {"RFC 8080 §6.1", Algorithm::ed25519, b64("l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="),
       signed_mx_record(),
       b64("oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==")},
      {"RFC 8032 §7.1 test 1", Algorithm::ed25519,
       h("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"), Bytes{},
       h("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
         "d25bf5f0595bbe24655141438e7a100b")},
      {"RFC 8032 §7.4 blank", Algorithm::ed448,
       h("5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1f"
         "a1abeafe82561"
         "80"),
       Bytes{},
       h("533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d7828c"
         "59bd0a21bfd39"
         "80ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4dbb61149f05a7363268c7"
         "1d95808ff2e65"
         "2600")},
      {"RFC 9563 §5", Algorithm::sm2sm3,
       b64("UeO7oE3ih54sThgU1dhmp6J+Y5yTLK5VrwGpq9PZmg0junRdNQ4u3clkcSLXWvzy9duXh3fD9MbXtsQfXSX7eA=="),
       signed_soa_record(),
       b64("3IGfRqtMRNMmMlIOpb9ZankOUAzUpmP9CIc/jzytVmyE4umAMrt+VJ2gy8/jv5tGKiAOk/AmREB5ofFvi3Kq+w==")},
      {"GB/T 32918.5 §A.2", Algorithm::sm2sm3,
       h("09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
         "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"),
       to_bytes("message digest"),
       h("f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
         "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa")},
  };
}

TEST(Verify, AcceptsPublishedSignatures) {
  for (const auto& v : vectors()) {
    auto key = PublicKey::from_dnskey(v.algorithm, v.key);
    ASSERT_TRUE(key) << v.what << ": " << key.error().message;
    EXPECT_EQ(key->algorithm(), v.algorithm);
    EXPECT_TRUE(key->verify(v.message, v.signature)) << v.what;
  }
}

TEST(Verify, NoticesEveryFlippedBitOfTheSignature) {
  for (const auto& v : vectors()) {
    auto key = PublicKey::from_dnskey(v.algorithm, v.key);
    ASSERT_TRUE(key) << v.what;
    for (std::size_t bit = 0; bit < v.signature.size() * 8;
         bit += 5) {  // 5 and 8 share no factor: all positions in an octet
      auto changed = v.signature;
      changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1 << bit % 8));
      ASSERT_FALSE(key->verify(v.message, changed)) << v.what << " bit " << bit;
    }
  }
}

TEST(Verify, NoticesEveryFlippedBitOfTheMessage) {
  for (const auto& v : vectors()) {
    auto key = PublicKey::from_dnskey(v.algorithm, v.key);
    ASSERT_TRUE(key) << v.what;
    for (std::size_t bit = 0; bit < v.message.size() * 8; bit += 3) {
      auto changed = v.message;
      changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1 << bit % 8));
      ASSERT_FALSE(key->verify(changed, v.signature)) << v.what << " bit " << bit;
    }
    auto longer = v.message;
    longer.push_back(0);
    EXPECT_FALSE(key->verify(longer, v.signature)) << v.what;
  }
}

TEST(Verify, NeverAcceptsASignatureUnderAChangedKey) {
  for (const auto& v : vectors()) {
    for (std::size_t bit = 0; bit < v.key.size() * 8; bit += 7) {
      auto changed = v.key;
      changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1 << bit % 8));
      auto key = PublicKey::from_dnskey(v.algorithm, changed);
      ASSERT_FALSE(key && key->verify(v.message, v.signature)) << v.what << " bit " << bit;
      // One flipped bit of a coordinate leaves the curve (but for a chance of 2^-250).
      const bool ecdsa = v.algorithm == Algorithm::ecdsa_p256 || v.algorithm == Algorithm::ecdsa_p384 ||
                         v.algorithm == Algorithm::sm2sm3;
      ASSERT_FALSE(ecdsa && key) << v.what << " bit " << bit;
    }
  }
}

TEST(Verify, RefusesSignaturesOfEveryOtherSize) {
  for (const auto& v : vectors()) {
    auto key = PublicKey::from_dnskey(v.algorithm, v.key);
    ASSERT_TRUE(key) << v.what;
    auto signature = v.signature;
    signature.push_back(0);
    EXPECT_FALSE(key->verify(v.message, signature)) << v.what;
    signature.insert(signature.begin(), 0);
    EXPECT_FALSE(key->verify(v.message, signature)) << v.what;
    for (std::size_t size = 0; size < v.signature.size(); ++size)
      ASSERT_FALSE(key->verify(v.message, ByteView(v.signature).first(size))) << v.what << " " << size;
  }
}

TEST(Verify, RefusesZeroAndFullSignatures) {
  for (const auto& v : vectors()) {
    auto key = PublicKey::from_dnskey(v.algorithm, v.key);
    ASSERT_TRUE(key) << v.what;
    EXPECT_FALSE(key->verify(v.message, Bytes(v.signature.size(), 0x00))) << v.what;
    EXPECT_FALSE(key->verify(v.message, Bytes(v.signature.size(), 0xff))) << v.what;
  }
}

TEST(Verify, RefusesAnEcdsaSignatureWithTheGroupOrderAdded) {
  // r + n fits no 32 octets here, but r = n, s = n are values of the right size that stand for zero.
  const auto v = vectors()[2];
  auto key = PublicKey::from_dnskey(v.algorithm, v.key);
  ASSERT_TRUE(key);
  const auto n = h("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  auto changed = v.signature;
  std::copy(n.begin(), n.end(), changed.begin());
  EXPECT_FALSE(key->verify(v.message, changed));
  changed = v.signature;
  std::copy(n.begin(), n.end(), changed.begin() + 32);
  EXPECT_FALSE(key->verify(v.message, changed));
}

TEST(PublicKey, ReadsTheKeysOfRfc6605AndRfc8080) {
  EXPECT_TRUE(PublicKey::from_dnskey(
      Algorithm::ecdsa_p256,
      b64("GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==")));
  EXPECT_TRUE(
      PublicKey::from_dnskey(Algorithm::ed25519, b64("l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=")));
}

TEST(PublicKey, RefusesEveryTruncatedOrLongerKey) {
  for (const auto& v : vectors()) {
    const bool rsa = v.algorithm == Algorithm::rsasha256 || v.algorithm == Algorithm::rsasha512;
    for (std::size_t size = 0; size < v.key.size(); ++size) {
      auto key = PublicKey::from_dnskey(v.algorithm, ByteView(v.key).first(size));
      // A cut RSA key can still be one, of a smaller modulus; then it must fit nothing.
      if (rsa && key) {
        ASSERT_FALSE(key->verify(v.message, v.signature)) << v.what << " " << size;
      } else {
        ASSERT_FALSE(key) << v.what << " " << size;
      }
    }
    auto longer = v.key;
    longer.push_back(1);
    EXPECT_TRUE(rsa || !PublicKey::from_dnskey(v.algorithm, longer)) << v.what;
  }
}

TEST(PublicKey, RefusesPointsThatAreNotOnTheCurve) {
  EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::ecdsa_p256, Bytes(64, 0)));
  EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::ecdsa_p256, Bytes(64, 0xff)));
  EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::ecdsa_p384, Bytes(96, 0)));
  EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::ecdsa_p384, Bytes(96, 0xff)));
  EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::sm2sm3, Bytes(64, 0)));
  // A point of P-256, which has other curve parameters.
  EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::sm2sm3, vectors()[2].key));
}

Bytes rsa_field(ByteView exponent_with_length, std::size_t modulus_size) {
  Bytes out(exponent_with_length.begin(), exponent_with_length.end());
  Bytes modulus(modulus_size, 0xab);
  append(out, modulus);
  return out;
}

TEST(PublicKey, ReadsBothFormsOfTheRsaExponentLength) {
  const auto v = vectors()[0];
  Bytes three_octets = h("00 00 03");
  append(three_octets, ByteView(v.key).subspan(1));
  auto key = PublicKey::from_dnskey(v.algorithm, three_octets);
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->verify(v.message, v.signature));
}

TEST(PublicKey, BoundsRsaModulusAndExponent) {
  const auto e = h("03 010001");
  EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::rsasha256, rsa_field(e, 63)));
  EXPECT_TRUE(PublicKey::from_dnskey(Algorithm::rsasha256, rsa_field(e, 64)));
  EXPECT_TRUE(PublicKey::from_dnskey(Algorithm::rsasha256, rsa_field(e, 512)));
  EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::rsasha256, rsa_field(e, 513)));
  EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::rsasha512, rsa_field(e, 127)));
  EXPECT_TRUE(PublicKey::from_dnskey(Algorithm::rsasha512, rsa_field(e, 128)));
  EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::rsasha256, Bytes(70'000, 0xab)));

  for (const char* exponent :
       {"01 00", "01 01", "01 02", "02 0003", "03 010000", "00 0000", "09 01 0000000000000001", "00 0200"})
    EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::rsasha256, rsa_field(h(exponent), 128))) << exponent;
  EXPECT_TRUE(PublicKey::from_dnskey(Algorithm::rsasha256, rsa_field(h("01 03"), 128)));
  EXPECT_TRUE(PublicKey::from_dnskey(Algorithm::rsasha256, rsa_field(h("08 ffffffffffffffff"), 128)));

  auto even = rsa_field(e, 128);
  even.back() = 0xaa;
  EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::rsasha256, even));
  auto leading_zero = rsa_field(e, 128);
  leading_zero[4] = 0;
  EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::rsasha256, leading_zero));
}

TEST(PublicKey, SaysWhatIsWrongAndWhatToDo) {
  auto key = PublicKey::from_dnskey(Algorithm::ecdsa_p256, Bytes(63, 1));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Code::bad_syntax);
  EXPECT_NE(key.error().message.find("63 octets instead of 64"), std::string::npos) << key.error().message;
  EXPECT_NE(key.error().message.find("ECDSAP256SHA256"), std::string::npos) << key.error().message;
}

TEST(PublicKey, RefusesAlgorithmsItDoesNotKnow) {
  for (unsigned number = 0; number < 256; ++number) {
    const auto octet = static_cast<std::uint8_t>(number);
    if (auto known = algorithm_from(octet)) {
      EXPECT_NE(mnemonic(*known), "unknown");
      continue;
    }
    // What a DNSKEY record may say is the subject.
    // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange)
    auto key = PublicKey::from_dnskey(Algorithm{octet}, Bytes(64, 1));
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Code::unsupported);
  }
}

}  // namespace
}  // namespace onoma::crypto
