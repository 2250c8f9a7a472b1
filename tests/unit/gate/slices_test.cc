// The check in slices finds what the check in one piece finds, however thin the slices; and its margin.
#include <gtest/gtest.h>

#include "unit/gate/support.h"
#include "wire/rrtype.h"

namespace onoma::gate::testing {
namespace {

class Slices : public ::testing::TestWithParam<Mode> {
 protected:
  Slices() {
    maker_.mode = GetParam();
    maker_.add_basics();
  }
  static zone::Verdict in_slices(const zone::SnapshotPtr& zone, std::size_t names, const GateOptions& options,
                                 std::size_t* steps = nullptr) {
    ZoneCheck check(zone, options, kTime);
    std::size_t count = 1;
    while (check.step(names)) ++count;
    if (steps != nullptr) *steps = count;
    return check.verdict();
  }
  Maker maker_;
};

TEST_P(Slices, AGoodZonePasses) {
  std::size_t steps = 0;
  const auto verdict = in_slices(maker_.build(), 1, {}, &steps);
  EXPECT_TRUE(verdict.accepted()) << texts(verdict);
  EXPECT_GT(steps, 10U);
}

TEST_P(Slices, EveryFaultIsFoundAsInOnePiece) {
  const auto good = maker_.signed_sets();
  int faults = 0;
  for (const auto& [owner, types] : good)
    for (const auto& [type, set] : types) {
      if (set.signatures.empty()) continue;
      auto bad = good;
      bad[owner][type].signatures[0].back() ^= 1;
      const auto zone = build(maker_.apex, bad);
      const auto whole = texts(verify_zone(*zone, {}, kTime));
      for (const std::size_t names : {1U, 3U, 1000U})
        EXPECT_EQ(texts(in_slices(zone, names, {})), whole) << owner.text() << " " << wire::type_text(type);
      EXPECT_NE(whole.find("FATAL"), std::string::npos);
      ++faults;
    }
  EXPECT_GT(faults, 10);
}

TEST_P(Slices, SignaturesThatExpireWithinTheMarginAreAFault) {
  const auto zone = maker_.build();
  const GateOptions lax{.min_remaining_s = 863'000, .short_is_fatal = true};
  EXPECT_TRUE(in_slices(zone, 5, lax).accepted());
  const GateOptions strict{.min_remaining_s = 865'000, .short_is_fatal = true};
  const auto verdict = in_slices(zone, 5, strict);
  EXPECT_TRUE(fatal_about(verdict, "expires in 864000 s")) << texts(verdict);
}

INSTANTIATE_TEST_SUITE_P(Denials, Slices, ::testing::Values(Mode::nsec, Mode::nsec3, Mode::opt_out));

}  // namespace
}  // namespace onoma::gate::testing
