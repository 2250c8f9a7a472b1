// Record data of every type: check, text, canonical form, names inside. Driven by the table of wire/rrtype.h.
// "Record data" is uncompressed wire form without the length in front. Hostile octets never do harm: a
// function says bad_rdata, or prints in the generic form of RFC 3597 (\# length hex). Pure functions, usable
// from any thread.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "wire/error.h"
#include "wire/name.h"
#include "wire/types.h"

namespace onoma::wire {

// Does `rdata` have the form of its type, to the last octet? Always true for unknown types.
bool rdata_valid(RRType type, ByteView rdata);

// Presentation form; the generic form when `rdata` is not valid or the type is unknown.
std::string rdata_text(RRType type, ByteView rdata);
// One record's data from its presentation form, the generic form included. Names are completed with `origin`.
std::expected<Bytes, WireError> parse_rdata(RRType type, std::string_view text, NameView origin);

// Record data at [offset, offset + size) of a message, names decompressed for the types that RFC 3597 §4
// permits it for. Fails with bad_rdata unless the data fill the size exactly and have the form of their type.
std::expected<Bytes, WireError> read_rdata(ByteView message, std::size_t offset, std::size_t size,
                                           RRType type);

// Canonical form (RFC 4034 §6.2 with RFC 6840 §5.1): names in lower case for the listed types only.
Bytes canonical_rdata(RRType type, ByteView rdata);
// Order of the canonical forms (RFC 4034 §6.3).
bool canonical_less(RRType type, ByteView a, ByteView b);

// Calls `visit` for each name inside, in order, with its offset in `rdata`. Nothing for unknown or invalid
// data.
void for_each_name(RRType type, ByteView rdata,
                   const std::function<void(std::size_t offset, NameView name)>& visit);
// True for the types of RFC 1035 whose inner names may be compressed in a message.
bool may_compress(RRType type);

// The host name in NS, CNAME, DNAME, PTR, MX, SRV, and the target of SVCB/HTTPS. REQUIRES: valid data of such
// a type.
NameView target_name(RRType type, ByteView rdata);

struct Soa {
  Name mname, rname;
  std::uint32_t serial = 0, refresh_s = 0, retry_s = 0, expire_s = 0, minimum_s = 0;
  static std::expected<Soa, WireError> read(ByteView rdata);
  Bytes rdata() const;
};
// The serial of valid SOA data without reading the rest. 0 if the data are too short.
std::uint32_t soa_serial(ByteView rdata);

// Serial arithmetic (RFC 1982): is `a` newer than `b`?
constexpr bool serial_newer(std::uint32_t a, std::uint32_t b) {
  return a != b && a - b < 0x80000000U;
}

}  // namespace onoma::wire
