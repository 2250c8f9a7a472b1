#include "zone/image_builder.h"

#include <algorithm>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"
#include "wire/rdata.h"
#include "zone/facts.h"
#include "zone/packed_sets.h"
#include "zone/referral.h"

namespace onoma::zone {

namespace {

using layout::Bucket;
using layout::Header;
using layout::put_fixed;
using layout::put_varint;
using Unit = Image::Unit;

constexpr std::size_t kMostShapes = 254, kMostStrings = 254, kMostStringOctets = 512;

void pad(Bytes& out) {
  out.resize((out.size() + layout::kUnit - 1) / layout::kUnit * layout::kUnit);
}

std::shared_ptr<std::uint8_t> allocate(std::size_t octets) {
  if (const auto& wanted = image_settings().allocate) return wanted(octets);
  constexpr std::align_val_t kLine{64};
  return {static_cast<std::uint8_t*>(::operator new(octets, kLine)),
          [](std::uint8_t* memory) { ::operator delete(memory, kLine); }};
}

// Numbers what occurs often: RRset shapes, beginnings of signatures, NSEC3 bitmaps.
class StringTable {
 public:
  void put(Bytes& out, ByteView string) {
    const auto [at, is_first] = indexes_.try_emplace(std::string(as_text(string)), indexes_.size());
    if (is_first && (at->second >= kMostStrings || string.size() > kMostStringOctets)) indexes_.erase(at);
    const auto known = indexes_.find(std::string(as_text(string)));
    if (known == indexes_.end()) {
      out.push_back(layout::kEscape);
      put_varint(out, string.size());
      append(out, string);
      return;
    }
    if (is_first) {
      append(octets_, string);
      put_fixed(ends_, static_cast<std::uint32_t>(octets_.size()));
    }
    out.push_back(static_cast<std::uint8_t>(known->second));
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(indexes_.size()); }
  void write(Bytes& out) const {
    append(out, ends_);
    append(out, octets_);
  }

 private:
  std::unordered_map<std::string, std::size_t> indexes_;
  Bytes ends_, octets_;
};

}  // namespace

struct ImageBuilder::State {
  struct Step {  // of the way from the apex to the owner that was added last
    std::size_t key_octets = 0;
    Unit unit = Image::kApex;
    std::uint64_t hash = 0;
    std::string name;  // wire form, spelled as the node's labels are
  };
  Step& descend(std::size_t key_octets, Unit unit, std::uint64_t hash, NameView name) {
    if (depth == way.size()) way.emplace_back();
    auto& step = way[depth++];
    step.key_octets = key_octets;
    step.unit = unit;
    step.hash = hash;
    step.name = as_text(name.wire());
    return step;
  }

  explicit State(Name name) : apex(std::move(name)), apex_key(wire::sort_key(apex)) {
    facts.zone.apex = apex;
  }

  void begin_node(std::string_view key, ByteView label, Unit parent, std::uint8_t bits);
  void end_node() { pad(nodes); }
  // `spelled`: the labels of the node and of those above it are the owner's, octet for octet.
  void put_body(std::string_view key, NameView owner, bool spelled, std::span<const EncodedSet> sets,
                ByteView label, Unit parent);
  bool pack_shared(std::span<const EncodedSet> sets);
  bool pack(std::span<const EncodedSet> sets);
  void put_shape(Bytes& out, const EncodedSet& set);
  void put_signatures(Bytes& out, const EncodedSet& set);
  bool shares(const EncodedSet& set, NameView owner);
  std::uint32_t pool_offset();
  void account(std::string_view key, NameView owner, std::span<const EncodedSet> sets);

  void flush_nsec3(std::string_view next_hash);
  bool pack_nsec3(std::string_view next_hash, std::uint8_t& bits);

  void write_index(std::uint8_t* index, std::uint64_t buckets) const;
  Bytes nsec3_index() const;
  Bytes facts_octets() const;

  Name apex;
  std::string apex_key, last_key;
  ImageFacts facts;
  EntryPtr apex_node;
  std::vector<Step> way;  // the first `depth` of them; the others only keep their memory
  std::size_t depth = 0;
  std::string cut;  // key of the topmost delegation at or above the last owner
  Bytes nodes, order, pool, nsec3, shapes, body;
  std::unordered_map<std::uint64_t, std::uint8_t> shape_indexes;
  StringTable strings;
  std::unordered_multimap<std::uint64_t, std::uint32_t> pooled;
  std::vector<ServerName> servers;  // of the set that is put into the pool
  std::vector<std::uint64_t> hashes;
  std::vector<Unit> units;
  std::uint32_t node_count = 0;

  std::vector<std::uint64_t> nsec3_heads;
  std::vector<Unit> nsec3_units;
  std::string first_hash, pending_hash;
  EntryPtr pending;  // the NSEC3 node added last, which waits for the next one's hash
  bool too_large = false;
};

ImageBuilder::ImageBuilder(Name apex) : state_(std::make_unique<State>(std::move(apex))) {}
ImageBuilder::~ImageBuilder() = default;
void ImageBuilder::set_digest(const SetDigest& digest) {
  state_->facts.digest = digest;
}

Result<void> ImageBuilder::add(std::string_view sort_key, NameView owner, std::span<const EncodedSet> sets) {
  auto& state = *state_;
  const bool is_apex = sort_key == state.apex_key;
  if (state.depth == 0 && !is_apex)
    return fail(Code::bad_request,
                fmt::format("there are no records at {} itself; a zone begins with its SOA and NS "
                            "records. Is the zone's name right?",
                            state.apex.text()));
  if (sort_key <= state.last_key && !(is_apex && state.depth == 0))
    return fail(Code::corrupt,
                "the names of the zone's image are out of order; load it again from its source");
  state.account(sort_key, owner, sets);
  if (is_apex) {
    ONOMA_TRY(state.apex_node, EntryPtr::make({}, owner, kNodeApex, sets));
    state.descend(state.apex_key.size(), Image::kApex, image_settings().seed, state.apex);
    state.put_body(sort_key, owner, equal(owner.wire(), state.apex.wire()), sets, {}, Image::kNone);
    state.last_key = sort_key;
    return {};
  }
  // Back to what this owner has in common with the last one, then down again.
  std::size_t same = 0;
  while (same < sort_key.size() && same < state.last_key.size() && sort_key[same] == state.last_key[same])
    ++same;
  while (state.depth > 1 && state.way[state.depth - 1].key_octets > same) --state.depth;
  auto labels = owner.label_count() - state.apex.label_count() - (state.depth - 1);
  for (auto begin = state.way[state.depth - 1].key_octets; begin < sort_key.size();) {
    const auto end = sort_key.find('\0', begin) + 1;
    const auto& above = state.way[state.depth - 1];
    const auto hash = hash_step(above.hash, sort_key.substr(begin, end - begin - 1));
    auto here = owner;
    for (auto skip = --labels; skip > 0; --skip) here = here.parent();
    const auto parent = state.depth == 1 ? Image::kNone : above.unit;
    const bool spelled = as_text(here.parent().wire()) == above.name;
    const auto unit = static_cast<Unit>(state.nodes.size() / layout::kUnit);
    state.hashes.push_back(hash);
    state.units.push_back(unit);
    state.descend(end, unit, hash, here);
    if (end == sort_key.size()) {
      state.put_body(sort_key, owner, spelled, sets, here.first_label(), parent);
    } else {
      state.begin_node(sort_key.substr(0, end), here.first_label(), parent, layout::kEmpty);
      state.end_node();
    }
    begin = end;
  }
  state.last_key = sort_key;
  return {};
}

void ImageBuilder::State::begin_node(std::string_view key, ByteView label, Unit parent, std::uint8_t bits) {
  const auto unit = static_cast<Unit>(nodes.size() / layout::kUnit);
  if (nodes.size() / layout::kUnit >= Image::kNone) too_large = true;
  if (node_count++ % layout::kOrderStep == 0) {
    std::array<std::uint8_t, 8> head{};
    const auto behind = key.substr(apex_key.size());
    std::memcpy(head.data(), behind.data(), std::min<std::size_t>(behind.size(), 8));
    put_fixed(order, load_u64(head.data()));
    put_fixed(order, unit);
  }
  if (parent != Image::kNone) bits |= layout::kDeep;
  nodes.push_back(bits);
  nodes.push_back(static_cast<std::uint8_t>(label.size()));
  append(nodes, label);
  if (parent != Image::kNone) put_varint(nodes, unit - parent);
}

void ImageBuilder::State::put_body(std::string_view key, NameView owner, bool spelled,
                                   std::span<const EncodedSet> sets, ByteView label, Unit parent) {
  const bool is_apex = depth == 1 && label.empty();
  std::uint8_t bits = 0;
  for (const auto& set : sets) {
    if (set.type == RRType::NS) bits |= layout::kNs;
    if (set.type == RRType::DNAME) bits |= layout::kDname;
    if (set.type == RRType::NSEC) bits |= layout::kNsec;
  }
  body.clear();
  if (!is_apex && spelled && shares(sets[0], owner) && pack_shared(sets)) {
    bits |= layout::kShared;
    if (sets.size() > 1) bits |= layout::kRaw;
    if (pool[layout::load<std::uint32_t>(&body[1])] & layout::kHasTemplate) bits |= layout::kReady;
  } else if (!spelled || !pack(sets)) {
    bits |= layout::kRaw;
    body.resize(encoded_octets(owner, sets));
    encode_node(body.data(), owner, is_apex ? kNodeApex : 0, sets);
  }
  begin_node(key, label, parent, bits);
  if ((bits & (layout::kShared | layout::kRaw)) != layout::kShared) put_varint(nodes, body.size());
  append(nodes, body);
  end_node();
}

// The first set by reference to the pool, the others behind it. Fills `body`; false when that cannot be.
bool ImageBuilder::State::pack_shared(std::span<const EncodedSet> sets) {
  if (sets.size() > 1 && !pack(sets.subspan(1))) return false;
  Bytes others;
  if (sets.size() > 1) others = body;
  body.clear();
  put_shape(body, sets[0]);
  if (body.size() != 1) return false;  // a shape without a number
  put_fixed(body, pool_offset());
  append(body, others);
  return true;
}

// Fills `body`; false when the sets are to be stored raw.
bool ImageBuilder::State::pack(std::span<const EncodedSet> sets) {
  body.clear();
  if (sets.size() >= layout::kMostPackedSets) return false;
  std::size_t octets = 0;
  for (const auto& set : sets) octets += set.data.size() + set.signatures.size();
  if (octets > layout::kMostPackedOctets) return false;
  put_varint(body, sets.size());
  for (const auto& set : sets) {
    put_shape(body, set);
    put_varint(body, set.count);
    put_varint(body, set.data.size());
    append(body, set.data);
    if (set.signature_count > 0) put_signatures(body, set);
  }
  return true;
}

void ImageBuilder::State::put_shape(Bytes& out, const EncodedSet& set) {
  const std::uint8_t flags = set.signature_count > 0 ? layout::kShapeSigned : 0;
  const auto id = std::uint64_t{set.ttl} << 32 | std::uint64_t{wire::number(set.type)} << 8 | flags;
  auto& where = out;
  const auto write = [&](Bytes& row) {
    put_fixed(row, wire::number(set.type));
    row.push_back(flags);
    row.push_back(0);
    put_fixed(row, set.ttl);
  };
  auto known = shape_indexes.find(id);
  if (known == shape_indexes.end() && shape_indexes.size() < kMostShapes) {
    known = shape_indexes.emplace(id, static_cast<std::uint8_t>(shape_indexes.size())).first;
    write(shapes);
  }
  if (known != shape_indexes.end()) return where.push_back(known->second);
  where.push_back(layout::kEscape);
  write(where);
}

void ImageBuilder::State::put_signatures(Bytes& out, const EncodedSet& set) {
  put_varint(out, set.signature_count);
  Bytes head;
  for (auto data : signature_range(set)) {
    auto signer_end = std::size_t{18};
    while (data[signer_end] != 0) signer_end += 1U + data[signer_end];
    ++signer_end;
    head.assign(data.begin() + 2, data.begin() + 8);
    append(head, data.subspan(16, signer_end - 16));
    strings.put(out, head);
    put_fixed(out, load_u32(&data[8]));
    put_fixed(out, load_u32(&data[12]));
    put_varint(out, data.size() - signer_end);
    append(out, data.subspan(signer_end));
  }
}

// Name servers of others are worth keeping apart, many owners have the same; and so are those directly below
// the owner, of which many have "ns1" and "ns2". Fills `servers`.
bool ImageBuilder::State::shares(const EncodedSet& set, NameView owner) {
  constexpr std::size_t kMostOctets = 1024, kMostRecords = 255;
  servers.clear();
  if (set.type != RRType::NS || set.signature_count > 0 || set.data.size() > kMostOctets ||
      set.count > kMostRecords)
    return false;
  for (auto data : data_range(set)) {
    const auto server = NameView::trusted(data);
    if (!server.is_at_or_below(owner)) {
      servers.push_back({data, false});
      continue;
    }
    const auto label = server.first_label();
    if (server.size() == owner.size() || as_text(server.parent().wire()) != as_text(owner.wire()) ||
        std::ranges::any_of(label, [](auto octet) { return octet <= 1; }))
      return false;
    servers.push_back({data.first(label.size() + 1), true});
  }
  return true;
}

// Of `servers`, in the pool.
std::uint32_t ImageBuilder::State::pool_offset() {
  constexpr std::size_t kMostBelow = 8;
  Bytes run, own;
  std::size_t below = 0;
  bool in_zone = false;
  for (const auto& server : servers) {
    const auto size = static_cast<std::uint16_t>(server.octets.size());
    run.resize(run.size() + 2);
    store_u16(&run[run.size() - 2],
              static_cast<std::uint16_t>(size | (server.below_owner ? layout::kBelowOwner : 0)));
    append(run, server.octets);
    below += server.below_owner;
    in_zone |= !server.below_owner && NameView::trusted(server.octets).is_at_or_below(apex);
  }
  const auto hash = XXH3_64bits_withSeed(run.data(), run.size(), servers.size());
  const auto [begin, end] = pooled.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    const auto entry = read_pool_entry(&pool[at->second], pool.data() + pool.size());
    if (entry && equal(entry->run, run)) return at->second;
  }
  const auto offset = static_cast<std::uint32_t>(pool.size());
  if (pool.size() > 0xffff0000U) too_large = true;
  pooled.emplace(hash, offset);
  const auto made = in_zone || below > kMostBelow ? std::nullopt : make_ns_section(servers, apex);
  PoolEntry entry{.bits = static_cast<std::uint8_t>((made ? layout::kHasTemplate : 0) |
                                                    (below > 0 ? layout::kRelative : 0)),
                  .count = static_cast<std::uint8_t>(servers.size()),
                  .run = run};
  if (made) {
    entry.wire = made->octets;
    entry.patches = made->patches;
    entry.own = made->own;
  }
  put_pool_entry(pool, entry);
  return offset;
}

void ImageBuilder::State::account(std::string_view key, NameView owner, std::span<const EncodedSet> sets) {
  ++facts.zone.names;
  facts.star_names += has_star_label(key);
  bool delegates = false;
  std::uint64_t addresses = 0;
  for (const auto& set : sets) {
    account_set(facts, owner, set, true);
    delegates |= set.type == RRType::NS && key != apex_key;
    if (set.type == RRType::A || set.type == RRType::AAAA) addresses += set.count;
  }
  if (cut.empty() || !key.starts_with(cut)) cut = delegates ? key : std::string_view{};
  if (!cut.empty()) facts.zone.glue_records += addresses;
}

Result<void> ImageBuilder::add_nsec3(std::string_view hash, NameView owner,
                                     std::span<const EncodedSet> sets) {
  auto& state = *state_;
  CHECK(hash.size() == 20);
  if (hash <= state.pending_hash && state.pending)
    return fail(Code::corrupt,
                "the hashes of the zone's image are out of order; load it again from its source");
  for (const auto& set : sets) account_set(state.facts, owner, set, true);
  if (state.pending)
    state.flush_nsec3(hash);
  else
    state.first_hash = hash;
  state.pending_hash = hash;
  ONOMA_TRY(state.pending, EntryPtr::make({}, owner, 0, sets));
  return {};
}

void ImageBuilder::State::flush_nsec3(std::string_view next_hash) {
  const auto unit = static_cast<Unit>(nsec3.size() / layout::kUnit);
  if (nsec3.size() / layout::kUnit >= Image::kNone) too_large = true;
  nsec3_units.push_back(unit);
  nsec3_heads.push_back(load_u64(as_bytes(pending_hash).data()));
  std::uint8_t bits = 0;
  body.clear();
  if (!pack_nsec3(next_hash, bits)) {
    bits = layout::kNsec3Raw;
    const auto* node = pending->octets();
    body.assign(node, node + load_u32(node + 4));
  }
  append(nsec3, as_bytes(pending_hash));
  nsec3.push_back(bits);
  put_varint(nsec3, body.size());
  append(nsec3, body);
  pad(nsec3);
}

bool ImageBuilder::State::pack_nsec3(std::string_view next_hash, std::uint8_t& bits) {
  const auto node = pending->node();
  const auto owner = node.owner();
  const auto label = owner.first_label();
  const auto is = [&](char first, char last) {
    return std::ranges::none_of(label, [&](auto c) { return c >= first && c <= last; });
  };
  const bool lower = is('A', 'Z'), upper = is('a', 'z');
  if ((!lower && !upper) || !equal(owner.parent().wire(), apex.wire())) return false;
  if (!lower) bits |= layout::kUpper;
  if (node.size() != 1) return false;
  const auto set = encoded_set(node, 0);
  if (set.count != 1 || set.data.size() + set.signatures.size() > layout::kMostPackedOctets) return false;
  const auto data = set.data.subspan(2);
  const auto salt = std::size_t{data[4]};
  if (data.size() < 5 + salt + 21 || data[5 + salt] != 20) return false;
  put_shape(body, set);
  strings.put(body, data.first(5 + salt));
  const auto next = data.subspan(6 + salt, 20);
  if (as_text(next) == next_hash)
    bits |= layout::kNextImplied;
  else
    append(body, next);
  strings.put(body, data.subspan(26 + salt));
  if (set.signature_count > 0) put_signatures(body, set);
  return true;
}

Bytes ImageBuilder::State::nsec3_index() const {
  Bytes out;
  if (nsec3_units.empty()) return out;
  const auto buckets = nsec3_units.size();  // one record a bucket in the mean: little to walk over
  std::size_t record = 0;
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    const auto of = [&](std::uint64_t head) {
      return static_cast<std::size_t>((static_cast<Product>(head) * buckets) >> 64);
    };
    while (record < nsec3_heads.size() && of(nsec3_heads[record]) < bucket) ++record;
    put_fixed(out, record < nsec3_units.size() ? nsec3_units[record]
                                               : static_cast<Unit>(nsec3.size() / layout::kUnit));
  }
  put_fixed(out, static_cast<Unit>(nsec3.size() / layout::kUnit));
  return out;
}

void ImageBuilder::State::write_index(std::uint8_t* index, std::uint64_t buckets) const {
  constexpr std::size_t kAhead = 16;
  std::memset(index, 0, buckets * sizeof(Bucket));
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (i + kAhead < hashes.size())
      __builtin_prefetch(index + layout::bucket_of(hashes[i + kAhead], buckets) * sizeof(Bucket), 1);
    for (auto at = layout::bucket_of(hashes[i], buckets);;) {
      auto* bucket = index + at * sizeof(Bucket);
      std::size_t slot = 0;
      while (slot < Bucket::kSlots && bucket[slot] != 0) ++slot;
      if (slot < Bucket::kSlots) {
        bucket[slot] = layout::tag_of(hashes[i]);
        std::memcpy(bucket + offsetof(Bucket, units) + slot * 4, &units[i], 4);
        break;
      }
      bucket[offsetof(Bucket, overflow)] = 1;
      if (++at == buckets) at = 0;
    }
  }
}

Bytes ImageBuilder::State::facts_octets() const {
  Bytes out;
  const auto& zone = facts.zone;
  out.push_back(static_cast<std::uint8_t>(apex.size()));
  append(out, apex.wire());
  put_fixed(out, zone.serial);
  put_fixed(out, zone.negative_ttl_s);
  out.push_back(static_cast<std::uint8_t>(zone.denial));
  put_fixed(out, zone.nsec3_iterations);
  out.push_back(static_cast<std::uint8_t>(zone.nsec3_salt.size()));
  append(out, zone.nsec3_salt);
  put_fixed(out, zone.earliest_expiry);
  for (const auto count : {zone.names, zone.rrsets, zone.records, zone.delegations, zone.ds_sets,
                           zone.glue_records, zone.signatures, facts.star_names, facts.nsec_sets})
    put_varint(out, count);
  out.push_back(facts.digest ? 1 : 0);
  if (facts.digest)
    for (const auto word : facts.digest->sum) put_fixed(out, word);
  return out;
}

Result<ImagePtr> ImageBuilder::finish() {
  auto& state = *state_;
  if (state.pending) state.flush_nsec3(state.first_hash);
  state.pending = {};
  if (!state.apex_node || !read_apex(state.facts, state.apex_node->node()))
    return fail(Code::bad_request, fmt::format("the zone {} has no SOA record", state.apex.text()));
  Header header;
  header.header_octets = sizeof(Header);
  header.seed = image_settings().seed;
  header.nodes = state.node_count;
  header.nsec3_records = static_cast<std::uint32_t>(state.nsec3_units.size());
  header.shapes = static_cast<std::uint32_t>(state.shape_indexes.size());
  header.strings = state.strings.size();
  Bytes strings;
  state.strings.write(strings);
  auto facts = state.facts_octets();
  const auto nsec3_index = state.nsec3_index();
  const auto buckets =
      static_cast<std::uint64_t>(static_cast<double>(state.hashes.size()) / layout::kBucketFill) + 1;
  const Bytes* const parts[] = {&facts,       &state.shapes, &strings,     &state.pool,
                                &state.nodes, &state.order,  &state.nsec3, &nsec3_index};
  // The index must begin a cache line; the facts, which are read to their own end, take up the slack.
  auto sum = sizeof(Header);
  for (const auto* part : parts) sum += part->size();
  facts.resize(facts.size() + (64 - sum % 64) % 64);
  std::uint64_t at = sizeof(Header);
  for (std::size_t i = 0; i < std::size(parts); ++i) {
    header.at[i] = at;
    at += parts[i]->size();
  }
  header.at[layout::kIndex] = at;
  header.octets = at + buckets * sizeof(Bucket);
  header.check = XXH3_64bits(&header, offsetof(Header, check));
  if (state.too_large || state.node_count == 0xffffffffU)
    return fail(Code::too_large, fmt::format("the zone {} is larger than an image holds", state.apex.text()));

  const auto memory = allocate(header.octets);
  auto* out = memory.get();
  std::memcpy(out, &header, sizeof(Header));
  for (std::size_t i = 0; i < std::size(parts); ++i)
    if (!parts[i]->empty()) std::memcpy(out + header.at[i], parts[i]->data(), parts[i]->size());
  state.write_index(out + header.at[layout::kIndex], buckets);
  return Image::open({out, header.octets}, memory, true);
}

}  // namespace onoma::zone
