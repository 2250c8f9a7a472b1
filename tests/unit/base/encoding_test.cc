#include "base/encoding.h"

#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace onoma {
namespace {

using namespace std::string_view_literals;

std::optional<std::string> text_of(std::optional<Bytes> bytes) {
  if (!bytes) return std::nullopt;
  return std::string(as_text(*bytes));
}

// The test vectors of RFC 4648 §10.
struct Vector {
  std::string_view plain, base64, base32hex, hex;
};
constexpr Vector kVectors[] = {
    {"", "", "", ""},
    {"f", "Zg==", "co", "66"},
    {"fo", "Zm8=", "cpng", "666f"},
    {"foo", "Zm9v", "cpnmu", "666f6f"},
    {"foob", "Zm9vYg==", "cpnmuog", "666f6f62"},
    {"fooba", "Zm9vYmE=", "cpnmuoj1", "666f6f6261"},
    {"foobar", "Zm9vYmFy", "cpnmuoj1e8", "666f6f626172"},
};

TEST(Encoding, StandardVectorsBothWays) {
  for (const auto& v : kVectors) {
    EXPECT_EQ(base64(as_bytes(v.plain)), v.base64);
    EXPECT_EQ(base32hex(as_bytes(v.plain)), v.base32hex);
    EXPECT_EQ(hex(as_bytes(v.plain)), v.hex);
    EXPECT_EQ(text_of(from_base64(v.base64)), v.plain);
    EXPECT_EQ(text_of(from_base32hex(v.base32hex)), v.plain);
    EXPECT_EQ(text_of(from_hex(v.hex)), v.plain);
    const auto unpadded = v.base64.substr(0, std::min(v.base64.find('='), v.base64.size()));
    EXPECT_EQ(base64url(as_bytes(v.plain)), unpadded);
    EXPECT_EQ(text_of(from_base64url(unpadded)), v.plain);
  }
}

TEST(Encoding, UrlAlphabetDiffersInTwoSigns) {
  const Bytes data{0xfb, 0xff, 0xbf};
  EXPECT_EQ(base64(data), "+/+/");
  EXPECT_EQ(base64url(data), "-_-_");
  EXPECT_FALSE(from_base64("-_-_"));
  EXPECT_FALSE(from_base64url("+/+/"));
}

TEST(Encoding, CaseIsFoldedWhereTheAlphabetHasOneCase) {
  EXPECT_EQ(text_of(from_hex("4F4f")), "OO");
  EXPECT_EQ(text_of(from_base32hex("CPNMUOJ1e8")), "foobar");
}

TEST(Encoding, RefusesWhatIsNotCanonical) {
  for (auto text : {"Z", "Zg", "Zg=", "Zg===", "=", "==", "====", "Z===", "Zm8==", "Zm=v",
                    "Zg==Zg==", "Zg== ", " Zg==", "Zm9v\n", "Zm9vZg===", "Zh==" /* spare bits */,
                    "Zm9=" /* spare bits */, "Zm9\xc3"})
    EXPECT_FALSE(from_base64(text)) << text;
  for (auto text : {"Z", "Zh", "Zm9", "Zg==", "Zm9vY", "Zm 9v"}) EXPECT_FALSE(from_base64url(text)) << text;
  for (auto text : {"c", "cp0", "cp" /* spare bits */, "cpnmuo", "co======", "w", "cpn mu"})
    EXPECT_FALSE(from_base32hex(text)) << text;
  for (auto text : {"6", "666", "6g", "0x66", "66 ", " 66", "6 6"}) EXPECT_FALSE(from_hex(text)) << text;
  EXPECT_FALSE(from_hex("6\0"sv));
  EXPECT_FALSE(from_base64("Zg\0="sv));
}

TEST(Encoding, EveryTextOfThreeSignsDecodesOnlyIfItEncodesBack) {
  for (int a = 0; a < 128; ++a)
    for (int b = 0; b < 128; ++b) {
      const std::string text{'Z', static_cast<char>(a), static_cast<char>(b)};
      if (auto bytes = from_base64url(text)) {
        EXPECT_EQ(base64url(*bytes), text);
      }
    }
}

TEST(Encoding, RandomOctetsOfEachLengthComeBack) {
  SeededRng rng(4648);
  for (std::size_t size = 0; size < 80; ++size) {
    Bytes data(size);
    rng.fill(data);
    EXPECT_EQ(from_hex(hex(data)), data);
    EXPECT_EQ(from_base64(base64(data)), data);
    EXPECT_EQ(from_base64url(base64url(data)), data);
    EXPECT_EQ(from_base32hex(base32hex(data)), data);
  }
}

TEST(Utf8, AcceptsTheFirstAndLastOfEachLength) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("\0\x7f"sv));
  EXPECT_TRUE(is_utf8("\xc2\x80\xdf\xbf"));                  // U+0080 U+07FF
  EXPECT_TRUE(is_utf8("\xe0\xa0\x80\xef\xbf\xbf"));          // U+0800 U+FFFF
  EXPECT_TRUE(is_utf8("\xed\x9f\xbf\xee\x80\x80"));          // around the surrogates
  EXPECT_TRUE(is_utf8("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));  // U+10000 U+10FFFF
}

TEST(Utf8, RefusesWhatRfc3629Excludes) {
  for (auto text : {"\x80",
                    "\xbf",
                    "\xc0\x80",
                    "\xc1\xbf",
                    "\xc2",
                    "\xc2\x41",
                    "\xe0\x80\x80",
                    "\xe0\x9f\xbf",
                    "\xe1\x80",
                    "\xed\xa0\x80",
                    "\xed\xbf\xbf",
                    "\xf0\x80\x80\x80",
                    "\xf0\x8f\xbf\xbf",
                    "\xf0\x90\x80",
                    "\xf4\x90\x80\x80",
                    "\xf5\x80\x80\x80",
                    "\xf8\x88\x80\x80\x80",
                    "\xff",
                    "ok\xc3",
                    "\xc3\xa9\xa9"})
    EXPECT_FALSE(is_utf8(text)) << hex(as_bytes(text));
}

}  // namespace
}  // namespace onoma
