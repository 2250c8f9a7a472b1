// Zones from files: a bad file never takes a zone away, and a zone that never loaded is known as such.
#include "publish/file_zones.h"

#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

#include "gate/gate.h"

namespace onoma::publish {
namespace {

using wire::Name;

struct Table final : ZoneSink {
  std::map<Name, std::uint32_t> serials;  // 0: known, not loaded
  void show(const zone::Version& version, zone::SnapshotPtr) override {
    serials[version.zone] = version.serial;
  }
  void refused(const zone::Version&, const zone::Verdict&) override {}
  void remove(const Name& zone) override { serials.erase(zone); }
  void not_loaded(const Name& zone) override { serials.try_emplace(zone, 0U); }
};

class FileZonesTest : public testing::Test {
 protected:
  FileZonesTest() {
    file_ = std::filesystem::temp_directory_path() / ("onoma-file-zones-" + std::to_string(::getpid()));
  }
  ~FileZonesTest() override { std::filesystem::remove(file_); }
  void write(const std::string& text) { std::ofstream(file_, std::ios::trunc) << text; }
  void write_serial(int serial) {
    write("@ 300 IN SOA ns.example. admin.example. " + std::to_string(serial) +
          " 1800 900 604800 300\n@ 300 IN NS ns.example.\n");
  }

  const Name zone_ = Name::parse("test.").value();
  std::filesystem::path file_;
  Table table_;
  ManualClock clock_{from_unix_seconds(1'790'000'000)};
  FileZones zones_{
      [] { return gate::make_gate({.level = zone::GateLevel::structure, .require_signed = false}); }, table_,
      clock_};
};

TEST_F(FileZonesTest, AZoneThatDidNotLoadIsKnownAndAReloadMendsIt) {
  write("this is no zone\n");
  ASSERT_FALSE(zones_.add(zone_, file_));
  EXPECT_EQ(table_.serials, (std::map<Name, std::uint32_t>{{zone_, 0U}}));
  EXPECT_FALSE(zones_.status().front().problem.empty());
  write_serial(7);
  ASSERT_TRUE(zones_.reload(zone_));
  EXPECT_EQ(table_.serials.at(zone_), 7U);
  EXPECT_TRUE(zones_.status().front().problem.empty());
}

TEST_F(FileZonesTest, ABadFileKeepsTheZoneThatWasThere) {
  write_serial(7);
  ASSERT_TRUE(zones_.add(zone_, file_));
  write("this is no zone\n");
  EXPECT_FALSE(zones_.reload(zone_));
  EXPECT_EQ(table_.serials.at(zone_), 7U);
  EXPECT_FALSE(zones_.status().front().problem.empty());
  write_serial(8);
  ASSERT_TRUE(zones_.reload(zone_));
  EXPECT_EQ(table_.serials.at(zone_), 8U);
}

TEST_F(FileZonesTest, WhatWasRemovedIsUnknownUntilItIsAddedAgain) {
  write_serial(7);
  ASSERT_TRUE(zones_.add(zone_, file_));
  EXPECT_EQ(zones_.add(zone_, file_).error().code, Code::exists);
  ASSERT_TRUE(zones_.remove(zone_));
  EXPECT_TRUE(table_.serials.empty());
  EXPECT_EQ(zones_.remove(zone_).error().code, Code::not_found);
  EXPECT_EQ(zones_.reload(zone_).error().code, Code::not_found);
  EXPECT_TRUE(table_.serials.empty());
  ASSERT_TRUE(zones_.add(zone_, file_));
  EXPECT_EQ(table_.serials.at(zone_), 7U);
}

}  // namespace
}  // namespace onoma::publish
