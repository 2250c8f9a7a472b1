// TSIG records as octets. The requests were made by dig.
#include "wire/tsig.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "wire/message_reader.h"

namespace onoma::wire {
namespace {

// example.org SOA with OPT, signed by dig with the key Key.Example, hmac-sha256.
Bytes signed_by_dig() {
  return from_hex(
             "5a0901200001000000000002076578616d706c65036f7267000006000100002904d0000000000000036b65790765786"
             "16d706c"
             "650000fa00ff00000000003d0b686d61632d7368613235360000006b065e0e012c002077797fea7048267bccec9f7e8"
             "f9105a3"
             "1f6d68b9f90096d279b50adebc5c74bb5a0900000000")
      .value();
}
constexpr std::size_t kWithout = 40;

Name name(std::string_view text) {
  return Name::parse(text).value();
}

TEST(Tsig, IsFoundAndRead) {
  Tsig tsig;
  std::size_t start = 0;
  ASSERT_EQ(find_tsig(signed_by_dig(), tsig, start), TsigSearch::found);
  EXPECT_EQ(start, kWithout);
  EXPECT_EQ(tsig.key, name("key.example."));
  EXPECT_EQ(tsig.algorithm, name("hmac-sha256."));
  EXPECT_EQ(tsig.time_s, 0x6b065e0eU);
  EXPECT_EQ(tsig.fudge_s, 300);
  EXPECT_EQ(tsig.mac.size(), 32U);
  EXPECT_EQ(tsig.original_id, 0x5a09);
  EXPECT_EQ(tsig.error, TsigError::none);
  EXPECT_TRUE(tsig.other.empty());
  EXPECT_TRUE(carries_tsig(signed_by_dig()));
}

TEST(Tsig, WrittenAgainIsTheSameMessage) {
  const auto whole = signed_by_dig();
  Tsig tsig;
  std::size_t start = 0;
  ASSERT_EQ(find_tsig(whole, tsig, start), TsigSearch::found);
  Bytes message(whole.begin(), whole.begin() + kWithout);
  message[11] = 1;
  EXPECT_FALSE(carries_tsig(message));
  ASSERT_TRUE(append_tsig(message, tsig));
  EXPECT_EQ(message, whole);
  EXPECT_EQ(message.size() - kWithout, tsig_size(tsig.key, tsig.algorithm, tsig.mac.size()));
}

TEST(Tsig, ACutMessageHasNone) {
  const auto whole = signed_by_dig();
  Tsig tsig;
  std::size_t start = 0;
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(find_tsig(ByteView(whole).first(size), tsig, start), TsigSearch::none) << size;
}

TEST(Tsig, MustBeTheLastAdditionalRecord) {
  const auto whole = signed_by_dig();
  Tsig tsig;
  std::size_t start = 0;
  auto twice = whole;
  twice[11] = 3;
  append(twice, ByteView(whole).subspan(kWithout));
  EXPECT_EQ(find_tsig(twice, tsig, start), TsigSearch::bad);
  EXPECT_TRUE(carries_tsig(twice));
  auto more = whole;
  more.push_back(0);
  EXPECT_EQ(find_tsig(more, tsig, start), TsigSearch::bad) << "octets behind it";
}

TEST(Tsig, ClassAndTtlAreFixed) {
  Tsig tsig;
  std::size_t start = 0;
  const std::size_t fixed = kWithout + 13;  // behind the owner
  auto other_class = signed_by_dig();
  other_class[fixed + 3] = 1;
  EXPECT_EQ(find_tsig(other_class, tsig, start), TsigSearch::bad);
  auto with_ttl = signed_by_dig();
  with_ttl[fixed + 7] = 1;
  EXPECT_EQ(find_tsig(with_ttl, tsig, start), TsigSearch::bad);
}

TEST(Tsig, EveryLengthInsideMustFit) {
  const auto whole = signed_by_dig();
  const std::size_t data = kWithout + 13 + 10;
  for (const std::size_t at : {data, data + 13 + 8, data + 13 + 9, whole.size() - 2, whole.size() - 1}) {
    auto bent = whole;
    ++bent[at];
    Tsig tsig;
    std::size_t start = 0;
    EXPECT_EQ(find_tsig(bent, tsig, start), TsigSearch::bad) << at;
  }
}

TEST(Tsig, TheAlgorithmIsNotCompressed) {
  Bytes message = from_hex("000001000001000000000001000006000100").value();
  message[11] = 1;
  message.resize(kHeaderOctets + 5);
  message[12] = 0;
  store_u16(&message[13], 6);
  store_u16(&message[15], 1);
  ByteWriter out(message);
  out.u8(0);
  out.u16(250);
  out.u16(255);
  out.u32(0);
  out.u16(2 + 16);
  out.u16(0xC00C);  // a pointer to the question's name
  for (int i = 0; i < 8; ++i) out.u16(0);
  Tsig tsig;
  std::size_t start = 0;
  EXPECT_EQ(find_tsig(message, tsig, start), TsigSearch::bad);
}

TEST(Tsig, NoRoomChangesNothing) {
  Tsig tsig{.key = name("k."), .algorithm = name("hmac-sha256."), .mac = Bytes(32)};
  const std::size_t size = tsig_size(tsig.key, tsig.algorithm, 32);
  Bytes message(65535 - size + 1);
  const auto before = message;
  EXPECT_FALSE(append_tsig(message, tsig));
  EXPECT_EQ(message, before);
  message.pop_back();
  EXPECT_TRUE(append_tsig(message, tsig));
  EXPECT_EQ(message.size(), 65535U);
  Bytes full(kHeaderOctets, 0xFF);
  EXPECT_FALSE(append_tsig(full, tsig)) << "no more additional records can be counted";
}

TEST(Tsig, TheMacCoversLowerCaseNamesAndTheOriginalId) {
  const Tsig tsig{.key = name("Key.Example."),
                  .algorithm = name("HMAC-sha256."),
                  .time_s = 0x010203040506,
                  .fudge_s = 0x0708,
                  .error = TsigError::badtime,
                  .other = tsig_time(0x111213141516)};
  EXPECT_EQ(
      hex(tsig_variables(tsig)),
      "036b6579076578616d706c650000ff000000000b686d61632d73686132353600010203040506070800120006111213141516");
  EXPECT_EQ(hex(tsig_timers(tsig)), "0102030405060708");
  EXPECT_EQ(tsig_time_of(tsig.other), 0x111213141516U);
  EXPECT_EQ(tsig_time_of(Bytes(5)), 0U);
  EXPECT_EQ(hex(tsig_prior_mac(Bytes(3, 0xAB))), "0003ababab");
  const auto header = tsig_header(signed_by_dig(), 0x4242, true);
  EXPECT_EQ(hex(header), "424201200001000000000001");
  EXPECT_EQ(hex(tsig_header(signed_by_dig(), 0x4242, false)), "424201200001000000000002");
}

}  // namespace
}  // namespace onoma::wire
