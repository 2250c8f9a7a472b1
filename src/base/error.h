// Errors of the control plane, and Result<T>, which carries them.
// Usable from any thread. Every error code is written down once, in ONOMA_ERROR_TABLE; its EPP code, HTTP
// status, DNS RCODE, extended DNS error and exit status all come from there.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace onoma {

// name, EPP result (RFC 5730 §3), HTTP status, RCODE (IANA), EDE info code (RFC 8914; -1: none), exit status,
// meaning
#define ONOMA_ERROR_TABLE(X)                                                              \
  X(bad_syntax, 2005, 400, 1, -1, 3, "a value is not written as its kind demands")        \
  X(bad_request, 2001, 400, 1, -1, 3, "the request as a whole cannot be read")            \
  X(unknown_field, 2001, 400, 1, -1, 3, "a field that this request does not have")        \
  X(missing_field, 2003, 400, 1, -1, 3, "a field that this request needs")                \
  X(out_of_range, 2004, 400, 1, -1, 3, "a value outside its range")                       \
  X(bad_check, 2005, 400, 1, -1, 3, "a check digit does not match")                       \
  X(unknown_identifier, 2005, 400, 1, -1, 3, "the text is no identifier of a known kind") \
  X(ambiguous, 2005, 300, 1, -1, 3, "the text can be read in more than one way")          \
  X(unauthenticated, 2200, 401, 9, 18, 3, "no valid credential")                          \
  X(forbidden, 2201, 403, 5, 18, 3, "the credential does not allow this")                 \
  X(not_found, 2303, 404, 3, -1, 1, "no such object")                                     \
  X(exists, 2302, 409, 6, -1, 3, "the object exists already")                             \
  X(status_prohibits, 2304, 409, 5, -1, 3, "the object's status forbids this")            \
  X(association_prohibits, 2305, 409, 5, -1, 3, "another object depends on it")           \
  X(policy_refused, 2306, 422, 5, -1, 3, "the policy of the zone forbids this")           \
  X(revision_conflict, 2400, 412, 5, -1, 3, "the object changed since it was read")       \
  X(idempotency_conflict, 2400, 422, 5, -1, 3, "this key was used for another request")   \
  X(gone, 2303, 410, 3, -1, 1, "the object was removed and its name stays unused")        \
  X(too_large, 2001, 413, 1, -1, 3, "larger than the limit")                              \
  X(not_acceptable, 2001, 406, 1, -1, 3, "no offered form of the answer")                 \
  X(method_not_allowed, 2000, 405, 4, -1, 3, "this resource does not do that")            \
  X(unsupported, 2101, 501, 4, 21, 3, "not offered by this server")                       \
  X(overloaded, 2502, 429, 5, -1, 4, "too many requests")                                 \
  X(gate_refused, 2400, 409, 2, 24, 3, "a version of the zone did not pass its checks")   \
  X(corrupt, 2400, 500, 2, -1, 4, "stored data is damaged")                               \
  X(io, 2400, 503, 2, -1, 4, "the operating system refused")                              \
  X(unavailable, 2400, 503, 2, 14, 4, "not ready or not reachable")                       \
  X(internal, 2400, 500, 2, -1, 4, "a fault of this program")

enum class Code : std::uint8_t {
#define X(name, ...) name,
  ONOMA_ERROR_TABLE(X)
#undef X
};

// What the outside sees of a code, per protocol. Static storage, never null.
struct CodeFacts {
  std::string_view name;
  int epp_result;
  int http_status;
  int rcode;
  int ede;  // -1: none
  int exit_status;
  std::string_view meaning;
};
const CodeFacts& facts(Code code);

// One error: its code, a sentence for a person (what, where, what to do), and the field it is about, if any
// ("name_servers[2]"). Holds no secrets and may be shown to the client.
struct Error {
  Code code = Code::internal;
  std::string message;
  std::string field;
};

// A value or an Error. Must be looked at.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

inline std::unexpected<Error> fail(Code code, std::string message, std::string field = {}) {
  return std::unexpected<Error>(Error{code, std::move(message), std::move(field)});
}
// The same error, with `context` in front of its sentence: "context: message".
std::unexpected<Error> fail_in(std::string_view context, Error error);

}  // namespace onoma

#define ONOMA_CONCAT_(a, b) a##b
#define ONOMA_CONCAT(a, b) ONOMA_CONCAT_(a, b)
// ONOMA_TRY(declaration, expression): declare with the value, or return the error to the caller. Works for
// every std::expected whose error type the caller's return type accepts.
#define ONOMA_TRY(decl, ...)                                                 \
  auto ONOMA_CONCAT(try_, __LINE__) = (__VA_ARGS__);                         \
  if (!ONOMA_CONCAT(try_, __LINE__))                                         \
    return std::unexpected(std::move(ONOMA_CONCAT(try_, __LINE__)).error()); \
  decl = *std::move(ONOMA_CONCAT(try_, __LINE__))
// The same for Result<void>.
#define ONOMA_TRY_VOID(...)                                                                                  \
  do {                                                                                                       \
    if (auto try_result = (__VA_ARGS__); !try_result) return std::unexpected(std::move(try_result).error()); \
  } while (false)
