#include "zone/image_file.h"

#include <algorithm>

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"
#include "zone/image.h"

namespace onoma::zone {

namespace {

constexpr std::uint64_t kFileMagic = 0x31474d49414d4f4eU;  // "NOMAIMG1"
constexpr std::uint32_t kFileVersion = 1;
constexpr std::size_t kImageAlignment = 4096;
constexpr std::uint64_t kLastSecond = 253'402'300'799;  // of the year 9999

struct Head {
  std::uint64_t magic = kFileMagic;
  std::uint32_t version = kFileVersion;
  std::uint32_t zones = 0;
  std::uint64_t octets = 0;        // of the file
  std::uint64_t directory_at = 0;  // rows, then names
  std::uint64_t sums_at = 0;       // u64 XXH3 of each block of what is before it
  std::uint64_t made_s = 0;        // Unix time
  std::uint32_t earliest_expiry = 0;
  std::uint32_t level = 0;
  std::uint64_t check = 0;  // XXH3-64 of the octets before it
};
static_assert(sizeof(Head) == 64);

struct Row {
  std::uint64_t at = 0, octets = 0, name_at = 0;
};
static_assert(sizeof(Row) == 24);

template <class T>
ByteView octets_of(const T& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

std::unexpected<Error> bad(std::string_view what) {
  return fail(Code::corrupt, fmt::format("the image file is damaged: {}; compile it again", what));
}

const ImagePtr& image_of(const Snapshot& snapshot) {
  return snapshot.image();
}

// Passes octets on and sums each block up.
class Summing {
 public:
  explicit Summing(const ImageSink& sink) : sink_(sink) { XXH3_64bits_reset(&state_); }
  Result<void> put(ByteView octets) {
    written_ += octets.size();
    ONOMA_TRY_VOID(sink_(octets));
    while (!octets.empty()) {
      const auto take = std::min(octets.size(), ImageFile::kBlockOctets - filled_);
      XXH3_64bits_update(&state_, octets.data(), take);
      octets = octets.subspan(take);
      filled_ += take;
      if (filled_ == ImageFile::kBlockOctets) end_block();
    }
    return {};
  }
  Result<void> pad(std::uint64_t to) {
    const Bytes zeros(static_cast<std::size_t>(to - written_));
    return put(zeros);
  }
  const Bytes& sums() {
    if (filled_ > 0) end_block();
    return sums_;
  }

 private:
  void end_block() {
    layout::put_fixed(sums_, static_cast<std::uint64_t>(XXH3_64bits_digest(&state_)));
    XXH3_64bits_reset(&state_);
    filled_ = 0;
  }
  XXH3_state_t state_;
  const ImageSink& sink_;
  std::size_t filled_ = 0;
  std::uint64_t written_ = 0;
  Bytes sums_;
};

}  // namespace

bool looks_like_image(ByteView octets) {
  return octets.size() >= 8 && layout::load<std::uint64_t>(octets.data()) == kFileMagic;
}

Result<void> write_image_file(const std::vector<SnapshotPtr>& given, const ImageStamp& stamp,
                              const ImageSink& sink) {
  CHECK(!given.empty());
  auto zones = given;
  for (auto& zone : zones) {
    if (zone->image()) continue;
    ONOMA_TRY(auto image, compact(*zone));
    ONOMA_TRY(zone, snapshot_of(std::move(image)));
  }
  std::ranges::sort(zones, {}, [](const SnapshotPtr& zone) { return zone->facts().apex; });
  Bytes directory, names;
  std::uint64_t at = (sizeof(Head) + kImageAlignment - 1) / kImageAlignment * kImageAlignment;
  std::vector<std::uint64_t> places;
  for (const auto& zone : zones) {
    CHECK(zone->delta().owners == 0);
    const auto octets = image_of(*zone)->octets().size();
    places.push_back(at);
    layout::put_fixed(directory, Row{at, octets, zones.size() * sizeof(Row) + names.size()});
    const auto& apex = zone->facts().apex;
    names.push_back(static_cast<std::uint8_t>(apex.size()));
    append(names, apex.wire());
    // Small zones lie close together; only their index must begin a cache line.
    const auto step = zones.size() == 1 ? kImageAlignment : std::size_t{64};
    at = (at + octets + step - 1) / step * step;
  }
  append(directory, names);
  Head head;
  head.zones = static_cast<std::uint32_t>(zones.size());
  head.directory_at = at;
  head.sums_at = at + directory.size();
  head.octets = head.sums_at + (head.sums_at + ImageFile::kBlockOctets - 1) / ImageFile::kBlockOctets * 8;
  head.made_s = static_cast<std::uint64_t>(std::max<std::int64_t>(0, unix_seconds(stamp.made)));
  head.earliest_expiry = stamp.earliest_expiry;
  head.level = static_cast<std::uint32_t>(stamp.level);
  head.check = XXH3_64bits(&head, offsetof(Head, check));
  Summing out(sink);
  ONOMA_TRY_VOID(out.put(octets_of(head)));
  for (std::size_t i = 0; i < zones.size(); ++i) {
    ONOMA_TRY_VOID(out.pad(places[i]));
    ONOMA_TRY_VOID(out.put(image_of(*zones[i])->octets()));
  }
  ONOMA_TRY_VOID(out.pad(head.directory_at));
  ONOMA_TRY_VOID(out.put(directory));
  return sink(out.sums());
}

Result<ImageFile> ImageFile::open(ByteView octets) {
  if (!looks_like_image(octets) || octets.size() < sizeof(Head)) return bad("it does not begin like one");
  const auto head = layout::load<Head>(octets.data());
  if (head.version != kFileVersion)
    return fail(Code::corrupt,
                fmt::format("the image file has format {}, this program reads format {}; compile it again "
                            "with this program",
                            head.version, kFileVersion));
  if (head.check != XXH3_64bits(&head, offsetof(Head, check)))
    return bad("its head does not fit its checksum");
  if (head.octets != octets.size())
    return bad(fmt::format("it has {} octets where its head says {}; was it copied whole?", octets.size(),
                           head.octets));
  const auto blocks = (head.sums_at + kBlockOctets - 1) / kBlockOctets;
  if (head.zones == 0 || head.directory_at > head.sums_at || head.sums_at > head.octets ||
      (head.sums_at - head.directory_at) / sizeof(Row) < head.zones ||
      head.octets - head.sums_at != blocks * 8 ||
      head.level > static_cast<std::uint32_t>(GateLevel::registry) || head.made_s > kLastSecond)
    return bad("its parts do not fit together");
  ImageFile out;
  out.octets_ = octets;
  out.stamp_ = {static_cast<GateLevel>(head.level), from_unix_seconds(static_cast<std::int64_t>(head.made_s)),
                head.earliest_expiry};
  out.rows_ = head.zones;
  out.blocks_ = static_cast<std::size_t>(blocks);
  out.directory_at_ = head.directory_at;
  out.sums_at_ = head.sums_at;
  return out;
}

Result<Name> ImageFile::name(std::size_t index) const {
  const auto row = layout::load<Row>(octets_.data() + directory_at_ + index * sizeof(Row));
  const auto room = sums_at_ - directory_at_;
  if (row.name_at >= room) return bad("its directory");
  layout::Reader in(octets_.data() + directory_at_ + row.name_at, octets_.data() + sums_at_);
  const auto view = in.bytes(in.fixed<std::uint8_t>());
  const Bytes copy(view.begin(), view.end());
  auto parsed = Name::from_wire(copy);
  if (!in.ok() || !parsed) return bad("a zone's name in its directory");
  return *std::move(parsed);
}

Result<std::optional<std::size_t>> ImageFile::find(NameView zone) const {
  std::size_t low = 0, high = rows_;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    ONOMA_TRY(const auto here, name(middle));
    const auto order = wire::canonical_compare(here, zone);
    if (order == 0) return std::optional(middle);
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return std::optional<std::size_t>{};
}

Result<SnapshotPtr> ImageFile::snapshot(std::size_t index, std::shared_ptr<const void> owner,
                                        const std::atomic<bool>* lost) const {
  const auto row = layout::load<Row>(octets_.data() + directory_at_ + index * sizeof(Row));
  if (row.at > directory_at_ || row.octets > directory_at_ - row.at) return bad("its directory");
  ONOMA_TRY(auto image, Image::open(octets_.subspan(row.at, row.octets), std::move(owner), false, lost));
  return snapshot_of(std::move(image));
}

ByteView ImageFile::block(std::size_t index) const {
  const auto at = index * kBlockOctets;
  return octets_.subspan(at, std::min<std::size_t>(kBlockOctets, static_cast<std::size_t>(sums_at_) - at));
}

bool ImageFile::block_fits(std::size_t index, ByteView copy) const {
  return XXH3_64bits(copy.data(), copy.size()) ==
         layout::load<std::uint64_t>(octets_.data() + sums_at_ + index * 8);
}

Result<SnapshotPtr> move_to_copy(const Snapshot& current, std::shared_ptr<const std::uint8_t> copy,
                                 bool whole) {
  const ByteView octets(copy.get(), image_of(current)->octets().size());
  ONOMA_TRY(auto image, Image::open(octets, std::move(copy), whole));
  if (!whole) image->condemn();
  // The file may have been written over since it was opened.
  ONOMA_TRY(const auto fresh, snapshot_of(image));
  if (fresh->facts().apex != current.facts().apex ||
      (current.delta().owners == 0 && fresh->facts().serial != current.facts().serial))
    return bad("another version or zone is where this one was");
  return current.rebase(*fresh, std::move(image));
}

std::vector<ImagePart> image_parts(const Snapshot& snapshot) {
  if (!snapshot.image()) return {};
  static constexpr std::string_view kNames[layout::kSections] = {
      "facts", "shapes", "strings", "pool", "nodes", "order", "nsec3", "nsec3_index", "index"};
  const auto& header = image_of(snapshot)->header();
  std::vector<ImagePart> out = {{"header", header.header_octets}};
  for (std::size_t i = 0; i < layout::kSections; ++i)
    out.push_back(
        {kNames[i], (i + 1 == layout::kSections ? header.octets : header.at[i + 1]) - header.at[i]});
  return out;
}

ByteView image_octets(const Snapshot& snapshot) {
  return snapshot.image() ? snapshot.image()->octets() : ByteView{};
}
bool image_is_trusted(const Snapshot& snapshot) {
  return !snapshot.image() || snapshot.image()->trusted();
}
bool image_is_damaged(const Snapshot& snapshot) {
  return snapshot.image() && snapshot.image()->damaged();
}

}  // namespace onoma::zone
