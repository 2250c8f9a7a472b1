#include "crypto/digest.h"

#include "support.h"

namespace onoma::crypto {
namespace {

using test::h;
using test::hex_of;

TEST(Digest, KnowsTheExamplesOfFips180) {
  const auto abc = as_bytes("abc");
  EXPECT_EQ(hex_of(sha1(abc)), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex_of(sha256(abc)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(
      hex_of(sha384(abc)),
      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(hex_of(sha512(abc)),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
            "454d442364"
            "3ce80e2a9ac94fa54ca49f");
}

TEST(Digest, TakesNothing) {
  EXPECT_EQ(hex_of(sha1({})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(hex_of(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

template <class Stream, class OneShot>
void expect_stream_equals(OneShot one_shot) {
  SeededRng rng(7);
  for (std::size_t size : {0u, 1u, 55u, 56u, 63u, 64u, 65u, 111u, 112u, 127u, 128u, 129u, 1000u}) {
    Bytes data(size);
    rng.fill(data);
    Stream stream;
    for (std::size_t at = 0; at < size;) {
      const std::size_t part = std::min<std::size_t>(size - at, 1 + rng.u64() % 70);
      stream.update(ByteView(data).subspan(at, part));
      at += part;
    }
    const auto got = stream.finish();
    EXPECT_EQ(hex_of(got), hex_of(one_shot(data))) << size;
    stream.update(data);
    EXPECT_EQ(stream.finish(), got) << "a finished stream starts afresh";
  }
}

TEST(Digest, InPartsIsTheSameAsInOne) {
  expect_stream_equals<Sha1Stream>(sha1);
  expect_stream_equals<Sha256Stream>(sha256);
  expect_stream_equals<Sha384Stream>(sha384);
  expect_stream_equals<Sha512Stream>(sha512);
}

TEST(Digest, Sm3OfPartsIsSm3OfTheWhole) {
  EXPECT_EQ(hex_of(sm3(as_bytes("abc"))), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
  EXPECT_EQ(sm3(as_bytes("a"), as_bytes("bc")), sm3(as_bytes("abc")));
  EXPECT_EQ(sm3({}, as_bytes("abc")), sm3(as_bytes("abc")));
}

TEST(Digest, ACopyGoesItsOwnWay) {
  Sha256Stream one;
  one.update(as_bytes("a"));
  Sha256Stream two = one;
  one.update(as_bytes("bc"));
  two.update(as_bytes("xy"));
  EXPECT_EQ(one.finish(), sha256(as_bytes("abc")));
  EXPECT_EQ(two.finish(), sha256(as_bytes("axy")));
}

TEST(Nsec3Hash, KnowsTheExamplesOfRfc5155AppendixA) {
  const auto salt = h("aabbccdd");
  auto hash = [&](std::string_view wire) { return base32hex(nsec3_hash(as_bytes(wire), salt, 12)); };
  using namespace std::string_view_literals;
  EXPECT_EQ(hash("\7example\0"sv), "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom");
  EXPECT_EQ(hash("\1a\7example\0"sv), "35mthgpgcu1qg68fab165klnsnk3dpvl");
  EXPECT_EQ(hash("\2ai\7example\0"sv), "gjeqe526plbf1g8mklp59enfd789njgi");
}

TEST(Nsec3Hash, WithoutSaltAndIterationsIsSha1) {
  using namespace std::string_view_literals;
  const auto com = as_bytes("\3com\0"sv);
  EXPECT_EQ(base32hex(nsec3_hash(com, {}, 0)), "ck0pojmg874ljref7efn8430qvit8bsm");
  EXPECT_EQ(nsec3_hash(com, {}, 0), sha1(com));
  EXPECT_EQ(nsec3_hash(com, {}, 1), sha1(sha1(com)));
}

}  // namespace
}  // namespace onoma::crypto
