// The signed root zone of 2020-10-19, as others signed it.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "support/environment.h"
#include "unit/gate/support.h"
#include "wire/zonefile.h"

namespace onoma::gate::testing {
namespace {

std::string shared_file(const std::string& path) {
  return onoma::test::shared_data(path).string();
}

std::string unpack(const std::string& path) {
  std::string out;
  FILE* pipe = popen(("xz -dc '" + path + "'").c_str(), "r");
  if (!pipe) return out;
  std::array<char, 65536> buffer;
  while (const auto size = fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), size);
  pclose(pipe);
  return out;
}

class Root : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = shared_file("zones/root-2020-10-19.zone.xz");
    if (!std::filesystem::exists(path))
      GTEST_SKIP() << "no " << path << "; set ONOMA_SHARED_DATA to the folder of the shared data";
    static const zone::SnapshotPtr kZone = load(unpack(path));
    ASSERT_TRUE(kZone);
    zone_ = kZone;
  }
  static zone::SnapshotPtr load(const std::string& text) {
    zone::SnapshotBuilder builder{Name{}};
    wire::ZoneFileOptions options;
    const auto parsed = wire::parse_zone_text(
        text, options, [&](wire::Record&& record) { return builder.add_record(std::move(record)); });
    EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().message);
    auto made = builder.finish();
    EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().message);
    return made ? *made : nullptr;
  }
  zone::SnapshotPtr zone_;
  const Time inside_ = *from_dnssec_time("20201025000000");
};

TEST_F(Root, PassesInItsTime) {
  const auto start = std::chrono::steady_clock::now();
  Progress last;
  const auto verdict =
      verify_zone(*zone_, {.foreign = true}, inside_, [&](const Progress& progress) { last = progress; });
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_TRUE(verdict.accepted()) << texts(verdict);
  EXPECT_EQ(last.signatures, 2884U);
  RecordProperty("microseconds",
                 static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  std::cout << last.signatures << " signatures, " << last.names << " names in "
            << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms\n";
}

TEST_F(Root, TwoThreadsSayTheSame) {
  const auto verdict = verify_zone(*zone_, {.verify_threads = 2}, inside_);
  EXPECT_TRUE(verdict.accepted()) << texts(verdict);
}

TEST_F(Root, ExpiredByNow) {
  const auto late = *from_dnssec_time("20260101000000");
  const auto verdict = verify_zone(*zone_, {.foreign = true}, late);
  EXPECT_FALSE(verdict.accepted());
  EXPECT_GE(verdict.total, 2884U);
  EXPECT_EQ(verdict.findings.size(), 100U);
  EXPECT_TRUE(verify_zone(*zone_, {.expired_is_fatal = false, .foreign = true}, late).accepted());
}

}  // namespace
}  // namespace onoma::gate::testing
