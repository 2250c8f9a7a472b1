// Zones, registrars and contacts: what is permitted to whom, and that secrets and personal data stay out of
// the store.
#include <fstream>
#include <iterator>

#include "fixture.h"

namespace onoma::registry {
namespace {

using TldTest = RegistryTest;
using RegistrarTest = RegistryTest;
using ContactTest = RegistryTest;

TEST_F(TldTest, CreateIsRefused) {
  refused(Code::forbidden, "", model::TldCreate{zone("new")});
  refused(Code::exists, "name", model::TldCreate{zone("TEST")}, "operator");
  auto with = [&](auto change) {
    auto tld = zone("new");
    change(tld);
    return model::TldCreate{tld};
  };
  refused(Code::missing_field, "apex", with([](auto& t) { t.apex.clear(); }), "operator");
  refused(Code::bad_syntax, "apex[1].data",
          with([](auto& t) { t.apex.push_back({wire::RRType::A, 60, "192.0.2"}); }), "operator");
  refused(Code::policy_refused, "apex[1].type",
          with([](auto& t) { t.apex.push_back({wire::RRType::SOA, 60, "a. b. 1 2 3 4 5"}); }), "operator");
  refused(Code::policy_refused, "identifier_apex",
          with([](auto& t) { t.identifier_apex = name("id.elsewhere"); }), "operator");
  refused(Code::out_of_range, "term_years", with([](auto& t) { t.term_years = 0; }), "operator");
  refused(Code::bad_syntax, "name", model::TldCreate{zone("a_b")}, "operator");
}

TEST_F(TldTest, RecordsOfTheZonesOwnBelowItsApex) {
  const auto with = [&](wire::RRType type, const char* data, const char* owner) {
    auto tld = zone("new");
    tld.apex.push_back({type, 60, data, name(owner)});
    return tld;
  };
  const auto dmarc = with(wire::RRType::TXT, "\"v=DMARC1\"", "_dmarc.kept.new");
  refused(Code::policy_refused, "apex[1].name", model::TldCreate{with(wire::RRType::TXT, "x", "_dmarc.test")},
          "operator");
  refused(Code::policy_refused, "apex[1].name", model::TldCreate{with(wire::RRType::TXT, "x", "new")},
          "operator");
  refused(Code::policy_refused, "apex[1].type",
          model::TldCreate{with(wire::RRType::A, "192.0.2.1", "www.new")}, "operator");
  refused(Code::policy_refused, "apex[1].type", model::TldCreate{with(wire::RRType::NS, "a.b.", "www.new")},
          "operator");
  must(model::TldCreate{dmarc}, "operator");
  refused(Code::policy_refused, "name", domain("kept.new"), "operator");
  auto tld = *reader()->tld(name("new"));
  EXPECT_EQ(tld->apex, dmarc.apex);
  must(domain("info.new", {"a.gtld.invalid"}), "operator");
  refused(Code::association_prohibits, "apex[1].name",
          model::TldUpdate{with(wire::RRType::TXT, "x", "a.info.new")}, "operator");
}

TEST_F(TldTest, DefaultsAreFilledIn) {
  must(model::TldCreate{zone("new")}, "operator");
  auto tld = *reader()->tld(name("new"));
  EXPECT_EQ(tld->mname, name("ns1.nic.invalid"));
  EXPECT_EQ(tld->rname, name("hostmaster.new"));
}

TEST_F(TldTest, TheRootAndZonesBelowZones) {
  must(model::TldCreate{zone(".")}, "operator");
  must(domain("com", {"a.gtld.invalid"}), "operator");
  must(domain("a.test"));  // still in its own zone
  refused(Code::association_prohibits, "name", model::TldCreate{zone("a.test")}, "operator");
  refused(Code::association_prohibits, "name", model::TldCreate{zone("x.com")}, "operator");
  must(model::TldCreate{zone("sub.test")}, "operator");
  refused(Code::policy_refused, "name", domain("sub.test"));
  must(domain("b.sub.test"), "operator");
  EXPECT_EQ((*reader()->domain(name("b.sub.test")))->tld, name("sub.test"));

  std::vector<std::string> seen;
  auto done = reader()->each_domain(name("test"), [&](model::Domain&& d) -> Result<void> {
    seen.push_back(model::name_text(d.name));
    return {};
  });
  ASSERT_TRUE(done);
  EXPECT_EQ(seen, (std::vector<std::string>{"a.test"}));
  seen.clear();
  ASSERT_TRUE(reader()->each_domain(model::Name(), [&](model::Domain&& d) -> Result<void> {
    seen.push_back(model::name_text(d.name));
    return {};
  }));
  EXPECT_EQ(seen, (std::vector<std::string>{"com"}));
}

TEST_F(TldTest, UpdateAndDelete) {
  auto tld = zone("example");
  tld.ns_ttl_s = 60;
  EXPECT_EQ(must(model::TldUpdate{tld}, "operator").revision, 2U);
  refused(Code::forbidden, "", model::TldUpdate{tld});
  refused(Code::not_found, "name", model::TldUpdate{zone("none")}, "operator");
  must(domain("a.example"));
  refused(Code::association_prohibits, "name", model::TldDelete{name("example")}, "operator");
  must(model::DomainDelete{"a.example"});
  must(model::TldDelete{name("example")}, "operator");
  refused(Code::policy_refused, "name", domain("a.example"));
}

TEST_F(RegistrarTest, TokensLogIn) {
  auto found = registry_->authenticate(tokens_["alpha"]);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->id, "alpha");
  EXPECT_EQ(registry_->authenticate(operator_token_)->role, model::Role::operator_);
  for (auto bad : {std::string(), std::string("alpha"), std::string("alpha."), tokens_["alpha"] + "x",
                   "beta" + tokens_["alpha"].substr(5), std::string(1000, 'a')})
    EXPECT_EQ(registry_->authenticate(bad).error().code, Code::unauthenticated) << bad;

  auto alpha = *found;
  auto renewed = must(model::RegistrarUpdate{alpha, true});
  EXPECT_FALSE(registry_->authenticate(tokens_["alpha"]));
  EXPECT_TRUE(registry_->authenticate(renewed.secret));

  alpha.enabled = false;
  refused(Code::forbidden, "", model::RegistrarUpdate{alpha});
  must(model::RegistrarUpdate{alpha}, "operator");
  EXPECT_FALSE(registry_->authenticate(renewed.secret));
  refused(Code::forbidden, "", domain("a.test"));
}

TEST_F(RegistrarTest, OperatorsOnlyAndNoOrphans) {
  model::RegistrarCreate create;
  create.registrar.id = "gamma";
  refused(Code::forbidden, "", create);
  create.registrar.id = "x";
  refused(Code::bad_syntax, "id", create, "operator");
  create.registrar.id = "alpha";
  refused(Code::exists, "id", create, "operator");
  must(domain("a.test"));
  refused(Code::association_prohibits, "id", model::RegistrarDelete{"alpha"}, "operator");
  refused(Code::policy_refused, "id", model::RegistrarDelete{"operator"}, "operator");
  refused(Code::not_found, "id", model::RegistrarDelete{"nobody"}, "operator");
  must(model::RegistrarDelete{"beta"}, "operator");
  EXPECT_FALSE(registry_->authenticate(tokens_["beta"]));
  // There is a first operator already.
  auto second = registry_->bootstrap_operator("second");
  ASSERT_TRUE(second);
  EXPECT_FALSE(*second);
}

model::ContactFields person() {
  return {{{"name", "Wilhelmina Unverwechselbar"},
           {"email", "wilhelmina@mail.invalid"},
           {"cc", "DE"},
           {"voice", "+49.3012345"}}};
}

TEST_F(ContactTest, LifeOfAContact) {
  must(model::ContactCreate{"C-1", person()});
  auto contact = **reader()->contact("C-1");
  auto opened = registry_->open_contact(contact);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->fields, person().fields);
  auto create = domain("a.test");
  create.registrant = "C-1";
  must(create);
  refused(Code::association_prohibits, "id", model::ContactDelete{"C-1"});
  refused(Code::forbidden, "", model::ContactErase{"C-1"}, "beta");

  auto changed = person();
  changed.fields["city"] = "Köln";
  EXPECT_EQ(must(model::ContactUpdate{"C-1", changed}).revision, 2U);
  EXPECT_EQ(must(model::ContactUpdate{"C-1", changed}).seq, 0U);

  auto latest = **reader()->contact("C-1");
  EXPECT_EQ(registry_->open_contact(latest)->fields, changed.fields);
  auto moved = latest;
  moved.id = "C-2";
  EXPECT_FALSE(registry_->open_contact(moved));

  must(model::ContactErase{"C-1"});
  EXPECT_EQ(registry_->open_contact(latest).error().code, Code::gone);
  EXPECT_EQ(must(model::ContactErase{"C-1"}).seq, 0U);
  refused(Code::gone, "id", model::ContactUpdate{"C-1", changed});
  auto other = domain("b.test");
  other.registrant = "C-1";
  refused(Code::gone, "registrant", other);
}

TEST_F(ContactTest, FieldsAreChecked) {
  auto with = [&](const char* field, std::string value) {
    auto fields = person();
    fields.fields[field] = std::move(value);
    return model::ContactCreate{"C-1", fields};
  };
  refused(Code::bad_syntax, "id", model::ContactCreate{"c", person()});
  refused(Code::unknown_field, "fields.shoe", with("shoe", "42"));
  refused(Code::missing_field, "fields.name", with("name", ""));
  refused(Code::bad_syntax, "fields.email", with("email", "nobody"));
  refused(Code::bad_syntax, "fields.cc", with("cc", "de"));
  refused(Code::bad_syntax, "fields.cc", with("cc", "XX"));
  refused(Code::bad_syntax, "fields.voice", with("voice", "12345"));
  refused(Code::bad_syntax, "fields.city", with("city", "a\nb"));
  refused(Code::out_of_range, "fields.org", with("org", std::string(256, 'a')));
}

TEST_F(ContactTest, NoSecretAndNoPersonalDataReachTheDisk) {
  model::Context retry;
  retry.actor = "operator";
  retry.idempotency_key = "key";
  model::RegistrarCreate create;
  create.registrar.id = "gamma";
  auto secret = registry_->run(create, retry)->secret;
  ASSERT_GT(secret.size(), 40U);
  must(model::ContactCreate{"C-1", person()});
  must(model::ContactUpdate{"C-1", person()});
  // A retry learns everything but the secret, which is nowhere.
  auto again = registry_->run(create, retry);
  EXPECT_TRUE(again->repeated);
  EXPECT_TRUE(again->secret.empty());
  std::string disk;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    std::ifstream file(entry.path(), std::ios::binary);
    disk.append(std::istreambuf_iterator<char>(file), {});
  }
  ASSERT_NE(disk.find("registrar.create"), std::string::npos) << "the search would find what is there";
  for (const auto& hidden : {secret, operator_token_, secret.substr(6), std::string("Unverwechselbar"),
                             std::string("wilhelmina@mail"), std::string("3012345")})
    EXPECT_EQ(disk.find(hidden), std::string::npos);
}

}  // namespace
}  // namespace onoma::registry
