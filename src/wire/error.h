// Errors of the data plane: what can be wrong with octets from outside. One octet, so that an expected<T,
// WireError> of a small T travels in registers. Every code is written down once, in ONOMA_WIRE_ERROR_TABLE.
#pragma once

#include <cstdint>
#include <string_view>

namespace onoma::wire {

#define ONOMA_WIRE_ERROR_TABLE(X)                                                 \
  X(truncated, "the octets end before the value does")                            \
  X(trailing_octets, "octets are left over behind the value")                     \
  X(label_too_long, "a label has more than 63 octets")                            \
  X(name_too_long, "the name has more than 255 octets")                           \
  X(empty_label, "an empty label inside a name")                                  \
  X(bad_label_type, "a label type other than 00 and 11")                          \
  X(bad_pointer, "a compression pointer that does not point backwards")           \
  X(bad_escape, "a backslash escape that is not \\X or \\DDD with DDD below 256") \
  X(relative_name, "a name without a final dot where there is no origin")         \
  X(bad_rdata, "record data that does not have the form of its type")             \
  X(bad_header, "a message header that makes no sense")                           \
  X(bad_question, "not exactly one question")                                     \
  X(bad_edns, "an EDNS record in the wrong place or more than one")               \
  X(no_space, "the result does not fit")                                          \
  X(unknown_type, "no such record type")                                          \
  X(bad_number, "not a number of the permitted range")                            \
  X(bad_text, "text that cannot be read as a value of its kind")

enum class WireError : std::uint8_t {
#define X(name, meaning) name,
  ONOMA_WIRE_ERROR_TABLE(X)
#undef X
};

// One sentence for a person; static storage.
std::string_view describe(WireError error);

}  // namespace onoma::wire
