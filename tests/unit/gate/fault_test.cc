// Every kind of fault in every set of a zone: the step that brings it and the walk over the whole zone both
// refuse it.
#include <algorithm>

#include <gtest/gtest.h>

#include "unit/gate/support.h"
#include "wire/rrtype.h"

namespace onoma::gate::testing {
namespace {

class Faults : public ::testing::TestWithParam<Mode> {
 protected:
  Faults() {
    maker_.mode = GetParam();
    maker_.add_basics();
    old_sets_ = maker_.signed_sets();
    next_sets_ = next_sets(maker_);
    before_ = maker_.build();
  }
  // Bends a copy of each set that `applies` in turn; the finding must contain `why` with %s = "owner TYPE".
  void each_set(const char* fault, const std::function<bool(const RRset&)>& applies,
                const std::function<void(RRset&)>& bend, const std::string& why) {
    int bent = 0;
    const auto& sets = next_sets_;
    for (const auto& [owner, types] : sets)
      for (const auto& [type, set] : types) {
        if (!applies(set)) continue;
        // The zone with NSEC has every other set; the ones with NSEC3 need not bend those again.
        const bool nsec3 = type == RRType::NSEC3 || type == RRType::NSEC3PARAM;
        if (maker_.mode != Mode::nsec && is_signed(set) && !nsec3) continue;
        SCOPED_TRACE(std::string(fault) + " at " + owner.text() + " " + wire::type_text(type));
        auto faulty = sets;
        auto& target = faulty[owner][type];
        bend(target);
        auto text = why;
        if (const auto at = text.find("%s"); at != std::string::npos)
          text.replace(at, 2, owner.text() + " " + wire::type_text(type));
        expect_refused(bend_from(before_, old_sets_, faulty), text);
        ++bent;
      }
    EXPECT_TRUE(bent > 0 || maker_.mode != Mode::nsec) << fault;
  }
  static bool is_signed(const RRset& set) { return !set.signatures.empty(); }
  const TestKey& key_for(const RRset& set) const { return set.type == RRType::DNSKEY ? ksk() : zsk(); }
  void signed_as(const char* fault, const SignAs& as, const std::string& why) {
    each_set(fault, is_signed, [&](RRset& set) { set.signatures = {rrsig(set, key_for(set), as)}; }, why);
  }

  Maker maker_;
  Sets old_sets_, next_sets_;
  zone::SnapshotPtr before_;
};

TEST_P(Faults, SignatureGone) {
  each_set("no signature", is_signed, [](RRset& set) { set.signatures.clear(); }, "%s is not signed");
}

TEST_P(Faults, SignatureBitTurned) {
  each_set(
      "a bit of the signature", is_signed, [](RRset& set) { set.signatures[0].back() ^= 1; },
      "RRSIG over %s does not verify");
}

TEST_P(Faults, SignatureCutShort) {
  each_set(
      "half a signature", is_signed,
      [](RRset& set) { set.signatures[0].resize(set.signatures[0].size() - 20); },
      "RRSIG over %s does not verify");
}

TEST_P(Faults, DataChangedUnderTheSignature) {
  each_set(
      "an address", [](const RRset& set) { return is_signed(set) && set.type == RRType::A; },
      [](RRset& set) {
        set.rdatas[0][3] ^= 64;
        set.normalise();
      },
      "RRSIG over %s does not verify");
}

TEST_P(Faults, SignatureFields) {
  SignAs as;
  as.expiration = kNow - 1;
  signed_as("expired", as, "RRSIG over %s expired");
  as = {};
  as.inception = kNow + 1;
  signed_as("from the future", as, "RRSIG over %s holds only from");
  as = {};
  as.signer = name("other.");
  signed_as("other signer", as, "RRSIG over %s names other. as its signer instead of tld.");
  as = {};
  as.labels_more = 1;
  signed_as("labels", as, "RRSIG over %s has ");
  as = {};
  as.tag_more = 1;
  signed_as("key tag", as, "%s has no RRSIG of algorithm 13");
  as = {};
  as.ttl_more = 60;
  signed_as("original TTL", as, "RRSIG over %s has the original TTL");
  as = {};
  as.covered_instead = RRType::HINFO;
  signed_as("type covered", as, "covers HINFO");
}

TEST_P(Faults, SignedByAKeyOutsideTheSet) {
  each_set(
      "foreign key", is_signed, [](RRset& set) { set.signatures = {rrsig(set, other_key())}; },
      "%s has no RRSIG of algorithm 13");
}

TEST_P(Faults, SignedAlthoughItMustNot) {
  each_set(
      "glue, NS at cuts, hidden data", [](const RRset& set) { return !is_signed(set); },
      [](RRset& set) { set.signatures = {rrsig(set, zsk())}; }, "%s is signed, but");
}

TEST_P(Faults, TtlChanged) {
  each_set(
      "TTL without signing again", is_signed, [](RRset& set) { set.ttl += 1; },
      "RRSIG over %s has the original TTL");
  each_set(
      "TTL above the limit", [](const RRset& set) { return set.type != RRType::SOA; },
      [this](RRset& set) {
        set.ttl = 10'000'000;
        if (is_signed(set)) maker_.sign(set);
      },
      "%s has the TTL 10000000, more than the limit");
}

TEST_P(Faults, DenialRecordsBent) {
  auto denies = [](const RRset& set) { return set.type == RRType::NSEC || set.type == RRType::NSEC3; };
  each_set(
      "a type more in the bitmap", denies,
      [this](RRset& set) {
        append(set.rdatas[0], bitmap({65500}));
        maker_.sign(set);
      },
      "shows ");
  each_set(
      "TTL of the denial", denies,
      [this](RRset& set) {
        set.ttl = 299;
        maker_.sign(set);
      },
      "%s has the TTL 299 instead of 300");
  each_set(
      "another next name", denies,
      [this](RRset& set) {
        auto& data = set.rdatas[0];
        if (set.type == RRType::NSEC3) {
          data[27] ^= 1;  // last octet of the next hash
        } else {
          Bytes bent;
          append(bent, name("nowhere.tld.").wire());
          const auto old_size = std::find(data.begin(), data.end(), 0) - data.begin() + 1;
          bent.insert(bent.end(), data.begin() + old_size, data.end());
          data = bent;
        }
        maker_.sign(set);
      },
      "instead of");
}

TEST_P(Faults, DenialRecordMissing) {
  const auto& sets = next_sets_;
  for (const auto& [owner, types] : sets)
    for (auto type : {RRType::NSEC, RRType::NSEC3}) {
      if (!types.contains(type) || owner == maker_.apex) continue;
      SCOPED_TRACE(owner.text());
      auto faulty = sets;
      faulty[owner].erase(type);
      if (faulty[owner].empty()) faulty.erase(owner);
      expect_refused(bend_from(before_, old_sets_, faulty),
                     type == RRType::NSEC ? "has no NSEC record" : "has the next hash");
    }
}

TEST_P(Faults, LeftOutOfTheDiff) {
  auto next = maker_;
  ++next.serial;
  next.add("new.deep.er 3600 A 192.0.2.1");
  next.add("child3 3600 NS ns.example.");
  next.add("child3 3600 DS 1 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF");
  next.remove("sec", RRType::DS);
  next.remove("a.b.ent", RRType::A);
  next.add("w 3600 NS ns.w");
  next.add("ns.w 3600 A 192.0.2.99");
  const auto before = maker_.build();
  const auto after = next.build();
  const auto full = zone::difference(*before, *after);
  const auto gate = make_gate({.level = zone::GateLevel::registry});
  ASSERT_TRUE(gate->check(before.get(), full, *after, expected_of(*after), kTime).accepted());
  for (std::size_t i = 0; i < full.changes.size(); ++i) {
    auto diff = full;
    SCOPED_TRACE("left out: " + diff.changes[i].owner.text() + " " + wire::type_text(diff.changes[i].type));
    diff.changes.erase(diff.changes.begin() + static_cast<std::ptrdiff_t>(i));
    const auto made = before->apply(diff);
    ASSERT_TRUE(made.has_value());
    EXPECT_FALSE(gate->check(before.get(), diff, **made, expected_of(*after), kTime).accepted());
    const auto type = full.changes[i].type;
    if (type == RRType::NSEC3 || type == RRType::NSEC) {
      EXPECT_FALSE(verify_zone(**made, {}, kTime).accepted());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, Faults, ::testing::Values(Mode::nsec, Mode::nsec3, Mode::opt_out));

}  // namespace
}  // namespace onoma::gate::testing
