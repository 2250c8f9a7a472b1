// Time as a value, and the clock as something passed in. All times are UTC with microseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace onoma {

using Time = std::chrono::sys_time<std::chrono::microseconds>;
using Duration = std::chrono::microseconds;

// Rounded down, also before 1970.
inline std::int64_t unix_seconds(Time t) {
  return std::chrono::floor<std::chrono::seconds>(t.time_since_epoch()).count();
}
inline Time from_unix_seconds(std::int64_t seconds) {
  return Time{std::chrono::seconds{seconds}};
}

std::string iso8601(Time t);                                  // 2026-09-25T12:00:00.000000Z
std::optional<Time> from_iso8601(std::string_view text);      // the same form; the fraction may be absent
std::optional<Time> from_dnssec_time(std::string_view text);  // YYYYMMDDHHmmSS (RFC 4034 §3.2)

// Two readings: `now` may jump, `steady` may not and has no meaning outside the process. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
  virtual Duration steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override;
  Duration steady() const override;
};

// A clock that a test moves by hand. Not thread-safe while it is moved.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Time start) : now_(start) {}
  Time now() const override { return now_; }
  Duration steady() const override { return now_.time_since_epoch(); }
  void advance(Duration by) { now_ += by; }

 private:
  Time now_;
};

}  // namespace onoma
