#include "sign/policy.h"

#include "unit/sign/support.h"

namespace onoma::sign::testing {
namespace {

TEST(Policy, DefaultsAreGood) {
  EXPECT_TRUE(check(SigningPolicy{}, name("example.")));
  SigningPolicy nsec3;
  nsec3.denial = zone::Denial::nsec3;
  nsec3.opt_out = true;
  EXPECT_TRUE(check(nsec3, name(".")));
}

TEST(Policy, RefusesWhatMakesNoSense) {
  const auto field = [](auto change, const Name& apex = name("example.")) {
    SigningPolicy policy;
    change(policy);
    const auto checked = check(policy, apex);
    if (checked) return std::string("accepted");
    EXPECT_EQ(checked.error().code, Code::policy_refused);
    return checked.error().field;
  };
  EXPECT_EQ(field([](auto& p) { p.denial = zone::Denial::none; }), "denial");
  EXPECT_EQ(field([](auto& p) { p.opt_out = true; }), "opt_out");
  EXPECT_EQ(field([](auto& p) { p.validity = p.refresh_lead; }), "validity");
  EXPECT_EQ(field([](auto& p) { p.validity = std::chrono::years{60}; }), "validity");
  EXPECT_EQ(field([](auto& p) { p.dnskey_validity = p.refresh_lead; }), "dnskey_validity");
  EXPECT_EQ(field([](auto& p) { p.refresh_lead = std::chrono::seconds{0}; }), "refresh_lead");
  EXPECT_EQ(field([](auto& p) { p.inception_offset = std::chrono::seconds{-1}; }), "inception_offset");
  EXPECT_EQ(field([](auto& p) { p.dnskey_ttl_s = 0x80000000U; }), "dnskey_ttl_s");
}

TEST(Policy, RefusesNsec3WhereTheHashDoesNotFit) {
  const std::string label(63, 'a');
  const auto apex_of = [&](std::size_t last) {
    return name(label + "." + label + "." + label + "." + std::string(last, 'a') + ".");
  };
  SigningPolicy policy;
  policy.denial = zone::Denial::nsec3;
  EXPECT_EQ(apex_of(28).size(), 222U);
  EXPECT_TRUE(check(policy, apex_of(28)));
  EXPECT_FALSE(check(policy, apex_of(29)));
  policy.denial = zone::Denial::nsec;
  EXPECT_TRUE(check(policy, apex_of(29)));
}

TEST(Policy, WarnsWhenSecondariesCouldServeExpiredSignatures) {
  SigningPolicy policy;
  EXPECT_EQ(expiry_warning(policy, 7 * 86400), "");
  EXPECT_EQ(expiry_warning(policy, 8 * 86400), "");
  EXPECT_NE(expiry_warning(policy, 8 * 86400 + 1), "");
}

}  // namespace
}  // namespace onoma::sign::testing
