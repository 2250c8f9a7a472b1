// Requests were made by dig, answers by an HMAC of another program (Python's hmac module).
#include "transfer/tsig.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace onoma::transfer {
namespace {

using Verdict = TsigCheck::Verdict;
using wire::TsigError;

constexpr std::string_view kSecret = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const Time kNow = from_unix_seconds(0x6b065e0e);

struct FromDig {
  TsigAlgorithm algorithm;
  std::string_view octets;
};
const FromDig kFromDig[] = {
    {TsigAlgorithm::hmac_sha1,
     "47dd01200001000000000002076578616d706c65036f7267000006000100002904d0000000000000036b6579076578616d706c6"
     "50000fa00"
     "ff00000000002f09686d61632d736861310000006b065e0d012c00147d5b1e043d6e2bb1a769604d38bd95ba1094fab347dd000"
     "00000"},
    {TsigAlgorithm::hmac_sha224,
     "689d01200001000000000002076578616d706c65036f7267000006000100002904d0000000000000036b6579076578616d706c6"
     "50000fa00"
     "ff0000000000390b686d61632d7368613232340000006b065e0d012c001cc3a897d427522f0fd004b69dae966c021bf4baace09"
     "2736485b1"
     "6849689d00000000"},
    {TsigAlgorithm::hmac_sha256,
     "5a0901200001000000000002076578616d706c65036f7267000006000100002904d0000000000000036b6579076578616d706c6"
     "50000fa00"
     "ff00000000003d0b686d61632d7368613235360000006b065e0e012c002077797fea7048267bccec9f7e8f9105a31f6d68b9f90"
     "096d279b5"
     "0adebc5c74bb5a0900000000"},
    {TsigAlgorithm::hmac_sha384,
     "981801200001000000000002076578616d706c65036f7267000006000100002904d0000000000000036b6579076578616d706c6"
     "50000fa00"
     "ff00000000004d0b686d61632d7368613338340000006b065e0e012c0030e98e8246d06cf83a9a93b1ee6eaaf2b45ccfe0e64ae"
     "4d37cd82e"
     "ba6a8f821c0fda7e710f60097728167e6e1085cf2125981800000000"},
    {TsigAlgorithm::hmac_sha512,
     "5d0401200001000000000002076578616d706c65036f7267000006000100002904d0000000000000036b6579076578616d706c6"
     "50000fa00"
     "ff00000000005d0b686d61632d7368613531320000006b065e0e012c0040d220b516ea7c5ecb5b31907e9b69815ef09b08f2f03"
     "8897bc1fa"
     "2b50d7e46ef3f62f2bc607d50ae9a840a79cd272d606a9e155e5cfee08a3997ea28df3f294de5d0400000000"},
};
Bytes request_of(TsigAlgorithm algorithm) {
  return from_hex(kFromDig[static_cast<std::size_t>(algorithm)].octets).value();
}

TsigKeyPtr key_of(TsigAlgorithm algorithm) {
  return std::make_shared<const TsigKey>(wire::Name::parse("Key.Example.").value(), algorithm,
                                         from_base64(kSecret).value());
}
KeyRing ring_of(TsigAlgorithm algorithm) {
  KeyRing ring;
  EXPECT_TRUE(ring.add(key_of(algorithm)));
  return ring;
}
const KeyRing& ring256() {
  static const auto ring = ring_of(TsigAlgorithm::hmac_sha256);
  return ring;
}

// With another MAC, signed anew.
Bytes resized_mac(Bytes request, std::size_t octets) {
  wire::Tsig tsig;
  std::size_t start = 0;
  EXPECT_EQ(wire::find_tsig(request, tsig, start), wire::TsigSearch::found);
  request.resize(start);
  store_u16(&request[10], static_cast<std::uint16_t>(load_u16(&request[10]) - 1));
  tsig.mac.resize(octets);
  EXPECT_TRUE(wire::append_tsig(request, tsig));
  return request;
}

// --- requests ---

TEST(TsigRequest, OfDigIsGoodWithEveryAlgorithm) {
  for (const auto& [algorithm, octets] : kFromDig) {
    const auto request = from_hex(octets).value();
    const auto check = check_request(request, ring_of(algorithm), kNow);
    EXPECT_EQ(check.verdict, Verdict::good) << text_of(algorithm);
    ASSERT_TRUE(check.key);
    EXPECT_EQ(check.key->algorithm(), algorithm);
    EXPECT_EQ(check.size, 40U);
  }
}

TEST(TsigRequest, WithoutTsigIsUnsigned) {
  auto request = request_of(TsigAlgorithm::hmac_sha256);
  request.resize(40);
  request[11] = 1;
  const auto check = check_request(request, ring256(), kNow);
  EXPECT_EQ(check.verdict, Verdict::unsigned_request);
  EXPECT_EQ(check.size, request.size());
  EXPECT_FALSE(check.key);
}

TEST(TsigRequest, AnyChangedBitOfWhatIsCoveredIsNoticed) {
  const auto request = request_of(TsigAlgorithm::hmac_sha256);
  for (std::size_t at = 2; at < request.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      auto bent = request;
      bent[at] = static_cast<std::uint8_t>(bent[at] ^ 1U << bit);
      const auto check = check_request(bent, ring256(), kNow);
      const bool only_case = bit == 5 && check.verdict == Verdict::good && at > 40;  // of key and algorithm
      EXPECT_TRUE(check.verdict != Verdict::good || only_case) << at << ':' << bit;
    }
  }
}

TEST(TsigRequest, AnotherIdIsGoodBecauseForwardersChangeIt) {
  auto request = request_of(TsigAlgorithm::hmac_sha256);
  request[0] ^= 0xFF;
  EXPECT_EQ(check_request(request, ring256(), kNow).verdict, Verdict::good);
}

TEST(TsigRequest, UnknownKeyOrOtherAlgorithmIsBadkey) {
  const auto request = request_of(TsigAlgorithm::hmac_sha256);
  for (const auto& ring : {KeyRing(), ring_of(TsigAlgorithm::hmac_sha512)}) {
    const auto check = check_request(request, ring, kNow);
    EXPECT_EQ(check.verdict, Verdict::refused);
    EXPECT_EQ(check.tsig.error, TsigError::badkey);
    EXPECT_FALSE(check.key);
  }
}

TEST(TsigRequest, AnotherSecretIsBadsig) {
  KeyRing ring;
  ASSERT_TRUE(ring.add(std::make_shared<const TsigKey>(wire::Name::parse("key.example.").value(),
                                                       TsigAlgorithm::hmac_sha256, Bytes(32, 7))));
  const auto check = check_request(request_of(TsigAlgorithm::hmac_sha256), ring, kNow);
  EXPECT_EQ(check.verdict, Verdict::refused);
  EXPECT_EQ(check.tsig.error, TsigError::badsig);
  EXPECT_FALSE(check.key) << "the answer must not be signed";
}

TEST(TsigRequest, OutsideOfTheFudgeIsBadtime) {
  const auto request = request_of(TsigAlgorithm::hmac_sha256);
  for (const int apart : {-300, 300})
    EXPECT_EQ(check_request(request, ring256(), kNow + std::chrono::seconds{apart}).verdict, Verdict::good);
  for (const int apart : {-301, 301}) {
    const auto check = check_request(request, ring256(), kNow + std::chrono::seconds{apart});
    EXPECT_EQ(check.verdict, Verdict::refused);
    EXPECT_EQ(check.tsig.error, TsigError::badtime);
    EXPECT_TRUE(check.key);
  }
}

TEST(TsigRequest, TruncatedMacsAreBadtruncOrMalformed) {
  const auto request = request_of(TsigAlgorithm::hmac_sha256);
  for (const std::size_t octets : {16U, 31U}) {
    const auto check = check_request(resized_mac(request, octets), ring256(), kNow);
    EXPECT_EQ(check.verdict, Verdict::refused) << octets;
    EXPECT_EQ(check.tsig.error, TsigError::badtrunc);
  }
  for (const std::size_t octets : {0U, 1U, 15U, 33U, 64U})
    EXPECT_EQ(check_request(resized_mac(request, octets), ring256(), kNow).verdict, Verdict::malformed)
        << octets;
  const auto sha1 = request_of(TsigAlgorithm::hmac_sha1);
  const auto ring = ring_of(TsigAlgorithm::hmac_sha1);
  EXPECT_EQ(check_request(resized_mac(sha1, 10), ring, kNow).tsig.error, TsigError::badtrunc);
  EXPECT_EQ(check_request(resized_mac(sha1, 9), ring, kNow).verdict, Verdict::malformed);
}

// --- answers ---

const Bytes kRequestMac =
    from_hex("77797fea7048267bccec9f7e8f9105a31f6d68b9f90096d279b50adebc5c74bb").value();
const std::string_view kQuestion = "076578616d706c65036f72670000fc0001";
const std::string_view kAnswers[] = {
    "5a0984000001000000000001076578616d706c65036f72670000fc0001036b6579076578616d706c650000fa00ff00000000003d"
    "0b686d6163"
    "2d7368613235360000006b065e0e012c00201ce4fc5a0532e55a3b1c63b11cd41be09763b4740f06765dcc9522c1ebbf21c55a09"
    "00000000",
    "5a0984000000000000000000",
    "5a0984000000000000000001036b6579076578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006b06"
    "5e0f012c00"
    "209eb9e504789da452093bc760f03b0ed0e9ab7298ce8a162aaa01839e3f4933b85a0900000000"};
const std::string_view kBadtime =
    "5a0984090001000000000001076578616d706c65036f72670000fc0001036b6579076578616d706c650000fa00ff000000000043"
    "0b686d6163"
    "2d7368613235360000006b065e0e012c00200472f0074dcf84d310684238d8397597427c3986a196a1b74880c8a86a21092d5a09"
    "0012000600"
    "006b0661f6";

TEST(TsigVerifier, TakesAStreamWithUnsignedMessages) {
  TsigVerifier verifier(key_of(TsigAlgorithm::hmac_sha256), kRequestMac);
  EXPECT_FALSE(verifier.complete());
  EXPECT_EQ(verifier.add(from_hex(kAnswers[0]).value(), kNow).value_or(0), 29U);
  EXPECT_TRUE(verifier.complete());
  EXPECT_EQ(verifier.add(from_hex(kAnswers[1]).value(), kNow).value_or(0), 12U);
  EXPECT_FALSE(verifier.complete());
  EXPECT_EQ(verifier.add(from_hex(kAnswers[2]).value(), kNow).value_or(0), 12U);
  EXPECT_TRUE(verifier.complete());
}

TEST(TsigVerifier, NoticesAMessageLeftOutAndAChangedOne) {
  const auto key = key_of(TsigAlgorithm::hmac_sha256);
  TsigVerifier gap(key, kRequestMac);
  ASSERT_TRUE(gap.add(from_hex(kAnswers[0]).value(), kNow));
  EXPECT_EQ(gap.add(from_hex(kAnswers[2]).value(), kNow).error(), TsigFault::badsig);
  TsigVerifier changed(key, kRequestMac);
  ASSERT_TRUE(changed.add(from_hex(kAnswers[0]).value(), kNow));
  auto bent = from_hex(kAnswers[1]).value();
  bent[3] = 1;
  ASSERT_TRUE(changed.add(bent, kNow));
  EXPECT_EQ(changed.add(from_hex(kAnswers[2]).value(), kNow).error(), TsigFault::badsig);
  TsigVerifier other(key, Bytes(32));
  EXPECT_EQ(other.add(from_hex(kAnswers[0]).value(), kNow).error(), TsigFault::badsig)
      << "answers another request";
}

TEST(TsigVerifier, WantsTheFirstMessageSignedAndOneOfAHundred) {
  TsigVerifier first(key_of(TsigAlgorithm::hmac_sha256), kRequestMac);
  EXPECT_EQ(first.add(from_hex(kAnswers[1]).value(), kNow).error(), TsigFault::missing);
  TsigVerifier many(key_of(TsigAlgorithm::hmac_sha256), kRequestMac);
  ASSERT_TRUE(many.add(from_hex(kAnswers[0]).value(), kNow));
  for (unsigned i = 0; i < TsigVerifier::kUnsignedMax; ++i)
    ASSERT_TRUE(many.add(from_hex(kAnswers[1]).value(), kNow)) << i;
  EXPECT_EQ(many.add(from_hex(kAnswers[1]).value(), kNow).error(), TsigFault::missing);
}

TEST(TsigVerifier, TellsWhatIsWrong) {
  const auto answer = from_hex(kAnswers[0]).value();
  TsigVerifier late(key_of(TsigAlgorithm::hmac_sha256), kRequestMac);
  EXPECT_EQ(late.add(answer, kNow + std::chrono::seconds{301}).error(), TsigFault::badtime);
  TsigVerifier other(key_of(TsigAlgorithm::hmac_sha512), kRequestMac);
  EXPECT_EQ(other.add(answer, kNow).error(), TsigFault::badkey);
  TsigVerifier cut(key_of(TsigAlgorithm::hmac_sha256), kRequestMac);
  EXPECT_EQ(cut.add(ByteView(answer).first(11), kNow).error(), TsigFault::malformed);
  TsigVerifier clock(key_of(TsigAlgorithm::hmac_sha256), kRequestMac);
  EXPECT_EQ(clock.add(from_hex(kBadtime).value(), kNow).error(), TsigFault::peer_error);
  EXPECT_EQ(clock.peer_error(), TsigError::badtime);
}

TEST(TsigSigner, SignsAStreamAsTheOtherProgramDoes) {
  const auto request = request_of(TsigAlgorithm::hmac_sha256);
  TsigSigner signer(check_request(request, ring256(), kNow));
  auto first = from_hex(std::string("5a0984000001000000000000") + std::string(kQuestion)).value();
  const auto plain = first.size();
  ASSERT_TRUE(signer.sign(first, kNow));
  EXPECT_EQ(hex(first), kAnswers[0]);
  EXPECT_LE(first.size() - plain, signer.octets());
  TsigVerifier verifier(key_of(TsigAlgorithm::hmac_sha256), kRequestMac);
  ASSERT_TRUE(verifier.add(first, kNow));
  for (int i = 0; i < 3; ++i) {
    auto next = from_hex(kAnswers[1]).value();
    ASSERT_TRUE(signer.sign(next, kNow + std::chrono::seconds{i}));
    ASSERT_TRUE(verifier.add(next, kNow)) << i;
    EXPECT_TRUE(verifier.complete());
  }
}

TEST(TsigSigner, SignsRequestsThatOurCheckTakes) {
  for (const auto& [algorithm, octets] : kFromDig) {
    TsigSigner signer(key_of(algorithm));
    for (int i = 0; i < 2; ++i) {
      auto request = from_hex(octets).value();
      request.resize(40);
      request[11] = 1;
      ASSERT_TRUE(signer.sign(request, kNow));
      const auto check = check_request(request, ring_of(algorithm), kNow);
      EXPECT_EQ(check.verdict, Verdict::good) << text_of(algorithm) << i;
      EXPECT_TRUE(onoma::equal(check.tsig.mac, signer.mac()));
    }
  }
}

TEST(TsigSigner, ABadtimeAnswerIsSignedAndTellsOurTime) {
  const auto late = kNow + std::chrono::seconds{1000};
  auto check = check_request(request_of(TsigAlgorithm::hmac_sha256), ring256(), late);
  ASSERT_EQ(check.tsig.error, TsigError::badtime);
  TsigSigner signer(check);
  auto answer = from_hex(std::string("5a0984090001000000000000") + std::string(kQuestion)).value();
  ASSERT_TRUE(signer.sign(answer, late));
  EXPECT_EQ(hex(answer), kBadtime);
}

TEST(TsigSigner, ABadkeyOrBadsigAnswerHasNoMac) {
  const auto check = check_request(request_of(TsigAlgorithm::hmac_sha256), KeyRing(), kNow);
  TsigSigner signer(check);
  auto answer = from_hex(std::string("5a0984090001000000000000") + std::string(kQuestion)).value();
  ASSERT_TRUE(signer.sign(answer, kNow));
  wire::Tsig tsig;
  std::size_t start = 0;
  ASSERT_EQ(wire::find_tsig(answer, tsig, start), wire::TsigSearch::found);
  EXPECT_EQ(tsig.error, TsigError::badkey);
  EXPECT_TRUE(tsig.mac.empty());
  TsigVerifier verifier(key_of(TsigAlgorithm::hmac_sha256), kRequestMac);
  EXPECT_EQ(verifier.add(answer, kNow).error(), TsigFault::peer_error);
  EXPECT_EQ(verifier.peer_error(), TsigError::badkey);
}

// --- keys ---

Result<KeyRing> ring_from(std::string_view text) {
  KeyRing ring;
  ONOMA_TRY_VOID(KeyRing::read(text, "keys", ring));
  return ring;
}

TEST(KeyRing, ReadsLinesAndFindsKeysInAnyCase) {
  const auto ring = ring_from(std::string("# mine\n\n  a.Example\t hmac-sha256 ") + std::string(kSecret) +
                              "\r\nb.example. hmac-sha512 " + std::string(kSecret));
  ASSERT_TRUE(ring);
  EXPECT_EQ(ring->size(), 2U);
  const auto key = ring->find(wire::Name::parse("A.eXample.").value());
  ASSERT_TRUE(key);
  EXPECT_EQ(key->name().text(), "a.example.");
  EXPECT_EQ(key->algorithm(), TsigAlgorithm::hmac_sha256);
  EXPECT_FALSE(ring->find(wire::Name::parse("c.example.").value()));
}

TEST(KeyRing, TellsTheLineOfAFaultAndNeverTheSecret) {
  const std::string good = std::string("a. hmac-sha256 ") + std::string(kSecret) + "\n";
  const std::pair<std::string, std::string_view> cases[] = {
      {"a. hmac-sha256\n", "keys:1: expected NAME ALGORITHM BASE64"},
      {good + good, "keys:2: a second key named a."},
      {good + "b. hmac-md5 " + std::string(kSecret), "keys:2: hmac-md5 is not one of"},
      {"b. hmac-sha256 c2VjcmV0*", "keys:1: the secret is not base64"},
      {"b. hmac-sha256 c2VjcmV0", "keys:1: a secret of 6 octets"},
      {". hmac-sha256 " + std::string(kSecret), "keys:1: . is not the name of a key"},
      {good + "b. hmac-sha256 " + std::string(kSecret) + " more", "keys:2: expected NAME"},
  };
  for (const auto& [text, message] : cases) {
    const auto ring = ring_from(text);
    ASSERT_FALSE(ring) << text;
    EXPECT_TRUE(ring.error().message.starts_with(message)) << ring.error().message;
    EXPECT_EQ(ring.error().message.find("c2Vjc"), std::string::npos);
  }
}

TEST(KeyRing, RefusesAFileThatOthersMayRead) {
  const auto path = std::filesystem::path(testing::TempDir()) / "onoma_tsig_keys";
  std::ofstream(path) << "a. hmac-sha256 " << kSecret << "\n";
  using std::filesystem::perms;
  std::filesystem::permissions(path, perms::owner_read | perms::owner_write | perms::group_read);
  const auto open = KeyRing::load(path);
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, Code::forbidden);
  EXPECT_NE(open.error().message.find("chmod 600"), std::string::npos);
  std::filesystem::permissions(path, perms::owner_read | perms::owner_write);
  const auto ring = KeyRing::load(path);
  ASSERT_TRUE(ring) << ring.error().message;
  EXPECT_EQ(ring->size(), 1U);
  std::filesystem::remove(path);
  EXPECT_EQ(KeyRing::load(path).error().code, Code::not_found);
}

}  // namespace
}  // namespace onoma::transfer
