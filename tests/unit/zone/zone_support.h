// Small zones for the tests of the room `zone`, and a slow model to hold it against.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "wire/rdata.h"
#include "zone/load.h"
#include "zone/snapshot.h"

namespace onoma::zone::test {

inline Name name(std::string_view text) {
  auto parsed = Name::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(Name());
}

inline Bytes rdata(RRType type, std::string_view text) {
  auto parsed = wire::parse_rdata(type, text, {});
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(Bytes());
}

inline RRset rrset(std::string_view owner, RRType type, const std::vector<std::string>& data,
                   std::uint32_t ttl = 300) {
  RRset set;
  set.owner = name(owner);
  set.type = type;
  set.ttl = ttl;
  for (const auto& item : data) set.rdatas.push_back(rdata(type, item));
  set.normalise();
  return set;
}

inline SnapshotPtr load(std::string_view origin, std::string_view text,
                        std::vector<std::string>* warnings = nullptr) {
  wire::ZoneFileOptions options;
  options.origin = name(origin);
  std::vector<std::string> seen;
  auto snapshot = load_zone_text(text, options, warnings ? *warnings : seen);
  EXPECT_TRUE(snapshot.has_value()) << (snapshot ? "" : snapshot.error().message);
  return snapshot.value_or(nullptr);
}

inline constexpr std::string_view kApex =
    "@ 3600 IN SOA ns1 hostmaster 1 1800 900 604800 300\n"
    "@ 3600 IN NS ns1\n"
    "ns1 3600 IN A 192.0.2.1\n";

inline LookupKey lookup_key(NameView owner) {
  LookupKey key;
  LookupKey::make(owner, key);
  return key;
}

// All sets of a zone, by owner in lower case and type.
using Model = std::map<std::string, std::map<RRType, RRset>>;

inline Model model_of(const Snapshot& snapshot) {
  Model model;
  for (auto at = snapshot.first(); at.valid(); at.next())
    for (std::size_t i = 0; i < at.node().size(); ++i)
      model[std::string(at.key())][at.node().at(i).type()] = at.node().at(i).copy(at.node().owner());
  return model;
}

inline SnapshotPtr build(const Name& apex, const Model& model) {
  SnapshotBuilder builder(apex);
  for (const auto& [key, sets] : model)
    for (const auto& [type, set] : sets) EXPECT_TRUE(builder.add(set).has_value());
  auto built = builder.finish();
  EXPECT_TRUE(built.has_value()) << (built ? "" : built.error().message);
  return built.value_or(nullptr);
}

inline void expect_same_facts(const ZoneFacts& a, const ZoneFacts& b) {
  EXPECT_EQ(a.apex, b.apex);
  EXPECT_EQ(a.serial, b.serial);
  EXPECT_EQ(a.denial, b.denial);
  EXPECT_EQ(a.negative_ttl_s, b.negative_ttl_s);
  EXPECT_EQ(a.names, b.names);
  EXPECT_EQ(a.rrsets, b.rrsets);
  EXPECT_EQ(a.records, b.records);
  EXPECT_EQ(a.delegations, b.delegations);
  EXPECT_EQ(a.ds_sets, b.ds_sets);
  EXPECT_EQ(a.glue_records, b.glue_records);
  EXPECT_EQ(a.signatures, b.signatures);
}

// A name of few labels from a small alphabet below `apex`, so that names meet, nest and share beginnings.
inline Name random_name(std::mt19937& random, const Name& apex) {
  static const std::vector<std::string> labels = {"a",
                                                  "b",
                                                  "ab",
                                                  "A",
                                                  "*",
                                                  "x-1",
                                                  "zz",
                                                  std::string("\0", 1),
                                                  std::string("\1", 1),
                                                  "longerlabel1",
                                                  "longerlabel2"};
  auto out = apex;
  for (auto depth = random() % 4; depth > 0; --depth)
    out = *Name::prepend(as_bytes(labels[random() % labels.size()]), out.view());
  return out;
}

}  // namespace onoma::zone::test
