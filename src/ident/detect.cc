// Which scheme is a text without a label of? Tests in a fixed order, the first definite hit wins. Kinds that
// have no row in the scheme table are recognised all the same, so that an IP address is not taken for an OID,
// nor a bar code for a name: they end in Code::unsupported with the kind's name and what else to try.
#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "ident/scheme_rows.h"
#include "ident/text.h"
#include "wire/rdata.h"

namespace onoma::ident {
namespace {

using detail::all_digits;
using detail::is_digit;
using detail::lower;
using detail::quoted;
using detail::split;
using detail::starts_with_ignoring_case;

struct Label {
  std::string_view text, kind;
  const Scheme& (*scheme)();  // null: a kind without a row
};
// Longer labels stand before the shorter ones that they begin with.
constexpr std::array<Label, 19> kLabels = {{
    {"hdl:", "handle", hdl_scheme},
    {"info:hdl/", "handle", hdl_scheme},
    {"doi:", "DOI", hdl_scheme},
    {"info:doi/", "DOI", hdl_scheme},
    {"urn:oid:", "object identifier", oid_scheme},
    {"oid:", "object identifier", oid_scheme},
    {"domain:", "domain name", domain_scheme},
    {"urn:uuid:", "UUID", nullptr},
    {"urn:epc:", "GS1 EPC", nullptr},
    {"urn:air:", "agent name (urn:air)", nullptr},
    {"urn:", "URN", nullptr},
    {"ark:", "ARK", nullptr},
    {"cstr:", "CSTR", nullptr},
    {"orcid:", "ORCID", nullptr},
    {"ror:", "ROR id", nullptr},
    {"did:", "DID", nullptr},
    {"ans://", "agent name (ANS)", nullptr},
    {"tel:", "telephone number", nullptr},
    {"miniapp://", "mini-program address", nullptr},
}};

struct Host {
  std::string_view host, kind;
  const Scheme& (*scheme)();
};
constexpr std::array<Host, 11> kHosts = {{
    {"doi.org", "DOI", hdl_scheme},
    {"dx.doi.org", "DOI", hdl_scheme},
    {"www.doi.org", "DOI", hdl_scheme},
    {"hdl.handle.net", "handle", hdl_scheme},
    {"www.handle.net", "handle", hdl_scheme},
    {"orcid.org", "ORCID", nullptr},
    {"ror.org", "ROR id", nullptr},
    {"n2t.net", "ARK", nullptr},
    {"arks.org", "ARK", nullptr},
    {"cstr.cn", "CSTR", nullptr},
    {"www.cstr.cn", "CSTR", nullptr},
}};

std::unexpected<Error> recognised(std::string_view text, std::string_view kind, std::string_view hint = {}) {
  return fail(Code::unsupported, fmt::format("{} reads as {}, and this server has no such scheme{}{}",
                                             quoted(text), kind, hint.empty() ? "" : "; ", hint));
}

Result<Detection> only(Result<Identifier> read) {
  if (!read) return std::unexpected(std::move(read).error());
  return Detection{*std::move(read), {}};
}

bool is_ipv4(std::string_view text) {
  const auto parts = split(text, '.');
  if (parts.size() != 4) return false;
  return std::ranges::all_of(parts, [](std::string_view part) {
    unsigned value = 256;
    if (part.empty() || part.size() > 3 || (part.size() > 1 && part[0] == '0')) return false;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    return error == std::errc{} && end == part.data() + part.size() && value < 256;
  });
}

bool is_ipv6(std::string_view text) {
  if (text.find(':') == text.npos || text.find_first_not_of("0123456789abcdefABCDEF:.") != text.npos)
    return false;
  return wire::parse_rdata(wire::RRType::AAAA, text, {}).has_value();
}

// "/len" of an address prefix; the text in front of it, or nullopt.
std::optional<std::string_view> without_length(std::string_view text, unsigned max) {
  const auto slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto length = text.substr(slash + 1);
  unsigned value = 0;
  if (!all_digits(length) || length.size() > 3) return std::nullopt;
  std::from_chars(length.data(), length.data() + length.size(), value);
  if (value > max) return std::nullopt;
  return text.substr(0, slash);
}

// Weights 3, 1, 3 … from the right of the body (GS1 General Specifications §7.9).
bool gs1_check_good(std::string_view digits) {
  int sum = 0;
  for (std::size_t i = 0; i + 1 < digits.size(); ++i)
    sum += (digits[i] - '0') * ((digits.size() - i) % 2 == 0 ? 3 : 1);
  return (10 - sum % 10) % 10 == digits.back() - '0';
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = lower(text[i]);
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? c != '-' : !is_digit(c) && !(c >= 'a' && c <= 'f')) return false;
  }
  return true;
}

// ISO 7064 mod 11-2.
bool is_orcid(std::string_view text) {
  if (text.size() != 19 || text[4] != '-' || text[9] != '-' || text[14] != '-') return false;
  int total = 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (i % 5 == 4) continue;
    if (!is_digit(text[i])) return false;
    total = (total + text[i] - '0') * 2 % 11;
  }
  const int check = (12 - total) % 11;
  return text.back() == (check == 10 ? 'X' : static_cast<char>('0' + check));
}

// Crockford's base 32 without i, l, o, u; check by ISO 7064 mod 97-10.
bool is_ror(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  if (text.size() != 9 || text[0] != '0' || !all_digits(text.substr(7))) return false;
  std::uint64_t value = 0;
  for (char c : text.substr(1, 6)) {
    const auto digit = kDigits.find(lower(c));
    if (digit == kDigits.npos) return false;
    value = value * 32 + digit;
  }
  const auto check = 98 - value * 100 % 97;
  const auto stated =
      static_cast<std::uint64_t>(text[7] - '0') * 10 + static_cast<std::uint64_t>(text[8] - '0');
  return stated == check;
}

bool is_telephone(std::string_view text) {
  if (!text.starts_with('+')) return false;
  std::size_t digits = 0;
  for (char c : text.substr(1)) {
    if (is_digit(c))
      ++digits;
    else if (std::string_view(" -.()").find(c) == std::string_view::npos)
      return false;
  }
  return digits >= 7 && digits <= 15;
}

bool is_asn(std::string_view text) {
  if (!starts_with_ignoring_case(text, "AS")) return false;
  const auto parts = split(text.substr(2), '.');
  return parts.size() <= 2 && std::ranges::all_of(parts, all_digits) && text.size() <= 13;
}

bool dotted_digits(std::string_view text) {
  return std::ranges::all_of(split(text, '.'), all_digits);
}

bool looks_like_handle(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == text.npos) {
    // A bare prefix is only taken for one where the registries make it unmistakable: 10.1000, 88.100.1.
    const auto arcs = split(text, '.');
    return arcs.size() >= 2 && (arcs[0] == "10" || arcs[0] == "88") && dotted_digits(text) &&
           arcs[1].size() >= 3;
  }
  const auto prefix = text.substr(0, slash);
  return dotted_digits(prefix) || (prefix.size() > 2 && prefix.starts_with("0."));
}

bool looks_like_oid(std::string_view text) {
  if (text.size() < 3 || text[0] < '0' || text[0] > '2' || text[1] != '.') return false;
  return dotted_digits(text) || text.starts_with("1.2.156.3088.");
}

bool looks_like_domain(std::string_view text) {
  // The ideographic full stop and its full-width relatives are dots, too (UTS 46).
  if (text == ".") return true;
  const bool dotted = text.find('.') != text.npos || text.find("\u3002") != text.npos ||
                      text.find("\uFF0E") != text.npos || text.find("\uFF61") != text.npos;
  if (!dotted) return false;
  if (text.ends_with('.')) text.remove_suffix(1);
  return !all_digits(text.substr(text.rfind('.') + 1));
}

Result<Detection> detect_web_address(std::string_view text) {
  auto host = text.substr(text.find("://") + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  const auto known = std::ranges::find(kHosts, lower(host), &Host::host);
  if (known != kHosts.end() && known->scheme != nullptr) return only(known->scheme().parse(text));
  if (known != kHosts.end()) return recognised(text, known->kind);
  if (text.find("/ark:") != text.npos) return recognised(text, "ARK");
  if (text.find("/miniapp/") != text.npos) return recognised(text, "mini-program address");
  return recognised(text, "a web address", fmt::format("to look up the host give {} alone", quoted(host)));
}

Result<Detection> detect_digits(std::string_view text) {
  const bool good = gs1_check_good(text);
  switch (good ? text.size() : 0) {
    case 8:
    case 12:
    case 14:
      return recognised(text, "GS1 GTIN");
    case 17:
      return recognised(text, "GS1 GSIN");
    case 13:
      return fail(Code::ambiguous,
                  fmt::format("{} may be a GS1 GTIN-13 or a GLN; name the scheme", quoted(text)));
    case 18:
      return fail(Code::ambiguous,
                  fmt::format("{} may be a GS1 SSCC or a GSRN; name the scheme", quoted(text)));
    default:
      return fail(
          Code::unknown_identifier,
          fmt::format("{} is a bare number, which is no identifier of a kind known here; a number of an "
                      "autonomous system is written AS64500",
                      quoted(text)));
  }
}

}  // namespace

Result<Detection> detect(std::string_view given) {
  // FNC1 of GS1 element strings is a control character, which no identifier may hold otherwise.
  if (given.find('\x1D') != given.npos) return recognised(given, "GS1 element string");
  ONOMA_TRY(const auto text, detail::check_text(given));
  for (const auto& label : kLabels)
    if (starts_with_ignoring_case(text, label.text))
      return label.scheme != nullptr ? only(label.scheme().parse(text)) : recognised(text, label.kind);
  if (starts_with_ignoring_case(text, "http://") || starts_with_ignoring_case(text, "https://"))
    return detect_web_address(text);
  if (text.size() > 4 && text[0] == '(' && text.find(')') != text.npos && text.find(')') <= 5 &&
      all_digits(text.substr(1, text.find(')') - 1)))
    return recognised(text, "GS1 element string");
  for (std::string_view symbology : {"]C1", "]e0", "]d2", "]Q3", "]J1"})
    if (text.starts_with(symbology)) return recognised(text, "GS1 element string");
  if (text.starts_with('/')) return only(oid_scheme().parse(text));
  if (is_ipv4(text))
    return recognised(text, "IPv4 address", fmt::format("as an object identifier write oid:{}", text));
  if (is_ipv6(text)) return recognised(text, "IPv6 address");
  if (const auto address = without_length(text, 32); address && is_ipv4(*address))
    return recognised(text, "IP prefix", fmt::format("as a handle write hdl:{}", text));
  if (const auto address = without_length(text, 128); address && is_ipv6(*address))
    return recognised(text, "IP prefix");
  if (is_asn(text)) return recognised(text, "AS number");
  if (is_uuid(text)) return recognised(text, "UUID");
  if (is_orcid(text)) return recognised(text, "ORCID");
  if (is_telephone(text)) return recognised(text, "telephone number");
  if (looks_like_handle(text)) return only(hdl_scheme().parse(text));
  if (looks_like_oid(text)) return only(oid_scheme().parse(text));
  if (all_digits(text)) return detect_digits(text);
  if (is_ror(text)) return recognised(text, "ROR id");
  if (looks_like_domain(text))
    if (auto read = domain_scheme().parse(text)) return only(std::move(read));
  return fail(
      Code::unknown_identifier,
      fmt::format("{} is no identifier of a kind known here; write its scheme in front, as in hdl:, oid: or "
                  "domain:",
                  quoted(text)));
}

}  // namespace onoma::ident
