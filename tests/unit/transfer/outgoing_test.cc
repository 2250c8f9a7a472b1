#include "transfer/outgoing.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "support.h"
#include "support/environment.h"

namespace onoma::transfer {
namespace {

using test::content_of;
using test::drain;
using test::name;
using test::records_of;
using test::snapshot_of;
using test::zone_text;
using wire::RRType;

const ManualClock kClock(from_unix_seconds(1'800'000'000));

OutgoingHead head(RRType type = RRType::AXFR, std::string_view zone = "example.") {
  return {.id = 0x1234, .zone = name(zone), .type = type, .opt = {}};
}

void expect_whole(const std::vector<wire::Record>& records, const zone::Snapshot& snapshot) {
  ASSERT_GE(records.size(), 2U);
  EXPECT_EQ(records.front().type, RRType::SOA);
  EXPECT_EQ(test::line_of(records.front()), test::line_of(records.back()));
  std::multiset<std::string> sent;
  for (std::size_t i = 0; i + 1 < records.size(); ++i) sent.insert(test::line_of(records[i]));
  EXPECT_EQ(sent, content_of(snapshot));
}

TEST(Axfr, SendsEveryRecordOnceBetweenTwoSoas) {
  const auto snapshot = snapshot_of(zone_text(7, 3,
                                              "sub NS ns.sub\nns.sub A 192.0.2.9\nx.sub TXT \"occluded\"\n"
                                              "*.w CNAME h0\na.b.c.d AAAA 2001:db8::1\n"));
  Outgoing outgoing(head(), whole_zone(snapshot), std::nullopt, kClock);
  const auto messages = drain(outgoing);
  ASSERT_EQ(messages.size(), 1U);
  const auto message = wire::read_message(messages[0]);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->header.id, 0x1234);
  EXPECT_TRUE(message->header.qr());
  EXPECT_TRUE(message->header.aa());
  ASSERT_EQ(message->questions.size(), 1U);
  EXPECT_EQ(message->questions[0].type, RRType::AXFR);
  EXPECT_TRUE(message->additional.empty());
  expect_whole(message->answers, *snapshot);
  EXPECT_EQ(outgoing.messages(), 1U);
  EXPECT_EQ(outgoing.octets(), messages[0].size());
}

TEST(Axfr, FillsMessagesAndAsksOnlyInTheFirst) {
  const auto snapshot = snapshot_of(zone_text(7, 3000));
  Outgoing outgoing(head(), whole_zone(snapshot), std::nullopt, kClock);
  const auto messages = drain(outgoing);
  ASSERT_GT(messages.size(), 2U);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto message = wire::read_message(messages[i]);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->questions.size(), i == 0 ? 1U : 0U);
    EXPECT_EQ(message->header.id, 0x1234);
    EXPECT_LE(messages[i].size(), kTransferMessage);
    if (i + 1 < messages.size()) {
      EXPECT_GT(messages[i].size(), kTransferMessage - 100);
    }
  }
  expect_whole(records_of(messages), *snapshot);
  std::size_t octets = 0;
  for (const auto& message : messages) octets += message.size();
  EXPECT_LT(octets, 3000 * 24U) << "owners are compressed";
}

TEST(Axfr, KeepsTheVersionThatItBeganWith) {
  auto snapshot = snapshot_of(zone_text(7, 3000));
  const auto expected = content_of(*snapshot);
  Outgoing outgoing(head(), whole_zone(snapshot), std::nullopt, kClock);
  Bytes next;
  std::vector<Bytes> messages;
  ASSERT_TRUE(outgoing.next(next));
  messages.push_back(next);
  snapshot.reset();  // replaced and let go by everybody else
  for (auto& more : drain(outgoing)) messages.push_back(std::move(more));
  auto records = records_of(messages);
  records.pop_back();
  std::multiset<std::string> sent;
  for (const auto& record : records) sent.insert(test::line_of(record));
  EXPECT_EQ(sent, expected);
}

TEST(Axfr, ALargeRecordGetsAMessageOfItsOwn) {
  std::string text = "big TYPE65280 \\# 60000 ";
  for (int i = 0; i < 60000; ++i) text += "ab";
  const auto snapshot = snapshot_of(zone_text(7, 2000, text + "\n"));
  Outgoing outgoing(head(), whole_zone(snapshot), std::nullopt, kClock);
  const auto messages = drain(outgoing);
  EXPECT_FALSE(outgoing.failed());
  expect_whole(records_of(messages), *snapshot);
}

TEST(Axfr, ARecordThatFitsIntoNoMessageEndsItOnceWithServfail) {
  std::string text = "big TYPE65280 \\# 65535 ";
  for (int i = 0; i < 65535; ++i) text += "ab";
  const auto snapshot = snapshot_of(zone_text(7, 1, text + "\n"));
  Outgoing outgoing(head(), whole_zone(snapshot), std::nullopt, kClock);
  const auto messages = drain(outgoing);
  EXPECT_TRUE(outgoing.failed());
  ASSERT_FALSE(messages.empty());
  const auto last = wire::read_message(messages.back());
  ASSERT_TRUE(last);
  EXPECT_EQ(last->header.rcode(), 2);
  EXPECT_TRUE(last->answers.empty());
  Bytes next;
  EXPECT_FALSE(outgoing.next(next));
}

TEST(Axfr, EveryMessageIsSigned) {
  const auto key = test::test_key();
  KeyRing ring;
  ASSERT_TRUE(ring.add(key));
  auto request = test::Ask{}.octets();
  TsigSigner asking(key);
  ASSERT_TRUE(asking.sign(request, kClock.now()));
  const auto check = check_request(request, ring, kClock.now());
  ASSERT_EQ(check.verdict, TsigCheck::Verdict::good);
  const auto snapshot = snapshot_of(zone_text(7, 3000));
  Outgoing outgoing(head(), whole_zone(snapshot), TsigSigner(check), kClock);
  TsigVerifier verifier(key, asking.mac());
  std::vector<Bytes> plain;
  for (auto& message : drain(outgoing)) {
    const auto size = verifier.add(message, kClock.now());
    ASSERT_TRUE(size);
    EXPECT_TRUE(verifier.complete());
    EXPECT_LE(message.size(), kTransferMessage + 200);
    message.resize(*size);
    store_u16(&message[10], static_cast<std::uint16_t>(load_u16(&message[10]) - 1));
    plain.push_back(message);
  }
  ASSERT_GT(plain.size(), 2U);
  expect_whole(records_of(plain), *snapshot);
}

TEST(Axfr, ARealSignedZoneComesThroughWhole) {
  const auto file = onoma::test::shared_data("zones/root-2020-10-19.zone.xz").string();
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "there is no " << file;
  const std::string command = "xz -dc '" + file + "'";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  ASSERT_TRUE(pipe);
  std::string text;
  char buffer[65536];
  for (std::size_t size = 0; (size = fread(buffer, 1, sizeof buffer, pipe.get())) > 0;)
    text.append(buffer, size);
  if (text.empty()) GTEST_SKIP() << "cannot unpack " << file << "; install xz-utils";
  const auto snapshot = snapshot_of(text, ".");
  Outgoing outgoing(head(RRType::AXFR, "."), whole_zone(snapshot), std::nullopt, kClock);
  const auto messages = drain(outgoing);
  EXPECT_FALSE(outgoing.failed());
  EXPECT_GT(snapshot->facts().signatures, 1000U);
  expect_whole(records_of(messages), *snapshot);
}

TEST(Axfr, Nsec3RecordsAreSentToo) {
  const auto snapshot = snapshot_of(
      zone_text(7, 1,
                "@ NSEC3PARAM 1 0 0 -\n0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 1 0 - "
                "2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n"
                "2t7b4g4vsa5smi47k61mv5bv1a22bojr NSEC3 1 1 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NS SOA\n"));
  Outgoing outgoing(head(), whole_zone(snapshot), std::nullopt, kClock);
  const auto records = records_of(drain(outgoing));
  EXPECT_EQ(std::ranges::count(records, RRType::NSEC3, &wire::Record::type), 2);
  expect_whole(records, *snapshot);
}

// --- IXFR ---

struct Change {
  zone::SnapshotPtr before, after;
  HistoryStepPtr step;
  Change(const std::string& from, const std::string& to)
      : before(snapshot_of(from)), after(snapshot_of(to)), step(step_of(zone::difference(*before, *after))) {}
};

TEST(Ixfr, SendsStepsBetweenSoas) {
  const Change first(zone_text(1, 1, "a A 192.0.2.1\n"), zone_text(2, 2));
  const Change second(zone_text(2, 2), zone_text(3, 2, "b A 192.0.2.1\n"));
  Outgoing outgoing(head(RRType::IXFR), changes(second.after, {first.step, second.step}), std::nullopt,
                    kClock);
  const auto records = records_of(drain(outgoing));
  std::string shape;
  for (const auto& record : records)
    shape += record.type == RRType::SOA ? std::to_string(wire::soa_serial(record.rdata)) + " "
                                        : record.owner.text() + " ";
  EXPECT_EQ(shape, "3 1 a.example. 2 h1.example. 2 3 b.example. 3 ");
}

TEST(Ixfr, WithoutStepsIsTheOneSoa) {
  const auto snapshot = snapshot_of(zone_text(9, 1));
  Outgoing outgoing(head(RRType::IXFR), changes(snapshot, {}), std::nullopt, kClock);
  const auto records = records_of(drain(outgoing));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(wire::soa_serial(records[0].rdata), 9U);
}

TEST(Ixfr, AppliedToTheOldVersionGivesTheNewOne) {
  const Change change(zone_text(1, 400, "gone TXT \"x\"\n"),
                      zone_text(2, 900, "h3 60 A 192.0.2.2\nnew MX 5 h1\n"));
  Outgoing outgoing(head(RRType::IXFR), changes(change.after, {change.step}), std::nullopt, kClock);
  const auto records = records_of(drain(outgoing));
  auto content = content_of(*change.before);
  bool adding = true;
  for (std::size_t i = 1; i + 1 < records.size(); ++i) {
    if (records[i].type == RRType::SOA) adding = !adding;
    const auto line = test::line_of(records[i]);
    if (adding) {
      content.insert(line);
    } else {
      const auto found = content.find(line);
      ASSERT_NE(found, content.end()) << line;
      content.erase(found);
    }
  }
  EXPECT_EQ(content, content_of(*change.after));
}

TEST(Ixfr, AsOneMessageOrNotAtAll) {
  const Change change(zone_text(1, 1), zone_text(2, 20));
  const auto answer = [&](std::size_t limit) {
    return Outgoing(head(RRType::IXFR), changes(change.after, {change.step}), std::nullopt, kClock)
        .whole(limit);
  };
  const auto whole = answer(1232);
  ASSERT_TRUE(whole);
  EXPECT_EQ(records_of({*whole}).size(), 4 + 19U);
  EXPECT_FALSE(answer(300));
}

// --- the packer ---

TEST(Packer, CompressesOwnersAndNamesInOldTypesOnly) {
  Packer packer;
  Bytes out;
  packer.begin(out, 1, 0x8400, 4096, 4096);
  packer.question(name("example."), RRType::AXFR);
  const auto add = [&](std::string_view owner, RRType type, std::string_view data) {
    const auto rdata = wire::parse_rdata(type, data, name(".")).value();
    const auto owner_name = name(owner);
    return packer.add({.owner = owner_name, .type = type, .ttl = 60, .rdata = rdata});
  };
  EXPECT_TRUE(add("example.", RRType::SOA, "ns.example. admin.example. 1 2 3 4 5"));
  EXPECT_TRUE(add("a.example.", RRType::MX, "10 mail.a.example."));
  EXPECT_TRUE(add("A.example.", RRType::NS, "ns.example."));
  EXPECT_TRUE(add("a.example.", RRType::SRV, "1 2 3 mail.a.example."));
  EXPECT_TRUE(add("a.example.", RRType::CNAME, "."));
  EXPECT_EQ(packer.records(), 5);
  packer.finish({});
  const auto message = wire::read_message(out);
  ASSERT_TRUE(message);
  ASSERT_EQ(message->answers.size(), 5U);
  EXPECT_EQ(wire::rdata_text(RRType::SOA, message->answers[0].rdata), "ns.example. admin.example. 1 2 3 4 5");
  EXPECT_EQ(wire::rdata_text(RRType::MX, message->answers[1].rdata), "10 mail.a.example.");
  EXPECT_EQ(message->answers[2].owner.text(), "A.example.") << "case is kept";
  EXPECT_EQ(wire::rdata_text(RRType::SRV, message->answers[3].rdata), "1 2 3 mail.a.example.");
  const std::string_view text = as_text(out);
  EXPECT_EQ(text.find("mail", text.find("mail") + 1) != std::string_view::npos, true)
      << "SRV is not compressed";
}

TEST(Packer, ManyNamesMoreThanItRemembers) {
  Packer packer;
  Bytes out;
  for (int round = 0; round < 2; ++round) {
    packer.begin(out, 1, 0x8400, 60000, 65535);
    std::vector<std::string> sent;
    const auto rdata = wire::parse_rdata(RRType::NS, "ns.other.test.", name(".")).value();
    for (int i = 0;; ++i) {
      const auto owner = name("x" + std::to_string(i * 7919) + ".y" + std::to_string(i % 13) + ".test.");
      if (!packer.add({.owner = owner, .type = RRType::NS, .ttl = 60, .rdata = rdata})) break;
      sent.push_back(owner.text());
    }
    packer.finish({});
    const auto message = wire::read_message(out);
    ASSERT_TRUE(message);
    ASSERT_EQ(message->answers.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) ASSERT_EQ(message->answers[i].owner.text(), sent[i]);
  }
}

}  // namespace
}  // namespace onoma::transfer
