// ZoneTable: which zones this server answers for, and each one's newest version. Replacing a version and
// adding a zone cost O(1) whatever the number of zones (now and then a shard grows); removing one copies one
// small shard. Readers take no locks and count no references: what they may still see is freed only when
// every reader has passed a point where it saw nothing (quiescent state).
//
// Small for a million zones: 24 octets a zone for its state, and about 16 for its place.
//
// Writers: any thread, they exclude each other. Freeing happens in writers' calls and in reclaim(), never in
// readers. Reader: one per worker thread, between enter() and leave().
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "wire/name.h"
#include "zone/snapshot.h"

namespace onoma::serve {

enum class ZoneStatus : std::uint8_t {
  loaded,
  not_loaded,  // configured, but no version could be read yet: SERVFAIL
  expired,     // a secondary that has not heard of its primary for too long: SERVFAIL
};

struct ZoneState {
  ZoneStatus status = ZoneStatus::not_loaded;
  zone::SnapshotPtr snapshot;  // set when loaded
};

class ZoneTable {
 public:
  class Reader;

  ZoneTable();
  ZoneTable(const ZoneTable&) = delete;
  ZoneTable& operator=(const ZoneTable&) = delete;
  ~ZoneTable();  // REQUIRES: no Reader is left

  // Serves `snapshot` from now on, under its own apex; adds the zone if it is new.
  void set(zone::SnapshotPtr snapshot);
  // Answers SERVFAIL for the zone; adds it if it is new. REQUIRES: status != loaded.
  void set(const wire::Name& apex, ZoneStatus status);
  bool remove(const wire::Name& apex);  // false: there is no such zone

  // For the control plane. Null when not served or not loaded.
  zone::SnapshotPtr snapshot(const wire::Name& apex) const;
  std::optional<ZoneState> state(const wire::Name& apex) const;  // nullopt: not served
  std::vector<wire::Name> zones() const;                         // in canonical order
  std::size_t size() const;

  // Frees what no reader can see any more; for a timer, so that the last replaced version does not stay for
  // long.
  void reclaim();
  std::size_t waiting() const;  // replaced versions that are not freed yet

 private:
  static constexpr std::size_t kShards = 1024;
  struct Entry;
  struct Shard;
  struct alignas(64) Seen {
    std::atomic<std::uint64_t> epoch{0};  // 0: sees nothing
  };
  struct Retired {
    std::uint64_t epoch;
    std::shared_ptr<const void> value;
  };

  void put(std::unique_ptr<const Entry> entry);
  const Entry* find_entry(const wire::Name& apex) const;  // under lock_
  void replace_shard(std::size_t index, std::unique_ptr<Shard> shard);
  void retire(std::shared_ptr<const void> value);
  std::vector<Retired> collect();  // takes out of retired_ what may be destroyed

  mutable std::mutex lock_;
  std::array<std::atomic<Shard*>, kShards> shards_{};
  // How many zones have so many labels; lets a search skip lengths that no zone has.
  std::array<std::atomic<std::uint32_t>, 128> zones_of_length_{};
  std::atomic<std::uint32_t> longest_{0};  // labels of the longest name that a zone ever had
  const std::uint64_t hash_start_;
  std::size_t size_ = 0;
  std::atomic<std::uint64_t> epoch_{1};
  std::vector<Seen*> readers_;
  std::vector<Retired> retired_;
};

class ZoneTable::Reader {
 public:
  explicit Reader(ZoneTable& table);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();

  // Starts (or renews) a time in which results stay good. leave() ends it: call it before blocking.
  void enter();
  void leave();

  // The zone with the longest name at or above `name`; null if there is none. REQUIRES: between enter() and
  // leave().
  const ZoneState* find(wire::NameView name) const;
  // The same for the ancestor of `name` with `labels` labels, whose key is `key` or begins it.
  const ZoneState* find(wire::NameView name, const zone::LookupKey& key, std::size_t labels) const;

 private:
  ZoneTable& table_;
  Seen seen_;
};

}  // namespace onoma::serve
