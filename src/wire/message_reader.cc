#include "wire/message_reader.h"

#include "wire/rdata.h"

namespace onoma::wire {
namespace {

std::expected<Name, WireError> name_at(ByteView message, std::size_t& at) {
  std::uint8_t buffer[kMaxNameOctets];
  auto size = read_name(message, at, buffer);
  if (!size) return std::unexpected(size.error());
  return Name(NameView::trusted({buffer, *size}));
}

std::expected<Record, WireError> record_at(ByteView message, std::size_t& at) {
  Record record;
  auto owner = name_at(message, at);
  if (!owner) return std::unexpected(owner.error());
  record.owner = *std::move(owner);
  if (message.size() - at < 10) return std::unexpected(WireError::truncated);
  record.type = RRType{load_u16(&message[at])};
  record.rr_class = RRClass{load_u16(&message[at + 2])};
  record.ttl = load_u32(&message[at + 4]);
  const std::size_t size = load_u16(&message[at + 8]);
  at += 10;
  if (message.size() - at < size) return std::unexpected(WireError::truncated);
  const bool may_be_empty = record.rr_class == RRClass::NONE || record.rr_class == RRClass::ANY;
  if (size > 0 || !may_be_empty) {
    auto rdata = read_rdata(message, at, size, record.type);
    if (!rdata) return std::unexpected(rdata.error());
    record.rdata = *std::move(rdata);
  }
  at += size;
  return record;
}

std::optional<WireError> read_section(ByteView message, std::size_t& at, std::uint16_t count,
                                      std::vector<Record>& out) {
  for (std::uint16_t i = 0; i < count; ++i) {
    auto record = record_at(message, at);
    if (!record) return record.error();
    out.push_back(*std::move(record));
  }
  return std::nullopt;
}

}  // namespace

std::expected<Message, WireError> read_message(ByteView message) {
  if (message.size() > 65535) return std::unexpected(WireError::trailing_octets);
  auto header = Header::read(message);
  if (!header) return std::unexpected(WireError::bad_header);
  Message out;
  out.header = *header;
  std::size_t at = kHeaderOctets;
  for (std::uint16_t i = 0; i < header->qdcount; ++i) {
    auto name = name_at(message, at);
    if (!name) return std::unexpected(name.error());
    if (message.size() - at < 4) return std::unexpected(WireError::truncated);
    out.questions.push_back(
        {*std::move(name), RRType{load_u16(&message[at])}, RRClass{load_u16(&message[at + 2])}});
    at += 4;
  }
  if (auto error = read_section(message, at, header->ancount, out.answers)) return std::unexpected(*error);
  if (auto error = read_section(message, at, header->nscount, out.authority)) return std::unexpected(*error);
  if (auto error = read_section(message, at, header->arcount, out.additional)) return std::unexpected(*error);
  if (at != message.size()) return std::unexpected(WireError::trailing_octets);
  return out;
}

std::optional<Edns> edns_of(const Message& message) {
  for (const Record& record : message.additional) {
    if (record.type != RRType::OPT) continue;
    return Edns{static_cast<std::uint16_t>(record.rr_class), static_cast<std::uint8_t>(record.ttl >> 16),
                (record.ttl & 0x8000) != 0, record.rdata};
  }
  return std::nullopt;
}

Rcode rcode_of(const Message& message) {
  unsigned rcode = message.header.rcode();
  for (const Record& record : message.additional)
    if (record.type == RRType::OPT) rcode |= record.ttl >> 24 << 4;
  return Rcode{static_cast<std::uint16_t>(rcode)};
}

}  // namespace onoma::wire
