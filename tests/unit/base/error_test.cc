#include "base/error.h"

#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace onoma {
namespace {

std::vector<Code> all_codes() {
  return {
#define X(name, ...) Code::name,
      ONOMA_ERROR_TABLE(X)
#undef X
  };
}

TEST(ErrorTable, EachRowStandsAtItsCode) {
  EXPECT_EQ(facts(Code::bad_syntax).name, "bad_syntax");
  EXPECT_EQ(facts(Code::internal).name, "internal");
  for (std::size_t i = 0; i < all_codes().size(); ++i) EXPECT_EQ(static_cast<std::size_t>(all_codes()[i]), i);
}

TEST(ErrorTable, NamesAndMeaningsAreUnique) {
  std::set<std::string_view> names, meanings;
  for (auto code : all_codes()) {
    EXPECT_TRUE(names.insert(facts(code).name).second) << facts(code).name;
    EXPECT_TRUE(meanings.insert(facts(code).meaning).second) << facts(code).meaning;
    EXPECT_FALSE(facts(code).meaning.empty()) << facts(code).name;
  }
}

// The result codes of RFC 5730 §3 for failed commands; 2500 and above close the session.
TEST(ErrorTable, EppResultsAreOfTheStandard) {
  const std::set<int> known{2000, 2001, 2002, 2003, 2004, 2005, 2100, 2101, 2102, 2103,
                            2104, 2105, 2106, 2200, 2201, 2202, 2300, 2301, 2302, 2303,
                            2304, 2305, 2306, 2307, 2308, 2400, 2500, 2501, 2502};
  for (auto code : all_codes()) EXPECT_TRUE(known.contains(facts(code).epp_result)) << facts(code).name;
}

TEST(ErrorTable, ProtocolsAgreeOnWhoIsToBlame) {
  for (auto code : all_codes()) {
    const auto& f = facts(code);
    // 300 stands for "choose one of these"; every other is an error of the client or the server.
    EXPECT_TRUE(f.http_status == 300 || (f.http_status >= 400 && f.http_status <= 599)) << f.name;
    EXPECT_TRUE(f.rcode >= 1 && f.rcode <= 11) << f.name;  // an error is never NOERROR
    EXPECT_TRUE(f.ede >= -1 && f.ede <= 30) << f.name;
    EXPECT_TRUE(f.exit_status == 1 || f.exit_status == 3 || f.exit_status == 4) << f.name;
    // Exit status 1 is a negative answer, which DNS tells with NXDOMAIN and HTTP with 404 or 410.
    EXPECT_EQ(f.exit_status == 1, f.rcode == 3) << f.name;
    EXPECT_EQ(f.exit_status == 1, f.http_status == 404 || f.http_status == 410) << f.name;
    // What is no fault of the request cannot be mended by another request.
    if (f.http_status >= 500 && f.http_status != 501) {
      EXPECT_EQ(f.rcode, 2) << f.name;
      EXPECT_EQ(f.exit_status, 4) << f.name;
      EXPECT_EQ(f.epp_result, 2400) << f.name;
    }
  }
}

Result<int> half_of(int value) {
  if (value % 2 != 0) return fail(Code::out_of_range, "odd", "value");
  return value / 2;
}
Result<int> quarter_of(int value) {
  ONOMA_TRY(const int half, half_of(value));
  ONOMA_TRY(int quarter, half_of(half));
  return quarter;
}
Result<void> check_even(int value) {
  ONOMA_TRY_VOID(half_of(value));
  return {};
}

TEST(Result, TryPassesValuesAndErrorsOn) {
  EXPECT_EQ(quarter_of(12).value(), 3);
  const auto odd = quarter_of(6);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code, Code::out_of_range);
  EXPECT_EQ(odd.error().field, "value");
  EXPECT_TRUE(check_even(2));
  EXPECT_FALSE(check_even(3));
}

TEST(Result, CarriesWhatCannotBeCopied) {
  auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  auto use = [&]() -> Result<int> {
    ONOMA_TRY(auto pointer, make());
    return *pointer;
  };
  EXPECT_EQ(use().value(), 7);
  static_assert(!std::is_copy_constructible_v<Result<std::unique_ptr<int>>>);
}

TEST(Result, ContextComesFirstAndKeepsTheRest) {
  const Result<int> failed = fail_in("zone test.", Error{Code::corrupt, "bad checksum", "image"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::corrupt);
  EXPECT_EQ(failed.error().message, "zone test.: bad checksum");
  EXPECT_EQ(failed.error().field, "image");
}

}  // namespace
}  // namespace onoma
