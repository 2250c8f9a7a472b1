#include "base/log.h"

#include <algorithm>
#include <regex>
#include <string>

#include <gtest/gtest.h>

#include "base/check.h"

namespace onoma {
namespace {

std::string logged(log::Level level, std::string_view room, std::string_view text) {
  testing::internal::CaptureStderr();
  log::write(level, room, text);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, OneLineWithTimeLevelAndRoom) {
  const auto line = logged(log::Level::warning, "store", "disk is slow {}");
  EXPECT_TRUE(std::regex_match(
      line,
      std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z warning store: disk is slow \\{\\}\n")))
      << line;
}

// What a client sent may be part of a text; it must not be able to begin a line of its own or to move the
// cursor.
TEST(Log, ControlCharactersCannotForgeALine) {
  const auto line = logged(log::Level::error, "front", "bad name \"a\nb\r\x1b[2J\x7f\"\tend");
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_NE(line.find("a\\x0ab\\x0d\\x1b[2J\\x7f\"\\x09end"), std::string::npos) << line;
  EXPECT_NE(logged(log::Level::error, "front", "域名").find("域名"), std::string::npos);
}

TEST(Log, LevelsBelowTheSetOneAreSilent) {
  log::set_level(log::Level::error);
  EXPECT_EQ(logged(log::Level::warning, "x", "quiet"), "");
  EXPECT_NE(logged(log::Level::error, "x", "loud"), "");
  log::set_level(log::Level::debug);
  EXPECT_NE(logged(log::Level::debug, "x", "all"), "");
  log::set_level(log::Level::info);
  EXPECT_EQ(logged(log::Level::debug, "x", "quiet"), "");
}

TEST(CheckDeathTest, SaysWhatBrokeAndWhere) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  CHECK(1 + 1 == 2);
  EXPECT_DEATH(CHECK(1 + 1 == 3), "log_test.cc:[0-9]+: broken promise: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace onoma
