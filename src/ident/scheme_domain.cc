// Domain names: the identifier is its own DNS name (rule R0). Input is mapped as browsers do (UTS 46,
// non-transitional) and may be in Unicode; the canonical form is A-labels in lower case without the final
// dot, "." for the root. Labels are letters, digits, hyphens and underscores, since service names
// (_agents.example) are looked up too. A "domain:" in front is accepted. There is no prefix: whose a name is,
// the registry knows.
#include <array>

#include <fmt/format.h>

#include "ident/idn.h"
#include "ident/scheme_rows.h"
#include "ident/text.h"

namespace onoma::ident {
namespace {

constexpr std::string_view kToken = "domain";
constexpr std::array<std::string_view, 1> kLabels = {"domain:"};

Result<void> check_labels(std::string_view text, NameView name) {
  for (; !name.is_root(); name = name.parent())
    for (auto octet : name.first_label()) {
      const char c = detail::lower(static_cast<char>(octet));
      if (!(c >= 'a' && c <= 'z') && !detail::is_digit(c) && c != '-' && c != '_')
        return fail(
            Code::bad_syntax,
            fmt::format("the domain name {}: a label has letters, digits, hyphens and underscores only",
                        detail::quoted(text)));
    }
  return {};
}

std::string canonical_text(NameView name) {
  if (name.is_root()) return ".";
  auto text = Name(name).lower().text();
  text.pop_back();
  return text;
}

Identifier make(NameView name, std::string display) {
  Identifier out{
      .scheme = std::string(kToken), .canonical = canonical_text(name), .display = std::move(display)};
  out.parts.emplace_back("unicode", idn_display(name));
  return out;
}

Result<Identifier> parse_domain(std::string_view given) {
  ONOMA_TRY(const auto text, detail::check_text(given));
  std::vector<std::string> warnings;
  ONOMA_TRY(const auto rest, detail::strip_labels(text, kLabels, warnings));
  ONOMA_TRY(const auto read, idn_lookup(rest));
  ONOMA_TRY_VOID(check_labels(text, read.ascii));
  auto out = make(read.ascii, std::string(text));
  out.warnings = std::move(warnings);
  return out;
}

Result<Name> name_of_domain(const Identifier& identifier, NameView /*apex*/) {
  auto name = Name::parse(identifier.canonical);
  if (!name)
    return fail(Code::bad_syntax, fmt::format("the domain name {}: {}", detail::quoted(identifier.canonical),
                                              wire::describe(name.error())));
  return *std::move(name);
}

Result<Identifier> domain_of_name(NameView name, NameView /*apex*/) {
  if (!check_labels({}, name)) return detail::no_such_name(name);
  return make(name, canonical_text(name));
}

}  // namespace

const Scheme& domain_scheme() {
  static const Scheme kScheme{kToken, "Domain name", true, parse_domain, name_of_domain, domain_of_name};
  return kScheme;
}

}  // namespace onoma::ident
