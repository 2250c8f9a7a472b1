#include "ident/scheme.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "ident/scheme_rows.h"
#include "ident/text.h"

namespace onoma::ident {
namespace {

const std::array<Scheme, 3>& table() {
  static const std::array<Scheme, 3> kTable = {hdl_scheme(), oid_scheme(), domain_scheme()};
  return kTable;
}

// Registries that are part of another scheme: their own token, and what their identifiers begin with.
struct Alias {
  std::string_view token, scheme, beginning;
};
constexpr std::array<Alias, 3> kAliases = {
    {{"doi", "hdl", "10."}, {"vaa", "hdl", "88."}, {"aic", "oid", "1.2.156.3088."}}};

std::string tokens() {
  std::string out;
  for (const auto& row : table()) out += (out.empty() ? "" : ", ") + std::string(row.token);
  return out;
}

Result<const Scheme*> required(std::string_view token) {
  if (const auto* row = find_scheme(token)) return row;
  return fail(
      Code::unsupported,
      fmt::format("this server has no identifier scheme {}; it has {}", detail::quoted(token), tokens()),
      "scheme");
}

}  // namespace

std::span<const Scheme> schemes() {
  return table();
}

const Scheme* find_scheme(std::string_view token) {
  const auto row = std::ranges::find(table(), token, &Scheme::token);
  return row == table().end() ? nullptr : &*row;
}

Result<Identifier> parse(std::string_view text, std::string_view scheme) {
  if (scheme.empty()) {
    ONOMA_TRY(auto found, detect(text));
    return std::move(found.best);
  }
  const auto token = detail::lower(scheme);
  const auto alias = std::ranges::find(kAliases, token, &Alias::token);
  if (alias == kAliases.end()) {
    ONOMA_TRY(const auto* row, required(token));
    return row->parse(text);
  }
  ONOMA_TRY(auto identifier, find_scheme(alias->scheme)->parse(text));
  if (!identifier.canonical.starts_with(alias->beginning))
    return fail(Code::bad_syntax, fmt::format("{} is no {}: it would begin with {}", detail::quoted(text),
                                              token, alias->beginning));
  return identifier;
}

Result<Name> dns_name(const Identifier& identifier, NameView apex) {
  ONOMA_TRY(const auto* row, required(identifier.scheme));
  return row->dns_name(identifier, apex);
}

Result<Identifier> identifier_of(NameView name, NameView apex) {
  if (!name.is_below(apex)) return domain_scheme().of_name(name, apex);
  const auto label = detail::lower(as_text(name.ancestor(apex.label_count() + 1).first_label()));
  const auto* row = find_scheme(label);
  if (row == nullptr || row->domain_anchored) return detail::no_such_name(name);
  ONOMA_TRY(auto identifier, row->of_name(name, apex));
  if (identifier.canonical.empty()) return identifier;  // hashed
  const auto again = row->dns_name(identifier, apex);
  if (!again || !wire::equal(again->view(), name)) return detail::no_such_name(name);
  return identifier;
}

namespace detail {

Result<Name> scheme_node(std::string_view label, NameView apex) {
  auto node = Name::prepend(as_bytes(label), apex);
  if (!node)
    return fail(Code::too_large, fmt::format("the apex {} leaves no room for identifiers", apex.text()));
  return *std::move(node);
}

std::string join(const std::vector<std::string>& arcs, char between) {
  std::string out;
  for (std::size_t i = 0; i < arcs.size(); ++i) {
    if (i > 0) out.push_back(between);
    out += arcs[i];
  }
  return out;
}

std::vector<std::string> split_copy(std::string_view text, char at) {
  const auto parts = split(text, at);
  return {parts.begin(), parts.end()};
}

std::unexpected<Error> no_such_name(NameView name) {
  return fail(Code::not_found, fmt::format("{} is no identifier's name", name.text()));
}

}  // namespace detail
}  // namespace onoma::ident
