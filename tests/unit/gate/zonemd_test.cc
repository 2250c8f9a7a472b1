// ZONEMD over the published cases of RFC 8976's authors: what must verify does, what can be seen to be wrong
// is refused.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "support/environment.h"
#include "unit/gate/support.h"
#include "wire/zonefile.h"

namespace onoma::gate::testing {
namespace {

std::string cases_folder() {
  return onoma::test::shared_data("zonemd-cases/").string();
}

zone::SnapshotPtr load(const std::string& file, const Name& apex) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  zone::SnapshotBuilder builder(apex);
  wire::ZoneFileOptions options;
  options.origin = apex;
  const auto parsed = wire::parse_zone_text(text.str(), options, [&](wire::Record&& record) -> Result<void> {
    (void)builder.add_record(std::move(record));  // what is outside the zone is no part of the digest
    return {};
  });
  auto made = parsed ? builder.finish() : Result<zone::SnapshotPtr>(nullptr);
  return made ? *made : nullptr;
}

TEST(Zonemd, PublishedCases) {
  const auto folder = cases_folder();
  if (!std::filesystem::exists(folder))
    GTEST_SKIP() << "no " << folder << "; set ONOMA_SHARED_DATA to the folder of the shared data";
  std::ifstream list(folder + "expected.csv");
  std::string line;
  std::getline(list, line);  // heading
  int checked = 0;
  while (std::getline(list, line)) {
    std::istringstream fields(line);
    std::string id, file, origin, expected;
    for (auto* field : {&id, &file, &origin, &expected}) std::getline(fields, *field, ',');
    // 81: a snapshot gives every record of a set one TTL, so its digest is another.
    if (file.ends_with(".xz") || id.starts_with("81")) continue;
    SCOPED_TRACE(id);
    const auto zone = load(folder + file, name(origin));
    if (!zone) {
      EXPECT_EQ(expected, "failure");
      continue;
    }
    const auto verdict = verify_zone(
        *zone, {.level = zone::GateLevel::structure, .foreign = true, .max_ttl_s = 0x7fffffff}, kTime);
    if (expected == "success") {
      EXPECT_TRUE(verdict.accepted()) << texts(verdict);
      EXPECT_FALSE(warns_about(verdict, "that can be checked")) << texts(verdict);
    } else if (!id.starts_with("53")) {  // 53: its signature is bad, which is for the level dnssec
      EXPECT_TRUE(!verdict.accepted() || warns_about(verdict, "that can be checked")) << texts(verdict);
    }
    ++checked;
  }
  EXPECT_GT(checked, 30);
}

// Where ZONEMD is required, only what fits counts: the cases that must fail are refused, not warned about.
TEST(Zonemd, RequiredMeansThatOneMustFit) {
  const auto folder = cases_folder();
  if (!std::filesystem::exists(folder))
    GTEST_SKIP() << "no " << folder << "; set ONOMA_SHARED_DATA to the folder of the shared data";
  std::ifstream list(folder + "expected.csv");
  std::string line;
  std::getline(list, line);  // heading
  int refused = 0, passed = 0;
  while (std::getline(list, line)) {
    std::istringstream fields(line);
    std::string id, file, origin, expected;
    for (auto* field : {&id, &file, &origin, &expected}) std::getline(fields, *field, ',');
    // 81 as above; 53 is of the level dnssec, see below.
    if (file.ends_with(".xz") || id.starts_with("81") || id.starts_with("53")) continue;
    SCOPED_TRACE(id);
    const auto zone = load(folder + file, name(origin));
    if (!zone) continue;
    const auto verdict = verify_zone(*zone,
                                     {.level = zone::GateLevel::structure,
                                      .foreign = true,
                                      .max_ttl_s = 0x7fffffff,
                                      .require_zonemd = true},
                                     kTime);
    EXPECT_EQ(verdict.accepted(), expected == "success") << texts(verdict);
    ++(verdict.accepted() ? passed : refused);
  }
  EXPECT_GT(refused, 4);
  EXPECT_GT(passed, 20);
}

TEST(Zonemd, TheDigestFitsButItsSignatureDoesNot) {
  const auto folder = cases_folder();
  if (!std::filesystem::exists(folder))
    GTEST_SKIP() << "no " << folder << "; set ONOMA_SHARED_DATA to the folder of the shared data";
  const auto zone = load(folder + "53-bad-zonemd-rrsig.zone", name("zonemd.packet-pushers.com."));
  ASSERT_TRUE(zone);
  const auto at = *from_dnssec_time("20210601000000");
  const auto by_digest =
      verify_zone(*zone, {.level = zone::GateLevel::structure, .foreign = true, .require_zonemd = true}, at);
  EXPECT_TRUE(by_digest.accepted()) << texts(by_digest);
  const auto verdict = verify_zone(*zone, {.foreign = true, .require_zonemd = true}, at);
  EXPECT_TRUE(fatal_about(verdict, "ZONEMD does not verify")) << texts(verdict);
}

TEST(Zonemd, AZoneWithoutIsRefusedWhereItIsRequired) {
  Maker maker;
  maker.add_basics();
  const auto zone = maker.build();
  EXPECT_TRUE(verify_zone(*zone, {}, kTime).accepted());
  EXPECT_TRUE(fatal_about(verify_zone(*zone, {.require_zonemd = true}, kTime), "has no ZONEMD record"));
  // In a step too, although the step has nothing to do with it.
  const auto bent = bend_to(maker, next_sets(maker));
  const auto gate = make_gate({.require_zonemd = true});
  EXPECT_TRUE(
      fatal_about(gate->check(bent.before.get(), bent.diff, *bent.after, {}, kTime), "has no ZONEMD record"));
}

}  // namespace
}  // namespace onoma::gate::testing
