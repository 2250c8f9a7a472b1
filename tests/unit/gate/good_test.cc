// Correct zones and correct steps pass, with no finding that is fatal.
#include <algorithm>
#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

#include "support/environment.h"
#include "unit/gate/support.h"

namespace onoma::gate::testing {
namespace {

using zone::GateLevel;
class Good : public ::testing::TestWithParam<Mode> {};

TEST_P(Good, WholeZonePasses) {
  Maker maker;
  maker.mode = GetParam();
  maker.add_basics();
  const auto zone = maker.build();
  GateOptions options;
  Progress last;
  const auto verdict = verify_zone(*zone, options, kTime, [&](const Progress& progress) { last = progress; });
  EXPECT_TRUE(verdict.accepted()) << texts(verdict);
  EXPECT_EQ(last.signatures, zone->facts().signatures) << "every signature must have been checked";
}

TEST_P(Good, FirstVersionPassesTheGateAtRegistryLevel) {
  Maker maker;
  maker.mode = GetParam();
  maker.add_basics();
  const auto zone = maker.build();
  const auto gate = make_gate({.level = GateLevel::registry, .verify_threads = 2});
  const auto verdict = gate->check(nullptr, {}, *zone, expected_of(*zone), kTime);
  EXPECT_TRUE(verdict.accepted()) << texts(verdict);
}

// Steps that each meet another rule: new names, ENTs that come and go, cuts over data, DS that come and go,
// DNAME.
TEST_P(Good, StepsPass) {
  Maker maker;
  maker.mode = GetParam();
  maker.add_basics();
  auto before = maker.build();
  const auto gate = make_gate({.level = GateLevel::registry});
  const auto whole = make_gate({.level = GateLevel::registry, .full = true});
  auto step = [&](const char* what) {
    ++maker.serial;
    const auto after = maker.build();
    const auto diff = zone::difference(*before, *after);
    const auto applied = before->apply(diff).value();
    for (const auto* each : {&gate, &whole}) {
      const auto verdict = (*each)->check(before.get(), diff, *applied, expected_of(*after), kTime);
      EXPECT_TRUE(verdict.accepted()) << what << "\n" << texts(verdict);
    }
    before = applied;
  };
  step("only the serial");
  maker.add("new.deep.er 3600 A 192.0.2.1");
  step("a name below two new empty non-terminals");
  maker.remove("new.deep.er", RRType::A);
  step("and gone again");
  maker.add("child3 3600 NS ns.example.");
  step("an insecure delegation");
  maker.add("child3 3600 DS 1 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF");
  step("becomes secure");
  maker.remove("child3", RRType::DS);
  step("and insecure again");
  maker.add("b.ent 3600 NS ns.example.");
  step("a cut over data that were authoritative");
  maker.remove("b.ent", RRType::NS);
  step("the cut goes");
  maker.add("deep.sub 3600 DS 1 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF");
  step("an empty non-terminal above something secure");
  maker.remove("deep.sub", RRType::DS);
  step("above something insecure only");
  maker.add("w 3600 DNAME elsewhere.example.");
  step("a DNAME hides a wildcard");
  maker.remove("w", RRType::DNAME);
  step("and shows it again");
  maker.add("mail.child1 3600 A 192.0.2.2");
  step("hidden data");
  maker.remove("child1", RRType::NS);
  step("glue becomes data");
  maker.remove("deep.sub", RRType::NS);
  step("so does what was below an empty non-terminal");
  maker.add("www 3600 TXT \"more\"");
  maker.add("aa 3600 TXT first");
  maker.add("zzz 3600 TXT last");
  step("types and names at both ends");
}

TEST_P(Good, KeyAndDenialChangesPass) {
  Maker maker;
  maker.mode = GetParam();
  maker.add_basics();
  auto before = maker.build();
  const auto gate = make_gate({});
  auto step = [&](const char* what) {
    ++maker.serial;
    const auto after = maker.build();
    const auto diff = zone::difference(*before, *after);
    const auto verdict = gate->check(before.get(), diff, *after, {}, kTime);
    EXPECT_TRUE(verdict.accepted()) << what << "\n" << texts(verdict);
    before = after;
  };
  maker.zone_keys = {&zsk(), &other_key()};
  step("a second key signs");
  maker.zone_keys = {&other_key()};
  step("the first key goes");
  maker.zone_keys = {&other_key(), &ed_key()};
  maker.key_keys = {&ksk(), &ed_key()};
  step("a second algorithm");
  for (auto mode : {Mode::nsec, Mode::nsec3, Mode::opt_out, Mode::nsec3, Mode::nsec}) {
    maker.mode = mode;
    step("another denial");
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, Good, ::testing::Values(Mode::nsec, Mode::nsec3, Mode::opt_out));

// Random content, random steps; and with one change left out or one octet turned, step and walk must agree.
TEST(Random, StepAndWalkAgree) {
  std::mt19937 random(20260925);
  auto pick = [&](std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
  };
  const std::vector<std::string> labels{"a", "b", "*", "zz", "M"};
  const std::vector<std::string> data{"TXT hello",      "A 192.0.2.1",      "NS ns.example.",
                                      "NS ns.example.", "DNAME d.example.", "MX 5 x.example."};
  int refused = 0, accepted = 0;
  const auto wanted = onoma::test::environment("ONOMA_TEST_ROUNDS");
  const int rounds = wanted ? std::stoi(*wanted) : 25;
  for (int round = 0; round < rounds; ++round) {
    Maker maker;
    maker.mode = static_cast<Mode>(round % 3);
    maker.add("@ 3600 NS ns.example.");
    auto change = [&] {
      std::string owner = labels[pick(labels.size())];
      while (pick(2) == 0 && owner.size() < 8) owner += "." + labels[pick(labels.size())];
      const auto full = Name::parse(owner, maker.apex).value();
      auto& types = maker.content[full];
      const auto line = data[pick(data.size())];
      const bool wild = owner.find('*') != std::string::npos;
      if (pick(3) == 0 && !types.empty()) {
        types.erase(types.begin());
        if (!types.contains(RRType::NS)) types.erase(RRType::DS);
      } else if (!wild || (!line.starts_with("NS") && !line.starts_with("DNAME"))) {
        const bool ns = line.starts_with("NS"), dname = line.starts_with("DNAME");
        if (!(ns && types.contains(RRType::DNAME)) &&
            !(dname && (types.contains(RRType::NS) || types.contains(RRType::DNAME)))) {
          if (types.empty() || !ns || !types.contains(RRType::NS)) maker.add(owner + " 3600 " + line);
          if (ns && pick(2) == 0 && !types.contains(RRType::DS))
            maker.add(owner +
                      " 3600 DS 1 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF");
        }
      }
      if (types.empty()) maker.content.erase(full);
    };
    for (int i = 0; i < 12; ++i) change();
    const auto before = maker.build();
    for (int i = 0; i < 3; ++i) change();
    ++maker.serial;
    const auto after = maker.build();
    const GateOptions options;
    const auto gate = make_gate(options);
    auto diff = zone::difference(*before, *after);
    {
      const auto verdict = gate->check(before.get(), diff, *after, {}, kTime);
      ASSERT_TRUE(verdict.accepted()) << "round " << round << "\n" << texts(verdict);
      const auto whole = verify_zone(*after, options, kTime);
      ASSERT_TRUE(whole.accepted()) << "round " << round << "\n" << texts(whole);
    }
    for (int fault = 0; fault < 12; ++fault) {
      auto bent = diff;
      std::string what;
      auto left_out = [&] {
        const auto at = pick(bent.changes.size());
        if (bent.changes[at].type == RRType::SOA) return;
        what += " without " + bent.changes[at].owner.text() + " " +
                std::to_string(wire::number(bent.changes[at].type));
        bent.changes.erase(bent.changes.begin() + static_cast<std::ptrdiff_t>(at));
      };
      // A set of the next version, to be bent.
      const auto next = maker.signed_sets();
      auto owner = next.begin();
      std::advance(owner, static_cast<std::ptrdiff_t>(pick(next.size())));
      auto type = owner->second.begin();
      std::advance(type, static_cast<std::ptrdiff_t>(pick(owner->second.size())));
      auto set = type->second;
      auto bend = [&](std::optional<RRset> to) {
        const auto at = std::ranges::find_if(
            bent.changes, [&](const auto& each) { return each.owner == set.owner && each.type == set.type; });
        what = " bent " + set.owner.text() + " " + std::to_string(wire::number(set.type));
        if (at != bent.changes.end()) {
          at->after = std::move(to);
          if (!at->before && !at->after) bent.changes.erase(at);
        } else {
          bent.changes.push_back({set.owner, set.type, set, std::move(to)});
        }
      };
      if (fault < 4) left_out();
      if (fault < 2 && !bent.changes.empty()) left_out();
      if (fault >= 4 && set.type == RRType::SOA) continue;
      if (fault >= 4 && fault < 7) {  // another octet, signed again
        auto& octets = set.rdatas[pick(set.rdatas.size())];
        if (!octets.empty()) octets[pick(octets.size())] ^= static_cast<std::uint8_t>(1U << pick(8));
        const bool was_signed = !set.signatures.empty();
        set.normalise();
        if (was_signed) maker.sign(set);
        const auto bent_set = set;
        set = type->second;
        bend(bent_set);
      } else if (fault == 7) {
        bend(std::nullopt);
      } else if (fault == 8) {
        auto unsigned_set = set;
        unsigned_set.signatures.clear();
        bend(unsigned_set);
      } else if (fault == 9) {
        auto signed_set = set;
        maker.sign(signed_set);
        bend(signed_set);
      } else if (fault >= 10) {
        auto turned = set;
        if (turned.signatures.empty()) continue;
        turned.signatures[0][pick(turned.signatures[0].size())] ^= 1;
        bend(turned);
      }
      bent.sort();
      const auto made = before->apply(bent);
      if (!made) continue;  // data out of form do not get as far as the gate
      const auto by_step = gate->check(before.get(), bent, **made, {}, kTime);
      const auto by_walk = verify_zone(**made, options, kTime);
      EXPECT_EQ(by_step.accepted(), by_walk.accepted())
          << "round " << round << " fault " << fault << what << "\nstep:\n"
          << texts(by_step) << "walk:\n"
          << texts(by_walk);
      by_walk.accepted() ? ++accepted : ++refused;
    }
  }
  EXPECT_GT(refused, rounds);
  EXPECT_GT(accepted, rounds / 10);
  RecordProperty("refused", refused);
  RecordProperty("accepted", accepted);
  std::cout << refused << " refused, " << accepted << " accepted\n";
}

}  // namespace
}  // namespace onoma::gate::testing
