#include "base/time.h"

#include <string>

#include <gtest/gtest.h>

namespace onoma {
namespace {

using namespace std::chrono_literals;

TEST(Time, Iso8601HasMicrosecondsAndZ) {
  EXPECT_EQ(iso8601(Time{}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(iso8601(from_unix_seconds(1790337600) + 1us), "2026-09-25T12:00:00.000001Z");
  EXPECT_EQ(iso8601(Time{-1us}), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(iso8601(from_unix_seconds(951782400)), "2000-02-29T00:00:00.000000Z");
}

TEST(Time, Iso8601ReadsBackWhatItWrote) {
  for (std::int64_t us : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, std::int64_t{1790337600123456},
                          std::int64_t{4102444799999999}, std::int64_t{-62135596800000000}}) {
    const Time t{Duration{us}};
    EXPECT_EQ(from_iso8601(iso8601(t)), t) << us;
  }
}

TEST(Time, Iso8601FractionMayBeAbsentOrShort) {
  const auto noon = from_unix_seconds(1790337600);
  EXPECT_EQ(from_iso8601("2026-09-25T12:00:00Z"), noon);
  EXPECT_EQ(from_iso8601("2026-09-25T12:00:00.5Z"), noon + 500ms);
  EXPECT_EQ(from_iso8601("2026-09-25T12:00:00.000007Z"), noon + 7us);
}

TEST(Time, Iso8601RefusesEverythingElse) {
  for (auto text : {"",
                    "Z",
                    "2026-09-25",
                    "2026-09-25T12:00:00",
                    "2026-09-25T12:00:00+00:00",
                    "2026-09-25 12:00:00Z",
                    "2026-9-25T12:00:00Z",
                    "2026-13-01T00:00:00Z",
                    "2026-00-01T00:00:00Z",
                    "2026-02-29T00:00:00Z",
                    "2026-04-31T00:00:00Z",
                    "2026-09-25T24:00:00Z",
                    "2026-09-25T12:60:00Z",
                    "2026-09-25T12:00:60Z",
                    "2026-09-25T12:00:00.Z",
                    "2026-09-25T12:00:00.0000000Z",
                    "2026-09-25T12:00:00.-1Z",
                    "2026-09-25T12:00:00,5Z",
                    "2026-09-25T12:00:0xZ",
                    "2026-09-25t12:00:00z",
                    "-026-09-25T12:00:00Z",
                    "2026-09-25T12:00:00ZZ"})
    EXPECT_FALSE(from_iso8601(text)) << text;
}

// RFC 4034 §3.2 and the example RRSIG of its §3.3.
TEST(Time, DnssecTime) {
  EXPECT_EQ(from_dnssec_time("20030322173103"), from_iso8601("2003-03-22T17:31:03Z"));
  EXPECT_EQ(from_dnssec_time("19700101000000"), Time{});
  EXPECT_EQ(from_dnssec_time("21060207062815"), from_unix_seconds(0xffffffff));
  for (auto text : {"", "2003032217310", "200303221731033", "20031322173103", "20030230173103",
                    "20030322243103", "2003032217310a", "2003032217 103", "+2003032217310"})
    EXPECT_FALSE(from_dnssec_time(text)) << text;
}

TEST(Time, UnixSecondsRoundDownOnBothSidesOfTheEpoch) {
  EXPECT_EQ(unix_seconds(Time{1999999us}), 1);
  EXPECT_EQ(unix_seconds(Time{-1us}), -1);
  EXPECT_EQ(unix_seconds(from_unix_seconds(-5)), -5);
}

TEST(Clock, TheManualOneMovesOnlyByHand) {
  ManualClock clock(from_unix_seconds(100));
  const auto before = clock.steady();
  EXPECT_EQ(clock.now(), from_unix_seconds(100));
  clock.advance(3s);
  EXPECT_EQ(clock.now(), from_unix_seconds(103));
  EXPECT_EQ(clock.steady() - before, 3s);
}

TEST(Clock, TheSystemOneNeverRunsBackwards) {
  const SystemClock clock;
  const auto first = clock.steady();
  EXPECT_GE(clock.steady(), first);
  EXPECT_GT(clock.now(), from_unix_seconds(1700000000));
}

}  // namespace
}  // namespace onoma
