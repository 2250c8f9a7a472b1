#include "base/time.h"

#include <cstdio>

namespace onoma {
namespace {

std::optional<unsigned> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return std::nullopt;
  unsigned value = 0;
  for (char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

std::optional<Time> assemble(std::optional<unsigned> year, std::optional<unsigned> month,
                             std::optional<unsigned> day, std::optional<unsigned> hour,
                             std::optional<unsigned> minute, std::optional<unsigned> second) {
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)},
                                         std::chrono::month{*month}, std::chrono::day{*day}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  return Time{std::chrono::sys_days{date}} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         std::chrono::seconds{*second};
}

}  // namespace

std::string iso8601(Time t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date{day};
  const auto us = (t - day).count();
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(us / 3'600'000'000), static_cast<int>(us / 60'000'000 % 60),
                static_cast<int>(us / 1'000'000 % 60), static_cast<int>(us % 1'000'000));
  return text;
}

std::optional<Time> from_iso8601(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text.back() != 'Z')
    return std::nullopt;
  auto time = assemble(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2), digits(text, 11, 2),
                       digits(text, 14, 2), digits(text, 17, 2));
  if (!time || text.size() == 20) return time;
  const auto fraction_size = text.size() - 21;
  if (text[19] != '.' || fraction_size < 1 || fraction_size > 6) return std::nullopt;
  auto fraction = digits(text, 20, fraction_size);
  if (!fraction) return std::nullopt;
  std::int64_t us = *fraction;
  for (auto n = fraction_size; n < 6; ++n) us *= 10;
  return *time + Duration{us};
}

std::optional<Time> from_dnssec_time(std::string_view text) {
  if (text.size() != 14) return std::nullopt;
  return assemble(digits(text, 0, 4), digits(text, 4, 2), digits(text, 6, 2), digits(text, 8, 2),
                  digits(text, 10, 2), digits(text, 12, 2));
}

Time SystemClock::now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

Duration SystemClock::steady() const {
  return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace onoma
