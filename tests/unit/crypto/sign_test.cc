#include "crypto/sign.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "support.h"

namespace onoma::crypto {
namespace {

using test::b64;
using test::h;

constexpr std::array kSigning = {Algorithm::rsasha256,  Algorithm::rsasha512, Algorithm::ecdsa_p256,
                                 Algorithm::ecdsa_p384, Algorithm::ed25519,   Algorithm::ed448,
                                 Algorithm::sm2sm3};

// One key of each algorithm for the whole program: an RSA key takes a while to make.
const PrivateKey& key_for(Algorithm algorithm) {
  static std::array<std::optional<PrivateKey>, 18> keys;
  auto& key = keys[static_cast<std::size_t>(algorithm)];
  if (!key) key = PrivateKey::generate(algorithm).value();
  return *key;
}

std::string pem(std::string_view label, ByteView der) {
  return "-----BEGIN " + std::string(label) + "-----\n" + base64(der) + "\n-----END " + std::string(label) +
         "-----\n";
}

TEST(Sign, RoundTripOfEveryAlgorithm) {
  SeededRng rng(1);
  for (auto algorithm : kSigning) {
    const auto& key = key_for(algorithm);
    EXPECT_EQ(key.algorithm(), algorithm);
    auto checker = PublicKey::from_dnskey(algorithm, key.public_key_field());
    ASSERT_TRUE(checker) << checker.error().message;
    for (std::size_t size : {0u, 1u, 200u, 5000u}) {
      Bytes message(size);
      rng.fill(message);
      auto signature = key.sign(message);
      ASSERT_TRUE(signature) << mnemonic(algorithm);
      EXPECT_EQ(signature->size(), key.signature_size());
      EXPECT_TRUE(checker->verify(message, *signature)) << mnemonic(algorithm);
      message.push_back(0);
      EXPECT_FALSE(checker->verify(message, *signature)) << mnemonic(algorithm);
    }
  }
}

TEST(Sign, SizesAreThoseOfTheFormats) {
  const std::array<std::array<std::size_t, 2>, 7> sizes = {
      {{260, 256}, {260, 256}, {64, 64}, {96, 96}, {32, 64}, {57, 114}, {64, 64}}};
  for (std::size_t i = 0; i < kSigning.size(); ++i) {
    EXPECT_EQ(key_for(kSigning[i]).public_key_field().size(), sizes[i][0]) << mnemonic(kSigning[i]);
    EXPECT_EQ(key_for(kSigning[i]).signature_size(), sizes[i][1]) << mnemonic(kSigning[i]);
  }
}

TEST(Sign, PadsShortNumbersOfEcdsaWithLeadingZeros) {
  // One signature in 128 has an r or s that is an octet short; 2,000 without one would be a chance of 10^-7.
  const auto& key = key_for(Algorithm::ecdsa_p256);
  auto checker = PublicKey::from_dnskey(Algorithm::ecdsa_p256, key.public_key_field());
  ASSERT_TRUE(checker);
  const auto message = as_bytes("the same message");
  int seen_short = 0;
  for (int i = 0; i < 2000; ++i) {
    auto signature = key.sign(message);
    ASSERT_TRUE(signature);
    ASSERT_EQ(signature->size(), 64u);
    if ((*signature)[0] != 0 && (*signature)[32] != 0) continue;
    ++seen_short;
    ASSERT_TRUE(checker->verify(message, *signature));
  }
  EXPECT_GT(seen_short, 0);
}

TEST(Sign, KnowsThePrivateKeysAndSignaturesOfTheRfcs) {
  // RFC 6605 §6.1, as SEC 1 ECPrivateKey without the public part.
  auto sec1 = h("30310201010420");
  append(sec1, b64("GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ="));
  append(sec1, h("a00a06082a8648ce3d030107"));
  auto p256 = PrivateKey::from_pem(pem("EC PRIVATE KEY", sec1));
  ASSERT_TRUE(p256) << p256.error().message;
  EXPECT_EQ(base64(p256->public_key_field()),
            "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==");

  // RFC 9563 §5, the same way.
  sec1 = h("30310201010420");
  append(sec1, b64("V24tjJgXxp2ykscKRZdT+iuR5J1xRQN+FKoQACmo9fA="));
  append(sec1, h("a00a06082a811ccf5501822d"));
  auto sm2 = PrivateKey::from_pem(pem("EC PRIVATE KEY", sec1), Algorithm::sm2sm3);
  ASSERT_TRUE(sm2) << sm2.error().message;
  EXPECT_EQ(base64(sm2->public_key_field()),
            "jZbZMBImG9dtGWSVEwnv2l32OVKcX7MMJv+83/+A41iaZuO0ajXMcuyJbTr8Ud+kae6UlfqrnsG6tgADIPHxXA==");

  // RFC 8080 §6.1, as PKCS #8.
  auto pkcs8 = h("302e020100300506032b657004220420");
  append(pkcs8, b64("ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI="));
  auto ed25519 = PrivateKey::from_pem(pem("PRIVATE KEY", pkcs8));
  ASSERT_TRUE(ed25519) << ed25519.error().message;
  EXPECT_EQ(base64(ed25519->public_key_field()), "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=");

  // RFC 8032 §7.1 test 1; EdDSA signatures are always the same.
  pkcs8 =
      h("302e020100300506032b657004220420 9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  auto test1 = PrivateKey::from_pem(pem("PRIVATE KEY", pkcs8));
  ASSERT_TRUE(test1);
  EXPECT_EQ(hex(test1->sign({}).value()),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe"
            "24655141438e7a100b");
}

TEST(PrivateKey, ComesBackFromPem) {
  for (auto algorithm : kSigning) {
    const auto& key = key_for(algorithm);
    const auto text = key.to_pem();
    EXPECT_TRUE(text.starts_with("-----BEGIN PRIVATE KEY-----\n")) << mnemonic(algorithm);
    auto again = PrivateKey::from_pem(text, algorithm);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->algorithm(), algorithm);
    EXPECT_EQ(again->public_key_field(), key.public_key_field());
    EXPECT_EQ(again->to_pem(), text);
    auto checker = PublicKey::from_dnskey(algorithm, key.public_key_field());
    ASSERT_TRUE(checker);
    EXPECT_TRUE(checker->verify(as_bytes("x"), again->sign(as_bytes("x")).value())) << mnemonic(algorithm);
  }
}

TEST(PrivateKey, TellsItsAlgorithmFromPem) {
  for (auto algorithm : kSigning) {
    auto key = PrivateKey::from_pem(key_for(algorithm).to_pem());
    ASSERT_TRUE(key);
    EXPECT_EQ(key->algorithm(), algorithm == Algorithm::rsasha512 ? Algorithm::rsasha256 : algorithm);
  }
  auto wrong = PrivateKey::from_pem(key_for(Algorithm::ecdsa_p256).to_pem(), Algorithm::ed25519);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::bad_syntax);
}

TEST(PrivateKey, RefusesTextThatIsNoKey) {
  const auto good = key_for(Algorithm::ecdsa_p256).to_pem();
  for (const std::string& text :
       {std::string(), std::string("key"), good.substr(0, good.size() / 2), pem("PRIVATE KEY", h("3000")),
        pem("PUBLIC KEY", key_for(Algorithm::ed25519).public_key_field())})
    EXPECT_FALSE(PrivateKey::from_pem(text)) << text.substr(0, 30);
  auto large = PrivateKey::from_pem(std::string(100'000, 'x') + good);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::too_large);
}

TEST(PrivateKey, RefusesAnEncryptedKeyWithoutAskingForAPassPhrase) {
  // Any body will do: a pass phrase would be asked for before the body is opened.
  auto key = PrivateKey::from_pem(
      "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
      "00112233445566778899AABBCCDDEEFF\n\nAAAAAAAAAAAAAAAAAAAAAA==\n-----END EC PRIVATE KEY-----\n");
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Code::bad_syntax);
  EXPECT_NE(key.error().message.find("without encryption"), std::string::npos);
}

TEST(PrivateKey, RefusesHalvesThatDoNotBelongTogether) {
  // The public part of another key inside an ECPrivateKey.
  auto der = h("307702010104 20");
  append(der, b64("GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ="));
  append(der, h("a00a06082a8648ce3d030107a14403420004"));
  append(der, key_for(Algorithm::ecdsa_p256).public_key_field());
  auto key = PrivateKey::from_pem(pem("EC PRIVATE KEY", der));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Code::bad_syntax);
}

TEST(PrivateKey, RefusesToMakeKeysOfOldAndUnknownAlgorithms) {
  for (unsigned number : {0u, 5u, 7u, 12u, 253u}) {
    auto key = PrivateKey::generate(static_cast<Algorithm>(number));
    ASSERT_FALSE(key) << number;
    EXPECT_EQ(key.error().code, Code::unsupported);
  }
}

TEST(Sign, ManyThreadsMayUseOneKey) {
  struct Load {
    Algorithm algorithm;
    int rounds;
  };
  constexpr int kThreads = 4;
  for (const Load load :
       {Load{Algorithm::ecdsa_p256, 500}, Load{Algorithm::ecdsa_p384, 20}, Load{Algorithm::ed25519, 200},
        Load{Algorithm::rsasha256, 20}, Load{Algorithm::sm2sm3, 20}}) {
    const auto& key = key_for(load.algorithm);
    auto checker = PublicKey::from_dnskey(load.algorithm, key.public_key_field());
    ASSERT_TRUE(checker);
    std::atomic<int> good{0};
    {
      std::vector<std::jthread> threads;
      threads.reserve(kThreads);
      for (int t = 0; t < kThreads; ++t)
        threads.emplace_back([&, t] {
          for (int i = 0; i < load.rounds; ++i) {
            const auto message = to_bytes(std::to_string(t) + "/" + std::to_string(i));
            auto signature = key.sign(message);
            if (signature && checker->verify(message, *signature)) ++good;
          }
        });
    }
    EXPECT_EQ(good, kThreads * load.rounds) << mnemonic(load.algorithm);
  }
}

// The `openssl` program as a second opinion.
class OpensslProgram : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("openssl version >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "the openssl program is not installed";
    std::string pattern = (std::filesystem::temp_directory_path() / "onoma-crypto-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  void write(const char* name, std::string_view text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string read(const char* name) {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool run(const std::string& arguments) {
    return std::system(
               ("cd '" + folder_.string() + "' && openssl " + arguments + " >/dev/null 2>&1").c_str()) == 0;
  }

  std::filesystem::path folder_;
};

// What `openssl asn1parse -genconf` makes DER of, so that the code under test does not check itself.
std::string asn1_of(ByteView signature) {
  return "asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x" + hex(signature.first(32)) + "\ns=INTEGER:0x" +
         hex(signature.subspan(32)) + "\n";
}

TEST_F(OpensslProgram, AcceptsOurP256Signatures) {
  write("key.pem", key_for(Algorithm::ecdsa_p256).to_pem());
  ASSERT_TRUE(run("pkey -in key.pem -pubout -out public.pem"));
  for (int i = 0; i < 3; ++i) {
    const std::string message = "message " + std::to_string(i);
    write("message", message);
    write("signature.cnf", asn1_of(key_for(Algorithm::ecdsa_p256).sign(as_bytes(message)).value()));
    ASSERT_TRUE(run("asn1parse -genconf signature.cnf -noout -out signature.der"));
    EXPECT_TRUE(run("dgst -sha256 -verify public.pem -signature signature.der message"));
    write("message", message + "!");
    EXPECT_FALSE(run("dgst -sha256 -verify public.pem -signature signature.der message"));
  }
}

TEST_F(OpensslProgram, MakesKeysAndSignaturesThatWeAccept) {
  ASSERT_TRUE(run("ecparam -name prime256v1 -genkey -noout -out key.pem"));  // the older "EC PRIVATE KEY"
  auto key = PrivateKey::from_pem(read("key.pem"));
  ASSERT_TRUE(key) << key.error().message;
  auto checker = PublicKey::from_dnskey(Algorithm::ecdsa_p256, key->public_key_field());
  ASSERT_TRUE(checker);
  write("message", "hello");
  ASSERT_TRUE(run("dgst -sha256 -sign key.pem -out signature.der message"));
  const auto der = to_bytes(read("signature.der"));
  // INTEGERs of 31 to 33 octets.
  ByteReader reader(der);
  ASSERT_EQ(reader.u16().value() >> 8, 0x30);
  Bytes fixed;
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(reader.u8(), 0x02);
    auto number = reader.bytes(reader.u8().value()).value();
    if (number.size() == 33) number = number.subspan(1);
    fixed.resize(fixed.size() + 32 - number.size(), 0);
    append(fixed, number);
  }
  EXPECT_TRUE(checker->verify(as_bytes("hello"), fixed));
  EXPECT_FALSE(checker->verify(as_bytes("hallo"), fixed));
}

// The identifier of RFC 9563's signatures, and no other: OpenSSL's own default is an empty one.
TEST_F(OpensslProgram, AcceptsOurSm2SignaturesUnderTheDefaultIdentifierOnly) {
  write("key.pem", key_for(Algorithm::sm2sm3).to_pem());
  ASSERT_TRUE(run("pkey -in key.pem -pubout -out public.pem"));
  write("message", "hello");
  write("signature.cnf", asn1_of(key_for(Algorithm::sm2sm3).sign(as_bytes("hello")).value()));
  ASSERT_TRUE(run("asn1parse -genconf signature.cnf -noout -out signature.der"));
  const std::string verify =
      "pkeyutl -verify -pubin -inkey public.pem -rawin -in message -digest sm3 -sigfile signature.der";
  EXPECT_TRUE(run(verify + " -pkeyopt distid:1234567812345678"));
  EXPECT_FALSE(run(verify));
  write("message", "hallo");
  EXPECT_FALSE(run(verify + " -pkeyopt distid:1234567812345678"));
}

TEST_F(OpensslProgram, AgreesOnRsaAndEd25519) {
  write("message", "hello");
  write("rsa.pem", key_for(Algorithm::rsasha256).to_pem());
  write("rsa.sig", as_text(key_for(Algorithm::rsasha256).sign(as_bytes("hello")).value()));
  ASSERT_TRUE(run("dgst -sha256 -sign rsa.pem -out rsa.openssl message"));
  EXPECT_EQ(read("rsa.sig"), read("rsa.openssl"));
  write("ed.pem", key_for(Algorithm::ed25519).to_pem());
  ASSERT_TRUE(run("pkeyutl -sign -inkey ed.pem -rawin -in message -out ed.openssl"));
  EXPECT_EQ(as_text(key_for(Algorithm::ed25519).sign(as_bytes("hello")).value()), read("ed.openssl"));
}

TEST_F(OpensslProgram, RsaSha1IsStillChecked) {
  write("message", "hello");
  write("rsa.pem", key_for(Algorithm::rsasha256).to_pem());
  ASSERT_TRUE(run("dgst -sha1 -sign rsa.pem -out rsa.sig message"));
  const auto signature = to_bytes(read("rsa.sig"));
  const auto field = key_for(Algorithm::rsasha256).public_key_field();
  for (auto algorithm : {Algorithm::rsasha1, Algorithm::rsasha1_nsec3}) {
    auto checker = PublicKey::from_dnskey(algorithm, field);
    ASSERT_TRUE(checker);
    EXPECT_TRUE(checker->verify(as_bytes("hello"), signature)) << mnemonic(algorithm);
    EXPECT_FALSE(checker->verify(as_bytes("hallo"), signature)) << mnemonic(algorithm);
  }
  // The same octets under another hash are no signature.
  EXPECT_FALSE(PublicKey::from_dnskey(Algorithm::rsasha256, field)->verify(as_bytes("hello"), signature));
}

TEST_F(OpensslProgram, KeysThatAreTooWeakOrOfAnotherKindAreRefused) {
  ASSERT_TRUE(run("genrsa -out weak.pem 1024"));
  auto weak = PrivateKey::from_pem(read("weak.pem"));
  ASSERT_FALSE(weak);
  EXPECT_EQ(weak.error().code, Code::unsupported);
  ASSERT_TRUE(run("ecparam -name secp256k1 -genkey -noout -out other.pem"));
  auto other = PrivateKey::from_pem(read("other.pem"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::unsupported);
}

}  // namespace
}  // namespace onoma::crypto
