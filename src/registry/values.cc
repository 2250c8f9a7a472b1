#include "registry/values.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/encoding.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::registry {
namespace {

// What the holder of a record may not publish: what cuts the zone, stands for other data, or is DNSSEC's.
bool is_refused_type(std::uint16_t type) {
  static constexpr std::uint16_t kRefused[] = {2,  5,  6,  24, 25, 30, 39, 43, 46,
                                               47, 48, 50, 51, 59, 60, 62, 63, 32769};
  return std::ranges::find(kRefused, type) != std::end(kRefused);
}

std::size_t encoded_octets(const model::Value& value) {
  std::size_t size = 4 + 4 + 1 + 4 + 1 + 4 + value.type.size() + 4 + value.data.size() + 4;
  for (const auto& reference : value.references) size += 4 + reference.identifier.size() + 4;
  return size;
}

Result<void> check_url(std::string_view url, const std::string& field) {
  auto refused = [&] {
    return fail(Code::bad_syntax, "a value of type URL is an http:// or https:// address without spaces",
                field);
  };
  std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  if (scheme == 0) return refused();
  auto host = url.substr(scheme, url.find_first_of("/?#", scheme) - scheme);
  if (host.empty() || host.front() == ':') return refused();
  auto bad = [](char c) {
    auto octet = static_cast<unsigned char>(c);
    return octet <= 0x20 || octet == 0x7f || c == '"' || c == '<' || c == '>' || c == '\\' || c == '^' ||
           c == '`';
  };
  if (!is_utf8(url) || std::ranges::any_of(url, bad)) return refused();
  return {};
}

Result<void> check_record(std::string_view mnemonic, std::string_view data, const std::string& field) {
  auto type = wire::parse_type(mnemonic);
  if (!type || wire::is_meta_type(*type))
    return fail(Code::bad_syntax, fmt::format("there is no record type \"{}\"", mnemonic), field + ".type");
  if (is_refused_type(wire::number(*type)))
    return fail(Code::policy_refused,
                fmt::format("records of type {} cannot be published for an identifier", mnemonic),
                field + ".type");
  if (auto rdata = wire::parse_rdata(*type, data, {}); !rdata)
    return fail(
        Code::bad_syntax,
        fmt::format("the data of the {} record cannot be read: {}", mnemonic, wire::describe(rdata.error())),
        field + ".data");
  return {};
}

Result<void> check_value(const model::Value& value, const std::string& field) {
  if (value.index < 1 || value.index > 0x7fffffff)
    return fail(Code::out_of_range, "an index is from 1 to 2147483647", field + ".index");
  if (value.type.empty() || value.type.size() > 255 || !is_utf8(value.type))
    return fail(Code::bad_syntax, "a type is 1 to 255 octets of UTF-8", field + ".type");
  if (value.ttl_s > 0x7fffffff)
    return fail(Code::out_of_range, "a time to live is below 2147483648", field + ".ttl_s");
  if (value.permissions > 15)
    return fail(Code::out_of_range, "permissions are four bits", field + ".permissions");
  if (value.type == "URL") return check_url(as_text(value.data), field + ".data");
  if (value.type.starts_with("DNS."))
    return check_record(std::string_view(value.type).substr(4), as_text(value.data), field);
  return {};
}

bool same_but_time(const model::Value& a, model::Value b) {
  b.timestamp = a.timestamp;
  return a == b;
}

}  // namespace

Result<std::vector<model::Value>> check_values(std::vector<model::Value> values,
                                               const std::vector<model::Value>& before, Time now) {
  if (values.size() > kMaxValues)
    return fail(Code::out_of_range,
                fmt::format("an identifier has at most {} values, not {}", kMaxValues, values.size()),
                "values");
  std::size_t octets = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    ONOMA_TRY_VOID(check_value(values[i], fmt::format("values[{}]", i)));
    octets += encoded_octets(values[i]);
  }
  if (octets > kMaxEncodedOctets)
    return fail(Code::too_large,
                fmt::format("all values together have {} octets; at most {} are permitted", octets,
                            kMaxEncodedOctets),
                "values");
  std::ranges::sort(values, {}, &model::Value::index);
  auto doubled = std::ranges::adjacent_find(values, {}, &model::Value::index);
  if (doubled != values.end())
    return fail(Code::bad_syntax, fmt::format("the index {} is there twice", doubled->index), "values");
  for (auto& value : values) {
    auto old = std::ranges::lower_bound(before, value.index, {}, &model::Value::index);
    bool same = old != before.end() && same_but_time(*old, value);
    value.timestamp = same ? old->timestamp : static_cast<std::uint32_t>(unix_seconds(now));
  }
  return values;
}

}  // namespace onoma::registry
