#include <cstdio>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/commands.h"

namespace onoma::app {

int report(const Globals& globals, const Error& error) {
  if (globals.json) {
    boost::json::object document{{"error", std::string(facts(error.code).name)}, {"message", error.message}};
    if (!error.field.empty()) document["field"] = error.field;
    fmt::print("{}\n", boost::json::serialize(document));
  } else {
    fmt::print(stderr, "onoma: {}{}{}\n", error.field, error.field.empty() ? "" : ": ", error.message);
  }
  return facts(error.code).exit_status;
}

}  // namespace onoma::app
