#include "wire/zonefile.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::wire {
namespace {

ZoneFileOptions options() {
  ZoneFileOptions out;
  out.origin = *Name::parse("example.");
  out.file_name = "z";
  return out;
}

// All records as lines.
std::string lines(std::string_view text, const ZoneFileOptions& opts = options()) {
  std::string out;
  auto result = parse_zone_text(text, opts, [&](Record&& r) -> Result<void> {
    out += record_line(r.owner, r.ttl, r.type, r.rdata);
    return {};
  });
  if (!result) out += "! " + result.error().message;
  return out;
}

TEST(ZoneFile, OwnersTtlsAndClasses) {
  EXPECT_EQ(
      lines(
          "@ 60 IN A 192.0.2.1\n  IN 61 A 192.0.2.2\nwww A 192.0.2.3\n\tAAAA ::1\nx.y. in 1h30m a 192.0.2.4"),
      "example. 60 IN A 192.0.2.1\n"
      "example. 61 IN A 192.0.2.2\n"
      "www.example. 61 IN A 192.0.2.3\n"
      "www.example. 61 IN AAAA ::1\n"
      "x.y. 5400 IN A 192.0.2.4\n");
  EXPECT_EQ(lines("a A 192.0.2.1\n"), "a.example. 3600 IN A 192.0.2.1\n");
  EXPECT_EQ(lines("$TTL 5\na 7 A 192.0.2.1\na A 192.0.2.2\n$TTL 1w\na A 192.0.2.3"),
            "a.example. 7 IN A 192.0.2.1\na.example. 5 IN A 192.0.2.2\na.example. 604800 IN A 192.0.2.3\n");
  EXPECT_EQ(lines("a CLASS1 A 192.0.2.1"), "a.example. 3600 IN A 192.0.2.1\n");
}

TEST(ZoneFile, OwnersThatLookLikeOtherThings) {
  EXPECT_EQ(
      lines(
          "IN A 192.0.2.1\nA A 192.0.2.1\n3600 1 A 192.0.2.1\n\\$ORIGIN 1 A 192.0.2.1\n\\@ 1 A 192.0.2.1\n"),
      "IN.example. 3600 IN A 192.0.2.1\nA.example. 3600 IN A 192.0.2.1\n3600.example. 1 IN A 192.0.2.1\n"
      "\\$ORIGIN.example. 1 IN A 192.0.2.1\n\\@.example. 1 IN A 192.0.2.1\n");
}

TEST(ZoneFile, ParenthesesCommentsQuotesAndLineEnds) {
  EXPECT_EQ(lines("; a comment\r\n\r\n   \t ; blank\r\n@ 1 SOA a b ( 1 ; serial\r\n  2\r\n\r\n3 4 5 ) ; "
                  "end\r\nt 1 TXT \"a;b (c\" d\\;e \"f\"\"g\"\r\n"),
            "example. 1 IN SOA a.example. b.example. 1 2 3 4 5\n"
            "t.example. 1 IN TXT \"a;b (c\" \"d;e\" \"f\" \"g\"\n");
  EXPECT_EQ(lines("a 1 TXT (\"x\"\n\"y\")"), "a.example. 1 IN TXT \"x\" \"y\"\n");
  EXPECT_EQ(lines("a 1 TXT \"two\nlines\""), "a.example. 1 IN TXT \"two\\010lines\"\n");
  EXPECT_EQ(lines(""), "");
  EXPECT_EQ(lines("\n\n ; x"), "");
}

TEST(ZoneFile, OriginDirective) {
  EXPECT_EQ(lines("$ORIGIN sub\na 1 NS b\n$ORIGIN other.\n@ 1 NS b\n"),
            "a.sub.example. 1 IN NS b.sub.example.\nother. 1 IN NS b.other.\n");
}

TEST(ZoneFile, GenericDataOfKnownAndUnknownTypes) {
  EXPECT_EQ(
      lines("a 1 A \\# 4 C0000201\na 1 TYPE1 192.0.2.2\na 1 TYPE65400 \\# 2 AB CD\na 1 TYPE65400 \\# 0"),
      "a.example. 1 IN A 192.0.2.1\na.example. 1 IN A 192.0.2.2\na.example. 1 IN TYPE65400 \\# 2 "
      "ABCD\na.example. 1 IN TYPE65400 \\# 0\n");
}

TEST(ZoneFile, ServiceParametersWithQuotes) {
  EXPECT_EQ(lines("a 1 HTTPS 1 . alpn=\"h2,h3\" key65000=\"a b;c\"\n"),
            "a.example. 1 IN HTTPS 1 . alpn=\"h2,h3\" key65000=\"a b;c\"\n");
}

TEST(ZoneFile, Generate) {
  EXPECT_EQ(lines("$GENERATE 1-5/2 host$ 60 IN A 192.0.2.$"),
            "host1.example. 60 IN A 192.0.2.1\nhost3.example. 60 IN A 192.0.2.3\nhost5.example. 60 IN A "
            "192.0.2.5\n");
  EXPECT_EQ(lines("$TTL 1\n$GENERATE 10-10 ${0,4,d}.${-3}.${0,4,x}.${6,0,X}.${0,0,o}.\\$.$$ CNAME "
                  "${16,5,n}.${0,3,N}"),
            "0010.7.000a.10.12.\\$.\\$.example. 1 IN CNAME a.1.0.A.0.example.\n");
  EXPECT_EQ(lines("$GENERATE 1-2 a 5 TXT \"n $; x\"\n 6 A 192.0.2.1"),
            "a.example. 5 IN TXT \"n 1; x\"\na.example. 5 IN TXT \"n 2; x\"\na.example. 6 IN A 192.0.2.1\n");
}

TEST(ZoneFile, Include) {
  const auto folder = std::filesystem::temp_directory_path() / "onoma-wire-include-test";
  std::filesystem::create_directories(folder / "sub");
  std::ofstream(folder / "sub" / "inner.zone") << "b 2 A 192.0.2.2\n$ORIGIN elsewhere.\nc 2 A 192.0.2.3\n";
  std::ofstream(folder / "sub" / "middle.zone") << "$INCLUDE inner.zone\n";
  std::ofstream(folder / "loop.zone") << "$INCLUDE loop.zone\n";
  std::ofstream(folder / "bad.zone") << "\n\nx 1 A oops\n";
  auto opts = options();
  opts.file_name = (folder / "main.zone").string();
  opts.allow_include = true;
  EXPECT_EQ(lines("a 1 A 192.0.2.1\n$INCLUDE sub/middle.zone net.\n 1 A 192.0.2.4\nd 1 A 192.0.2.5", opts),
            "a.example. 1 IN A 192.0.2.1\nb.net. 2 IN A 192.0.2.2\nc.elsewhere. 2 IN A 192.0.2.3\n"
            "a.example. 1 IN A 192.0.2.4\nd.example. 1 IN A 192.0.2.5\n");
  EXPECT_NE(lines("$INCLUDE bad.zone", opts)
                .find("bad.zone:3:7: expected an IPv4 address such as 192.0.2.1, found 'oops'"),
            std::string::npos);
  EXPECT_NE(lines("$INCLUDE loop.zone", opts).find("at most 64 levels of $INCLUDE"), std::string::npos);
  EXPECT_NE(lines("$INCLUDE none.zone", opts)
                .find("main.zone:1:10: expected a file that can be read, found 'none.zone'"),
            std::string::npos);
  EXPECT_NE(lines("$INCLUDE sub", opts).find("expected a file that can be read"), std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST(ZoneFile, SinkStopsTheParse) {
  int seen = 0;
  auto result =
      parse_zone_text("a 1 A 192.0.2.1\na 1 A 192.0.2.2\n", options(), [&](Record&&) -> Result<void> {
        ++seen;
        return fail(Code::policy_refused, "no more");
      });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message, "no more");
  EXPECT_EQ(seen, 1);
}

TEST(ZoneFile, LimitsAreKept) {
  auto opts = options();
  opts.max_generate = 3;
  EXPECT_NE(lines("$GENERATE 1-4 a$ 1 A 192.0.2.1", opts)
                .find("! z:1:11: expected at most 3 records from $GENERATE, found '1-4'"),
            std::string::npos);
  const std::string huge(std::size_t{2} << 20, 'a');
  EXPECT_NE(lines("a 1 TXT (" + huge + ")").find("z:1:9: expected a record of at most 1 MiB of text"),
            std::string::npos);
  EXPECT_NE(lines("a 1 TXT \"" + huge + "\"").find("z:1:9: expected a closing quote"), std::string::npos);
  std::string many = "a 1 TXT";
  for (int i = 0; i < 300; ++i) many += " \"" + std::string(250, 'x') + "\"";
  EXPECT_NE(lines(many).find("expected record data of at most 65535 octets"), std::string::npos);
}

struct Wrong {
  const char* text;
  const char* message;
};
void PrintTo(const Wrong& w, std::ostream* out) {
  *out << w.text;
}
class ZoneFileError : public ::testing::TestWithParam<Wrong> {};
TEST_P(ZoneFileError, SaysWhereAndWhat) {
  EXPECT_EQ(lines(GetParam().text), std::string("! ") + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ZoneFileError,
    ::testing::Values(
        // words and lines
        Wrong{"a 1 TXT (\"x\"\n",
              "z:1:9: expected a closing parenthesis before the end of the text, found '('"},
        Wrong{"a 1 TXT )\n", "z:1:9: expected no closing parenthesis without an opening one, found ')'"},
        Wrong{"a 1 TXT ( ( x ) )\n", "z:1:11: expected no parenthesis inside parentheses, found '('"},
        Wrong{"\na 1 TXT \"x\n", "z:2:9: expected a closing quote before the end of the text, found '\\\"'"},
        Wrong{"a 1 TXT x\\\n", "z:1:10: expected a character behind the backslash, found '\\\\'"},
        Wrong{"a 1 TXT x\ry\n", "z:1:10: expected a line feed behind a carriage return, found '\\013'"},
        // directives
        Wrong{"$FOO x\n", "z:1:1: expected $ORIGIN, $TTL, $INCLUDE or $GENERATE, found '$FOO'"},
        Wrong{"$ORIGIN\n", "z:1:8: expected a domain name behind $ORIGIN, found the end of the line"},
        Wrong{"$ORIGIN a..b\n", "z:1:9: expected a name without empty labels, found 'a..b'"},
        Wrong{"$ORIGIN a b\n", "z:1:11: expected the end of the line, found 'b'"},
        Wrong{"$TTL\n", "z:1:5: expected a TTL such as 3600 or 1h behind $TTL, found the end of the line"},
        Wrong{"$TTL x\n",
              "z:1:6: expected a TTL from 0 to 2147483647 seconds, such as 3600 or 1h, found 'x'"},
        Wrong{"$TTL 1 2\n", "z:1:8: expected the end of the line, found '2'"},
        Wrong{"$INCLUDE f\n",
              "z:1:1: expected no $INCLUDE (reading other files is off; allow it with the include option), "
              "found '$INCLUDE'"},
        Wrong{"$GENERATE\n",
              "z:1:10: expected a range start-stop or start-stop/step, start not above stop, found the end "
              "of the line"},
        Wrong{"$GENERATE 5-1 a A 1\n",
              "z:1:11: expected a range start-stop or start-stop/step, start not above stop, found '5-1'"},
        Wrong{"$GENERATE 1-2/0 a A 1\n",
              "z:1:11: expected a range start-stop or start-stop/step, start not above stop, found '1-2/0'"},
        Wrong{"$GENERATE 1-2 a A\n",
              "z:1:18: expected $GENERATE range owner [TTL] [class] type data, found the end of the line"},
        Wrong{"$GENERATE 1-2 ${1,2,z} A 192.0.2.1\n",
              "z:1:15: expected ${offset,width,base} with base d, o, x, X, n or N, found '${1,2,z}'"},
        Wrong{"$GENERATE 1-2 ${-2} A 192.0.2.1\n",
              "z:1:15: expected an offset that leaves every number at 0 or more, found '${-2}'"},
        Wrong{"\n$GENERATE 1-2 a$ A 192.0.2.x$\n",
              "z:2:1: expected an IPv4 address such as 192.0.2.1, found '192.0.2.x1' in the generated line "
              "'a1 A 192.0.2.x1'"},
        Wrong{"$GENERATE 1-2 a..$ A 192.0.2.1\n",
              "z:1:15: expected a name without empty labels, found 'a..1'"},
        // owners
        Wrong{"  A 192.0.2.1\n", "z:1:3: expected an owner name at the start of the first record, found 'A'"},
        Wrong{"a..b A 192.0.2.1\n", "z:1:1: expected a name without empty labels, found 'a..b'"},
        Wrong{"a\\300 A 192.0.2.1\n",
              "z:1:1: expected escapes of the form \\X or \\DDD with DDD up to 255, found 'a\\\\300'"},
        Wrong{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa A 192.0.2.1\n",
              "z:1:1: expected labels of at most 63 octets, found "
              "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'"},
        // TTL, class, type
        Wrong{"a 1 2 A 192.0.2.1\n", "z:1:5: expected one TTL a record, found '2'"},
        Wrong{"a 2147483648 A 192.0.2.1\n",
              "z:1:3: expected a TTL from 0 to 2147483647 seconds, such as 3600 or 1h, found '2147483648'"},
        Wrong{"a 1h30 A 192.0.2.1\n",
              "z:1:3: expected a TTL from 0 to 2147483647 seconds, such as 3600 or 1h, found '1h30'"},
        Wrong{"a IN IN A 192.0.2.1\n", "z:1:6: expected one class a record, found 'IN'"},
        Wrong{"a CH TXT x\n", "z:1:3: expected class IN, the only class that is served, found 'CH'"},
        Wrong{"a CLASS7 TXT x\n", "z:1:3: expected class IN, the only class that is served, found 'CLASS7'"},
        Wrong{"a FOO 192.0.2.1\n", "z:1:3: expected a record type such as A or TYPE65400, found 'FOO'"},
        Wrong{"a\n", "z:1:2: expected a record type such as A or TYPE65400, found the end of the line"},
        Wrong{"a 1 OPT \\# 0\n", "z:1:5: expected a record type that a zone can hold, found 'OPT'"},
        // data
        Wrong{"a 1 A\n", "z:1:6: expected an IPv4 address such as 192.0.2.1, found the end of the line"},
        Wrong{"a 1 A 192.0.2\n", "z:1:7: expected an IPv4 address such as 192.0.2.1, found '192.0.2'"},
        Wrong{"a 1 A 192.0.2.1 x\n", "z:1:17: expected the end of the record, found 'x'"},
        Wrong{"a 1 AAAA 1.2\n", "z:1:10: expected an IPv6 address such as 2001:db8::1, found '1.2'"},
        Wrong{"a 1 NS a..b\n", "z:1:8: expected a name without empty labels, found 'a..b'"},
        Wrong{"a 1 MX x y\n", "z:1:8: expected a number from 0 to 65535, found 'x'"},
        Wrong{"a 1 DS 1 13 2 (\n AB\n GX )\n", "z:3:2: expected hex digits, found 'GX'"},
        Wrong{"a 1 DS 1 13 2 ABC\n", "z:1:15: expected an even number of hex digits, found 'ABC'"},
        Wrong{"a 1 DS 1 FOO 2 AB\n",
              "z:1:10: expected a DNSSEC algorithm, such as 13 or ECDSAP256SHA256, found 'FOO'"},
        Wrong{"a 1 SOA a b 1 2 3 4\n",
              "z:1:20: expected a time in seconds, such as 3600 or 1h, found the end of the line"},
        Wrong{"a 1 TXT \"\\999\"\n",
              "z:1:9: expected escapes of the form \\X or \\DDD with DDD up to 255, found '\\\\999'"},
        Wrong{"a 1 NULL x\n", "z:1:10: expected generic data such as \\# 4 0A000001, found 'x'"},
        Wrong{"a 1 TYPE65400 x\n", "z:1:15: expected generic data such as \\# 4 0A000001, found 'x'"},
        Wrong{"a 1 A \\# 4 00\n",
              "z:1:12: expected as many octets as the number behind \\# says, found '00'"},
        Wrong{"a 1 A \\# 3 000000\n",
              "z:1:7: expected generic data that have the form of their type, found '\\\\#'"},
        Wrong{"a 1 SVCB 1 . foo=x\n",
              "z:1:14: expected a service parameter such as alpn=h2 or key65400=\"value\", found 'foo=x'"},
        Wrong{"a 1 NSEC b. A FOO\n", "z:1:15: expected a record type such as NS or TYPE65400, found 'FOO'"}));

TEST(ZoneFile, FailedPublicationOfAnotherKindIsRefused) {
  EXPECT_NE(lines("{\"error\": \"internal\", \"status\": 500}").find("! z:1:"), std::string::npos);
}

TEST(RecordLines, WholeSets) {
  RRset set;
  set.owner = *Name::parse("a.example.");
  set.type = RRType::A;
  set.ttl = 9;
  set.rdatas = {{192, 0, 2, 1}, {192, 0, 2, 2}};
  set.signatures = {
      parse_rdata(RRType::RRSIG, "A 13 2 9 20260101000000 20250101000000 1 example. AQ==", Name()).value()};
  EXPECT_EQ(rrset_lines(set),
            "a.example. 9 IN A 192.0.2.1\na.example. 9 IN A 192.0.2.2\n"
            "a.example. 9 IN RRSIG A 13 2 9 20260101000000 20250101000000 1 example. AQ==\n");
}

}  // namespace
}  // namespace onoma::wire
