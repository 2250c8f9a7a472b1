// FileZoneStore: what FileZones remembers of each zone, small enough for millions: a slot of 64 octets, name
// and path in one allocation, and 4 octets of a hash table at most two thirds full. Inside this room only;
// the caller keeps others out.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "publish/health.h"
#include "wire/name.h"
#include "zone/snapshot.h"

namespace onoma::publish {

enum class ZoneOrigin : std::uint8_t { argument, list, command };

struct FileZone {
  struct Problem {
    std::string reason;
    bool refused = false;  // by the gate
    bool damaged = false;  // what is served was read from an image that is
  };
  zone::SnapshotPtr current;         // null: never loaded
  std::unique_ptr<Problem> problem;  // null: the newest file is served
  std::uint64_t stamp = 0;           // of the file that was read last; 0: none
  std::uint32_t confirmed_s = 0;     // Unix time when what is served was the newest
  std::uint32_t earliest_expiry = 0;
  ZoneOrigin origin = ZoneOrigin::command;
  bool busy = false;     // somebody works on it
  bool applied = false;  // serves changes that are not in the file
  bool marked = false;   // for whoever walks over all

  wire::NameView name() const {
    return wire::NameView::trusted({reinterpret_cast<const std::uint8_t*>(text_.get()), name_size_});
  }
  std::string_view file() const { return {text_.get() + name_size_, file_size_}; }
  bool used() const { return text_ != nullptr; }
  // REQUIRES: file.size() <= kFileMax.
  void assign(wire::NameView name, std::string_view file);

  static constexpr std::size_t kFileMax = 4096;

 private:
  std::uint8_t name_size_ = 0;
  std::uint16_t file_size_ = 0;
  std::unique_ptr<char[]> text_;
};

class FileZoneStore {
 public:
  static constexpr std::uint32_t kNone = 0xffffffffU;

  void reserve(std::size_t zones);
  std::uint32_t find(wire::NameView zone) const;  // kNone: unknown
  // REQUIRES: the zone is unknown.
  std::uint32_t insert(wire::NameView zone, std::string_view file);
  void erase(std::uint32_t index);
  FileZone& at(std::uint32_t index) { return slots_[index]; }
  const FileZone& at(std::uint32_t index) const { return slots_[index]; }
  std::size_t size() const { return size_; }
  // Indices are below this; not all are in use. An index stays a zone's own until the zone is erased.
  std::uint32_t end() const { return static_cast<std::uint32_t>(slots_.size()); }

 private:
  void grow(std::size_t places);
  void place(std::uint32_t index);
  std::size_t home(wire::NameView zone) const;

  std::deque<FileZone> slots_;  // never move: their owner may hold a reference
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> places_;  // open addressing; a power of two
  std::size_t size_ = 0;
};

}  // namespace onoma::publish
