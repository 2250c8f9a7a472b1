#include "base/log.h"

#include <memory>
#include <string>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace onoma::log {
namespace {

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      break;
  }
  return spdlog::level::err;
}

spdlog::logger& logger() {
  // The sink colours only when stderr is a terminal.
  static const auto instance = [] {
    auto made =
        std::make_shared<spdlog::logger>("onoma", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v",
                                                                    spdlog::pattern_time_type::utc));
    return made;
  }();
  return *instance;
}

// Texts may quote what came from outside: without this, a line feed or an escape sequence in it could forge a
// line or drive the terminal of whoever reads the log.
std::string on_one_line(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet >= 0x20 && octet != 0x7f)
      out += c;
    else
      out.append("\\x").append(1, kHex[octet >> 4]).append(1, kHex[octet & 15]);
  }
  return out;
}

}  // namespace

void set_level(Level level) {
  logger().set_level(level_of(level));
}

void write(Level level, std::string_view room, std::string_view text) {
  logger().log(level_of(level), "{}: {}", room, on_one_line(text));
}

}  // namespace onoma::log
