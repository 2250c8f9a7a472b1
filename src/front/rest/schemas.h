// The JSON documents of the REST door as JSON Schema (2020-12), for the OpenAPI document. A test checks every
// document that is produced against them. Immutable, usable from any thread.
#pragma once

#include <span>
#include <string_view>

namespace onoma::front {

struct Schema {
  std::string_view name;
  std::string_view json;
};
std::span<const Schema> all_schemas();

}  // namespace onoma::front
