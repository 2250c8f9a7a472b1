// What is published for objects: delegations, glue, apexes and the DNS view of identifiers.
#include "publish/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "wire/zonefile.h"

namespace onoma::publish {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using wire::Name;

Name name(const char* text) {
  return Name::parse(text).value();
}

std::string lines(const std::vector<wire::RRset>& sets) {
  std::string out;
  for (const auto& set : sets) out += wire::rrset_lines(set);
  return out;
}

model::Tld tld() {
  return {.name = name("test."), .mname = name("ns.test."), .rname = name("admin.test.")};
}

TEST(DomainRecords, GiveNsAndDsWithTheirOwnTtls) {
  model::Domain domain{
      .name = name("a.test."), .name_servers = {name("ns1.a.test."), name("ns.example.")}, .ns_ttl_s = 10800};
  domain.ds.push_back({.key_tag = 1, .algorithm = 13, .digest_type = 2, .digest = Bytes(32, 0xAB)});
  const auto text = lines(records_for(domain, tld()));
  EXPECT_THAT(text, HasSubstr("a.test. 10800 IN NS ns1.a.test."));
  EXPECT_THAT(text, HasSubstr("a.test. 3600 IN DS 1 13 2 "));
}

TEST(DomainRecords, AHoldTakesTheDelegationOut) {
  model::Domain domain{.name = name("a.test."), .name_servers = {name("ns.example.")}};
  EXPECT_FALSE(records_for(domain, tld()).empty());
  for (const auto* status : {"clientHold", "serverHold", "pendingCreate", "pendingDelete"}) {
    domain.statuses = {status};
    EXPECT_THAT(records_for(domain, tld()), IsEmpty()) << status;
  }
  domain.statuses = {"clientUpdateProhibited"};
  EXPECT_FALSE(records_for(domain, tld()).empty());
}

TEST(HostRecords, SplitAddressesByFamily) {
  const model::Host host{
      .name = name("ns1.a.test."), .addresses = {"192.0.2.1", "2001:db8::1"}, .aaaa_ttl_s = 60};
  const auto text = lines(records_for(host, tld()));
  EXPECT_THAT(text, HasSubstr("ns1.a.test. 3600 IN A 192.0.2.1"));
  EXPECT_THAT(text, HasSubstr("ns1.a.test. 60 IN AAAA 2001:db8::1"));
}

// Vectors V3 and V9 of the identifier reference.
model::Value v3() {
  return {.index = 1,
          .type = "URL",
          .data = to_bytes("https://www.doi.org/"),
          .ttl_s = 86400,
          .permissions = 0x0E,
          .timestamp = 0x6553f100};
}

TEST(ZoneRecords, StandAtTheApexAndAtNamesOfTheZonesOwn) {
  auto zone = tld();
  zone.apex = {{wire::RRType::NS, 3600, "ns.test."},
               {wire::RRType::TXT, 60, "\"apex\""},
               {wire::RRType::TXT, 60, "\"v=DMARC1\"", name("_dmarc.test.")}};
  const auto sets = records_for(zone);
  EXPECT_EQ(sets.size(), 4U);
  const auto text = lines(sets);
  EXPECT_THAT(text, HasSubstr("test. 3600 IN NS ns.test."));
  EXPECT_THAT(text, HasSubstr("\ntest. 60 IN TXT \"apex\""));
  EXPECT_THAT(text, HasSubstr("_dmarc.test. 60 IN TXT \"v=DMARC1\""));
}

TEST(HandleValue, HasTheOctetsOfTheVector) {
  EXPECT_EQ(
      hex(handle_value(v3())),
      "000000016553f10000000151800e0000000355524c0000001468747470733a2f2f7777772e646f692e6f72672f00000000");
}

TEST(RecordDigest, MatchesTheVector) {
  model::Identifier identifier{.scheme = "hdl", .canonical = "10.1000/182", .values = {v3()}};
  EXPECT_EQ(base64url(record_digest(identifier)), "iGEPV1PcjkBIE8i-u2iyLpItbHvm2gilb1wmtOfQEhY");
  auto secret = v3();
  secret.index = 2;
  secret.permissions = 0x0C;  // not publicly readable
  identifier.values.push_back(secret);
  EXPECT_EQ(base64url(record_digest(identifier)), "iGEPV1PcjkBIE8i-u2iyLpItbHvm2gilb1wmtOfQEhY");
}

TEST(IdentifierRecords, PointAndLink) {
  model::Identifier identifier{.scheme = "hdl",
                               .canonical = "10.1000/182",
                               .dns_name = name("182._h.1000.10.hdl.id.test."),
                               .values = {v3()}};
  auto txt = model::Value{.index = 2, .type = "DNS.TXT", .data = to_bytes("\"hello\""), .ttl_s = 300};
  identifier.values.push_back(txt);
  auto secret =
      model::Value{.index = 3, .type = "EMAIL", .data = to_bytes("a@example.net"), .permissions = 0x0C};
  identifier.values.push_back(secret);
  const auto text = lines(records_for({identifier}, from_unix_seconds(0)));
  EXPECT_THAT(text, HasSubstr("182._h.1000.10.hdl.id.test. 300 IN URI 10 1 \"https://www.doi.org/\""));
  EXPECT_THAT(text, HasSubstr("IN TXT \"hello\""));
  EXPECT_THAT(text, HasSubstr("v=onid1;s=hdl;st=active;n=2;d="));
  EXPECT_THAT(text, HasSubstr(";i=10.1000/182\""));
  EXPECT_EQ(text.find("example.net"), std::string::npos);
}

TEST(IdentifierRecords, ASetThatIsTooLargeLeavesOnlyThePointer) {
  model::Identifier identifier{
      .scheme = "hdl", .canonical = "10.1000/1", .dns_name = name("1._h.1000.10.hdl.id.test.")};
  for (std::uint32_t i = 1; i <= 100; ++i) {
    auto value = v3();
    value.index = i;
    value.data = to_bytes("https://www.example.net/" + std::string(50, 'x') + std::to_string(i));
    identifier.values.push_back(value);
  }
  const auto text = lines(records_for({identifier}, from_unix_seconds(0)));
  EXPECT_EQ(text.find("URI"), std::string::npos);
  EXPECT_THAT(text, HasSubstr("n=100;"));
}

}  // namespace
}  // namespace onoma::publish
