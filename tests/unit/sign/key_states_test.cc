// The pure part of roll-overs: which step comes when.
#include "sign/key_states.h"

#include "sign/key_policy.h"
#include "unit/sign/support.h"

namespace onoma::sign::testing {
namespace {

using namespace key_state;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;

constexpr KeyWaits kWaits{.publish = hours{3}, .zone = hours{26}, .parent = hours{27}, .resign = days{12}};

KeyFacts key(std::uint16_t tag, Role role, KeyState state, std::optional<Time> settled,
             std::uint8_t algorithm = 13) {
  return {tag, algorithm, role, state, settled, false};
}

std::string moves(const KeyStep& step) {
  std::string out;
  for (const auto& move : step.moves)
    out += (out.empty() ? "" : " ") + std::to_string(move.tag) + ">" + std::string(state_name(move.to));
  return out;
}

TEST(KeyStates, APublishedZskTakesOverWhenCachesHaveIt) {
  const std::vector<KeyFacts> keys{key(1, Role::ksk, Active{kNow}, kNow),
                                   key(2, Role::zsk, Active{kNow}, kNow),
                                   key(3, Role::zsk, Published{kNow}, kNow + hours{1})};
  const auto plan = outlook(keys, {}, kWaits);
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(plan.steps[0].at, kNow + hours{4});  // from the moment that it was served
  EXPECT_EQ(moves(plan.steps[0]), "3>active 2>retired");
  EXPECT_FALSE(plan.steps[0].why.empty());
}

TEST(KeyStates, NothingFollowsFromWhatNobodyServes) {
  for (const KeyState state : {KeyState(Published{kNow}), KeyState(Retired{kNow}), KeyState(PreActive{kNow}),
                               KeyState(PostActive{kNow})}) {
    const std::vector<KeyFacts> keys{key(1, Role::ksk, Active{kNow}, kNow),
                                     key(2, Role::zsk, Active{kNow}, kNow),
                                     key(3, Role::zsk, state, std::nullopt)};
    const auto plan = outlook(keys, {}, kWaits);
    EXPECT_TRUE(plan.steps.empty()) << state_name(state);
    EXPECT_TRUE(plan.waiting.contains(3)) << state_name(state);
  }
}

TEST(KeyStates, AKskWaitsForItsDsWithoutEnd) {
  std::vector<KeyFacts> keys{key(1, Role::ksk, Active{kNow}, kNow), key(2, Role::zsk, Active{kNow}, kNow),
                             key(3, Role::ksk, Published{kNow}, kNow)};
  auto plan = outlook(keys, {}, kWaits);
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(moves(plan.steps[0]), "3>ready 1>retired");
  keys[0].state = Retired{kNow + hours{3}};
  keys[2].state = Ready{kNow + hours{3}};
  plan = outlook(keys, {}, kWaits);
  EXPECT_TRUE(plan.steps.empty());
  EXPECT_NE(plan.waiting.at(3).find("ds-seen"), std::string::npos);
  EXPECT_TRUE(plan.waiting.contains(1));

  EXPECT_EQ(ds_seen(keys, 2).error().code, Code::not_found);
  EXPECT_EQ(ds_seen(keys, 1).error().code, Code::status_prohibits);
  const auto seen = ds_seen(keys, 3);
  ASSERT_TRUE(seen);
  EXPECT_EQ(moves(*seen), "3>active");
  keys[2].state = Active{kNow + days{30}};
  plan = outlook(keys, {}, kWaits);
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(moves(plan.steps[0]), "1>removed");
  EXPECT_EQ(plan.steps[0].at, kNow + days{30} + kWaits.parent);
}

TEST(KeyStates, ARetiredZskStaysForItsSignaturesInCaches) {
  const std::vector<KeyFacts> keys{key(1, Role::ksk, Active{kNow}, kNow),
                                   key(2, Role::zsk, Retired{kNow}, kNow + days{12}),
                                   key(3, Role::zsk, Active{kNow}, kNow)};
  const auto plan = outlook(keys, {}, kWaits);
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(moves(plan.steps[0]), "2>removed");
  EXPECT_EQ(plan.steps[0].at, kNow + days{12} + kWaits.zone);
}

TEST(KeyStates, LifetimesBeginRollsEarlyEnough) {
  KeyPolicy policy;
  policy.zsk_lifetime = days{90};
  policy.ksk_lifetime = days{365};
  const std::vector<KeyFacts> keys{key(1, Role::ksk, Active{kNow}, kNow),
                                   key(2, Role::zsk, Active{kNow}, kNow)};
  const auto plan = outlook(keys, policy, kWaits);
  ASSERT_EQ(plan.steps.size(), 2U);
  EXPECT_EQ(plan.steps[0].at, kNow + days{90} - kWaits.publish);
  ASSERT_EQ(plan.steps[0].makes.size(), 1U);
  EXPECT_EQ(plan.steps[0].makes[0].role, Role::zsk);
  EXPECT_EQ(plan.steps[0].about, std::vector<std::uint16_t>{2});
  EXPECT_EQ(plan.steps[1].at, kNow + days{365} - kWaits.publish);
  EXPECT_EQ(plan.steps[1].makes[0].role, Role::ksk);
  policy.manual = true;
  EXPECT_TRUE(outlook(keys, policy, kWaits).steps.empty());
}

TEST(KeyStates, AnAlgorithmGoesThroughAllItsSteps) {
  const KeyPolicy policy;
  std::vector<KeyFacts> keys{key(1, Role::ksk, Active{kNow}, kNow), key(2, Role::zsk, Active{kNow}, kNow)};
  const auto begun = begin_algorithm_roll(keys, policy, crypto::Algorithm::ed25519);
  ASSERT_TRUE(begun);
  ASSERT_EQ(begun->makes.size(), 2U);
  for (const auto& make : begun->makes) EXPECT_TRUE(is<PreActive>(make.state));

  keys.push_back(key(3, Role::ksk, PreActive{kNow}, kNow + days{12}, 15));
  keys.push_back(key(4, Role::zsk, PreActive{kNow}, kNow + days{12} + hours{1}, 15));
  EXPECT_EQ(current_algorithm(keys), 15);
  auto plan = outlook(keys, policy, kWaits);
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(moves(plan.steps[0]), "3>published 4>active");
  EXPECT_EQ(plan.steps[0].at, kNow + days{12} + hours{1} + kWaits.zone);  // the later of the two
  EXPECT_EQ(begin_roll(keys, Role::zsk).error().code, Code::status_prohibits);
  EXPECT_EQ(begin_algorithm_roll(keys, policy, crypto::Algorithm::ed448).error().code,
            Code::status_prohibits);

  const auto t1 = kNow + days{14};
  keys[2] = key(3, Role::ksk, Published{t1}, t1, 15);
  keys[3] = key(4, Role::zsk, Active{t1}, t1, 15);
  plan = outlook(keys, policy, kWaits);
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(moves(plan.steps[0]), "3>ready 1>retired");

  const auto t2 = t1 + days{1};
  keys[0] = key(1, Role::ksk, Retired{t2}, t2);
  keys[2] = key(3, Role::ksk, Ready{t2}, t2, 15);
  EXPECT_TRUE(outlook(keys, policy, kWaits).steps.empty());

  const auto t3 = t2 + days{2};
  keys[2] = key(3, Role::ksk, Active{t3}, t3, 15);
  plan = outlook(keys, policy, kWaits);
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(moves(plan.steps[0]), "1>post-active 2>post-active");
  EXPECT_EQ(plan.steps[0].at, t3 + kWaits.parent);

  const auto t4 = t3 + days{2};
  keys[0] = key(1, Role::ksk, PostActive{t4}, t4);
  keys[1] = key(2, Role::zsk, PostActive{t4}, t4);
  EXPECT_EQ(current_algorithm(keys), 15);
  plan = outlook(keys, policy, kWaits);
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(moves(plan.steps[0]), "1>removed 2>removed");
  EXPECT_EQ(plan.steps[0].at, t4 + kWaits.publish);
}

TEST(KeyStates, OneRollAtATimeAndOnlyWhatIsThere) {
  std::vector<KeyFacts> keys{key(1, Role::csk, Active{kNow}, kNow)};
  EXPECT_EQ(begin_roll(keys, Role::zsk).error().code, Code::bad_request);
  ASSERT_TRUE(begin_roll(keys, Role::ksk));
  EXPECT_EQ(begin_roll(keys, Role::ksk)->makes.at(0).role, Role::csk);
  EXPECT_EQ(begin_algorithm_roll(keys, {}, crypto::Algorithm::ecdsa_p256).error().code, Code::bad_request);
  keys.push_back(key(2, Role::csk, Published{kNow}, kNow));
  EXPECT_EQ(begin_roll(keys, Role::ksk).error().code, Code::status_prohibits);
  EXPECT_EQ(begin_algorithm_roll(keys, {}, crypto::Algorithm::ed25519).error().code, Code::status_prohibits);
  keys[1].standby = true;
  const auto promoted = begin_roll(keys, Role::ksk);
  ASSERT_TRUE(promoted);
  EXPECT_EQ(promoted->promotes, std::vector<std::uint16_t>{2});
  EXPECT_TRUE(promoted->makes.empty());
}

TEST(KeyStates, SignaturesMustFollowBeforeAStateSettles) {
  const auto retired = key(1, Role::zsk, Retired{kNow}, {});
  EXPECT_FALSE(settles(retired, kWaits, kNow + days{12}));
  EXPECT_TRUE(settles(retired, kWaits, kNow + days{12} + seconds{1}));
  EXPECT_FALSE(settles(key(1, Role::csk, PreActive{kNow}, {}), kWaits, kNow + days{1}));
  EXPECT_TRUE(settles(key(1, Role::ksk, Retired{kNow}, {}), kWaits, kNow + days{1}));
  EXPECT_TRUE(settles(key(1, Role::zsk, Published{kNow}, {}), kWaits, kNow + days{1}));
}

TEST(KeyPolicy, WaitsAddUp) {
  KeyPolicy keys;
  SigningPolicy signing;
  const auto waits = waits_of(keys, signing, 0);
  EXPECT_EQ(waits.publish, hours{3});
  EXPECT_EQ(waits.zone, hours{26});
  EXPECT_EQ(waits.parent, hours{26});
  EXPECT_EQ(waits.resign, days{12});
  EXPECT_EQ(waits_of(keys, signing, 7 * 86400).zone, days{7} + hours{2});  // what the zone really holds
  signing.resign_over = days{100};
  EXPECT_EQ(waits_of(keys, signing, 0).resign, days{12});
}

TEST(KeyPolicy, WordsSetWhatTheySay) {
  KeyPolicy keys;
  SigningPolicy signing;
  for (const auto& [word, value] :
       std::vector<std::pair<const char*, const char*>>{{"layout", "csk"},
                                                        {"algorithm", "ED25519"},
                                                        {"ksk-lifetime", "never"},
                                                        {"zsk-lifetime", "1d12h"},
                                                        {"dnskey-ttl", "10m"},
                                                        {"propagation", "5m"},
                                                        {"safety", "0"},
                                                        {"max-ttl", "2w"},
                                                        {"parent-propagation", "45s"},
                                                        {"parent-ds-ttl", "1h"},
                                                        {"standby", "both"},
                                                        {"manual", "true"},
                                                        {"re-sign", "36h"},
                                                        {"cds", "roll-over"},
                                                        {"ds-digests", "sha256, sm3"}}) {
    const auto set = set_word(keys, signing, word, value);
    EXPECT_TRUE(set) << word << ": " << (set ? "" : set.error().message);
  }
  EXPECT_EQ(keys.layout, KeyLayout::csk);
  EXPECT_EQ(keys.algorithm, crypto::Algorithm::ed25519);
  EXPECT_EQ(keys.zsk_lifetime, hours{36});
  EXPECT_EQ(signing.dnskey_ttl_s, 600U);
  EXPECT_EQ(keys.propagation, std::chrono::minutes{5});
  EXPECT_EQ(keys.max_ttl, days{14});
  EXPECT_EQ(keys.parent_propagation, seconds{45});
  EXPECT_TRUE(keys.standby_ksk && keys.standby_zsk && keys.manual);
  EXPECT_EQ(signing.resign_over, hours{36});
  EXPECT_EQ(signing.cds, CdsPolicy::roll_over);
  EXPECT_EQ(signing.cds_digests, (std::vector{DsDigest::sha256, DsDigest::sm3}));
  for (const auto& word : policy_words())
    EXPECT_FALSE(set_word(keys, signing, word.word, "what?")) << word.word;
  EXPECT_FALSE(set_word(keys, signing, "dnskey-ttl", "never"));
  EXPECT_EQ(set_word(keys, signing, "colour", "red").error().code, Code::unknown_field);
}

TEST(KeyPolicy, PeriodsAndAlgorithmsHaveManyForms) {
  for (const char* bad : {"", "d", "1", "1x", "1d2", "-1d", "99999999999d", "1.5d"})
    EXPECT_FALSE(parse_period(bad)) << bad;
  EXPECT_EQ(period_text(days{90}), "90d");
  EXPECT_EQ(period_text(hours{36}), "1d12h");
  EXPECT_EQ(period_text(seconds{0}), "never");
  for (const char* text : {"13", "p256", "ecdsap256sha256", "ECDSAP256SHA256"})
    EXPECT_EQ(parse_algorithm(text).value(), crypto::Algorithm::ecdsa_p256) << text;
  EXPECT_EQ(parse_algorithm("sm2").value(), crypto::Algorithm::sm2sm3);
  for (const char* bad : {"", "5", "7", "RSASHA1", "12", "253"}) EXPECT_FALSE(parse_algorithm(bad)) << bad;
}

TEST(KeyPolicy, RefusesLifetimesThatEndBeforeTheRoll) {
  SigningPolicy signing;
  KeyPolicy keys;
  EXPECT_TRUE(check(keys, signing));
  keys.zsk_lifetime = days{10};
  EXPECT_EQ(check(keys, signing).error().field, "zsk-lifetime");
  signing.resign_over = hours{6};
  EXPECT_TRUE(check(keys, signing));
  keys.ksk_lifetime = days{1};
  EXPECT_EQ(check(keys, signing).error().field, "ksk-lifetime");
  keys.ksk_lifetime = seconds{-1};
  EXPECT_EQ(check(keys, signing).error().code, Code::policy_refused);
}

}  // namespace
}  // namespace onoma::sign::testing
