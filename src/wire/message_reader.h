// Whole DNS messages as values: for clients, transfers and tests, not for the answer path. Reading allocates;
// it accepts at most 65,535 octets, checks every record's data against its type and fails on the first fault.
// Pure functions, usable from any thread.
#pragma once

#include <expected>
#include <optional>
#include <vector>

#include "wire/message.h"
#include "wire/rrset.h"

namespace onoma::wire {

struct Question {
  Name name;
  RRType type{};
  RRClass rr_class{};
};

struct Message {
  Header header;
  std::vector<Question> questions;
  // Names and data decompressed. An OPT is an ordinary record of `additional`; see edns_of.
  std::vector<Record> answers, authority, additional;
};

// Classes NONE and ANY may come without data, as UPDATE writes them (RFC 2136 §2.4, §2.5).
std::expected<Message, WireError> read_message(ByteView message);

// What the OPT of a message says; nullopt without one. The view points into the message.
std::optional<Edns> edns_of(const Message& message);
// The full response code: the header's four bits and the OPT's eight.
Rcode rcode_of(const Message& message);

}  // namespace onoma::wire
