// The engine behind wire/rdata.h: record data as a row of fields, named by the codes of rrtype_table.inc.
// Internal to wire.
//
//   1 2 4 8  unsigned number of so many octets      T  u32 seconds, units allowed in text      t  u32 Unix
//   time a A      IPv4, IPv6 address                     Y  record type                              c DNSSEC
//   algorithm N        name: compressed in messages, lower case in canonical form (RFC 1035 types) l name:
//   lower case in canonical form, accepted compressed (RFC 3597 §4) L        name: lower case in canonical
//   form     n  name as it stands s        character string     u  one or none at the end     S  one or more
//   to the end     q  the rest as one string g        CAA tag              z  CERT type      y  DSYNC scheme
//   h        the rest in hex, not empty             Z  the same, 12 octets or more             D  the rest as
//   0x hex B        the rest in base64, not empty          o  the same, may be empty                  d  the
//   same, empty is "-" H        u8 length, hex; empty is "-"           b  u8 length, base32hex, not empty m
//   NSEC type bit maps                     w  NXT bit map                             6  four hex groups e E
//   EUI-48, EUI-64 special forms: O LOC · P APL · V service parameters · W WKS · I IPSECKEY · R AMTRELAY · J
//   HIP · K A6 ?        opaque               !  opaque, in messages only
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "wire/error.h"
#include "wire/name.h"
#include "wire/types.h"

namespace onoma::wire::detail {

struct TypeInfo {
  std::string_view mnemonic;  // empty: no such type
  std::string_view form;
};
// Never fails: unknown types have an empty mnemonic and the form "?".
const TypeInfo& type_info(RRType type);

inline constexpr std::size_t kBad = static_cast<std::size_t>(-1);

// Octets of the uncompressed name at the front of `octets`, or kBad.
std::size_t name_size(ByteView octets);
// Octets that the field takes at the front of `rest`, or kBad if there is no such field.
std::size_t field_size(char code, ByteView rest);
std::size_t special_size(char code, ByteView rest);  // the special forms

inline bool is_name_code(char code) {
  return code == 'N' || code == 'l' || code == 'L' || code == 'n';
}
inline bool is_lowered_code(char code) {
  return code == 'N' || code == 'l' || code == 'L' || code == 'K';
}

// Where the names inside a special field start; relative to the field. Valid fields only.
void special_names(char code, ByteView field, std::vector<std::size_t>& offsets);

// Appends the field's text. REQUIRES: field_size accepted exactly these octets.
void append_field(std::string& out, char code, ByteView field);
void append_special(std::string& out, char code, ByteView field);

// A word of zone-file text: escapes still in place, quotes taken off.
struct Token {
  std::string_view text;
  bool quoted = false;
};

// What the parser wanted, and which token it found instead (tokens.size(): the end).
struct Problem {
  WireError error = WireError::bad_text;
  std::string_view expected;  // static text
  std::size_t token = 0;
};

// The state of parsing one record's data.
struct FieldInput {
  std::span<const Token> tokens;
  std::size_t at = 0;
  NameView origin;
  Bytes& out;

  bool done() const { return at == tokens.size(); }
  std::optional<Problem> bad(std::string_view expected, WireError error = WireError::bad_text) const {
    return Problem{error, expected, at};
  }
};
std::optional<Problem> parse_field(char code, FieldInput& in);
std::optional<Problem> parse_special(char code, FieldInput& in);
std::optional<Problem> parse_name_field(FieldInput& in);
std::optional<Problem> parse_base64_rest(FieldInput& in, bool may_be_empty);
std::optional<Problem> parse_hex_rest(FieldInput& in);

// Appends to `out` the record data that `tokens` say, the generic form included.
std::optional<Problem> parse_rdata_tokens(RRType type, std::span<const Token> tokens, NameView origin,
                                          Bytes& out);

// SVCB and HTTPS parameters (RFC 9460).
bool svc_params_valid(ByteView params);
void append_svc_params(std::string& out, ByteView params);
std::optional<Problem> parse_svc_params(FieldInput& in);

// DNSSEC algorithm by number or mnemonic.
std::optional<std::uint8_t> parse_algorithm(std::string_view text);

}  // namespace onoma::wire::detail
