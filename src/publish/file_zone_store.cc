#include "publish/file_zone_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace onoma::publish {

using wire::NameView;

namespace {

std::uint64_t hash_of(NameView name) {
  std::uint64_t hash = 0x9e3779b97f4a7c15U;
  for (const auto octet : name.wire()) hash = (hash ^ wire::ascii_lower(octet)) * 0x100000001b3U;
  return hash ^ hash >> 32;
}

}  // namespace

void FileZone::assign(NameView name, std::string_view file) {
  CHECK(file.size() <= kFileMax);
  // Both may lie in the text that is replaced.
  auto fresh = std::make_unique_for_overwrite<char[]>(name.size() + file.size());
  std::memcpy(fresh.get(), name.wire().data(), name.size());
  if (!file.empty()) std::memcpy(fresh.get() + name.size(), file.data(), file.size());
  name_size_ = static_cast<std::uint8_t>(name.size());
  file_size_ = static_cast<std::uint16_t>(file.size());
  text_ = std::move(fresh);
}

std::size_t FileZoneStore::home(NameView zone) const {
  return static_cast<std::size_t>(hash_of(zone)) & (places_.size() - 1);
}

void FileZoneStore::reserve(std::size_t zones) {
  std::size_t places = 16;
  while (places * 2 < zones * 3) places *= 2;
  if (places > places_.size()) grow(places);
}

void FileZoneStore::grow(std::size_t places) {
  places_.assign(places, kNone);
  for (std::uint32_t i = 0; i < end(); ++i)
    if (slots_[i].used()) place(i);
}

void FileZoneStore::place(std::uint32_t index) {
  auto at = home(slots_[index].name());
  while (places_[at] != kNone) at = (at + 1) & (places_.size() - 1);
  places_[at] = index;
}

std::uint32_t FileZoneStore::find(NameView zone) const {
  if (places_.empty()) return kNone;
  for (auto at = home(zone); places_[at] != kNone; at = (at + 1) & (places_.size() - 1))
    if (wire::equal(slots_[places_[at]].name(), zone)) return places_[at];
  return kNone;
}

std::uint32_t FileZoneStore::insert(NameView zone, std::string_view file) {
  if ((size_ + 1) * 3 > places_.size() * 2) grow(std::max<std::size_t>(16, places_.size() * 2));
  std::uint32_t index = end();
  if (free_.empty()) {
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  slots_[index].assign(zone, file);
  place(index);
  ++size_;
  return index;
}

// What stands behind the freed place moves up, so that no search ends too early.
void FileZoneStore::erase(std::uint32_t index) {
  const auto mask = places_.size() - 1;
  auto hole = home(slots_[index].name());
  while (places_[hole] != index) hole = (hole + 1) & mask;
  for (auto at = (hole + 1) & mask; places_[at] != kNone; at = (at + 1) & mask) {
    const auto wanted = home(slots_[places_[at]].name());
    if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
    places_[hole] = places_[at];
    hole = at;
  }
  places_[hole] = kNone;
  slots_[index] = FileZone();
  free_.push_back(index);
  --size_;
}

}  // namespace onoma::publish
