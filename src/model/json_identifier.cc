// Identifier and its values.
#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "model/codec.h"

namespace onoma::model {
namespace {

bool is_plain_text(ByteView data) {
  return is_utf8(as_text(data)) && std::ranges::none_of(data, [](std::uint8_t c) {
           return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
         });
}

void write_value(JsonWriter& out, const Value& value) {
  out.open_object();
  out.member("index", value.index);
  out.member("type", value.type);
  if (is_plain_text(value.data)) {
    out.member("data", as_text(value.data));
  } else {
    out.key("data");
    out.open_object();
    out.member("base64url", base64url(value.data));
    out.close_object();
  }
  out.member("ttl_s", value.ttl_s);
  out.member("ttl_absolute", value.ttl_absolute);
  out.member("permissions", value.permissions);
  out.key("references");
  out.open_array();
  for (const auto& reference : value.references) {
    out.open_object();
    out.member("identifier", reference.identifier);
    out.member("index", reference.index);
    out.close_object();
  }
  out.close_array();
  out.member("timestamp", value.timestamp);
  out.close_object();
}

void read_data(Fields& fields, Bytes& out, Problem& problem) {
  fields.require("data");
  const auto* value = fields.get("data");
  if (!value) return;
  if (auto text = as_json_text(*value)) {
    out = to_bytes(*text);
    return;
  }
  fields.object("data", [&](const boost::json::value& object, const std::string& path) {
    Fields members(object, path, problem);
    members.require("base64url");
    members.base64url("base64url", out);
    members.finish();
  });
}

void read_value(const boost::json::value& item, const std::string& path, Value& value, Problem& problem,
                bool with_timestamp) {
  Fields fields(item, path, problem);
  fields.require("index");
  fields.require("type");
  fields.number("index", value.index, 1, 0x7fffffff);
  fields.text("type", value.type, 255);
  read_data(fields, value.data, problem);
  fields.number("ttl_s", value.ttl_s, 0, 0x7fffffff);
  fields.boolean("ttl_absolute", value.ttl_absolute);
  fields.number("permissions", value.permissions, 0, 15);
  fields.array("references", 256, [&](const boost::json::value& one, const std::string& at) {
    Fields members(one, at, problem);
    auto& reference = value.references.emplace_back();
    members.require("identifier");
    members.text("identifier", reference.identifier, 2'048);
    members.number("index", reference.index);
    members.finish();
  });
  if (with_timestamp) fields.number("timestamp", value.timestamp);
  fields.finish();
}

}  // namespace

bool read_values(Fields& fields, std::vector<Value>& out, Problem& problem, bool with_timestamp) {
  return fields.array("values", kMaxValues, [&](const boost::json::value& item, const std::string& path) {
    read_value(item, path, out.emplace_back(), problem, with_timestamp);
  });
}

std::string to_json(const Identifier& identifier) {
  JsonWriter out;
  out.open_object();
  out.member("scheme", identifier.scheme);
  out.member("canonical", identifier.canonical);
  out.member("display", identifier.display);
  out.member("prefix", identifier.prefix);
  out.member("dns_name", identifier.dns_name);
  out.member("tld", identifier.tld);
  out.member("status", identifier.status);
  out.key("values");
  out.open_array();
  for (const auto& value : identifier.values) write_value(out, value);
  out.close_array();
  write_origin(out, identifier.origin);
  out.close_object();
  return out.take();
}

Result<Identifier> identifier_from_json(std::string_view text) {
  return read_object<Identifier>(text, [](Fields& fields, Identifier& identifier, Problem& problem) {
    fields.require("scheme");
    fields.require("canonical");
    fields.text("scheme", identifier.scheme, 64);
    fields.text("canonical", identifier.canonical);
    fields.text("display", identifier.display);
    fields.text("prefix", identifier.prefix);
    fields.name("dns_name", identifier.dns_name);
    fields.name("tld", identifier.tld);
    fields.text("status", identifier.status, 64);
    read_values(fields, identifier.values, problem, true);
    read_origin(fields, identifier.origin);
  });
}

}  // namespace onoma::model
