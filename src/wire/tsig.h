// TSIG records (RFC 8945) as octets: finding, reading, writing, and what their MAC is made over. No
// cryptography and no keys: those are transfer/tsig_key.h and transfer/tsig.h. Pure functions, usable from
// any thread.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "wire/message.h"
#include "wire/name.h"

namespace onoma::wire {

// The error field (RFC 8945 §3). Other numbers may come from outside.
enum class TsigError : std::uint16_t { none = 0, badsig = 16, badkey = 17, badtime = 18, badtrunc = 22 };

struct Tsig {
  Name key, algorithm;       // case as sent
  std::uint64_t time_s = 0;  // Unix time, 48 bits
  std::uint16_t fudge_s = 300;
  Bytes mac;
  std::uint16_t original_id = 0;
  TsigError error = TsigError::none;
  Bytes other;  // BADTIME: the server's time, 6 octets
};

enum class TsigSearch : std::uint8_t {
  none,  // the message carries no TSIG, or cannot be walked through before one is met
  found,
  bad,  // a TSIG that is not the last additional record, one of two, or ill-formed: FORMERR
};
// Looks at every record's head, at no other data. `start` is the offset of the record: the size of the
// message without it.
TsigSearch find_tsig(ByteView message, Tsig& out, std::size_t& start);
// The same without reading the record: for telling cheaply whether there is one. True for `bad` too.
bool carries_tsig(ByteView message);

// Octets that append_tsig adds.
std::size_t tsig_size(NameView key, NameView algorithm, std::size_t mac_octets, std::size_t other_octets = 0);
// Adds the record behind `message`, a whole message of at least 12 octets, and counts it. False, and nothing
// is changed, when the message would pass 65,535 octets.
bool append_tsig(Bytes& message, const Tsig& tsig);

// The parts of the MAC's input (RFC 8945 §4.3, §5.3.1), in this order: prior MAC (answers only), header and
// the rest of the message without its TSIG, then variables, or timers alone in the later messages of a
// stream.
Bytes tsig_prior_mac(ByteView mac);
// The 12 octets of header: the original id, and the additional records without the TSIG if the message
// `carries` one. REQUIRES: a message of at least 12 octets.
std::array<std::uint8_t, kHeaderOctets> tsig_header(ByteView message, std::uint16_t original_id,
                                                    bool carries);
Bytes tsig_variables(const Tsig& tsig);
Bytes tsig_timers(const Tsig& tsig);

// `seconds` as the 6 octets of BADTIME's other data, and back (0 for other sizes).
Bytes tsig_time(std::uint64_t seconds);
std::uint64_t tsig_time_of(ByteView other);

}  // namespace onoma::wire
