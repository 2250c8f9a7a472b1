// A mapped file shows its octets; one that is cut short under its reader shows zeros, and says so.
#include "os/mapped_file.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace onoma::os {
namespace {

std::string scratch_file(std::string_view name, std::size_t octets) {
  const auto path = std::filesystem::temp_directory_path() / (std::string(name) + std::to_string(::getpid()));
  std::ofstream out(path, std::ios::binary);
  for (std::size_t i = 0; i < octets; ++i) out.put(static_cast<char>(i % 251 + 1));
  return path.string();
}

TEST(MappedFile, ShowsTheFile) {
  const auto path = scratch_file("onoma-mapped-", 10000);
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  ASSERT_EQ((*file)->octets().size(), 10000U);
  EXPECT_EQ((*file)->octets()[9999], 9999 % 251 + 1);
  EXPECT_FALSE((*file)->lost());
  std::filesystem::remove(path);
  EXPECT_EQ((*file)->octets()[0], 1);  // the octets stay while they are mapped
}

TEST(MappedFile, CutShortItShowsZeros) {
  const auto path = scratch_file("onoma-cut-", 100000);
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file.has_value());
  ASSERT_EQ(::truncate(path.c_str(), 4096), 0);
  EXPECT_EQ((*file)->octets()[100], 101);
  EXPECT_EQ((*file)->octets()[50000], 0);
  EXPECT_TRUE((*file)->lost());
  std::filesystem::remove(path);
}

TEST(MappedFile, TellsWhatIsWrong) {
  EXPECT_EQ(MappedFile::open("/nonexistent/file").error().code, Code::not_found);
  EXPECT_EQ(MappedFile::open("/").error().code, Code::io);
  const auto path = scratch_file("onoma-empty-", 0);
  EXPECT_TRUE((*MappedFile::open(path))->octets().empty());
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace onoma::os
