// Objects and events survive the way through JSON, and text that is not exactly right is refused with the
// field's name.
#include <gtest/gtest.h>

#include "model/json.h"
#include "wire/rrtype.h"

namespace onoma::model {
namespace {

Name name(std::string_view text) {
  return *Name::parse(text);
}

Origin origin() {
  return {"D17-ONOMA",
          "acme",
          "acme",
          "acme",
          from_unix_seconds(1'790'000'000),
          from_unix_seconds(1'790'000'001),
          3};
}

Domain domain() {
  Domain d;
  d.name = name("xn--fiqs8s.test");
  d.unicode = "中国.test";
  d.tld = name("test");
  d.origin = origin();
  d.expires = from_unix_seconds(1'820'000'000);
  d.name_servers = {name("ns1.example.net"), name("ns2.xn--fiqs8s.test")};
  d.ds = {{60485, 13, 2, Bytes(32, 0xab)}};
  d.ds_ttl_s = 300;
  d.registrant = "C-1";
  d.statuses = {"clientHold"};
  return d;
}

template <class T>
void expect_same_again(const T& object, Result<T> (*read)(std::string_view)) {
  auto text = to_json(object);
  auto again = read(text);
  ASSERT_TRUE(again) << again.error().message << " in " << text;
  EXPECT_EQ(to_json(*again), text);
}

TEST(JsonObjects, EveryKindSurvives) {
  expect_same_again(domain(), domain_from_json);

  Tld tld;
  tld.name = name("test");
  tld.origin = origin();
  tld.apex = {{wire::RRType::NS, 3600, "ns1.test."},
              {wire::RRType::TXT, 60, "\"a \\\"b\\\"\""},
              {wire::RRType::TXT, 60, "\"own\"", name("_x.test")}};
  tld.identifier_apex = name("id.test");
  tld.denial = DenialPolicy::unsigned_zone;
  tld.glue = GluePolicy::narrow;
  tld.serial = SerialPolicy::datecounter;
  expect_same_again(tld, tld_from_json);
  tld.name = Name();
  expect_same_again(tld, tld_from_json);
  EXPECT_NE(to_json(tld).find("\"name\":\".\""), std::string::npos);

  Registrar registrar{"acme", "Acme \"1\"\n", origin(), Role::operator_, {"test", "xn--0zwm56d"}, false};
  expect_same_again(registrar, registrar_from_json);

  Contact contact{"C-1", origin(), Bytes{0, 255, 1}, true};
  expect_same_again(contact, contact_from_json);

  Host host{name("ns1.a.test"),        origin(), {"192.0.2.1", "2001:db8::1"}, 60, std::nullopt,
            {"clientUpdateProhibited"}};
  expect_same_again(host, host_from_json);

  Identifier identifier;
  identifier.scheme = "hdl";
  identifier.canonical = "10.1000/182";
  identifier.display = "doi:10.1000/182";
  identifier.prefix = "10.1000";
  identifier.dns_name = name("182._h.1000.10.hdl.id.test");
  identifier.tld = name("test");
  identifier.origin = origin();
  identifier.values = {{1, "URL", to_bytes("https://example.org/ä"), false, 60, 14, {{"10.1000/1", 3}}, 5},
                       {2, "BIN", Bytes{0xff, 0x00}, true, 1'900'000'000, 2, {}, 6}};
  expect_same_again(identifier, identifier_from_json);
  auto again = identifier_from_json(to_json(identifier));
  EXPECT_EQ(again->values, identifier.values);
}

TEST(JsonObjects, EventKeepsBeforeAndAfterToTheOctet) {
  Event event;
  event.seq = 7;
  event.id.octets[3] = 9;
  event.time = from_unix_seconds(1'790'000'000);
  event.actor = "acme";
  event.command = "domain.update";
  Registrar odd{"acme", "tab\t quote\" \x01 slash/ back\\ é 😀", origin(), Role::registrar, {}, true};
  event.changes = {{ObjectKind::domain, "xn--fiqs8s.test", "", to_json(domain())},
                   {ObjectKind::registrar, "acme", to_json(odd), ""}};
  auto text = to_json(event);
  auto again = event_from_json(text);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->changes[0].after, event.changes[0].after);
  EXPECT_EQ(again->changes[1].before, event.changes[1].before);
  EXPECT_TRUE(again->changes[0].before.empty());
  EXPECT_EQ(to_json(*again), text);
}

TEST(EventJson, RefusesNumbersThatAreNotWhole) {
  const auto event = event_from_json(
      R"({"seq":1,"id":"00112233445566778899aabbccddeeff","time":"2026-09-25T12:00:00.000000Z","actor":"a",)"
      R"("command":"host.create","changes":[{"kind":"host","key":"a","after":{"x":[1,{"y":4.5e300}]}}]})");
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, Code::bad_syntax);
  EXPECT_NE(event.error().message.find("not whole"), std::string::npos) << event.error().message;
}

struct Bad {
  std::string text;
  Code code;
  std::string field;
};

TEST(JsonObjects, WhatIsNotExactlyRightIsRefusedByName) {
  const Bad kBad[] = {
      {"", Code::bad_request, ""},
      {"{", Code::bad_request, ""},
      {"{} x", Code::bad_request, ""},
      {"[]", Code::bad_syntax, ""},
      {"{}", Code::missing_field, "name"},
      {R"({"name":"a.test","tld":"test","nam":1})", Code::unknown_field, "nam"},
      {R"({"name":7,"tld":"test"})", Code::bad_syntax, "name"},
      {R"({"name":"a..test","tld":"test"})", Code::bad_syntax, "name"},
      {R"({"name":"","tld":"test"})", Code::bad_syntax, "name"},
      {R"({"name":"a.test","tld":"test","name_servers":"x"})", Code::bad_syntax, "name_servers"},
      {R"({"name":"a.test","tld":"test","name_servers":["a","b",1]})", Code::bad_syntax, "name_servers[2]"},
      {R"({"name":"a.test","tld":"test","ns_ttl_s":-1})", Code::out_of_range, "ns_ttl_s"},
      {R"({"name":"a.test","tld":"test","ns_ttl_s":4294967296})", Code::out_of_range, "ns_ttl_s"},
      {R"({"name":"a.test","tld":"test","ns_ttl_s":1.5})", Code::out_of_range, "ns_ttl_s"},
      {R"({"name":"a.test","tld":"test","ns_ttl_s":"1"})", Code::bad_syntax, "ns_ttl_s"},
      {R"({"name":"a.test","tld":"test","ds":[{"key_tag":1,"algorithm":13,"digest_type":2}]})",
       Code::missing_field, "ds[0].digest"},
      {R"({"name":"a.test","tld":"test","ds":["1 13 2"]})", Code::bad_syntax, "ds[0]"},
      {R"({"name":"a.test","tld":"test","ds":["65536 13 2 AA"]})", Code::bad_syntax, "ds[0]"},
      {R"({"name":"a.test","tld":"test","created":"yesterday"})", Code::bad_syntax, "created"},
  };
  for (const auto& bad : kBad) {
    auto result = domain_from_json(bad.text);
    ASSERT_FALSE(result) << bad.text;
    EXPECT_EQ(result.error().code, bad.code) << bad.text << ": " << result.error().message;
    EXPECT_EQ(result.error().field, bad.field) << bad.text;
  }
}

TEST(JsonObjects, SizeAndDepthHaveLimits) {
  auto large = domain_from_json("{\"name\":\"" + std::string(1U << 20, 'a') + "\"}");
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::too_large);
  auto deep = domain_from_json(std::string(100'000, '['));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, Code::bad_request);
}

}  // namespace
}  // namespace onoma::model
