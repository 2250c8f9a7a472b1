#include "serve/zones.h"

#include <algorithm>

#include "base/check.h"

namespace onoma::serve {

namespace {

// Keyed like the names within zones: who may have zones served cannot choose where they fall.
std::uint64_t hash_start() {
  return zone::hash_seed() ^ 0x9e3779b97f4a7c15U;
}

std::uint64_t hash_name(wire::NameView name) {
  zone::LookupKey key;
  zone::LookupKey::make(name, key);
  auto hash = hash_start();
  for (std::size_t level = 1; level <= key.labels; ++level) hash = zone::hash_step(hash, key.label(level));
  return hash;
}

std::size_t shard_of(std::uint64_t hash) {
  return static_cast<std::size_t>(hash >> 54);
}

}  // namespace

struct ZoneTable::Slot {
  Slot(const wire::Name& name, std::uint64_t name_hash) : apex(name), hash(name_hash) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() { delete state.load(); }
  wire::Name apex;
  std::uint64_t hash;
  std::atomic<const ZoneState*> state{nullptr};
};

// Open addressing, at most half full. A place is filled once and never emptied: readers see a slot or
// nothing. Removing a zone, and growing, makes another shard.
struct ZoneTable::Shard {
  std::size_t size;
  std::unique_ptr<std::atomic<Slot*>[]> places;
  std::size_t used = 0;  // writers only

  explicit Shard(const std::vector<Slot*>& slots) : size(2) {
    while (size < 4 * slots.size()) size *= 2;  // room to grow to twice as many
    places = std::make_unique<std::atomic<Slot*>[]>(size);
    for (auto* slot : slots) add(slot);
  }
  bool has_room() const { return 2 * (used + 1) <= size; }
  void add(Slot* slot) {
    auto at = slot->hash & (size - 1);
    while (places[at].load(std::memory_order_relaxed) != nullptr) at = (at + 1) & (size - 1);
    places[at].store(slot, std::memory_order_release);
    ++used;
  }
  Slot* find(std::uint64_t hash, wire::NameView name) const {
    const auto mask = size - 1;
    for (auto at = hash & mask;; at = (at + 1) & mask) {
      auto* slot = places[at].load(std::memory_order_acquire);
      if (slot == nullptr || (slot->hash == hash && wire::equal(slot->apex, name))) return slot;
    }
  }
  std::vector<Slot*> slots() const {
    std::vector<Slot*> all;
    for (std::size_t at = 0; at < size; ++at)
      if (auto* slot = places[at].load(std::memory_order_relaxed); slot != nullptr) all.push_back(slot);
    return all;
  }
};

static_assert(1024 == std::size_t{1} << 10, "shard_of takes the upper ten bits");

ZoneTable::ZoneTable() : hash_start_(hash_start()) {}

ZoneTable::~ZoneTable() {
  CHECK(readers_.empty());
  for (auto& place : shards_) {
    const std::unique_ptr<const Shard> shard(place.load());
    if (!shard) continue;
    for (auto* slot : shard->slots()) delete slot;
  }
}

void ZoneTable::set(zone::SnapshotPtr snapshot) {
  CHECK(snapshot != nullptr);
  const auto apex = snapshot->facts().apex;
  put(apex, std::make_unique<ZoneState>(ZoneState{ZoneStatus::loaded, std::move(snapshot)}));
}

void ZoneTable::set(const wire::Name& apex, ZoneStatus status) {
  CHECK(status != ZoneStatus::loaded);
  put(apex, std::make_unique<ZoneState>(ZoneState{status, nullptr}));
}

void ZoneTable::put(const wire::Name& apex, std::unique_ptr<const ZoneState> state) {
  std::vector<Retired> dead;  // destroyed after the lock is let go
  std::scoped_lock lock(lock_);
  if (auto* slot = find_slot(apex)) {
    retire(std::unique_ptr<const ZoneState>(slot->state.exchange(state.release())));
  } else {
    auto fresh = std::make_unique<Slot>(apex, hash_name(apex));
    fresh->state.store(state.release());
    const auto index = shard_of(fresh->hash);
    auto* shard = shards_[index].load();
    const auto labels = static_cast<std::uint32_t>(apex.label_count());
    zones_of_length_[labels].fetch_add(1);
    if (labels > longest_.load()) longest_.store(labels);
    ++size_;
    if (shard != nullptr && shard->has_room()) {
      shard->add(fresh.release());
    } else {
      auto slots = shard != nullptr ? shard->slots() : std::vector<Slot*>{};
      slots.push_back(fresh.release());
      replace_shard(index, std::make_unique<Shard>(slots));
    }
  }
  dead = collect();
}

bool ZoneTable::remove(const wire::Name& apex) {
  std::vector<Retired> dead;
  std::scoped_lock lock(lock_);
  auto* slot = find_slot(apex);
  if (!slot) return false;
  const auto index = shard_of(slot->hash);
  auto slots = shards_[index].load()->slots();
  std::erase(slots, slot);
  replace_shard(index, slots.empty() ? nullptr : std::make_unique<Shard>(slots));
  zones_of_length_[apex.label_count()].fetch_sub(1);
  --size_;
  retire(std::unique_ptr<Slot>(slot));
  dead = collect();
  return true;
}

ZoneTable::Slot* ZoneTable::find_slot(const wire::Name& apex) const {
  const auto hash = hash_name(apex);
  const auto* shard = shards_[shard_of(hash)].load();
  return shard ? shard->find(hash, apex) : nullptr;
}

void ZoneTable::replace_shard(std::size_t index, std::unique_ptr<Shard> shard) {
  retire(std::unique_ptr<const Shard>(shards_[index].exchange(shard.release())));
}

// The value is out of reach already; readers that came before this epoch may still hold it.
void ZoneTable::retire(std::shared_ptr<const void> value) {
  const auto epoch = epoch_.fetch_add(1) + 1;
  if (value) retired_.push_back({epoch, std::move(value)});
}

std::vector<ZoneTable::Retired> ZoneTable::collect() {
  auto oldest = epoch_.load();
  for (const auto* reader : readers_)
    if (const auto seen = reader->epoch.load(); seen != 0) oldest = std::min(oldest, seen);
  const auto middle = std::partition(retired_.begin(), retired_.end(),
                                     [oldest](const Retired& entry) { return entry.epoch > oldest; });
  std::vector<Retired> dead(std::make_move_iterator(middle), std::make_move_iterator(retired_.end()));
  retired_.erase(middle, retired_.end());
  return dead;
}

void ZoneTable::reclaim() {
  std::vector<Retired> dead;
  std::scoped_lock lock(lock_);
  dead = collect();
}

std::size_t ZoneTable::waiting() const {
  std::scoped_lock lock(lock_);
  return retired_.size();
}

zone::SnapshotPtr ZoneTable::snapshot(const wire::Name& apex) const {
  std::scoped_lock lock(lock_);
  const auto* slot = find_slot(apex);
  return slot ? slot->state.load()->snapshot : nullptr;
}

std::vector<wire::Name> ZoneTable::zones() const {
  std::scoped_lock lock(lock_);
  std::vector<wire::Name> names;
  for (const auto& place : shards_)
    if (const auto* shard = place.load())
      for (const auto* slot : shard->slots()) names.push_back(slot->apex);
  std::ranges::sort(names);
  return names;
}

std::size_t ZoneTable::size() const {
  std::scoped_lock lock(lock_);
  return size_;
}

ZoneTable::Reader::Reader(ZoneTable& table) : table_(table) {
  std::scoped_lock lock(table_.lock_);
  table_.readers_.push_back(&seen_);
}

ZoneTable::Reader::~Reader() {
  std::scoped_lock lock(table_.lock_);
  std::erase(table_.readers_, &seen_);
}

// All loads and stores that this rests on are sequentially consistent: a writer that does not see our epoch
// has swapped its pointer before we look at it.
void ZoneTable::Reader::enter() {
  seen_.epoch.store(table_.epoch_.load());
}
void ZoneTable::Reader::leave() {
  seen_.epoch.store(0);
}

const ZoneState* ZoneTable::Reader::find(wire::NameView name) const {
  zone::LookupKey key;
  zone::LookupKey::make(name, key);
  return find(name, key, key.labels);
}

const ZoneState* ZoneTable::Reader::find(wire::NameView name, const zone::LookupKey& key,
                                         std::size_t labels) const {
  const Slot* best = nullptr;
  auto hash = table_.hash_start_;
  const auto longest = std::min<std::size_t>(labels, table_.longest_.load(std::memory_order_relaxed));
  for (std::size_t length = 0;; ++length) {
    if (table_.zones_of_length_[length].load(std::memory_order_relaxed) != 0) {
      if (const auto* shard = table_.shards_[shard_of(hash)].load())
        if (const auto* slot = shard->find(hash, name.ancestor(length))) best = slot;
    }
    if (length == longest) break;
    hash = zone::hash_step(hash, key.label(length + 1));
  }
  return best ? best->state.load() : nullptr;
}

}  // namespace onoma::serve
