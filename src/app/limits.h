// Settings of the limiter, as `serve` has them in its file and `authority` on its command line, and the
// floods of now for `onoma status`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "serve/limit_options.h"

namespace CLI {
class App;
}
namespace boost::json {
class array;
}
namespace onoma::serve {
struct Flood;
}

namespace onoma::app {

// Plain values; limit_options() checks them.
struct LimitSettings {
  std::string limit_mode = "off";
  std::int64_t limit_answers = 200, limit_errors = 50, limit_slip = 2;
  std::int64_t limit_flood_names = 1000, limit_flood_source = 10, limit_flood_slip = 16;
  std::int64_t limit_shed = 2000;
};

// `settings` must outlive the command.
void add_limit_options(CLI::App& command, LimitSettings& settings);
// An error names the setting and the option, and what may stand there.
Result<serve::LimitOptions> limit_options(const LimitSettings& settings);

// [{"below", "names_per_s", "withheld"}], the largest first.
boost::json::array floods_json(const std::vector<serve::Flood>& floods);

}  // namespace onoma::app
