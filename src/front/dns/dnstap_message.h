// One dnstap message (dnstap.proto, package dnstap): AUTH_QUERY or AUTH_RESPONSE in protobuf's wire form.
// Pure functions, no allocation.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"
#include "serve/stats_counts.h"

namespace onoma::front {

struct DnstapMessage {
  std::string_view identity, version;  // of this server; empty: left out
  bool response = false;               // AUTH_RESPONSE, else AUTH_QUERY
  serve::Transport transport = serve::Transport::udp;
  ByteView query_address, response_address;  // 4 or 16 octets; empty: left out
  std::uint16_t query_port = 0, response_port = 0;
  Time query_time, response_time;  // the latter of responses only
  ByteView dns;                    // the message, verbatim; empty: left out
  ByteView zone;                   // the zone that answered, in wire form; empty: left out
};

// The octets that encode_dnstap() writes.
std::size_t dnstap_size(const DnstapMessage& message);
// REQUIRES: out.size() >= dnstap_size(message). Gives the octets written.
std::size_t encode_dnstap(const DnstapMessage& message, MutableBytes out);

}  // namespace onoma::front
