// Which kind a text without a scheme is taken for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ident/scheme.h"

namespace onoma::ident {
namespace {

struct Row {
  std::string_view input;
  std::string_view expected;  // the scheme, or "code: word in the message"
};
class Detected : public testing::TestWithParam<Row> {};

TEST_P(Detected, AsThisKind) {
  const auto& [input, expected] = GetParam();
  const auto found = detect(input);
  const auto colon = expected.find(": ");
  if (colon == expected.npos) {
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->best.scheme, expected);
    EXPECT_EQ(parse(input)->canonical, found->best.canonical);
  } else {
    ASSERT_FALSE(found) << found->best.scheme << " " << found->best.canonical;
    EXPECT_EQ(facts(found.error().code).name, expected.substr(0, colon)) << found.error().message;
    EXPECT_THAT(found.error().message, testing::HasSubstr(std::string(expected.substr(colon + 2))));
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, Detected,
    testing::Values(
        Row{"10.0.0.0/8", "unsupported: IP prefix"}, Row{"1.2.3.4", "unsupported: oid:1.2.3.4"},
        Row{"9506000134352", "ambiguous: GLN"}, Row{"106141412345678908", "ambiguous: SSCC"},
        Row{"09506000134352", "unsupported: GTIN"}, Row{"02345673", "unsupported: GTIN"},
        Row{"416000336108", "unsupported: GTIN"}, Row{"doi:doi:10.1000/182", "hdl"},
        Row{"03yrm5c27", "unknown_identifier: no identifier"}, Row{"03yrm5c26", "unsupported: ROR"},
        Row{"0000-0002-1825-0097", "unsupported: ORCID"}, Row{"0000-0002-1694-233X", "unsupported: ORCID"},
        Row{"0000-0002-1825-0098", "unknown_identifier: no identifier"},
        Row{"AS64500", "unsupported: AS number"}, Row{"as1.10", "unsupported: AS number"},
        Row{"64500", "unknown_identifier: AS64500"}, Row{"+44 1632 960083", "unsupported: telephone"},
        Row{"F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "unsupported: UUID"},
        Row{"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "unsupported: UUID"},
        Row{"2001:3f:fe00:5:5e60:a157:1e91:a0b7", "unsupported: IPv6"},
        Row{"2001:db8::/32", "unsupported: IP prefix"}, Row{"::1", "unsupported: IPv6"},
        Row{"(01)09506000134352(10)ABC1", "unsupported: GS1 element"},
        Row{"]d20109506000134352", "unsupported: GS1 element"},
        Row{"0109506000134352\x1D", "unsupported: GS1 element"},
        Row{"ark:12345/x6np1-wh8k", "unsupported: ARK"},
        Row{"https://n2t.net/ark:12345/x6", "unsupported: ARK"},
        Row{"CSTR:16389.09.A08V-0001", "unsupported: CSTR"}, Row{"did:web:example.com", "unsupported: DID"},
        Row{"ans://v1.0.0.agent.example.com", "unsupported: ANS"},
        Row{"urn:air:example.com:x", "unsupported: air"}, Row{"urn:isbn:0451450523", "unsupported: URN"},
        Row{"https://example.com/x", "unsupported: web address"},
        Row{"https://orcid.org/0000-0002-1825-0097", "unsupported: ORCID"},
        Row{"https://doi.org/10.1000/182", "hdl"}, Row{"10.1000/182", "hdl"}, Row{"10.1000", "hdl"},
        Row{"0.NA/10.1000", "hdl"}, Row{"88.100.1", "hdl"}, Row{"1.2/3", "hdl"}, Row{"10.256.0.1", "hdl"},
        Row{"1.2.3", "oid"}, Row{"1.2.840.113549", "oid"}, Row{"1.2.3.4.5", "oid"},
        Row{"01.2.3.4", "unknown_identifier: kind"}, Row{"1.2.156.3088.1.34C2.478BDF.3GF546.1.0SEN", "oid"},
        Row{"/1/3/6", "oid"}, Row{"oid:1.2.3.4", "oid"}, Row{"hdl:10.0.0.0/8", "hdl"},
        Row{"example.com", "domain"}, Row{"例子.中国", "domain"}, Row{"example.com.", "domain"},
        Row{"test", "unknown_identifier: domain:"}, Row{"256.1.1.300", "unknown_identifier: kind"},
        Row{"hello world", "unknown_identifier: kind"}, Row{"doi:example", "bad_syntax: handle"},
        Row{"oid:9.9", "bad_syntax: first arc"}, Row{"", "bad_syntax: empty"},
        Row{"a\xFF.example", "bad_syntax: UTF-8"}, Row{"a\u202E.example", "bad_syntax: direction"}));

TEST(Detect, LimitsTheLength) {
  EXPECT_EQ(detect(std::string(kMaxIdentifierOctets + 1, 'a')).error().code, Code::bad_syntax);
  EXPECT_EQ(detect(std::string(10000, '1')).error().code, Code::bad_syntax);
  EXPECT_EQ(detect(std::string(2000, '1')).error().code, Code::unknown_identifier);
}

}  // namespace
}  // namespace onoma::ident
