// Trap: NSEC3 iterations cost whoever serves the zone, whether it has keys or not.
#include <gtest/gtest.h>

#include "gate/gate.h"
#include "zone/load.h"

namespace onoma::gate {
namespace {

std::string refusal(int iterations, zone::GateLevel level) {
  const auto number = std::to_string(iterations);
  const std::string hash(32, '0');
  wire::ZoneFileOptions options;
  options.origin = *wire::Name::parse("tld.");
  std::vector<std::string> warnings;
  const auto loaded = zone::load_zone_text(
      "@ 60 SOA ns1 h 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n"
      "@ 0 NSEC3PARAM 1 0 " +
          number + " -\n" + hash + " 60 NSEC3 1 0 " + number + " - " + hash + " A\n",
      options, warnings);
  EXPECT_TRUE(loaded.has_value());
  const auto verdict = verify_zone(**loaded, {.level = level, .foreign = true, .require_signed = false},
                                   from_unix_seconds(1'000'000));
  return verdict.accepted() ? "" : verdict.findings.front().what;
}

TEST(TrapNsec3Iterations, MoreThanFiftyAreRefusedInZonesWithoutKeysToo) {
  EXPECT_EQ(refusal(0, zone::GateLevel::structure), "");
  EXPECT_EQ(refusal(50, zone::GateLevel::structure), "");
  for (const int iterations : {51, 150, 65535}) {
    EXPECT_NE(refusal(iterations, zone::GateLevel::structure).find("iterations; 50 is the most"),
              std::string::npos)
        << iterations;
    EXPECT_NE(refusal(iterations, zone::GateLevel::dnssec), "") << iterations;
  }
}

}  // namespace
}  // namespace onoma::gate
