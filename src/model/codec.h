// Inside of the JSON codec: what the files of this room share. Private to this room.
#pragma once

#include <optional>
#include <string>

#include "model/json.h"
#include "model/json_text.h"

namespace onoma::model {

inline constexpr std::size_t kMaxNameServers = 1'000;
inline constexpr std::size_t kMaxDs = 1'000;
inline constexpr std::size_t kMaxAddresses = 1'000;
inline constexpr std::size_t kMaxStatuses = 32;
inline constexpr std::size_t kMaxValues = 2'048;

using Problem = std::optional<Error>;

void write_origin(JsonWriter& out, const Origin& origin);
void read_origin(Fields& fields, Origin& origin);

void write_ds(JsonWriter& out, const std::vector<DsData>& ds);
bool read_ds(Fields& fields, std::vector<DsData>& out, Problem& problem);

// The members that a client may set. Requests have these only.
void read_tld(Fields& fields, Tld& tld, Problem& problem);
void read_registrar(Fields& fields, Registrar& registrar);
bool read_values(Fields& fields, std::vector<Value>& out, Problem& problem, bool with_timestamp);

// Parses `text` as one object, has `read` take its members, and reports the first problem.
template <class T, class Read>
Result<T> read_object(std::string_view text, Read&& read) {
  ONOMA_TRY(auto document, JsonDocument::parse(text));
  Problem problem;
  Fields fields(document.root(), {}, problem);
  T out;
  if (!problem) read(fields, out, problem);
  if (!problem) fields.finish();
  if (problem) return std::unexpected(*std::move(problem));
  return out;
}

}  // namespace onoma::model
