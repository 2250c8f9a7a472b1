// Checks of an identifier's values (identifiers reference §1.1, §1.4).
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "model/objects.h"

namespace onoma::registry {

inline constexpr std::size_t kMaxValues = 2'048;
// Of all values in the Handle encoding (§5.4), so that a record fits one Handle message.
inline constexpr std::size_t kMaxEncodedOctets = 258'048;

// By index, checked, each with the time of its last change: that of `before` where it is the same value as
// there. Errors name the field: "values[2].data".
Result<std::vector<model::Value>> check_values(std::vector<model::Value> values,
                                               const std::vector<model::Value>& before, Time now);

}  // namespace onoma::registry
