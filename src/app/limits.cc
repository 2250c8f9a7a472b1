#include "app/limits.h"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "serve/limit_watch.h"

namespace onoma::app {

namespace json = boost::json;

namespace {

constexpr std::int64_t kRateMax = 10'000'000;
constexpr std::int64_t kSlipMax = 1000;

// One number: where it comes from, where it goes, and what 0 means.
struct Number {
  std::string_view name;  // behind "limits.", and with '-' behind "--limit-"
  std::int64_t LimitSettings::* from;
  std::int64_t most;
  std::string_view zero, meaning;
};
constexpr std::array kNumbers{
    Number{"answers", &LimitSettings::limit_answers, kRateMax, "no limit",
           "the same answer to one address, a second"},
    Number{"errors", &LimitSettings::limit_errors, kRateMax, "no limit", "errors to one address, a second"},
    Number{"slip", &LimitSettings::limit_slip, kSlipMax, "none",
           "one of so many withheld answers leaves empty with TC"},
    Number{"flood_names", &LimitSettings::limit_flood_names, kRateMax, "floods are not looked for",
           "different missing names below one name in a second that are a flood"},
    Number{"flood_source", &LimitSettings::limit_flood_source, kRateMax, "none",
           "of them still answered to one address during a flood, a second"},
    Number{"flood_slip", &LimitSettings::limit_flood_slip, kSlipMax, "none", "slip during a flood"},
    Number{"shed", &LimitSettings::limit_shed, kRateMax, "no address is shed",
           "withheld answers to one address, a second, above which it is dropped unread"},
};

std::string option_of(std::string_view name) {
  std::string out = fmt::format("--limit-{}", name);
  std::ranges::replace(out, '_', '-');
  return out;
}

Result<serve::LimitMode> mode_of(const std::string& text) {
  if (text == "off") return serve::LimitMode::off;
  if (text == "dry-run") return serve::LimitMode::dry_run;
  if (text == "on") return serve::LimitMode::on;
  return fail(Code::out_of_range,
              fmt::format("limits.mode (--limit) is \"{}\": it must be off, dry-run (count and report what "
                          "would be withheld) or on",
                          text),
              "limits.mode");
}

}  // namespace

void add_limit_options(CLI::App& command, LimitSettings& settings) {
  auto* mode = command
                   .add_option("--limit", settings.limit_mode,
                               "withhold answers to floods and forged sources: off, dry-run (only count and "
                               "report) or on")
                   ->check(CLI::IsMember({"off", "dry-run", "on"}))
                   ->capture_default_str();
  for (const auto& number : kNumbers)
    command
        .add_option(option_of(number.name), settings.*number.from,
                    fmt::format("{}; 0: {}", number.meaning, number.zero))
        ->capture_default_str()
        ->needs(mode);
}

Result<serve::LimitOptions> limit_options(const LimitSettings& settings) {
  serve::LimitOptions out;
  ONOMA_TRY(out.mode, mode_of(settings.limit_mode));
  for (const auto& number : kNumbers) {
    const auto value = settings.*number.from;
    if (value < 0 || value > number.most)
      return fail(Code::out_of_range,
                  fmt::format("limits.{} ({}) is {}: it must be 1 to {}, or 0 ({})", number.name,
                              option_of(number.name), value, number.most, number.zero),
                  fmt::format("limits.{}", number.name));
  }
  const auto small = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
  out.per_s.fill(small(settings.limit_answers));
  out.per_s[static_cast<std::size_t>(serve::ResponseClass::error)] = small(settings.limit_errors);
  out.slip = small(settings.limit_slip);
  out.flood_names_per_s = small(settings.limit_flood_names);
  out.flood_source_per_s = small(settings.limit_flood_source);
  out.flood_slip = small(settings.limit_flood_slip);
  out.shed_per_s = small(settings.limit_shed);
  return out;
}

json::array floods_json(const std::vector<serve::Flood>& floods) {
  json::array out;
  for (const auto& flood : floods)
    out.push_back(json::object{
        {"below", flood.encloser}, {"names_per_s", flood.names_per_s}, {"withheld", flood.withheld}});
  return out;
}

}  // namespace onoma::app
