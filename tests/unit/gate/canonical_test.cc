// The gate's own reading of RFC 4034 and 5155, against published values.
#include "gate/canonical.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "gate/place.h"
#include "unit/gate/support.h"

namespace onoma::gate::testing {
namespace {

TEST(Canonical, OrderOfNames) {
  // RFC 4034 §6.1.
  const std::vector<std::string> ordered{"example.",         "a.example.",      "yljkjljk.a.example.",
                                         "Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
                                         "\\001.z.example.", "*.z.example.",    "\\200.z.example."};
  for (std::size_t i = 0; i < ordered.size(); ++i)
    for (std::size_t k = 0; k < ordered.size(); ++k)
      EXPECT_EQ(compare_names(name(ordered[i]), name(ordered[k])), i <=> k)
          << ordered[i] << " " << ordered[k];
}

TEST(Canonical, CommonLabels) {
  EXPECT_EQ(common_labels(name("a.b.Example."), name("c.B.example.")), 2U);
  EXPECT_EQ(common_labels(name("."), name("a.")), 0U);
  EXPECT_EQ(common_labels(name("ab.c."), name("b.c.")), 1U);
}

TEST(Canonical, KeyTags) {
  // The keys of RFC 6605 §6.1 and RFC 8080 §6.1.
  auto tag = [](std::uint8_t algorithm, std::string_view key) {
    Bytes data{1, 1, 3, algorithm};
    append(data, *from_base64(key));
    return key_tag(data);
  };
  EXPECT_EQ(
      tag(13, "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="),
      55648);
  EXPECT_EQ(tag(15, "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="), 3613);
}

TEST(Canonical, Nsec3Hashes) {
  EXPECT_EQ(base32hex(nsec3_owner_hash(name("COM."), {}, 0)), "ck0pojmg874ljref7efn8430qvit8bsm");
  EXPECT_EQ(base32hex(nsec3_owner_hash(name("example."), Bytes{0xaa, 0xbb, 0xcc, 0xdd}, 12)),
            "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom");
}

TEST(Canonical, NamesInsideOldTypesAreLowered) {
  auto lowered = [](RRType type, std::initializer_list<int> head, std::string_view target) {
    Bytes data;
    for (int octet : head) data.push_back(static_cast<std::uint8_t>(octet));
    const auto skip = data.size();
    append(data, name(target).wire());
    const auto out = canonical_data(type, data);
    return std::ranges::none_of(out.begin() + static_cast<std::ptrdiff_t>(skip), out.end(),
                                [](std::uint8_t c) { return c >= 'A' && c <= 'Z'; });
  };
  EXPECT_TRUE(lowered(RRType::NS, {}, "NS.Example."));
  EXPECT_TRUE(lowered(RRType::MX, {'A', 'B'}, "MX.Example."));
  EXPECT_TRUE(lowered(RRType::SRV, {'A', 'B', 'C', 'D', 'E', 'F'}, "SRV.Example."));
  EXPECT_TRUE(lowered(RRType::NAPTR, {0, 1, 0, 2, 1, 'U', 1, 'E', 0}, "NAPTR.Example."));
  // Not: NSEC (RFC 6840 §5.1), SVCB and all that came later.
  EXPECT_FALSE(lowered(RRType::NSEC, {}, "Next.Example."));
  EXPECT_FALSE(lowered(RRType::SVCB, {0, 1}, "Svc.Example."));
  EXPECT_FALSE(lowered(RRType{65400}, {}, "Any.Example."));
}

TEST(Canonical, OctetsThatEndTooEarly) {
  for (std::size_t size = 0; size < 19; ++size) EXPECT_FALSE(Rrsig::read(Bytes(size, 0))) << size;
  EXPECT_FALSE(Rrsig::read(Bytes(19, 0))) << "a signer but no signature";
  EXPECT_TRUE(Rrsig::read(Bytes(20, 0)));
  EXPECT_EQ(name_octets(Bytes{3, 'a', 'b'}), 0U);
  EXPECT_EQ(name_octets(Bytes{0xc0, 0}), 0U);
  EXPECT_EQ(name_octets(Bytes(300, 1)), 0U);
  EXPECT_EQ(name_octets(Bytes{1, 'a', 0, 9}), 3U);
  EXPECT_EQ(canonical_data(RRType::SRV, Bytes{1, 2, 3}), (Bytes{1, 2, 3}));
  EXPECT_EQ(canonical_data(RRType::NAPTR, Bytes{0, 0, 0, 0, 200, 'A'}), (Bytes{0, 0, 0, 0, 200, 'A'}));
  EXPECT_EQ(bitmap_text(Bytes{0, 33}), "(unreadable)");
  EXPECT_EQ(bitmap_text(Bytes{0, 1, 0x40}), "A");
}

TEST(Canonical, KeyBehindASubtree) {
  // Nothing at or below the name comes behind the key, and every later name does.
  const auto behind = key_behind_subtree(wire::sort_key(name("b.example.")));
  for (const char* inside : {"b.example.", "a.b.example.", "\\255.b.example.", "\\000.b.example."})
    EXPECT_LT(wire::sort_key(name(inside)), behind);
  for (const char* later :
       {"b\\000.example.", "b\\001.example.", "b\\002.example.", "ba.example.", "c.example."})
    EXPECT_GT(wire::sort_key(name(later)), behind) << later;
}

}  // namespace
}  // namespace onoma::gate::testing
