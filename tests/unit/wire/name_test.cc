#include "wire/name.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "random_data.h"

namespace onoma::wire {
namespace {

Name name(std::string_view text) {
  auto parsed = Name::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(Name());
}

WireError parse_error(std::string_view text) {
  auto parsed = Name::parse(text);
  EXPECT_FALSE(parsed.has_value()) << text;
  return parsed ? WireError::bad_text : parsed.error();
}

TEST(Name, ParsesAbsoluteAndRelativeText) {
  EXPECT_EQ(name("www.Example.com.").text(), "www.Example.com.");
  EXPECT_EQ(name("www.example.com").text(), "www.example.com.");
  EXPECT_EQ(Name::parse("www", name("example.com."))->text(), "www.example.com.");
  EXPECT_EQ(Name::parse("www.", name("example.com."))->text(), "www.");
  EXPECT_EQ(Name::parse("@", name("example.com."))->text(), "example.com.");
  EXPECT_EQ(name(".").text(), ".");
  EXPECT_TRUE(Name().is_root());
}

TEST(Name, RefusesWhatIsNoName) {
  EXPECT_EQ(parse_error(""), WireError::empty_label);
  EXPECT_EQ(parse_error(".."), WireError::empty_label);
  EXPECT_EQ(parse_error(".a."), WireError::empty_label);
  EXPECT_EQ(parse_error("a..b."), WireError::empty_label);
  EXPECT_EQ(parse_error("a\\"), WireError::bad_escape);
  EXPECT_EQ(parse_error("a\\25"), WireError::bad_escape);
  EXPECT_EQ(parse_error("a\\256b"), WireError::bad_escape);
  EXPECT_EQ(parse_error(std::string(64, 'a')), WireError::label_too_long);
  EXPECT_TRUE(Name::parse(std::string(63, 'a')).has_value());
}

TEST(Name, HoldsAtMost255Octets) {
  std::string text;
  for (int i = 0; i < 3; ++i) text += std::string(63, 'a') + ".";
  EXPECT_EQ(name(text + std::string(61, 'b')).size(), 255U);
  EXPECT_EQ(name(text + std::string(61, 'b') + ".").size(), 255U);
  EXPECT_EQ(parse_error(text + std::string(62, 'b')), WireError::name_too_long);
  EXPECT_EQ(parse_error(text + std::string(62, 'b') + "."), WireError::name_too_long);
  EXPECT_EQ(Name::parse(text + std::string(59, 'b'), name("c."))->size(), 255U);
  EXPECT_EQ(Name::parse(text + std::string(60, 'b'), name("c.")).error(), WireError::name_too_long);
}

TEST(Name, EscapesWhatCouldBeMisread) {
  EXPECT_EQ(name("a\\.b\\\\\\000\\032.c.").text(), "a\\.b\\\\\\000\\032.c.");
  EXPECT_EQ(name("\\064\\036\\059\\040\\041\\034\\200.").text(), "\\@\\$\\;\\(\\)\\\"\\200.");
  EXPECT_EQ(name("\\@.").label_count(), 1U);
}

TEST(Name, TextRoundTripsForRandomNames) {
  RandomData random(1);
  for (int i = 0; i < 3000; ++i) {
    const Name original = random.name();
    auto parsed = Name::parse(original.text());
    ASSERT_TRUE(parsed.has_value()) << original.text();
    EXPECT_TRUE(onoma::equal(parsed->wire(), original.wire())) << original.text();
  }
}

TEST(Name, FromWireTakesExactlyOneName) {
  const Bytes good = {1, 'a', 0};
  EXPECT_EQ(Name::from_wire(good)->text(), "a.");
  EXPECT_EQ(Name::from_wire(Bytes{1, 'a'}).error(), WireError::truncated);
  EXPECT_EQ(Name::from_wire(Bytes{}).error(), WireError::truncated);
  EXPECT_EQ(Name::from_wire(Bytes{3, 'a', 0}).error(), WireError::truncated);
  EXPECT_EQ(Name::from_wire(Bytes{1, 'a', 0, 0}).error(), WireError::trailing_octets);
  EXPECT_EQ(Name::from_wire(Bytes{0x40, 0}).error(), WireError::bad_label_type);
  EXPECT_EQ(Name::from_wire(Bytes{0xC0, 0}).error(), WireError::bad_pointer);
  Bytes too_long;
  for (int i = 0; i < 128; ++i) append(too_long, Bytes{1, 'a'});
  too_long.push_back(0);
  EXPECT_EQ(Name::from_wire(too_long).error(), WireError::name_too_long);
}

TEST(Name, KnowsItsAncestors) {
  const Name n = name("a.b.Example.");
  EXPECT_EQ(n.label_count(), 3U);
  EXPECT_EQ(n.view().ancestor(0).text(), ".");
  EXPECT_EQ(n.view().ancestor(2).text(), "b.Example.");
  EXPECT_EQ(n.parent().text(), "b.Example.");
  EXPECT_TRUE(n.is_at_or_below(name("EXAMPLE.")));
  EXPECT_TRUE(n.is_at_or_below(n));
  EXPECT_TRUE(n.is_at_or_below(Name()));
  EXPECT_FALSE(n.view().is_below(n));
  EXPECT_FALSE(n.is_at_or_below(name("xample.")));
  EXPECT_FALSE(name("xb.example.").is_at_or_below(name("b.example.")));
  // The octets of "b.example." stand at the end of this one label's name without being its ancestor.
  EXPECT_FALSE(name("x\\001b\\007example.").is_at_or_below(name("b.example.")));
}

TEST(Name, PrependsLabels) {
  EXPECT_EQ(Name::prepend(as_bytes("www"), name("example."))->text(), "www.example.");
  EXPECT_EQ(Name::prepend({}, Name()).error(), WireError::empty_label);
  EXPECT_EQ(Name::prepend(Bytes(64, 'a'), Name()).error(), WireError::label_too_long);
  EXPECT_TRUE(Name::wildcard_of(name("example."))->view().is_wildcard());
  EXPECT_FALSE(name("**.example.").view().is_wildcard());
  Name full;
  for (int i = 0; i < 127; ++i) full = *Name::prepend(as_bytes("a"), full);
  EXPECT_EQ(full.size(), 255U);
  EXPECT_EQ(Name::prepend(as_bytes("a"), full).error(), WireError::name_too_long);
}

TEST(Name, ComparesWithoutCase) {
  EXPECT_EQ(name("WWW.eXample.com."), name("www.ExAMPLE.COM."));
  EXPECT_NE(name("www.example.com."), name("www.example.con."));
  EXPECT_NE(name("[example."), name("{example."));  // 5B and 7B differ in the case bit only
  EXPECT_NE(name("\\193example."), name("\\225example."));
  EXPECT_EQ(std::hash<Name>()(name("A.b.")), std::hash<Name>()(name("a.B.")));
  EXPECT_EQ(name("WWW.EXAMPLE.Q@[.").lower().text(), "www.example.q\\@[.");
}

TEST(Name, OrderIsThatOfRfc4034) {
  const char* const ordered[] = {"example.",         "a.example.",      "yljkjljk.a.example.",
                                 "Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
                                 "\\001.z.example.", "*.z.example.",    "\\200.z.example."};
  for (std::size_t i = 0; i < std::size(ordered); ++i) {
    for (std::size_t j = 0; j < std::size(ordered); ++j) {
      EXPECT_EQ(canonical_compare(name(ordered[i]), name(ordered[j])), i <=> j)
          << ordered[i] << " " << ordered[j];
      EXPECT_EQ(sort_key(name(ordered[i])).compare(sort_key(name(ordered[j]))) < 0, i < j);
    }
  }
}

TEST(SortKey, OrderEqualsCanonicalOrder) {
  RandomData random(2);
  std::vector<Name> names;
  for (int i = 0; i < 400; ++i) names.push_back(random.name());
  for (const char* special : {"\\000.a.", "\\000\\000.a.", "\\001.a.", "\\001\\000.a.", "\\002.a.", "a.",
                              "A.", "a\\000.", "a\\001.", "a\\002."})
    names.push_back(name(special));
  for (const Name& a : names)
    for (const Name& b : names) {
      const std::string key_a = sort_key(a), key_b = sort_key(b);
      const int order = key_a.compare(key_b);
      const auto canonical = canonical_compare(a, b);
      ASSERT_EQ(order < 0, canonical < 0) << a.text() << " " << b.text();
      ASSERT_EQ(order == 0, canonical == 0) << a.text() << " " << b.text();
      ASSERT_EQ(canonical == 0, a == b);
      ASSERT_EQ(key_a.starts_with(key_b), a.is_at_or_below(b)) << a.text() << " " << b.text();
    }
}

TEST(SortKey, RoundTripsInLowerCase) {
  RandomData random(3);
  for (int i = 0; i < 3000; ++i) {
    const Name original = random.name();
    const std::string key = sort_key(original);
    ASSERT_LE(key.size(), kMaxSortKeyOctets);
    auto back = Name::from_sort_key(key);
    ASSERT_TRUE(back.has_value()) << original.text();
    EXPECT_TRUE(onoma::equal(back->wire(), original.lower().wire()));
    EXPECT_EQ(key_label_count(key), original.label_count());
    if (!original.is_root()) {
      EXPECT_EQ(parent_key(key), sort_key(original.parent()));
    }
  }
  EXPECT_EQ(sort_key(Name()), "");
  EXPECT_TRUE(Name::from_sort_key("")->is_root());
}

TEST(SortKey, RefusesWhatIsNoKey) {
  using namespace std::string_view_literals;
  for (const auto key : {"a"sv, "\0"sv, "a\0\0"sv, "A\0"sv, "a\1\0"sv, "a\1\3\0"sv, "a\1"sv})
    EXPECT_FALSE(Name::from_sort_key(key).has_value());
  EXPECT_FALSE(Name::from_sort_key(std::string(64, 'a') + '\0').has_value());
  std::string long_key;
  for (int i = 0; i < 128; ++i) long_key += "a\0"sv;
  EXPECT_FALSE(Name::from_sort_key(long_key).has_value());
  EXPECT_TRUE(Name::from_sort_key(std::string_view(long_key).substr(2)).has_value());
}

std::expected<Name, WireError> read(const Bytes& message, std::size_t& offset) {
  std::uint8_t out[kMaxNameOctets];
  auto size = read_name(message, offset, out);
  if (!size) return std::unexpected(size.error());
  return Name::from_wire({out, *size});
}

TEST(ReadName, FollowsPointersBackwards) {
  const Bytes message = {1, 'a', 0, 1, 'b', 0xC0, 0, 1, 'c', 0xC0, 3, 9};
  std::size_t offset = 7;
  EXPECT_EQ(read(message, offset)->text(), "c.b.a.");
  EXPECT_EQ(offset, 11U);
}

TEST(ReadName, RefusesHostileNames) {
  const auto error = [](const Bytes& message, std::size_t start) {
    std::size_t offset = start;
    auto got = read(message, offset);
    EXPECT_FALSE(got.has_value());
    EXPECT_EQ(offset, start);  // nothing moved
    return got ? WireError::bad_text : got.error();
  };
  EXPECT_EQ(error({0xC0, 0}, 0), WireError::bad_pointer);          // to itself
  EXPECT_EQ(error({0xC0, 2, 0}, 0), WireError::bad_pointer);       // forwards
  EXPECT_EQ(error({1, 'a', 0xC0, 0}, 0), WireError::bad_pointer);  // a loop
  EXPECT_EQ(error({1, 'a', 0xC0, 0}, 2), WireError::bad_pointer);  // a loop, entered from behind
  EXPECT_EQ(error({1, 'a', 0xC0}, 0), WireError::truncated);
  EXPECT_EQ(error({2, 'a'}, 0), WireError::truncated);
  EXPECT_EQ(error({1, 'a'}, 2), WireError::truncated);
  EXPECT_EQ(error({0x80, 0}, 0), WireError::bad_label_type);
  Bytes chain = {0};
  for (std::size_t i = 0; i < 200; ++i) {
    const std::size_t target = i == 0 ? 0 : 1 + 2 * (i - 1);
    append(chain, Bytes{static_cast<std::uint8_t>(0xC0 | target >> 8), static_cast<std::uint8_t>(target)});
  }
  EXPECT_EQ(error(chain, chain.size() - 2), WireError::bad_pointer);  // more than 127 pointers
  Bytes long_name;
  for (int i = 0; i < 130; ++i) append(long_name, Bytes{1, 'a'});
  long_name.push_back(0);
  EXPECT_EQ(error(long_name, 0), WireError::name_too_long);
}

TEST(WireErrors, EachHasASentence) {
#define X(name, meaning) EXPECT_EQ(describe(WireError::name), meaning);
  ONOMA_WIRE_ERROR_TABLE(X)
#undef X
  EXPECT_EQ(sizeof(WireError), 1U);
}

}  // namespace
}  // namespace onoma::wire
