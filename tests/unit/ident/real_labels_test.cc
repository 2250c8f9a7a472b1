// ICANN's published test labels of the second-level label generation rules: each is a valid label, so IDNA
// must not refuse it, and its two forms must lead to each other. Skipped where the data are not at hand.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "ident/idn.h"
#include "support/environment.h"

namespace onoma::ident {
namespace {

using onoma::test::shared_data;

TEST(RealLabels, AllocatableLabelsAndTheirVariantsRegister) {
  const auto folder = shared_data() / "idn-test-labels" / "second-level-reference";
  if (!std::filesystem::is_directory(folder))
    GTEST_SKIP() << "no " << folder << "; set ONOMA_SHARED_DATA to the folder of the shared data";
  int labels = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line) && line.find("unallocatableLabels") == line.npos;) {
      constexpr std::string_view kMark = "- label: ";
      const auto at = line.find(kMark);
      if (at == line.npos) continue;
      const auto label = line.substr(at + kMark.size());
      const auto read = idn_register(label);
      ASSERT_TRUE(read) << file.path().filename() << ": " << read.error().message;
      EXPECT_EQ(read->ascii.text(), label + ".");
      EXPECT_EQ(idn_register(read->unicode)->ascii.text(), label + ".");
      ++labels;
    }
  }
  EXPECT_GT(labels, 50);
}

}  // namespace
}  // namespace onoma::ident
