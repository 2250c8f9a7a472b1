// Messages of transfers, written as zone text: each list of lines becomes the answer section of one message.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "transfer/incoming.h"
#include "wire/zonefile.h"
#include "zone/load.h"

namespace onoma::transfer::test {

inline wire::Name name(std::string_view text) {
  return *wire::Name::parse(text);
}

inline std::vector<wire::Record> records(std::string_view text, std::string_view origin = "example.") {
  std::vector<wire::Record> out;
  wire::ZoneFileOptions options;
  options.origin = name(origin);
  const auto parsed = wire::parse_zone_text(text, options, [&](wire::Record&& record) -> Result<void> {
    out.push_back(std::move(record));
    return {};
  });
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return out;
}

inline void put(Bytes& out, const wire::Record& record) {
  ByteWriter writer(out);
  writer.bytes(record.owner.wire());
  writer.u16(wire::number(record.type));
  writer.u16(static_cast<std::uint16_t>(record.rr_class));
  writer.u32(record.ttl);
  writer.u16(static_cast<std::uint16_t>(record.rdata.size()));
  writer.bytes(record.rdata);
}

struct MessageParts {
  std::uint16_t id = 7;
  std::uint16_t flags = 0x8400;
  bool question = true;
  std::string zone = "example.";
  wire::RRType type = wire::RRType::AXFR;
  std::uint16_t question_class = 1;
};

inline Bytes message(const std::vector<wire::Record>& answer, const MessageParts& parts = {},
                     const std::vector<wire::Record>& additional = {}) {
  Bytes out;
  ByteWriter writer(out);
  writer.u16(parts.id);
  writer.u16(parts.flags);
  writer.u16(parts.question ? 1 : 0);
  writer.u16(static_cast<std::uint16_t>(answer.size()));
  writer.u16(0);
  writer.u16(static_cast<std::uint16_t>(additional.size()));
  if (parts.question) {
    writer.bytes(name(parts.zone).wire());
    writer.u16(wire::number(parts.type));
    writer.u16(parts.question_class);
  }
  for (const auto& record : answer) put(out, record);
  for (const auto& record : additional) put(out, record);
  return out;
}

inline Bytes axfr(std::string_view text, MessageParts parts = {}) {
  parts.type = wire::RRType::AXFR;
  return message(records(text), parts);
}
inline Bytes ixfr(std::string_view text, MessageParts parts = {}) {
  parts.type = wire::RRType::IXFR;
  return message(records(text), parts);
}

inline std::string soa(std::uint32_t serial) {
  return "example. 3600 SOA ns1 host " + std::to_string(serial) + " 1800 900 604800 300\n";
}

inline zone::SnapshotPtr zone_of(std::string_view text, std::string_view apex = "example.") {
  wire::ZoneFileOptions options;
  options.origin = name(apex);
  std::vector<std::string> warnings;
  auto loaded = zone::load_zone_text(text, options, warnings);
  if (!loaded) throw std::runtime_error(loaded.error().message);
  return *loaded;
}

}  // namespace onoma::transfer::test
