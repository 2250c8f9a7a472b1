// 200,000 random prefixes and suffixes: names have their sizes, lead back, and no two identifiers share one.
#include <random>
#include <string>
#include <unordered_map>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "ident/scheme.h"

namespace onoma::ident {
namespace {

constexpr int kPairs = 200'000;
constexpr std::uint64_t kSeed = 20260925;

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return engine_() % n; }

  std::string digits(std::size_t most) {
    std::string out(1, static_cast<char>('1' + below(9)));
    for (auto n = below(most); n > 0; --n) out.push_back(static_cast<char>('0' + below(10)));
    return out;
  }
  // Suffixes of every kind: plain, with marks, long ones, and any octets that are UTF-8.
  std::string suffix() {
    static constexpr std::string_view kPieces[] = {
        "a",   "b", "0", "9",  "-",          "--", "x--", "y--", "h--",  "_", ".",     "/",
        "%41", "Z", "ß", "文", "\U0001F600", " ",  "\\",  "_h",  "xn--", "@", "\u00A0"};
    std::string out;
    const auto pieces = below(10) == 0 ? below(200) : below(10);
    for (std::size_t i = 0; i < pieces; ++i)
      out += kPieces[below(3) == 0 ? below(std::size(kPieces)) : below(4)];
    return out;
  }
  std::string handle() {
    std::string prefix = digits(3);
    for (auto n = below(4); n > 0; --n) {
      prefix += '.';
      prefix += below(20) == 0 ? "a_" + digits(8) : digits(6);
    }
    return below(50) == 0 ? "0.NA/" + prefix : prefix + "/" + suffix();
  }
  std::string oid() {
    std::string out = "2";
    for (auto n = 1 + below(30); n > 0; --n) out += "." + digits(below(40) == 0 ? 100 : 6);
    return out;
  }

 private:
  std::mt19937_64 engine_;
};

TEST(Mapping, IsOneToOne) {
  const Name apex = *Name::parse("id.example.");
  Maker maker(kSeed);
  std::unordered_map<std::string, std::string> owner_of;  // name octets → identifier
  owner_of.reserve(kPairs);
  int hashed = 0, chunked = 0;
  for (int i = 0; i < kPairs; ++i) {
    const bool is_oid = maker.below(8) == 0;
    const auto text = is_oid ? maker.oid() : maker.handle();
    const auto read = parse(text, is_oid ? "oid" : "hdl");
    ASSERT_TRUE(read) << text << ": " << read.error().message;
    const auto name = dns_name(*read, apex);
    ASSERT_TRUE(name) << text << ": " << name.error().message;
    ASSERT_LE(name->size(), wire::kMaxNameOctets);
    // Only letters, digits, hyphens and the mark _h, never what looks like an A-label.
    for (NameView at = *name; !at.is_root(); at = at.parent()) {
      const auto label = as_text(at.first_label());
      ASSERT_TRUE(label == "_h" ||
                  label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == label.npos)
          << text;
      ASSERT_FALSE(label.starts_with("xn--")) << text;
    }
    const auto back = identifier_of(*name, apex);
    ASSERT_TRUE(back) << text << " at " << name->text();
    if (back->canonical.empty()) {
      ++hashed;
    } else {
      ASSERT_EQ(back->canonical, read->canonical) << name->text();
      ASSERT_EQ(back->prefix, read->prefix);
    }
    if (name->text().starts_with("y--")) ++chunked;
    const auto [at, is_new] =
        owner_of.emplace(std::string(as_text(name->wire())), read->scheme + ":" + read->canonical);
    ASSERT_TRUE(is_new || at->second == read->scheme + ":" + read->canonical)
        << at->second << " and " << read->canonical << " share " << name->text();
  }
  EXPECT_GT(owner_of.size(), kPairs / 2U);
  EXPECT_GT(hashed, 1000);
  EXPECT_GT(chunked, 1000);
}

}  // namespace
}  // namespace onoma::ident
