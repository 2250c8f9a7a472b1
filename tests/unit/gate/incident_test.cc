// Incidents as they happened elsewhere, offered to the sequencer with the real gate and the real limits: none
// is shown, each is kept with a reason that names it, and the version before stays.
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "gate/limits.h"
#include "publish/sequencer.h"
#include "unit/gate/support.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::gate::testing {
namespace {

constexpr int kDelegations = 120;

struct Shown final : zone::VersionSink {
  zone::SnapshotPtr now;
  int refusals = 0;
  void show(const zone::Version&, zone::SnapshotPtr snapshot) override { now = std::move(snapshot); }
  void refused(const zone::Version&, const zone::Verdict&) override { ++refusals; }
};

Maker delegations(Mode mode, int from = 0) {
  Maker maker;
  maker.mode = mode;
  maker.add("@ 3600 NS ns1");
  maker.add("ns1 3600 A 127.0.0.1");
  for (int i = from; i < kDelegations; ++i) {
    const auto owner = "d" + std::to_string(i);
    maker.add(owner + " 3600 NS ns.example.");
    maker.add(owner + " 3600 DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF");
  }
  return maker;
}

class Incident : public ::testing::TestWithParam<Mode> {
 protected:
  Incident() {
    std::filesystem::remove_all(folder_);
    store_ = std::make_unique<publish::HeldStore>(folder_.string());
    maker_ = delegations(GetParam());
    maker_.serial = 10;
    sequencer_ = make();
    EXPECT_TRUE(sequencer_->offer(maker_.build()).value_or(false)) << sequencer_->reason();
    good_ = sink_.now;
    next_ = maker_;
    ++next_.serial;
  }
  ~Incident() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<publish::Sequencer> make() {
    return std::make_unique<publish::Sequencer>(
        publish::SequencerOptions{.zone = name("tld."), .keep_serial = true},
        publish::SequencerStages{
            .gate = make_gate({}), .sink = &sink_, .limits = make_limits({}), .held = store_.get()},
        clock_);
  }
  void offer(const Sets& sets) { ASSERT_FALSE(sequencer_->offer(build(name("tld."), sets)).value_or(true)); }
  void expect_kept(publish::HeldKind kind, std::string_view why) {
    EXPECT_EQ(sink_.now, good_) << "something was shown";
    EXPECT_EQ(sink_.refusals, 1);
    const auto kept = store_->list(name("tld."));
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].kind, kind);
    EXPECT_NE(kept[0].reason.find(why), std::string::npos) << kept[0].reason;
  }
  // The sets of a type, in order.
  static std::vector<RRset*> all(Sets& sets, RRType type) {
    std::vector<RRset*> out;
    for (auto& [owner, types] : sets)
      if (const auto found = types.find(type); found != types.end()) out.push_back(&found->second);
    return out;
  }
  RRType denial() const { return GetParam() == Mode::nsec ? RRType::NSEC : RRType::NSEC3; }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("onoma-incident-" + std::to_string(::getpid()));
  ManualClock clock_{kTime};
  Shown sink_;
  std::unique_ptr<publish::HeldStore> store_;
  std::unique_ptr<publish::Sequencer> sequencer_;
  Maker maker_, next_;
  zone::SnapshotPtr good_;
};

TEST_P(Incident, BadSignature) {
  auto sets = next_.signed_sets();
  all(sets, RRType::DS)[7]->signatures[0].back() ^= 1;
  offer(sets);
  expect_kept(publish::HeldKind::refused, "does not verify");
}

TEST_P(Incident, BrokenChain) {
  auto sets = next_.signed_sets();
  auto& record = *all(sets, denial())[7];
  // The record says that it leads elsewhere, and is signed saying so.
  record.rdatas = all(sets, denial())[30]->rdatas;
  next_.sign(record);
  offer(sets);
  expect_kept(publish::HeldKind::refused, wire::type_text(denial()));
}

TEST_P(Incident, MissingNeighbour) {
  auto sets = next_.signed_sets();
  const auto owner = all(sets, denial())[7]->owner;
  sets[owner].erase(denial());
  if (sets[owner].empty()) sets.erase(owner);
  offer(sets);
  expect_kept(publish::HeldKind::refused, wire::type_text(denial()));
}

TEST_P(Incident, WrongKey) {
  next_.zone_keys = {&other_key()};
  offer([&] {
    auto sets = next_.signed_sets();
    sets[name("tld.")][RRType::DNSKEY] = maker_.signed_sets()[name("tld.")][RRType::DNSKEY];
    return sets;
  }());
  expect_kept(publish::HeldKind::refused, "has no RRSIG of algorithm 13");
}

TEST_P(Incident, Expired) {
  auto sets = next_.signed_sets();
  for (auto* set : all(sets, RRType::DS))
    set->signatures = {rrsig(*set, zsk(), {.inception = kNow - 900'000, .expiration = kNow - 60})};
  offer(sets);
  expect_kept(publish::HeldKind::refused, "expired");
}

TEST_P(Incident, ReplayedSerial) {
  auto old = delegations(GetParam(), 1);
  old.serial = 9;
  offer(old.signed_sets());
  expect_kept(publish::HeldKind::refused, "is not newer than 10");
}

// A transfer or a write that ended half way: what is there, is as it was.
TEST_P(Incident, TruncatedContent) {
  auto sets = next_.signed_sets();
  std::size_t left = sets.size() / 2;
  for (auto at = sets.begin(); at != sets.end();)
    at = left > 0 || at->first == name("tld.") ? (left -= left > 0 ? 1U : 0U, std::next(at)) : sets.erase(at);
  offer(sets);
  expect_kept(publish::HeldKind::refused, wire::type_text(denial()));
}

// Signed perfectly well: only the limits can tell.
TEST_P(Incident, HalfOfTheNamesGone) {
  auto half = delegations(GetParam(), kDelegations / 2);
  half.serial = 11;
  offer(half.signed_sets());
  expect_kept(publish::HeldKind::held, "the version changes 60 of 120 delegations");
}

// .de, 5 May 2026: the content was right and so were its signatures; those over the NSEC3 records were not.
TEST_P(Incident, InvalidSignaturesOverTheChain) {
  auto sets = next_.signed_sets();
  for (auto* set : all(sets, denial())) set->signatures = {rrsig(*set, other_key())};
  for (auto* set : all(sets, denial())) store_u16(&set->signatures[0][16], zsk().tag);
  offer(sets);
  expect_kept(publish::HeldKind::refused, "RRSIG over");
  EXPECT_NE(store_->list().front().reason.find(wire::type_text(denial()) + " does not verify"),
            std::string::npos)
      << store_->list().front().reason;
}

// .se, 4 February 2022: some thousand names had signatures that did not fit, the rest of the zone was well.
TEST_P(Incident, SomeNamesWithSignaturesThatDoNotFit) {
  auto sets = next_.signed_sets();
  auto ds = all(sets, RRType::DS);
  for (std::size_t i = 0; i < ds.size(); i += 11)
    ds[i]->signatures = {rrsig(*ds[(i + 1) % ds.size()], zsk())};
  offer(sets);
  expect_kept(publish::HeldKind::refused, "DS does not verify");
}

TEST_P(Incident, KeysOutsideOfAPlan) {
  next_.zone_keys = {&other_key()};
  offer(next_.signed_sets());
  expect_kept(publish::HeldKind::held, "DNSKEY set of tld. outside a plan");
}

TEST_P(Incident, WhatIsHeldIsThereAfterARestart) {
  auto half = delegations(GetParam(), kDelegations / 2);
  half.serial = 11;
  offer(half.signed_sets());
  publish::HeldStore again(folder_.string());
  ASSERT_TRUE(again.open());
  ASSERT_EQ(again.list().size(), 1U);
  const auto held = again.read(name("tld."), 11);
  ASSERT_TRUE(held) << held.error().message;
  const auto applied = good_->apply(held->diff);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ((*applied)->facts().delegations, 60U);
}

TEST_P(Incident, WhatAPersonAgreedToIsShown) {
  auto half = delegations(GetParam(), kDelegations / 2);
  half.serial = 11;
  offer(half.signed_sets());
  sequencer_->waive_limits();
  EXPECT_TRUE(sequencer_->offer(build(name("tld."), half.signed_sets())).value_or(false));
  EXPECT_EQ(sink_.now->facts().serial, 11U);
  // But never what is wrong.
  half.serial = 12;
  auto sets = half.signed_sets();
  all(sets, RRType::DS)[3]->signatures[0].back() ^= 1;
  sequencer_->waive_limits();
  EXPECT_FALSE(sequencer_->offer(build(name("tld."), sets)).value_or(true));
  EXPECT_EQ(sink_.now->facts().serial, 11U);
}

INSTANTIATE_TEST_SUITE_P(Denials, Incident, ::testing::Values(Mode::nsec, Mode::nsec3),
                         [](const auto& one) { return one.param == Mode::nsec ? "nsec" : "nsec3"; });

}  // namespace
}  // namespace onoma::gate::testing
