// Properties that hold for every record type, over random data.
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "random_data.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "wire/zonefile.h"

namespace onoma::wire {
namespace {

constexpr int kRounds = 60;

TEST(EveryType, ValidDataPrintAndParseBack) {
  RandomData random(10);
  for (const RRType type : all_types()) {
    for (int i = 0; i < kRounds; ++i) {
      const Bytes rdata = random.rdata(type);
      ASSERT_TRUE(rdata_valid(type, rdata)) << type_text(type) << " " << hex(rdata);
      const std::string text = rdata_text(type, rdata);
      auto parsed = parse_rdata(type, text, Name());
      ASSERT_TRUE(parsed.has_value()) << type_text(type) << " " << text;
      ASSERT_EQ(*parsed, rdata) << type_text(type) << " " << text;
    }
  }
}

TEST(EveryType, RecordLinesParseBackFromAZoneFile) {
  RandomData random(11);
  for (const RRType type : all_types()) {
    if (is_meta_type(type)) continue;
    const Name owner = random.name();
    const Bytes rdata = random.rdata(type);
    const std::string line = record_line(owner, 77, type, rdata);
    int records = 0;
    auto result = parse_zone_text(line, {}, [&](Record&& record) -> Result<void> {
      ++records;
      EXPECT_TRUE(onoma::equal(record.owner.wire(), owner.wire()));
      EXPECT_EQ(record.type, type);
      EXPECT_EQ(record.ttl, 77U);
      EXPECT_EQ(record.rdata, rdata);
      return {};
    });
    ASSERT_TRUE(result.has_value()) << result.error().message << "\n" << line;
    EXPECT_EQ(records, 1) << line;
  }
}

TEST(EveryType, GenericFormParsesToTheSameData) {
  RandomData random(12);
  for (const RRType type : all_types()) {
    const Bytes rdata = random.rdata(type);
    const std::string text = "\\# " + std::to_string(rdata.size()) + " " + hex(rdata);
    auto parsed = parse_rdata(type, text, Name());
    ASSERT_TRUE(parsed.has_value()) << type_text(type) << " " << text;
    EXPECT_EQ(*parsed, rdata);
  }
}

TEST(EveryType, DamagedDataAreRefusedOrStillRoundTrip) {
  RandomData random(13);
  for (const RRType type : all_types()) {
    for (int i = 0; i < kRounds; ++i) {
      Bytes rdata = random.chance(4) ? random.octets(random.below(40)) : random.rdata(type);
      if (!rdata.empty() && random.chance(2))
        rdata[random.below(rdata.size())] ^= static_cast<std::uint8_t>(random.below(256));
      if (!rdata.empty() && random.chance(2)) rdata.resize(random.below(rdata.size()));
      const std::string text = rdata_text(type, rdata);
      if (!rdata_valid(type, rdata)) {
        EXPECT_TRUE(text.starts_with("\\# ")) << type_text(type) << " " << text;
        EXPECT_FALSE(parse_rdata(type, text, Name()).has_value()) << type_text(type) << " " << text;
        EXPECT_EQ(canonical_rdata(type, rdata), rdata);
        for_each_name(type, rdata, [](std::size_t, NameView) { ADD_FAILURE() << "a name in invalid data"; });
        continue;
      }
      auto parsed = parse_rdata(type, text, Name());
      ASSERT_TRUE(parsed.has_value()) << type_text(type) << " " << text;
      ASSERT_EQ(*parsed, rdata) << type_text(type) << " " << text;
    }
  }
}

TEST(EveryType, CanonicalFormIsAFixedPointOfEqualSize) {
  RandomData random(14);
  for (const RRType type : all_types()) {
    for (int i = 0; i < 10; ++i) {
      const Bytes rdata = random.rdata(type);
      const Bytes canonical = canonical_rdata(type, rdata);
      EXPECT_EQ(canonical.size(), rdata.size());
      EXPECT_TRUE(rdata_valid(type, canonical));
      EXPECT_EQ(canonical_rdata(type, canonical), canonical);
      EXPECT_FALSE(canonical_less(type, rdata, canonical));
      EXPECT_FALSE(canonical_less(type, canonical, rdata));
    }
  }
}

TEST(EveryType, NamesInsideStandAtTheirOffsets) {
  RandomData random(15);
  for (const RRType type : all_types()) {
    const Bytes rdata = random.rdata(type);
    for_each_name(type, rdata, [&](std::size_t offset, NameView name) {
      ASSERT_LE(offset + name.size(), rdata.size());
      EXPECT_EQ(name.wire().data(), rdata.data() + offset);
      EXPECT_TRUE(Name::from_wire(name.wire()).has_value()) << type_text(type);
    });
  }
}

TEST(EveryType, ReadsBackFromAMessageWhereItStands) {
  RandomData random(16);
  for (const RRType type : all_types()) {
    Bytes message = random.octets(12);
    const Bytes rdata = random.rdata(type);
    append(message, rdata);
    append(message, random.octets(5));
    auto read = read_rdata(message, 12, rdata.size(), type);
    ASSERT_TRUE(read.has_value()) << type_text(type) << " " << hex(rdata);
    EXPECT_EQ(*read, rdata);
    EXPECT_FALSE(read_rdata(message, 12, message.size(), type).has_value());
  }
}

TEST(UnknownType, IsOpaque) {
  RandomData random(17);
  const RRType type{65400};
  for (int i = 0; i < 50; ++i) {
    const Bytes rdata = random.octets(random.below(100));
    EXPECT_TRUE(rdata_valid(type, rdata));
    EXPECT_EQ(parse_rdata(type, rdata_text(type, rdata), Name()).value(), rdata);
  }
  EXPECT_EQ(rdata_text(type, {}), "\\# 0");
}

}  // namespace
}  // namespace onoma::wire
