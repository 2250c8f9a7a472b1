// The table of expected answers: one zone, one line per query, unsigned and signed.
#include "serve_support.h"

namespace onoma::serve::test {
namespace {

class ExpectedAnswers : public testing::Test {
 protected:
  Server server{load("tld.", kTld)};

  Reading positive(std::string_view qname, RRType qtype, Lines answer) {
    const auto got = server.ask(qname, qtype);
    std::ranges::sort(answer);
    EXPECT_EQ(got.rcode(), 0) << qname;
    EXPECT_TRUE(got.header.aa()) << qname;
    EXPECT_EQ(Reading::lines(got.answer), answer) << qname;
    return got;
  }
  void negative(std::string_view qname, RRType qtype, Rcode rcode, Lines answer = {}) {
    const auto got = server.ask(qname, qtype);
    std::ranges::sort(answer);
    EXPECT_EQ(got.rcode(), static_cast<int>(rcode)) << qname;
    EXPECT_TRUE(got.header.aa()) << qname;
    EXPECT_EQ(Reading::lines(got.answer), answer) << qname;
    ASSERT_EQ(got.authority.size(), 1U) << qname;
    EXPECT_EQ(got.authority[0].type, RRType::SOA) << qname;
    EXPECT_EQ(got.authority[0].ttl, 300U) << qname;
    EXPECT_TRUE(got.additional.empty()) << qname;
  }
  void referral(std::string_view qname, RRType qtype, Lines authority, Lines additional, Lines answer = {}) {
    const auto got = server.ask(qname, qtype);
    for (auto* lines : {&authority, &additional, &answer}) std::ranges::sort(*lines);
    EXPECT_EQ(got.rcode(), 0) << qname;
    EXPECT_EQ(got.header.aa(), !answer.empty()) << qname;
    EXPECT_EQ(Reading::lines(got.answer), answer) << qname;
    EXPECT_EQ(Reading::lines(got.authority), authority) << qname;
    EXPECT_EQ(Reading::lines(got.additional), additional) << qname;
  }
};

TEST_F(ExpectedAnswers, ReferralsWithGlue) {
  const Lines servers = {"child1.tld. NS ns1.child1.tld.", "child1.tld. NS ns2.child1.tld."};
  const Lines glue = {"ns1.child1.tld. A 192.0.2.1", "ns2.child1.tld. A 192.0.2.2",
                      "ns2.child1.tld. AAAA 2001:db8::2"};
  referral("child1.tld.", RRType::A, servers, glue);
  referral("child1.tld.", RRType::NS, servers, glue);
  referral("child1.tld.", RRType::ANY, servers, glue);
  referral("ns1.child1.tld.", RRType::A, servers, glue);
  referral("mail.child1.tld.", RRType::A, servers, glue);
  referral("mail.child1.tld.", RRType::DS, servers, glue);
  referral("child2.tld.", RRType::A, {"child2.tld. NS ns1.child1.tld."}, {"ns1.child1.tld. A 192.0.2.1"});
  referral("child3.tld.", RRType::A, {"child3.tld. NS ns.child4.tld."}, {"ns.child4.tld. A 192.0.2.4"});
}

TEST_F(ExpectedAnswers, DsIsAnsweredFromTheParentSide) {
  negative("child1.tld.", RRType::DS, Rcode::noerror);
  negative("tld.", RRType::DS, Rcode::noerror);
  positive("sec.tld.", RRType::DS,
           {"sec.tld. DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"});
}

TEST_F(ExpectedAnswers, EmptyNonTerminalsAreNoData) {
  for (const auto* qname : {"sub.tld.", "ent.tld.", "b.ent.tld.", "w.tld."})
    negative(qname, RRType::A, Rcode::noerror);
  negative("nope.tld.", RRType::A, Rcode::nxdomain);
  negative("x.ent.tld.", RRType::A, Rcode::nxdomain);
  negative("www.tld.", RRType::AAAA, Rcode::noerror);
  negative("www.tld.", RRType{65400}, Rcode::noerror);
}

TEST_F(ExpectedAnswers, Wildcards) {
  positive("x.w.tld.", RRType::A, {"x.w.tld. A 192.0.2.7"});
  positive("y.X.w.tld.", RRType::A, {"y.X.w.tld. A 192.0.2.7"});
  positive("*.w.tld.", RRType::A, {"*.w.tld. A 192.0.2.7"});
  negative("x.w.tld.", RRType::AAAA, Rcode::noerror);
  negative("z.host.w.tld.", RRType::A, Rcode::nxdomain);
}

TEST_F(ExpectedAnswers, Aliases) {
  const auto chain = positive("c1.tld.", RRType::A,
                              {"c1.tld. CNAME c2.tld.", "c2.tld. CNAME www.tld.", "www.tld. A 192.0.2.10"});
  EXPECT_EQ(chain.answer.front().owner, "c1.tld.");
  EXPECT_TRUE(chain.authority.empty());
  positive("c1.tld.", RRType::CNAME, {"c1.tld. CNAME c2.tld."});
  positive("c1.tld.", RRType::ANY, {"c1.tld. CNAME c2.tld."});
  negative("cx.tld.", RRType::A, Rcode::nxdomain, {"cx.tld. CNAME nowhere.tld."});
  negative("c1.tld.", RRType::AAAA, Rcode::noerror, {"c1.tld. CNAME c2.tld.", "c2.tld. CNAME www.tld."});
  referral("cd.tld.", RRType::A, {"sec.tld. NS ns1.sec.tld."}, {"ns1.sec.tld. A 192.0.2.5"},
           {"cd.tld. CNAME x.sec.tld."});
  const auto outside = positive("co.tld.", RRType::A, {"co.tld. CNAME www.example.net."});
  EXPECT_TRUE(outside.authority.empty());
  const auto loop =
      positive("loop1.tld.", RRType::A, {"loop1.tld. CNAME loop2.tld.", "loop2.tld. CNAME loop1.tld."});
  EXPECT_TRUE(loop.authority.empty());
}

TEST_F(ExpectedAnswers, Dname) {
  positive("x.dn.tld.", RRType::A,
           {"dn.tld. DNAME target.tld.", "x.dn.tld. CNAME x.target.tld.", "x.target.tld. A 192.0.2.11"});
  positive("x.dn.tld.", RRType::CNAME, {"dn.tld. DNAME target.tld.", "x.dn.tld. CNAME x.target.tld."});
  positive("dn.tld.", RRType::DNAME, {"dn.tld. DNAME target.tld."});
  negative("dn.tld.", RRType::A, Rcode::noerror);
  negative("y.dn.tld.", RRType::A, Rcode::nxdomain,
           {"dn.tld. DNAME target.tld.", "y.dn.tld. CNAME y.target.tld."});
  // 252 octets: four more than there are with "target" for "dn" make 256.
  const auto long_name = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') +
                         "." + std::string(51, 'd') + ".dn.tld.";
  ASSERT_EQ(name(long_name).size(), 252U);
  const auto got = server.ask(long_name);
  EXPECT_EQ(got.rcode(), static_cast<int>(Rcode::yxdomain));
  EXPECT_EQ(Reading::lines(got.answer), Lines{"dn.tld. DNAME target.tld."});
  EXPECT_TRUE(got.header.aa());
}

TEST_F(ExpectedAnswers, OtherZonesAreRefused) {
  for (auto qtype : {RRType::A, RRType::DS}) {
    const auto got = server.ask("example.net.", qtype);
    EXPECT_EQ(got.rcode(), static_cast<int>(Rcode::refused));
    EXPECT_EQ(got.ede(), 20);
    EXPECT_FALSE(got.header.aa());
    EXPECT_TRUE(got.answer.empty() && got.authority.empty() && got.additional.empty());
  }
}

struct AuthorityCount {
  const char* qname;
  RRType qtype;
  std::size_t nsec, nsec3, opt_out;
};

TEST(ExpectedSignedAnswers, AuthorityHoldsJustTheProof) {
  const auto plain = load("tld.", kTld);
  Server nsec(sign(*plain, Signing::nsec)), nsec3(sign(*plain, Signing::nsec3)),
      opt_out(sign(*plain, Signing::opt_out));
  const std::vector<AuthorityCount> rows = {
      {"nope.tld.", RRType::A, 6, 8, 8},    {"www.tld.", RRType::AAAA, 4, 4, 4},
      {"ent.tld.", RRType::A, 4, 4, 4},     {"x.w.tld.", RRType::A, 2, 2, 2},
      {"x.w.tld.", RRType::AAAA, 6, 8, 8},  {"child1.tld.", RRType::A, 4, 4, 6},
      {"child1.tld.", RRType::DS, 4, 4, 6}, {"sec.tld.", RRType::A, 3, 3, 3},
      {"sub.tld.", RRType::DS, 4, 4, 6},
  };
  for (const auto& row : rows) {
    const auto counted = [&](Server& server) {
      const auto got = server.ask(row.qname, row.qtype, true);
      EXPECT_FALSE(got.header.tc());
      return got.authority.size();
    };
    EXPECT_EQ(counted(nsec), row.nsec) << row.qname << " NSEC";
    EXPECT_EQ(counted(nsec3), row.nsec3) << row.qname << " NSEC3";
    EXPECT_EQ(counted(opt_out), row.opt_out) << row.qname << " opt-out";
  }
}

TEST(ExpectedSignedAnswers, WithoutDoNothingOfDnssecIsSent) {
  const auto plain = load("tld.", kTld);
  for (auto how : {Signing::nsec, Signing::nsec3, Signing::opt_out}) {
    Server with(sign(*plain, how)), without(plain);
    for (const auto* qname :
         {"nope.tld.", "www.tld.", "x.w.tld.", "child1.tld.", "sec.tld.", "cx.tld.", "x.dn.tld."}) {
      const auto a = with.ask(qname), b = without.ask(qname);
      EXPECT_EQ(a.rcode(), b.rcode());
      EXPECT_EQ(Reading::lines(a.answer), Reading::lines(b.answer));
      EXPECT_EQ(Reading::lines(a.authority), Reading::lines(b.authority));
      EXPECT_EQ(Reading::lines(a.additional), Reading::lines(b.additional));
    }
  }
}

TEST(ExpectedSignedAnswers, SignaturesTakeTheTtlOfWhatTheyCover) {
  Server server(sign(*load("tld.", kTld), Signing::nsec));
  const auto got = server.ask("nope.tld.", RRType::A, true);
  for (const auto& record : got.authority) {
    EXPECT_EQ(record.ttl, 300U);
    if (record.type != RRType::RRSIG) continue;
    const auto rrsig = wire::Rrsig::read(record.rdata);
    ASSERT_TRUE(rrsig);
    EXPECT_EQ(rrsig->original_ttl, rrsig->covered == RRType::SOA ? 3600U : 300U);
  }
  const auto wild = server.ask("x.w.tld.", RRType::A, true);
  ASSERT_EQ(wild.answer.size(), 2U);
  EXPECT_EQ(wild.answer[1].owner, "x.w.tld.");
  EXPECT_EQ(wire::Rrsig::read(wild.answer[1].rdata)->labels, 2);
  // The synthesised alias has no signature, the DNAME has.
  const auto dname = server.ask("x.dn.tld.", RRType::A, true);
  EXPECT_EQ(dname.count(dname.answer, RRType::RRSIG), 2U);
}

// Every negative answer must hold: what it proves is recomputed here from RFC 5155 and RFC 4034.
bool nsec_covers(const Record& record, const Name& query) {
  const auto owner = name(record.owner);
  const auto next = Name::from_wire(ByteView(record.rdata).first([&] {
    std::size_t at = 0;
    while (record.rdata[at] != 0) at += 1U + record.rdata[at];
    return at + 1;
  }()));
  if (!(owner < query)) return false;
  return query < *next || !(owner < *next);
}

TEST(ExpectedSignedAnswers, NsecProofsCoverWhatTheyMust) {
  Server server(sign(*load("tld.", kTld), Signing::nsec));
  const auto check = [&](std::string_view qname, RRType qtype, const std::vector<std::string>& covered,
                         const std::vector<std::string>& matched) {
    const auto got = server.ask(qname, qtype, true);
    for (const auto& text : covered)
      EXPECT_TRUE(std::ranges::any_of(got.authority,
                                      [&](const Record& record) {
                                        return record.type == RRType::NSEC && nsec_covers(record, name(text));
                                      }))
          << qname << " covers " << text;
    for (const auto& text : matched)
      EXPECT_TRUE(std::ranges::any_of(
          got.authority,
          [&](const Record& record) { return record.type == RRType::NSEC && record.owner == text; }))
          << qname << " matches " << text;
  };
  check("nope.tld.", RRType::A, {"nope.tld.", "*.tld."}, {});
  check("ent.tld.", RRType::A, {"ent.tld."}, {});
  check("www.tld.", RRType::AAAA, {}, {"www.tld."});
  check("x.w.tld.", RRType::A, {"x.w.tld."}, {});
  check("x.w.tld.", RRType::AAAA, {"x.w.tld."}, {"*.w.tld."});
  check("child1.tld.", RRType::A, {}, {"child1.tld."});
  check("cx.tld.", RRType::A, {"nowhere.tld.", "*.tld."}, {});
}

TEST(ExpectedSignedAnswers, Nsec3ProofsMatchAndCoverWhatTheyMust) {
  const auto plain = load("tld.", kTld);
  for (auto how : {Signing::nsec3, Signing::opt_out}) {
    Server server(sign(*plain, how));
    const auto proofs = [&](std::string_view qname, RRType qtype) {
      std::vector<std::pair<std::string, zone::Nsec3Fields>> out;
      static std::vector<Bytes> kept;
      for (auto& record : server.ask(qname, qtype, true).authority) {
        if (record.type != RRType::NSEC3) continue;
        kept.push_back(record.rdata);
        const auto hash = from_base32hex(record.owner.substr(0, 32));
        out.emplace_back(std::string(as_text(*hash)), *zone::Nsec3Fields::read(kept.back()));
      }
      return out;
    };
    const auto hash = [](std::string_view text) { return zone::nsec3_hash(name(text), {}, 0); };
    const auto check = [&](std::string_view qname, RRType qtype, const std::vector<std::string>& covered,
                           const std::vector<std::string>& matched, bool opt_out_needed = false) {
      const auto records = proofs(qname, qtype);
      EXPECT_LE(records.size(), covered.size() + matched.size()) << qname;
      for (const auto& text : covered)
        EXPECT_TRUE(std::ranges::any_of(records,
                                        [&](const auto& record) {
                                          return zone::nsec3_covers(record.first, record.second.next_hash,
                                                                    hash(text).view()) &&
                                                 (!opt_out_needed || record.second.opt_out);
                                        }))
            << qname << " covers " << text;
      for (const auto& text : matched)
        EXPECT_TRUE(std::ranges::any_of(
            records, [&](const auto& record) { return record.first == hash(text).view(); }))
            << qname << " matches " << text;
    };
    check("nope.tld.", RRType::A, {"nope.tld.", "*.tld."}, {"tld."});
    check("a.nope.ent.tld.", RRType::A, {"nope.ent.tld.", "*.ent.tld."}, {"ent.tld."});
    check("www.tld.", RRType::AAAA, {}, {"www.tld."});
    check("ent.tld.", RRType::A, {}, {"ent.tld."});
    check("y.x.w.tld.", RRType::A, {"x.w.tld."}, {});
    check("x.w.tld.", RRType::AAAA, {"x.w.tld."}, {"w.tld.", "*.w.tld."});
    if (how == Signing::nsec3) {
      check("child1.tld.", RRType::A, {}, {"child1.tld."});
      check("sub.tld.", RRType::DS, {}, {"sub.tld."});
      check("nope.sub.tld.", RRType::A, {"nope.sub.tld.", "*.sub.tld."}, {"sub.tld."});
    } else {
      check("child1.tld.", RRType::A, {"child1.tld."}, {"tld."}, true);
      check("child1.tld.", RRType::DS, {"child1.tld."}, {"tld."}, true);
      check("sub.tld.", RRType::DS, {"sub.tld."}, {"tld."}, true);
      check("deep.sub.tld.", RRType::A, {"sub.tld."}, {"tld."}, true);
      check("nope.sub.tld.", RRType::A, {"sub.tld.", "*.tld."}, {"tld."});
    }
  }
}

TEST(ExpectedSignedAnswers, Nsec3OwnersAreNoNames) {
  const auto zone = sign(*load("tld.", kTld), Signing::nsec3);
  Server server(zone);
  const auto owner = zone->nsec3_first().node().owner().text();
  for (auto qtype : {RRType::A, RRType::NSEC3}) {
    const auto got = server.ask(owner, qtype, true);
    EXPECT_EQ(got.rcode(), static_cast<int>(Rcode::nxdomain));
    EXPECT_EQ(got.authority.size(), 8U);
  }
}

TEST(ExpectedSignedAnswers, SignaturesCanBeAskedFor) {
  Server server(sign(*load("tld.", kTld), Signing::nsec));
  const auto one = server.ask("www.tld.", RRType::RRSIG);
  EXPECT_EQ(one.answer.size(), 1U);
  EXPECT_EQ(one.answer[0].type, RRType::RRSIG);
  const auto any = server.ask("www.tld.", RRType::ANY, true);
  EXPECT_EQ(any.answer.size(), 2U);
  EXPECT_EQ(server.ask("www.tld.", RRType::ANY).answer.size(), 1U);
  EXPECT_EQ(server.ask("www.tld.", RRType::NSEC).answer.size(), 1U);
}

TEST(ExpectedSignedAnswers, WildcardAliasThenNothingProvesBoth) {
  const auto text = std::string(kTld) + "*.v CNAME gone\n";
  Server nsec3(sign(*load("tld.", text), Signing::nsec3));
  const auto got = nsec3.ask("x.v.tld.", RRType::A, true);
  EXPECT_EQ(got.rcode(), static_cast<int>(Rcode::nxdomain));
  // No closer match for the wildcard step (1), encloser, next closer and wildcard for the last name (up to
  // 3), SOA.
  const auto proofs = got.count(got.authority, RRType::NSEC3);
  EXPECT_GE(proofs, 3U);
  EXPECT_LE(proofs, 4U);
  EXPECT_EQ(got.count(got.authority, RRType::SOA), 1U);
  EXPECT_EQ(got.count(got.authority, RRType::RRSIG), proofs + 1);
}

}  // namespace
}  // namespace onoma::serve::test
