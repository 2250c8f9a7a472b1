#include "model/json_text.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/encoding.h"

namespace onoma::model {

namespace json = boost::json;

std::string name_text(const wire::Name& name) {
  auto text = name.text();
  if (text.size() > 1) text.pop_back();
  return text;
}

void JsonWriter::comma() {
  if (!first_) out_ += ',';
  first_ = false;
}

void JsonWriter::open(char c) {
  comma();
  out_ += c;
  first_ = true;
}

void JsonWriter::close(char c) {
  out_ += c;
  first_ = false;
}

void JsonWriter::key(std::string_view name) {
  comma();
  out_ += '"';
  out_ += name;
  out_ += "\":";
  first_ = true;
}

// The escapes are those of boost::json::serialize, so that a nested object that is read and written again is
// the same text to the last octet.
void JsonWriter::text(std::string_view value) {
  comma();
  out_ += '"';
  std::size_t plain = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    auto c = static_cast<unsigned char>(value[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out_.append(value, plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"':
        out_ += "\\\"";
        break;
      case '\\':
        out_ += "\\\\";
        break;
      case '\b':
        out_ += "\\b";
        break;
      case '\f':
        out_ += "\\f";
        break;
      case '\n':
        out_ += "\\n";
        break;
      case '\r':
        out_ += "\\r";
        break;
      case '\t':
        out_ += "\\t";
        break;
      default:
        out_ += fmt::format("\\u{:04x}", c);
    }
  }
  out_.append(value, plain);
  out_ += '"';
}

void JsonWriter::number(std::uint64_t value) {
  comma();
  char digits[20];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void JsonWriter::boolean(bool value) {
  comma();
  out_ += value ? "true" : "false";
}

void JsonWriter::raw(std::string_view text) {
  comma();
  out_ += text;
}

struct JsonDocument::Impl {
  json::monotonic_resource memory{4096};
  json::value root;
};

JsonDocument::JsonDocument(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument::~JsonDocument() = default;
const json::value& JsonDocument::root() const {
  return impl_->root;
}

Result<JsonDocument> JsonDocument::parse(std::string_view text, std::size_t max_octets) {
  if (text.size() > max_octets)
    return fail(Code::too_large,
                fmt::format("the JSON text has {} octets; at most {} are read", text.size(), max_octets));
  auto impl = std::make_unique<Impl>();
  json::parse_options options;
  options.max_depth = 32;
  json::error_code error;
  json::parser parser({}, options);
  parser.reset(&impl->memory);
  auto read = parser.write_some(text.data(), text.size(), error);
  while (!error && read < text.size() && std::string_view(" \t\r\n").contains(text[read])) ++read;
  if (error) return fail(Code::bad_request, fmt::format("not JSON: {} near octet {}", error.message(), read));
  if (read < text.size())
    return fail(Code::bad_request, fmt::format("text follows the JSON value at octet {}; remove it", read));
  // Storage of the parser's values is `memory`, which lives as long.
  std::destroy_at(&impl->root);
  std::construct_at(&impl->root, parser.release());
  return JsonDocument(std::move(impl));
}

std::optional<std::string_view> as_json_text(const json::value& value) {
  if (const auto* text = value.if_string()) return std::string_view(text->data(), text->size());
  return std::nullopt;
}

Fields::Fields(const json::value& value, std::string path, std::optional<Error>& problem)
    : object_(value.if_object()), path_(std::move(path)), problem_(problem) {
  if (!object_ && !problem_)
    problem_ = Error{Code::bad_syntax, "an object is expected, with its members in braces", path_};
}

std::string Fields::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void Fields::set_problem(Code code, std::string message, std::string_view name) {
  if (!problem_) problem_ = Error{code, std::move(message), path_of(name)};
}

bool Fields::has(std::string_view name) const {
  return object_ && object_->contains(name);
}

void Fields::require(std::string_view name) {
  if (!has(name)) set_problem(Code::missing_field, fmt::format("\"{}\" is needed", name), name);
}

const json::value* Fields::get(std::string_view name) {
  known_.push_back(name);
  if (failed()) return nullptr;
  return object_->if_contains(name);
}

bool Fields::text(std::string_view name, std::string& out, std::size_t max_octets) {
  const auto* value = get(name);
  if (!value) return false;
  auto text = as_json_text(*value);
  if (!text)
    return set_problem(Code::bad_syntax, fmt::format("\"{}\" must be a text in quotes", name), name), false;
  if (text->size() > max_octets)
    return set_problem(
               Code::out_of_range,
               fmt::format("\"{}\" has {} octets; at most {} are permitted", name, text->size(), max_octets),
               name),
           false;
  out = *text;
  return true;
}

namespace {

std::optional<Error> read_name(const json::value& value, wire::Name& out, std::string path) {
  auto text = as_json_text(value);
  if (!text) return Error{Code::bad_syntax, "a name must be a text in quotes", std::move(path)};
  auto name = text->empty() ? std::unexpected(wire::WireError::empty_label) : wire::Name::parse(*text);
  if (!name)
    return Error{Code::bad_syntax,
                 fmt::format("\"{}\" is no domain name: {}", *text, wire::describe(name.error())),
                 std::move(path)};
  out = name->lower();
  return std::nullopt;
}

}  // namespace

bool Fields::name(std::string_view name, wire::Name& out) {
  const auto* value = get(name);
  if (!value) return false;
  if (auto error = read_name(*value, out, path_of(name))) return problem_ = std::move(error), false;
  return true;
}

bool Fields::array(std::string_view name, std::size_t max_items,
                   const std::function<void(const json::value&, const std::string&)>& visit) {
  const auto* value = get(name);
  if (!value) return false;
  const auto* items = value->if_array();
  if (!items)
    return set_problem(Code::bad_syntax, fmt::format("\"{}\" must be a list in brackets", name), name), false;
  if (items->size() > max_items)
    return set_problem(
               Code::out_of_range,
               fmt::format("\"{}\" has {} entries; at most {} are permitted", name, items->size(), max_items),
               name),
           false;
  std::size_t at = 0;
  for (const auto& item : *items) {
    visit(item, fmt::format("{}[{}]", path_of(name), at++));
    if (failed()) return false;
  }
  return true;
}

bool Fields::object(std::string_view name,
                    const std::function<void(const json::value&, const std::string&)>& visit) {
  const auto* value = get(name);
  if (!value) return false;
  visit(*value, path_of(name));
  return !failed();
}

bool Fields::names(std::string_view name, std::vector<wire::Name>& out, std::size_t max_items) {
  out.clear();
  return array(name, max_items, [&](const json::value& item, const std::string& path) {
    if (auto error = read_name(item, out.emplace_back(), path); error && !problem_)
      problem_ = std::move(error);
  });
}

bool Fields::texts(std::string_view name, std::vector<std::string>& out, std::size_t max_items) {
  std::vector<std::string> found;
  bool there = array(name, max_items, [&](const json::value& item, const std::string& path) {
    if (auto text = as_json_text(item))
      found.emplace_back(*text);
    else if (!problem_)
      problem_ = Error{Code::bad_syntax, "a text in quotes is expected", path};
  });
  if (there) out = std::move(found);
  return there;
}

bool Fields::text_set(std::string_view name, std::set<std::string>& out, std::size_t max_items) {
  std::vector<std::string> found;
  if (!texts(name, found, max_items)) return false;
  out = {found.begin(), found.end()};
  return true;
}

bool Fields::boolean(std::string_view name, bool& out) {
  const auto* value = get(name);
  if (!value) return false;
  const auto* flag = value->if_bool();
  if (!flag)
    return set_problem(Code::bad_syntax, fmt::format("\"{}\" must be true or false", name), name), false;
  out = *flag;
  return true;
}

bool Fields::time(std::string_view name, Time& out) {
  std::string text;
  if (!this->text(name, text, 64)) return false;
  auto time = from_iso8601(text);
  if (!time)
    return set_problem(Code::bad_syntax,
                       fmt::format("\"{}\" must be a time of the form 2026-09-25T12:00:00Z", name), name),
           false;
  out = *time;
  return true;
}

bool Fields::hex(std::string_view name, Bytes& out, std::size_t max_octets) {
  std::string text;
  if (!this->text(name, text, max_octets * 2)) return false;
  auto octets = from_hex(text);
  if (!octets)
    return set_problem(Code::bad_syntax, fmt::format("\"{}\" must be hexadecimal digits", name), name), false;
  out = *std::move(octets);
  return true;
}

bool Fields::base64url(std::string_view name, Bytes& out) {
  std::string text;
  if (!this->text(name, text, JsonDocument::kMaxOctets)) return false;
  auto octets = from_base64url(text);
  if (!octets)
    return set_problem(Code::bad_syntax, fmt::format("\"{}\" must be base64url without padding", name), name),
           false;
  out = *std::move(octets);
  return true;
}

bool Fields::number(std::string_view name, std::uint64_t& out, std::uint64_t low, std::uint64_t high) {
  const auto* value = get(name);
  if (!value) return false;
  std::optional<std::uint64_t> found;
  if (const auto* i = value->if_int64(); i && *i >= 0) found = static_cast<std::uint64_t>(*i);
  if (const auto* u = value->if_uint64()) found = *u;
  if (!found && !value->is_number())
    return set_problem(Code::bad_syntax, fmt::format("\"{}\" must be a whole number", name), name), false;
  if (!found || *found < low || *found > high)
    return set_problem(Code::out_of_range,
                       fmt::format("\"{}\" must be a whole number from {} to {}", name, low, high), name),
           false;
  out = *found;
  return true;
}

bool Fields::choice(std::string_view name, std::size_t& out,
                    std::initializer_list<std::string_view> choices) {
  std::string text;
  if (!this->text(name, text, 64)) return false;
  const auto* found = std::find(choices.begin(), choices.end(), text);
  if (found == choices.end())
    return set_problem(Code::bad_syntax,
                       fmt::format("\"{}\" must be one of: {}", name,
                                   fmt::join(choices.begin(), choices.end(), ", ")),
                       name),
           false;
  out = static_cast<std::size_t>(found - choices.begin());
  return true;
}

namespace {
// Depth is bounded by the parser.
bool has_fraction(const json::value& value) {
  if (value.is_double()) return true;
  if (const auto* array = value.if_array()) return std::ranges::any_of(*array, has_fraction);
  if (const auto* object = value.if_object())
    return std::ranges::any_of(*object, [](const auto& member) { return has_fraction(member.value()); });
  return false;
}
}  // namespace

bool Fields::object_text(std::string_view name, std::string& out) {
  const auto* value = get(name);
  if (!value) return false;
  if (!value->is_object())
    return set_problem(Code::bad_syntax, fmt::format("\"{}\" must be an object", name), name), false;
  // No object has one, and it would not come out as it went in.
  if (has_fraction(*value))
    return set_problem(Code::bad_syntax, fmt::format("\"{}\" holds a number that is not whole", name), name),
           false;
  out = json::serialize(*value);
  return true;
}

void Fields::each_text(const std::function<void(std::string_view, std::string_view)>& visit) {
  if (failed()) return;
  for (const auto& [key, value] : *object_) {
    known_.emplace_back(key.data(), key.size());
    auto text = as_json_text(value);
    if (!text) return set_problem(Code::bad_syntax, "a text in quotes is expected", key);
    visit({key.data(), key.size()}, *text);
  }
}

void Fields::finish() {
  if (failed()) return;
  for (const auto& [key, value] : *object_) {
    std::string_view name(key.data(), key.size());
    if (std::ranges::find(known_, name) != known_.end()) continue;
    std::ranges::sort(known_);
    return set_problem(Code::unknown_field,
                       known_.empty() ? fmt::format("there is no field \"{}\"; none is permitted here", name)
                                      : fmt::format("there is no field \"{}\"; the fields are: {}", name,
                                                    fmt::join(known_, ", ")),
                       name);
  }
}

}  // namespace onoma::model
