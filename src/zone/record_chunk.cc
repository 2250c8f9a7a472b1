#include "zone/record_chunk.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"

namespace onoma::zone {

namespace {

constexpr std::size_t kFirstBlockOctets = std::size_t{4} << 10;
constexpr std::size_t kLastBlockOctets = kHugePageOctets;
constexpr std::size_t kMaxItems = 0xffffffffU;

std::uint64_t head_of(ByteView rest) {
  std::uint8_t octets[8] = {};
  std::memcpy(octets, rest.data(), std::min<std::size_t>(rest.size(), 8));
  return load_u64(octets);
}

bool before(const RecordChunk::Item& a, const RecordChunk::Item& b) {
  return a.type != b.type ? a.type < b.type : a.is_signature < b.is_signature;
}

}  // namespace

// Blocks double up to the largest: small zones stay small.
void Arena::grow(std::size_t size) {
  const auto wanted =
      blocks_.empty() ? kFirstBlockOctets : std::min(2 * blocks_.back().size, kLastBlockOctets);
  left_ = std::max(size, wanted);
  blocks_.push_back({large_memory(left_), left_});
  at_ = blocks_.back().octets.get();
}

RecordChunk::RecordChunk(const Name& apex, std::size_t expected_records)
    : apex_(apex), apex_key_(wire::sort_key(apex)) {
  items_.reserve(expected_records);
  runs_.reserve(expected_records / 2);
}

void RecordChunk::clear() {
  runs_.clear();
  items_.clear();
  arena_ = Arena();
}

Result<void> RecordChunk::put(NameView owner, RRType type, std::uint32_t ttl, ByteView data,
                              std::uint32_t batch) {
  if (wire::is_meta_type(type))
    return fail(Code::bad_request, fmt::format("{} {}: this type exists in messages only, not in a zone",
                                               owner.text(), wire::type_text(type)));
  if (data.size() > 0xffff)
    return fail(Code::too_large,
                fmt::format("{} {}: more than 65535 octets of data", owner.text(), wire::type_text(type)));
  if (!wire::rdata_valid(type, data))
    return fail(Code::bad_syntax, fmt::format("{} {}: the record data do not have the form of this type",
                                              owner.text(), wire::type_text(type)));
  return put_valid(owner, type, ttl, data, batch);
}

Result<void> RecordChunk::put_valid(NameView owner, RRType type, std::uint32_t ttl, ByteView data,
                                    std::uint32_t batch) {
  if (items_.size() >= kMaxItems) return fail(Code::too_large, "more than 2^32 records");
  if (runs_.empty() || !onoma::equal(runs_.back().name().wire(), owner.wire())) {
    std::array<std::uint8_t, wire::kMaxSortKeyOctets> buffer;
    const auto key = ByteView(buffer).first(wire::write_sort_key(owner, buffer.data()));
    if (!as_text(key).starts_with(apex_key_))
      return fail(Code::bad_request,
                  fmt::format("{} is not in the zone {}; remove the record or load the zone it "
                              "belongs to",
                              owner.text(), apex_.text()));
    auto* octets = arena_.take(key.size() + owner.size());
    if (!key.empty()) std::memcpy(octets, key.data(), key.size());
    std::memcpy(octets + key.size(), owner.wire().data(), owner.size());
    runs_.push_back({.head = head_of(key.subspan(apex_key_.size())),
                     .octets = octets,
                     .first = static_cast<std::uint32_t>(items_.size()),
                     .count = 0,
                     .key_size = static_cast<std::uint16_t>(key.size()),
                     .name_size = static_cast<std::uint16_t>(owner.size())});
  }
  auto* copy = arena_.take(2 + data.size());
  store_u16(copy, static_cast<std::uint16_t>(data.size()));
  if (!data.empty()) std::memcpy(copy + 2, data.data(), data.size());
  const bool is_signature = type == RRType::RRSIG;
  items_.push_back({.data = copy,
                    .ttl = ttl,
                    .batch = batch,
                    .type = is_signature ? static_cast<RRType>(load_u16(data.data())) : type,
                    .is_signature = is_signature});
  ++runs_.back().count;
  return {};
}

void sort(RecordChunk& chunk) {
  auto& runs = chunk.runs_;
  const auto skip = chunk.apex_key_.size();
  for (const auto& run : runs) {
    const auto items = std::span(chunk.items_).subspan(run.first, run.count);
    if (!std::is_sorted(items.begin(), items.end(), before)) sort_few(items.begin(), items.end(), before);
  }
  const auto in_order = [skip](const RecordChunk::Run& a, const RecordChunk::Run& b) {
    return RecordChunk::compare(a, b, skip) < 0;
  };
  if (std::is_sorted(runs.begin(), runs.end(), in_order)) return;
  // Small things are sorted, heads first; the keys are looked at where heads are equal.
  struct Place {
    std::uint64_t head;
    std::uint32_t index;
  };
  LargeVector<Place> places(runs.size());
  for (std::uint32_t i = 0; i < places.size(); ++i) places[i] = {runs[i].head, i};
  std::sort(places.begin(), places.end(), [&](const Place& a, const Place& b) {
    if (a.head != b.head) return a.head < b.head;
    const int order = RecordChunk::compare(runs[a.index], runs[b.index], skip);
    return order != 0 ? order < 0 : a.index < b.index;
  });
  LargeVector<RecordChunk::Run> sorted;
  sorted.reserve(runs.size());
  for (const auto& place : places) sorted.push_back(runs[place.index]);
  runs = std::move(sorted);
}

}  // namespace onoma::zone
