// EDNS: versions, sizes, options, cookies; and the server's own names in class CH.
#include "serve/cookie.h"
#include "serve_support.h"

namespace onoma::serve::test {
namespace {

Ask www() {
  Ask ask;
  ask.qname = "www.tld.";
  return ask;
}

TEST(Edns, IsAnsweredOnlyWhenItWasSent) {
  Server server(load("tld.", kTld));
  auto ask = www();
  auto got = server.ask(ask);
  EXPECT_TRUE(got.has_opt);
  EXPECT_EQ(got.opt_size, 1232);
  EXPECT_EQ(got.opt_ttl, 0U);
  ask.dnssec = true;
  EXPECT_EQ(server.ask(ask).opt_ttl, 0x8000U);
  ask.edns_size.reset();
  EXPECT_FALSE(server.ask(ask).has_opt);
}

TEST(Edns, OtherVersionsGetBadversAndNoData) {
  Server server(load("tld.", kTld));
  auto ask = www();
  ask.version = 1;
  ask.options = option(100, Bytes{1, 2, 3});
  const auto got = server.ask(ask);
  EXPECT_EQ(got.rcode(), 16);
  EXPECT_EQ(got.opt_ttl & 0x00ff0000U, 0U);
  EXPECT_TRUE(got.answer.empty());
  EXPECT_TRUE(got.options.empty());
}

TEST(Edns, UnknownOptionsAreIgnoredAndNotEchoed) {
  Server server(load("tld.", kTld));
  auto ask = www();
  ask.options = option(100, Bytes{1, 2, 3});
  append(ask.options, option(8, Bytes{0, 1, 0, 0}));
  const auto got = server.ask(ask);
  EXPECT_EQ(got.answer.size(), 1U);
  EXPECT_TRUE(got.options.empty());
}

TEST(Edns, OptionsThatAreConfiguredOrAlwaysThere) {
  ServeOptions options;
  options.nsid = "node-1";
  Server server(load("tld.", kTld), options);
  auto ask = www();
  ask.options = option(3, {});
  append(ask.options, option(19, {}));
  append(ask.options, option(9, {}));
  auto got = server.ask(ask);
  EXPECT_EQ(got.options[3], to_bytes("node-1"));
  EXPECT_EQ(got.options[19], (Bytes{1, 0, 0x78, 0xc3, 0xb7, 0xd5}));
  EXPECT_FALSE(got.options.contains(9));
  ask.qname = "tld.";
  ask.qtype = RRType::SOA;
  got = server.ask(ask);
  EXPECT_EQ(got.options[9], (Bytes{0, 9, 0x3a, 0x80}));
  ask.options = option(19, Bytes{1});
  EXPECT_EQ(server.ask(ask).rcode(), 1);
  ask.qname = "example.net.";
  ask.options = option(19, {});
  EXPECT_FALSE(server.ask(ask).options.contains(19));
}

TEST(Edns, KeepaliveAndPaddingDependOnTheTransport) {
  Server server(load("tld.", kTld));
  auto ask = www();
  ask.options = option(11, {});
  EXPECT_TRUE(server.ask(ask).options.empty());
  ask.udp = false;
  EXPECT_EQ(server.ask(ask).options[11], (Bytes{0, 100}));
  ask.options = option(11, Bytes{0, 1});
  EXPECT_EQ(server.ask(ask).rcode(), 1);
  ask.options = option(12, Bytes(5));
  EXPECT_TRUE(server.ask(ask).options.empty());
  ask.encrypted = true;
  EXPECT_EQ(server.ask(ask).size, 468U);
}

crypto::SipKey key(std::string_view text) {
  crypto::SipKey out{};
  std::ranges::copy(*from_hex(text), out.begin());
  return out;
}

// RFC 9018 Appendix A.
TEST(Cookies, Rfc9018Vectors) {
  CookieKeys keys;
  keys.sign = key("e5e973e5a6b2a43f48e7dc849e37bfcf");
  const Bytes peer = {198, 51, 100, 100}, peer3 = {203, 0, 113, 203};
  const auto answer = [&](std::string_view option, ByteView from, std::uint32_t now) {
    return answer_cookie(keys, *from_hex(option), from, now);
  };
  EXPECT_EQ(hex(answer("2464c4abcf10c957", peer, 0x5cf79f11).cookie),
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  const auto renewed = answer("2464c4abcf10c957010000005cf79f111f8130c3eee29480", peer, 0x5cf7a871);
  EXPECT_TRUE(renewed.valid);
  EXPECT_EQ(hex(renewed.cookie), "2464c4abcf10c957010000005cf7a871d4a564a1442aca77");
  const auto reserved = answer("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", peer3, 0x5cf7a9ac);
  EXPECT_FALSE(reserved.valid);
  EXPECT_EQ(hex(reserved.cookie), "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e");
  EXPECT_TRUE(answer("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", peer3, 0x5cf79000).valid);
  keys.sign = key("445536bcd2513298075a5d379663c962");
  keys.verify = key("dd3bdf9344b678b185a6f5cb60fca715");
  const auto peer6 = *from_hex("20010db80220000159ded0f4876982b8");
  const auto rolled = answer("22681ab97d52c298010000005cf7c57926556bd0934c72f8", peer6, 0x5cf7c609);
  EXPECT_TRUE(rolled.valid);
  EXPECT_EQ(hex(rolled.cookie), "22681ab97d52c298010000005cf7c609a6bb79d16625507a");
}

TEST(Cookies, AreBoundToAddressAndTime) {
  CookieKeys keys;
  keys.sign = key("e5e973e5a6b2a43f48e7dc849e37bfcf");
  const auto given = *from_hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  const Bytes peer = {198, 51, 100, 100}, other = {198, 51, 100, 101};
  const auto mapped = *from_hex("00000000000000000000ffffc6336464");
  const std::uint32_t made = 0x5cf79f11;
  EXPECT_TRUE(answer_cookie(keys, given, mapped, made).valid);
  EXPECT_FALSE(answer_cookie(keys, given, other, made).valid);
  EXPECT_EQ(to_bytes(as_text(answer_cookie(keys, given, peer, made + 1799).cookie)), given);
  EXPECT_NE(to_bytes(as_text(answer_cookie(keys, given, peer, made + 1800).cookie)), given);
  EXPECT_TRUE(answer_cookie(keys, given, peer, made + 3600).valid);
  EXPECT_FALSE(answer_cookie(keys, given, peer, made + 3601).valid);
  EXPECT_TRUE(answer_cookie(keys, given, peer, made - 300).valid);
  EXPECT_FALSE(answer_cookie(keys, given, peer, made - 301).valid);
}

TEST(Cookies, InMessages) {
  ManualClock clock(from_unix_seconds(0x5cf79f11));
  ServeOptions options;
  options.clock = &clock;
  options.cookies.sign = key("e5e973e5a6b2a43f48e7dc849e37bfcf");
  Server server(load("tld.", kTld), options);
  auto ask = www();
  ask.options = option(10, *from_hex("2464c4abcf10c957"));
  auto got = server.ask(ask);
  EXPECT_EQ(got.answer.size(), 1U);
  ASSERT_EQ(got.options[10].size(), 24U);
  EXPECT_EQ(server.ask(ask).options[10], got.options[10]);
  for (std::size_t size : {0U, 7U, 9U, 15U, 41U}) {
    ask.options = option(10, Bytes(size));
    EXPECT_EQ(server.ask(ask).rcode(), 1) << size;
  }
  // No question, only the wish for a cookie.
  Bytes only = {0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 12};
  append(only, option(10, *from_hex("2464c4abcf10c957")));
  got = read(server.raw(only));
  EXPECT_EQ(got.rcode(), 0);
  EXPECT_EQ(got.options[10].size(), 24U);
  Server without(load("tld.", kTld));
  EXPECT_EQ(read(without.raw(only)).rcode(), 1);
}

TEST(Chaos, TellsWhatIsConfigured) {
  ServeOptions options;
  options.identity = "node-1";
  options.version = "Onoma";
  Server server(load("tld.", kTld), options), silent(load("tld.", kTld));
  Ask ask;
  ask.qclass = 3;
  ask.qtype = RRType::TXT;
  for (const auto& [qname, text] :
       std::vector<std::pair<std::string, std::string>>{{"id.server.", "node-1"},
                                                        {"HOSTNAME.bind.", "node-1"},
                                                        {"version.bind.", "Onoma"},
                                                        {"version.server.", "Onoma"}}) {
    ask.qname = qname;
    const auto got = server.ask(ask);
    ASSERT_EQ(got.answer.size(), 1U) << qname;
    EXPECT_EQ(got.answer[0].text(), qname + " TXT \"" + text + "\"");
    EXPECT_EQ(got.answer[0].ttl, 0U);
    EXPECT_EQ(got.answer[0].rr_class, 3);
    EXPECT_EQ(silent.ask(ask).rcode(), 5);
  }
  ask.qtype = RRType::A;
  EXPECT_EQ(server.ask(ask).rcode(), 5);
  ask.qtype = RRType::TXT;
  ask.qname = "www.tld.";
  EXPECT_EQ(server.ask(ask).rcode(), 5);
}

}  // namespace
}  // namespace onoma::serve::test
