// Chunks and their assembly: against a slow model, and the same however the records are spread over chunks.
#include "zone/assemble.h"

#include "wire/rrtype.h"
#include "zone_support.h"

namespace onoma::zone::test {
namespace {

struct Given {
  Name owner;
  RRType type{};
  std::uint32_t ttl = 0;
  Bytes data;
};

// What an assembly hands over, in its order.
struct Owner {
  std::string key;
  Bytes name;  // octets: letter case counts
  bool is_apex = false;
  std::vector<RRset> sets;
  bool operator==(const Owner&) const = default;
};
struct Assembled {
  std::vector<Owner> names, nsec3;
  std::vector<std::string> warnings;
  std::string error;
  bool operator==(const Assembled&) const = default;
};

RRset set_of(NameView owner, const EncodedSet& encoded) {
  RRset set;
  set.owner = owner;
  set.type = encoded.type;
  set.ttl = encoded.ttl;
  for (const auto data : data_range(encoded)) set.rdatas.emplace_back(data.begin(), data.end());
  for (const auto data : signature_range(encoded)) set.signatures.emplace_back(data.begin(), data.end());
  EXPECT_EQ(data_range(encoded).octets(), encoded.data.size());
  return set;
}

Assembled assembled(const Name& apex, std::span<const RecordChunk> chunks) {
  Assembled out;
  const OwnerSink sink{
      .name = [&](std::string_view key, NameView owner, bool is_apex,
                  std::span<const EncodedSet> sets) -> Result<void> {
        Owner made{std::string(key), Bytes(owner.wire().begin(), owner.wire().end()), is_apex, {}};
        for (const auto& set : sets) made.sets.push_back(set_of(owner, set));
        out.names.push_back(std::move(made));
        return {};
      },
      .nsec3 = [&](std::string_view hash, NameView owner, const EncodedSet& set) -> Result<void> {
        out.nsec3.push_back({std::string(hash),
                             Bytes(owner.wire().begin(), owner.wire().end()),
                             false,
                             {set_of(owner, set)}});
        return {};
      }};
  if (const auto result = assemble(apex, chunks, sink, out.warnings); !result)
    out.error = result.error().message;
  return out;
}

// The records in order, spread over `count` chunks.
Assembled assembled(const Name& apex, std::span<const Given> given, std::size_t count) {
  std::vector<RecordChunk> chunks;
  for (std::size_t i = 0; i < count; ++i) {
    chunks.emplace_back(apex);
    for (std::size_t at = given.size() * i / count; at < given.size() * (i + 1) / count; ++at)
      EXPECT_TRUE(chunks[i].put(given[at].owner, given[at].type, given[at].ttl, given[at].data).has_value());
    sort(chunks[i]);
  }
  return assembled(apex, chunks);
}

Given record(std::string_view owner, RRType type, std::string_view data, std::uint32_t ttl = 60) {
  return {name(owner), type, ttl, rdata(type, data)};
}

std::vector<Given> apex_records() {
  return {record("tld.", RRType::SOA, "a. b. 1 2 3 4 5"), record("tld.", RRType::NS, "ns.tld.")};
}

Given signature(const Name& owner, RRType covered, unsigned tag, std::uint32_t ttl) {
  return {owner, RRType::RRSIG, ttl,
          rdata(RRType::RRSIG, wire::type_text(covered) + " 13 1 60 20300101000000 20200101000000 " +
                                   std::to_string(tag) + " tld. AAAA")};
}

std::vector<Given> random_records(std::mt19937_64& random) {
  auto out = apex_records();
  std::mt19937 names(static_cast<unsigned>(random()));
  const auto apex = name("tld.");
  for (auto count = random() % 120; count > 0; --count) {
    const auto owner = random_name(names, apex);
    const auto ttl = static_cast<std::uint32_t>(30 + random() % 2);
    const auto digit = std::to_string(random() % 4);
    switch (random() % 6) {
      case 0:
        out.push_back({owner, RRType::A, ttl, rdata(RRType::A, "192.0.2." + digit)});
        break;
      case 1:
        out.push_back(
            {owner, RRType::NS, ttl, rdata(RRType::NS, (random() % 2 ? "NS" : "ns") + digit + ".x.")});
        break;
      case 2:
        out.push_back({owner, RRType::TXT, ttl, rdata(RRType::TXT, std::string(random() % 40, 'x') + digit)});
        break;
      case 3:
        out.push_back(signature(owner, random() % 2 ? RRType::A : RRType::NS,
                                static_cast<unsigned>(random() % 3), ttl));
        break;
      case 4: {
        const auto hashed = *Name::prepend(as_bytes(digit + "0123456789abcdefghijklmnopqrstu"), apex.view());
        out.push_back(
            {hashed, RRType::NSEC3, ttl, rdata(RRType::NSEC3, "1 0 0 - 00000000000000000000000000000000 A")});
        out.push_back(signature(hashed, RRType::NSEC3, 1, ttl));
        break;
      }
      default:
        out.push_back({owner, RRType::MX, ttl, rdata(RRType::MX, digit + " MX.x.")});
    }
  }
  std::shuffle(out.begin(), out.end(), random);
  return out;
}

// The same sets, the slow way.
std::map<std::string, std::map<RRType, RRset>> model_of(std::span<const Given> given) {
  std::map<std::string, std::map<RRType, RRset>> model;
  for (const auto& one : given) {
    if (one.type == RRType::RRSIG) continue;
    auto& set = model[wire::sort_key(one.owner)][one.type];
    set.ttl = set.rdatas.empty() ? one.ttl : std::min(set.ttl, one.ttl);
    set.owner = one.owner;
    set.type = one.type;
    set.rdatas.push_back(one.data);
  }
  for (const auto& one : given) {
    if (one.type != RRType::RRSIG) continue;
    const auto owner = model.find(wire::sort_key(one.owner));
    if (owner == model.end()) continue;
    const auto set = owner->second.find(static_cast<RRType>(load_u16(one.data.data())));
    if (set != owner->second.end()) set->second.signatures.push_back(one.data);
  }
  for (auto& [key, sets] : model)
    for (auto& [type, set] : sets) set.normalise();
  return model;
}

TEST(Assemble, EqualsTheSlowModelHoweverTheRecordsAreSpread) {
  std::mt19937_64 random(1);
  const auto apex = name("tld.");
  for (int round = 0; round < 200; ++round) {
    const auto given = random_records(random);
    const auto one = assembled(apex, given, 1);
    ASSERT_EQ(one.error, "");
    auto model = model_of(given);
    for (const auto& owner : one.nsec3) {
      auto& sets = model[wire::sort_key(NameView::trusted(owner.name))];
      ASSERT_EQ(owner.sets[0], sets[RRType::NSEC3]);
      sets.erase(RRType::NSEC3);
    }
    std::erase_if(model, [](const auto& owner) { return owner.second.empty(); });
    ASSERT_EQ(one.names.size(), model.size());
    auto at = model.begin();
    for (const auto& owner : one.names) {
      ASSERT_EQ(owner.key, at->first);
      ASSERT_EQ(owner.is_apex, owner.key == wire::sort_key(apex));
      ASSERT_EQ(owner.sets.size(), at->second.size());
      auto expected = at->second.begin();
      for (const auto& set : owner.sets) ASSERT_EQ(set, (expected++)->second);
      ++at;
    }
    ASSERT_TRUE(std::is_sorted(one.nsec3.begin(), one.nsec3.end(),
                               [](const Owner& a, const Owner& b) { return a.key < b.key; }));
    for (const std::size_t chunks : {2U, 3U, 7U, 40U}) ASSERT_EQ(assembled(apex, given, chunks), one);
  }
}

TEST(Assemble, AnOwnerKeepsTheCaseOfTheFirstRecordOfItsFirstSet) {
  auto given = apex_records();
  given.push_back(record("x.tld.", RRType::TXT, "t"));
  given.push_back(record("X.tld.", RRType::A, "192.0.2.1"));
  given.push_back(record("x.tld.", RRType::A, "192.0.2.2"));
  for (const std::size_t chunks : {1U, 2U, 5U}) {
    const auto out = assembled(name("tld."), given, chunks);
    ASSERT_EQ(out.names.size(), 2U);
    EXPECT_EQ(NameView::trusted(out.names[1].name).text(), "X.tld.");
  }
}

TEST(Assemble, ChunksRefuseWhatNoZoneHolds) {
  RecordChunk chunk(name("tld."));
  const auto refusal = [&](std::string_view owner, RRType type, ByteView data) {
    const auto result = chunk.put(name(owner), type, 60, data);
    return result ? std::string() : result.error().message;
  };
  const std::uint8_t address[4] = {192, 0, 2, 1};
  EXPECT_NE(refusal("a.org.", RRType::A, address).find("not in the zone tld."), std::string::npos);
  EXPECT_NE(refusal("xtld.", RRType::A, address).find("not in the zone tld."), std::string::npos);
  EXPECT_NE(refusal("a.tld.", RRType::ANY, address).find("in messages only"), std::string::npos);
  EXPECT_NE(refusal("a.tld.", RRType::A, ByteView(address).first(3)).find("do not have the form"),
            std::string::npos);
  EXPECT_NE(refusal("a.tld.", RRType{65400}, Bytes(65536)).find("65535 octets"), std::string::npos);
  EXPECT_EQ(chunk.records(), 0U);
  EXPECT_EQ(refusal("A.TLD.", RRType::A, address), "");
  EXPECT_EQ(chunk.records(), 1U);
}

TEST(Assemble, SetsOfTooManyRecordsAreRefused) {
  auto given = apex_records();
  for (std::uint32_t i = 0; i < 65536; ++i) {
    Bytes address(4);
    store_u32(address.data(), i);
    given.push_back({name("a.tld."), RRType::A, 60, address});
  }
  EXPECT_NE(assembled(name("tld."), given, 2).error.find("65536 records of one type"), std::string::npos);
  given.pop_back();
  EXPECT_EQ(assembled(name("tld."), given, 2).error, "");
}

TEST(Assemble, TheSinksErrorEndsIt) {
  std::vector<RecordChunk> chunks;
  chunks.emplace_back(name("tld."));
  for (const auto& one : apex_records())
    ASSERT_TRUE(chunks[0].put(one.owner, one.type, one.ttl, one.data).has_value());
  sort(chunks[0]);
  const OwnerSink sink{
      .name = [](std::string_view, NameView, bool, std::span<const EncodedSet>) -> Result<void> {
        return fail(Code::io, "full");
      },
      .nsec3 = {}};
  std::vector<std::string> warnings;
  const auto result = assemble(name("tld."), chunks, sink, warnings);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message, "full");
}

TEST(Load, TheSameZoneAndWarningsFromAnyNumberOfPieces) {
  std::string text(kApex);
  for (int i = 0; i < 300; ++i) {
    const auto label = "n" + std::to_string(i * 7919 % 300);
    text += label + " 60 NS ns1." + label + "\n" + label + " " + std::to_string(60 + i % 2) + " NS ns.x.\n";
    if (i % 5 == 0) text += "$ORIGIN " + label + ".tld.\nns1 A 192.0.2.1\n$ORIGIN tld.\n";
  }
  wire::ZoneFileOptions options;
  options.origin = name("tld.");
  std::string expected;
  for (const std::size_t pieces : {1U, 2U, 3U, 16U, 100U}) {
    auto chunks = read_zone_chunks(text, options, serially, pieces);
    ASSERT_TRUE(chunks.has_value());
    EXPECT_LE(chunks->size(), pieces);
    std::vector<std::string> warnings;
    const auto snapshot = build_snapshot(options.origin, *std::move(chunks), warnings);
    ASSERT_TRUE(snapshot.has_value()) << snapshot.error().message;
    std::string out = zone_text(**snapshot);
    for (const auto& warning : warnings) out += warning + "\n";
    if (expected.empty()) expected = out;
    EXPECT_EQ(out, expected) << pieces;
  }
}

}  // namespace
}  // namespace onoma::zone::test
