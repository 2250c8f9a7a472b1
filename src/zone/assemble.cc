#include "zone/assemble.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/facts.h"
#include "zone/image_builder.h"

namespace onoma::zone {

namespace {

using Item = RecordChunk::Item;
using Run = RecordChunk::Run;

constexpr std::size_t kMaxWarnings = 1000;
constexpr std::size_t kMaxSetOctets = 0x7fffffff;
constexpr std::size_t kAhead = 8;  // runs whose octets are fetched before they are needed

// Runs of several sorted chunks as one sorted sequence; equal keys come in the order of the chunks.
class Merge {
 public:
  struct Place {
    const RecordChunk* chunk;
    const Run* at;
    const Run* end;
  };
  Merge(std::span<const RecordChunk> chunks, std::size_t apex_key_size) : apex_key_size_(apex_key_size) {
    for (const auto& chunk : chunks)
      if (!chunk.runs().empty())
        heap_.push_back({&chunk, chunk.runs().data(), chunk.runs().data() + chunk.runs().size()});
    for (std::size_t i = heap_.size() / 2; i > 0; --i) sink(i - 1);
  }
  bool done() const { return heap_.empty(); }
  const Place& top() const { return heap_.front(); }
  void next() {
    auto& place = heap_.front();
    if (++place.at == place.end) {
      place = heap_.back();
      heap_.pop_back();
      if (heap_.empty()) return;
    } else if (static_cast<std::size_t>(place.end - place.at) > kAhead) {
      const Run& coming = place.at[kAhead];
      __builtin_prefetch(coming.octets);
      __builtin_prefetch(coming.octets + 64);
      __builtin_prefetch(place.chunk->items(coming).data());
    }
    if (heap_.size() > 1) sink(0);
  }

 private:
  bool before(const Place& a, const Place& b) const {
    const int order = RecordChunk::compare(*a.at, *b.at, apex_key_size_);
    return order != 0 ? order < 0 : a.chunk < b.chunk;
  }
  void sink(std::size_t i) {
    const Place moving = heap_[i];
    for (;;) {
      std::size_t child = 2 * i + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], moving)) break;
      heap_[i] = heap_[child];
      i = child;
    }
    heap_[i] = moving;
  }

  std::size_t apex_key_size_;
  std::vector<Place> heap_;
};

// One record under way, with the run that it came in.
struct Part {
  const Item* item;
  const Run* run;
  NameView owner() const { return run->name(); }
};

bool part_before(const Part& a, const Part& b) {
  return a.item->type != b.item->type ? a.item->type < b.item->type
                                      : a.item->is_signature < b.item->is_signature;
}

class Assembler {
 public:
  Assembler(const Name& apex, const OwnerSink& sink, std::vector<std::string>& warnings)
      : apex_(apex), apex_key_size_(wire::sort_key(apex).size()), sink_(sink), warnings_(warnings) {}

  Result<void> run(std::span<const RecordChunk> chunks) {
    Merge merge(chunks, apex_key_size_);
    while (!merge.done()) {
      parts_.clear();
      const auto& first = *merge.top().at;
      const auto key = first.key();
      std::size_t runs = 0;
      do {
        const auto& place = merge.top();
        for (const auto& item : place.chunk->items(*place.at)) parts_.push_back({&item, place.at});
        ++runs;
        merge.next();
      } while (!merge.done() && merge.top().at->head == first.head && merge.top().at->key() == key);
      if (runs > 1) sort_few(parts_.begin(), parts_.end(), part_before);
      ONOMA_TRY_VOID(owner(key));
    }
    if (!apex_seen_)
      return fail(Code::bad_request,
                  fmt::format("there are no records at {} itself; a zone begins with its SOA and NS "
                              "records. Is the zone's name right?",
                              apex_.text()));
    return hand_over_nsec3();
  }

 private:
  struct Hashed {
    std::array<std::uint8_t, 20> hash;
    NameView owner;
    EncodedSet set;
  };

  Result<void> owner(std::string_view key);
  // Nullopt: there is nothing that these signatures could cover.
  Result<std::optional<EncodedSet>> unite(std::span<const Part> same, Arena& arena);
  Result<std::uint16_t> encode(std::span<const Part> parts, RRType type, Arena& arena, ByteView& run);
  void keep_nsec3(NameView owner, const EncodedSet& set);
  Result<void> check(NameView owner, bool is_apex) const;
  Result<void> hand_over_nsec3();
  void warn(std::string text) {
    if (told_++ < kMaxWarnings) warnings_.push_back(std::move(text));
  }

  const Name& apex_;
  const std::size_t apex_key_size_;
  const OwnerSink& sink_;
  std::vector<std::string>& warnings_;
  std::size_t told_ = 0;
  bool apex_seen_ = false;
  std::vector<Part> parts_;       // of this owner
  std::vector<Part> order_;       // scratch of encode
  std::vector<EncodedSet> sets_;  // of this owner
  Arena scratch_;                 // data of this owner that had to be copied
  Arena kept_;                    // the same for NSEC3
  std::vector<Hashed> hashed_;
};

Result<void> Assembler::owner(std::string_view key) {
  sets_.clear();
  scratch_.reset();
  const auto name = parts_.front().owner();
  for (std::size_t begin = 0, end = 0; begin < parts_.size(); begin = end) {
    const auto type = parts_[begin].item->type;
    while (end < parts_.size() && parts_[end].item->type == type) ++end;
    const bool nsec3 = type == RRType::NSEC3;
    ONOMA_TRY(const auto set, unite(std::span(parts_).subspan(begin, end - begin), nsec3 ? kept_ : scratch_));
    if (!set) continue;
    if (nsec3)
      keep_nsec3(name, *set);
    else
      sets_.push_back(*set);
  }
  if (sets_.empty()) return {};
  const bool is_apex = key.size() == apex_key_size_;
  apex_seen_ |= is_apex;
  ONOMA_TRY_VOID(check(name, is_apex));
  return sink_.name(key, name, is_apex, sets_);
}

Result<std::optional<EncodedSet>> Assembler::unite(std::span<const Part> same, Arena& arena) {
  const auto& first = same.front();
  const auto type = first.item->type;
  if (first.item->is_signature) {  // sorted behind data: so there are none
    warn(fmt::format("{} RRSIG: there is no {} set that it could cover; left out", first.owner().text(),
                     wire::type_text(type)));
    return std::nullopt;
  }
  EncodedSet set;
  set.type = type;
  set.ttl = first.item->ttl;
  bool ttl_differs = false, signature_ttl_differs = false, united = false;
  std::size_t data = 0;
  for (const auto& part : same) {
    const auto& item = *part.item;
    if (item.is_signature) {
      signature_ttl_differs |= item.ttl != set.ttl;
      continue;
    }
    ++data;
    ttl_differs |= item.ttl != set.ttl;
    set.ttl = std::min(set.ttl, item.ttl);
    united |= item.batch != first.item->batch;
  }
  if (united)
    warn(fmt::format("{} {}: given more than once; the records were united", first.owner().text(),
                     wire::type_text(type)));
  if (ttl_differs)
    warn(fmt::format("{} {}: the records have different TTLs; {} s, the smallest, is used",
                     first.owner().text(), wire::type_text(type), set.ttl));
  else if (signature_ttl_differs)
    warn(fmt::format("{} RRSIG {}: the TTL is not that of the records, {} s, which is used",
                     first.owner().text(), wire::type_text(type), set.ttl));
  ONOMA_TRY(set.count, encode(same.first(data), type, arena, set.data));
  if (data < same.size()) {
    ONOMA_TRY(set.signature_count, encode(same.subspan(data), RRType::RRSIG, arena, set.signatures));
  }
  if (set.data.size() + set.signatures.size() > kMaxSetOctets)
    return fail(Code::too_large,
                fmt::format("record data of {} are larger than a zone holds", first.owner().text()));
  return set;
}

// The data of `parts` in canonical order without duplicates (RFC 4034 §6.3) as one run of strings: where they
// lie already if they lie so, else a copy in `arena`.
Result<std::uint16_t> Assembler::encode(std::span<const Part> parts, RRType type, Arena& arena,
                                        ByteView& run) {
  if (parts.size() == 1) {
    run = parts[0].item->run();
    return std::uint16_t{1};
  }
  bool ascending = true, adjoining = true;
  std::size_t size = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto own = parts[i].item->run();
    size += own.size();
    if (i + 1 == parts.size()) break;
    adjoining = adjoining && own.data() + own.size() == parts[i + 1].item->data;
    ascending = ascending && wire::canonical_less(type, parts[i].item->rdata(), parts[i + 1].item->rdata());
  }
  std::span<const Part> wanted = parts;
  if (!ascending) {
    const auto less = [type](const Part& a, const Part& b) {
      return wire::canonical_less(type, a.item->rdata(), b.item->rdata());
    };
    order_.assign(parts.begin(), parts.end());
    sort_few(order_.begin(), order_.end(), less);
    order_.erase(
        std::unique(order_.begin(), order_.end(), [&](const Part& a, const Part& b) { return !less(a, b); }),
        order_.end());
    wanted = order_;
  }
  if (wanted.size() > 0xffff)
    return fail(Code::too_large, fmt::format("{} has {} records of one type; at most 65535 fit into a zone",
                                             parts.front().owner().text(), wanted.size()));
  if (ascending && adjoining) {
    run = {parts.front().item->data, size};
    return static_cast<std::uint16_t>(parts.size());
  }
  auto* const start = arena.take(size);
  auto* at = start;
  for (const auto& part : wanted) {
    const auto own = part.item->run();
    std::memcpy(at, own.data(), own.size());
    at += own.size();
  }
  run = {start, static_cast<std::size_t>(at - start)};
  return static_cast<std::uint16_t>(wanted.size());
}

void Assembler::keep_nsec3(NameView owner, const EncodedSet& set) {
  const auto hash = nsec3_owner_hash(owner, apex_);
  if (!hash)
    return warn(fmt::format(
        "{} NSEC3: the first label is not a hash directly below the zone's name; left out", owner.text()));
  hashed_.push_back({*hash, owner, set});
}

Result<void> Assembler::check(NameView owner, bool is_apex) const {
  const EncodedSet* soa = nullptr;
  const EncodedSet* alias = nullptr;
  bool ns = false;
  std::size_t company = 0;
  RRType other{};
  for (const auto& set : sets_) {
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
                  fmt::format("{} has an SOA record, which belongs to {} only", owner.text(), apex_.text()));
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

Result<void> Assembler::hand_over_nsec3() {
  // Base32hex keeps order, so the order of names mostly is that of hashes already.
  const auto before = [](const Hashed& a, const Hashed& b) { return a.hash < b.hash; };
  if (!std::is_sorted(hashed_.begin(), hashed_.end(), before))
    std::sort(hashed_.begin(), hashed_.end(), before);
  for (const auto& hashed : hashed_)
    ONOMA_TRY_VOID(sink_.nsec3(as_text(hashed.hash), hashed.owner, hashed.set));
  return {};
}

}  // namespace

Result<void> assemble(const Name& apex, std::span<const RecordChunk> chunks, const OwnerSink& sink,
                      std::vector<std::string>& warnings) {
  return Assembler(apex, sink, warnings).run(chunks);
}

Result<SnapshotPtr> build_snapshot(const Name& apex, std::vector<RecordChunk> chunks,
                                   std::vector<std::string>& warnings) {
  ImageBuilder image(apex);
  const OwnerSink sink{
      .name = [&](std::string_view key, NameView owner, bool,
                  std::span<const EncodedSet> sets) -> Result<void> { return image.add(key, owner, sets); },
      .nsec3 = [&](std::string_view hash, NameView owner, const EncodedSet& set) -> Result<void> {
        return image.add_nsec3(hash, owner, std::span(&set, 1));
      }};
  ONOMA_TRY_VOID(assemble(apex, chunks, sink, warnings));
  chunks.clear();  // the arenas go before the image is put together
  ONOMA_TRY(auto made, image.finish());
  return snapshot_of(std::move(made));
}

}  // namespace onoma::zone
