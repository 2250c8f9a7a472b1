#include "zone/image.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/check.h"

namespace onoma::zone {

namespace {

using layout::Bucket;
using layout::Header;

ImageSettings& settings() {
  static ImageSettings value;
  return value;
}

std::unexpected<Error> bad(std::string_view what) {
  return fail(Code::corrupt, fmt::format("the compiled zone is damaged: {}; compile it again", what));
}

// The first eight octets of `text`, as a number in their order.
std::uint64_t head_of(std::string_view text) {
  std::array<std::uint8_t, 8> octets{};
  if (!text.empty()) std::memcpy(octets.data(), text.data(), std::min<std::size_t>(text.size(), 8));
  return load_u64(octets.data());
}

// The same with octets 00 and 01 in the label, which sort keys write as two.
bool same_escaped_label(ByteView label, std::string_view wanted) {
  std::size_t at = 0;
  for (auto c : label) {
    if (c <= 1) {
      if (at + 1 >= wanted.size() || wanted[at] != 1 || wanted[at + 1] != static_cast<char>(c + 1))
        return false;
      at += 2;
    } else {
      if (at >= wanted.size() || static_cast<std::uint8_t>(wanted[at]) != wire::ascii_lower(c)) return false;
      ++at;
    }
  }
  return at == wanted.size();
}

std::uint32_t lower_four(const std::uint8_t* at) {
  return static_cast<std::uint32_t>(lower_eight(layout::load<std::uint32_t>(at)));
}

// Is `label`, as stored, the label that sort keys write as `wanted`? From four octets on the last ones are
// compared together, some of them twice.
bool same_label(ByteView label, std::string_view wanted) {
  const auto size = label.size();
  if (size != wanted.size()) [[unlikely]]
    return same_escaped_label(label, wanted);
  const auto *here = label.data(), *there = as_bytes(wanted).data();
  const auto same_eight = [&](std::size_t at) {
    return lower_eight(layout::load<std::uint64_t>(here + at)) == layout::load<std::uint64_t>(there + at);
  };
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 < size; i += 8)
      if (!same_eight(i)) return false;
    return same_eight(size - 8);
  }
  if (size >= 4)
    return lower_four(here) == layout::load<std::uint32_t>(there) &&
           lower_four(here + size - 4) == layout::load<std::uint32_t>(there + size - 4);
  for (std::size_t i = 0; i < size; ++i)
    if (wire::ascii_lower(here[i]) != there[i]) return false;
  return true;
}

}  // namespace

const ImageSettings& image_settings() {
  return settings();
}
void set_image_settings(ImageSettings wanted) {
  settings() = std::move(wanted);
}

std::uint64_t hash_seed() {
  return settings().seed;
}

Result<ImagePtr> Image::open(ByteView octets, std::shared_ptr<const void> owner, bool trusted,
                             const std::atomic<bool>* lost) {
  if (octets.size() < sizeof(Header)) return bad("it is shorter than its header");
  std::shared_ptr<Image> made(new Image());
  auto& image = *made;
  std::memcpy(&image.header_, octets.data(), sizeof(Header));
  const auto& header = image.header_;
  if (header.magic != layout::kMagic) return bad("it does not begin like one");
  if (header.version != layout::kVersion)
    return fail(Code::corrupt,
                fmt::format("the compiled zone has format {}, this program reads format {}; compile it "
                            "again with this program",
                            header.version, layout::kVersion));
  if (header.header_octets != sizeof(Header) || header.check != XXH3_64bits(&header, offsetof(Header, check)))
    return bad("its header does not fit its checksum");
  if (header.octets != octets.size())
    return bad(fmt::format("it has {} octets where its header says {}", octets.size(), header.octets));
  auto at = std::uint64_t{sizeof(Header)};
  for (const auto begin : header.at) {
    if (begin < at || begin > header.octets) return bad("its section table");
    at = begin;
  }
  image.octets_ = octets;
  image.owner_ = std::move(owner);
  image.trusted_ = trusted;
  image.lost_ = lost;
  image.buckets_ = image.section_octets(layout::kIndex) / sizeof(Bucket);
  image.order_rows_ = image.section_octets(layout::kOrder) / layout::kOrderRow;
  const auto nsec3_rows = image.section_octets(layout::kNsec3Index) / 4;
  image.nsec3_buckets_ = nsec3_rows == 0 ? 0 : nsec3_rows - 1;
  if (header.nodes == 0 || image.buckets_ == 0 || image.order_rows_ == 0 ||
      (header.nsec3_records > 0) != (image.nsec3_buckets_ > 0) ||
      image.section_octets(layout::kShapes) < std::size_t{header.shapes} * 8 ||
      image.section_octets(layout::kStrings) < std::size_t{header.strings} * 4 ||
      image.section_octets(layout::kNodes) / layout::kUnit >= kNone ||
      image.section_octets(layout::kNsec3) / layout::kUnit >= kNone)
    return bad("its sections do not fit together");
  ONOMA_TRY(const auto facts, image.facts());
  image.apex_ = facts.zone.apex;
  image.apex_key_ = wire::sort_key(image.apex_);
  image.apex_labels_ = image.apex_.label_count();
  return ImagePtr(std::move(made));
}

Result<ImageFacts> Image::facts() const {
  layout::Reader in(section(layout::kFacts), section_end(layout::kFacts));
  ImageFacts out;
  const auto name = in.bytes(in.fixed<std::uint8_t>());
  const Bytes copied(name.begin(), name.end());
  auto apex = Name::from_wire(copied);
  if (!in.ok() || !apex) return bad("the zone's name");
  auto& zone = out.zone;
  zone.apex = *std::move(apex);
  zone.serial = in.fixed<std::uint32_t>();
  zone.negative_ttl_s = in.fixed<std::uint32_t>();
  const auto denial = in.fixed<std::uint8_t>();
  if (denial > static_cast<std::uint8_t>(Denial::nsec3)) return bad("its facts");
  zone.denial = static_cast<Denial>(denial);
  zone.nsec3_iterations = in.fixed<std::uint16_t>();
  const auto salt = in.bytes(in.fixed<std::uint8_t>());
  zone.nsec3_salt.assign(salt.begin(), salt.end());
  zone.earliest_expiry = in.fixed<std::uint32_t>();
  for (auto* count : {&zone.names, &zone.rrsets, &zone.records, &zone.delegations, &zone.ds_sets,
                      &zone.glue_records, &zone.signatures, &out.star_names, &out.nsec_sets})
    *count = in.varint64();
  if (in.fixed<std::uint8_t>() != 0) {
    SetDigest digest;
    for (auto& word : digest.sum) word = in.fixed<std::uint64_t>();
    out.digest = digest;
  }
  if (!in.ok()) return bad("its facts");
  return out;
}

bool Image::head(Unit unit, Head& out) const {
  const auto* end = section_end(layout::kNodes);
  const auto offset = std::size_t{unit} * layout::kUnit;
  if (offset >= section_octets(layout::kNodes)) return fail_read(false);
  layout::Reader in(section(layout::kNodes) + offset, end);
  out.bits = in.fixed<std::uint8_t>();
  out.label = in.bytes(in.fixed<std::uint8_t>());
  if (out.label.size() > wire::kMaxLabelOctets) return fail_read(false);
  out.parent = kNone;
  if (out.bits & layout::kDeep) {
    const auto back = in.varint();
    if (back == 0 || back > unit) return fail_read(false);
    out.parent = unit - back;
  }
  const bool shared_alone = (out.bits & (layout::kShared | layout::kRaw)) == layout::kShared;
  out.body_octets = shared_alone ? layout::kSharedOctets : out.bits & layout::kEmpty ? 0 : in.varint();
  out.body = in.take(out.body_octets);
  if (!in.ok()) return fail_read(false);
  const auto behind = static_cast<std::size_t>(in.at() - section(layout::kNodes));
  const auto next = (behind + layout::kUnit - 1) / layout::kUnit;
  out.next = next * layout::kUnit >= section_octets(layout::kNodes) ? kNone : static_cast<Unit>(next);
  return true;
}

namespace {

// The slots of `bucket` whose tag is `tag`, one bit each.
inline std::uint32_t slots_with(const std::uint8_t* bucket, std::uint8_t tag) {
#ifdef __SSE2__
  const auto tags = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bucket));
  const auto same = _mm_cmpeq_epi8(tags, _mm_set1_epi8(static_cast<char>(tag)));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(same)) & 0xfffU;
#else
  std::uint32_t out = 0;
  for (std::size_t slot = 0; slot < Bucket::kSlots; ++slot) out |= std::uint32_t{bucket[slot] == tag} << slot;
  return out;
#endif
}

}  // namespace

void Image::prefetch_index(std::uint64_t hash) const {
  __builtin_prefetch(section(layout::kIndex) + layout::bucket_of(hash, buckets_) * sizeof(Bucket));
}

void Image::prefetch_node(std::uint64_t hash) const {
  const auto* bucket = section(layout::kIndex) + layout::bucket_of(hash, buckets_) * sizeof(Bucket);
  const auto slots = slots_with(bucket, layout::tag_of(hash));
  if (slots == 0) return;
  const auto slot = static_cast<std::size_t>(__builtin_ctz(slots));
  const auto unit = layout::load<std::uint32_t>(bucket + offsetof(Bucket, units) + slot * 4);
  const auto* node = section(layout::kNodes) + std::size_t{unit} * layout::kUnit;
  __builtin_prefetch(node);
  __builtin_prefetch(node + 48);  // most nodes are shorter: the one line, or the next
}

Image::Unit Image::find(const LookupKey& key, std::size_t labels, std::uint64_t hash, Head& out) const {
  const auto tag = layout::tag_of(hash);
  auto at = layout::bucket_of(hash, buckets_);
  for (std::uint64_t tries = 0; tries < buckets_; ++tries) {
    const auto* bucket = section(layout::kIndex) + at * sizeof(Bucket);
    for (auto slots = slots_with(bucket, tag); slots != 0; slots &= slots - 1) {
      const auto slot = static_cast<std::size_t>(__builtin_ctz(slots));
      const auto unit = layout::load<std::uint32_t>(bucket + offsetof(Bucket, units) + slot * 4);
      if (matches(unit, key, labels, out)) return unit;
    }
    if (bucket[offsetof(Bucket, overflow)] == 0) return kNone;
    if (++at == buckets_) at = 0;
  }
  return kNone;
}

bool Image::matches(Unit unit, const LookupKey& key, std::size_t labels, Head& out) const {
  if (!head(unit, out) || !same_label(out.label, key.label(labels))) return false;
  auto parent = out.parent;
  Head above;
  for (auto level = labels - 1; level > apex_labels_; --level) {
    if (parent == kNone || !head(parent, above) || !same_label(above.label, key.label(level))) return false;
    parent = above.parent;
  }
  return parent == kNone;
}

Image::Unit Image::next(Unit unit) const {
  Head node;
  return head(unit, node) ? node.next : kNone;
}

std::size_t Image::key(Unit unit, std::uint8_t* out) const {
  std::array<ByteView, wire::kMaxNameOctets / 2 + 1> labels;
  std::size_t count = 0, octets = apex_.size();
  Head node;
  while (unit != kApex) {
    if (count == labels.size() || !head(unit, node)) return fail_read(std::size_t{0});
    octets += node.label.size() + 1;
    if (octets > wire::kMaxNameOctets) return fail_read(std::size_t{0});
    labels[count++] = node.label;
    if (node.parent == kNone) break;
    unit = node.parent;
  }
  std::memcpy(out, apex_key_.data(), apex_key_.size());
  auto size = apex_key_.size();
  while (count > 0) {
    for (auto c : labels[--count]) {
      if (c <= 1) {
        out[size++] = 1;
        out[size++] = static_cast<std::uint8_t>(c + 1);
      } else {
        out[size++] = wire::ascii_lower(c);
      }
    }
    out[size++] = 0;
  }
  return size;
}

bool Image::order_row(std::size_t row, std::uint64_t& head, Unit& unit) const {
  const auto* at = section(layout::kOrder) + row * layout::kOrderRow;
  head = layout::load<std::uint64_t>(at);
  unit = layout::load<std::uint32_t>(at + 8);
  return std::size_t{unit} * layout::kUnit < section_octets(layout::kNodes) || fail_read(false);
}

namespace {

// Key of a node, compared with another.
class KeyAt {
 public:
  KeyAt(const Image& image, Image::Unit unit) : size_(image.key(unit, octets_.data())) {}
  explicit operator bool() const { return size_ != 0; }
  std::string_view view() const { return as_text(ByteView(octets_).first(size_)); }

 private:
  std::array<std::uint8_t, wire::kMaxSortKeyOctets> octets_;
  std::size_t size_;
};

}  // namespace

// Of the node's key with another one, as std::string_view::compare says it. REQUIRES: `key` begins with the
// apex's, or is behind all that do.
int Image::compare(Unit unit, const Head& node, std::string_view key) const {
  if (!key.starts_with(apex_key_)) return -1;
  if (node.parent != kNone || unit == kApex) {
    const KeyAt there(*this, unit);
    return there ? there.view().compare(key) : 1;
  }
  const auto rest = as_bytes(key.substr(apex_key_.size()));
  std::size_t at = 0;
  for (auto c : node.label) {
    if (c <= 1) [[unlikely]] {
      const KeyAt there(*this, unit);
      return there ? there.view().compare(key) : 1;
    }
    if (at == rest.size()) return 1;
    const auto lower = wire::ascii_lower(c);
    if (lower != rest[at]) return lower < rest[at] ? -1 : 1;
    ++at;
  }
  if (at == rest.size()) return 1;
  if (rest[at] != 0) return -1;
  return at + 1 == rest.size() ? 0 : -1;
}

Image::Unit Image::before(std::string_view key) const {
  return key <= apex_key_ ? kNone : last_before(key, false);
}

Image::Unit Image::at_or_before(std::string_view key) const {
  return key < apex_key_ ? kNone : last_before(key, true);
}

Image::Unit Image::last_before(std::string_view key, bool or_at) const {
  // The last row whose node lies before the key; row 0 is the apex.
  const auto wanted = head_of(key.starts_with(apex_key_) ? key.substr(apex_key_.size()) : std::string_view{});
  const bool beyond = !key.starts_with(apex_key_);
  Head node;
  std::size_t low = 0, high = order_rows_;
  while (high - low > 1) {
    const auto middle = low + (high - low) / 2;
    std::uint64_t there = 0;
    Unit unit = kNone;
    if (!order_row(middle, there, unit)) return kNone;
    bool less = beyond || there < wanted;
    if (!beyond && there == wanted) less = head(unit, node) && compare(unit, node, key) < 0;
    (less ? low : high) = middle;
  }
  std::uint64_t there = 0;
  Unit last = kNone;
  if (!order_row(low, there, last) || !head(last, node)) return kNone;
  for (std::size_t steps = 0; steps <= layout::kOrderStep && node.next != kNone; ++steps) {
    const auto following = node.next;
    if (!head(following, node)) break;
    const auto order = compare(following, node, key);
    if (order > 0 || (order == 0 && !or_at)) break;
    last = following;
  }
  return last;
}

Image::Unit Image::lower_bound(std::string_view key) const {
  if (key <= apex_key_) return kApex;
  const auto last = before(key);
  return last == kNone ? kNone : next(last);
}

// ---- NSEC3 ----

bool Image::hash_at(Unit unit, std::string_view& out) const {
  const auto offset = std::size_t{unit} * layout::kUnit;
  if (offset + 20 > section_octets(layout::kNsec3)) return fail_read(false);
  out = as_text(ByteView(section(layout::kNsec3) + offset, 20));
  return true;
}

Image::Unit Image::nsec3_next(Unit unit) const {
  const auto offset = std::size_t{unit} * layout::kUnit;
  const auto octets = section_octets(layout::kNsec3);
  if (offset + 21 > octets) return fail_read(kNone);
  layout::Reader in(section(layout::kNsec3) + offset + 21, section_end(layout::kNsec3));
  in.take(in.varint());
  if (!in.ok()) return fail_read(kNone);
  const auto next =
      (static_cast<std::size_t>(in.at() - section(layout::kNsec3)) + layout::kUnit - 1) / layout::kUnit;
  return next * layout::kUnit >= octets ? kNone : static_cast<Unit>(next);
}

std::size_t Image::nsec3_bucket_of(std::string_view hash) const {
  const auto high = static_cast<Product>(load_u64(as_bytes(hash).data()));
  return static_cast<std::size_t>((high * nsec3_buckets_) >> 64);
}

void Image::prefetch_nsec3_index(std::string_view hash) const {
  if (nsec3_buckets_ > 0) __builtin_prefetch(section(layout::kNsec3Index) + nsec3_bucket_of(hash) * 4);
}

// The bucket's first record, and the one before, which may cover the hash.
void Image::prefetch_nsec3(std::string_view hash) const {
  Unit first = kNone;
  if (nsec3_buckets_ == 0 || !nsec3_bucket(nsec3_bucket_of(hash), first)) return;
  const auto* record = section(layout::kNsec3) + std::size_t{first} * layout::kUnit;
  for (std::ptrdiff_t line = -2; line < 4; ++line) __builtin_prefetch(record + line * 64);
}

bool Image::nsec3_bucket(std::size_t bucket, Unit& first) const {
  first = layout::load<std::uint32_t>(section(layout::kNsec3Index) + bucket * 4);
  return std::size_t{first} * layout::kUnit <= section_octets(layout::kNsec3) || fail_read(false);
}

Image::Unit Image::nsec3_lower_bound(std::string_view hash) const {
  if (nsec3_buckets_ == 0) return kNone;
  Unit at = kNone;
  if (!nsec3_bucket(nsec3_bucket_of(hash), at)) return kNone;
  if (std::size_t{at} * layout::kUnit >= section_octets(layout::kNsec3)) return kNone;
  std::string_view there;
  while (at != kNone) {
    if (!hash_at(at, there)) return kNone;
    if (there >= hash) return at;
    const auto next = nsec3_next(at);
    if (next != kNone && next <= at) return fail_read(kNone);
    at = next;
  }
  return kNone;
}

Image::Unit Image::nsec3_last_before(std::string_view hash, bool or_at) const {
  if (nsec3_buckets_ == 0) return kNone;
  auto bucket = nsec3_bucket_of(hash);
  Unit end = kNone;
  if (!nsec3_bucket(bucket + 1, end)) return kNone;
  for (;; --bucket) {
    Unit at = kNone, last = kNone;
    if (!nsec3_bucket(bucket, at)) return kNone;
    std::string_view there;
    while (at < end) {
      if (!hash_at(at, there)) return kNone;
      const auto order = there.compare(hash);
      if (order > 0 || (order == 0 && !or_at)) break;
      last = at;
      const auto next = nsec3_next(at);
      if (next == kNone) break;
      if (next <= at) return fail_read(kNone);
      at = next;
    }
    if (last != kNone) return last;
    if (bucket == 0) return kNone;
    nsec3_bucket(bucket, end);
  }
}

Image::Unit Image::nsec3_last() const {
  static constexpr std::string_view kLargest(
      "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 20);
  const auto last = nsec3_lower_bound(kLargest);
  return last != kNone ? last : nsec3_before(kLargest);
}

}  // namespace onoma::zone
