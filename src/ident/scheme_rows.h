// The rows of the scheme table, one per file scheme_<token>.cc. Internal to ident; everybody else uses
// scheme.h.
#pragma once

#include "ident/scheme.h"

namespace onoma::ident {

const Scheme& hdl_scheme();
const Scheme& oid_scheme();
const Scheme& domain_scheme();

namespace detail {

// The scheme's node below the apex: "hdl" + "id.example." → "hdl.id.example.".
Result<Name> scheme_node(std::string_view label, NameView apex);
std::string join(const std::vector<std::string>& arcs, char between);
std::vector<std::string> split_copy(std::string_view text, char at);
std::unexpected<Error> no_such_name(NameView name);

}  // namespace detail
}  // namespace onoma::ident
