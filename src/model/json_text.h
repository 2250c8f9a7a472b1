// Inside of the JSON codec: a writer that appends to a string, and a strict reader of one object's members.
// Private to this room. Neither is shared between threads.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "wire/name.h"

namespace boost::json {
class value;
class object;
}  // namespace boost::json

namespace onoma::model {

std::string name_text(const wire::Name& name);

// Writes compact JSON: {"a":1,"b":["x"]}. The caller balances open and close.
class JsonWriter {
 public:
  void open_object() { open('{'); }
  void close_object() { close('}'); }
  void open_array() { open('['); }
  void close_array() { close(']'); }
  void key(std::string_view name);  // REQUIRES: a name that needs no escapes
  void text(std::string_view value);
  void number(std::uint64_t value);
  void boolean(bool value);
  void raw(std::string_view json);  // a finished value

  void member(std::string_view name, std::string_view value) { key(name), text(value); }
  void member(std::string_view name, const char* value) { key(name), text(value); }
  void member(std::string_view name, const std::string& value) { key(name), text(value); }
  void member(std::string_view name, const wire::Name& value) { key(name), text(name_text(value)); }
  void member(std::string_view name, Time value) { key(name), text(iso8601(value)); }
  void member(std::string_view name, std::same_as<bool> auto value) { key(name), boolean(value); }
  void member(std::string_view name, std::unsigned_integral auto value)
    requires(!std::same_as<decltype(value), bool>)
  {
    key(name), number(value);
  }
  void member(std::string_view name, const std::optional<std::uint32_t>& value) {
    if (value) member(name, *value);
  }
  template <class List>
  void list(std::string_view name, const List& items) {
    key(name), open_array();
    for (const auto& item : items) {
      if constexpr (std::same_as<std::remove_cvref_t<decltype(item)>, wire::Name>)
        text(name_text(item));
      else
        text(item);
    }
    close_array();
  }

  std::string take() { return std::move(out_); }
  void reserve(std::size_t size) { out_.reserve(size); }

 private:
  void comma();
  void open(char c);
  void close(char c);

  std::string out_;
  bool first_ = true;  // nothing yet in the innermost container, or a key was just written
};

// Text as a parsed document. Depth at most 32 levels.
class JsonDocument {
 public:
  static constexpr std::size_t kMaxOctets = 1U << 20;
  static Result<JsonDocument> parse(std::string_view text, std::size_t max_octets = kMaxOctets);
  JsonDocument(JsonDocument&&) noexcept;
  ~JsonDocument();
  const boost::json::value& root() const;

 private:
  struct Impl;
  explicit JsonDocument(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The members of one object, asked for by name. The first problem is kept, later calls then do nothing, so
// that a codec is a plain list of fields; finish() reports the problem, or the first member that nobody asked
// for. Members that are absent leave `out` as it is; the calls say whether the member is there.
class Fields {
 public:
  Fields(const boost::json::value& value, std::string path, std::optional<Error>& problem);

  bool has(std::string_view name) const;
  void require(std::string_view name);  // missing_field unless present
  bool text(std::string_view name, std::string& out, std::size_t max_octets = 65'535);
  bool name(std::string_view name, wire::Name& out);
  bool names(std::string_view name, std::vector<wire::Name>& out, std::size_t max_items);
  bool texts(std::string_view name, std::vector<std::string>& out, std::size_t max_items);
  bool text_set(std::string_view name, std::set<std::string>& out, std::size_t max_items);
  bool boolean(std::string_view name, bool& out);
  bool time(std::string_view name, Time& out);
  bool hex(std::string_view name, Bytes& out, std::size_t max_octets);
  bool base64url(std::string_view name, Bytes& out);
  bool number(std::string_view name, std::uint64_t& out, std::uint64_t low, std::uint64_t high);
  template <class T>
    requires std::unsigned_integral<T>
  bool number(std::string_view name, T& out, std::uint64_t low = 0,
              std::uint64_t high = std::numeric_limits<T>::max()) {
    std::uint64_t wide = 0;
    if (!number(name, wide, low, high)) return false;
    out = static_cast<T>(wide);
    return true;
  }
  bool number(std::string_view name, std::optional<std::uint32_t>& out) {
    std::uint32_t value = 0;
    if (!number(name, value)) return false;
    out = value;
    return true;
  }
  // A text out of a fixed list; `out` is its place.
  bool choice(std::string_view name, std::size_t& out, std::initializer_list<std::string_view> choices);
  template <class E>
  bool enumeration(std::string_view name, E& out, std::initializer_list<std::string_view> choices) {
    std::size_t at = 0;
    if (!choice(name, at, choices)) return false;
    out = static_cast<E>(at);
    return true;
  }
  // An object member, as its text; compact.
  bool object_text(std::string_view name, std::string& out);
  // Calls visit(element, path) for each element.
  bool array(std::string_view name, std::size_t max_items,
             const std::function<void(const boost::json::value&, const std::string&)>& visit);
  // An object member whose own members are read by `visit`.
  bool object(std::string_view name,
              const std::function<void(const boost::json::value&, const std::string&)>& visit);
  // Every member, for objects whose names are free.
  void each_text(const std::function<void(std::string_view, std::string_view)>& visit);

  // The member's value as it stands, or null. Counts as asked for.
  const boost::json::value* get(std::string_view name);
  void set_problem(Code code, std::string message, std::string_view name);
  bool failed() const { return problem_.has_value(); }
  void finish();

 private:
  std::string path_of(std::string_view name) const;

  const boost::json::object* object_ = nullptr;
  std::string path_;
  std::optional<Error>& problem_;
  std::vector<std::string_view> known_;
};

// Without a value: not a text. Used for elements that may be text or object.
std::optional<std::string_view> as_json_text(const boost::json::value& value);

}  // namespace onoma::model
