// Handles (RFC 3650, RFC 3651), and what is written as one: DOI (prefix 10.…) and VAA (prefix 88.…).
// One record, several spellings: 10.1000/182 = doi:10.1000/182 = hdl:10.1000/182 = info:doi/10.1000/182 =
// https://doi.org/10.1000/182.
//
// The prefix is what stands before the first slash; it is the holder's delegation. A text without a slash, or
// behind "0.NA/", names a prefix itself; its canonical form is "0.NA/" and the prefix. ASCII letters are
// folded to lower case in prefix and suffix, all other octets are kept as they are (no normalisation of
// Unicode).
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/encoding.h"
#include "ident/scheme_rows.h"
#include "ident/suffix_codec.h"
#include "ident/text.h"

namespace onoma::ident {
namespace {

constexpr std::string_view kToken = "hdl";
constexpr std::string_view kNamingAuthority = "0.NA/";
constexpr std::array<std::string_view, 4> kLabels = {"hdl:", "info:hdl/", "doi:", "info:doi/"};
constexpr std::array<std::string_view, 5> kHosts = {"doi.org", "dx.doi.org", "www.doi.org", "hdl.handle.net",
                                                    "www.handle.net"};

std::unexpected<Error> bad_handle(std::string_view text, std::string_view why) {
  return fail(Code::bad_syntax, fmt::format("the handle {}: {}", detail::quoted(text), why));
}

bool is_web_address(std::string_view text) {
  return detail::starts_with_ignoring_case(text, "http://") ||
         detail::starts_with_ignoring_case(text, "https://");
}

// The path of a link to a Handle or DOI proxy, percent-decoded once; query and fragment are not part of it.
Result<std::string> from_web_address(std::string_view text) {
  auto rest = text.substr(text.find("://") + 3);
  rest = rest.substr(0, rest.find_first_of("?#"));
  const auto slash = rest.find('/');
  const auto host = detail::lower(rest.substr(0, slash));
  if (std::ranges::find(kHosts, host) == kHosts.end() || slash == rest.npos)
    return bad_handle(text, "not a link to doi.org or hdl.handle.net with a handle behind the host");
  auto decoded = detail::percent_decode(rest.substr(slash + 1));
  if (!decoded) return bad_handle(text, "a % that is not followed by two hex digits");
  return *std::move(decoded);
}

// What is left without labels and web address.
Result<std::string> bare(std::string_view text, Identifier& out, bool& from_doi) {
  const auto strip = [&](std::string_view from) -> Result<std::string_view> {
    if (detail::starts_with_ignoring_case(from, "doi:") ||
        detail::starts_with_ignoring_case(from, "info:doi/"))
      from_doi = true;
    return detail::strip_labels(from, kLabels, out.warnings);
  };
  ONOMA_TRY(auto rest, strip(text));
  if (!is_web_address(rest)) return std::string(rest);
  ONOMA_TRY(const auto decoded, from_web_address(rest));
  ONOMA_TRY(rest, detail::check_text(decoded));
  ONOMA_TRY(rest, strip(rest));
  if (is_web_address(rest)) return bad_handle(rest, "a web address inside a web address");
  return std::string(rest);
}

// `10.` 4–9 digits, then arcs of digits (ISO 26324).
bool is_doi_prefix(const std::vector<std::string>& arcs) {
  if (arcs.size() < 2 || arcs[0] != "10" || arcs[1].size() < 4 || arcs[1].size() > 9) return false;
  return std::ranges::all_of(arcs, [](const auto& arc) { return detail::all_digits(arc); });
}

Result<void> check_prefix(std::string_view prefix) {
  for (auto arc : detail::split(prefix, '.'))
    if (arc.empty()) return bad_handle(prefix, "an empty part in the prefix");
  // At its ends it would get lost when the prefix is written alone.
  if (prefix.find(' ') != prefix.npos) return bad_handle(prefix, "a space in the prefix");
  return {};
}

Result<Identifier> parse_hdl(std::string_view given) {
  ONOMA_TRY(const auto text, detail::check_text(given));
  Identifier out{.scheme = std::string(kToken), .display = std::string(text)};
  bool from_doi = false;
  ONOMA_TRY(const auto left, bare(text, out, from_doi));
  const auto folded = detail::lower(left);
  std::string_view rest = folded;
  const auto authority = detail::lower(kNamingAuthority);
  if (rest.starts_with(authority)) {
    rest.remove_prefix(authority.size());
    out.is_prefix = true;
    if (rest.find('/') != rest.npos) return bad_handle(text, "a slash in the prefix behind 0.NA/");
  }
  const auto slash = rest.find('/');
  if (slash == rest.npos) out.is_prefix = true;
  out.prefix = rest.substr(0, slash);
  if (out.prefix.empty()) return bad_handle(text, "no prefix; write PREFIX/SUFFIX");
  ONOMA_TRY_VOID(check_prefix(out.prefix));
  const auto arcs = detail::split_copy(out.prefix, '.');
  if (out.is_prefix) {
    out.canonical = std::string(kNamingAuthority) + out.prefix;
  } else {
    out.suffix = rest.substr(slash + 1);
    out.canonical = rest;
  }
  if (from_doi && (!is_doi_prefix(arcs) || out.suffix.empty()))
    return bad_handle(text, "a DOI is 10. and 4 to 9 digits, a slash and a suffix");
  out.parts.emplace_back("prefix", out.prefix);
  for (const auto& arc : arcs) out.parts.emplace_back("arc", arc);
  if (!out.is_prefix) out.parts.emplace_back("suffix", out.suffix);
  if (is_doi_prefix(arcs)) out.parts.emplace_back("registry", "doi");
  if (arcs.size() > 1 && arcs[0] == "88") out.parts.emplace_back("registry", "vaa");
  return out;
}

Result<Name> name_of_hdl(const Identifier& identifier, NameView apex) {
  ONOMA_TRY(const auto node, detail::scheme_node(kToken, apex));
  std::string_view rest = identifier.canonical;
  if (rest.starts_with(kNamingAuthority)) {
    return prefix_name(detail::split_copy(rest.substr(kNamingAuthority.size()), '.'), node);
  }
  const auto slash = rest.find('/');
  const auto arcs = detail::split_copy(rest.substr(0, slash), '.');
  if (slash == rest.npos) return prefix_name(arcs, node);
  return suffix_name(rest.substr(slash + 1), arcs, node);
}

Result<Identifier> hdl_of_name(NameView name, NameView apex) {
  ONOMA_TRY(const auto node, detail::scheme_node(kToken, apex));
  ONOMA_TRY(const auto decoded, decode_suffix_name(name, node));
  if (decoded.arcs.empty()) return detail::no_such_name(name);
  const auto prefix = detail::join(decoded.arcs, '.');
  // Only what parses to itself is a handle: control characters, upper case and empty parts are not.
  auto identifier =
      parse_hdl(decoded.suffix ? prefix + "/" + *decoded.suffix : std::string(kNamingAuthority) + prefix);
  if (!identifier || identifier->prefix != prefix) return detail::no_such_name(name);
  if (!decoded.hash) return identifier;
  return Identifier{.scheme = std::string(kToken),
                    .prefix = prefix,
                    .parts = {{"prefix", prefix}, {"hash", hex(*decoded.hash)}}};
}

}  // namespace

const Scheme& hdl_scheme() {
  static const Scheme kScheme{kToken, "Handle, DOI, VAA", false, parse_hdl, name_of_hdl, hdl_of_name};
  return kScheme;
}

}  // namespace onoma::ident
