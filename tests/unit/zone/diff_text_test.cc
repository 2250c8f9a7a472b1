// Changes as text: what may be said, what is refused, and that saying a difference and applying it is the
// difference.
#include "zone/diff_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "zone/load.h"

namespace onoma::zone {
namespace {

using testing::HasSubstr;

constexpr std::string_view kZone =
    "@ 3600 SOA ns hostmaster 10 1800 900 604800 300\n"
    "@ 3600 NS ns.example.\n"
    "a 3600 NS ns1.a\n"
    "a 3600 NS ns2.a\n"
    "ns1.a 300 A 192.0.2.1\n";

SnapshotPtr load(std::string_view text) {
  std::vector<std::string> warnings;
  auto loaded = load_zone_text(text, {.origin = Name::parse("test.").value(), .file_name = "t"}, warnings);
  EXPECT_TRUE(loaded) << loaded.error().message;
  return *loaded;
}

constexpr std::string_view kSoaStep =
    "-test. 3600 IN SOA ns.test. hostmaster.test. 10 1800 900 604800 300\n"
    "+test. 3600 IN SOA ns.test. hostmaster.test. 11 1800 900 604800 300\n";

TEST(DiffText, AppliesLinesInAnyOrder) {
  const auto zone = load(kZone);
  const auto diff =
      diff_from_text(std::string("; a comment\n\n+b.test. 60 IN NS ns.b.example.\n") +
                         "+a 60 NS ns9.a\n-a 3600 NS ns1.a\n-a 3600 NS ns2.a\n" + std::string(kSoaStep),
                     *zone, "change");
  ASSERT_TRUE(diff) << diff.error().message;
  EXPECT_EQ(diff->from_serial, 10U);
  EXPECT_EQ(diff->to_serial, 11U);
  const auto next = zone->apply(*diff);
  ASSERT_TRUE(next) << next.error().message;
  const auto text = zone_text(**next);
  EXPECT_THAT(text, HasSubstr("b.test. 60 IN NS ns.b.example."));
  EXPECT_THAT(text, HasSubstr("a.test. 60 IN NS ns9.a.test."));
  EXPECT_EQ(text.find("ns2.a.test. 3600"), std::string::npos);
}

TEST(DiffText, WhatItPrintsItReadsAgain) {
  const auto from = load(kZone);
  const auto to = load(
      "@ 3600 SOA ns hostmaster 12 1800 900 604800 300\n@ 3600 NS ns.example.\n"
      "a 3600 NS ns2.a\nns1.a 300 A 192.0.2.2\nns2.a 300 AAAA 2001:db8::1\n");
  const auto text = diff_text(difference(*from, *to));
  const auto diff = diff_from_text(text, *from, "change");
  ASSERT_TRUE(diff) << diff.error().message << "\n" << text;
  const auto applied = from->apply(*diff);
  ASSERT_TRUE(applied);
  EXPECT_EQ(zone_text(**applied), zone_text(*to));
}

struct Refusal {
  const char* lines;
  const char* says;
};

class DiffTextRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(DiffTextRefuses, AndSaysWhere) {
  const auto zone = load(kZone);
  const auto diff = diff_from_text(GetParam().lines, *zone, "change");
  ASSERT_FALSE(diff);
  EXPECT_THAT(diff.error().message, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(Lines, DiffTextRefuses,
                         testing::Values(Refusal{"a 3600 NS ns1.a\n", "change:1:1: expected '+' or '-'"},
                                         Refusal{"+a 3600 NS\n", "change line 1"},
                                         Refusal{"-c 3600 NS ns.c\n", "change:1: the zone does not hold"},
                                         Refusal{"-a 60 NS ns1.a\n", "change:1: the zone does not hold"},
                                         Refusal{"+a 3600 NS ns1.a\n", "change:1: the zone already holds"},
                                         Refusal{"+example.net. 3600 NS ns1.a\n",
                                                 "change:1: example.net. is outside test."},
                                         Refusal{"+b 3600 NS ns.b\n", "must replace the SOA"}));

TEST(DiffText, AnEmptyChangeIsNoChange) {
  const auto zone = load(kZone);
  const auto diff = diff_from_text("; nothing\n", *zone, "change");
  ASSERT_TRUE(diff);
  EXPECT_TRUE(diff->empty());
}

}  // namespace
}  // namespace onoma::zone
