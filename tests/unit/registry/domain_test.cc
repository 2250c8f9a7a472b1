// What may and may not be done with domains and hosts, with the exact code and field.
#include "fixture.h"

namespace onoma::registry {
namespace {

using DomainTest = RegistryTest;
using HostTest = RegistryTest;
using model::DomainDelete;
using model::DomainUpdate;
using model::HostCreate;
using model::HostDelete;
using model::HostUpdate;

DomainUpdate update(std::string name) {
  DomainUpdate out;
  out.name = std::move(name);
  return out;
}

TEST_F(DomainTest, CreateMakesDomainHostsAndOneEvent) {
  auto create = domain("A.Test.", {"NS1.a.test", "ns.elsewhere.invalid"});
  create.glue = {{"ns1.a.test", {"192.0.2.1", "2001:DB8:0::1"}}};
  create.ds = {ds()};
  create.years = 2;
  auto outcome = must(create);
  EXPECT_EQ(outcome.revision, 1U);

  auto view = reader();
  auto a = view->domain(name("a.test"));
  ASSERT_TRUE(a && *a);
  EXPECT_EQ((*a)->origin.sponsor, "alpha");
  EXPECT_EQ((*a)->tld, name("test"));
  EXPECT_EQ(iso8601((*a)->expires), iso8601(clock_.now() + std::chrono::days(731)));  // 2028 is a leap year
  EXPECT_EQ(outcome.object, to_json(**a));
  auto host = view->host(name("ns1.a.test"));
  EXPECT_EQ((*host)->addresses, (std::vector<std::string>{"192.0.2.1", "2001:db8::1"}));
  EXPECT_TRUE((*view->host(name("ns.elsewhere.invalid")))->addresses.empty());
  EXPECT_TRUE(*view->host_is_used(name("ns1.a.test"), name("test")));
  EXPECT_FALSE(*view->host_is_used(name("ns1.a.test"), name("example")));

  auto event = view->event(outcome.seq);
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->command, "domain.create");
  EXPECT_EQ((*event)->changes.size(), 3U);  // the domain and two hosts
  EXPECT_EQ(view->last_seq(), outcome.seq);
  EXPECT_EQ((*view->event_by_id(outcome.id))->seq, outcome.seq);
  EXPECT_EQ(*view->last_event_of(model::ObjectKind::host, "ns1.a.test"), outcome.seq);
}

TEST_F(DomainTest, InternationalNamesAreKeptInBothForms) {
  must(domain("中国.test"));
  auto found = reader()->domain(name("xn--fiqs8s.test"));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->unicode, "中国.test");
  refused(Code::exists, "name", domain("xn--FIQS8S.test"));
  auto ascii_only = zone("ascii");
  ascii_only.allow_idn = false;
  must(model::TldCreate{ascii_only}, "operator");
  refused(Code::policy_refused, "name", domain("中国.ascii"), "operator");
}

TEST_F(DomainTest, CreateIsRefused) {
  must(domain("taken.test"), "beta");
  must(model::ContactCreate{"B-1", {{{"name", "B"}, {"email", "b@b.invalid"}}}}, "beta");

  refused(Code::exists, "name", domain("taken.test"));
  refused(Code::policy_refused, "name", domain("a.elsewhere"));
  refused(Code::policy_refused, "name", domain("test"));
  refused(Code::policy_refused, "name", domain("a.b.test"));
  refused(Code::policy_refused, "name", domain("id.test"));
  refused(Code::bad_syntax, "name", domain("a_b.test"));
  refused(Code::bad_syntax, "name", domain("-a.test"));
  refused(Code::bad_syntax, "name", domain("xn--zzzzzz99.test"));
  refused(Code::bad_syntax, "name_servers[1]", domain("a.test", {"ns1.invalid", "ns..invalid"}));
  refused(Code::bad_syntax, "name_servers[1]", domain("a.test", {"ns1.invalid", "NS1.invalid."}));
  refused(Code::policy_refused, "name_servers[0]", domain("a.test", {"ns.some.alt"}));
  refused(Code::not_found, "name_servers[0]", domain("a.test", {"ns1.a.test"}));
  refused(Code::policy_refused, "name_servers", domain("a.test", std::vector<std::string>(14, "ns.invalid")));

  auto with = [&](auto change) {
    auto create = domain("a.test");
    change(create);
    return create;
  };
  refused(Code::policy_refused, "ds[0]", with([&](auto& c) { c.ds = {ds(5)}; }));
  refused(Code::policy_refused, "ds[0]", with([&](auto& c) { c.ds = {ds(13, 1, 20)}; }));
  refused(Code::policy_refused, "ds[1]", with([&](auto& c) { c.ds = {ds(), ds(13, 4, 32)}; }));
  refused(Code::bad_syntax, "ds[1]", with([&](auto& c) { c.ds = {ds(), ds()}; }));
  refused(Code::policy_refused, "ds", with([&](auto& c) {
            for (std::uint16_t i = 0; i < 9; ++i) c.ds.push_back(ds()), c.ds.back().key_tag = i;
          }));
  refused(Code::out_of_range, "years", with([&](auto& c) { c.years = 0; }));
  refused(Code::out_of_range, "years", with([&](auto& c) { c.years = 11; }));
  refused(Code::not_found, "registrant", with([&](auto& c) { c.registrant = "none"; }));
  refused(Code::forbidden, "registrant", with([&](auto& c) { c.registrant = "B-1"; }));
  refused(Code::policy_refused, "glue[0].host",
          with([&](auto& c) { c.glue = {{"ns1.taken.test", {"192.0.2.1"}}}; }));
  refused(Code::bad_syntax, "glue[0].addresses[0]",
          with([&](auto& c) { c.glue = {{"ns1.a.test", {"192.0.2.256"}}}; }));
  // Nothing of what a refused command had made is left.
  EXPECT_FALSE(*reader()->host(name("ns1.a.test")));

  refused(Code::unauthenticated, "", domain("a.test"), "nobody");
  model::RegistrarCreate narrow;
  narrow.registrar.id = "narrow";
  narrow.registrar.tlds = {"example"};
  must(narrow, "operator");
  refused(Code::forbidden, "", domain("a.test"), "narrow");
  must(domain("a.example"), "narrow");
}

TEST_F(DomainTest, LabelsMayBeDeepWhereTheZonePermitsButNeverHidden) {
  auto deep = zone("deep");
  deep.max_domain_labels = 3;
  must(model::TldCreate{deep}, "operator");
  must(domain("b.a.deep"), "operator");
  refused(Code::policy_refused, "name", domain("c.b.a.deep"), "operator");  // below a delegation
  refused(Code::policy_refused, "name", domain("a.deep"), "operator");      // above one
  must(domain("c.x.deep"), "operator");
}

TEST_F(DomainTest, UpdateChangesWhatItNamesOnly) {
  auto create = domain("a.test");
  create.ds = {ds()};
  must(create);
  auto change = update("A.test");
  change.name_servers = std::vector<std::string>{"ns3.invalid"};
  auto outcome = must(change);
  EXPECT_EQ(outcome.revision, 2U);
  auto view = reader();
  auto a = *view->domain(name("a.test"));
  EXPECT_EQ(a->name_servers, (std::vector<model::Name>{name("ns3.invalid")}));
  EXPECT_EQ(a->ds.size(), 1U);
  EXPECT_TRUE(view->domains_using(name("ns1.invalid"), 10)->empty());
  EXPECT_EQ(view->domains_using(name("ns3.invalid"), 10)->size(), 1U);

  // The same again changes nothing and makes no event.
  auto again = must(change);
  EXPECT_EQ(again.seq, 0U);
  EXPECT_EQ(again.revision, 2U);
  EXPECT_EQ(reader()->last_seq(), outcome.seq);

  refused(Code::forbidden, "", change, "beta");
  refused(Code::not_found, "name", update("none.test"));
  auto bad = update("a.test");
  bad.ds = std::vector<model::DsData>{ds(1)};
  refused(Code::policy_refused, "ds[0]", bad);
}

TEST_F(DomainTest, StatusesForbid) {
  must(domain("a.test"));
  auto lock = update("a.test");
  lock.statuses = std::set<std::string>{"clientUpdateProhibited", "clientDeleteProhibited"};
  must(lock);
  auto change = update("a.test");
  change.name_servers = std::vector<std::string>{};
  refused(Code::status_prohibits, "", change);
  refused(Code::status_prohibits, "", DomainDelete{"a.test"});
  // Removing the prohibition and changing something else at once is refused too.
  auto both = change;
  both.statuses = std::set<std::string>{};
  refused(Code::status_prohibits, "", both);
  auto unlock = update("a.test");
  unlock.statuses = std::set<std::string>{};
  must(unlock);
  must(change);

  auto server = update("a.test");
  server.statuses = std::set<std::string>{"serverHold"};
  refused(Code::forbidden, "statuses", server);
  must(server, "operator");
  must(unlock);  // a registrar cannot take the server's status away
  EXPECT_TRUE((*reader()->domain(name("a.test")))->statuses.contains("serverHold"));
  auto unknown = update("a.test");
  unknown.statuses = std::set<std::string>{"clientFly"};
  refused(Code::bad_syntax, "statuses", unknown);
  unknown.statuses = std::set<std::string>{"pendingDelete"};
  refused(Code::bad_syntax, "statuses", unknown);
  must(DomainDelete{"a.test"});
}

TEST_F(DomainTest, DeleteTakesItsHostsUnlessOthersUseThem) {
  auto create = domain("a.test", {"ns1.a.test"});
  create.glue = {{"ns1.a.test", {"192.0.2.1"}}, {"ns2.a.test", {"192.0.2.2"}}};
  must(create);
  must(domain("b.test", {"ns2.a.test"}), "beta");
  refused(Code::association_prohibits, "name", DomainDelete{"a.test"});
  refused(Code::forbidden, "", DomainDelete{"a.test"}, "beta");
  must(DomainDelete{"b.test"}, "beta");
  auto outcome = must(DomainDelete{"a.test"});
  EXPECT_TRUE(outcome.object.empty());
  auto view = reader();
  EXPECT_FALSE(*view->domain(name("a.test")));
  EXPECT_FALSE(*view->host(name("ns1.a.test")));
  EXPECT_FALSE(*view->host(name("ns2.a.test")));
  EXPECT_EQ((*view->event(outcome.seq))->changes.size(), 3U);
  must(domain("a.test"), "beta");
}

TEST_F(HostTest, CreateUpdateDelete) {
  must(domain("a.test", {}));
  must(HostCreate{"ns1.a.test", {"192.0.2.1"}});
  refused(Code::exists, "name", HostCreate{"NS1.A.test", {}});
  refused(Code::not_found, "name", HostCreate{"ns1.b.test", {"192.0.2.1"}});
  refused(Code::forbidden, "", HostCreate{"ns2.a.test", {"192.0.2.1"}}, "beta");
  refused(Code::out_of_range, "addresses", HostCreate{"ns1.invalid", {"192.0.2.1"}});
  refused(Code::policy_refused, "name", HostCreate{"ns1.alt", {}});
  must(HostCreate{"ns1.invalid", {}}, "beta");
  must(HostCreate{"ns.test", {"192.0.2.9"}}, "operator");

  must(domain("b.test", {"ns1.a.test"}), "beta");
  refused(Code::association_prohibits, "addresses", HostUpdate{"ns1.a.test", {}, {}});
  refused(Code::association_prohibits, "name", HostDelete{"ns1.a.test"});
  refused(Code::forbidden, "", HostUpdate{"ns1.a.test", {}, {}}, "beta");
  auto outcome = must(HostUpdate{"ns1.a.test", {"2001:db8::0:1", "192.0.2.3"}, {}});
  EXPECT_EQ(outcome.revision, 2U);
  EXPECT_EQ((*reader()->host(name("ns1.a.test")))->addresses,
            (std::vector<std::string>{"192.0.2.3", "2001:db8::1"}));
  must(HostUpdate{"ns1.a.test", {"192.0.2.3"}, std::set<std::string>{"clientUpdateProhibited"}});
  refused(Code::status_prohibits, "", HostUpdate{"ns1.a.test", {"192.0.2.4"}, {}});
  must(HostUpdate{"ns1.a.test", {"192.0.2.3"}, std::set<std::string>{}});
  must(DomainDelete{"b.test"}, "beta");
  must(HostDelete{"ns1.a.test"});
}

TEST_F(HostTest, AddressesThatNobodyCanReachAreRefused) {
  must(domain("a.test", {}));
  must(domain("a.example", {}));
  struct Row {
    const char* text;
    bool in_test, in_example;
  };
  const Row kRows[] = {
      {"192.0.2.1", true, false},    {"127.0.0.1", true, false},   {"10.1.2.3", true, false},
      {"172.31.0.1", true, false},   {"172.32.0.1", true, true},   {"8.8.8.8", true, true},
      {"224.0.0.1", false, false},   {"0.0.0.0", false, false},    {"255.255.255.255", false, false},
      {"169.254.1.1", false, false}, {"::1", true, false},         {"::", false, false},
      {"fe80::1", false, false},     {"fd00::1", true, false},     {"ff02::1", false, false},
      {"2001:db8::1", true, false},  {"2001:4860::1", true, true}, {"::ffff:8.8.8.8", false, false}};
  int n = 0;
  for (const auto& row : kRows) {
    auto host = "h" + std::to_string(n++);
    for (bool test : {true, false}) {
      auto outcome = run(HostCreate{host + (test ? ".a.test" : ".a.example"), {row.text}});
      EXPECT_EQ(outcome.has_value(), test ? row.in_test : row.in_example) << row.text;
      if (!outcome) {
        EXPECT_EQ(outcome.error().code, Code::policy_refused) << row.text;
        EXPECT_EQ(outcome.error().field, "addresses[0]");
      }
    }
  }
  refused(Code::bad_syntax, "addresses[1]", HostCreate{"x.a.test", {"192.0.2.1", "192.0.2.1"}});
  refused(Code::bad_syntax, "addresses[0]", HostCreate{"x.a.test", {"192.0.2"}});
  refused(Code::bad_syntax, "addresses[0]", HostCreate{"x.a.test", {"2001:db8::1%eth0"}});
}

TEST_F(DomainTest, ALeapDayBecomesThe28th) {
  clock_.advance(from_unix_seconds(1'835'395'200) - clock_.now());  // 2028-02-29T00:00:00Z
  must(domain("a.test"));
  EXPECT_EQ(iso8601((*reader()->domain(name("a.test")))->expires), "2029-02-28T00:00:00.000000Z");
}

}  // namespace
}  // namespace onoma::registry
