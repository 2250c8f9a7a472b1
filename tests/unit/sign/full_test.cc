// What sign_all makes of a zone, said by hand.
#include "base/metrics.h"
#include "os/job_pool.h"
#include "sign/rules.h"
#include "unit/sign/support.h"

namespace onoma::sign::testing {
namespace {

constexpr std::string_view kZone = R"(
@         3600 SOA ns1 hostmaster 7 7200 900 604800 300
@         3600 NS ns1
ns1       300 A 192.0.2.1
*.wild    300 TXT "w"
secure    300 NS ns.secure
secure    300 DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.secure 300 A 192.0.2.2
plain     300 NS ns1
plain     300 A 192.0.2.9
x.y.plain 300 TXT "occluded"
cut.ent   300 NS ns1
alias     300 DNAME elsewhere.example.
b.alias   300 TXT "occluded"
)";

class Full : public ::testing::Test {
 protected:
  const Name apex_ = name("example.");

  Content sign(SigningPolicy policy, std::string_view zone = kZone) {
    const auto made = signer(fake_keys(apex_), policy)->sign_all(apex_, sets_from(apex_, zone), kNow);
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    return made ? content(*made) : Content{};
  }
  std::string line(const Content& all, std::string_view owner, RRType type) {
    const auto at = all.find({wire::sort_key(Name::parse(owner, apex_).value()), type});
    return at == all.end() ? "absent" : line_of(at->second);
  }
  bool is_signed(const Content& all, std::string_view owner, RRType type) {
    return line(all, owner, type).find("(RRSIG ") != std::string::npos;
  }
  std::string denial_of(const Content& all, std::string_view owner) {
    const auto hash = nsec3_owner(sign::nsec3_hash(Name::parse(owner, apex_).value()), apex_);
    const auto at = all.find({wire::sort_key(hash), RRType::NSEC3});
    if (at == all.end()) return "absent";
    const auto record = wire::Nsec3::read(at->second.rdatas.at(0));
    std::string text = std::to_string(record->flags);
    for (auto type : record->types) text += " " + wire::type_text(type);
    return text;
  }
  static SigningPolicy nsec3(bool opt_out) {
    SigningPolicy policy;
    policy.denial = zone::Denial::nsec3;
    policy.opt_out = opt_out;
    return policy;
  }
};

TEST_F(Full, SignsWhatTheZoneHasAuthorityFor) {
  const auto all = sign({});
  EXPECT_TRUE(is_signed(all, "@", RRType::SOA));
  EXPECT_TRUE(is_signed(all, "@", RRType::NS));
  EXPECT_TRUE(is_signed(all, "ns1", RRType::A));
  EXPECT_TRUE(is_signed(all, "*.wild", RRType::TXT));
  EXPECT_TRUE(is_signed(all, "secure", RRType::DS));
  EXPECT_TRUE(is_signed(all, "alias", RRType::DNAME));
  EXPECT_FALSE(is_signed(all, "secure", RRType::NS));
  EXPECT_FALSE(is_signed(all, "ns.secure", RRType::A));
  EXPECT_FALSE(is_signed(all, "plain", RRType::NS));
  EXPECT_FALSE(is_signed(all, "plain", RRType::A));
  EXPECT_FALSE(is_signed(all, "x.y.plain", RRType::TXT));
  EXPECT_FALSE(is_signed(all, "b.alias", RRType::TXT));
  EXPECT_EQ(bad_signatures(all, fake_keys(apex_), kNow), "");
  const auto keys = fake_keys(apex_);
  EXPECT_NE(line(all, "@", RRType::DNSKEY).find(" " + std::to_string(keys.keys()[0].tag()) + " example.)"),
            std::string::npos);
  EXPECT_NE(line(all, "@", RRType::SOA).find(" " + std::to_string(keys.keys()[1].tag()) + " example.)"),
            std::string::npos);
  // The asterisk does not count as a label.
  EXPECT_NE(line(all, "*.wild", RRType::TXT).find("(RRSIG TXT 253 2 "), std::string::npos);
}

TEST_F(Full, NsecChainLeavesOutWhatIsOccludedOrEmpty) {
  const auto all = sign({});
  std::string chain;
  for (const auto& [key, set] : all)
    if (set.type == RRType::NSEC)
      chain += set.owner.text() + " " + wire::rdata_text(RRType::NSEC, set.rdatas.at(0)) + "\n";
  EXPECT_EQ(chain,
            "example. alias.example. NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY\n"
            "alias.example. cut.ent.example. DNAME RRSIG NSEC\n"
            "cut.ent.example. ns1.example. NS RRSIG NSEC\n"
            "ns1.example. plain.example. A RRSIG NSEC\n"
            "plain.example. secure.example. NS RRSIG NSEC\n"
            "secure.example. *.wild.example. NS DS RRSIG NSEC\n"
            "*.wild.example. example. TXT RRSIG NSEC\n");
  EXPECT_EQ(all.at({wire::sort_key(apex_), RRType::NSEC}).ttl, 300U);
}

TEST_F(Full, Nsec3HasEmptyNonTerminals) {
  const auto all = sign(nsec3(false));
  EXPECT_EQ(denial_of(all, "@"), "0 NS SOA RRSIG DNSKEY NSEC3PARAM CDS CDNSKEY");
  EXPECT_EQ(denial_of(all, "plain"), "0 NS");
  EXPECT_EQ(denial_of(all, "secure"), "0 NS DS RRSIG");
  EXPECT_EQ(denial_of(all, "ent"), "0");
  EXPECT_EQ(denial_of(all, "cut.ent"), "0 NS");
  EXPECT_EQ(denial_of(all, "wild"), "0");
  EXPECT_EQ(denial_of(all, "alias"), "0 DNAME RRSIG");
  EXPECT_EQ(denial_of(all, "ns.secure"), "absent");
  EXPECT_EQ(denial_of(all, "y.plain"), "absent");
  EXPECT_EQ(denial_of(all, "b.alias"), "absent");
  EXPECT_EQ(
      wire::rdata_text(RRType::NSEC3PARAM, all.at({wire::sort_key(apex_), RRType::NSEC3PARAM}).rdatas.at(0)),
      "1 0 0 -");
}

TEST_F(Full, OptOutLeavesOutInsecureDelegations) {
  const auto all = sign(nsec3(true));
  EXPECT_EQ(denial_of(all, "@"), "1 NS SOA RRSIG DNSKEY NSEC3PARAM CDS CDNSKEY");
  EXPECT_EQ(denial_of(all, "plain"), "absent");
  EXPECT_EQ(denial_of(all, "cut.ent"), "absent");
  EXPECT_EQ(denial_of(all, "ent"), "absent");
  EXPECT_EQ(denial_of(all, "secure"), "1 NS DS RRSIG");
  EXPECT_EQ(denial_of(all, "wild"), "1");
}

TEST_F(Full, ReplacesWhatAnOtherSignerMade) {
  const std::string old = std::string(kZone) + R"(
@ 60 DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==
@ 60 CDS 0 0 0 00
@ 60 NSEC3PARAM 1 0 10 aabb
@ 60 NSEC ns1 A
ns1 300 RRSIG A 13 2 300 20300101000000 20200101000000 1 example. AAAA
)";
  EXPECT_EQ(differences(sign({}, old), sign({})), "");
  EXPECT_EQ(differences(sign(nsec3(true), old), sign(nsec3(true))), "");
}

TEST_F(Full, RefusesContentThatIsNoZone) {
  const auto subject = signer(fake_keys(apex_), {});
  const auto code = [&](std::vector<RRset> sets) {
    const auto made = subject->sign_all(apex_, std::move(sets), kNow);
    return made ? std::string("accepted") : std::string(facts(made.error().code).name);
  };
  EXPECT_EQ(code({}), "bad_request");
  EXPECT_EQ(code(sets_from(apex_, "ns1 300 A 192.0.2.1\n")), "bad_request");
  EXPECT_EQ(code(sets_from(apex_, std::string(kZone) + "other.test. 300 A 192.0.2.1\n")), "bad_request");
  EXPECT_EQ(code(sets_from(apex_, std::string(kZone) + "@ 3600 SOA ns1 x 8 7200 900 604800 300\n")),
            "bad_request");
  EXPECT_FALSE(subject->sign_all(name("test."), sets_from(name("test."), "@ 1 SOA a b 1 1 1 1 1\n"), kNow));
}

TEST_F(Full, ThePoolChangesNothing) {
  std::string zone(kZone);
  for (int i = 0; i < 3000; ++i) zone += "d" + std::to_string(i) + " 300 NS ns1\n";
  os::JobPool pool({.threads = 2});
  for (const auto& policy : {SigningPolicy{}, nsec3(false)}) {
    auto with_pool = make_signer(fake_keys(apex_), policy, &pool);
    ASSERT_TRUE(with_pool);
    const auto made = (*with_pool)->sign_all(apex_, sets_from(apex_, zone), kNow);
    ASSERT_TRUE(made);
    EXPECT_EQ(content(*made), sign(policy, zone));
  }
}

TEST_F(Full, CountsSignatures) {
  const auto before = read(Metric::onoma_signatures_made_total);
  const auto all = sign({});
  std::size_t signatures = 0;
  for (const auto& [key, set] : all) signatures += set.signatures.size();
  EXPECT_EQ(read(Metric::onoma_signatures_made_total) - before, signatures);
}

TEST_F(Full, AKeyThatFailsIsAnError) {
  class Broken final : public RawSigner {
    Result<Bytes> sign(ByteView) const override { return fail(Code::internal, "no randomness"); }
  };
  KeySet keys(apex_, {});
  auto key = fake_key(Role::csk, key_state::Active{}, 1);
  key.signer = std::make_shared<Broken>();
  ASSERT_TRUE(keys.add(std::move(key)));
  const auto made = signer(std::move(keys), {})->sign_all(apex_, sets_from(apex_, kZone), kNow);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message, "no randomness");
}

TEST(Rules, HashesOfRfc5155) {
  // RFC 5155 has them salted; these are the unsalted ones every implementation agrees on.
  EXPECT_EQ(nsec3_owner(nsec3_hash(name("COM.")), name(".")).text(), "ck0pojmg874ljref7efn8430qvit8bsm.");
}

}  // namespace
}  // namespace onoma::sign::testing
