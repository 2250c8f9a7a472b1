// Zones, requests and answers for the tests of this room.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "transfer/outgoing.h"
#include "transfer/tsig.h"
#include "wire/message_reader.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/load.h"

namespace onoma::transfer::test {

inline wire::Name name(std::string_view text) {
  return wire::Name::parse(text).value();
}

inline zone::SnapshotPtr snapshot_of(std::string_view text, std::string_view apex = "example.") {
  std::vector<std::string> warnings;
  auto loaded = zone::load_zone_text(text, {.origin = name(apex)}, warnings);
  EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
  return loaded ? *loaded : nullptr;
}

// A zone with the serial and `hosts` names of one address each, h0, h1, …; `more` is text.
inline std::string zone_text(std::uint32_t serial, std::size_t hosts, std::string_view more = {}) {
  std::string text = "$TTL 3600\n@ SOA ns.example. admin.example. " + std::to_string(serial) +
                     " 3600 900 604800 300\n@ NS ns.example.\n@ MX 10 mail.example.\nns A 192.0.2.1\n";
  for (std::size_t i = 0; i < hosts; ++i) text += "h" + std::to_string(i) + " A 192.0.2.2\n";
  return text + std::string(more);
}

// One line a record, comparable.
inline std::string line_of(wire::NameView owner, wire::RRType type, std::uint32_t ttl, ByteView rdata) {
  return owner.text() + " " + std::to_string(ttl) + " " + std::string(wire::type_text(type)) + " " +
         wire::rdata_text(type, rdata);
}
inline std::string line_of(const wire::Record& record) {
  return line_of(record.owner, record.type, record.ttl, record.rdata);
}

// The answer records of all messages of a transfer.
inline std::vector<wire::Record> records_of(const std::vector<Bytes>& messages) {
  std::vector<wire::Record> out;
  for (const auto& octets : messages) {
    const auto message = wire::read_message(octets);
    EXPECT_TRUE(message);
    if (!message) return out;
    EXPECT_EQ(message->header.rcode(), 0);
    out.insert(out.end(), message->answers.begin(), message->answers.end());
  }
  return out;
}

inline std::vector<Bytes> drain(Outgoing& outgoing) {
  std::vector<Bytes> out;
  Bytes next;
  while (outgoing.next(next)) out.push_back(next);
  return out;
}

// All records of a version, without a transfer.
inline std::multiset<std::string> content_of(const zone::Snapshot& snapshot) {
  std::multiset<std::string> out;
  for (const auto& set : zone::copy_sets(snapshot)) {
    for (const auto& data : set.rdatas) out.insert(line_of(set.owner, set.type, set.ttl, data));
    for (const auto& data : set.signatures)
      out.insert(line_of(set.owner, wire::RRType::RRSIG, set.ttl, data));
  }
  return out;
}

inline TsigKeyPtr test_key(std::string_view key = "key.example.",
                           TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256) {
  return std::make_shared<const TsigKey>(name(key), algorithm, Bytes(32, 5));
}

// A request, unsigned.
struct Ask {
  std::string_view zone = "example.";
  wire::RRType type = wire::RRType::AXFR;
  std::optional<std::uint32_t> have = {};  // IXFR
  bool edns = false;
  std::uint16_t udp_size = 1232;
  Bytes options = {};
  std::uint16_t flags = 0;
  Bytes octets() const {
    Bytes out(4096);
    wire::Writer writer(out, out.size());
    writer.set_header(0x1234, flags);
    writer.add_question(name(zone), type, wire::RRClass::IN);
    if (have) {
      const wire::Soa soa{.mname = name("."), .rname = name("."), .serial = *have};
      writer.add_record(wire::Writer::Section::authority, name(zone), wire::RRType::SOA, wire::RRClass::IN, 0,
                        soa.rdata());
    }
    if (edns) writer.add_opt(udp_size, false, wire::Rcode::noerror, options);
    out.resize(writer.finish().size());
    return out;
  }
};

}  // namespace onoma::transfer::test
