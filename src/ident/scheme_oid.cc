// Object identifiers (X.660, RFC 3061), and AIC, the industrial codes that are OIDs below 1.2.156.3088.
// Spellings: 1.3.6.1, oid:1.3.6.1, urn:oid:1.3.6.1, /1/3/6/1 (an OID-IRI whose labels are all numbers).
//
// The prefix of an OID is its parent, the arcs but the last. Below 1.2.156.3088 the prefix is the registrar's
// level (ARSP), 1.2.156.3088.N, whatever the depth. There an identifier has exactly 10 levels, or 5 or 6 when
// it names the delegation of a registrar or of a vendor; levels from the fifth on are base 36, upper case,
// without leading zeros but for the four places of the check level. That check can only be verified by the
// registrar, who holds its salt.
//
// Limits: 128 arcs of at most 128 digits.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/encoding.h"
#include "ident/scheme_rows.h"
#include "ident/suffix_codec.h"
#include "ident/text.h"

namespace onoma::ident {
namespace {

constexpr std::string_view kToken = "oid";
constexpr std::array<std::string_view, 2> kLabels = {"urn:oid:", "oid:"};
constexpr std::size_t kMaxArcs = 128, kMaxDigits = 128;
constexpr std::array<std::string_view, 4> kAicRoot = {"1", "2", "156", "3088"};
constexpr std::size_t kAicLevels = 10;
struct Level {
  std::string_view name;
  std::size_t places;  // at most
};
constexpr std::array<Level, 6> kLevels = {
    {{"registrar", 6}, {"vendor", 6}, {"body", 9}, {"entity", 9}, {"version", 1}, {"check", 4}}};

std::unexpected<Error> bad_oid(std::string_view text, std::string_view why) {
  return fail(Code::bad_syntax, fmt::format("the object identifier {}: {}", detail::quoted(text), why));
}

Result<void> check_arc(std::string_view text, std::string_view arc) {
  if (arc.empty()) return bad_oid(text, "an empty arc");
  if (!detail::all_digits(arc))
    return bad_oid(text, fmt::format("the arc {} is not a number", detail::quoted(arc)));
  if (arc.size() > 1 && arc[0] == '0')
    return bad_oid(text, fmt::format("the arc {} begins with a zero", arc));
  if (arc.size() > kMaxDigits) return bad_oid(text, "an arc of more than 128 digits");
  return {};
}

Result<void> check_level(std::string_view text, const std::string& arc, std::size_t index) {
  const auto& level = kLevels[index - kAicRoot.size()];
  const auto bad = [&](std::string_view why) {
    return bad_oid(text,
                   fmt::format("level {} ({}), {}: {}", index + 1, level.name, detail::quoted(arc), why));
  };
  if (arc.empty() || arc.size() > level.places)
    return bad(fmt::format("must have 1 to {} characters", level.places));
  for (char c : arc)
    if (!detail::is_digit(c) && !(c >= 'A' && c <= 'Z')) return bad("only digits and letters are possible");
  if (level.name == "check") {
    // Four places of upper-case base 36 sort as text like the numbers they stand for.
    if (arc.size() != level.places || arc > "1EKF") return bad("must be four places from 0000 to 1EKF");
    return {};
  }
  if (arc.size() > 1 && arc[0] == '0') return bad("begins with a zero");
  if (arc == "0" && level.name != "entity") return bad("must not be zero");
  return {};
}

bool is_aic(const std::vector<std::string>& arcs) {
  return arcs.size() > kAicRoot.size() && std::equal(kAicRoot.begin(), kAicRoot.end(), arcs.begin());
}

// Dotted text without labels.
Result<std::string> bare(std::string_view text, Identifier& out) {
  ONOMA_TRY(const auto rest, detail::strip_labels(text, kLabels, out.warnings));
  if (!rest.starts_with('/')) return std::string(rest);
  std::string dotted(rest.substr(1));
  for (char& c : dotted) {
    if (!detail::is_digit(c) && c != '/')
      return fail(
          Code::unsupported,
          fmt::format(
              "{} is an OID-IRI with names in it, and this server has no table of them; write numbers",
              detail::quoted(text)));
    if (c == '/') c = '.';
  }
  return dotted;
}

Result<Identifier> parse_oid(std::string_view given) {
  ONOMA_TRY(const auto text, detail::check_text(given));
  Identifier out{.scheme = std::string(kToken), .display = std::string(text)};
  ONOMA_TRY(const auto dotted, bare(text, out));
  auto arcs = detail::split_copy(dotted, '.');
  if (arcs.size() > kMaxArcs) return bad_oid(text, "more than 128 arcs");
  const bool aic = is_aic(arcs);
  if (aic && arcs.size() != kAicLevels && arcs.size() != 5 && arcs.size() != 6)
    return bad_oid(text,
                   "below 1.2.156.3088 an identifier has 10 levels, a registrar's prefix 5, a vendor's 6");
  for (std::size_t i = 0; i < arcs.size(); ++i) {
    if (aic && i >= kAicRoot.size()) {
      arcs[i] = detail::upper(arcs[i]);
      ONOMA_TRY_VOID(check_level(text, arcs[i], i));
    } else {
      ONOMA_TRY_VOID(check_arc(text, arcs[i]));
    }
  }
  if (arcs[0].size() != 1 || arcs[0][0] > '2') return bad_oid(text, "the first arc is 0, 1 or 2");
  if (arcs.size() > 1 && arcs[0] != "2" && (arcs[1].size() > 2 || (arcs[1].size() == 2 && arcs[1] > "39")))
    return bad_oid(text, "the second arc is at most 39 below 0 and 1");
  out.canonical = detail::join(arcs, '.');
  out.is_prefix = aic && arcs.size() < kAicLevels;
  auto parent = arcs;
  parent.resize(aic ? kAicRoot.size() + 1 : arcs.size() - 1);
  out.prefix = detail::join(parent, '.');
  if (out.canonical.size() > out.prefix.size())
    out.suffix = out.canonical.substr(out.prefix.empty() ? 0 : out.prefix.size() + 1);
  for (std::size_t i = 0; i < arcs.size(); ++i)
    out.parts.emplace_back(aic && i >= kAicRoot.size() ? kLevels[i - kAicRoot.size()].name : "arc", arcs[i]);
  if (aic) out.parts.emplace_back("registry", "aic");
  return out;
}

Result<Name> name_of_oid(const Identifier& identifier, NameView apex) {
  ONOMA_TRY(const auto node, detail::scheme_node(kToken, apex));
  Name name = node;
  for (auto arc : detail::split(identifier.canonical, '.')) {
    auto longer = Name::prepend(as_bytes(detail::lower(arc)), name);
    if (!longer) return hashed_name(identifier.canonical, {}, node);
    name = *std::move(longer);
  }
  return name;
}

Result<Identifier> oid_of_name(NameView name, NameView apex) {
  ONOMA_TRY(const auto node, detail::scheme_node(kToken, apex));
  ONOMA_TRY(const auto decoded, decode_suffix_name(name, node));
  if (decoded.hash && decoded.arcs.empty())
    return Identifier{.scheme = std::string(kToken), .parts = {{"hash", hex(*decoded.hash)}}};
  if (decoded.arcs.empty() || decoded.suffix || decoded.hash) return detail::no_such_name(name);
  auto identifier = parse_oid(detail::join(decoded.arcs, '.'));
  if (!identifier) return detail::no_such_name(name);
  return identifier;
}

}  // namespace

const Scheme& oid_scheme() {
  static const Scheme kScheme{kToken, "Object identifier, AIC", false, parse_oid, name_of_oid, oid_of_name};
  return kScheme;
}

}  // namespace onoma::ident
