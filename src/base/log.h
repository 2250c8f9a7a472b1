// The log: one line per event on stderr, `2026-09-25T12:00:00.000Z level room: text`. Thread-safe.
// Never pass a secret or personal data. Messages are finished text; build them with fmt::format. Control
// characters in them are shown as \xNN.
#pragma once

#include <string_view>

namespace onoma::log {

enum class Level { debug, info, warning, error };

void set_level(Level level);
void write(Level level, std::string_view room, std::string_view text);

inline void debug(std::string_view room, std::string_view text) {
  write(Level::debug, room, text);
}
inline void info(std::string_view room, std::string_view text) {
  write(Level::info, room, text);
}
inline void warning(std::string_view room, std::string_view text) {
  write(Level::warning, room, text);
}
inline void error(std::string_view room, std::string_view text) {
  write(Level::error, room, text);
}

}  // namespace onoma::log
