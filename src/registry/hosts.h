// What host commands and domain commands share about hosts.
#pragma once

#include <string_view>
#include <vector>

#include "registry/work.h"

namespace onoma::registry {

inline constexpr std::string_view kHostStatuses[] = {"UpdateProhibited", "DeleteProhibited"};

// Reads a host's name. Errors: bad_syntax; policy_refused for names that can never be resolved. Field:
// `field`.
Result<Name> check_host_name(std::string_view text, std::string_view field);

// Makes a host below one of our zones or gives it other addresses. `domain` is its superordinate domain, or
// null.
Result<model::Host> put_internal_host(Work& work, const Name& name, const model::Tld& zone,
                                      const model::Domain* domain, const std::vector<std::string>& addresses,
                                      std::string_view field);

// The hosts that a delegation may name: internal ones must exist and have an address, external ones are made
// on the way. `names` becomes canonical, in order; doubles are refused.
Result<std::vector<Name>> check_name_servers(Work& work, const std::vector<std::string>& names);

}  // namespace onoma::registry
