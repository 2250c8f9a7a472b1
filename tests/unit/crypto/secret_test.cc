#include "crypto/secret.h"

#include "support.h"

namespace onoma::crypto {
namespace {

using test::ConstantRng;
using test::h;

TEST(Token, IsThirtyTwoRandomOctetsInBase64url) {
  SystemRng rng;
  const auto token = new_token(rng);
  EXPECT_EQ(token.size(), 43u);
  auto octets = from_base64url(token);
  ASSERT_TRUE(octets);
  EXPECT_EQ(octets->size(), 32u);
  EXPECT_NE(new_token(rng), token);
  ConstantRng ones(0xff);
  EXPECT_EQ(new_token(ones), base64url(Bytes(32, 0xff)));
}

TEST(Token, StoredHashFitsOnlyItsToken) {
  SeededRng rng(1);
  const auto token = new_token(rng);
  const auto stored = hash_token(token, rng);
  EXPECT_TRUE(stored.starts_with("hmac-sha256:"));
  EXPECT_EQ(stored.find(token), std::string::npos);
  EXPECT_TRUE(verify_secret(stored, token));
  EXPECT_FALSE(verify_secret(stored, new_token(rng)));
  EXPECT_FALSE(verify_secret(stored, ""));
  EXPECT_FALSE(verify_secret(stored, token.substr(1)));
  EXPECT_FALSE(verify_secret(stored, token + "A"));
  EXPECT_NE(hash_token(token, rng), stored) << "salted";
}

TEST(Password, StoredHashFitsOnlyItsPassword) {
  SeededRng rng(2);
  const auto stored = hash_password("correct horse", rng);
  EXPECT_TRUE(stored.starts_with("scrypt:14:8:5:"));
  EXPECT_TRUE(verify_secret(stored, "correct horse"));
  EXPECT_FALSE(verify_secret(stored, "correct Horse"));
}

TEST(Password, KnowsTheExampleOfRfc7914) {
  // §12: N = 1024, r = 8, p = 16; the first 32 of 64 octets.
  const auto stored = "scrypt:10:8:16:" + base64url(as_bytes("NaCl")) + ":" +
                      base64url(h("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"));
  EXPECT_TRUE(verify_secret(stored, "password"));
  EXPECT_FALSE(verify_secret(stored, "passwore"));
}

TEST(Secret, StoredTextOfNoKnownFormFitsNothing) {
  SeededRng rng(3);
  const auto token = hash_token("t", rng);
  const std::string salt_and_hash = token.substr(token.find(':'));
  for (std::string stored :
       {std::string(), std::string("t"), std::string(":::::"), std::string("hmac-sha256::"),
        "md5" + salt_and_hash, token + ":x", token.substr(0, token.size() - 1), "scrypt" + salt_and_hash,
        "scrypt:99:8:5" + salt_and_hash, "scrypt:14:0:5" + salt_and_hash, "scrypt:14:8:99999" + salt_and_hash,
        "scrypt:-1:8:5" + salt_and_hash, "scrypt:14:8:5:" + std::string(43, 'A') + ":"})
    EXPECT_FALSE(verify_secret(stored, "t")) << stored;
  EXPECT_TRUE(verify_secret(token, "t"));
}

TEST(ConstantTimeEqual, IsEquality) {
  EXPECT_TRUE(constant_time_equal({}, {}));
  EXPECT_TRUE(constant_time_equal(as_bytes("abc"), as_bytes("abc")));
  EXPECT_FALSE(constant_time_equal(as_bytes("abc"), as_bytes("abd")));
  EXPECT_FALSE(constant_time_equal(as_bytes("abc"), as_bytes("ab")));
}

}  // namespace
}  // namespace onoma::crypto
