// Octets to image files: whatever they are, opening and reading them ends, reads nothing else, and what is
// found can be read. The sums of heads are put right first, so that what lies behind them is reached.
#include <cstdlib>
#include <memory>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "zone/image.h"
#include "zone/image_file.h"
#include "zone/load.h"
#include "zone/referral.h"

using namespace onoma;

namespace {

constexpr std::size_t kFileHead = 64;
constexpr std::size_t kMostSteps = 600;

void demand(bool holds) {
  if (!holds) std::abort();
}

void sum_up(Bytes& octets, std::size_t at, std::size_t size) {
  if (at > octets.size() || octets.size() - at < size) return;
  const auto sum = XXH3_64bits(&octets[at], size - 8);
  std::memcpy(&octets[at + size - 8], &sum, 8);
}

// What the input does not say: lengths that must agree, sums, magic numbers.
void mend(Bytes& octets) {
  if (octets.size() < kFileHead) return;
  const std::uint64_t size = octets.size();
  std::memcpy(&octets[16], &size, 8);
  sum_up(octets, 0, kFileHead);
  // The images that the directory tells of.
  std::uint64_t at = 0;
  std::uint32_t zones = 0;
  std::memcpy(&zones, &octets[12], 4);
  std::memcpy(&at, &octets[24], 8);
  for (std::uint32_t i = 0; i < zones && i < 8 && at < size && size - at >= 24; ++i, at += 24) {
    std::uint64_t image = 0;
    std::memcpy(&image, &octets[at], 8);
    if (image < size) sum_up(octets, image, sizeof(zone::layout::Header));
  }
}

void read_node(const zone::NodeView& node) {
  static_cast<void>(node.owner().text());
  for (std::size_t i = 0, n = node.size(); i < n; ++i) {
    const auto set = node.at(i);
    demand(!set.rdatas().empty());
    std::size_t octets = 0;
    for (auto data : set.rdatas()) octets += data.size();
    for (auto data : set.signatures()) octets += data.size();
    demand(octets <= (std::size_t{1} << 24));
    static_cast<void>(set.copy(node.owner()));
  }
}

void look(const zone::Snapshot& snapshot, std::string_view sort_key) {
  static zone::NodeScratch scratch;
  scratch.reset();
  zone::LookupKey key;
  zone::LookupKey::from_sort_key(sort_key, key);
  snapshot.prepare(key);
  snapshot.prefetch(key);
  const auto quick = snapshot.quick(key);
  if (const auto name = wire::Name::from_sort_key(sort_key); name && quick.kind != zone::Quick::Kind::other) {
    Bytes out(1232);
    for (const bool dnssec : {false, true}) {
      const auto written = snapshot.write_quick(
          quick, {.out = out, .offset = 300, .name = *name, .dnssec = dnssec, .scratch = &scratch});
      demand(!written || written->octets <= out.size());
    }
    scratch.reset();
  }
  const auto found = snapshot.find(key, &scratch);
  for (const auto* node : {&found.cut, &found.dname, &found.exact, &found.wildcard})
    if (*node) read_node(**node);
  static_cast<void>(snapshot.exists(sort_key));
  if (const auto node = snapshot.nsec_at_or_before(sort_key, &scratch)) read_node(*node);
  const auto hash =
      std::string(sort_key.substr(0, std::min<std::size_t>(20, sort_key.size()))) + std::string(20, '\x55');
  if (const auto node = snapshot.nsec3_at_or_before(hash.substr(0, 20), &scratch)) read_node(*node);
  if (const auto node = snapshot.nsec3_match(hash.substr(0, 20), &scratch)) read_node(*node);
}

void read_all(const zone::Snapshot& snapshot) {
  read_node(snapshot.apex());
  std::size_t steps = 0;
  std::vector<std::string> keys;
  for (auto at = snapshot.first(); at.valid() && ++steps < kMostSteps; at.next()) {
    read_node(at.node());
    if (keys.size() < 50) keys.emplace_back(at.key());
  }
  for (auto at = snapshot.nsec3_first(); at.valid() && ++steps < kMostSteps; at.next()) {
    read_node(at.node());
    if (auto same = snapshot.nsec3_match(at.key())) read_node(*same);
  }
  const auto apex = wire::sort_key(snapshot.facts().apex);
  for (const auto* behind : {"", "a", "*", "sub", "zzz", "a\0b"}) {
    const auto label = std::string(behind);
    keys.push_back(label.empty() ? apex : apex + label + '\0');
  }
  for (const auto& key : keys) {
    if (!std::string_view(key).starts_with(apex) || key.size() > wire::kMaxSortKeyOctets - 4) continue;
    look(snapshot, key);
    if (key.size() + 3 <= 200) look(snapshot, key + std::string("x\0", 2));
    auto back = snapshot.seek_before(key);
    for (int i = 0; i < 3 && back.valid(); ++i) back.prev();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 200'000) return 0;
  auto octets = std::make_shared<Bytes>(data, data + size);
  mend(*octets);
  const auto file = zone::ImageFile::open(*octets);
  if (!file) return 0;
  for (std::size_t i = 0; i < file->blocks(); ++i) static_cast<void>(file->block_fits(i, file->block(i)));
  for (std::size_t i = 0; i < file->size() && i < 8; ++i) {
    const auto name = file->name(i);
    if (name) static_cast<void>(file->find(*name));
    const auto snapshot = file->snapshot(i, octets);
    if (!snapshot) continue;
    read_all(**snapshot);
    // What cannot be read must not become an image that is trusted.
    const auto merged = zone::compact(**snapshot);
    static_cast<void>(merged);
  }
  return 0;
}
