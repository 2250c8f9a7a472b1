// When signatures expire, and how they are renewed.
#include <set>

#include "base/metrics.h"
#include "sign/due_index.h"
#include "sign/set_signer.h"
#include "unit/sign/support.h"

namespace onoma::sign::testing {
namespace {

using std::chrono::days;
using std::chrono::seconds;

SigningPolicy with(zone::Denial denial, bool opt_out = false) {
  SigningPolicy policy;
  policy.denial = denial;
  policy.opt_out = opt_out;
  return policy;
}

class Refresh : public ::testing::Test {
 protected:
  const Name apex_ = name("example.");

  std::vector<RRset> zone(int names, std::string_view more = "") {
    std::string text =
        "@ 3600 SOA ns1 hostmaster 7 7200 900 604800 300\n@ 3600 NS ns1\nns1 300 A 192.0.2.1\n";
    for (int i = 0; i < names; ++i) text += "d" + std::to_string(i) + " 300 NS ns1\n";
    return sets_from(apex_, text + std::string(more));
  }
  zone::SnapshotPtr first(zone::Signer& signer, std::vector<RRset> sets) {
    return build(apex_, signer.sign_all(apex_, std::move(sets), kNow).value());
  }
  zone::SnapshotPtr step(zone::Signer& signer, const zone::SnapshotPtr& before,
                         std::vector<zone::RRsetChange> changes, Time now) {
    const auto serial = before->facts().serial;
    const auto diff = signer.sign(*before, {apex_, serial, serial + 1, std::move(changes)}, now);
    EXPECT_TRUE(diff) << (diff ? "" : diff.error().message);
    made_ = diff->changes.size();
    return before->apply(*diff).value();
  }
  std::optional<RRset> set(std::string_view line) {
    auto sets = sets_from(apex_, line);
    return sets.at(0);
  }
  std::size_t made_ = 0;  // changes in the last diff
};

TEST_F(Refresh, ExpirationsLieBetweenLeadAndValidityAndSpread) {
  const SetSigner subject(fake_keys(apex_), {}, nullptr);
  const SigningPolicy policy;
  std::set<std::int64_t> days_seen;
  for (int i = 0; i < 500; ++i) {
    const auto owner = name("d" + std::to_string(i) + ".example.");
    const auto now = kNow + seconds{i * 7919};
    const auto left = std::int64_t{subject.expiration(owner, RRType::DS, 13, now)} - unix_seconds(now);
    EXPECT_GT(left, policy.refresh_lead.count());
    EXPECT_LE(left, policy.validity.count());
    days_seen.insert(std::int64_t{subject.expiration(owner, RRType::DS, 13, kNow)} / 86400);
  }
  EXPECT_GE(days_seen.size(), 12U);  // validity − lead is 12 days
}

TEST_F(Refresh, AnExpirationStaysForAWholePeriod) {
  const SetSigner subject(fake_keys(apex_), {}, nullptr);
  const auto owner = name("d.example.");
  std::set<std::uint32_t> seen;
  for (int hour = 0; hour < 24 * 12; ++hour)
    seen.insert(subject.expiration(owner, RRType::DS, 13, kNow + std::chrono::hours{hour}));
  EXPECT_EQ(seen.size(), 2U);  // twelve days touch two periods of twelve days
  EXPECT_EQ(subject.expiration(name("D.Example."), RRType::DS, 13, kNow),
            subject.expiration(owner, RRType::DS, 13, kNow));
  EXPECT_NE(subject.expiration(owner, RRType::NSEC, 13, kNow),
            subject.expiration(owner, RRType::DS, 13, kNow));
}

TEST_F(Refresh, DnskeySignaturesLiveLonger) {
  const SetSigner subject(fake_keys(apex_), {}, nullptr);
  const SigningPolicy policy;
  std::int64_t longest = 0;
  for (int day = 0; day < 19; ++day) {
    const auto now = kNow + days{day};
    longest = std::max(longest,
                       std::int64_t{subject.expiration(apex_, RRType::DNSKEY, 13, now)} - unix_seconds(now));
  }
  EXPECT_GT(longest, policy.validity.count());
  EXPECT_LE(longest, policy.dnskey_validity.count());
}

TEST_F(Refresh, RenewsAtMostTheLimitAndOnlyWhatIsDue) {
  const auto subject = signer(fake_keys(apex_), {});
  auto zone = first(*subject, this->zone(300));
  EXPECT_TRUE(subject->refresh(*zone, 8, kNow, 100)->empty());
  const auto due = subject->next_refresh(*zone);
  ASSERT_TRUE(due);
  EXPECT_GT(*due, kNow);
  EXPECT_TRUE(subject->refresh(*zone, 8, *due - seconds{1}, 100)->empty());

  const auto later = kNow + days{6};
  const auto diff = subject->refresh(*zone, 8, later, 10);
  ASSERT_TRUE(diff);
  EXPECT_GE(diff->changes.size(), 10U);
  EXPECT_LE(diff->changes.size(), 10U + 8U);  // the apex is renewed on the way
  EXPECT_TRUE(zone->apply(*diff));
}

TEST_F(Refresh, AllIsRenewedWithinAPeriod) {
  const auto subject = signer(fake_keys(apex_), with(zone::Denial::nsec3));
  auto zone = first(*subject, this->zone(50));
  for (int hour = 0; hour < 24 * 40; hour += 6) {
    const auto now = kNow + std::chrono::hours{hour};
    while (*subject->next_refresh(*zone) <= now) {
      const auto diff = subject->refresh(*zone, zone->facts().serial + 1, now, 20);
      ASSERT_TRUE(diff);
      ASSERT_FALSE(diff->empty());
      zone = zone->apply(*diff).value();
    }
    ASSERT_EQ(bad_signatures(content(*zone), fake_keys(apex_), now + days{8}), "");
  }
}

TEST_F(Refresh, ARefusedVersionIsTriedAgain) {
  const auto subject = signer(fake_keys(apex_), {});
  const auto zone = first(*subject, this->zone(20));
  const auto now = kNow + days{10};
  const auto one = subject->refresh(*zone, 8, now, 1000);
  const auto two = subject->refresh(*zone, 8, now, 1000);
  ASSERT_FALSE(one->empty());
  EXPECT_EQ(one->changes, two->changes);
  EXPECT_LE(*subject->next_refresh(*zone), now);
}

TEST_F(Refresh, ASmallIndexFindsEverythingInTheEnd) {
  const SetSigner sets(fake_keys(apex_), {}, nullptr);
  const auto subject = signer(fake_keys(apex_), {});
  const auto zone = first(*subject, this->zone(100));
  DueIndex all(sets), few(sets, 7);
  all.follow(*zone);
  few.follow(*zone);
  EXPECT_EQ(all.earliest(*zone), few.earliest(*zone));
  const auto a = all.due(*zone, 0xffffffffU, 5), b = few.due(*zone, 0xffffffffU, 5);
  ASSERT_EQ(a.size(), 5U);
  ASSERT_EQ(b.size(), 5U);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].renewal, b[i].renewal);
}

TEST_F(Refresh, ANewKeyTakesOverStepByStep) {
  auto keys = fake_keys(apex_);
  auto zone = first(*signer(keys, {}), this->zone(30));
  const auto old_tag = keys.keys()[1].tag();
  ASSERT_TRUE(keys.add(fake_key(Role::zsk, key_state::Active{kNow}, 9)));
  keys.set_state(old_tag, key_state::Retired{kNow});
  SigningPolicy at_once;
  at_once.resign_over = seconds{0};
  const auto subject = signer(keys, at_once);
  int rounds = 0;
  while (*subject->next_refresh(*zone) <= kNow) {
    const auto diff = subject->refresh(*zone, zone->facts().serial + 1, kNow, 10);
    ASSERT_TRUE(diff);
    ASSERT_FALSE(diff->empty());
    zone = zone->apply(*diff).value();
    ++rounds;
  }
  EXPECT_GE(rounds, 3);
  EXPECT_LE(rounds, 8);
  const auto fresh = content(subject->sign_all(apex_, this->zone(30), kNow).value());
  auto is = content(*zone);
  is.erase({wire::sort_key(apex_), RRType::SOA});  // the serial went on
  auto should = fresh;
  should.erase({wire::sort_key(apex_), RRType::SOA});
  EXPECT_EQ(differences(is, should), "");
}

// After a change of ZSK every hour makes an equal share of the new signatures; also while another algorithm
// comes, and while one goes.
TEST_F(Refresh, KeyChangesAreSpreadEvenly) {
  constexpr int kHours = 24, kNames = 480;
  SigningPolicy policy;
  policy.resign_over = std::chrono::hours{kHours};
  const auto after_change = [&](const KeySet& old_keys, const KeySet& new_keys) {
    auto zone = first(*signer(old_keys, policy), this->zone(kNames));
    const auto subject = signer(new_keys, policy);
    std::vector<std::size_t> hours;
    for (int hour = 1; hour <= kHours + 1; ++hour) {
      const auto now = kNow + std::chrono::hours{hour};
      const auto diff = subject->refresh(*zone, zone->facts().serial + 1, now, 10'000);
      EXPECT_TRUE(diff);
      hours.push_back(diff->changes.size());
      if (!diff->empty()) zone = zone->apply(*diff).value();
    }
    return std::pair(hours, *subject->next_refresh(*zone));
  };
  const auto expect_even = [](const std::vector<std::size_t>& hours) {
    // 20 sets an hour on average, and 10 for the apex at most.
    for (std::size_t i = 1; i + 1 < hours.size(); ++i) {
      EXPECT_GE(hours[i], 6U) << i;
      EXPECT_LE(hours[i], 20U + 10U + 18U) << i;
    }
    EXPECT_LE(hours.back(), 10U);
  };
  const auto keys = fake_keys(apex_);
  auto rolled = keys;
  rolled.set_state(rolled.keys()[1].tag(), key_state::Retired{kNow});
  ASSERT_TRUE(rolled.add(fake_key(Role::zsk, key_state::Active{kNow}, 9)));
  const auto [hours, next] = after_change(keys, rolled);
  expect_even(hours);
  EXPECT_GT(next, kNow + std::chrono::hours{kHours});

  auto other = keys;
  auto coming = fake_key(Role::zsk, key_state::PreActive{kNow}, 10);
  coming.record.algorithm = 254;
  ASSERT_TRUE(other.add(coming));
  expect_even(after_change(keys, other).first);
  auto gone = keys;
  gone.add_former({coming.tag(), 254, Role::zsk, kNow});
  expect_even(after_change(other, gone).first);
}

TEST_F(Refresh, APlainDelegationUnderOptOutCostsOneSignature) {
  const auto subject = signer(fake_keys(apex_), with(zone::Denial::nsec3, true));
  auto zone = first(*subject, this->zone(500));
  auto count = read(Metric::onoma_signatures_made_total);
  zone = step(*subject, zone, {{name("new.example."), RRType::NS, {}, set("new 300 NS ns1")}}, kNow);
  EXPECT_EQ(read(Metric::onoma_signatures_made_total) - count, 1U);  // the SOA
  EXPECT_EQ(made_, 2U);
  count = read(Metric::onoma_signatures_made_total);
  zone =
      step(*subject, zone,
           {{name("new.example."), RRType::DS, {}, set("new 300 DS 1 13 2 " + std::string(64, '0'))}}, kNow);
  EXPECT_EQ(read(Metric::onoma_signatures_made_total) - count,
            4U);  // SOA, DS, its NSEC3 and the one before it
}

TEST_F(Refresh, ChangesOfTheWholeChainKeepOtherSignatures) {
  const auto keys = fake_keys(apex_);
  auto zone = first(*signer(keys, {}), this->zone(40));
  const auto count = read(Metric::onoma_signatures_made_total);
  const auto subject = signer(keys, with(zone::Denial::nsec3));
  zone = step(*subject, zone, {}, kNow);
  EXPECT_EQ(zone->facts().denial, zone::Denial::nsec3);
  EXPECT_EQ(read(Metric::onoma_signatures_made_total) - count, 42U + 2U);  // NSEC3 sets, SOA, NSEC3PARAM
  EXPECT_EQ(bad_signatures(content(*zone), keys, kNow), "");
}

TEST_F(Refresh, SignsAZoneThatWasNotSigned) {
  const auto keys = fake_keys(apex_);
  const auto subject = signer(keys, {});
  auto zone = build(apex_, this->zone(5));
  EXPECT_EQ(subject->next_refresh(*zone), Time{});
  zone = step(*subject, zone, {}, kNow);
  auto sets = this->zone(5);
  for (auto& set : sets)
    if (set.type == RRType::SOA) set = *this->set("@ 3600 SOA ns1 hostmaster 8 7200 900 604800 300");
  EXPECT_EQ(differences(content(*zone), content(subject->sign_all(apex_, sets, kNow).value())), "");
}

TEST_F(Refresh, RefusesADiffThatDoesNotFit) {
  const auto subject = signer(fake_keys(apex_), {});
  const auto zone = first(*subject, this->zone(5));
  const auto code = [&](zone::Diff diff) {
    const auto made = subject->sign(*zone, std::move(diff), kNow);
    return made ? std::string("accepted") : std::string(facts(made.error().code).name);
  };
  const auto ns = set("d0 300 NS ns1");
  const auto other = set("d0 300 NS ns2");
  EXPECT_EQ(code({apex_, 7, 8, {{ns->owner, RRType::NS, ns, other}}}), "accepted");
  EXPECT_EQ(code({apex_, 6, 8, {}}), "corrupt");
  EXPECT_EQ(code({apex_, 7, 7, {}}), "corrupt");
  EXPECT_EQ(code({apex_, 7, 8, {{ns->owner, RRType::NS, other, ns}}}), "corrupt");
  EXPECT_EQ(code({apex_, 7, 8, {{ns->owner, RRType::NS, {}, ns}}}), "corrupt");
  EXPECT_EQ(code({apex_, 7, 8, {{name("x.example."), RRType::NS, ns, {}}}}), "corrupt");
  EXPECT_EQ(code({apex_, 7, 8, {{name("x.test."), RRType::NS, {}, ns}}}), "bad_request");
  const auto soa = zone->apex().find(RRType::SOA)->copy(apex_);
  EXPECT_EQ(code({apex_, 7, 8, {{apex_, RRType::SOA, soa, {}}}}), "bad_request");
}

}  // namespace
}  // namespace onoma::sign::testing
