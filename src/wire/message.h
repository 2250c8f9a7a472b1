// DNS messages (RFC 1035 §4, EDNS by RFC 6891): reading requests, writing answers with name compression.
// Whole messages for clients and tools: wire/message_reader.h. Nothing here allocates; buffers belong to the
// caller. Usable from any thread, a Writer by one at a time.
#pragma once

#include <array>
#include <expected>
#include <optional>

#include "base/bytes.h"
#include "wire/error.h"
#include "wire/name.h"
#include "wire/types.h"

namespace onoma::wire {

inline constexpr std::size_t kHeaderOctets = 12;

struct Header {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;  // the second 16 bits as on the wire
  std::uint16_t qdcount = 0, ancount = 0, nscount = 0, arcount = 0;
  bool qr() const { return (flags & 0x8000) != 0; }
  Opcode opcode() const { return static_cast<Opcode>((flags >> 11) & 0xF); }
  bool aa() const { return (flags & 0x0400) != 0; }
  bool tc() const { return (flags & 0x0200) != 0; }
  bool rd() const { return (flags & 0x0100) != 0; }
  bool cd() const { return (flags & 0x0010) != 0; }
  std::uint8_t rcode() const { return static_cast<std::uint8_t>(flags & 0xF); }
  // nullopt below 12 octets.
  static std::optional<Header> read(ByteView message);
};

// The EDNS part of a request.
struct Edns {
  std::uint16_t udp_size = 512;
  std::uint8_t version = 0;
  bool dnssec_ok = false;
  ByteView options;  // inside the message; checked to be well-formed
};

// A request as a server sees it. Views point into the message and `qname`'s buffer.
struct Query {
  Header header;
  std::array<std::uint8_t, kMaxNameOctets> qname_octets;  // case as sent; valid when has_question
  std::uint16_t qname_size = 0;
  RRType qtype{};
  RRClass qclass{};
  bool has_question = false;
  std::optional<Edns> edns;
  std::size_t question_end = 0;  // offset of the first octet behind the question
  NameView qname() const { return NameView::trusted(ByteView(qname_octets).first(qname_size)); }
};

// Reads header, question and OPT. On an error the fields read so far are good, so that the caller can answer
// FORMERR: bad_header (too short, or a response: drop), bad_question, bad_edns, truncated, trailing_octets.
std::optional<WireError> read_query(ByteView message, Query& out);

// Writes one answer into a buffer. Every add_* either adds the record whole or changes nothing and returns
// false.
class Writer {
 public:
  // `out` must stay alive; at most `limit` of its octets are used. Reserve room for OPT with reserve().
  Writer(MutableBytes out, std::size_t limit);

  void set_header(std::uint16_t id, std::uint16_t flags);
  void set_rcode(Rcode rcode);  // low four bits; the upper ones go into OPT
  void or_flags(std::uint16_t bits);
  bool add_question(NameView qname, RRType type, RRClass rr_class);

  enum class Section : std::uint8_t { answer = 1, authority = 2, additional = 3 };
  // Owner and the names of `rdata` that may be compressed are. Sections must be written in order.
  bool add_record(Section section, NameView owner, RRType type, RRClass rr_class, std::uint32_t ttl,
                  ByteView rdata);

  void reserve(std::size_t octets);  // lowers the limit
  void release(std::size_t octets);  // raises it again
  struct Mark {
    std::size_t size;
    std::array<std::uint16_t, 4> counts;
    std::size_t names;
  };
  Mark mark() const;
  void rollback(const Mark& mark);  // forgets everything added since
  // Options are complete encoded options.
  bool add_opt(std::uint16_t udp_size, bool dnssec_ok, Rcode rcode, ByteView options);

  std::size_t size() const;
  std::size_t left() const;  // octets still free under the limit
  ByteView finish();         // patches counts; the message

 private:
  static constexpr std::size_t kMaxNames = 512;
  static constexpr std::size_t kNoRoom = static_cast<std::size_t>(-1);
  std::size_t end() const;  // no octet at or behind this offset may be written
  std::size_t put_name(std::size_t at, NameView name, bool compress);  // 0: does not fit
  std::size_t put_rdata(std::size_t at, RRType type,
                        ByteView rdata);  // octets written; kNoRoom: does not fit
  bool same_name_at(std::size_t offset, NameView name) const;
  MutableBytes out_;
  std::size_t limit_;
  std::size_t size_ = kHeaderOctets;
  std::array<std::uint16_t, 4> counts_{};
  std::size_t name_count_ = 0;  // entries of names_; when it is full, later names are not pointed to
  std::size_t reserved_ = 0;
  std::array<std::uint16_t, kMaxNames> names_;  // offsets of the names and name endings written so far
  std::array<std::uint16_t, kMaxNames> marks_;  // size and hash of each, to find a name without reading it
};

}  // namespace onoma::wire
