// What the program's own signer makes passes the gate: two independent readings of the same rules agree.
#include "sign/signer.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "unit/gate/support.h"
#include "wire/rdata.h"

namespace onoma::gate::testing {
namespace {

struct Case {
  zone::Denial denial;
  bool opt_out;
  sign::KeyLayout layout;
};

class WithSigner : public ::testing::TestWithParam<Case> {};

TEST_P(WithSigner, RandomHistoryPasses) {
  const auto param = GetParam();
  SeededRng rng(5);
  std::mt19937 random(77);
  auto pick = [&](std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
  };
  auto keys = sign::generate_keys(name("tld."), param.layout, crypto::Algorithm::ecdsa_p256,
                                  from_unix_seconds(kNow - 864'000), rng);
  ASSERT_TRUE(keys.has_value());
  sign::SigningPolicy policy;
  policy.denial = param.denial;
  policy.opt_out = param.opt_out;
  auto signer = sign::make_signer(*keys, policy);
  ASSERT_TRUE(signer.has_value()) << signer.error().message;

  Maker maker;  // for its content only
  maker.add_basics();
  auto content = [&] {
    std::vector<RRset> out;
    for (const auto& [owner, types] : maker.content)
      for (const auto& entry : types) out.push_back(entry.second);
    RRset soa;
    soa.owner = maker.apex;
    soa.type = RRType::SOA;
    soa.ttl = 3600;
    soa.rdatas = {wire::Soa{name("ns1.tld."), name("h.tld."), maker.serial, 1800, 900, 604800, 300}.rdata()};
    out.push_back(soa);
    return out;
  };
  auto plain_snapshot = [&] {
    zone::SnapshotBuilder builder(maker.apex);
    for (auto& set : content()) EXPECT_TRUE(builder.add(set).has_value());
    return builder.finish().value();
  };
  auto signed_sets = (*signer)->sign_all(maker.apex, content(), kTime);
  ASSERT_TRUE(signed_sets.has_value()) << signed_sets.error().message;
  zone::SnapshotBuilder builder(maker.apex);
  for (auto& set : *signed_sets) ASSERT_TRUE(builder.add(std::move(set)).has_value());
  auto current = builder.finish().value();
  const auto gate = make_gate({});
  {
    const auto verdict = gate->check(nullptr, {}, *current, {}, kTime);
    ASSERT_TRUE(verdict.accepted()) << texts(verdict);
  }

  const std::vector<std::string> labels{"a", "b", "sub", "ent", "zz", "child1", "w", "sec"};
  const std::vector<std::string> data{"TXT hello", "A 192.0.2.1", "NS ns.example.", "NS ns.example.",
                                      "DNAME d.example."};
  auto now = kTime;
  auto plain = plain_snapshot();
  for (int round = 0; round < 40; ++round) {
    for (std::size_t i = 0; i <= pick(3); ++i) {
      std::string owner = labels[pick(labels.size())];
      while (pick(2) == 0 && owner.size() < 10) owner += "." + labels[pick(labels.size())];
      const auto full = Name::parse(owner, maker.apex).value();
      auto& types = maker.content[full];
      const auto line = data[pick(data.size())];
      if (pick(3) == 0) {
        types.clear();
      } else if (!types.contains(RRType::NS) && !types.contains(RRType::DNAME)) {
        maker.add(owner + " 3600 " + line);
        if (line.starts_with("NS") && pick(2) == 0)
          maker.add(owner +
                    " 3600 DS 1 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF");
      }
      if (types.empty()) maker.content.erase(full);
    }
    ++maker.serial;
    now += std::chrono::hours(pick(30));
    const auto next_plain = plain_snapshot();
    auto unsigned_diff = zone::difference(*plain, *next_plain);
    std::erase_if(unsigned_diff.changes, [](const auto& change) { return change.type == RRType::SOA; });
    plain = next_plain;
    auto made = (*signer)->sign(*current, unsigned_diff, now);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    for (int pass = 0; pass < 2; ++pass) {
      if (pass == 1) {  // and what is due to be signed again
        ++maker.serial;
        plain = plain_snapshot();
        made = (*signer)->refresh(*current, maker.serial, now, 20);
        ASSERT_TRUE(made.has_value()) << made.error().message;
        if (made->empty()) {
          --maker.serial;
          plain = plain_snapshot();
          break;
        }
      }
      auto applied = current->apply(*made);
      ASSERT_TRUE(applied.has_value()) << applied.error().message;
      const auto verdict = gate->check(current.get(), *made, **applied, {}, now);
      ASSERT_TRUE(verdict.accepted()) << "round " << round << "\n" << texts(verdict);
      current = *applied;
    }
    const auto whole = verify_zone(*current, {.expired_is_fatal = false}, now);
    ASSERT_TRUE(whole.accepted()) << "round " << round << "\n" << texts(whole);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, WithSigner,
                         ::testing::Values(Case{zone::Denial::nsec, false, sign::KeyLayout::csk},
                                           Case{zone::Denial::nsec3, false, sign::KeyLayout::ksk_and_zsk},
                                           Case{zone::Denial::nsec3, true, sign::KeyLayout::ksk_and_zsk}));

}  // namespace
}  // namespace onoma::gate::testing
