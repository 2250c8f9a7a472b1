// What a question finds: outcomes, records, registry objects, proof, in every kind of zone.
#include <algorithm>

#include <gmock/gmock.h>

#include "unit/resolve/support.h"
#include "wire/rrtype.h"

namespace onoma::resolve::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using wire::RRType;

class Resolve : public ::testing::Test {
 protected:
  const Name apex_ = name("test.");
  ManualClock clock_{kNow};
  Registry registry_;
  zone::SnapshotPtr zone_;
  std::map<std::uint64_t, PublishTrace> traces_;

  void SetUp() override {
    model::Tld tld;
    tld.name = apex_;
    tld.identifier_apex = name("id.test.");
    registry_.tlds["test"] = tld;
    for (auto label : {"secure", "plain"}) {
      model::Domain domain;
      domain.name = name(std::string(label) + ".test.");
      domain.unicode = std::string(label) + ".test";
      domain.tld = apex_;
      domain.origin.sponsor = "reg-a";
      domain.registrant = "contact-of-" + std::string(label);
      registry_.put(domain);
    }
    model::Identifier identifier{
        .scheme = "hdl", .canonical = "10.1000/182", .display = "10.1000/182", .prefix = "10.1000"};
    identifier.dns_name = name("182._h.1000.10.hdl.id.test.");
    identifier.tld = apex_;
    identifier.origin.sponsor = "reg-b";
    model::Value open{.index = 1, .type = "URL", .data = to_bytes("https://www.doi.org/")};
    model::Value closed{
        .index = 300, .type = "HS_SECKEY", .data = to_bytes("open sesame"), .permissions = 0x0C};
    identifier.values = {open, closed};
    registry_.put(identifier);
    serve(zone::Denial::nsec);
  }

  void serve(zone::Denial denial, bool opt_out = false) {
    zone_ = build(apex_, denial == zone::Denial::none ? sets_from(apex_, kZone)
                                                      : signed_sets(apex_, kZone, denial, opt_out));
  }
  Resolution ask(std::string_view text, const Options& options = {}) {
    auto answer = resolver().resolve(text, options);
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().message);
    return answer ? *std::move(answer) : Resolution{};
  }
  Resolver resolver() {
    Sources sources;
    sources.zone_for = [this](NameView at) -> zone::SnapshotPtr {
      return zone_ && at.is_at_or_below(zone_->facts().apex) ? zone_ : nullptr;
    };
    sources.registry = &registry_;
    sources.clock = &clock_;
    sources.publish_trace = [this](NameView, std::uint64_t seq) -> std::optional<PublishTrace> {
      const auto found = traces_.find(seq);
      if (found == traces_.end()) return std::nullopt;
      return found->second;
    };
    return Resolver(std::move(sources));
  }
};

TEST_F(Resolve, AnIdentifierInAnySpelling) {
  for (auto text :
       {"10.1000/182", "doi:10.1000/182", "https://doi.org/10.1000/182", "182._h.1000.10.hdl.id.test."}) {
    const auto answer =
        ask(text, std::string_view(text).ends_with("test.") ? Options{"domain", {}} : Options{});
    EXPECT_EQ(answer.outcome, Outcome::found) << text;
    EXPECT_TRUE(answer.positive());
    EXPECT_EQ(answer.dns_name.text(), "182._h.1000.10.hdl.id.test.");
    ASSERT_THAT(answer.records, SizeIs(2)) << text;
    EXPECT_EQ(answer.records[0].set.type, RRType::TXT);
    EXPECT_EQ(answer.records[1].set.type, RRType::URI);
    for (const auto& found : answer.records) EXPECT_EQ(found.status, SignatureStatus::verified);
    EXPECT_EQ(answer.proof.dnssec, SignatureStatus::verified);
    ASSERT_TRUE(answer.proof.change);
    EXPECT_EQ(answer.proof.change->seq, 3U);
    EXPECT_EQ(answer.proof.change->command, "identifier.create");
    EXPECT_EQ(answer.proof.serial, 2026092501U);
    ASSERT_THAT(answer.identifiers, SizeIs(1));
    EXPECT_FALSE(answer.denial);
  }
  EXPECT_EQ(ask("10.1000/182").kind, "DOI");
}

TEST_F(Resolve, OnlyPublicValuesLeave) {
  const auto answer = ask("10.1000/182");
  ASSERT_THAT(answer.identifiers.at(0).values, SizeIs(1));
  EXPECT_EQ(answer.identifiers[0].values[0].type, "URL");
  for (const auto& shown : {resolution_json(answer), resolution_text(answer, {.trace = true})}) {
    EXPECT_THAT(shown, ::testing::Not(HasSubstr("sesame")));
    EXPECT_THAT(shown, ::testing::Not(HasSubstr("HS_SECKEY")));
  }
  EXPECT_THAT(resolution_json(ask("secure.test")), ::testing::Not(HasSubstr("contact-of")));
}

TEST_F(Resolve, TheZonesDsIsThatOfItsKsk) {
  const auto answer = ask("10.1000/182");
  ASSERT_THAT(answer.proof.ds, SizeIs(1));
  EXPECT_THAT(answer.proof.ds[0], HasSubstr(" 13 2 "));
}

TEST_F(Resolve, ASecureDelegationOneStep) {
  const auto answer = ask("www.secure.test");
  EXPECT_EQ(answer.outcome, Outcome::delegated);
  ASSERT_TRUE(answer.delegation);
  EXPECT_EQ(answer.delegation->cut.text(), "secure.test.");
  EXPECT_EQ(answer.delegation->name_servers.rdatas.size(), 2U);
  ASSERT_TRUE(answer.delegation->ds);
  EXPECT_EQ(answer.delegation->ds->status, SignatureStatus::verified);
  ASSERT_THAT(answer.delegation->glue, SizeIs(2));
  EXPECT_EQ(answer.delegation->glue[0].owner.text(), "ns1.secure.test.");
  ASSERT_TRUE(answer.domain);
  EXPECT_EQ(answer.domain->name.text(), "secure.test.");
  EXPECT_EQ(answer.proof.change->seq, 1U);
  EXPECT_FALSE(answer.denial);
}

class EveryDenial : public Resolve, public ::testing::WithParamInterface<std::pair<zone::Denial, bool>> {
 protected:
  void SetUp() override {
    Resolve::SetUp();
    serve(GetParam().first, GetParam().second);
  }
  void expect_proved(const Resolution& answer) {
    ASSERT_TRUE(answer.denial);
    EXPECT_TRUE(answer.denial->absence.complete) << resolution_text(answer);
    EXPECT_EQ(answer.denial->status, SignatureStatus::verified);
    EXPECT_EQ(answer.denial->absence.kind, GetParam().first);
    EXPECT_FALSE(answer.denial->absence.records.empty());
    EXPECT_EQ(answer.proof.dnssec, SignatureStatus::verified);
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, EveryDenial,
                         ::testing::Values(std::pair(zone::Denial::nsec, false),
                                           std::pair(zone::Denial::nsec3, false),
                                           std::pair(zone::Denial::nsec3, true)));

TEST_P(EveryDenial, ProvesThatANameIsNotThere) {
  const auto answer = ask("nothing.here.test");
  EXPECT_EQ(answer.outcome, Outcome::not_found);
  EXPECT_FALSE(answer.positive());
  expect_proved(answer);
  const auto handle = ask("10.1000/183");
  EXPECT_EQ(handle.outcome, Outcome::not_found);
  expect_proved(handle);
}

TEST_P(EveryDenial, ProvesThatANameIsEmpty) {
  const auto answer = ask("10.1000");
  EXPECT_EQ(answer.outcome, Outcome::no_data);
  EXPECT_EQ(answer.kind, "DOI prefix");
  expect_proved(answer);
}

TEST_P(EveryDenial, ProvesThatADelegationHasNoDs) {
  const auto answer = ask("plain.test");
  EXPECT_EQ(answer.outcome, Outcome::delegated);
  EXPECT_FALSE(answer.delegation->ds);
  EXPECT_THAT(answer.delegation->glue, SizeIs(1));
  expect_proved(answer);
  EXPECT_EQ(answer.denial->absence.opt_out, GetParam().second);
  EXPECT_THAT(resolution_text(answer), HasSubstr("not secured"));
}

TEST_F(Resolve, AWildcardAndADname) {
  const auto wild = ask("any.wild.test");
  EXPECT_EQ(wild.outcome, Outcome::found);
  EXPECT_EQ(wild.from_wildcard->text(), "*.wild.test.");
  EXPECT_EQ(wild.records.at(0).status, SignatureStatus::verified);
  const auto alias = ask("a.b.alias.test");
  EXPECT_EQ(alias.redirected_by->text(), "alias.test.");
  EXPECT_EQ(alias.records.at(0).status, SignatureStatus::verified);
}

TEST_F(Resolve, TheZoneItself) {
  const auto answer = ask("test.");
  EXPECT_EQ(answer.outcome, Outcome::found);
  EXPECT_EQ(answer.operated_zone->text(), "test.");
  EXPECT_EQ(answer.proof.dnssec, SignatureStatus::verified);
  EXPECT_TRUE(std::ranges::any_of(answer.records,
                                  [](const auto& found) { return found.set.type == RRType::DNSKEY; }));
}

TEST_F(Resolve, AnUnsignedZoneHasOnlyItsWord) {
  serve(zone::Denial::none);
  EXPECT_EQ(ask("10.1000/182").proof.dnssec, SignatureStatus::unsigned_zone);
  const auto answer = ask("nothing.test");
  EXPECT_EQ(answer.outcome, Outcome::not_found);
  EXPECT_EQ(answer.denial->absence.kind, zone::Denial::none);
  EXPECT_FALSE(answer.denial->absence.complete);
  EXPECT_THAT(resolution_text(answer), HasSubstr("not signed"));
}

TEST_F(Resolve, SignaturesAgeWithTheClock) {
  clock_.advance(std::chrono::hours(24 * 40));
  EXPECT_EQ(ask("10.1000/182").proof.dnssec, SignatureStatus::expired);
  EXPECT_THAT(resolution_text(ask("10.1000/182")), HasSubstr("expired"));
  clock_.advance(-std::chrono::hours(24 * 50));
  EXPECT_EQ(ask("10.1000/182").proof.dnssec, SignatureStatus::not_yet_valid);
}

TEST_F(Resolve, DamageIsSeen) {
  auto sets = signed_sets(apex_, kZone, zone::Denial::nsec);
  for (auto& set : sets) {
    if (set.type == RRType::URI) set.rdatas[0].back() ^= 1;  // changed after signing
    if (set.type == RRType::DS) set.signatures.clear();      // signature lost
  }
  zone_ = build(apex_, sets);
  const auto changed = ask("10.1000/182");
  EXPECT_EQ(changed.records.at(0).status, SignatureStatus::verified);
  EXPECT_EQ(changed.records.at(1).status, SignatureStatus::bogus);
  EXPECT_EQ(changed.proof.dnssec, SignatureStatus::bogus);
  EXPECT_EQ(ask("secure.test").delegation->ds->status, SignatureStatus::missing);
}

TEST_F(Resolve, KeysThatAreNotSignedByAKskAreNotBelieved) {
  auto sets = signed_sets(apex_, kZone, zone::Denial::nsec);
  const auto other = signed_sets(apex_, kZone, zone::Denial::nsec);
  for (auto& set : sets)
    if (set.type == RRType::DNSKEY)
      for (const auto& mine : other)
        if (mine.type == RRType::DNSKEY) set.signatures = mine.signatures;
  zone_ = build(apex_, sets);
  EXPECT_EQ(ask("10.1000/182").proof.dnssec, SignatureStatus::bogus);
}

TEST_F(Resolve, WhatNoZoneHereHolds) {
  const auto answer = ask("www.example.com");
  EXPECT_EQ(answer.outcome, Outcome::elsewhere);
  EXPECT_FALSE(answer.positive());
  EXPECT_TRUE(answer.proof.zone.is_root());
  EXPECT_THAT(resolution_json(answer), HasSubstr(R"("outcome":"elsewhere")"));
}

TEST_F(Resolve, ARemovedObjectStillHasItsLastEvent) {
  registry_.identifiers.clear();
  registry_.record(model::ObjectKind::identifier, "hdl:10.1000/182", "identifier.delete");
  const auto answer = ask("10.1000/182");
  EXPECT_THAT(answer.identifiers, SizeIs(0));
  EXPECT_EQ(answer.proof.change->command, "identifier.delete");
}

TEST_F(Resolve, HowAChangeWasPublished) {
  PublishTrace trace{
      apex_, 2026092501, kNow, kNow + Duration(100), {}, {}, kNow + Duration(900), kNow + Duration(1000)};
  traces_[3] = trace;
  const auto answer = ask("10.1000/182");
  ASSERT_TRUE(answer.proof.publish);
  const auto text = resolution_text(answer, {.trace = true});
  EXPECT_THAT(text, HasSubstr("+1000 µs"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("1970")));
  EXPECT_THAT(resolution_json(answer), HasSubstr(R"("shown":")"));
  EXPECT_THAT(resolution_text(answer), ::testing::Not(HasSubstr("committed")));
}

TEST_F(Resolve, StepsAreInOrder) {
  const auto answer = ask("10.1000/182");
  std::vector<std::string> names;
  for (const auto& step : answer.steps) names.push_back(step.name);
  EXPECT_THAT(names,
              ::testing::ElementsAre("identify", "map", "registry", "zone", "look up", "verify", "history"));
  const auto text = resolution_text(answer, {.trace = true});
  for (const auto& step : names) EXPECT_THAT(text, HasSubstr(step));
  EXPECT_THAT(resolution_text(answer), ::testing::Not(HasSubstr("steps")));
}

TEST_F(Resolve, ErrorsAreForWhatCannotBeAsked) {
  EXPECT_EQ(resolver().resolve("").error().code, Code::bad_syntax);
  EXPECT_EQ(resolver().resolve("1.2.3.4").error().code, Code::unsupported);
  registry_.tlds.clear();
  EXPECT_EQ(resolver().resolve("20.1/x", {"hdl", {}}).error().code, Code::unavailable);
  EXPECT_EQ(ask("20.1/x", {"hdl", name("other.test.")}).dns_name.text(), "x._h.1.20.hdl.other.test.");
}

TEST_F(Resolve, WithoutARegistry) {
  const Resolver bare({[this](NameView) { return zone_; }, nullptr, &clock_, {}});
  const auto answer = bare.resolve("10.1000/182", {{}, name("id.test.")});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->outcome, Outcome::found);
  EXPECT_FALSE(answer->proof.change);
  EXPECT_EQ(bare.resolve("www.example.com")->outcome, Outcome::elsewhere);  // the zone given does not hold it
}

TEST_F(Resolve, JsonSaysTheSame) {
  const auto json = resolution_json(ask("10.1000/182"));
  for (auto part :
       {R"("query":"10.1000/182")", R"("canonical":"10.1000/182")", R"("outcome":"found")",
        R"("dns_name":"182._h.1000.10.hdl.id.test")", R"("dnssec":"verified")", R"("signed":true)",
        R"("seq":3)", R"("serial":2026092501)", R"("type":"URI")", R"("us":)"})
    EXPECT_THAT(json, HasSubstr(part));
  EXPECT_THAT(resolution_json(ask("secure.test")), HasSubstr(R"("cut":"secure.test")"));
  EXPECT_THAT(resolution_json(ask("nothing.test")), HasSubstr(R"("kind":"nsec")"));
}

}  // namespace
}  // namespace onoma::resolve::testing
