// SnapshotBuilder: records in any order → sorted nodes → a snapshot. Records wait in one arena, as octets, so
// that a large zone costs little more than its data while it is read.
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/check.h"
#include "wire/dnssec.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/tree_snapshot.h"

namespace onoma::zone {

namespace {

constexpr std::size_t kChunkOctets = std::size_t{1} << 20;
constexpr std::size_t kMaxWarnings = 1000;

class Arena {
 public:
  std::uint8_t* take(std::size_t size) {
    if (size > left_) {
      left_ = std::max(size, kChunkOctets);
      chunks_.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(left_));
      at_ = chunks_.back().get();
    }
    left_ -= size;
    return std::exchange(at_, at_ + size);
  }
  ByteView keep(ByteView octets) {
    auto* copy = take(octets.size());
    if (!octets.empty()) std::memcpy(copy, octets.data(), octets.size());
    return {copy, octets.size()};
  }

 private:
  std::vector<std::unique_ptr<std::uint8_t[]>> chunks_;
  std::uint8_t* at_ = nullptr;
  std::size_t left_ = 0;
};

struct Owner {
  ByteView key;
  ByteView name;
  std::string_view text() const { return as_text(key); }
};

struct Item {
  std::uint32_t owner = 0;  // index
  RRType type{};            // what is covered, for a signature
  bool is_signature = false;
  std::uint32_t ttl = 0;
  std::uint32_t batch = 0;  // the add() call it came with; 0: a single record
  ByteView data;
};

bool in_nsec3(RRType type) {
  return type == RRType::NSEC3;
}

}  // namespace

struct SnapshotBuilder::State {
  Name apex;
  Arena arena;
  std::vector<Owner> owners;
  std::vector<Item> items;
  std::vector<std::string> warnings;
  std::uint32_t batches = 0;

  Result<std::uint32_t> owner_index(NameView name) {
    if (!owners.empty() && equal(owners.back().name, name.wire()))
      return static_cast<std::uint32_t>(owners.size() - 1);
    if (!name.is_at_or_below(apex))
      return fail(Code::bad_request,
                  fmt::format("{} is not in the zone {}; remove the record or load the zone it "
                              "belongs to",
                              name.text(), apex.text()));
    std::array<std::uint8_t, wire::kMaxSortKeyOctets> key;
    const auto size = wire::write_sort_key(name, key.data());
    owners.push_back({arena.keep(ByteView(key).first(size)), arena.keep(name.wire())});
    return static_cast<std::uint32_t>(owners.size() - 1);
  }

  Result<void> put(NameView owner, RRType type, std::uint32_t ttl, ByteView data, std::uint32_t batch) {
    if (wire::is_meta_type(type))
      return fail(Code::bad_request, fmt::format("{} {}: this type exists in messages only, not in a zone",
                                                 owner.text(), wire::type_text(type)));
    if (data.size() > 0xffff)
      return fail(Code::too_large,
                  fmt::format("{} {}: more than 65535 octets of data", owner.text(), wire::type_text(type)));
    Item item;
    if (!wire::rdata_valid(type, data))
      return fail(Code::bad_syntax, fmt::format("{} {}: the record data do not have the form of this type",
                                                owner.text(), wire::type_text(type)));
    if (type == RRType::RRSIG) return put_signature(owner, ttl, data, batch);
    ONOMA_TRY(item.owner, owner_index(owner));
    item.type = type;
    item.ttl = ttl;
    item.batch = batch;
    item.data = arena.keep(data);
    items.push_back(item);
    return {};
  }

  // REQUIRES: valid data.
  Result<void> put_signature(NameView owner, std::uint32_t ttl, ByteView data, std::uint32_t batch) {
    Item item;
    ONOMA_TRY(item.owner, owner_index(owner));
    item.type = static_cast<RRType>(load_u16(data.data()));
    item.is_signature = true;
    item.ttl = ttl;
    item.batch = batch;
    item.data = arena.keep(data);
    items.push_back(item);
    return {};
  }

  void warn(std::string text) {
    if (warnings.size() < kMaxWarnings) warnings.push_back(std::move(text));
  }

  // Turns runs of equal owners into nodes; `sorted` is the order of `items`.
  Result<void> encode(std::span<const std::uint32_t> sorted, std::vector<EntryPtr>& names,
                      std::vector<EntryPtr>& nsec3);
  Result<RRset> unite(std::span<const std::uint32_t> same, bool& dangling);
  Result<void> check_owner(NameView owner, bool is_apex, const std::vector<EncodedSet>& sets);
};

SnapshotBuilder::SnapshotBuilder(Name apex) : state_(std::make_unique<State>()) {
  state_->apex = std::move(apex);
}
SnapshotBuilder::~SnapshotBuilder() = default;
const std::vector<std::string>& SnapshotBuilder::warnings() const {
  return state_->warnings;
}

Result<void> SnapshotBuilder::add(RRset set) {
  const auto batch = ++state_->batches;
  for (const auto& data : set.rdatas) ONOMA_TRY_VOID(state_->put(set.owner, set.type, set.ttl, data, batch));
  for (const auto& data : set.signatures)
    ONOMA_TRY_VOID(state_->put(set.owner, RRType::RRSIG, set.ttl, data, batch));
  return {};
}

Result<void> SnapshotBuilder::add_record(wire::Record&& record) {
  if (record.rr_class != wire::RRClass::IN)
    return fail(Code::bad_request,
                fmt::format("{} {}: class {}; only IN is served", record.owner.text(),
                            wire::type_text(record.type), wire::class_text(record.rr_class)));
  return state_->put(record.owner, record.type, record.ttl, record.rdata, 0);
}

Result<SnapshotPtr> SnapshotBuilder::finish() {
  auto& state = *state_;
  if (state.items.size() > 0xffffffffU) return fail(Code::too_large, "more than 2^32 records");
  std::vector<std::uint32_t> sorted(state.items.size());
  for (std::uint32_t i = 0; i < sorted.size(); ++i) sorted[i] = i;
  std::sort(sorted.begin(), sorted.end(), [&](std::uint32_t a, std::uint32_t b) {
    const auto& left = state.items[a];
    const auto& right = state.items[b];
    if (left.owner != right.owner) {
      const auto order = state.owners[left.owner].text().compare(state.owners[right.owner].text());
      if (order != 0) return order < 0;
    }
    if (left.type != right.type) return left.type < right.type;
    if (left.is_signature != right.is_signature) return right.is_signature;
    return a < b;
  });
  std::vector<EntryPtr> names, nsec3;
  ONOMA_TRY_VOID(state.encode(sorted, names, nsec3));
  const auto apex = state.apex;
  auto warnings = std::move(state.warnings);
  state = State{};  // the arena goes before the trees are made
  state.warnings = std::move(warnings);
  return TreeSnapshot::build(apex, std::move(names), std::move(nsec3));
}

Result<void> SnapshotBuilder::State::encode(std::span<const std::uint32_t> sorted,
                                            std::vector<EntryPtr>& names, std::vector<EntryPtr>& nsec3) {
  const auto owner_of = [&](std::size_t i) -> const Owner& { return owners[items[sorted[i]].owner]; };
  bool apex_seen = false;
  std::vector<EncodedSet> sets;
  std::vector<Bytes> storage;
  for (std::size_t begin = 0, end = 0; begin < sorted.size(); begin = end) {
    const auto& owner = owner_of(begin);
    const auto name = NameView::trusted(owner.name);
    sets.clear();
    storage.clear();
    while (end < sorted.size() && owner_of(end).text() == owner.text()) {
      const auto first = end;
      const auto type = items[sorted[first]].type;
      while (end < sorted.size() && items[sorted[end]].type == type && owner_of(end).text() == owner.text())
        ++end;
      bool dangling = false;
      ONOMA_TRY(const auto set, unite(sorted.subspan(first, end - first), dangling));
      if (dangling) continue;
      Bytes octets;
      ONOMA_TRY(const auto encoded, encode_set(set, octets));
      if (in_nsec3(type)) {
        const auto hash = nsec3_owner_hash(name, apex);
        if (!hash) {
          warn(fmt::format("{} NSEC3: the first label is not a hash directly below the zone's name; left out",
                           name.text()));
          continue;
        }
        ONOMA_TRY(nsec3.emplace_back(), EntryPtr::make(as_text(*hash), name, false, std::span(&encoded, 1)));
        continue;
      }
      storage.push_back(std::move(octets));  // moving keeps the octets where they are
      sets.push_back(encoded);
    }
    if (sets.empty()) continue;
    const bool is_apex = wire::equal(name, apex);
    apex_seen |= is_apex;
    ONOMA_TRY_VOID(check_owner(name, is_apex, sets));
    ONOMA_TRY(names.emplace_back(), EntryPtr::make(owner.text(), name, is_apex, sets));
  }
  if (!apex_seen)
    return fail(Code::bad_request,
                fmt::format("there are no records at {} itself; a zone begins with its SOA and NS "
                            "records. Is the zone's name right?",
                            apex.text()));
  return {};
}

Result<RRset> SnapshotBuilder::State::unite(std::span<const std::uint32_t> same, bool& dangling) {
  const auto& first = items[same.front()];
  const auto owner = NameView::trusted(owners[first.owner].name);
  RRset set;
  set.owner = owner;
  set.type = first.type;
  set.ttl = first.ttl;
  if (first.is_signature) {  // sorted behind data: so there are none
    warn(fmt::format("{} RRSIG: there is no {} set that it could cover; left out", owner.text(),
                     wire::type_text(first.type)));
    dangling = true;
    return set;
  }
  bool ttl_differs = false, signature_ttl_differs = false;
  std::uint32_t batch = first.batch;
  bool united = false;
  for (const auto index : same) {
    const auto& item = items[index];
    if (item.is_signature) {
      signature_ttl_differs |= item.ttl != set.ttl;
      set.signatures.emplace_back(item.data.begin(), item.data.end());
      continue;
    }
    ttl_differs |= item.ttl != set.ttl;
    set.ttl = std::min(set.ttl, item.ttl);
    united |= item.batch != batch;
    set.rdatas.emplace_back(item.data.begin(), item.data.end());
  }
  if (united)
    warn(fmt::format("{} {}: given more than once; the records were united", owner.text(),
                     wire::type_text(set.type)));
  if (ttl_differs)
    warn(fmt::format("{} {}: the records have different TTLs; {} s, the smallest, is used", owner.text(),
                     wire::type_text(set.type), set.ttl));
  else if (signature_ttl_differs)
    warn(fmt::format("{} RRSIG {}: the TTL is not that of the records, {} s, which is used", owner.text(),
                     wire::type_text(set.type), set.ttl));
  if (set.rdatas.size() > 1 || set.signatures.size() > 1) set.normalise();
  return set;
}

Result<void> SnapshotBuilder::State::check_owner(NameView owner, bool is_apex,
                                                 const std::vector<EncodedSet>& sets) {
  const EncodedSet* soa = nullptr;
  const EncodedSet* alias = nullptr;
  bool ns = false;
  std::size_t company = 0;
  RRType other{};
  for (const auto& set : sets) {
    if (set.type == RRType::SOA) soa = &set;
    if (set.type == RRType::NS) ns = true;
    if (set.type == RRType::CNAME) alias = &set;
    // KEY (25) may stand beside an alias too (RFC 2181 §10.1, RFC 3007 §1.5).
    if (set.type != RRType::CNAME && set.type != RRType::NSEC && wire::number(set.type) != 25) {
      ++company;
      other = set.type;
    }
    if (set.type == RRType::DNAME && set.count > 1)
      return fail(Code::bad_request,
                  fmt::format("{} has {} DNAME records; there may be one", owner.text(), set.count));
  }
  if (alias && alias->count > 1)
    return fail(Code::bad_request,
                fmt::format("{} has {} CNAME records; there may be one", owner.text(), alias->count));
  if (alias && company > 0)
    return fail(Code::bad_request, fmt::format("{} has a CNAME and {} records; an alias has no other data",
                                               owner.text(), wire::type_text(other)));
  if (!is_apex) {
    if (soa)
      return fail(Code::bad_request,
                  fmt::format("{} has an SOA record, which belongs to {} only", owner.text(), apex.text()));
    return {};
  }
  if (!soa || soa->count != 1)
    return fail(Code::bad_request,
                fmt::format("{} has {} SOA records; a zone has one. Is the zone's name right?", owner.text(),
                            soa ? soa->count : 0));
  if (!ns)
    return fail(Code::bad_request,
                fmt::format("{} has no NS records; a zone names its servers", owner.text()));
  return {};
}

}  // namespace onoma::zone
