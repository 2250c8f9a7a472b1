#include "transfer/access.h"

#include "os/address.h"
#include "support.h"

namespace onoma::transfer {
namespace {

using test::name;

KeyRing ring() {
  KeyRing out;
  EXPECT_TRUE(out.add(test::test_key("a.example.")));
  EXPECT_TRUE(out.add(test::test_key("b.example.")));
  return out;
}

bool fits(std::string_view rule, std::string_view address, Transport transport, const TsigKey* key,
          std::string_view zone) {
  const auto parsed = AccessRule::parse(rule, ring());
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  const auto from = os::Endpoint::parse(address).value();
  return parsed &&
         parsed->fits({.address = from.address_bytes(), .transport = transport, .key = key}, name(zone));
}

TEST(Access, EveryPartOfARuleMustHold) {
  const auto a = test::test_key("a.example.");
  const auto b = test::test_key("b.example.");
  constexpr std::string_view kRule = "192.0.2.0/24 key=A.example over=tls zone=gov,Example.";
  EXPECT_TRUE(fits(kRule, "192.0.2.7:1", Transport::tls, a.get(), "example."));
  EXPECT_TRUE(fits(kRule, "192.0.2.7:1", Transport::tls, a.get(), "GOV."));
  EXPECT_FALSE(fits(kRule, "192.0.3.7:1", Transport::tls, a.get(), "example."));
  EXPECT_FALSE(fits(kRule, "192.0.2.7:1", Transport::tls, b.get(), "example."));
  EXPECT_FALSE(fits(kRule, "192.0.2.7:1", Transport::tls, nullptr, "example."));
  EXPECT_FALSE(fits(kRule, "192.0.2.7:1", Transport::tcp, a.get(), "example."))
      << "clear text does not fit TLS";
  EXPECT_FALSE(fits(kRule, "192.0.2.7:1", Transport::tls, a.get(), "sub.example."));
}

TEST(Access, WhatARuleDoesNotNameMayBeAnything) {
  const auto a = test::test_key("a.example.");
  EXPECT_TRUE(fits("any", "[2001:db8::1]:1", Transport::udp, nullptr, "x."));
  EXPECT_TRUE(fits("any key=a.example", "192.0.2.1:1", Transport::udp, a.get(), "x."));
  EXPECT_FALSE(fits("any key=a.example", "192.0.2.1:1", Transport::udp, nullptr, "x."));
  EXPECT_TRUE(fits("2001:db8::1", "[2001:db8::1]:1", Transport::tcp, a.get(), "x."));
  EXPECT_FALSE(fits("2001:db8::1", "[2001:db8::2]:1", Transport::tcp, a.get(), "x."));
}

TEST(Access, WithoutRulesNobodyMay) {
  const auto from = os::Endpoint::parse("127.0.0.1:1").value();
  const Requester requester{.address = from.address_bytes()};
  EXPECT_FALSE(AccessList().allows(requester, name("x.")));
  const auto list = AccessList::parse({"192.0.2.1 zone=y.", "127.0.0.0/8 zone=x."}, {});
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->allows(requester, name("x.")));
  EXPECT_FALSE(list->allows(requester, name("y."))) << "parts of two rules do not add up";
}

TEST(Access, TellsWhatIsWrongWithARule) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "rule \"\": an empty rule"},
      {"192.0.2.1/24", "rule \"192.0.2.1/24\":"},
      {"any key=c.example", "rule \"any key=c.example\": key=c.example: no such key"},
      {"any over=quic", "rule \"any over=quic\": over=quic: expected udp, tcp or tls"},
      {"any zone=a..b", "rule \"any zone=a..b\": zone=a..b: not a domain name"},
      {"any key", "rule \"any key\": key: expected NAME=VALUE"},
      {"any port=5", "rule \"any port=5\": port=5: a rule has an address"},
      {"any over=tcp over=udp", "rule \"any over=tcp over=udp\": over=udp: a rule has"},
  };
  for (const auto& [text, message] : cases) {
    const auto rule = AccessRule::parse(text, ring());
    ASSERT_FALSE(rule) << text;
    EXPECT_TRUE(rule.error().message.starts_with(message)) << rule.error().message;
  }
  std::string long_rule = "any";
  for (int i = 0; i < 20; ++i) long_rule += " zone=x";
  EXPECT_FALSE(AccessRule::parse(long_rule, ring()));
}

}  // namespace
}  // namespace onoma::transfer
