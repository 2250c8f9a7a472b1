#include "app/output.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

namespace onoma::app {

namespace json = boost::json;

namespace {

bool use_colours() {
  static const bool use =
      isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;  // NOLINT(concurrency-mt-unsafe)
  return use;
}

// Columns on a terminal: one for most characters, two for East Asian ones; enough for names.
std::size_t width(std::string_view text) {
  std::size_t columns = 0;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if ((octet & 0xc0U) == 0x80U) continue;
    columns += octet >= 0xe2 ? 2 : 1;
  }
  return columns;
}

std::string padded(std::string text, std::size_t columns) {
  const auto used = width(text);
  if (used < columns) text.append(columns - used, ' ');
  return text;
}

// Octets from elsewhere must not steer the terminal.
std::string harmless(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if ((octet < 0x20 && c != '\t') || octet == 0x7f)
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(octet));
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string coloured(Colour colour, std::string_view text) {
  if (!use_colours()) return std::string(text);
  const std::string_view code = colour == Colour::good ? "32" : colour == Colour::bad ? "31" : "2";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string text_of(const json::value& value) {
  if (value.is_string()) return harmless(value.as_string());
  if (value.is_array()) {
    std::vector<std::string> parts;
    for (const auto& one : value.as_array()) parts.push_back(text_of(one));
    return fmt::format(
        "{}", fmt::join(parts, value.as_array().empty() || !value.as_array()[0].is_object() ? " " : "; "));
  }
  if (value.is_object()) {
    std::vector<std::string> parts;
    for (const auto& [name, inner] : value.as_object())
      if (auto text = text_of(inner); !text.empty())
        parts.push_back(fmt::format("{}={}", std::string_view(name), text));
    return fmt::format("{}", fmt::join(parts, " "));
  }
  return json::serialize(value);
}

std::string member_text(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value ? text_of(*value) : std::string{};
}

void print_object(const json::object& object) {
  std::size_t columns = 0;
  for (const auto& [name, value] : object) columns = std::max(columns, name.size());
  for (const auto& [name, value] : object) {
    if (value.is_array() && !value.as_array().empty() && value.as_array()[0].is_object()) {
      for (const auto& one : value.as_array())
        fmt::print("{}  {}\n", padded(std::string(name), columns), text_of(one));
    } else if (auto text = text_of(value); !text.empty()) {
      fmt::print("{}  {}\n", padded(std::string(name), columns), text);
    }
  }
}

void print_table(const std::vector<json::object>& rows, const std::vector<std::string>& columns) {
  std::vector<std::size_t> widths;
  for (const auto& column : columns) {
    widths.push_back(column.size());
    for (const auto& row : rows) widths.back() = std::max(widths.back(), width(member_text(row, column)));
    widths.back() = std::min<std::size_t>(widths.back(), 60);
  }
  const auto line = [&](auto&& cell) {
    std::string out;
    for (std::size_t i = 0; i < columns.size(); ++i) out += padded(cell(columns[i]), widths[i]) + "  ";
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
  };
  if (!rows.empty())
    fmt::print("{}\n", coloured(Colour::faint, line([](const std::string& column) { return column; })));
  for (const auto& row : rows)
    fmt::print("{}\n", line([&](const std::string& column) { return member_text(row, column); }));
}

std::string published_text(const json::object& published) {
  auto zone = member_text(published, "zone");
  if (!zone.ends_with('.')) zone += '.';
  auto out = fmt::format("zone {} serial {}", zone, member_text(published, "serial"));
  if (const auto* after = published.if_contains("visible_after_us"); after && after->is_number())
    out += fmt::format(", {:.1f} ms after commit", after->to_number<double>() / 1000);
  return out;
}

void print_outcome(const Globals& globals, std::string_view done, const std::string& outcome_json) {
  if (globals.json) {
    fmt::print("{}\n", outcome_json);
    return;
  }
  json::error_code wrong;
  const auto document = json::parse(outcome_json, wrong);
  if (wrong || !document.is_object()) {
    fmt::print("{}\n", done);
    return;
  }
  const auto& outcome = document.as_object();
  const auto* seq = outcome.if_contains("seq");
  const bool changed = seq && seq->is_number() && seq->to_number<std::uint64_t>() != 0;
  fmt::print("{}{}\n", done,
             changed ? fmt::format(" (event {})", text_of(*seq))
                     : std::string(": it was so already, nothing changed"));
  if (auto secret = member_text(outcome, "secret"); !secret.empty())
    fmt::print("token, shown only now: {}\n", secret);
  if (const auto* notes = outcome.if_contains("notes"); notes && notes->is_array())
    for (const auto& note : notes->as_array()) fmt::print("note: {}\n", text_of(note));
  if (const auto* published = outcome.if_contains("published"); published && published->is_array())
    for (const auto& one : published->as_array())
      if (one.is_object())
        fmt::print("{}\n", coloured(Colour::good, "visible in DNS: " + published_text(one.as_object())));
  if (const auto* held = outcome.if_contains("held"); held && held->is_array())
    for (const auto& one : held->as_array())
      if (one.is_object())
        fmt::print("{}\n", coloured(Colour::bad, fmt::format("not in DNS yet: zone {} is held: {}",
                                                             member_text(one.as_object(), "zone"),
                                                             member_text(one.as_object(), "reason"))));
  if (member_text(outcome, "visibility") == "pending")
    fmt::print("not in DNS yet; follow it with `onoma watch`\n");
}

}  // namespace onoma::app
