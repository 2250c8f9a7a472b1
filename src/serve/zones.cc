#include "serve/zones.h"

#include <algorithm>
#include <bit>
#include <cstring>

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

std::uint32_t tag_of(std::uint64_t hash) {
  return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(hash));
}

}  // namespace

// A zone's state. Its name is that of its snapshot; without one it lies behind the object, length first.
struct ZoneTable::Entry {
  ZoneState state;

  static std::unique_ptr<const Entry> make(ZoneState state, wire::NameView apex) {
    const auto behind = state.snapshot ? 0 : apex.size() + 1;
    std::unique_ptr<Entry> entry(new (behind) Entry{std::move(state)});
    if (behind > 0) {
      auto* name = reinterpret_cast<std::uint8_t*>(entry.get() + 1);
      *name = static_cast<std::uint8_t>(apex.size());
      std::memcpy(name + 1, apex.wire().data(), apex.size());
    }
    return entry;
  }
  wire::NameView apex() const {
    if (state.snapshot) return state.snapshot->facts().apex;
    const auto* name = reinterpret_cast<const std::uint8_t*>(this + 1);
    return wire::NameView::trusted({name + 1, *name});
  }
  static void* operator new(std::size_t size, std::size_t behind) { return ::operator new(size + behind); }
  static void operator delete(void* memory, std::size_t /*behind*/) { ::operator delete(memory); }
  static void operator delete(void* memory) { ::operator delete(memory); }
};

// Open addressing, at most three quarters full. A place is filled once and never emptied: readers see a zone
// or nothing; only which version of it changes. Removing a zone, and growing, makes another shard. Tags, 32
// bits of the hash, say where a zone belongs and keep readers from looking at zones that are not theirs; 0
// where the place is free.
struct ZoneTable::Shard {
  struct Tagged {
    std::uint32_t tag;
    const Entry* entry;
  };
  std::size_t size = 4;
  std::unique_ptr<std::atomic<const Entry*>[]> places;
  std::unique_ptr<std::atomic<std::uint32_t>[]> tags;
  std::size_t used = 0;  // writers only

  explicit Shard(const std::vector<Tagged>& entries) {
    while (!fits(entries.size() + entries.size() / 8 + 1))
      size = std::has_single_bit(size) ? size / 2 * 3 : size / 3 * 4;
    places = std::make_unique<std::atomic<const Entry*>[]>(size);
    tags = std::make_unique<std::atomic<std::uint32_t>[]>(size);
    for (const auto& tagged : entries) add(tagged);
  }
  bool fits(std::size_t count) const { return 4 * count <= 3 * size; }
  bool has_room() const { return fits(used + 1); }
  std::size_t home(std::uint32_t tag) const {
    return static_cast<std::size_t>((std::uint64_t{tag} * size) >> 32);
  }
  std::size_t behind(std::size_t at) const { return at + 1 == size ? 0 : at + 1; }
  void add(const Tagged& tagged) {
    auto at = home(tagged.tag);
    while (tags[at].load(std::memory_order_relaxed) != 0) at = behind(at);
    places[at].store(tagged.entry, std::memory_order_relaxed);
    tags[at].store(tagged.tag, std::memory_order_release);
    ++used;
  }
  // Where the zone is; null: nowhere.
  std::atomic<const Entry*>* find(std::uint32_t wanted, wire::NameView name) const {
    for (auto at = home(wanted);; at = behind(at)) {
      const auto tag = tags[at].load(std::memory_order_acquire);
      if (tag == 0) return nullptr;
      if (tag == wanted && wire::equal(places[at].load()->apex(), name)) return &places[at];
    }
  }
  std::vector<Tagged> entries() const {
    std::vector<Tagged> all;
    all.reserve(used + 1);
    for (std::size_t at = 0; at < size; ++at)
      if (const auto* entry = places[at].load(std::memory_order_relaxed))
        all.push_back({tags[at].load(std::memory_order_relaxed), entry});
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
    for (const auto& [tag, entry] : shard->entries()) delete entry;
  }
}

void ZoneTable::set(zone::SnapshotPtr snapshot) {
  CHECK(snapshot != nullptr);
  const auto& apex = snapshot->facts().apex;
  put(Entry::make({ZoneStatus::loaded, std::move(snapshot)}, apex));
}

void ZoneTable::set(const wire::Name& apex, ZoneStatus status) {
  CHECK(status != ZoneStatus::loaded);
  put(Entry::make({status, nullptr}, apex));
}

void ZoneTable::put(std::unique_ptr<const Entry> entry) {
  const auto apex = entry->apex();  // lives as long as the entry
  const auto hash = hash_name(apex);
  const auto index = shard_of(hash);
  std::vector<Retired> dead;  // destroyed after the lock is let go
  std::scoped_lock lock(lock_);
  auto* shard = shards_[index].load();
  if (auto* place = shard ? shard->find(tag_of(hash), apex) : nullptr) {
    retire(std::unique_ptr<const Entry>(place->exchange(entry.release())));
  } else {
    const auto labels = static_cast<std::uint32_t>(apex.label_count());
    zones_of_length_[labels].fetch_add(1);
    if (labels > longest_.load()) longest_.store(labels);
    ++size_;
    if (shard != nullptr && shard->has_room()) {
      shard->add({tag_of(hash), entry.release()});
    } else {
      auto entries = shard != nullptr ? shard->entries() : std::vector<Shard::Tagged>{};
      entries.push_back({tag_of(hash), entry.release()});
      replace_shard(index, std::make_unique<Shard>(entries));
    }
  }
  dead = collect();
}

bool ZoneTable::remove(const wire::Name& apex) {
  const auto hash = hash_name(apex);
  const auto index = shard_of(hash);
  std::vector<Retired> dead;
  std::scoped_lock lock(lock_);
  const auto* shard = shards_[index].load();
  const auto* place = shard ? shard->find(tag_of(hash), apex) : nullptr;
  if (!place) return false;
  const auto* entry = place->load();
  auto entries = shard->entries();
  std::erase_if(entries, [entry](const auto& tagged) { return tagged.entry == entry; });
  replace_shard(index, entries.empty() ? nullptr : std::make_unique<Shard>(entries));
  zones_of_length_[apex.label_count()].fetch_sub(1);
  --size_;
  retire(std::unique_ptr<const Entry>(entry));
  dead = collect();
  return true;
}

const ZoneTable::Entry* ZoneTable::find_entry(const wire::Name& apex) const {
  const auto hash = hash_name(apex);
  const auto* shard = shards_[shard_of(hash)].load();
  const auto* place = shard ? shard->find(tag_of(hash), apex) : nullptr;
  return place ? place->load() : nullptr;
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
  const auto* entry = find_entry(apex);
  return entry ? entry->state.snapshot : nullptr;
}

std::optional<ZoneState> ZoneTable::state(const wire::Name& apex) const {
  std::scoped_lock lock(lock_);
  const auto* entry = find_entry(apex);
  if (entry == nullptr) return std::nullopt;
  return entry->state;
}

std::vector<wire::Name> ZoneTable::zones() const {
  std::scoped_lock lock(lock_);
  std::vector<wire::Name> names;
  for (const auto& place : shards_)
    if (const auto* shard = place.load())
      for (const auto& [tag, entry] : shard->entries()) names.emplace_back(entry->apex());
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
  const std::atomic<const Entry*>* best = nullptr;
  auto hash = table_.hash_start_;
  const auto longest = std::min<std::size_t>(labels, table_.longest_.load(std::memory_order_relaxed));
  for (std::size_t length = 0;; ++length) {
    if (table_.zones_of_length_[length].load(std::memory_order_relaxed) != 0) {
      if (const auto* shard = table_.shards_[shard_of(hash)].load())
        if (const auto* place = shard->find(tag_of(hash), name.ancestor(length))) best = place;
    }
    if (length == longest) break;
    hash = zone::hash_step(hash, key.label(length + 1));
  }
  return best ? &best->load()->state : nullptr;
}

}  // namespace onoma::serve
