// Parameters of SVCB and HTTPS records (RFC 9460 §2, §7; presentation in §2.1 and Appendix A).
#include <algorithm>

#include "base/encoding.h"
#include "wire/rdata_fields.h"
#include "wire/text.h"

namespace onoma::wire::detail {
namespace {

using Maybe = std::optional<Problem>;

// What a parameter's value is made of.
enum class Value : std::uint8_t { opaque, keys, ids, none, port, ipv4, ipv6, base64, text, groups };
struct Key {
  std::string_view name;
  Value value;
};
// IANA, "Service Parameter Keys (SvcParamKeys)"; the index is the key's number.
constexpr Key kKeys[] = {{"mandatory", Value::keys},       {"alpn", Value::ids},
                         {"no-default-alpn", Value::none}, {"port", Value::port},
                         {"ipv4hint", Value::ipv4},        {"ech", Value::base64},
                         {"ipv6hint", Value::ipv6},        {"dohpath", Value::text},
                         {"ohttp", Value::none},           {"tls-supported-groups", Value::groups}};

Value value_of(std::uint16_t key) {
  return key < std::size(kKeys) ? kKeys[key].value : Value::opaque;
}

void append_key(std::string& out, std::uint16_t key) {
  if (key < std::size(kKeys)) {
    out += kKeys[key].name;
  } else {
    out += "key";
    append_number(out, key);
  }
}

std::optional<std::uint16_t> parse_key(std::string_view text) {
  for (std::uint16_t key = 0; key < std::size(kKeys); ++key)
    if (equal_ignoring_case(text, kKeys[key].name)) return key;
  if (!text.starts_with("key") || (text.size() > 4 && text[3] == '0')) return std::nullopt;
  auto value = parse_number(text.substr(3), 0xFFFF);
  if (!value) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

bool value_valid(std::uint16_t key, ByteView value) {
  switch (value_of(key)) {
    case Value::opaque:
    case Value::text:
      return true;
    case Value::none:
      return value.empty();
    case Value::port:
      return value.size() == 2;
    case Value::ipv4:
      return !value.empty() && value.size() % 4 == 0;
    case Value::ipv6:
      return !value.empty() && value.size() % 16 == 0;
    case Value::base64:
      return !value.empty();
    case Value::groups:
      return !value.empty() && value.size() % 2 == 0;
    case Value::keys: {  // ascending, without the key "mandatory" itself
      std::uint16_t last = 0;
      for (std::size_t at = 0; at + 1 < value.size(); at += 2) {
        if (load_u16(&value[at]) <= last) return false;
        last = load_u16(&value[at]);
      }
      return !value.empty() && value.size() % 2 == 0;
    }
    case Value::ids: {
      std::size_t at = 0;
      while (at < value.size()) {
        if (value[at] == 0) return false;
        at += 1U + value[at];
      }
      return at == value.size() && at > 0;
    }
  }
  return false;
}

void append_value(std::string& out, std::uint16_t key, ByteView value) {
  const auto list = [&](std::size_t step, auto&& print) {
    for (std::size_t at = 0; at < value.size(); at += step) {
      if (at > 0) out.push_back(',');
      print(&value[at]);
    }
  };
  switch (value_of(key)) {
    case Value::none:
      break;
    case Value::port:
      append_number(out, load_u16(value.data()));
      break;
    case Value::ipv4:
      list(4, [&](const std::uint8_t* at) { append_ipv4(out, at); });
      break;
    case Value::ipv6:
      list(16, [&](const std::uint8_t* at) { append_ipv6(out, at); });
      break;
    case Value::base64:
      out += base64(value);
      break;
    case Value::keys:
      list(2, [&](const std::uint8_t* at) { append_key(out, load_u16(at)); });
      break;
    case Value::groups:
      list(2, [&](const std::uint8_t* at) { append_number(out, load_u16(at)); });
      break;
    case Value::opaque:
    case Value::text:
      append_quoted(out, value);
      break;
    case Value::ids: {
      // A comma or backslash inside an id is escaped once for the list and then again as a character string.
      Bytes joined;
      for (std::size_t at = 0; at < value.size(); at += 1U + value[at]) {
        if (at > 0) joined.push_back(',');
        for (const auto octet : value.subspan(at + 1, value[at])) {
          if (octet == ',' || octet == '\\') joined.push_back('\\');
          joined.push_back(octet);
        }
      }
      append_quoted(out, joined);
      break;
    }
  }
}

// Calls `item(string_view)` for each part between commas; false if one is refused or empty.
template <class Item>
bool each_part(std::string_view text, Item&& item) {
  for (;;) {
    const auto comma = text.find(',');
    const auto part = text.substr(0, comma);
    if (part.empty() || !item(part)) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

bool parse_ids(Bytes& out, ByteView joined) {
  std::size_t start = out.size();
  out.push_back(0);
  const auto close = [&] {
    const std::size_t size = out.size() - start - 1;
    out[start] = static_cast<std::uint8_t>(size);
    return size > 0 && size <= 255;
  };
  for (std::size_t at = 0; at < joined.size(); ++at) {
    if (joined[at] == ',') {
      if (!close()) return false;
      start = out.size();
      out.push_back(0);
      continue;
    }
    if (joined[at] == '\\' && ++at == joined.size()) return false;
    out.push_back(joined[at]);
  }
  return close();
}

bool append_u16_of(Bytes& out, std::optional<std::uint64_t> value) {
  if (!value) return false;
  ByteWriter(out).u16(static_cast<std::uint16_t>(*value));
  return true;
}

bool parse_value(Bytes& out, std::uint16_t key, std::string_view text) {
  Bytes octets;
  if (!append_unescaped(octets, text)) return false;
  const auto plain = as_text(octets);
  switch (value_of(key)) {
    case Value::none:
      return plain.empty();
    case Value::port:
      return append_u16_of(out, parse_number(plain, 0xFFFF));
    case Value::ipv4:
      return each_part(plain, [&](std::string_view part) {
        std::uint8_t address[4];
        if (!parse_ipv4(part, address)) return false;
        append(out, address);
        return true;
      });
    case Value::ipv6:
      return each_part(plain, [&](std::string_view part) {
        std::uint8_t address[16];
        if (!parse_ipv6(part, address)) return false;
        append(out, address);
        return true;
      });
    case Value::base64: {
      auto decoded = from_base64(plain);
      if (!decoded || decoded->empty()) return false;
      append(out, *decoded);
      return true;
    }
    case Value::keys: {
      std::vector<std::uint16_t> keys;
      const bool good = each_part(plain, [&](std::string_view part) {
        auto listed = parse_key(part);
        if (listed) keys.push_back(*listed);
        return listed.has_value();
      });
      std::sort(keys.begin(), keys.end());
      for (const auto listed : keys) ByteWriter(out).u16(listed);
      return good;
    }
    case Value::groups:
      return each_part(plain,
                       [&](std::string_view part) { return append_u16_of(out, parse_number(part, 0xFFFF)); });
    case Value::ids:
      return parse_ids(out, octets);
    case Value::opaque:
    case Value::text:
      append(out, octets);
      return true;
  }
  return false;
}

std::string_view expected_value(std::uint16_t key) {
  switch (value_of(key)) {
    case Value::none:
      return "no value for this parameter";
    case Value::port:
      return "port= and a number from 0 to 65535";
    case Value::ipv4:
      return "ipv4hint= and IPv4 addresses separated by commas";
    case Value::ipv6:
      return "ipv6hint= and IPv6 addresses separated by commas";
    case Value::base64:
      return "ech= and base64";
    case Value::keys:
      return "mandatory= and parameter keys separated by commas, none twice, mandatory not among them";
    case Value::groups:
      return "tls-supported-groups= and numbers separated by commas";
    case Value::ids:
      return "alpn= and protocol ids of 1 to 255 octets separated by commas";
    case Value::opaque:
    case Value::text:
      break;
  }
  return "escapes of the form \\X or \\DDD with DDD up to 255";
}

}  // namespace

bool svc_params_valid(ByteView params) {
  int last = -1;
  ByteView mandatory;  // keys still to be met; both lists ascend
  while (!params.empty()) {
    if (params.size() < 4) return false;
    const std::uint16_t key = load_u16(params.data());
    const std::size_t size = load_u16(&params[2]);
    if (key <= last || params.size() < 4 + size) return false;
    const auto value = params.subspan(4, size);
    if (!value_valid(key, value)) return false;
    if (key == 0)
      mandatory = value;
    else if (!mandatory.empty() && load_u16(mandatory.data()) == key)
      mandatory = mandatory.subspan(2);
    last = key;
    params = params.subspan(4 + size);
  }
  return mandatory.empty();
}

void append_svc_params(std::string& out, ByteView params) {
  for (bool first = true; !params.empty(); first = false) {
    const std::uint16_t key = load_u16(params.data());
    const std::size_t size = load_u16(&params[2]);
    if (!first) out.push_back(' ');
    append_key(out, key);
    if (size > 0) {
      out.push_back('=');
      append_value(out, key, params.subspan(4, size));
    }
    params = params.subspan(4 + size);
  }
}

Maybe parse_svc_params(FieldInput& in) {
  std::vector<std::pair<std::uint16_t, Bytes>> params;
  std::size_t total = 0;
  const std::size_t first = in.at;
  for (; !in.done(); ++in.at) {
    const auto text = in.tokens[in.at].text;
    const auto equals = text.find('=');
    auto key = parse_key(text.substr(0, equals));
    if (!key || in.tokens[in.at].quoted)
      return in.bad("a service parameter such as alpn=h2 or key65400=\"value\"");
    auto value = equals == std::string_view::npos ? std::string_view{} : text.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    Bytes octets;
    if (!parse_value(octets, *key, value) || !value_valid(*key, octets)) return in.bad(expected_value(*key));
    total += 4 + octets.size();
    if (total > 65535) return in.bad("service parameters of at most 65535 octets", WireError::no_space);
    params.emplace_back(*key, std::move(octets));
  }
  std::stable_sort(params.begin(), params.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const std::size_t start = in.out.size();
  for (const auto& [key, value] : params) {
    ByteWriter writer(in.out);
    writer.u16(key);
    writer.u16(static_cast<std::uint16_t>(value.size()));
    writer.bytes(value);
  }
  if (svc_params_valid(ByteView(in.out).subspan(start))) return std::nullopt;
  in.at = first;
  return in.bad("each service parameter once, and all that mandatory= lists", WireError::bad_rdata);
}

}  // namespace onoma::wire::detail
