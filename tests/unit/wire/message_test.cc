#include "wire/message.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "random_data.h"
#include "wire/message_reader.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::wire {
namespace {

Name name(std::string_view text) {
  return Name::parse(text).value();
}
Bytes data(RRType type, std::string_view text) {
  return parse_rdata(type, text, Name()).value();
}

// A query for www.Example. A, with what a test wants different.
struct QueryOctets {
  Bytes octets;
  QueryOctets(std::uint16_t qd = 1, std::uint16_t an = 0, std::uint16_t ns = 0, std::uint16_t ar = 0,
              std::uint16_t flags = 0x0100) {
    ByteWriter writer(octets);
    for (const std::uint16_t v : {std::uint16_t{0x1234}, flags, qd, an, ns, ar}) writer.u16(v);
  }
  QueryOctets& question(std::string_view qname = "www.Example.", std::uint16_t type = 1) {
    ByteWriter writer(octets);
    writer.bytes(name(qname).wire());
    writer.u16(type);
    writer.u16(1);
    return *this;
  }
  QueryOctets& opt(const Bytes& options = {}, const Bytes& owner = {0}, std::uint32_t ttl = 0x8000) {
    ByteWriter writer(octets);
    writer.bytes(owner);
    writer.u16(41);
    writer.u16(1232);
    writer.u32(ttl);
    writer.u16(static_cast<std::uint16_t>(options.size()));
    writer.bytes(options);
    return *this;
  }
  std::optional<WireError> read(Query& query) const { return read_query(octets, query); }
};

TEST(ReadQuery, PlainAndWithEdns) {
  Query query;
  EXPECT_EQ(QueryOctets().question().read(query), std::nullopt);
  EXPECT_EQ(query.qname().text(), "www.Example.");
  EXPECT_EQ(query.qtype, RRType::A);
  EXPECT_EQ(query.qclass, RRClass::IN);
  EXPECT_EQ(query.header.id, 0x1234);
  EXPECT_TRUE(query.header.rd());
  EXPECT_EQ(query.question_end, 12U + 13 + 4);
  EXPECT_FALSE(query.edns.has_value());

  EXPECT_EQ(QueryOctets(1, 0, 0, 1).question().opt({0, 3, 0, 0}).read(query), std::nullopt);
  ASSERT_TRUE(query.edns.has_value());
  EXPECT_EQ(query.edns->udp_size, 1232);
  EXPECT_TRUE(query.edns->dnssec_ok);
  EXPECT_EQ(query.edns->version, 0);
  EXPECT_EQ(query.edns->options.size(), 4U);
}

TEST(ReadQuery, DropsWhatIsNoRequest) {
  Query query;
  EXPECT_EQ(read_query({}, query), WireError::bad_header);
  EXPECT_EQ(read_query(Bytes(11), query), WireError::bad_header);
  EXPECT_EQ(QueryOctets(1, 0, 0, 0, 0x8000).question().read(query), WireError::bad_header);
}

TEST(ReadQuery, WantsExactlyOneQuestion) {
  Query query;
  EXPECT_EQ(QueryOctets(0).read(query), WireError::bad_question);
  EXPECT_FALSE(query.has_question);
  EXPECT_EQ(QueryOctets(2).question().question().read(query), WireError::bad_question);
  EXPECT_EQ(QueryOctets(1).read(query), WireError::truncated);
  // No question but a cookie: the option is there for the answer.
  EXPECT_EQ(QueryOctets(0, 0, 0, 1).opt({0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8}).read(query),
            WireError::bad_question);
  ASSERT_TRUE(query.edns.has_value());
  EXPECT_EQ(query.edns->options.size(), 12U);
}

TEST(ReadQuery, RefusesBadQuestionNames) {
  Query query;
  for (const Bytes& bad :
       {Bytes{0xC0, 12, 0, 1, 0, 1}, Bytes{0xC0, 0, 0, 1, 0, 1}, Bytes{0x40, 0, 0, 1, 0, 1}}) {
    QueryOctets octets;
    append(octets.octets, bad);
    EXPECT_EQ(octets.read(query), WireError::bad_question) << hex(bad);
    EXPECT_FALSE(query.has_question);
  }
  QueryOctets long_name;
  for (int i = 0; i < 128; ++i) append(long_name.octets, Bytes{1, 'a'});
  append(long_name.octets, Bytes{0, 0, 1, 0, 1});
  EXPECT_EQ(long_name.read(query), WireError::bad_question);
}

TEST(ReadQuery, RefusesLyingCountsAndTrailingOctets) {
  Query query;
  EXPECT_EQ(QueryOctets(1, 1).question().read(query), WireError::truncated);
  EXPECT_TRUE(query.has_question);
  EXPECT_EQ(QueryOctets(1, 0, 0, 2).question().opt().read(query), WireError::truncated);
  EXPECT_EQ(QueryOctets(1, 0, 0, 0).question().opt().read(query), WireError::trailing_octets);
  QueryOctets trailing;
  trailing.question().octets.push_back(0);
  EXPECT_EQ(trailing.read(query), WireError::trailing_octets);
}

TEST(ReadQuery, RefusesBadEdns) {
  Query query;
  const auto error = [&](const QueryOctets& octets) {
    auto got = octets.read(query);
    EXPECT_FALSE(query.edns.has_value());
    return got;
  };
  EXPECT_EQ(error(QueryOctets(1, 0, 0, 2).question().opt().opt()), WireError::bad_edns);
  EXPECT_EQ(error(QueryOctets(1, 1, 0, 0).question().opt()), WireError::bad_edns);
  EXPECT_EQ(error(QueryOctets(1, 0, 1, 0).question().opt()), WireError::bad_edns);
  EXPECT_EQ(error(QueryOctets(1, 0, 0, 1).question().opt({}, {1, 'a', 0})), WireError::bad_edns);
  EXPECT_EQ(error(QueryOctets(1, 0, 0, 1).question().opt({0, 3, 0, 1})), WireError::bad_edns);
  EXPECT_EQ(error(QueryOctets(1, 0, 0, 1).question().opt({0, 3, 0})), WireError::bad_edns);
}

TEST(ReadQuery, NeverReadsBeyondTheMessage) {
  const Bytes whole = QueryOctets(1, 0, 0, 1).question().opt({0, 3, 0, 0}).octets;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    Query query;
    EXPECT_TRUE(read_query(part, query).has_value()) << size;
  }
}

struct Buffer {
  Bytes octets = Bytes(65535);
  Writer writer;
  explicit Buffer(std::size_t limit = 65535) : writer(octets, limit) {}
};

TEST(WriterTest, WritesAnAnswerThatReadsBack) {
  Buffer b;
  b.writer.set_header(7, 0x8400);
  ASSERT_TRUE(b.writer.add_question(name("www.example."), RRType::A, RRClass::IN));
  using S = Writer::Section;
  ASSERT_TRUE(b.writer.add_record(S::answer, name("www.example."), RRType::CNAME, RRClass::IN, 60,
                                  data(RRType::CNAME, "host.example.")));
  ASSERT_TRUE(b.writer.add_record(S::answer, name("host.example."), RRType::A, RRClass::IN, 60,
                                  data(RRType::A, "192.0.2.1")));
  ASSERT_TRUE(b.writer.add_record(S::authority, name("example."), RRType::SOA, RRClass::IN, 60,
                                  data(RRType::SOA, "ns.example. h.example. 1 2 3 4 5")));
  ASSERT_TRUE(b.writer.add_opt(1232, true, Rcode::badvers, Bytes{0, 3, 0, 1, 'x'}));
  auto message = read_message(b.writer.finish());
  ASSERT_TRUE(message.has_value()) << describe(message.error());
  EXPECT_EQ(message->header.id, 7);
  EXPECT_TRUE(message->header.aa());
  ASSERT_EQ(message->questions.size(), 1U);
  ASSERT_EQ(message->answers.size(), 2U);
  EXPECT_EQ(rdata_text(RRType::CNAME, message->answers[0].rdata), "host.example.");
  EXPECT_EQ(message->answers[1].owner.text(), "host.example.");
  EXPECT_EQ(rdata_text(RRType::SOA, message->authority[0].rdata), "ns.example. h.example. 1 2 3 4 5");
  auto edns = edns_of(*message);
  ASSERT_TRUE(edns.has_value());
  EXPECT_EQ(edns->udp_size, 1232);
  EXPECT_TRUE(edns->dnssec_ok);
  EXPECT_EQ(edns->options.size(), 5U);
  EXPECT_EQ(rcode_of(*message), Rcode::badvers);
}

TEST(WriterTest, CompressesOwnersAndNamesOfOldTypesOnly) {
  Buffer b;
  using S = Writer::Section;
  ASSERT_TRUE(b.writer.add_record(S::answer, name("www.example."), RRType::A, RRClass::IN, 1,
                                  data(RRType::A, "192.0.2.1")));
  std::size_t before = b.writer.size();
  ASSERT_TRUE(b.writer.add_record(S::answer, name("www.example."), RRType::NS, RRClass::IN, 1,
                                  data(RRType::NS, "ns.example.")));
  EXPECT_EQ(b.writer.size() - before, 2U + 10 + 5);  // "ns" and a pointer
  before = b.writer.size();
  ASSERT_TRUE(b.writer.add_record(S::answer, name("example."), RRType::SRV, RRClass::IN, 1,
                                  data(RRType::SRV, "1 2 3 ns.example.")));
  EXPECT_EQ(b.writer.size() - before, 2U + 10 + 6 + 12);
  before = b.writer.size();
  // Case is kept: other octets are not pointed to.
  ASSERT_TRUE(b.writer.add_record(S::answer, name("WWW.example."), RRType::TXT, RRClass::IN, 1, Bytes{0}));
  EXPECT_EQ(b.writer.size() - before, 4U + 2 + 10 + 1);
  auto message = read_message(b.writer.finish());
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->answers[3].owner.text(), "WWW.example.");
}

TEST(WriterTest, WhatDoesNotFitChangesNothing) {
  using S = Writer::Section;
  const Bytes soa = data(RRType::SOA, "ns.other. h.other. 1 2 3 4 5");
  Buffer whole;
  ASSERT_TRUE(whole.writer.add_question(name("a.example."), RRType::A, RRClass::IN));
  ASSERT_TRUE(whole.writer.add_record(S::authority, name("example."), RRType::SOA, RRClass::IN, 1, soa));
  const std::size_t full = whole.writer.size();
  for (std::size_t limit = 12; limit < full; ++limit) {
    Buffer b(limit);
    const bool question = b.writer.add_question(name("a.example."), RRType::A, RRClass::IN);
    const std::size_t before = b.writer.size();
    EXPECT_FALSE(question &&
                 b.writer.add_record(S::authority, name("example."), RRType::SOA, RRClass::IN, 1, soa))
        << limit;
    EXPECT_EQ(b.writer.size(), before);
    // A name of the refused record must not be pointed to.
    if (b.writer.add_record(S::additional, name("other."), RRType::TXT, RRClass::IN, 1, Bytes{0})) {
      auto message = read_message(b.writer.finish());
      ASSERT_TRUE(message.has_value()) << limit;
      EXPECT_EQ(message->additional[0].owner.text(), "other.");
    }
    EXPECT_LE(b.writer.size(), limit);
  }
  Buffer exact(full);
  EXPECT_TRUE(exact.writer.add_question(name("a.example."), RRType::A, RRClass::IN));
  EXPECT_TRUE(exact.writer.add_record(S::authority, name("example."), RRType::SOA, RRClass::IN, 1, soa));
  EXPECT_EQ(exact.writer.left(), 0U);
}

TEST(WriterTest, ReserveAndRollBack) {
  using S = Writer::Section;
  Buffer b(100);
  EXPECT_EQ(b.writer.left(), 88U);
  b.writer.reserve(80);
  EXPECT_EQ(b.writer.left(), 8U);
  EXPECT_FALSE(
      b.writer.add_record(S::answer, name("a."), RRType::A, RRClass::IN, 1, data(RRType::A, "192.0.2.1")));
  b.writer.release(80);
  const auto mark = b.writer.mark();
  ASSERT_TRUE(
      b.writer.add_record(S::answer, name("a.b."), RRType::A, RRClass::IN, 1, data(RRType::A, "192.0.2.1")));
  b.writer.rollback(mark);
  EXPECT_EQ(b.writer.size(), 12U);
  ASSERT_TRUE(
      b.writer.add_record(S::answer, name("c.b."), RRType::A, RRClass::IN, 1, data(RRType::A, "192.0.2.2")));
  b.writer.set_rcode(Rcode::refused);
  b.writer.or_flags(0x8000);
  auto message = read_message(b.writer.finish());
  ASSERT_TRUE(message.has_value());
  ASSERT_EQ(message->answers.size(), 1U);
  EXPECT_EQ(message->answers[0].owner.text(), "c.b.");
  EXPECT_EQ(message->header.flags, 0x8005);
  b.writer.reserve(1000);
  EXPECT_EQ(b.writer.left(), 0U);
}

TEST(WriterTest, RandomMessagesReadBackExactly) {
  RandomData random(30);
  const auto types = all_types();
  for (int round = 0; round < 60; ++round) {
    Buffer b;
    std::vector<Name> names;
    for (int i = 0; i < 6; ++i) names.push_back(random.name());
    std::vector<Record> written;
    // Enough to pass offset 0x4000 and the list of names in some rounds.
    const std::size_t count = random.chance(4) ? 700 : random.between(1, 40);
    for (std::size_t i = 0; i < count; ++i) {
      Record record;
      record.owner = names[random.below(names.size())];
      if (random.chance(2))
        if (auto longer = Name::prepend(random.label(), record.owner)) record.owner = *longer;
      record.type = random.chance(2) ? RRType::MX : types[random.below(types.size())];
      record.rdata = random.rdata(record.type);
      record.ttl = 5;
      if (!b.writer.add_record(Writer::Section::answer, record.owner, record.type, RRClass::IN, 5,
                               record.rdata))
        continue;
      written.push_back(record);
    }
    auto message = read_message(b.writer.finish());
    ASSERT_TRUE(message.has_value()) << describe(message.error());
    ASSERT_EQ(message->answers.size(), written.size());
    for (std::size_t i = 0; i < written.size(); ++i) {
      EXPECT_TRUE(onoma::equal(message->answers[i].owner.wire(), written[i].owner.wire()));
      ASSERT_EQ(message->answers[i].rdata, written[i].rdata) << type_text(written[i].type);
    }
  }
}

TEST(WriterTest, UpdateRecordsWithoutDataAreWrittenAsTheyStand) {
  Buffer b;
  ASSERT_TRUE(b.writer.add_record(Writer::Section::authority, name("a."), RRType::NS, RRClass::ANY, 0, {}));
  auto message = read_message(b.writer.finish());
  ASSERT_TRUE(message.has_value());
  EXPECT_TRUE(message->authority[0].rdata.empty());
}

TEST(ReadMessage, RefusesDamage) {
  EXPECT_EQ(read_message(Bytes(5)).error(), WireError::bad_header);
  EXPECT_EQ(read_message(Bytes(13)).error(), WireError::trailing_octets);
  EXPECT_EQ(read_message(QueryOctets(2).question().octets).error(), WireError::truncated);
  Buffer b;
  ASSERT_TRUE(
      b.writer.add_record(Writer::Section::answer, name("a."), RRType::A, RRClass::IN, 0, Bytes{1, 2, 3}));
  EXPECT_EQ(read_message(b.writer.finish()).error(), WireError::bad_rdata);
}

}  // namespace
}  // namespace onoma::wire
