// The sequencer with fakes for every stage: order of the steps, and what holds when a stage refuses or fails.
#include "publish/sequencer.h"

#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/rdata.h"

namespace onoma::publish {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using wire::Name;
using wire::RRset;
using wire::RRType;

Name name(const char* text) {
  return Name::parse(text).value();
}

RRset set(const char* owner, RRType type, const char* data, std::uint32_t ttl = 300) {
  RRset out{.owner = name(owner), .type = type, .ttl = ttl};
  out.rdatas.push_back(wire::parse_rdata(type, data, Name()).value());
  return out;
}

std::vector<RRset> small_zone() {
  return {set("test.", RRType::SOA, "ns.test. admin.test. 0 1800 900 604800 300"),
          set("test.", RRType::NS, "ns.example."), set("a.test.", RRType::NS, "ns.a.example.")};
}

struct FakeSource final : zone::DiffSource {
  std::deque<zone::SourceBatch> batches;
  int failures = 0;
  Result<std::optional<zone::SourceBatch>> next(const zone::Snapshot&, std::uint64_t after) override {
    if (failures-- > 0) return fail(Code::io, "the store is away");
    while (!batches.empty() && batches.front().last_event <= after) batches.pop_front();
    if (batches.empty()) return std::nullopt;
    return batches.front();
  }
  Result<std::vector<RRset>> full(std::uint64_t& last, std::optional<zone::Expected>&) override {
    last = 1;
    return small_zone();
  }
  void offer(std::uint64_t event, const char* owner) {
    zone::SourceBatch batch{.first_event = event, .last_event = event};
    batch.diff.apex = name("test.");
    batch.diff.changes.push_back(
        {name(owner), RRType::NS, std::nullopt, set(owner, RRType::NS, "ns.b.example.")});
    batches.push_back(batch);
  }
};

// Puts the new serial into the SOA and signs nothing.
struct FakeSigner final : zone::Signer {
  std::vector<std::string>* log;
  explicit FakeSigner(std::vector<std::string>* to) : log(to) {}
  Result<zone::Diff> sign(const zone::Snapshot& before, zone::Diff diff, Time) override {
    log->push_back("sign");
    auto soa = before.apex().find(RRType::SOA)->copy(name("test."));
    auto next = soa;
    auto& rdata = next.rdatas.front();
    store_u32(&rdata[rdata.size() - 20], diff.to_serial);
    diff.changes.push_back({name("test."), RRType::SOA, soa, next});
    diff.sort();
    return diff;
  }
  Result<std::vector<RRset>> sign_all(const Name&, std::vector<RRset> content, Time) override {
    log->push_back("sign_all");
    return content;
  }
  // `due` counts the versions that it takes to renew what is due.
  std::optional<Time> next_refresh(const zone::Snapshot&) override {
    return due > 0 ? std::optional(Time{}) : std::nullopt;
  }
  Result<zone::Diff> refresh(const zone::Snapshot& before, std::uint32_t to_serial, Time now,
                             std::size_t) override {
    log->push_back("refresh");
    if (due > 0 && !stuck) --due;
    return sign(
        before,
        {.apex = name("test."), .from_serial = before.facts().serial, .to_serial = to_serial, .changes = {}},
        now);
  }
  int due = 0;
  bool stuck = false;
};

struct FakeGate final : zone::Gate {
  std::vector<std::string>* log;
  std::set<std::uint32_t>* refused;
  FakeGate(std::vector<std::string>* to, std::set<std::uint32_t>* bad) : log(to), refused(bad) {}
  zone::Verdict check(const zone::Snapshot*, const zone::Diff& diff, const zone::Snapshot&,
                      const std::optional<zone::Expected>&, Time) override {
    log->push_back("gate");
    zone::Verdict verdict;
    if (refused->contains(diff.to_serial)) {
      verdict.findings.push_back({.what = "wrong", .owner = "a.test.", .fatal = true});
      verdict.total = 1;
    }
    return verdict;
  }
};

struct FakeLog final : zone::VersionLog {
  std::vector<std::string>* log;
  std::vector<zone::Version>* kept;
  int* failures;
  FakeLog(std::vector<std::string>* to, std::vector<zone::Version>* store, int* fails)
      : log(to), kept(store), failures(fails) {}
  Result<void> append(const zone::Version& version) override {
    if ((*failures)-- > 0) return fail(Code::io, "no space left on the device");
    log->push_back("log");
    kept->push_back(version);
    return {};
  }
  Result<void> replay(const Name&, const std::function<Result<void>(zone::Version&&)>& visit) override {
    for (auto version : *kept) ONOMA_TRY_VOID(visit(std::move(version)));
    return {};
  }
};

struct FakeSink final : zone::VersionSink {
  std::vector<std::string>* log;
  zone::SnapshotPtr shown;
  std::vector<std::uint32_t> serials;
  int refusals = 0;
  void show(const zone::Version& version, zone::SnapshotPtr snapshot) override {
    log->push_back("show");
    shown = std::move(snapshot);
    serials.push_back(version.serial);
  }
  void refused(const zone::Version&, const zone::Verdict&) override { ++refusals; }
};

class SequencerTest : public testing::Test {
 protected:
  SequencerTest() { sink.log = &steps; }
  std::unique_ptr<Sequencer> make() {
    auto fake = std::make_unique<FakeSource>();
    source = fake.get();
    auto fake_signer = std::make_unique<FakeSigner>(&steps);
    signer = fake_signer.get();
    SequencerStages stages{.source = std::move(fake),
                           .signer = std::move(fake_signer),
                           .gate = std::make_unique<FakeGate>(&steps, &refused),
                           .log = std::make_unique<FakeLog>(&steps, &kept, &log_failures),
                           .sink = &sink};
    return std::make_unique<Sequencer>(
        SequencerOptions{.zone = name("test."), .serial = model::SerialPolicy::counter}, std::move(stages),
        clock);
  }
  ManualClock clock{from_unix_seconds(1'790'000'000)};
  std::vector<std::string> steps;
  std::set<std::uint32_t> refused;
  std::vector<zone::Version> kept;
  int log_failures = 0;
  FakeSource* source = nullptr;
  FakeSigner* signer = nullptr;
  FakeSink sink;
};

TEST_F(SequencerTest, FirstVersionIsSignedCheckedKeptAndThenShown) {
  auto sequencer = make();
  const auto shown = sequencer->run();
  ASSERT_EQ(shown.size(), 1U);
  EXPECT_THAT(steps, ElementsAre("sign_all", "gate", "log", "show"));
  EXPECT_EQ(sequencer->state(), Sequencer::State::idle);
  EXPECT_THAT(sink.serials, ElementsAre(1U));
  EXPECT_EQ(sequencer->last_event(), 1U);
}

TEST_F(SequencerTest, EachBatchBecomesOneVersion) {
  auto sequencer = make();
  sequencer->run();
  steps.clear();
  source->offer(2, "b.test.");
  source->offer(5, "c.test.");
  const auto shown = sequencer->run();
  ASSERT_EQ(shown.size(), 2U);
  EXPECT_THAT(steps, ElementsAre("sign", "gate", "log", "show", "sign", "gate", "log", "show"));
  EXPECT_THAT(sink.serials, ElementsAre(1U, 2U, 3U));
  EXPECT_TRUE(sink.shown->exists(wire::sort_key(name("c.test."))));
}

TEST_F(SequencerTest, ARefusedVersionIsNeitherKeptNorShownAndWaitsForNewEvents) {
  auto sequencer = make();
  sequencer->run();
  refused.insert(2);
  source->offer(2, "b.test.");
  EXPECT_THAT(sequencer->run(), IsEmpty());
  EXPECT_EQ(sequencer->state(), Sequencer::State::held);
  EXPECT_NE(sequencer->reason().find("wrong"), std::string::npos);
  EXPECT_EQ(sink.refusals, 1);
  EXPECT_EQ(kept.size(), 1U);
  EXPECT_THAT(sequencer->run(), IsEmpty());
  EXPECT_EQ(sink.refusals, 1) << "the same batch is not checked again";

  refused.clear();
  source->batches.clear();
  source->offer(3, "b.test.");
  EXPECT_EQ(sequencer->run().size(), 1U);
  EXPECT_EQ(sequencer->state(), Sequencer::State::idle);
}

TEST_F(SequencerTest, WhatCannotBeKeptIsNotShownAndIsTriedAgainLater) {
  auto sequencer = make();
  sequencer->run();
  log_failures = 1;
  source->offer(2, "b.test.");
  EXPECT_THAT(sequencer->run(), IsEmpty());
  EXPECT_EQ(sequencer->state(), Sequencer::State::failing);
  EXPECT_THAT(sink.serials, ElementsAre(1U));
  ASSERT_TRUE(sequencer->next_wake());
  EXPECT_GT(*sequencer->next_wake(), clock.now());
  clock.advance(std::chrono::seconds{2});
  EXPECT_EQ(sequencer->run().size(), 1U);
  EXPECT_THAT(sink.serials, ElementsAre(1U, 2U));
}

TEST_F(SequencerTest, WaitsLongerAfterEachFailure) {
  auto sequencer = make();
  sequencer->run();
  source->failures = 3;
  Duration before{};
  for (int i = 0; i < 3; ++i) {
    sequencer->run();
    const auto wait = *sequencer->next_wake() - clock.now();
    EXPECT_GT(wait, before);
    before = wait;
  }
}

TEST_F(SequencerTest, RestoreShowsTheNewestVersionWithoutSigningOrChecking) {
  auto first = make();
  first->run();
  source->offer(2, "b.test.");
  first->run();
  steps.clear();
  sink.shown.reset();
  auto second = make();
  ASSERT_TRUE(second->restore().value());
  EXPECT_THAT(steps, ElementsAre("show"));
  EXPECT_EQ(sink.shown->facts().serial, 2U);
  EXPECT_EQ(second->last_event(), 2U);
  source->offer(3, "c.test.");
  second->run();
  EXPECT_EQ(sink.serials.back(), 3U);
  EXPECT_GT(kept.back().epoch, kept.front().epoch);
}

TEST_F(SequencerTest, SigningAnewMakesOneVersionOfTheWholeContent) {
  auto sequencer = make();
  sequencer->run();
  steps.clear();
  sequencer->sign_anew(std::make_unique<FakeSigner>(&steps), std::make_unique<FakeGate>(&steps, &refused));
  EXPECT_EQ(sequencer->run().size(), 1U);
  EXPECT_THAT(steps, ElementsAre("sign_all", "gate", "log", "show"));
  EXPECT_EQ(sink.shown->facts().serial, 2U);
  EXPECT_EQ(kept.back().diff.from_serial, 1U);
  EXPECT_THAT(sequencer->run(), IsEmpty());
}

TEST_F(SequencerTest, EventsAndSignaturesThatAreDueTakeTurns) {
  auto sequencer = make();
  sequencer->run();
  steps.clear();
  signer->due = 2;
  source->offer(2, "b.test.");
  source->offer(3, "c.test.");
  EXPECT_EQ(sequencer->run().size(), 4U);
  std::erase_if(steps, [](const auto& step) { return step != "refresh" && step != "show"; });
  EXPECT_THAT(steps, ElementsAre("show", "refresh", "show", "show", "refresh", "show"));
  EXPECT_EQ(sequencer->last_event(), 3U);
}

TEST_F(SequencerTest, SignaturesAreRenewedWhileTheGateHoldsABatch) {
  auto sequencer = make();
  sequencer->run();
  refused.insert(2);
  source->offer(2, "b.test.");
  sequencer->run();
  ASSERT_EQ(sequencer->state(), Sequencer::State::held);
  refused.clear();
  signer->due = 1;
  EXPECT_EQ(sequencer->run().size(), 1U);
  EXPECT_EQ(signer->due, 0);
  EXPECT_EQ(sequencer->state(), Sequencer::State::held) << "the batch waits for more events";
  EXPECT_EQ(sink.refusals, 1);
  EXPECT_FALSE(sink.shown->exists(wire::sort_key(name("b.test."))));
}

TEST_F(SequencerTest, ARefusedRenewalIsNotTriedWithoutPause) {
  auto sequencer = make();
  sequencer->run();
  signer->due = 1;
  signer->stuck = true;
  refused.insert(2);
  EXPECT_THAT(sequencer->run(), IsEmpty());
  EXPECT_EQ(sequencer->state(), Sequencer::State::held);
  ASSERT_TRUE(sequencer->next_wake());
  EXPECT_GE(*sequencer->next_wake() - clock.now(), std::chrono::seconds{1});
}

TEST_F(SequencerTest, ALongWorkIsDoneInSeveralRuns) {
  auto sequencer = make();
  sequencer->run();
  signer->due = 100;
  const auto first = sequencer->run().size();
  EXPECT_LT(first, 100U);
  ASSERT_TRUE(sequencer->next_wake());
  EXPECT_LE(*sequencer->next_wake(), clock.now());
  EXPECT_EQ(first + sequencer->run().size(), 100U);
}

TEST_F(SequencerTest, SigningAnewThatTheGateRefusesWaitsForNewsOrOtherKeys) {
  auto sequencer = make();
  sequencer->run();
  refused.insert(2);
  const auto anew = [&] {
    auto next = std::make_unique<FakeSigner>(&steps);
    next->due = 1;  // the keys at the apex are not the signer's
    next->stuck = true;
    sequencer->sign_anew(std::move(next), std::make_unique<FakeGate>(&steps, &refused));
  };
  anew();
  sequencer->run();
  ASSERT_EQ(sequencer->state(), Sequencer::State::held);
  steps.clear();
  sequencer->run();
  EXPECT_THAT(steps, IsEmpty());
  EXPECT_FALSE(sequencer->next_wake());
  anew();
  sequencer->run();
  EXPECT_EQ(sink.refusals, 2);
}

TEST_F(SequencerTest, AHistoryThatDoesNotAddUpIsNotShown) {
  auto first = make();
  first->run();
  source->offer(2, "b.test.");
  first->run();
  kept.back().content = {};
  sink.shown.reset();
  auto second = make();
  const auto restored = second->restore();
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, Code::corrupt);
  EXPECT_FALSE(sink.shown);
}

TEST(SerialAfter, AlwaysGoesForward) {
  const auto now = from_unix_seconds(1'790'000'000);
  using enum model::SerialPolicy;
  EXPECT_EQ(serial_after(5, counter, now), 6U);
  EXPECT_EQ(serial_after(0xFFFFFFFFU, counter, now), 1U) << "0 means that there was no version";
  EXPECT_EQ(serial_after(5, unixtime, now), 1'790'000'000U);
  EXPECT_EQ(serial_after(1'790'000'000U, unixtime, now), 1'790'000'001U);
  EXPECT_EQ(serial_after(1'800'000'000U, unixtime, now), 1'800'000'001U);
  EXPECT_EQ(serial_after(0, datecounter, now), 2026092100U);
  EXPECT_EQ(serial_after(2026092107U, datecounter, now), 2026092108U);
}

}  // namespace
}  // namespace onoma::publish
