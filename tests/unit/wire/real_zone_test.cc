// The real zones of the shared data: every record parses, and prints back to what parses to the same octets.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>

#include <gtest/gtest.h>

#include "support/environment.h"
#include "wire/dnssec.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "wire/zonefile.h"

namespace onoma::wire {
namespace {

using onoma::test::shared_data;

std::optional<std::string> unpacked(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  const std::string command = "xz -dc '" + file.string() + "'";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (!pipe) return std::nullopt;
  std::string out;
  char buffer[65536];
  for (std::size_t size; (size = fread(buffer, 1, sizeof buffer, pipe.get())) > 0;) out.append(buffer, size);
  if (out.empty()) return std::nullopt;
  return out;
}

struct Zone {
  const char* file;
  const char* origin;
  std::size_t records;
  std::map<std::string, std::size_t> by_type;
};
void PrintTo(const Zone& zone, std::ostream* out) {
  *out << zone.file;
}
class RealZone : public ::testing::TestWithParam<Zone> {};

TEST_P(RealZone, Parses) {
  const auto path = shared_data() / "zones" / GetParam().file;
  const auto text = unpacked(path);
  if (!text) GTEST_SKIP() << path << " is not here (set ONOMA_SHARED_DATA) or xz is not installed";
  ZoneFileOptions options;
  options.origin = *Name::parse(GetParam().origin);
  std::size_t records = 0;
  std::map<std::string, std::size_t> by_type;
  auto result = parse_zone_text(*text, options, [&](Record&& record) -> Result<void> {
    ++by_type[type_text(record.type)];
    if (++records % 16 == 0 || record.type == RRType::RRSIG) {
      auto back = parse_rdata(record.type, rdata_text(record.type, record.rdata), Name());
      if (!back || *back != record.rdata)
        return fail(Code::internal, "no round trip: " + rdata_text(record.type, record.rdata));
    }
    return {};
  });
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(records, GetParam().records);
  for (const auto& [type, count] : GetParam().by_type) EXPECT_EQ(by_type[type], count) << type;
}

INSTANTIATE_TEST_SUITE_P(
    Zones, RealZone,
    ::testing::Values(
        Zone{"root-2020-10-19.zone.xz",
             ".",
             21591,
             {{"NS", 7147},
              {"A", 4139},
              {"AAAA", 3537},
              {"RRSIG", 2884},
              {"DS", 2372},
              {"NSEC", 1509},
              {"DNSKEY", 2}}},
        Zone{"root-unsigned-2026-08-22.zone.xz", ".", 22094, {{"NS", 7581}, {"DS", 1480}, {"ZONEMD", 1}}},
        Zone{"gov-2026-08-22.zone.xz",
             "gov.",
             47807,
             {{"NS", 43953}, {"DS", 2718}, {"A", 887}, {"AAAA", 247}, {"TXT", 1}}}));

TEST(RealKeys, RootKeysHaveTheirTags) {
  const auto path = shared_data() / "zones" / "root-2020-10-19.zone.xz";
  const auto text = unpacked(path);
  if (!text) GTEST_SKIP() << path << " is not here (set ONOMA_SHARED_DATA) or xz is not installed";
  std::map<int, int> tags;
  auto result = parse_zone_text(*text, {}, [&](Record&& record) -> Result<void> {
    if (record.type == RRType::DNSKEY) ++tags[key_tag(record.rdata)];
    return {};
  });
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(tags, (std::map<int, int>{{20326, 1}, {26116, 1}}));
}

}  // namespace
}  // namespace onoma::wire
