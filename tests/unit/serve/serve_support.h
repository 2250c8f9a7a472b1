// Asks an Answerer and reads its answers as lists of text lines, independent of the code that wrote them but
// for names and record data of the room `wire`.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "serve/answer.h"
#include "wire/dnssec.h"
#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/denial.h"
#include "zone/load.h"

namespace onoma::serve::test {

using wire::Name;
using wire::Rcode;
using wire::RRType;
using Lines = std::vector<std::string>;

inline Name name(std::string_view text) {
  auto parsed = Name::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(Name());
}

inline zone::SnapshotPtr load(std::string_view origin, std::string_view text) {
  wire::ZoneFileOptions options;
  options.origin = name(origin);
  std::vector<std::string> warnings;
  auto loaded = zone::load_zone_text(text, options, warnings);
  EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : loaded.error().message);
  return loaded.value_or(nullptr);
}

struct Record {
  std::string owner;
  RRType type{};
  std::uint16_t rr_class = 1;
  std::uint32_t ttl = 0;
  Bytes rdata;
  std::string text() const {
    return owner + " " + wire::type_text(type) + " " + wire::rdata_text(type, rdata);
  }
};

struct Reading {
  bool readable = false;
  wire::Header header;
  std::string question;
  std::vector<Record> answer, authority, additional;  // without OPT
  bool has_opt = false;
  std::uint16_t opt_size = 0;
  std::uint32_t opt_ttl = 0;
  std::map<int, Bytes> options;
  std::size_t size = 0;

  int rcode() const { return header.rcode() | static_cast<int>(opt_ttl >> 24) << 4; }
  int ede() const {
    const auto at = options.find(15);
    return at == options.end() || at->second.size() < 2 ? -1 : load_u16(at->second.data());
  }
  static Lines lines(const std::vector<Record>& records) {
    Lines out;
    for (const auto& record : records) out.push_back(record.text());
    std::ranges::sort(out);
    return out;
  }
  std::size_t count(const std::vector<Record>& records, RRType type) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(records, [type](const Record& record) { return record.type == type; }));
  }
};

inline bool read_records(ByteView message, std::size_t& at, std::size_t count, std::vector<Record>& out,
                         Reading& all) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint8_t owner[wire::kMaxNameOctets];
    const auto size = wire::read_name(message, at, owner);
    if (!size || message.size() - at < 10) return false;
    Record record;
    record.owner = wire::NameView::trusted(ByteView(owner, *size)).text();
    record.type = static_cast<RRType>(load_u16(&message[at]));
    record.rr_class = load_u16(&message[at + 2]);
    record.ttl = load_u32(&message[at + 4]);
    const std::size_t length = load_u16(&message[at + 8]);
    at += 10;
    if (message.size() - at < length) return false;
    if (record.type == RRType::OPT) {
      if (all.has_opt || record.owner != ".") return false;
      all.has_opt = true;
      all.opt_size = record.rr_class;
      all.opt_ttl = record.ttl;
      ByteReader in(message.subspan(at, length));
      while (!in.done()) {
        const auto code = in.u16();
        const auto octets = in.u16();
        const auto data = octets ? in.bytes(*octets) : std::nullopt;
        if (!data) return false;
        all.options[*code] = Bytes(data->begin(), data->end());
      }
      at += length;
      continue;
    }
    auto rdata = wire::read_rdata(message, at, length, record.type);
    if (!rdata) return false;
    record.rdata = *std::move(rdata);
    at += length;
    out.push_back(std::move(record));
  }
  return true;
}

inline Reading read(ByteView message) {
  Reading out;
  out.size = message.size();
  const auto header = wire::Header::read(message);
  if (!header) return out;
  out.header = *header;
  std::size_t at = wire::kHeaderOctets;
  if (header->qdcount > 1) return out;
  if (header->qdcount == 1) {
    std::uint8_t owner[wire::kMaxNameOctets];
    const auto size = wire::read_name(message, at, owner);
    if (!size || message.size() - at < 4) return out;
    out.question = wire::NameView::trusted(ByteView(owner, *size)).text() + " " +
                   wire::type_text(static_cast<RRType>(load_u16(&message[at])));
    at += 4;
  }
  out.readable = read_records(message, at, header->ancount, out.answer, out) &&
                 read_records(message, at, header->nscount, out.authority, out) &&
                 read_records(message, at, header->arcount, out.additional, out) && at == message.size();
  return out;
}

struct Ask {
  std::string qname;
  RRType qtype = RRType::A;
  std::uint16_t qclass = 1;
  std::uint16_t flags = 0;
  std::optional<std::uint16_t> edns_size = 1232;  // absent: no OPT
  bool dnssec = false;
  std::uint8_t version = 0;
  Bytes options;
  bool udp = true;
  bool encrypted = false;
};

inline Bytes packet(const Ask& ask) {
  Bytes out;
  ByteWriter w(out);
  w.u16(0x1234);
  w.u16(ask.flags);
  w.u16(1);
  w.u32(0);
  w.u16(ask.edns_size ? 1 : 0);
  w.bytes(name(ask.qname).wire());
  w.u16(wire::number(ask.qtype));
  w.u16(ask.qclass);
  if (!ask.edns_size) return out;
  w.u8(0);
  w.u16(41);
  w.u16(*ask.edns_size);
  w.u8(0);
  w.u8(ask.version);
  w.u16(ask.dnssec ? 0x8000 : 0);
  w.u16(static_cast<std::uint16_t>(ask.options.size()));
  w.bytes(ask.options);
  return out;
}

inline Bytes option(std::uint16_t code, ByteView data) {
  Bytes out;
  ByteWriter w(out);
  w.u16(code);
  w.u16(static_cast<std::uint16_t>(data.size()));
  w.bytes(data);
  return out;
}

// A table with zones and one worker.
class Server {
 public:
  explicit Server(const ServeOptions& options = {}) : answerer(table, options) {}
  explicit Server(zone::SnapshotPtr zone, const ServeOptions& options = {}) : Server(options) {
    table.set(std::move(zone));
  }

  Bytes raw(ByteView request, bool udp = true, bool encrypted = false, std::uint16_t port = 5000) {
    static constexpr std::array<std::uint8_t, 4> kPeer = {192, 0, 2, 200};
    Bytes buffer(65535);
    const Request in{request, udp, encrypted, kPeer, port};
    Reply out{buffer, 0};
    answerer.answer({&in, 1}, {&out, 1});
    buffer.resize(out.size);
    return buffer;
  }
  Reading ask(const Ask& ask) {
    const auto reading = read(raw(packet(ask), ask.udp, ask.encrypted));
    EXPECT_TRUE(reading.readable) << ask.qname;
    EXPECT_TRUE(reading.header.qr());
    EXPECT_EQ(reading.header.id, 0x1234);
    return reading;
  }
  Reading ask(std::string_view qname, RRType qtype = RRType::A, bool dnssec = false) {
    Ask query;
    query.qname = qname;
    query.qtype = qtype;
    query.dnssec = dnssec;
    return ask(query);
  }

  ZoneTable table;
  Answerer answerer;
};

// The zone of the table of expected answers.
inline constexpr std::string_view kTld = R"(
$ORIGIN tld.
$TTL 3600
@ SOA ns1 hostmaster 2026092501 1800 900 604800 300
@ NS ns1
ns1 A 127.0.0.1
child1 NS ns1.child1
child1 NS ns2.child1
ns1.child1 A 192.0.2.1
ns2.child1 A 192.0.2.2
ns2.child1 AAAA 2001:db8::2
mail.child1 A 192.0.2.99
child2 NS ns1.child1
child3 NS ns.child4
child4 NS ns.child3
ns.child3 A 192.0.2.3
ns.child4 A 192.0.2.4
sec NS ns1.sec
sec DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
ns1.sec A 192.0.2.5
deep.sub NS ns.deep.sub
ns.deep.sub A 192.0.2.6
*.w A 192.0.2.7
host.w A 192.0.2.8
a.b.ent A 192.0.2.9
c1 CNAME c2
c2 CNAME www
www A 192.0.2.10
cx CNAME nowhere
cd CNAME x.sec
co CNAME www.example.net.
loop1 CNAME loop2
loop2 CNAME loop1
dn DNAME target
x.target A 192.0.2.11
)";

enum class Signing { nsec, nsec3, opt_out };

// The same zone with a denial chain and signatures that have the right form and sign nothing: whether they
// verify is not the server's business.
zone::SnapshotPtr sign(const zone::Snapshot& plain, Signing how);

}  // namespace onoma::serve::test
