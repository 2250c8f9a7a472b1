// What a primary may send, and what it must not.
#include <set>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "transfer/incoming_content.h"
#include "transfer_messages.h"

namespace onoma::transfer {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of this folder

const std::string kBody =
    "example. 3600 NS ns1\nns1.example. 3600 A 192.0.2.1\nwww.example. 60 A 192.0.2.2\n";

TransferQuestion asks_axfr(std::optional<std::uint32_t> have = std::nullopt) {
  return {.zone = name("example."), .kind = TransferKind::axfr, .id = 7, .have = have};
}
TransferQuestion asks_ixfr(std::uint32_t have) {
  return {.zone = name("example."), .kind = TransferKind::ixfr, .id = 7, .have = have};
}

// Feeds messages; the fault of one of them or of the end.
std::expected<IncomingOutcome, TransferFault> feed(const TransferQuestion& question,
                                                   const std::vector<Bytes>& messages,
                                                   const IncomingLimits& limits = {},
                                                   StreamCheck* check = nullptr) {
  Incoming incoming(question, limits, check);
  for (const auto& one : messages) {
    const auto taken = incoming.take(one);
    if (!taken) return std::unexpected(taken.error());
    if (*taken == Incoming::Progress::done) return incoming.outcome();
  }
  const auto ended = incoming.end();
  EXPECT_FALSE(ended.has_value());
  return std::unexpected(ended.error());
}

void expect_fault(const std::expected<IncomingOutcome, TransferFault>& result, FaultKind kind,
                  std::string_view part) {
  ASSERT_FALSE(result.has_value()) << "expected: " << part;
  EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind)) << result.error().what;
  EXPECT_NE(result.error().what.find(part), std::string::npos) << result.error().what;
}

zone::SnapshotPtr built(IncomingOutcome outcome) {
  std::vector<std::string> warnings;
  auto zone = build_whole(name("example."), std::move(outcome.chunks), {}, warnings);
  EXPECT_TRUE(zone.has_value()) << (zone ? "" : zone.error().what);
  return zone ? *zone : nullptr;
}

TEST(Incoming, TakesAWholeZoneInOneMessage) {
  auto got = feed(asks_axfr(), {axfr(soa(5) + kBody + soa(5))});
  ASSERT_TRUE(got.has_value()) << got.error().what;
  EXPECT_EQ(got->kind, IncomingOutcome::Kind::whole);
  EXPECT_EQ(got->soa.serial, 5U);
  const auto zone = built(*std::move(got));
  EXPECT_EQ(zone::zone_text(*zone), zone::zone_text(*zone_of(soa(5) + kBody)));
}

TEST(Incoming, TakesAZoneRecordByRecord) {
  MessageParts later;
  later.question = false;
  auto got = feed(asks_axfr(3), {axfr(soa(5)), axfr("example. 3600 NS ns1\n", later),
                                 axfr("ns1.example. 3600 A 192.0.2.1\n"),
                                 axfr("www.example. 60 A 192.0.2.2\n", later), axfr(soa(5), later)});
  ASSERT_TRUE(got.has_value()) << got.error().what;
  EXPECT_EQ(got->messages, 5U);
  EXPECT_EQ(got->records, 5U);
  EXPECT_EQ(zone::zone_text(*built(*std::move(got))), zone::zone_text(*zone_of(soa(5) + kBody)));
}

TEST(Incoming, SmallPiecesGiveTheSameZone) {
  IncomingLimits limits;
  limits.chunk_records = 1;
  auto got = feed(asks_axfr(), {axfr(soa(5) + kBody + soa(5))}, limits);
  ASSERT_TRUE(got.has_value());
  EXPECT_GT(got->chunks.size(), 2U);
  EXPECT_EQ(zone::zone_text(*built(*std::move(got))), zone::zone_text(*zone_of(soa(5) + kBody)));
}

TEST(Incoming, AStreamThatEndsEarlyIsNoZone) {
  expect_fault(feed(asks_axfr(), {}), FaultKind::truncated, "without an answer");
  expect_fault(feed(asks_axfr(), {axfr(soa(5) + kBody)}), FaultKind::truncated, "before the closing SOA");
  expect_fault(feed(asks_ixfr(4), {ixfr(soa(5))}), FaultKind::truncated, "before the closing SOA");
  expect_fault(feed(asks_ixfr(4), {ixfr(soa(5) + soa(4) + "a.example. 1 A 192.0.2.1\n" + soa(5))}),
               FaultKind::truncated, "before the closing SOA");
}

TEST(Incoming, OnlyTheAnswerToTheQuestionCounts) {
  const auto text = soa(5) + kBody + soa(5);
  const auto with = [&](auto change) {
    MessageParts parts;
    change(parts);
    return feed(asks_axfr(), {message(records(text), parts)});
  };
  expect_fault(with([](auto& p) { p.id = 8; }), FaultKind::mismatch, "id");
  expect_fault(with([](auto& p) { p.flags = 0x0400; }), FaultKind::mismatch, "no answer");
  expect_fault(with([](auto& p) { p.flags = 0xa400; }), FaultKind::mismatch, "no answer");
  expect_fault(with([](auto& p) { p.flags = 0x8600; }), FaultKind::malformed, "TC");
  expect_fault(with([](auto& p) { p.flags = 0x8405; }), FaultKind::refused, "REFUSED");
  expect_fault(with([](auto& p) { p.flags = 0x8409; }), FaultKind::refused, "NOTAUTH");
  expect_fault(with([](auto& p) { p.question = false; }), FaultKind::mismatch, "0 questions");
  expect_fault(with([](auto& p) { p.zone = "other."; }), FaultKind::mismatch, "another question");
  expect_fault(with([](auto& p) { p.type = wire::RRType::IXFR; }), FaultKind::mismatch, "another question");
  expect_fault(with([](auto& p) { p.question_class = 3; }), FaultKind::mismatch, "another question");
}

TEST(Incoming, ARefusalInTheMiddleEndsTheTransfer) {
  MessageParts servfail;
  servfail.flags = 0x8402;
  expect_fault(feed(asks_axfr(), {axfr(soa(5) + kBody), axfr(soa(5), servfail)}), FaultKind::refused,
               "SERVFAIL");
}

TEST(Incoming, RecordsMustBelongToTheZone) {
  auto wrong_class = records(kBody);
  wrong_class[1].rr_class = wire::RRClass::CH;
  auto all = records(soa(5));
  all.insert(all.end(), wrong_class.begin(), wrong_class.end());
  expect_fault(feed(asks_axfr(), {message(all)}), FaultKind::contradictory, "class 3");
  expect_fault(feed(asks_axfr(), {axfr(soa(5) + "www.elsewhere. 60 A 192.0.2.2\n" + soa(5))}),
               FaultKind::contradictory, "outside the zone");
  expect_fault(feed(asks_axfr(), {axfr(soa(5) + "xexample. 60 A 192.0.2.2\n" + soa(5))}),
               FaultKind::contradictory, "outside the zone");
  auto any = records("www.example. 60 A 192.0.2.2\n");
  any[0].type = wire::RRType::ANY;
  all = records(soa(5));
  all.push_back(any[0]);
  expect_fault(feed(asks_axfr(), {message(all)}), FaultKind::contradictory, "messages only");
}

TEST(Incoming, DataMustHaveTheFormOfTheirType) {
  auto all = records(soa(5) + kBody);
  all[2].rdata.push_back(1);  // an address of five octets
  expect_fault(feed(asks_axfr(), {message(all)}), FaultKind::malformed, "ns1.example. A");
}

TEST(Incoming, TheSoaStandsAtBothEndsAndNowhereElse) {
  expect_fault(feed(asks_axfr(), {axfr(kBody + soa(5))}), FaultKind::contradictory, "must begin");
  expect_fault(feed(asks_axfr(), {axfr(soa(5) + kBody + soa(6))}), FaultKind::contradictory, "not the one");
  expect_fault(feed(asks_axfr(), {axfr(soa(5) + kBody + "sub.example. 1 SOA a b 5 1 1 1 1\n" + soa(5))}),
               FaultKind::contradictory, "below the zone's own name");
  expect_fault(feed(asks_axfr(), {axfr(soa(5) + kBody + soa(5) + kBody)}), FaultKind::contradictory,
               "behind the closing");
  expect_fault(feed(asks_axfr(), {axfr(soa(5) + soa(5))}), FaultKind::contradictory, "nothing but a SOA");
  expect_fault(feed(asks_axfr(), {axfr("sub.example. 1 SOA a b 5 1 1 1 1\n")}), FaultKind::contradictory,
               "below");
}

TEST(Incoming, AZoneMustBeNewer) {
  expect_fault(feed(asks_axfr(5), {axfr(soa(5) + kBody + soa(5))}), FaultKind::not_newer, "serial 5");
  expect_fault(feed(asks_axfr(6), {axfr(soa(5) + kBody + soa(5))}), FaultKind::not_newer, "6 is served");
  // Serials go round (RFC 1982).
  EXPECT_TRUE(feed(asks_axfr(0xfffffff0U), {axfr(soa(5) + kBody + soa(5))}).has_value());
  expect_fault(feed(asks_ixfr(6), {ixfr(soa(5) + kBody + soa(5))}), FaultKind::not_newer, "whole zone");
}

TEST(Incoming, LimitsHold) {
  IncomingLimits limits;
  limits.records_max = 4;
  expect_fault(feed(asks_axfr(), {axfr(soa(5) + kBody + soa(5))}, limits), FaultKind::too_large, "4 records");
  limits = {};
  limits.octets_max = 100;
  expect_fault(feed(asks_axfr(), {axfr(soa(5) + kBody + soa(5))}, limits), FaultKind::too_large,
               "100 octets");
}

TEST(Incoming, AnEmptyMessageIsNoProgress) {
  expect_fault(feed(asks_axfr(), {axfr(soa(5)), axfr("")}), FaultKind::contradictory, "without records");
}

TEST(Incoming, SetsAndOwnersHaveLimits) {
  std::string many;
  for (int i = 0; i < 40; ++i) many += "many.example. 60 TXT t" + std::to_string(i) + "\n";
  IncomingLimits limits;
  limits.set_records_max = 30;
  limits.owner_types_max = 30;
  std::vector<std::string> warnings;
  auto got = feed(asks_axfr(), {axfr(soa(5) + kBody + many + soa(5))});
  auto zone = build_whole(name("example."), std::move(got->chunks), limits, warnings);
  ASSERT_FALSE(zone.has_value());
  EXPECT_NE(zone.error().what.find("many.example. TXT: 40 records"), std::string::npos) << zone.error().what;

  many.clear();
  for (int i = 0; i < 40; ++i) many += "many.example. 60 TYPE" + std::to_string(2000 + i) + " \\# 0\n";
  got = feed(asks_axfr(), {axfr(soa(5) + kBody + many + soa(5))});
  zone = build_whole(name("example."), std::move(got->chunks), limits, warnings);
  ASSERT_FALSE(zone.has_value());
  EXPECT_NE(zone.error().what.find("40 types"), std::string::npos) << zone.error().what;
}

TEST(Incoming, AZoneWithoutNameServersIsNoZone) {
  auto got = feed(asks_axfr(), {axfr(soa(5) + "www.example. 60 A 192.0.2.2\n" + soa(5))});
  ASSERT_TRUE(got.has_value());
  std::vector<std::string> warnings;
  const auto zone = build_whole(name("example."), std::move(got->chunks), {}, warnings);
  ASSERT_FALSE(zone.has_value());
  EXPECT_EQ(static_cast<int>(zone.error().kind), static_cast<int>(FaultKind::contradictory));
}

TEST(Incoming, OctetsThatAreNoMessage) {
  expect_fault(feed(asks_axfr(), {Bytes{0, 7, 0x84}}), FaultKind::malformed, "12 octets");
  auto cut = axfr(soa(5) + kBody);
  cut.pop_back();
  expect_fault(feed(asks_axfr(), {cut}), FaultKind::malformed, "behind the message");
  auto longer = axfr(soa(5) + kBody);
  longer.push_back(0);
  expect_fault(feed(asks_axfr(), {longer}), FaultKind::malformed, "behind the last record");
}

TEST(Incoming, ReadsExpire) {
  wire::Record opt{.owner = {},
                   .type = wire::RRType::OPT,
                   // The class of an OPT is the sender's UDP size. NOLINTNEXTLINE(clang-analyzer-optin*)
                   .rr_class = static_cast<wire::RRClass>(1232),
                   .ttl = 0,
                   .rdata = {0, 9, 0, 4, 0, 0, 0x0e, 0x10}};
  auto got = feed(asks_axfr(), {message(records(soa(5) + kBody + soa(5)), {}, {opt})});
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->expire_s, 3600U);
  opt.rdata.pop_back();
  expect_fault(feed(asks_axfr(), {message(records(soa(5) + kBody + soa(5)), {}, {opt})}),
               FaultKind::malformed, "EDNS");
}

// Vouches for messages with an even number, if `good`.
class EvenSigned final : public StreamCheck {
 public:
  Result<bool> next(ByteView) override {
    if (!good) return fail(Code::unauthenticated, "the signature is bad");
    return count++ % 2 == 0;
  }
  bool good = true;
  unsigned count = 0;
};

TEST(Incoming, TheLastMessageMustBeSigned) {
  EvenSigned check;
  EXPECT_TRUE(
      feed(asks_axfr(), {axfr(soa(5) + kBody), axfr("x.example. 1 A 192.0.2.1\n"), axfr(soa(5))}, {}, &check)
          .has_value());
  check.count = 0;
  expect_fault(feed(asks_axfr(), {axfr(soa(5) + kBody), axfr(soa(5))}, {}, &check), FaultKind::not_authentic,
               "last message");
  check.good = false;
  expect_fault(feed(asks_axfr(), {axfr(soa(5) + kBody + soa(5))}, {}, &check), FaultKind::not_authentic,
               "signature is bad");
}

TEST(IncomingIxfr, OneSoaSaysUpToDate) {
  auto got = feed(asks_ixfr(5), {ixfr(soa(5))});
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->kind, IncomingOutcome::Kind::up_to_date);
  got = feed(asks_ixfr(6), {ixfr(soa(5))});  // a primary that is behind
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->kind, IncomingOutcome::Kind::up_to_date);
  EXPECT_EQ(got->soa.serial, 5U);
}

TEST(IncomingIxfr, AWholeZoneMayBeTheAnswer) {
  for (const auto& messages : std::vector<std::vector<Bytes>>{{ixfr(soa(5) + kBody + soa(5))},
                                                              {ixfr(soa(5)), ixfr(kBody), ixfr(soa(5))}}) {
    auto got = feed(asks_ixfr(4), messages);
    ASSERT_TRUE(got.has_value()) << got.error().what;
    EXPECT_EQ(got->kind, IncomingOutcome::Kind::whole);
    EXPECT_EQ(zone::zone_text(*built(*std::move(got))), zone::zone_text(*zone_of(soa(5) + kBody)));
  }
}

TEST(IncomingIxfr, StepsBecomeOneChange) {
  const auto old = zone_of(soa(3) + kBody);
  auto got =
      feed(asks_ixfr(3), {ixfr(soa(5) + soa(3) + "www.example. 60 A 192.0.2.2\n"), ixfr(soa(4)),
                          ixfr("WWW.example. 30 A 192.0.2.3\nnew.example. 60 TXT x\n" + soa(4) +
                               "new.example. 60 TXT x\n" + soa(5) + "newer.example. 60 TXT y\n" + soa(5))});
  ASSERT_TRUE(got.has_value()) << got.error().what;
  ASSERT_EQ(got->steps.size(), 2U);
  const auto next = apply_steps(*old, got->steps);
  ASSERT_TRUE(next.has_value()) << next.error().what;
  const auto expected = zone_of(soa(5) + "example. 3600 NS ns1\nns1.example. 3600 A 192.0.2.1\n" +
                                "www.example. 30 A 192.0.2.3\nnewer.example. 60 TXT y\n");
  EXPECT_EQ(zone::zone_text(*next->snapshot), zone::zone_text(*expected));
  EXPECT_EQ(next->diff.from_serial, 3U);
  EXPECT_EQ(next->diff.to_serial, 5U);
  EXPECT_EQ(next->diff.changes.size(), 3U);  // SOA, www, newer: what came and went is not among them
}

TEST(IncomingIxfr, StepsMustBeAChainFromOursToTheNewest) {
  const std::string a = "a.example. 1 A 192.0.2.1\n";
  expect_fault(feed(asks_ixfr(3), {ixfr(soa(5) + soa(2) + soa(5) + a + soa(5))}), FaultKind::contradictory,
               "from serial 2");
  expect_fault(feed(asks_ixfr(3), {ixfr(soa(6) + soa(3) + soa(4) + a + soa(5) + a)}),
               FaultKind::contradictory, "from serial 5 behind");
  expect_fault(feed(asks_ixfr(3), {ixfr(soa(6) + soa(3) + soa(3) + a)}), FaultKind::contradictory,
               "no newer");
  expect_fault(feed(asks_ixfr(3), {ixfr(soa(6) + soa(3) + soa(2) + a)}), FaultKind::contradictory,
               "no newer");
  expect_fault(feed(asks_ixfr(3), {ixfr(soa(3) + soa(3) + soa(4) + a + soa(3))}), FaultKind::not_newer,
               "no newer");
  expect_fault(feed(asks_ixfr(3), {ixfr(soa(5) + soa(5))}), FaultKind::contradictory, "from serial 5");
  expect_fault(feed(asks_ixfr(3), {ixfr(soa(5) + soa(3) + soa(5) + a +
                                        "example. 3600 SOA ns1 other 5 1800 900 604800 300\n")}),
               FaultKind::contradictory, "not the one");
}

TEST(IncomingIxfr, ChangesThatDoNotFitAreRefused) {
  const auto old = zone_of(soa(3) + kBody);
  const auto apply = [&](const std::string& removed, const std::string& added) {
    auto got = feed(asks_ixfr(3), {ixfr(soa(4) + soa(3) + removed + soa(4) + added + soa(4))});
    EXPECT_TRUE(got.has_value()) << got.error().what;
    return apply_steps(*old, got->steps);
  };
  const auto missing = apply("www.example. 60 A 192.0.2.9\n", "");
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().what.find("removes a record that is not there: www.example. A"),
            std::string::npos);
  const auto present = apply("", "www.example. 60 A 192.0.2.2\n");
  ASSERT_FALSE(present.has_value());
  EXPECT_NE(present.error().what.find("adds a record that is there"), std::string::npos);
  EXPECT_TRUE(
      apply("www.example. 60 A 192.0.2.2\n", "www.example. 60 A 192.0.2.2\nb.example. 1 A 192.0.2.1\n"));
}

// Random changes in steps give what a whole transfer of the last version gives.
TEST(IncomingIxfr, RandomStepsGiveTheNewestZone) {
  SeededRng rng(20260925);
  for (int round = 0; round < 30; ++round) {
    std::set<std::string> lines;
    const auto line = [&] {
      const auto bits = rng.u64();
      return "n" + std::to_string(bits % 20) + ".example. 60 " +
             (bits & 0x100 ? "A 192.0.2." + std::to_string((bits >> 16) % 4)
                           : "TXT \"t" + std::to_string((bits >> 16) % 4) + "\"") +
             "\n";
    };
    for (int i = 0; i < 30; ++i) lines.insert(line());
    const auto text = [&](std::uint32_t serial) {
      auto out = soa(serial) + kBody;
      for (const auto& one : lines) out += one;
      return out;
    };
    const auto old = zone_of(text(100));
    const std::uint32_t steps = 1 + static_cast<std::uint32_t>(rng.u64() % 5);
    std::string stream = soa(100 + steps);
    for (std::uint32_t step = 0; step < steps; ++step) {
      std::string removed, added;
      for (int i = 0; i < 5 && !lines.empty(); ++i) {
        const auto at = std::next(lines.begin(), static_cast<std::ptrdiff_t>(rng.u64() % lines.size()));
        removed += *at;
        lines.erase(at);
      }
      for (int i = 0; i < 5; ++i)
        if (const auto one = line(); lines.insert(one).second) added += one;
      stream.append(soa(100 + step)).append(removed).append(soa(101 + step)).append(added);
    }
    const auto got = feed(asks_ixfr(100), {ixfr(stream + soa(100 + steps))});
    ASSERT_TRUE(got.has_value()) << got.error().what;
    const auto next = apply_steps(*old, got->steps);
    ASSERT_TRUE(next.has_value()) << next.error().what;
    EXPECT_EQ(zone::zone_text(*next->snapshot), zone::zone_text(*zone_of(text(100 + steps))));
  }
}

TEST(IncomingIxfr, SignaturesAndHashesGoWithTheirSets) {
  const std::string rrsig = " 60 RRSIG A 13 2 60 20300101000000 20200101000000 1 example. AAAA\n";
  const std::string hashed = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.";
  const auto base = soa(3) + kBody + "example. 0 NSEC3PARAM 1 0 0 -\n";
  const auto old = zone_of(base + "www.example." + rrsig + hashed + " 300 NSEC3 1 0 0 - " +
                           "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A RRSIG\n");
  const std::string fresh = " 60 RRSIG A 13 2 60 20310101000000 20200101000000 1 example. AAAA\n";
  auto got =
      feed(asks_ixfr(3),
           {ixfr(soa(4) + soa(3) + "www.example." + rrsig + hashed + " 300 NSEC3 1 0 0 - " +
                 "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A RRSIG\n" + soa(4) + "www.example." + fresh + hashed +
                 " 300 NSEC3 1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A NS RRSIG\n" + soa(4))});
  ASSERT_TRUE(got.has_value()) << got.error().what;
  const auto next = apply_steps(*old, got->steps);
  ASSERT_TRUE(next.has_value()) << next.error().what;
  const auto expected = zone_of(soa(4) + kBody + "example. 0 NSEC3PARAM 1 0 0 -\nwww.example." + fresh +
                                hashed + " 300 NSEC3 1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A NS RRSIG\n");
  EXPECT_EQ(zone::zone_text(*next->snapshot), zone::zone_text(*expected));
}

}  // namespace
}  // namespace onoma::transfer
