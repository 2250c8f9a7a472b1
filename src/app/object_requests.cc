#include "app/object_requests.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "wire/rrtype.h"

namespace onoma::app {

namespace json = boost::json;

namespace {

json::array texts(const std::vector<std::string>& items) {
  json::array out;
  for (const auto& item : items) out.emplace_back(item);
  return out;
}

void put(json::object& out, std::string_view name, const std::string& value) {
  if (!value.empty()) out[name] = value;
}
void put(json::object& out, std::string_view name, const std::vector<std::string>& values) {
  if (!values.empty()) out[name] = texts(values);
}
void put_common(json::object& out, const ObjectArguments& arguments) {
  for (const auto& [name, value] : arguments.numbers) out[name] = value;
  for (const auto& [name, value] : arguments.flags) out[name] = value;
  for (const auto& name : arguments.cleared) out[name] = json::array();
}

std::string fully_qualified(std::string name) {
  if (!name.ends_with('.')) name += '.';
  return name;
}

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || at != text.data() + text.size()) return std::nullopt;
  return number;
}

// "TYPE DATA" or "TYPE TTL DATA". Data that begin with a number and are no TTL take a TTL before them (MX,
// SRV …), so a number counts as TTL only when what follows it is data of the type by itself; the server has
// the last word.
Result<json::object> apex_record(std::string_view text) {
  const auto space = text.find(' ');
  const auto type = text.substr(0, space);
  if (space == std::string_view::npos || !wire::parse_type(type))
    return fail(
        Code::bad_syntax,
        fmt::format(
            "\"{}\": an apex record is written \"TYPE DATA\" or \"TYPE TTL DATA\", like \"TXT 3600 hello\"",
            text),
        "apex");
  auto rest = text.substr(space + 1);
  json::object out{{"type", std::string(type)}};
  const auto second = rest.find(' ');
  const auto ttl = second == std::string_view::npos ? std::nullopt : number_of(rest.substr(0, second));
  const bool data_may_begin_so = type == "MX" || type == "SRV" || type == "NAPTR" || type == "URI" ||
                                 type == "CAA" || type == "SVCB" || type == "HTTPS" || type == "TLSA" ||
                                 type == "DNSKEY" || type == "CDS";
  const auto third = second == std::string_view::npos
                         ? std::nullopt
                         : number_of(rest.substr(second + 1, rest.find(' ', second + 1) - second - 1));
  if (ttl && (!data_may_begin_so || third)) {
    out["ttl_s"] = *ttl;
    rest = rest.substr(second + 1);
  }
  out["data"] = std::string(rest);
  return out;
}

Result<void> put_apex(json::object& out, const ObjectArguments& a, const json::array* present) {
  json::array apex;
  // On an update, NS records are replaced by --ns, the others by --apex.
  if (present)
    for (const auto& record : *present) {
      const bool is_ns =
          record.is_object() && record.as_object().contains("type") && record.at("type") == "NS";
      if (is_ns ? a.name_servers.empty() : a.apex.empty()) apex.push_back(record);
    }
  for (const auto& name : a.name_servers)
    apex.push_back(json::object{{"type", "NS"}, {"data", fully_qualified(name)}});
  for (const auto& text : a.apex) {
    ONOMA_TRY(auto record, apex_record(text));
    apex.push_back(std::move(record));
  }
  if (!apex.empty()) out["apex"] = std::move(apex);
  return {};
}

Result<json::object> tld_object(const ObjectArguments& a, json::object out) {
  const auto* present = out.if_contains("apex");
  const json::array before = present && present->is_array() ? present->as_array() : json::array();
  ONOMA_TRY_VOID(put_apex(out, a, present ? &before : nullptr));
  put(out, "mname", a.mname);
  put(out, "rname", a.rname);
  put(out, "denial", a.denial);
  put(out, "serial", a.serial);
  put(out, "glue", a.glue_policy);
  put(out, "identifier_apex", a.identifier_apex);
  put_common(out, a);
  return out;
}

json::object registrar_object(const ObjectArguments& a, json::object out) {
  put(out, "name", a.title);
  put(out, "role", a.role);
  put(out, "tlds", a.tlds);
  put_common(out, a);
  return out;
}

// "INDEX:TYPE=DATA" or "TYPE=DATA".
Result<json::object> value_of(std::string_view text, std::uint32_t& next_index) {
  const auto mark = text.find('=');
  if (mark == std::string_view::npos || mark == 0)
    return fail(Code::bad_syntax,
                fmt::format("\"{}\": a value is written TYPE=DATA, like URL=https://example.org/", text),
                "values");
  auto type = text.substr(0, mark);
  if (const auto colon = type.find(':'); colon != std::string_view::npos) {
    const auto index = number_of(type.substr(0, colon));
    if (!index || *index == 0)
      return fail(Code::bad_syntax,
                  fmt::format("\"{}\": before the colon stands the value's index, a number from 1", text),
                  "values");
    next_index = *index;
    type.remove_prefix(colon + 1);
  }
  return json::object{
      {"index", next_index++}, {"type", std::string(type)}, {"data", std::string(text.substr(mark + 1))}};
}

}  // namespace

json::object without_origin(json::object object) {
  for (const auto* name : {"roid", "sponsor", "created_by", "created", "updated_by", "updated", "revision"})
    object.erase(name);
  return object;
}

Result<std::string> tld_body(const ObjectArguments& a, bool) {
  ONOMA_TRY(const auto out, tld_object(a, {{"name", a.key}}));
  return json::serialize(out);
}

Result<std::string> merge_tld(const ObjectArguments& a, const json::object& present) {
  auto base = without_origin(present);
  base.erase("name");
  ONOMA_TRY(const auto out, tld_object(a, std::move(base)));
  return json::serialize(out);
}

Result<std::string> registrar_body(const ObjectArguments& a, bool) {
  return json::serialize(registrar_object(a, {{"id", a.key}}));
}

Result<std::string> merge_registrar(const ObjectArguments& a, const json::object& present) {
  auto base = without_origin(present);
  base.erase("id");
  return json::serialize(registrar_object(a, std::move(base)));
}

Result<std::string> contact_body(const ObjectArguments& a, bool create) {
  json::object fields;
  for (const auto& field : a.fields) {
    const auto mark = field.find('=');
    if (mark == std::string::npos || mark == 0)
      return fail(Code::bad_syntax,
                  fmt::format("\"{}\": a field is written NAME=VALUE, like email=li@example.cn", field),
                  "fields");
    fields[field.substr(0, mark)] = field.substr(mark + 1);
  }
  json::object out{{"fields", std::move(fields)}};
  if (create) out["id"] = a.key;
  return json::serialize(out);
}

Result<std::string> host_body(const ObjectArguments& a, bool create) {
  json::object out{{"addresses", texts(a.addresses)}};
  if (create) out["name"] = a.key;
  put(out, "statuses", a.statuses);
  return json::serialize(out);
}

Result<std::string> merge_host(const ObjectArguments& a, const json::object& present) {
  json::object out{{"addresses", texts(a.addresses)}};
  if (const auto* addresses = present.if_contains("addresses"); addresses && a.addresses.empty())
    out["addresses"] = *addresses;
  put(out, "statuses", a.statuses);
  return json::serialize(out);
}

Result<std::string> domain_body(const ObjectArguments& a, bool create) {
  json::object out;
  if (create) out["name"] = a.key;
  put(out, "name_servers", a.name_servers);
  put(out, "ds", a.ds);
  put(out, "registrant", a.registrant);
  put(out, "statuses", a.statuses);
  std::map<std::string, std::vector<std::string>> glue;
  for (const auto& one : a.glue) {
    const auto mark = one.find('=');
    if (mark == std::string::npos || mark == 0 || mark + 1 == one.size())
      return fail(Code::bad_syntax,
                  fmt::format("\"{}\": glue is written HOST=ADDRESS, like ns1.example.test=192.0.2.1", one),
                  "glue");
    glue[one.substr(0, mark)].push_back(one.substr(mark + 1));
  }
  json::array hosts;
  for (const auto& [host, addresses] : glue)
    hosts.push_back(json::object{{"host", host}, {"addresses", texts(addresses)}});
  if (!hosts.empty()) out["glue"] = std::move(hosts);
  put_common(out, a);
  return json::serialize(out);
}

namespace {

Result<json::array> values_of(const ObjectArguments& a) {
  json::array values;
  std::uint32_t next_index = 1;
  for (const auto& text : a.values) {
    ONOMA_TRY(auto value, value_of(text, next_index));
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace

Result<std::string> identifier_body(const ObjectArguments& a, bool) {
  json::object out{{"identifier", a.key}};
  put(out, "scheme", a.scheme);
  ONOMA_TRY(out["values"], values_of(a));
  return json::serialize(out);
}

Result<std::string> merge_identifier(const ObjectArguments& a, const json::object& present) {
  json::object out;
  put(out, "scheme", a.scheme);
  put(out, "status", a.status);
  ONOMA_TRY(auto values, values_of(a));
  if (const auto* before = present.if_contains("values"); before && before->is_array() && a.values.empty()) {
    values = before->as_array();
    for (auto& value : values)
      if (value.is_object()) value.as_object().erase("timestamp");
  }
  out["values"] = std::move(values);
  return json::serialize(out);
}

Result<json::object> read_object(std::string_view body) {
  json::error_code wrong;
  auto document = json::parse(body, wrong);
  if (wrong || !document.is_object()) return fail(Code::internal, "the server's answer is no JSON object");
  return std::move(document.as_object());
}

Result<ItemPage> read_page(std::string_view body) {
  ONOMA_TRY(auto object, read_object(body));
  ItemPage out;
  const auto* items = object.if_contains("items");
  if (!items || !items->is_array()) return fail(Code::internal, "the server's answer is no list");
  for (auto& item : object["items"].as_array())
    if (item.is_object()) out.items.push_back(std::move(item.as_object()));
  if (const auto* next = object.if_contains("next"); next && next->is_string())
    out.next = std::string(next->as_string());
  return out;
}

}  // namespace onoma::app
