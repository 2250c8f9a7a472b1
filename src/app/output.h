// What the commands print: objects, tables and outcomes for people. JSON documents are printed as they come.
// One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/commands.h"

namespace boost::json {
class object;
class value;
}  // namespace boost::json

namespace onoma::app {

enum class Colour : std::uint8_t { good, bad, faint };
// In colour when stdout is a terminal and NO_COLOR is not set.
std::string coloured(Colour colour, std::string_view text);

// One member a line, names in a column; what is empty is left out.
void print_object(const boost::json::object& object);
// `columns` are member names; arrays are joined.
void print_table(const std::vector<boost::json::object>& rows, const std::vector<std::string>& columns);
// The outcome of a write: what it was, and when it became visible: "visible in DNS: zone test. serial 7, 4.2
// ms after commit". `done` is the sentence for it: "created domain example.test".
void print_outcome(const Globals& globals, std::string_view done, const std::string& outcome_json);
// "zone test. serial 7, 4.2 ms after commit"
std::string published_text(const boost::json::object& published);

std::string text_of(const boost::json::value& value);
std::string member_text(const boost::json::object& object, std::string_view name);

}  // namespace onoma::app
