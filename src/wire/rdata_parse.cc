// Reading record data from text: the parse half of the record-data engine.
#include <algorithm>

#include "base/encoding.h"
#include "base/time.h"
#include "wire/rdata.h"
#include "wire/rdata_fields.h"
#include "wire/rdata_words.h"
#include "wire/rrtype.h"
#include "wire/text.h"
#include "wire/type_bitmap.h"
#include "wire/zonefile_scanner.h"

namespace onoma::wire {
namespace detail {
namespace {

constexpr std::size_t kMaxRdataOctets = 65535;
using Maybe = std::optional<Problem>;

// The word at the cursor must be a number of `size` octets.
Maybe number_field(FieldInput& in, unsigned size, std::string_view expected) {
  const std::uint64_t max = size == 8 ? UINT64_MAX : (std::uint64_t{1} << (8 * size)) - 1;
  auto value = parse_number(in.tokens[in.at].text, max);
  if (!value) return in.bad(expected, WireError::bad_number);
  for (unsigned i = size; i > 0; --i) in.out.push_back(static_cast<std::uint8_t>(*value >> (8 * (i - 1))));
  ++in.at;
  return std::nullopt;
}

Maybe word_field(FieldInput& in, std::span<const Word> words, unsigned size, std::string_view expected) {
  auto value = parse_word(in.tokens[in.at].text, words, size == 1 ? 0xFF : 0xFFFF);
  if (!value) return in.bad(expected);
  if (size == 2) in.out.push_back(static_cast<std::uint8_t>(*value >> 8));
  in.out.push_back(static_cast<std::uint8_t>(*value));
  ++in.at;
  return std::nullopt;
}

Maybe time_field(FieldInput& in) {
  const auto text = in.tokens[in.at].text;
  std::uint64_t seconds = 0;
  if (text.size() == 14) {
    auto time = from_dnssec_time(text);
    if (!time) return in.bad("a time such as 20260925120000");
    seconds = static_cast<std::uint64_t>(unix_seconds(*time));
  } else {
    auto value = parse_number(text, UINT32_MAX);
    if (!value) return in.bad("a time such as 20260925120000");
    seconds = *value;
  }
  if (seconds > UINT32_MAX) return in.bad("a time from 1970 to 2106", WireError::bad_number);
  ByteWriter(in.out).u32(static_cast<std::uint32_t>(seconds));
  ++in.at;
  return std::nullopt;
}

// One character string with its length in front.
Maybe string_field(FieldInput& in) {
  const std::size_t start = in.out.size();
  in.out.push_back(0);
  if (!append_unescaped(in.out, in.tokens[in.at].text))
    return in.bad("escapes of the form \\X or \\DDD with DDD up to 255", WireError::bad_escape);
  const std::size_t size = in.out.size() - start - 1;
  if (size > 255) return in.bad("a character string of at most 255 octets");
  in.out[start] = static_cast<std::uint8_t>(size);
  ++in.at;
  return std::nullopt;
}

Maybe long_string_field(FieldInput& in) {
  if (!append_unescaped(in.out, in.tokens[in.at].text))
    return in.bad("escapes of the form \\X or \\DDD with DDD up to 255", WireError::bad_escape);
  ++in.at;
  return std::nullopt;
}

Maybe caa_tag_field(FieldInput& in) {
  const auto text = in.tokens[in.at].text;
  const bool good = !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
    const auto lower = ascii_lower(static_cast<std::uint8_t>(c));
    return is_digit(c) || (lower >= 'a' && lower <= 'z');
  });
  if (!good) return in.bad("a CAA tag of letters and digits, such as issue");
  in.out.push_back(static_cast<std::uint8_t>(text.size()));
  append(in.out, as_bytes(text));
  ++in.at;
  return std::nullopt;
}

Maybe salt_field(FieldInput& in) {
  const auto text = in.tokens[in.at].text;
  const std::size_t start = in.out.size();
  in.out.push_back(0);
  if (text != "-" && (text.empty() || text.size() > 510 || !append_from_hex(in.out, text)))
    return in.bad("a salt of up to 255 octets in hex, or - for none");
  in.out[start] = static_cast<std::uint8_t>(in.out.size() - start - 1);
  ++in.at;
  return std::nullopt;
}

Maybe base32_field(FieldInput& in) {
  auto octets = from_base32hex(in.tokens[in.at].text);
  if (!octets || octets->empty() || octets->size() > 255)
    return in.bad("a hash in base32hex without padding");
  in.out.push_back(static_cast<std::uint8_t>(octets->size()));
  append(in.out, *octets);
  ++in.at;
  return std::nullopt;
}

// Types to the end of the record, in any order.
std::optional<std::vector<RRType>> types_to_end(FieldInput& in) {
  std::vector<RRType> types;
  for (; !in.done(); ++in.at) {
    auto type = parse_type(in.tokens[in.at].text);
    if (!type) return std::nullopt;
    types.push_back(*type);
  }
  std::sort(types.begin(), types.end());
  types.erase(std::unique(types.begin(), types.end()), types.end());
  return types;
}

Maybe bitmap_field(FieldInput& in) {
  auto types = types_to_end(in);
  if (!types) return in.bad("a record type such as NS or TYPE65400", WireError::unknown_type);
  append_bitmap(in.out, *types);
  return std::nullopt;
}

Maybe old_bitmap_field(FieldInput& in) {
  auto types = types_to_end(in);
  if (!types) return in.bad("a record type such as NS", WireError::unknown_type);
  if (types->empty() || number(types->front()) == 0 || number(types->back()) > 127)
    return in.bad("record types from 1 to 127", WireError::unknown_type);
  const std::size_t start = in.out.size();
  in.out.resize(start + number(types->back()) / 8U + 1, 0);
  for (const RRType type : *types)
    in.out[start + number(type) / 8U] |= static_cast<std::uint8_t>(0x80U >> number(type) % 8U);
  return std::nullopt;
}

// Pairs of hex digits or groups of four, with `separator` between them.
Maybe grouped_hex_field(FieldInput& in, std::size_t groups, std::size_t digits, char separator,
                        std::string_view expected) {
  const auto text = in.tokens[in.at].text;
  std::size_t at = 0;
  for (std::size_t group = 0; group < groups; ++group) {
    if (group > 0 && (at >= text.size() || text[at++] != separator)) return in.bad(expected);
    const std::size_t start = at;
    unsigned value = 0;
    while (at < text.size() && at - start < digits && hex_digit(text[at]) >= 0)
      value = value << 4 | static_cast<unsigned>(hex_digit(text[at++]));
    if (at == start || (digits == 2 && at - start != 2)) return in.bad(expected);
    if (digits == 4) in.out.push_back(static_cast<std::uint8_t>(value >> 8));
    in.out.push_back(static_cast<std::uint8_t>(value));
  }
  if (at != text.size()) return in.bad(expected);
  ++in.at;
  return std::nullopt;
}

Maybe nsap_field(FieldInput& in) {
  const auto text = in.tokens[in.at].text;
  std::string digits;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
    std::copy_if(text.begin() + 2, text.end(), std::back_inserter(digits), [](char c) { return c != '.'; });
  if (digits.empty() || !append_from_hex(in.out, digits))
    return in.bad("an NSAP address such as 0x47.0005.80");
  ++in.at;
  return std::nullopt;
}

Maybe ipv4_field(FieldInput& in) {
  std::uint8_t address[4];
  if (!parse_ipv4(in.tokens[in.at].text, address)) return in.bad("an IPv4 address such as 192.0.2.1");
  append(in.out, address);
  ++in.at;
  return std::nullopt;
}

Maybe ipv6_field(FieldInput& in) {
  std::uint8_t address[16];
  if (!parse_ipv6(in.tokens[in.at].text, address)) return in.bad("an IPv6 address such as 2001:db8::1");
  append(in.out, address);
  ++in.at;
  return std::nullopt;
}

std::string_view expected_for(char code) {
  switch (code) {
    case '1':
      return "a number from 0 to 255";
    case '2':
      return "a number from 0 to 65535";
    case '4':
      return "a number from 0 to 4294967295";
    case '8':
      return "a number from 0 to 18446744073709551615";
    case 'T':
      return "a time in seconds, such as 3600 or 1h";
    case 't':
      return "a time such as 20260925120000";
    case 'a':
      return "an IPv4 address such as 192.0.2.1";
    case 'A':
      return "an IPv6 address such as 2001:db8::1";
    case 'Y':
      return "a record type such as NS or TYPE65400";
    case 'c':
      return "a DNSSEC algorithm, such as 13 or ECDSAP256SHA256";
    case 'y':
      return "a scheme: NOTIFY or a number from 0 to 255";
    case 'z':
      return "a certificate type, such as PKIX or 1";
    case 'N':
    case 'l':
    case 'L':
    case 'n':
      return "a domain name";
    case 's':
    case 'S':
    case 'q':
      return "a character string";
    case 'g':
      return "a CAA tag of letters and digits, such as issue";
    case 'h':
    case 'Z':
      return "hex digits";
    case 'H':
      return "a salt of up to 255 octets in hex, or - for none";
    case 'b':
      return "a hash in base32hex without padding";
    case 'B':
    case 'd':
      return "base64";
    case 'D':
      return "an NSAP address such as 0x47.0005.80";
    case '6':
      return "four groups of hex digits, such as 0014:4fff:ff20:ee64";
    case 'e':
      return "six octets in hex, such as 00-00-5e-00-53-2a";
    case 'E':
      return "eight octets in hex, such as 00-00-5e-ef-10-00-00-2a";
    case 'w':
      return "a record type such as NS";
    case 'O':
      return "a latitude such as 52 22 23.000 N";
    case 'W':
      return "a protocol, such as tcp or 6";
    case 'I':
      return "a gateway type from 0 to 3";
    case 'R':
      return "the discovery bit, 0 or 1";
    case 'J':
      return "a HIP algorithm, a number from 0 to 255";
    case 'K':
      return "a prefix length from 0 to 128";
    default:
      return "record data";
  }
}

bool may_be_absent(char code) {
  return code == 'u' || code == 'o' || code == 'm' || code == 'P' || code == 'V';
}

// \# length hex (RFC 3597 §5), checked against the form of the type.
Maybe parse_generic(RRType type, FieldInput& in) {
  ++in.at;
  if (in.done()) return in.bad("the number of octets behind \\#");
  auto size = parse_number(in.tokens[in.at].text, kMaxRdataOctets);
  if (!size) return in.bad("the number of octets behind \\#, from 0 to 65535", WireError::bad_number);
  ++in.at;
  const std::size_t start = in.out.size();
  if (*size > 0) {
    if (auto problem = parse_hex_rest(in)) return problem;
  } else if (!in.done()) {
    return in.bad("no data behind \\# 0");
  }
  if (in.out.size() - start != *size) {
    in.at = in.tokens.size() - 1;
    return in.bad("as many octets as the number behind \\# says");
  }
  if (!rdata_valid(type, ByteView(in.out).subspan(start))) {
    in.at = 0;
    return in.bad("generic data that have the form of their type", WireError::bad_rdata);
  }
  return std::nullopt;
}

}  // namespace

Maybe parse_name_field(FieldInput& in) {
  std::uint8_t name[kMaxNameOctets];
  auto size = parse_name(in.tokens[in.at].text, in.origin, name);
  if (!size) {
    switch (size.error()) {
      case WireError::label_too_long:
        return in.bad("labels of at most 63 octets", size.error());
      case WireError::name_too_long:
        return in.bad("a name of at most 255 octets", size.error());
      case WireError::empty_label:
        return in.bad("a name without empty labels", size.error());
      case WireError::bad_escape:
        return in.bad("escapes of the form \\X or \\DDD with DDD up to 255", size.error());
      default:
        return in.bad("a domain name", size.error());
    }
  }
  append(in.out, {name, *size});
  ++in.at;
  return std::nullopt;
}

Maybe parse_base64_rest(FieldInput& in, bool may_be_empty) {
  if (in.done()) return may_be_empty ? std::nullopt : in.bad("base64");
  std::optional<Bytes> octets;
  if (in.at + 1 == in.tokens.size()) {
    octets = from_base64(in.tokens[in.at].text);
  } else {
    std::string joined;
    for (const Token& token : in.tokens.subspan(in.at)) joined += token.text;
    octets = from_base64(joined);
  }
  if (!octets || (octets->empty() && !may_be_empty)) return in.bad("base64");
  append(in.out, *octets);
  in.at = in.tokens.size();
  return std::nullopt;
}

Maybe parse_hex_rest(FieldInput& in) {
  const std::size_t start = in.out.size();
  int high = -1;  // the first digit of an octet that a blank cut in two
  for (; !in.done(); ++in.at) {
    for (const char c : in.tokens[in.at].text) {
      const int digit = hex_digit(c);
      if (digit < 0) return in.bad("hex digits");
      if (high < 0) {
        high = digit;
      } else {
        in.out.push_back(static_cast<std::uint8_t>(high << 4 | digit));
        high = -1;
      }
    }
  }
  if (high >= 0) {
    --in.at;
    return in.bad("an even number of hex digits");
  }
  if (in.out.size() == start) return in.bad("hex digits");
  return std::nullopt;
}

std::optional<std::uint8_t> parse_algorithm(std::string_view text) {
  auto value = parse_word(text, kAlgorithms, 0xFF);
  if (!value) return std::nullopt;
  return static_cast<std::uint8_t>(*value);
}

Maybe parse_field(char code, FieldInput& in) {
  if (in.done() && !may_be_absent(code)) return in.bad(expected_for(code));
  switch (code) {
    case '1':
      return number_field(in, 1, expected_for(code));
    case '2':
      return number_field(in, 2, expected_for(code));
    case '4':
      return number_field(in, 4, expected_for(code));
    case '8':
      return number_field(in, 8, expected_for(code));
    case 'T': {
      auto seconds = parse_ttl(in.tokens[in.at].text);
      if (!seconds) return in.bad(expected_for(code), WireError::bad_number);
      ByteWriter(in.out).u32(*seconds);
      ++in.at;
      return std::nullopt;
    }
    case 't':
      return time_field(in);
    case 'a':
      return ipv4_field(in);
    case 'A':
      return ipv6_field(in);
    case 'Y': {
      auto type = parse_type(in.tokens[in.at].text);
      if (!type) return in.bad(expected_for(code), WireError::unknown_type);
      ByteWriter(in.out).u16(number(*type));
      ++in.at;
      return std::nullopt;
    }
    case 'c':
      return word_field(in, kAlgorithms, 1, expected_for(code));
    case 'y':
      return word_field(in, kDsyncSchemes, 1, expected_for(code));
    case 'z':
      return word_field(in, kCertTypes, 2, expected_for(code));
    case 'N':
    case 'l':
    case 'L':
    case 'n':
      return parse_name_field(in);
    case 's':
      return string_field(in);
    case 'u':
      return in.done() ? std::nullopt : string_field(in);
    case 'S':
      do {
        if (auto problem = string_field(in)) return problem;
      } while (!in.done());
      return std::nullopt;
    case 'q':
      return long_string_field(in);
    case 'g':
      return caa_tag_field(in);
    case 'h':
      return parse_hex_rest(in);
    case 'Z': {
      const std::size_t start = in.out.size(), first = in.at;
      if (auto problem = parse_hex_rest(in)) return problem;
      if (in.out.size() - start >= 12) return std::nullopt;
      in.at = first;
      return in.bad("a digest of at least 12 octets in hex");
    }
    case 'D':
      return nsap_field(in);
    case 'H':
      return salt_field(in);
    case 'b':
      return base32_field(in);
    case 'B':
      return parse_base64_rest(in, false);
    case 'o':
      return parse_base64_rest(in, true);
    case 'd':
      if (in.tokens[in.at].text == "-" && in.at + 1 == in.tokens.size()) {
        ++in.at;
        return std::nullopt;
      }
      return parse_base64_rest(in, false);
    case 'm':
      return bitmap_field(in);
    case 'w':
      return old_bitmap_field(in);
    case '6':
      return grouped_hex_field(in, 4, 4, ':', expected_for(code));
    case 'e':
      return grouped_hex_field(in, 6, 2, '-', expected_for(code));
    case 'E':
      return grouped_hex_field(in, 8, 2, '-', expected_for(code));
    default:
      return parse_special(code, in);
  }
}

Maybe parse_rdata_tokens(RRType type, std::span<const Token> tokens, NameView origin, Bytes& out) {
  FieldInput in{tokens, 0, origin, out};
  const std::size_t start = out.size();
  if (!tokens.empty() && tokens[0].text == "\\#" && !tokens[0].quoted) return parse_generic(type, in);
  const std::string_view form = type_info(type).form;
  if (form == "?" || form == "!") return in.bad("generic data such as \\# 4 0A000001");
  for (const char code : form) {
    if (auto problem = parse_field(code, in)) return problem;
    if (out.size() - start > kMaxRdataOctets) {
      in.at = 0;
      return in.bad("record data of at most 65535 octets", WireError::no_space);
    }
  }
  if (!in.done()) return in.bad("the end of the record");
  return std::nullopt;
}

}  // namespace detail

std::expected<Bytes, WireError> parse_rdata(RRType type, std::string_view text, NameView origin) {
  detail::Scanner scanner(text);
  detail::Entry entry;
  if (scanner.next(entry) == detail::Scanner::Status::error) return std::unexpected(WireError::bad_text);
  Bytes out;
  if (auto problem = detail::parse_rdata_tokens(type, entry.tokens.from(0), origin, out))
    return std::unexpected(problem->error);
  detail::Entry more;
  if (scanner.next(more) != detail::Scanner::Status::end) return std::unexpected(WireError::bad_text);
  return out;
}

}  // namespace onoma::wire
