// Identifiers and bulk import.
#include <algorithm>

#include "fixture.h"
#include "registry/values.h"

namespace onoma::registry {
namespace {

using IdentifierTest = RegistryTest;
using ImportTest = RegistryTest;
using model::IdentifierCreate;
using model::IdentifierDelete;
using model::IdentifierUpdate;
using model::Value;

Value value(std::uint32_t index, std::string type, std::string data) {
  Value out;
  out.index = index;
  out.type = std::move(type);
  out.data = to_bytes(data);
  return out;
}

TEST_F(IdentifierTest, AnySpellingFindsTheSameRecord) {
  auto outcome = must(IdentifierCreate{"doi:10.1000/182", "", {value(1, "URL", "https://a.invalid/182")}});
  auto view = reader();
  auto found = *view->identifier("hdl", "10.1000/182");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->prefix, "10.1000");
  EXPECT_EQ(found->dns_name, name("182._h.1000.10.hdl.id.test"));
  EXPECT_EQ(found->tld, name("test"));
  EXPECT_EQ(found->values.at(0).timestamp, 1'790'000'000U);
  EXPECT_EQ((*view->identifier_at(found->dns_name))->canonical, "10.1000/182");
  EXPECT_EQ((*view->event(outcome.seq))->changes.at(0).key, "hdl:10.1000/182");
  refused(Code::exists, "identifier", IdentifierCreate{"10.1000/182", "hdl", {}});
  refused(Code::forbidden, "", IdentifierUpdate{"10.1000/182", "hdl", {}, {}}, "beta");

  // Only what changed gets a new time; event keys are understood as identifiers.
  clock_.advance(std::chrono::seconds(5));
  must(IdentifierUpdate{
      "hdl:10.1000/182", "", {value(2, "EMAIL", "a@b"), value(1, "URL", "https://a.invalid/182")}, {}});
  found = *reader()->identifier("hdl", "10.1000/182");
  EXPECT_EQ(found->values.at(0).timestamp, 1'790'000'000U);
  EXPECT_EQ(found->values.at(1).timestamp, 1'790'000'005U);
  must(IdentifierDelete{"10.1000/182", "hdl"});
  EXPECT_FALSE(*reader()->identifier("hdl", "10.1000/182"));
}

TEST_F(IdentifierTest, ValuesAreChecked) {
  auto with = [](std::vector<Value> values) {
    return IdentifierCreate{"10.1000/1", "hdl", std::move(values)};
  };
  refused(Code::out_of_range, "values[0].index", with({value(0, "A", "")}));
  refused(Code::bad_syntax, "values[1].type", with({value(1, "A", ""), value(2, "", "")}));
  refused(Code::bad_syntax, "values", with({value(1, "A", ""), value(1, "B", "")}));
  refused(Code::bad_syntax, "values[0].data", with({value(1, "URL", "ftp://a.invalid/")}));
  refused(Code::bad_syntax, "values[0].data", with({value(1, "URL", "https://a.invalid/a b")}));
  refused(Code::bad_syntax, "values[0].data", with({value(1, "URL", "https:///x")}));
  for (auto type :
       {"DNS.SOA", "DNS.NS", "DNS.DS", "DNS.CNAME", "DNS.DNAME", "DNS.RRSIG", "DNS.DNSKEY", "DNS.TYPE5"})
    refused(Code::policy_refused, "values[0].type", with({value(1, type, "a.invalid.")}));
  refused(Code::bad_syntax, "values[0].type", with({value(1, "DNS.NOTYPE", "x")}));
  refused(Code::bad_syntax, "values[0].data", with({value(1, "DNS.A", "192.0.2")}));
  refused(Code::too_large, "values", with({value(1, "BIG", std::string(kMaxEncodedOctets, 'a'))}));
  refused(Code::out_of_range, "values", with(std::vector<Value>(kMaxValues + 1, value(1, "A", ""))));
  must(with({value(7, "DNS.A", "192.0.2.1"), value(3, "DNS.TYPE65400", "\\# 1 00"),
             value(5, "URL", "http://a.invalid?x")}));
  auto values = (*reader()->identifier("hdl", "10.1000/1"))->values;
  EXPECT_TRUE(std::ranges::is_sorted(values, {}, &Value::index));
}

TEST_F(IdentifierTest, TheHolderOfAPrefixDecidesBelowIt) {
  must(IdentifierCreate{"10.2000", "hdl", {}});
  refused(Code::forbidden, "identifier", IdentifierCreate{"10.2000/1", "hdl", {}}, "beta");
  must(IdentifierCreate{"10.2000/1", "hdl", {}});
}

TEST_F(IdentifierTest, ATombstoneIsNeverGivenAgain) {
  must(IdentifierCreate{"10.1000/1", "hdl", {value(1, "A", "b")}});
  must(IdentifierUpdate{"10.1000/1", "hdl", {value(1, "A", "b")}, "tombstone"});
  EXPECT_TRUE((*reader()->identifier("hdl", "10.1000/1"))->values.empty());
  refused(Code::gone, "identifier", IdentifierUpdate{"10.1000/1", "hdl", {}, "active"});
  refused(Code::gone, "identifier", IdentifierCreate{"10.1000/1", "hdl", {}});
  refused(Code::gone, "identifier", IdentifierDelete{"10.1000/1", "hdl"});
}

TEST_F(IdentifierTest, DomainAnchoredOnesNeedAnOwnUndelegatedName) {
  must(domain("a.test", {}));
  must(domain("delegated.test"));
  must(domain("others.test", {}), "beta");
  refused(Code::policy_refused, "identifier", IdentifierCreate{"none.test", "domain", {}});
  refused(Code::policy_refused, "identifier", IdentifierCreate{"delegated.test", "domain", {}});
  refused(Code::forbidden, "identifier", IdentifierCreate{"others.test", "domain", {}});
  must(IdentifierCreate{"a.test", "domain", {value(1, "DNS.TXT", "\"hello\"")}});
  EXPECT_EQ((*reader()->identifier_at(name("a.test")))->scheme, "domain");
  // What is published would be hidden by a delegation, and orphaned by a delete.
  model::DomainUpdate delegate;
  delegate.name = "a.test";
  delegate.name_servers = std::vector<std::string>{"ns1.invalid"};
  refused(Code::association_prohibits, "name_servers", delegate);
  refused(Code::association_prohibits, "name", model::DomainDelete{"a.test"});
}

TEST_F(IdentifierTest, WithoutAnApexThereIsNoPlace) {
  auto tld = zone("test");
  must(model::TldUpdate{tld}, "operator");
  refused(Code::policy_refused, "identifier", IdentifierCreate{"10.1000/1", "hdl", {}});
}

model::Import found_zone() {
  model::Import import;
  import.tld = name("example");
  import.hosts = {{name("ns1.a.example"), {"192.0.2.1", "10.0.0.1"}, 172800, 0, false}};
  import.delegations = {
      {name("a.example"), {name("ns1.a.example"), name("ns.invalid")}, 172800, {}, 0, false},
      {name("b.example"), {name("ns1.a.example"), name("ns.b.example")}, 172800, {}, 86400, false}};
  import.delegations[1].ds = {{1, 5, 1, Bytes(20, 1)}, {1, 5, 1, Bytes(20, 1)}, {2, 13, 2, Bytes(32, 2)}};
  return import;
}

TEST_F(ImportTest, KeepsWhatItFindsAndNotesWhatPolicyWouldRefuse) {
  auto outcome = must(found_zone(), "operator");
  auto view = reader();
  auto b = *view->domain(name("b.example"));
  ASSERT_TRUE(b);
  EXPECT_EQ(b->ds.size(), 2U);
  EXPECT_EQ(b->ds_ttl_s, 86400U);
  EXPECT_EQ(b->ns_ttl_s, 172800U);
  EXPECT_EQ(b->origin.sponsor, "operator");
  EXPECT_EQ((*view->host(name("ns1.a.example")))->a_ttl_s, 172800U);
  std::string notes;
  for (const auto& note : outcome.notes) notes += note + "\n";
  for (auto expected : {"10.0.0.1 is a private address", "192.0.2.1 is a documentation address", "DS 1 5 1",
                        "ns.b.example lies in the zone and has no address"})
    EXPECT_NE(notes.find(expected), std::string::npos) << expected << " in\n" << notes;
  EXPECT_EQ((*view->event(outcome.seq))->changes.size(), 5U);  // 2 domains, 1 host, 2 hosts on the way
}

TEST_F(ImportTest, RepeatingChangesNothing) {
  auto first = must(found_zone(), "operator");
  auto again = must(found_zone(), "operator");
  EXPECT_EQ(again.seq, 0U);
  EXPECT_EQ(reader()->last_seq(), first.seq);
  auto changed = found_zone();
  changed.delegations[0].ns_ttl_s = 60;
  auto third = must(changed, "operator");
  EXPECT_EQ((*reader()->event(third.seq))->changes.size(), 1U);
}

TEST_F(ImportTest, RemovesWhatIsGone) {
  must(found_zone(), "operator");
  model::Import gone;
  gone.tld = name("example");
  gone.hosts = {{name("ns1.a.example"), {}, 0, 0, true}};
  gone.delegations = {{name("a.example"), {}, 0, {}, 0, true}, {name("never.example"), {}, 0, {}, 0, true}};
  auto outcome = must(gone, "operator");
  auto view = reader();
  EXPECT_FALSE(*view->domain(name("a.example")));
  // b.example still names the host.
  EXPECT_TRUE((*view->host(name("ns1.a.example")))->addresses.empty());
  EXPECT_EQ(outcome.notes.size(), 1U);
  gone.delegations = {{name("b.example"), {}, 0, {}, 0, true}};
  must(gone, "operator");
  EXPECT_FALSE(*reader()->host(name("ns1.a.example")));
}

TEST_F(ImportTest, IsRefused) {
  refused(Code::forbidden, "", found_zone());
  auto with = [](auto change) {
    auto import = found_zone();
    change(import);
    return import;
  };
  refused(Code::not_found, "tld", with([](auto& i) { i.tld = name("none"); }), "operator");
  refused(Code::policy_refused, "delegations[0].name",
          with([](auto& i) { i.delegations[0].name = name("a.test"); }), "operator");
  refused(Code::policy_refused, "hosts[0].name", with([](auto& i) { i.hosts[0].name = name("ns.invalid"); }),
          "operator");
  refused(Code::bad_syntax, "hosts[0].addresses[1]", with([](auto& i) { i.hosts[0].addresses[1] = "x"; }),
          "operator");
  refused(Code::bad_request, "delegations[1].name",
          with([](auto& i) { i.delegations[1] = i.delegations[0]; }), "operator");
  refused(Code::too_large, "", with([](auto& i) { i.delegations.resize(1'001, i.delegations[0]); }),
          "operator");
}

}  // namespace
}  // namespace onoma::registry
