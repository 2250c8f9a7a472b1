// Real zones: signing the root zone's content must give the chain that its own signer gave, and following the
// root's and .gov's published changes must give what signing each version as a whole gives.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "support/environment.h"
#include "unit/sign/support.h"

namespace onoma::sign::testing {
namespace {

namespace fs = std::filesystem;

fs::path zones() {
  return onoma::test::shared_data("zones");
}

// The text of a file, uncompressed; empty when it or xz is not here.
std::string text_of(const fs::path& path) {
  const auto command = (path.extension() == ".xz" ? "xz -dc '" : "cat '") + path.string() + "' 2>/dev/null";
  std::string text;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  char buffer[65536];
  while (const auto size = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, size);
  pclose(pipe);
  return text;
}

bool is_made(RRType type) {
  return wire::is_made_by_signer(type) || type == RRType::DNSKEY || type == RRType::ZONEMD;
}

Content content_only(Content all) {
  std::erase_if(all, [](const auto& item) { return is_made(item.second.type); });
  for (auto& [key, set] : all) set.signatures.clear();
  return all;
}
std::vector<RRset> sets_of(const Content& all) {
  std::vector<RRset> out;
  for (const auto& [key, set] : all) out.push_back(set);
  return out;
}

TEST(RealZones, TheRootIsChainedAndSignedAsItsOwnSignerDidIt) {
  const auto text = text_of(zones() / "root-2020-10-19.zone.xz");
  if (text.empty()) GTEST_SKIP() << "no " << zones() << " (set ONOMA_SHARED_DATA) or xz is not installed";
  const Name root;
  zone::SnapshotBuilder builder(root);
  wire::ZoneFileOptions options;
  ASSERT_TRUE(wire::parse_zone_text(
      text, options, [&](wire::Record&& record) { return builder.add_record(std::move(record)); }));
  const auto theirs = content(*builder.finish().value());

  SigningPolicy policy;
  policy.cds = CdsPolicy::never;
  const auto made = signer(fake_keys(root), policy)->sign_all(root, sets_of(content_only(theirs)), kNow);
  ASSERT_TRUE(made) << made.error().message;
  const auto ours = content(*made);

  std::size_t links = 0, signed_sets = 0;
  ASSERT_EQ(ours.size(), theirs.size());
  for (const auto& [key, their] : theirs) {
    const auto at = ours.find(key);
    ASSERT_NE(at, ours.end()) << line_of(their);
    EXPECT_EQ(at->second.signatures.empty(), their.signatures.empty()) << line_of(their);
    signed_sets += !their.signatures.empty();
    if (their.type != RRType::NSEC) continue;
    ++links;
    EXPECT_EQ(at->second.ttl, their.ttl);
    EXPECT_EQ(at->second.rdatas, their.rdatas) << line_of(their);
  }
  EXPECT_EQ(links, 1509U);
  EXPECT_EQ(signed_sets, 2884U);
}

// Unified diff lines of whole records, as changes of sets.
zone::Diff step_from(const std::string& diff, const Name& apex, const Content& current,
                     std::uint32_t serial) {
  Content after;
  std::set<std::pair<std::string, RRType>> touched;
  wire::ZoneFileOptions options;
  options.origin = apex;
  std::string minus, plus;
  for (std::size_t at = 0; at < diff.size();) {
    const auto end = std::min(diff.find('\n', at), diff.size());
    const auto line = diff.substr(at, end - at);
    at = end + 1;
    if (line.size() < 2 || line.starts_with("---") || line.starts_with("+++") || line[1] == ';') continue;
    if (line[0] == '-') minus += line.substr(1) + "\n";
    if (line[0] == '+') plus += line.substr(1) + "\n";
  }
  const auto edit = [&](const std::string& text, bool add) {
    const auto parsed = wire::parse_zone_text(text, options, [&](wire::Record&& record) -> Result<void> {
      if (is_made(record.type)) return {};
      const auto key = std::pair(wire::sort_key(record.owner), record.type);
      if (touched.insert(key).second)
        if (const auto old = current.find(key); old != current.end()) after.insert(*old);
      auto& set = after[key];
      std::erase(set.rdatas, record.rdata);
      if (!add) return {};
      set.owner = record.owner;
      set.type = record.type;
      set.ttl = record.ttl;
      set.rdatas.push_back(record.rdata);
      return {};
    });
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  };
  edit(minus, false);
  edit(plus, true);

  zone::Diff out{apex, serial, serial + 1, {}};
  for (const auto& key : touched) {
    const auto old = current.find(key);
    auto& set = after[key];
    set.normalise();
    zone::RRsetChange change;
    if (old != current.end()) change.before = old->second;
    if (!set.rdatas.empty()) change.after = set;
    change.owner = change.before ? change.before->owner : set.owner;
    change.type = key.second;
    out.changes.push_back(std::move(change));
  }
  return out;
}

struct History {
  std::string label, folder, apex;
  zone::Denial denial;
  bool opt_out;
};
void PrintTo(const History& history, std::ostream* out) {
  *out << history.label;
}

class RealHistory : public ::testing::TestWithParam<History> {};

TEST_P(RealHistory, StepByStepEqualsAsAWhole) {
  const auto folder = zones() / GetParam().folder;
  std::vector<fs::path> steps;
  fs::path base;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const auto file = entry.path().filename().string();
    if (file.starts_with("base-")) base = entry.path();
    if (file.find(".diff") != std::string::npos) steps.push_back(entry.path());
  }
  std::ranges::sort(steps);
  const auto text = base.empty() ? std::string() : text_of(base);
  if (text.empty()) GTEST_SKIP() << "no " << folder << " (set ONOMA_SHARED_DATA) or xz is not installed";

  const auto apex = name(GetParam().apex);
  SigningPolicy policy;
  policy.denial = GetParam().denial;
  policy.opt_out = GetParam().opt_out;
  const auto keys = fake_keys(apex);
  const auto subject = signer(keys, policy);
  zone::SnapshotBuilder builder(apex);
  wire::ZoneFileOptions options;
  options.origin = apex;
  ASSERT_TRUE(wire::parse_zone_text(text, options, [&](wire::Record&& record) -> Result<void> {
    if (is_made(record.type)) return {};
    return builder.add_record(std::move(record));
  }));
  const auto first = builder.finish();
  ASSERT_TRUE(first) << first.error().message;
  auto zone = build(apex, subject->sign_all(apex, sets_of(content_only(content(**first))), kNow).value());

  auto current = content_only(content(*zone));
  std::size_t changed = 0;
  for (const auto& path : steps) {
    SCOPED_TRACE(path.filename().string());
    const auto serial = zone->facts().serial;
    auto diff = step_from(text_of(path), apex, current, serial);
    // The serial is ours, so that it does not depend on how the zone's owner counts.
    std::erase_if(diff.changes, [](const auto& change) { return change.type == RRType::SOA; });
    const auto made = subject->sign(*zone, diff, kNow);
    ASSERT_TRUE(made) << made.error().message;
    // At most a few sets for each that changed: itself, its link, the link before, signatures aside the
    // apex's.
    EXPECT_LE(made->changes.size(), 1 + 6 * diff.changes.size());
    changed += made->changes.size();
    auto next = zone->apply(*made);
    ASSERT_TRUE(next) << next.error().message;
    zone = *next;
    for (auto& change : diff.changes) {
      const std::pair key(wire::sort_key(change.owner), change.type);
      current.erase(key);
      if (change.after) current.emplace(key, std::move(*change.after));
    }
  }
  EXPECT_GT(changed, steps.size());
  const auto is = content(*zone);
  const auto full = subject->sign_all(apex, sets_of(content_only(is)), kNow);
  ASSERT_TRUE(full) << full.error().message;
  EXPECT_EQ(differences(is, content(*full)), "");
  EXPECT_EQ(bad_signatures(is, keys, kNow), "");
}

INSTANTIATE_TEST_SUITE_P(
    Zones, RealHistory,
    ::testing::Values(History{"root_nsec", "root-history/2025-06", ".", zone::Denial::nsec, false},
                      History{"root_nsec3", "root-history/2025-06", ".", zone::Denial::nsec3, false},
                      History{"root_opt_out", "root-history/2025-06", ".", zone::Denial::nsec3, true},
                      History{"gov_nsec3", "gov-history", "gov.", zone::Denial::nsec3, false},
                      History{"gov_opt_out", "gov-history", "gov.", zone::Denial::nsec3, true}),
    [](const auto& test) { return test.param.label; });

}  // namespace
}  // namespace onoma::sign::testing
